//! `sensei connections list`.

use clap::Args;
use serde::Deserialize;

use super::stored::Stored;
use crate::cli::client::Session;
use crate::cli::client::reply::Reply;
use crate::cli::client::server::Query;
use crate::cli::failure::Failure;
use crate::cli::format::shortened;
use crate::cli::screen::{Column, table};

/// Characters of a configuration in the list: enough to tell one from another.
const CONFIGURATION_WIDTH: usize = 60;

/// All of them.
#[derive(Debug, Args)]
pub(super) struct Arguments {}

#[derive(Debug, Deserialize)]
struct Page {
    data: Vec<Stored>,
}

impl Arguments {
    pub(super) async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        let answer = session.server.get(&["connections"], &Query::new()).await?;
        session.reply(answer, |page| text(page, session.output.width()))
    }
}

const COLUMNS: [Column<'_>; 4] =
    [Column::Left("id"), Column::Left("name"), Column::Left("connector"), Column::Left("configuration")];

fn text(page: &Page, width: u16) -> String {
    if page.data.is_empty() {
        return "No connections.\n".to_owned();
    }
    let row = |stored: &Stored| {
        let Stored { id, name, connector, .. } = stored;
        vec![id.clone(), name.clone(), connector.clone(), shortened(&stored.configuration(), CONFIGURATION_WIDTH)]
    };
    table(&COLUMNS, page.data.iter().map(row), width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_told_apart() {
        let page = r#"{"data": [
            {"id": "conn_prod", "name": "Production", "connector": "example",
             "config": {"host": "db.example", "port": 1234, "user": "reader", "database": "shop", "mode": "require"}},
            {"id": "conn_file", "name": "A file", "connector": "file", "config": {"path": "shop.db", "mode": null}}
        ]}"#;
        insta::assert_snapshot!(text(&serde_json::from_str(page).expect("a page"), 120));
        assert_eq!(text(&Page { data: vec![] }, 80), "No connections.\n");
    }
}
