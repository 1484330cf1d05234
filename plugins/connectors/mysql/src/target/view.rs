//! Views over the job's tables. They know their tables by name: one in staging shows that the server takes it, and the live
//! one is made once the tables are in their place.

use sensei_sdk::catalog::TableName;
use sensei_sdk::{Error, Job, Kind, Result, Stage, Statement, View};

use super::execute::exists;
use super::render::{List, RENAME, VIEW, VIEW_ASIDE, plain};
use super::{ddl, staging};
use crate::connection::{Connection, identifier};

/// Over tables without a row yet: what the server will not take, or the account may not do, is known before the load.
pub(super) fn stage(list: &mut List, job: &Job) {
    for view in &job.views {
        let name = plain(&view.name);
        let place = staging::table(&job.migration, &view.name);
        let staged = |table: &TableName| match job.makes(table) {
            true => staging::table(&job.migration, table),
            false => ddl::qualified(&table.schema, &table.name),
        };
        let undo = format!("DROP VIEW IF EXISTS {place}");
        let sql = create(view, &place, staged);
        list.add(Stage::Prepare, format!("view/{name}"), sql, Some(undo), None, format!("view {name}"));
    }
}

/// A view cannot be moved to another database: one that is replaced stays where it is, under another name.
pub(super) fn cut_over(list: &mut List, job: &Job) {
    for view in job.views.iter().filter(|view| view.replaced.is_some()) {
        let (name, live) = (plain(&view.name), ddl::qualified(&view.name.schema, &view.name.name));
        let kept = kept(&job.migration, &view.name);
        let kept = ddl::qualified(&kept.schema, &kept.name);
        let sql = format!("{RENAME}{live} TO {kept}");
        let undo = format!("{RENAME}{kept} TO {live}");
        let label = format!("the old view {name} goes aside");
        list.add(Stage::Cutover, format!("{VIEW_ASIDE}{name}"), sql, Some(undo), Some(&view.name), label);
    }
    for view in &job.views {
        let (name, live) = (plain(&view.name), ddl::qualified(&view.name.schema, &view.name.name));
        let sql = create(view, &live, |table| ddl::qualified(&table.schema, &table.name));
        let undo = format!("DROP VIEW IF EXISTS {live}");
        let label = format!("view {name}");
        list.add(Stage::Cutover, format!("{VIEW}{name}"), sql, Some(undo), Some(&view.name), label);
    }
}

pub(super) fn forget(list: &mut List, job: &Job) {
    let replaced = job.views.iter().filter(|view| view.replaced.is_some());
    let names = replaced.map(|view| kept(&job.migration, &view.name));
    let names: Vec<String> = names.map(|name| ddl::qualified(&name.schema, &name.name)).collect();
    if !names.is_empty() {
        let sql = format!("DROP VIEW IF EXISTS {}", names.join(", "));
        list.add(Stage::Forget, "forget/views".to_owned(), sql, None, None, "replaced views go".to_owned());
    }
}

/// Where a replaced view is kept.
pub(super) fn kept(migration: &str, name: &TableName) -> TableName {
    TableName { schema: name.schema.clone(), name: staging::old(migration, &name.name) }
}

/// Fails if something has the name of a view that is to be made: it would be replaced.
pub(super) fn none_in_the_way(connection: &mut Connection, views: &[&Statement], aside: &[&TableName]) -> Result<()> {
    for name in views.iter().filter_map(|view| view.table.as_ref()).filter(|name| !aside.contains(name)) {
        if exists(connection, &name.schema, &name.name)? {
            let message = format!(
                "{} is in the target by now, and a view of this name was to be made. Remove it, or make the plan anew. Nothing was changed.",
                plain(name)
            );
            return Err(Error::new(Kind::Conflict, message).table(plain(name)));
        }
    }
    Ok(())
}

fn create(view: &View, place: &str, name: impl Fn(&TableName) -> String) -> String {
    format!("CREATE OR REPLACE VIEW {place}{} AS {}", view.heading(identifier), view.sql(name))
}
