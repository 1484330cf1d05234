//! The command line: one file a command.
//!
//! A command parses its arguments, drives the engine (those in [`client`] ask a server) and ends with an exit code: 0
//! when everything that was asked is done, 1 when not, 2 when the command line itself is wrong. Errors are one
//! paragraph on stderr.

mod client;
mod configuration;
mod connectors;
mod course;
mod demo;
mod failure;
mod format;
mod interrupt;
mod keys;
mod logging;
mod migrate;
mod plan;
mod progress;
mod report;
mod screen;
mod serve;
mod summary;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use failure::{Exit, Failure, without_passwords};
use logging::LogFormat;
use progress::Style;

/// Moves databases: schema and rows, in parallel, checked, resumable.
#[derive(Debug, Parser)]
#[command(name = "sensei", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// How log lines look, `pretty` or `json`; SENSEI_LOG=info (or debug) turns them on; `serve` has them on
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "pretty",
        global = true,
        hide_possible_values = true,
        display_order = 100
    )]
    log_format: LogFormat,
}

const AFTER_HELP: &str = "\
Begin with `sensei demo`: it needs nothing but this machine. `sensei connectors` lists the systems on board
and how their URLs are written.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Move tables from one database into another
    Migrate(migrate::Arguments),
    /// Make a database, migrate it and show the result; needs nothing but this machine
    Demo(demo::Arguments),
    /// List the connectors on board: what they are, how their URLs look, what they may reach
    Connectors(connectors::Arguments),
    /// Serve the Migrations API
    Serve(serve::Arguments),
    /// Make, list and revoke API keys of a `sensei serve`
    Keys(keys::Arguments),
    /// Create, control and follow migrations of a `sensei serve`
    Migrations(client::migrations::Arguments),
    /// Keep the connections that migrations of a `sensei serve` use
    Connections(client::connections::Arguments),
}

/// Runs one command line, the program's name first; returns the exit code.
pub fn run(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> i32 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(e) if e.use_stderr() => {
            // It quotes what it does not understand, and that may be a URL.
            screen::tell(&without_passwords(&e.render().to_string()));
            return Exit::Usage as i32;
        }
        Err(help) => {
            screen::say(&help.render().to_string());
            return Exit::Done as i32;
        }
    };
    let exit = dispatch(&cli).unwrap_or_else(|failure| {
        screen::tell_apart(&failure.text());
        failure.exit()
    });
    exit as i32
}

fn dispatch(cli: &Cli) -> Result<Exit, Failure> {
    let unasked = match &cli.command {
        // A server without a log cannot be looked after.
        Command::Serve(_) => Some("info"),
        Command::Migrate(_)
        | Command::Demo(_)
        | Command::Connectors(_)
        | Command::Keys(_)
        | Command::Migrations(_)
        | Command::Connections(_) => None,
    };
    let logging = logging::start(cli.log_format, unasked)?;
    let style = Style::fitting(logging);
    match &cli.command {
        Command::Migrate(arguments) => migrate::run(arguments, style),
        Command::Demo(arguments) => demo::run(arguments, style),
        Command::Connectors(arguments) => connectors::run(arguments),
        Command::Serve(arguments) => serve::run(arguments),
        Command::Keys(arguments) => keys::run(arguments),
        Command::Migrations(arguments) => client::migrations::run(arguments, style),
        Command::Connections(arguments) => client::connections::run(arguments, style),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_is_what_it_was() {
        let mut command = Cli::command().term_width(100);
        command.build();
        let mut help = command.render_help().to_string();
        for subcommand in command.get_subcommands_mut().filter(|c| c.get_name() != "help") {
            let words = subcommand.render_long_help();
            help += &format!("\n===== {} =====\n\n{words}", subcommand.get_name());
        }
        insta::assert_snapshot!(help);
    }

    #[test]
    fn a_wrong_command_line_is_usage_and_help_is_not() {
        assert_eq!(run(["sensei", "migrate"]), 2);
        assert_eq!(run(["sensei", "move"]), 2);
        assert_eq!(run(["sensei", "--version"]), 0);
    }
}
