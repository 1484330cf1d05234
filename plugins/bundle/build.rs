//! Builds the guests of the plugins workspace and writes `guests.rs`, which carries their bytes.
//!
//! The guests have a workspace, a target directory (`plugins/target`) and flags of their own, so that whatever
//! wraps the outer build (clippy, coverage, another profile) neither changes nor rebuilds them.

#![allow(clippy::print_stdout, reason = "how a build script talks to cargo")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs};

const TARGET: &str = "wasm32-unknown-unknown";

/// What comes on board: folders of `connectors/`.
const CONNECTORS: &[&str] = &["postgres", "mysql", "sqlite", "datagen", "blackhole"];
/// What attacks the host: folders of `hostile/`. Built for tests alone.
const HOSTILE: &[&str] = &["attacker", "dialer", "grabber", "peeker"];

/// C compilers that may know wasm (SQLite is C), the one that `plugins/.cargo/config.toml` names first.
const COMPILERS: &[&str] = &[
    "clang-19", "clang", "clang-22", "clang-21", "clang-20", "clang-18", "clang-17", "clang-16", "clang-15", "clang-14",
];

/// Variables of cargo's that say where and how to fetch crates; all its others belong to the outer build.
const KEPT: &[&str] =
    &["CARGO_HOME", "CARGO_MAKEFLAGS", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_INSTALL_"];
/// Variables without cargo's prefix that would leak the outer build into the guests.
const DROPPED: &[&str] = &[
    "RUSTC",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_LINKER",
    "CLIPPY_ARGS",
    "CLIPPY_CONF_DIR",
    "LLVM_PROFILE_FILE",
    "TARGET",
    "HOST",
    "OUT_DIR",
    "PROFILE",
    "OPT_LEVEL",
    "DEBUG",
    "NUM_JOBS",
    "CC",
    "CFLAGS",
    "AR",
];

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("cargo::error={message}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let plugins = Path::new(&variable("CARGO_MANIFEST_DIR")?).parent().ok_or("no plugins folder")?.to_owned();
    let out = PathBuf::from(variable("OUT_DIR")?);
    let hostile = env::var_os("CARGO_FEATURE_HOSTILE").is_some();

    let mut guests: Vec<(&str, &str, String)> = Vec::new();
    for (list, folder, prefix) in [(CONNECTORS, "connectors", "connector"), (HOSTILE, "hostile", "hostile")] {
        if folder == "hostile" && !hostile {
            continue;
        }
        guests.extend(list.iter().map(|name| (folder, *name, format!("sensei-{prefix}-{name}"))));
    }
    watch(&plugins, &guests);
    need_target()?;
    cargo(&plugins, &guests)?;

    let mut code = String::new();
    for (folder, name) in [("connectors", "CONNECTORS"), ("hostile", "HOSTILE")] {
        if folder == "hostile" && !hostile {
            continue;
        }
        let says =
            if hostile && folder == "hostile" { "Guests that attack the host." } else { "The connectors on board." };
        writeln!(code, "/// {says}\npub static {name}: &[Guest] = &[").map_err(|e| e.to_string())?;
        for (_, guest, package) in guests.iter().filter(|g| g.0 == folder) {
            let built = plugins.join("target").join(TARGET).join("release").join(package.replace('-', "_") + ".wasm");
            // A copy: a build of the plugins workspace by hand must not change what an up-to-date bundle carries.
            let kept = out.join(format!("{package}.wasm"));
            fs::copy(&built, &kept).map_err(|e| format!("{}: {e}", built.display()))?;
            writeln!(code, "    Guest {{ name: {guest:?}, bytes: include_bytes!({:?}) }},", kept.display().to_string())
                .map_err(|e| e.to_string())?;
        }
        code.push_str("];\n");
    }
    fs::write(out.join("guests.rs"), code).map_err(|e| format!("{}: {e}", out.display()))
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|e| format!("{name}: {e}"))
}

/// Everything a guest is made of, and nothing else: a rerun rebuilds all who depend on the bundle.
fn watch(plugins: &Path, guests: &[(&str, &str, String)]) {
    let packages = guests.iter().map(|(folder, name, _)| plugins.join(folder).join(name));
    let own =
        ["Cargo.toml", "Cargo.lock", ".cargo/config.toml", "../wit", "../rust-toolchain.toml"].map(|p| plugins.join(p));
    for path in own {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    for package in packages.chain([plugins.join("sdk")]) {
        for part in ["Cargo.toml", "build.rs", "src"].map(|p| package.join(p)) {
            // A path that is not there would mean a rerun each time.
            if part.exists() {
                println!("cargo::rerun-if-changed={}", part.display());
            }
        }
    }
    println!("cargo::rerun-if-changed=build.rs");
    for name in ["CC_wasm32_unknown_unknown", "AR_wasm32_unknown_unknown"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
}

/// The standard library for wasm; adds it where rustup can.
fn need_target() -> Result<(), String> {
    if has_target() {
        return Ok(());
    }
    let added = Command::new("rustup").args(["target", "add", TARGET]).status().is_ok_and(|s| s.success());
    if added && has_target() {
        return Ok(());
    }
    Err(format!("the guests need Rust's {TARGET} target; run: rustup target add {TARGET}"))
}

fn has_target() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let asked = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    asked.is_ok_and(|o| o.status.success() && Path::new(String::from_utf8_lossy(&o.stdout).trim()).is_dir())
}

/// Builds the guests; cargo's own output is shown when that fails.
fn cargo(plugins: &Path, guests: &[(&str, &str, String)]) -> Result<(), String> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(plugins).args(["build", "--quiet", "--release", "--target", TARGET]);
    cargo.arg("--target-dir").arg(plugins.join("target"));
    for (_, _, package) in guests {
        cargo.args(["--package", package]);
    }
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let of_cargo = text.starts_with("CARGO") && !KEPT.iter().any(|k| text.starts_with(k));
        if of_cargo || DROPPED.contains(&&*text) {
            cargo.env_remove(&name);
        }
    }
    if env::var_os("CC_wasm32_unknown_unknown").is_none() {
        let compiler = find_compiler()?;
        // The configured pair goes unsaid, so that a build by hand in plugins/ finds the same fingerprint.
        if compiler != COMPILERS[0] {
            cargo.env("CC_wasm32_unknown_unknown", compiler);
            cargo.env("AR_wasm32_unknown_unknown", find_archiver(compiler));
        }
    }
    let status = cargo.stdin(Stdio::null()).status().map_err(|e| format!("cargo could not be started: {e}"))?;
    if status.success() {
        Ok(())
    } else {
        Err("a guest does not compile: the compiler's own words stand above or below".into())
    }
}

/// The first C compiler that makes wasm objects.
fn find_compiler() -> Result<&'static str, String> {
    COMPILERS.iter().copied().find(|c| makes_wasm(c)).ok_or_else(|| {
        "the SQLite guest needs a C compiler that knows wasm; run: apt-get install clang llvm (elsewhere: brew install llvm, \
         then set CC_wasm32_unknown_unknown and AR_wasm32_unknown_unknown to its clang and llvm-ar)"
            .to_owned()
    })
}

fn makes_wasm(compiler: &str) -> bool {
    Command::new(compiler)
        .args([&format!("--target={TARGET}"), "-x", "c", "-c", "-o", "/dev/null", "/dev/null"])
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|o| o.status.success())
}

/// The archiver that belongs to a compiler: `llvm-ar-19` for `clang-19`, else the one the compiler names, else any.
fn find_archiver(compiler: &str) -> String {
    let runs = |name: &str| Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success());
    let versioned = compiler.replace("clang", "llvm-ar");
    if runs(&versioned) {
        return versioned;
    }
    let named = Command::new(compiler).arg("-print-prog-name=llvm-ar").output();
    let named = named.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()).unwrap_or_default();
    if runs(&named) { named } else { "llvm-ar".to_owned() }
}
