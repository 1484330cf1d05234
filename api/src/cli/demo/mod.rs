//! `sensei demo`: a migration from beginning to end that needs nothing but this machine.
//!
//! The generator on board makes a database, which is moved into a file; that file is then migrated into another
//! one, by the same course as `sensei migrate`; at the end both files are read again and compared.

mod contents;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use sensei_engine::connection::Connection;
use sensei_engine::error::{Code, Error};
use sensei_engine::migration::{Options, Report};
use sensei_engine::plan::{Naming, OnExisting, Policies, Request};
use sensei_engine::plugin::{Plugin, Registry, Roles};
use serde_json::{Map, Value};

use super::configuration::Configuration;
use super::course::Course;
use super::failure::{Exit, Failure};
use super::progress::Style;
use super::{format, plan, screen, summary};
use crate::registry;
use contents::Contents;

/// The connector that makes rows up, and the dataset it makes.
const GENERATOR: &str = "datagen:tpch";
/// Rows shown of what arrived.
const ROWS_SHOWN: usize = 5;
/// The table whose rows are shown, if the dataset has it: one whose values people can read.
const TABLE_SHOWN: &str = "customer";

/// How large, and where.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Size of the database: 1 is 8.7 million rows
    #[arg(long, value_name = "FACTOR", default_value = "0.05", value_parser = scale)]
    scale: f64,
    /// Folder for the two database files; they stay there [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Keep the temporary folder
    #[arg(long)]
    keep: bool,
}

/// Beyond 100 (867 million rows) it is no demo any more.
fn scale(text: &str) -> Result<f64, String> {
    let scale: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if scale > 0.0 && scale <= 100.0 { Ok(scale) } else { Err("more than 0 and at most 100".to_owned()) }
}

/// Where the files are; a temporary folder goes away with it.
enum Folder {
    Given(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Folder {
    fn open(arguments: &Arguments) -> Result<Self, Failure> {
        let failed = |e: std::io::Error| Failure::machine("make the folder for the demo", &e);
        if let Some(path) = &arguments.dir {
            std::fs::create_dir_all(path).map_err(failed)?;
            return Ok(Self::Given(path.clone()));
        }
        let folder = tempfile::Builder::new().prefix("sensei-demo-").tempdir().map_err(failed)?;
        Ok(if arguments.keep { Self::Given(folder.keep()) } else { Self::Temporary(folder) })
    }

    fn path(&self) -> &Path {
        match self {
            Self::Given(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

pub(super) fn run(arguments: &Arguments, style: Style) -> Result<Exit, Failure> {
    let registry = registry::on_board()?;
    let files = file_connector(&registry)?;
    let folder = Folder::open(arguments)?;
    let paths = ["source.db", "target.db"].map(|name| folder.path().join(name));
    if let Some(there) = paths.iter().find(|p| p.exists()) {
        let message = format!("`{}` is there already. Give --dir another folder, or remove it.", there.display());
        return Err(Error::new(Code::Conflict, message).into());
    }
    let generator = format!("{GENERATOR}?scale={}", arguments.scale);
    let [source, target] = paths.each_ref().map(|path| open(&registry, &files, path));
    let (source, target) = (source?, target?);

    screen::say(&format!(
        "Sensei moves databases. This demo needs no server: everything happens in {}.\n\n\
         1. A database to move: the tables of the TPC-H benchmark, made up by `{generator}`.\n\n",
        folder.path().display()
    ));
    let made =
        Course::new(Connection::from_url(&registry, &generator)?, source.clone(), request(), Options::default(), style);
    let made = made.run(&made.plan()?)?;
    screen::say(&format!("{}\n2. The migration: {} -> {}.\n\n", made_text(&made), source.label(), target.label()));

    let course = Course::new(source.clone(), target.clone(), request(), Options::default(), style);
    let plan = course.plan()?;
    let width = screen::width();
    screen::say(&format!("{}\n", plan::text(&plan, width)));
    let report = course.run(&plan)?;
    screen::say(&summary::text(&report, width));

    screen::say("\n3. A second look: both files are opened again and read to the end.\n\n");
    let (before, after) = (Contents::read(&source)?, Contents::read(&target)?);
    let equal = before.differences(&after).is_empty();
    screen::say(&comparison(&before, &after));
    screen::say(&format!("\n{}", after.sample(TABLE_SHOWN, ROWS_SHOWN, width)?));
    screen::say(&next_steps(&folder, &paths, files.name()));
    Ok(if equal && summary::agrees(&report) { Exit::Done } else { Exit::Failed })
}

fn request() -> Request {
    Request {
        schemas: vec![],
        exclude_tables: vec![],
        target_schema: None,
        naming: Naming::Snake,
        on_existing: OnExisting::Fail,
        into: BTreeMap::new(),
        generate_rollback: false,
        bare: false,
        policies: Policies::default(),
    }
}

/// A connector that reads and writes a database which is one file.
fn file_connector(registry: &Registry) -> Result<Plugin, Failure> {
    // From the last: connectors that need no server stand there, and the others need not be compiled.
    for guest in sensei_bundle::CONNECTORS.iter().rev() {
        let plugin = registry.plugin(guest.name)?;
        let description = plugin.description();
        let both = description.roles.contains(Roles::SOURCE | Roles::TARGET);
        if both && Configuration::read(&description.configuration).file_field().is_some() {
            return Ok(plugin);
        }
    }
    Err(Error::new(Code::NotFound, "No connector on board keeps a database in a file, so there is no demo.").into())
}

fn open(registry: &Registry, files: &Plugin, path: &Path) -> Result<Connection, Failure> {
    let configuration = Configuration::read(&files.description().configuration);
    let field = configuration.file_field().unwrap_or_default().to_owned();
    let fields = Map::from_iter([(field, Value::String(path.display().to_string()))]);
    Ok(Connection::from_fields(registry, files.name(), fields)?)
}

fn made_text(report: &Report) -> String {
    let rows: u64 = report.tables.iter().map(|t| t.target_rows).sum();
    let tables = format::counted(report.tables.len() as u64, "table");
    format!("{tables}, {} in {}.\n", format::counted(rows, "row"), format::seconds(report.seconds))
}

fn comparison(before: &Contents, after: &Contents) -> String {
    let differences = before.differences(after);
    if differences.is_empty() {
        let (tables, rows) = (format::counted(after.tables() as u64, "table"), format::counted(after.rows(), "row"));
        return format!("{tables}, {rows}: both sides hold the same rows, by a fingerprint of every value.\n");
    }
    format!("These tables differ, which must not happen; please report it: {}.\n", differences.join(", "))
}

fn next_steps(folder: &Folder, [source, target]: &[PathBuf; 2], connector: &str) -> String {
    let files = match folder {
        Folder::Given(_) => format!("The files stay: {} and {}.", source.display(), target.display()),
        Folder::Temporary(_) => "The files are gone now; --keep or --dir DIR keeps them.".to_owned(),
    };
    let commands = [
        ("sensei connectors".to_owned(), "what is on board, and how URLs are written"),
        (format!("sensei migrate --source URL --target {connector}:copy.db"), "shows the plan, then asks"),
        ("sensei migrate --help".to_owned(), "everything else"),
    ];
    let longest = commands.iter().map(|(command, _)| command.len()).max().unwrap_or_default();
    let lines = commands.map(|(command, what)| format!("  {command:longest$}   {what}\n"));
    format!("\n{files}\n\nNext, with databases of your own:\n{}", lines.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_a_sensible_number() {
        assert_eq!(scale("0.05"), Ok(0.05));
        for wrong in ["0", "-1", "101", "NaN", "inf", "big"] {
            assert!(scale(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_temporary_folder_goes_away_and_a_given_one_stays() {
        let arguments = |dir| Arguments { scale: 0.01, dir, keep: false };
        let folder = Folder::open(&arguments(None)).expect("a folder");
        let path = folder.path().to_owned();
        assert!(path.is_dir());
        drop(folder);
        assert!(!path.exists());

        let outer = tempfile::tempdir().expect("a folder");
        let given = Folder::open(&arguments(Some(outer.path().join("new")))).expect("a folder");
        let path = given.path().to_owned();
        drop(given);
        assert!(path.is_dir());
    }
}
