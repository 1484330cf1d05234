//! `sensei connectors`: what is on board.

use clap::Args;
use sensei_engine::plugin::{Description, Roles};
use serde::Serialize;
use serde_json::Value;

use super::configuration::Configuration;
use super::failure::{Exit, Failure};
use super::{format, screen};
use crate::registry;

/// What to show.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// As JSON, with each connector's configuration schema
    #[arg(long)]
    json: bool,
}

/// One connector.
#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    version: String,
    summary: String,
    roles: Vec<&'static str>,
    /// Forms of its URL, one for each scheme.
    urls: Vec<String>,
    /// Interfaces it imports: its whole authority.
    reaches: Vec<String>,
    configuration: Value,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let registry = registry::on_board()?;
    let mut broken = Vec::new();
    let mut entries = Vec::new();
    for guest in sensei_bundle::CONNECTORS {
        match registry.plugin(guest.name) {
            Ok(plugin) => entries.push(Entry::new(plugin.description(), plugin.imports())),
            Err(e) => broken.push(Failure::from(e)),
        }
    }
    if arguments.json {
        let json = serde_json::to_string_pretty(&entries).map_err(|e| Failure::machine("write JSON", &e.into()))?;
        screen::say(&format!("{json}\n"));
    } else {
        let width = screen::width();
        screen::say(&entries.iter().map(|e| e.text(width)).collect::<Vec<_>>().join("\n"));
    }
    // One that cannot be loaded does not hide the others.
    for failure in &broken {
        screen::tell_apart(&failure.text());
    }
    Ok(if broken.is_empty() { Exit::Done } else { Exit::Failed })
}

impl Entry {
    fn new(description: &Description, imports: &[String]) -> Self {
        let Description { name, version, summary, roles, schemes, configuration, .. } = description;
        let words = [(Roles::SOURCE, "source"), (Roles::TARGET, "target")];
        let form = Configuration::read(configuration);
        Self {
            name: name.clone(),
            version: version.clone(),
            summary: summary.clone(),
            roles: words.into_iter().filter(|(role, _)| roles.contains(*role)).map(|(_, n)| n).collect(),
            urls: schemes.iter().map(|scheme| form.url(scheme)).collect(),
            reaches: imports.iter().filter_map(|import| authority(import)).map(str::to_owned).collect(),
            configuration: serde_json::from_str(configuration).unwrap_or_default(),
        }
    }

    fn text(&self, width: u16) -> String {
        let width = usize::from(width);
        let indent = " ".repeat(11);
        let mut text = format!("{} {} ({})\n", self.name, self.version, self.roles.join(" and "));
        text += &format!("{}\n", format::wrapped(&self.summary, "  ", width));
        let mut urls = self.urls.iter();
        if let Some(url) = urls.next() {
            let others: Vec<&str> = urls.filter_map(|u| u.split(':').next()).collect();
            let others = if others.is_empty() { String::new() } else { format!("  (or {}:)", others.join(":, ")) };
            text += &format!("  URL      {url}{others}\n");
        }
        let form = Configuration::read(&self.configuration.to_string());
        for (at, option) in form.options().iter().enumerate() {
            let head = if at == 0 { "  options  " } else { &indent };
            let default = option.default().map(|d| format!("={d}")).unwrap_or_default();
            let words = format!("{}{default}: {}", option.name, option.description());
            text += &format!("{}\n", format::headed(head, &words, &indent, width));
        }
        let reaches = if self.reaches.is_empty() { "nothing".to_owned() } else { self.reaches.join(", ") };
        text + &format!("  reaches  {reaches}\n")
    }
}

/// The interface's bare name; none for those that only carry definitions.
fn authority(import: &str) -> Option<&str> {
    /// Interfaces without functions.
    const DEFINITIONS: [&str; 3] = ["errors", "rows", "catalog"];
    let name = import.rsplit('/').next()?.split('@').next()?;
    (!DEFINITIONS.contains(&name)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let configuration = r#"{"properties": {
            "host": {"x-sensei-url": "host", "x-sensei-grant": "host"},
            "port": {"x-sensei-url": "port", "default": 1234, "x-sensei-grant": "port"},
            "user": {"x-sensei-url": "user"}, "password": {"x-sensei-url": "password"},
            "database": {"x-sensei-url": "path"},
            "mode": {"default": "prefer", "description": "Whether the connection is encrypted, and whether the name of who answers is looked at."}
        }}"#;
        let description = Description {
            name: "example".into(),
            version: "1.2.3".into(),
            summary: "An example of a system.".into(),
            roles: Roles::SOURCE | Roles::TARGET,
            schemes: vec!["example".into(), "ex".into()],
            configuration: configuration.into(),
            identifier_bytes: 63,
            max_readers: None,
            max_writers: None,
            transactional_schema: true,
            has_schemas: true,
            sql: None,
        };
        let imports = ["sensei:plugin/errors@0.2.0", "sensei:plugin/network@0.2.0", "sensei:plugin/clock@0.2.0"];
        Entry::new(&description, &imports.map(String::from))
    }

    #[test]
    fn an_entry_says_how_to_reach_it_and_what_it_reaches() {
        insta::assert_snapshot!(entry().text(80));
    }

    #[test]
    fn an_entry_has_the_same_for_machines() {
        let entry = Entry { configuration: Value::Null, ..entry() };
        insta::assert_json_snapshot!(entry);
    }
}
