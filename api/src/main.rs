//! The `sensei` program.

fn main() {
    std::process::exit(sensei::cli::run(std::env::args_os()));
}
