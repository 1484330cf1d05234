//! `sensei migrations list`.

use clap::Args;
use clap::builder::PossibleValuesParser;
use jiff::Timestamp;
use serde::Deserialize;

use super::words::{STATUSES, spaced};
use crate::cli::client::reply::Reply;
use crate::cli::client::server::Query;
use crate::cli::client::{Session, moment};
use crate::cli::failure::Failure;
use crate::cli::format::counted;
use crate::cli::screen::{Column, table};

/// The most that the server gives at once.
const MOST: i64 = 100;

/// Which migrations to list.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only those with this status
    #[arg(long, value_name = "STATUS", value_parser = PossibleValuesParser::new(STATUSES))]
    status: Option<String>,
    /// Only those from this connection
    #[arg(long, value_name = "CONNECTION")]
    source_id: Option<String>,
    /// Only those to this connection
    #[arg(long, value_name = "CONNECTION")]
    target_id: Option<String>,
    /// Only those created after this time, as 2026-02-15T02:00:00Z or how long ago, as 24h
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    created_after: Option<Timestamp>,
    /// Only those created before this time
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    created_before: Option<Timestamp>,
    /// How many at most, up to 100 [default: 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MOST))]
    limit: Option<u16>,
    /// How many to leave out before the first
    #[arg(long, value_name = "N")]
    offset: Option<u64>,
    /// What they are ordered by
    #[arg(long, value_name = "FIELD", value_parser = PossibleValuesParser::new(["created_at", "started_at", "name"]))]
    sort: Option<String>,
    /// In which order
    #[arg(long, value_name = "ORDER", value_parser = PossibleValuesParser::new(["asc", "desc"]))]
    order: Option<String>,
}

/// A part of the list.
#[derive(Debug, Deserialize)]
struct Page {
    data: Vec<Entry>,
    pagination: Pagination,
}

#[derive(Debug, Deserialize)]
struct Entry {
    id: String,
    name: String,
    status: String,
    progress_percent: Option<f64>,
    created_at: String,
}

#[derive(Debug, Deserialize)]
struct Pagination {
    total: u64,
    offset: u64,
    has_more: bool,
}

impl Arguments {
    pub(super) async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        let answer = session.server.get(&["migrations"], &self.query()).await?;
        session.reply(answer, |page| text(page, session.output.width()))
    }

    fn query(&self) -> Query {
        let Self { status, source_id, target_id, created_after, created_before, limit, offset, sort, order } = self;
        let parameters = [
            ("status", status.clone()),
            ("source_id", source_id.clone()),
            ("target_id", target_id.clone()),
            ("created_after", created_after.map(|time| time.to_string())),
            ("created_before", created_before.map(|time| time.to_string())),
            ("limit", limit.map(|limit| limit.to_string())),
            ("offset", offset.map(|offset| offset.to_string())),
            ("sort", sort.clone()),
            ("order", order.clone()),
        ];
        parameters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

const COLUMNS: [Column<'_>; 5] = [
    Column::Left("id"),
    Column::Left("name"),
    Column::Left("status"),
    Column::Right("done"),
    Column::Left("created (UTC)"),
];

fn text(page: &Page, width: u16) -> String {
    let Page { data, pagination: Pagination { total, offset, has_more } } = page;
    let shown = data.len() as u64;
    let total = counted(*total, "migration");
    if shown == 0 {
        return if *offset == 0 { "No migrations.\n".to_owned() } else { format!("No more: {total} in all.\n") };
    }
    let next = if *has_more { format!(" More: --offset {}", offset + shown) } else { String::new() };
    let range = if shown == 1 { format!("{}", offset + 1) } else { format!("{} to {}", offset + 1, offset + shown) };
    format!("{}\n{range} of {total}.{next}\n", table(&COLUMNS, data.iter().map(row), width))
}

fn row(entry: &Entry) -> Vec<String> {
    let Entry { id, name, status, progress_percent, created_at } = entry;
    let done = progress_percent.map_or_else(|| "-".to_owned(), |percent| format!("{percent:.0} %"));
    vec![id.clone(), name.clone(), spaced(status), done, moment::shown(created_at)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"{
        "data": [
            {"id": "mig_abc123", "name": "Q1 Database Modernization", "status": "running", "progress_percent": 67,
             "created_at": "2026-02-02T15:30:00Z"},
            {"id": "mig_def456", "name": "Analytics Warehouse Migration", "status": "plan_ready",
             "progress_percent": null, "created_at": "2026-02-01T10:00:00.123456Z"}
        ],
        "pagination": {"total": 42, "limit": 2, "offset": 10, "has_more": true}
    }"#;

    #[test]
    fn a_page_is_a_table_that_says_where_it_is() {
        insta::assert_snapshot!(text(&serde_json::from_str(PAGE).expect("a page"), 100));
    }

    #[test]
    fn an_empty_page_says_so() {
        let page = |offset| Page { data: vec![], pagination: Pagination { total: 3, offset, has_more: false } };
        assert_eq!((text(&page(0), 80), text(&page(9), 80)).0, "No migrations.\n");
        assert_eq!(text(&page(9), 80), "No more: 3 migrations in all.\n");
    }
}
