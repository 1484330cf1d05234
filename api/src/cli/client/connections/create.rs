//! `sensei connections create`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value};

use super::stored::Stored;
use crate::cli::client::reply::Reply;
use crate::cli::client::{Session, document};
use crate::cli::configuration::Configuration;
use crate::cli::failure::Failure;
use crate::registry;

/// What to store.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// What people call it
    #[arg(long, value_name = "NAME", required_unless_present = "file")]
    name: Option<String>,
    /// Its id, as in conn_prod [default: the server makes one]
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Which connector reaches the system; a URL may say it with its scheme
    #[arg(long, value_name = "CONNECTOR", required_unless_present_any = ["url", "file"])]
    connector: Option<String>,
    /// One field of the connector's configuration; may be repeated
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = field, conflicts_with = "url")]
    fields: Vec<(String, String)>,
    /// Where the system is, in place of fields
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The whole connection: JSON as POST /v1/connections takes it; `-` is stdin
    #[arg(long, short, value_name = "FILE", conflicts_with_all = ["name", "id", "connector", "fields", "url"])]
    file: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
Examples:
  sensei connections create --name Shop --connector X --set host=db.example --set port=1234 --set user=me
  sensei connections create --name Shop --url x://me@db.example/shop
  sensei connections create -f connection.json     a password then is on no command line";

fn field(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("write it as FIELD=VALUE"),
    }
}

impl Arguments {
    pub(super) async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        let connection = match &self.file {
            Some(file) => document::read(file)?,
            None => self.connection(on_board)?,
        };
        let answer = session.server.post(&["connections"], connection).await?;
        session.reply(answer, Stored::text)
    }

    /// The connection that the options describe; `configuration` tells what a connector takes.
    fn connection(&self, configuration: impl FnOnce(&str) -> Configuration) -> Result<String, Failure> {
        let Self { name, id, connector, fields, url, file: _ } = self;
        let named = [("id", id), ("name", name), ("connector", connector), ("url", url)];
        let said = named.into_iter().filter_map(|(field, value)| Some((field, value.clone()?)));
        let mut connection: Map<String, Value> =
            said.map(|(field, value)| (field.to_owned(), Value::String(value))).collect();
        if let (None, Some(connector)) = (url, connector) {
            let configuration = configuration(connector);
            let mut config = Map::new();
            for (field, value) in fields {
                if config.insert(field.clone(), configuration.value(field, value)).is_some() {
                    return Err(Failure::Usage(format!("--set gives `{field}` twice.")));
                }
            }
            connection.insert("config".to_owned(), Value::Object(config));
        }
        Ok(Value::Object(connection).to_string())
    }
}

/// What a connector takes, from the one on board; the server may have others, whose fields then are text.
fn on_board(connector: &str) -> Configuration {
    let plugin = registry::on_board().and_then(|registry| registry.plugin(connector));
    Configuration::read(plugin.as_ref().map_or("{}", |plugin| plugin.description().configuration.as_str()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn connection(line: &[&str]) -> Result<String, Failure> {
        let line = Line::try_parse_from(["create"].iter().chain(line)).expect("a command line");
        let schema = r#"{"properties": {"port": {"type": "integer"}, "password": {"type": "string"}}}"#;
        line.arguments.connection(|_| Configuration::read(schema))
    }

    #[test]
    fn fields_have_the_kind_that_the_connector_wants() {
        let set = ["--set", "port=1234", "--set", "password=1=2", "--set", "other=true"];
        let said = ["--name", "Shop", "--connector", "x", "--id", "conn_shop"];
        assert_eq!(
            connection(&[said.as_slice(), &set].concat()).expect("a connection"),
            r#"{"id":"conn_shop","name":"Shop","connector":"x","config":{"port":1234,"password":"1=2","other":"true"}}"#
        );
    }

    #[test]
    fn a_url_stands_for_fields() {
        let said = ["--name", "Shop", "--url", "x://host/shop"];
        assert_eq!(connection(&said).expect("a connection"), r#"{"name":"Shop","url":"x://host/shop"}"#);
    }

    #[test]
    fn a_field_is_given_once() {
        let said = ["--name", "Shop", "--connector", "x", "--set", "port=1", "--set", "port=2"];
        assert_eq!(connection(&said).expect_err("twice").text(), "error: --set gives `port` twice.\n");
    }
}
