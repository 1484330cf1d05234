//! `sensei migrate`: plan, ask, run, summary.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sensei_engine::connection::Connection;
use sensei_engine::error::Role;
use sensei_engine::migration::{Options, Report};
use sensei_engine::plan::{self as engine, Plan, Policies, Request};
use sensei_engine::plugin::Registry;
use sensei_engine::validate::Depth;

use super::course::Course;
use super::failure::{Exit, Failure};
use super::progress::Style;
use super::report::{Document, ReportFile};
use super::{format, plan, screen, summary};
use crate::registry;

/// More lanes than this only wait for each other, on any machine this is meant for.
const MOST_LANES: u16 = 64;
/// More rows than this in a batch gain nothing and hold memory: `batch_bytes` ends them long before.
const MOST_BATCH_ROWS: u32 = 1_000_000;

/// What to move, where to, and how.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// Where from; also read from SENSEI_SOURCE, so that a password need not be on the command line
    #[arg(long, value_name = "URL", env = "SENSEI_SOURCE", hide_env = true)]
    source: String,
    /// Where to; also read from SENSEI_TARGET
    #[arg(long, value_name = "URL", env = "SENSEI_TARGET", hide_env = true)]
    target: String,
    /// A source schema (or database) to move; may be repeated [default: the source connection's own]
    #[arg(long = "schema", value_name = "SCHEMA")]
    schemas: Vec<String>,
    /// Tables to leave out, as `name` or `schema.name` with * and ?, in any case; may be repeated
    #[arg(long = "exclude-table", value_name = "GLOB")]
    exclude_tables: Vec<String>,
    /// Where the tables land [default: the target connection's own schema; of several, each its own name]
    #[arg(long, value_name = "SCHEMA")]
    target_schema: Option<String>,
    /// Lanes, each a reader and a writer, at work at the same time [default: the processors, 2 to 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_LANES)))]
    parallelism: Option<u16>,
    /// Rows of one batch at most [default: 10,000]
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_BATCH_ROWS)))]
    batch_size: Option<u32>,
    /// What happens to a table that the target has already
    #[arg(long, value_enum, value_name = "POLICY", default_value = "fail")]
    on_existing: OnExisting,
    /// With --on-existing append: a source table and the target's table that its rows are added to (EMP=employees), or a
    /// source column and the target's (EMP.MGR=manager_id; EMP.OLD= leaves it out); may be repeated [default: matched by
    /// name, type and keys]
    #[arg(long = "into", value_name = "NAME=NAME", value_parser = into)]
    into: Vec<(String, String)>,
    /// How closely both sides are compared before the new tables are switched in: `full` (every value), `sample:10` (every
    /// value of 10 % of the rows) or `counts`
    #[arg(long, value_name = "DEPTH", default_value = "full", value_parser = depth)]
    validation: Depth,
    /// How names are made in the target
    #[arg(long, value_enum, value_name = "STYLE", default_value = "snake")]
    naming: Naming,
    /// What takes the place of values that the target does not hold, such as zero_dates=null, zero_dates=1970-01-01,
    /// nul_bytes=strip, far_dates=clamp, nan=null or infinity=null; and what values are meant as, where sampled rows agree:
    /// flags=boolean, uuids=uuid, json_texts=json; and types that hold less, long_texts=reject, large_numbers=reject; for one column
    /// alone uuids:orders.id=uuid; may be repeated [default: each stops the migration, stays what it is, or is held]
    #[arg(long = "policy", value_name = "KIND=CHOICE", value_parser = policy)]
    policies: Vec<(String, String)>,
    /// Tables alone: leave keys, indexes, checks and foreign keys out, to be made by hand
    #[arg(long)]
    bare: bool,
    /// Write the plan to stdout as JSON and move nothing
    #[arg(long)]
    plan: bool,
    /// Do not ask before moving
    #[arg(long, short)]
    yes: bool,
    /// Throw away what an interrupted run left and begin anew
    #[arg(long)]
    restart: bool,
    /// Write how it came out to this file as JSON, also when it failed
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
A URL is scheme://user:password@host:port/database?option=value, or scheme:path for files; `sensei connectors`
shows each system's. Write @, /, : and % in a password as %40, %2F, %3A and %25.

The target's own tables stay as they are until every row is loaded and compared with the source; then the
new ones are switched in. An interrupted migration goes on from where it was when the same command is run again.

Examples:
  export SENSEI_SOURCE=... SENSEI_TARGET=...
  sensei migrate                                   look at the plan, then say yes or no
  sensei migrate --plan > plan.json                the plan alone
  sensei migrate --yes --report out.json           from a script
  sensei migrate --exclude-table 'tmp_*' --schema hr --schema finance

Exit code: 0 when both sides agree, 1 when not or on an error, 2 when the command line is wrong.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnExisting {
    /// Stop before anything is made
    Fail,
    /// Switch the new table in and keep the old one aside
    Replace,
    /// Add the rows to it
    Append,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Naming {
    /// CustomerId becomes customer_id
    Snake,
    /// CustomerId becomes customerid
    Lower,
    /// CustomerId stays
    Preserve,
}

impl Arguments {
    fn request(&self) -> Request {
        Request {
            schemas: self.schemas.clone(),
            exclude_tables: self.exclude_tables.clone(),
            target_schema: self.target_schema.clone(),
            naming: match self.naming {
                Naming::Snake => engine::Naming::Snake,
                Naming::Lower => engine::Naming::Lower,
                Naming::Preserve => engine::Naming::Preserve,
            },
            on_existing: match self.on_existing {
                OnExisting::Fail => engine::OnExisting::Fail,
                OnExisting::Replace => engine::OnExisting::Replace,
                OnExisting::Append => engine::OnExisting::Append,
            },
            into: self.into.iter().cloned().collect(),
            generate_rollback: false,
            bare: self.bare,
            policies: self.policies.iter().fold(Policies::default(), |mut policies, (kind, word)| {
                // Each was looked at when the command line was read.
                let _ = policies.choose(kind, word);
                policies
            }),
        }
    }

    fn options(&self) -> Options {
        let mut options = Options::default();
        if let Some(lanes) = self.parallelism {
            options.parallelism = lanes.into();
        }
        if let Some(rows) = self.batch_size {
            options.batch_rows = rows;
        }
        options.validation = self.validation;
        options
    }
}

fn depth(word: &str) -> Result<Depth, String> {
    Depth::named(word).ok_or_else(|| "neither full, counts nor a sample such as sample:10 (1 to 99 %)".to_owned())
}

fn into(words: &str) -> Result<(String, String), String> {
    let (from, to) = words.split_once('=').filter(|(from, _)| !from.is_empty()).ok_or("not of the form NAME=NAME")?;
    Ok((from.to_owned(), to.to_owned()))
}

fn policy(words: &str) -> Result<(String, String), String> {
    let (kind, word) = words.split_once('=').ok_or("not of the form KIND=CHOICE")?;
    Policies::default().choose(kind, word).map_err(|e| e.message)?;
    Ok((kind.to_owned(), word.to_owned()))
}

/// A connection from a URL of the command line; its errors say which of the two.
fn connection(registry: &Registry, url: &str, role: Role) -> Result<Connection, Failure> {
    Ok(Connection::from_url(registry, url).map_err(|e| e.role_if(Some(role)))?)
}

pub(super) fn run(arguments: &Arguments, style: Style) -> Result<Exit, Failure> {
    if !arguments.plan && !arguments.yes && !screen::can_ask() {
        return Err(Failure::Usage(
            "There is no terminal to ask on. Add --yes to move without being asked, or --plan to see what would be done.".to_owned(),
        ));
    }
    let file = arguments.report.as_deref().map(ReportFile::create).transpose()?;
    let options = arguments.options();
    let mut plan = None;
    let result = migrate(arguments, &options, style, &mut plan);
    if let Some(file) = file {
        let outcome = match &result {
            Ok(Some(report)) => Some(Ok(report)),
            // The plan alone was asked for, and is on stdout.
            Ok(None) => None,
            Err(failure) => Some(Err(failure)),
        };
        if let Some(outcome) = outcome {
            let written = file.write(&Document::new(&options, plan.as_ref(), outcome));
            // The migration's own error matters more than the report's.
            if result.is_ok() {
                written?;
            }
        }
    }
    let agrees = result?.is_none_or(|report| summary::agrees(&report));
    Ok(if agrees { Exit::Done } else { Exit::Failed })
}

/// The migration; none when only its plan was asked for. The plan is left behind for the report.
fn migrate(
    arguments: &Arguments,
    options: &Options,
    style: Style,
    plan: &mut Option<Plan>,
) -> Result<Option<Report>, Failure> {
    let registry = registry::on_board()?;
    let source = connection(&registry, &arguments.source, Role::Source)?;
    let target = connection(&registry, &arguments.target, Role::Target)?;
    let course = Course::new(source, target, arguments.request(), options.clone(), style).restarting(arguments.restart);
    let plan = plan.insert(course.plan()?);
    if arguments.plan {
        let json = serde_json::to_string_pretty(plan).map_err(|e| Failure::machine("write JSON", &e.into()))?;
        screen::say(&format!("{json}\n"));
        return Ok(None);
    }
    screen::say(&plan::text(plan, screen::width()));
    screen::say("\n");
    // Nobody is asked about a plan that could not be executed.
    *plan = plan.decided(&[])?;
    if !arguments.yes && !screen::confirm(&question(plan)) {
        return Err(Failure::Declined);
    }
    let report = course.run(plan)?;
    screen::say(&summary::text(&report, screen::width()));
    Ok(Some(report))
}

fn question(plan: &Plan) -> String {
    let rows = format::count(plan.summary.estimated_records);
    format!("Move {}, about {rows} rows?", format::counted(plan.summary.tables, "table"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(more: &[&str]) -> Result<Arguments, clap::Error> {
        let base = ["migrate", "--source", "a:b", "--target", "c:d"];
        Line::try_parse_from(base.iter().chain(more)).map(|line| line.arguments)
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let arguments = parse(&[]).expect("a command line");
        let request = Request {
            schemas: vec![],
            exclude_tables: vec![],
            target_schema: None,
            naming: engine::Naming::Snake,
            on_existing: engine::OnExisting::Fail,
            into: BTreeMap::new(),
            generate_rollback: false,
            bare: false,
            policies: Policies::default(),
        };
        assert_eq!((arguments.request(), arguments.options()), (request, Options::default()));
    }

    #[test]
    fn everything_said_reaches_the_engine() {
        let said = ["--schema", "HR", "--schema", "FINANCE", "--exclude-table", "TEMP_*", "--target-schema", "public"];
        let how = [
            "--parallelism",
            "3",
            "--batch-size",
            "77",
            "--on-existing",
            "replace",
            "--into",
            "EMP.MGR=",
            "--naming",
            "preserve",
            "--bare",
            "--validation",
            "sample:10",
        ];
        let arguments = parse(&[said.as_slice(), how.as_slice()].concat()).expect("a command line");
        let request = Request {
            schemas: vec!["HR".into(), "FINANCE".into()],
            exclude_tables: vec!["TEMP_*".into()],
            target_schema: Some("public".into()),
            naming: engine::Naming::Preserve,
            on_existing: engine::OnExisting::Replace,
            into: BTreeMap::from([("EMP.MGR".into(), String::new())]),
            generate_rollback: false,
            bare: true,
            policies: Policies::default(),
        };
        assert_eq!(arguments.request(), request);
        let options = Options { parallelism: 3, batch_rows: 77, validation: Depth::Sample(10), ..Options::default() };
        assert_eq!(arguments.options(), options);
    }

    #[test]
    fn senseless_numbers_are_refused() {
        for wrong in [
            ["--parallelism", "0"],
            ["--parallelism", "65"],
            ["--batch-size", "0"],
            ["--naming", "camel"],
            ["--validation", "sample:0"],
        ] {
            assert!(parse(&wrong).is_err(), "{wrong:?}");
        }
    }
}
