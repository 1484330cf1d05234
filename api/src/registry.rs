//! The connectors on board, ready for the engine.

use std::env;
use std::path::PathBuf;

use sensei_engine::error::Result;
use sensei_engine::plugin::{Host, Limits, Registry};

/// Names the folder of compiled connectors; set and empty, none is used.
pub const CACHE_VARIABLE: &str = "SENSEI_CACHE_DIR";

/// A registry with every connector of the bundle, none of them compiled yet.
///
/// # Errors
/// `system` if this machine cannot run WebAssembly.
pub fn on_board() -> Result<Registry> {
    let mut registry = Registry::new(Host::new(Limits::default(), cache())?);
    for guest in sensei_bundle::CONNECTORS {
        registry.add(guest.name, guest.bytes);
    }
    Ok(registry)
}

/// Where compiled connectors are kept between runs: compiling takes about a second each, loading milliseconds.
fn cache() -> Option<PathBuf> {
    cache_from(|name| env::var_os(name).map(PathBuf::from))
}

fn cache_from(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let chosen = |path: PathBuf| (!path.as_os_str().is_empty()).then_some(path);
    if let Some(path) = variable(CACHE_VARIABLE) {
        return chosen(path);
    }
    // The XDG base directory specification: a relative path is to be ignored.
    let shared = variable("XDG_CACHE_HOME").filter(|p| p.is_absolute());
    let home = || variable("HOME").filter(|p| p.is_absolute()).map(|p| p.join(".cache"));
    shared.or_else(home).map(|p| p.join("sensei").join("compiled"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_follows_its_variable_then_xdg_then_home() {
        let cache = |set: &[(&str, &str)]| {
            cache_from(|name| set.iter().find(|(n, _)| *n == name).map(|(_, value)| PathBuf::from(value)))
        };
        assert_eq!(cache(&[]), None);
        assert_eq!(cache(&[("HOME", "/home/a")]), Some("/home/a/.cache/sensei/compiled".into()));
        assert_eq!(cache(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/c")]), Some("/c/sensei/compiled".into()));
        assert_eq!(cache(&[("HOME", "/h"), ("XDG_CACHE_HOME", "c")]), Some("/h/.cache/sensei/compiled".into()));
        assert_eq!(cache(&[("HOME", "/h"), (CACHE_VARIABLE, "/x")]), Some("/x".into()));
        assert_eq!(cache(&[("HOME", "/h"), (CACHE_VARIABLE, "")]), None);
    }
}
