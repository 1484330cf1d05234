//! All statements of a job, each with what takes it back.

use std::collections::{BTreeSet, HashSet};

use sensei_sdk::catalog::{Table, TableName};
use sensei_sdk::{Job, OnExisting, Stage, Statement};

use super::{append, ddl, staging, view};
use crate::catalog::DIALECT;
use crate::connection::{Server, identifier, literal};

/// Ids of statements that `execute` treats in a way of their own begin with these.
pub(crate) const ORPHANS: &str = "orphans/";
pub(crate) const ASIDE: &str = "cutover/aside/";
pub(crate) const OLD_SCHEMA: &str = "cutover/old/";
pub(crate) const LIVE: &str = "cutover/live/";
pub(crate) const SCHEMA: &str = "cutover/schema/";
/// Rows are added to a live table.
pub(crate) const ADD: &str = "cutover/add/";
/// What was added refers to nothing that is not there; a query for a row that does.
pub(crate) const ADDED: &str = "cutover/added/";
/// What the rows were copied from goes aside.
pub(crate) const KEEP: &str = "cutover/keep/";
/// References of new tables to live ones: a query for a row that refers to nothing, and the foreign key.
pub(crate) const REFERS: &str = "cutover/refers/";
pub(crate) const REFERENCE: &str = "cutover/foreign/";
/// A query for a row that is in staging and live.
pub(crate) const CLASH: &str = "clash/";
/// A view is made over live tables.
pub(crate) const VIEW: &str = "cutover/view/";
/// A view goes aside, within its database.
pub(crate) const VIEW_ASIDE: &str = "cutover/view-aside/";
pub(crate) const FORGET_SCHEMA: &str = "forget/schema/";
/// What statements of ASIDE and LIVE begin with: they become one RENAME TABLE.
pub(crate) const RENAME: &str = "RENAME TABLE ";

/// `schema.table`, in ids and labels.
pub(super) fn plain(name: &TableName) -> String {
    format!("{}.{}", name.schema, name.name)
}

/// A list of statements in the making.
pub(super) struct List(Vec<Statement>);

impl List {
    pub(super) fn add(
        &mut self,
        stage: Stage,
        id: String,
        sql: String,
        undo: Option<String>,
        table: Option<&TableName>,
        label: String,
    ) {
        self.0.push(Statement { id, stage, sql, undo, table: table.cloned(), label });
    }
}

/// Renders a job, in order.
pub(crate) fn render(job: &Job, server: &Server) -> Vec<Statement> {
    let mut list = List(Vec::new());
    let homes = job.tables.iter().map(|t| &t.name).chain(job.views.iter().map(|v| &v.name));
    let schemas: BTreeSet<&str> = homes.map(|name| name.schema.as_str()).collect();
    let staged: HashSet<(&str, &str)> = job.made().map(|t| (t.name.schema.as_str(), t.name.name.as_str())).collect();
    for schema in &schemas {
        let place = identifier(&staging::schema(&job.migration, schema));
        list.add(
            Stage::Prepare,
            format!("schema/{schema}"),
            format!("CREATE DATABASE IF NOT EXISTS {place} DEFAULT CHARACTER SET utf8mb4"),
            Some(format!("DROP DATABASE IF EXISTS {place}")),
            None,
            format!("staging of {schema}"),
        );
    }
    for table in &job.tables {
        let place = staging::table(&job.migration, &table.name);
        list.add(
            Stage::Prepare,
            format!("table/{}", plain(&table.name)),
            ddl::create_table(table, &place, server, job.dialect == DIALECT),
            Some(format!("DROP TABLE IF EXISTS {place}")),
            None,
            format!("table {}", plain(&table.name)),
        );
    }
    job.added().for_each(|table| append::probe(&mut list, job, table));
    view::stage(&mut list, job);
    for table in &job.tables {
        complete(&mut list, job, table);
    }
    let mut names = HashSet::new();
    let mut later = Vec::new();
    for table in &job.tables {
        later.extend(references(&mut list, job, table, &staged, &mut names, server));
    }
    job.added().for_each(|table| append::no_clash(&mut list, job, table));
    for table in &job.tables {
        finish(&mut list, job, table);
    }
    cutover(&mut list, job, &schemas);
    list.0.extend(later);
    view::cut_over(&mut list, job);
    for schema in &schemas {
        list.add(
            Stage::Discard,
            format!("discard/{schema}"),
            format!("DROP DATABASE IF EXISTS {}", identifier(&staging::schema(&job.migration, schema))),
            None,
            None,
            format!("staging of {schema} goes"),
        );
    }
    list.add(
        Stage::Discard,
        "discard".to_owned(),
        format!("DROP DATABASE IF EXISTS {}", identifier(&staging::ledger(&job.migration))),
        None,
        None,
        "the ledger goes".to_owned(),
    );
    forget(&mut list, job, &schemas);
    list.0
}

/// Indexes of a loaded table: as many in one statement as the server can, for it then reads the table once.
fn complete(list: &mut List, job: &Job, table: &Table) {
    let place = staging::table(&job.migration, &table.name);
    let made = ddl::counting_key(table);
    let (mut adds, mut drops) = (Vec::new(), Vec::new());
    for (at, key) in table.unique_keys.iter().enumerate() {
        if !matches!(made, Some(ddl::Counting::Unique(m)) if m == at) {
            adds.push(format!("ADD {}", ddl::unique_key(key)));
            drops.extend(key.name.as_ref().map(|n| format!("DROP KEY {}", identifier(n))));
        }
    }
    let mut alone = Vec::new();
    for (at, index) in table.indexes.iter().enumerate() {
        if matches!(made, Some(ddl::Counting::Index(m)) if m == at) {
            continue;
        }
        if ddl::alone(index) {
            alone.push(index);
        } else {
            adds.push(format!("ADD {}", ddl::index(index)));
            drops.push(format!("DROP KEY {}", identifier(&index.name)));
        }
    }
    let name = plain(&table.name);
    if !adds.is_empty() {
        let undo = (!drops.is_empty()).then(|| format!("ALTER TABLE {place} {}", drops.join(", ")));
        let label = format!("{} {} of {name}", adds.len(), if adds.len() == 1 { "index" } else { "indexes" });
        let sql = format!("ALTER TABLE {place} {}", adds.join(", "));
        list.add(Stage::CompleteTable, format!("indexes/{name}"), sql, undo, Some(&table.name), label);
    }
    for index in alone {
        list.add(
            Stage::CompleteTable,
            format!("index/{name}/{}", index.name),
            format!("ALTER TABLE {place} ADD {}", ddl::index(index)),
            Some(format!("ALTER TABLE {place} DROP KEY {}", identifier(&index.name))),
            Some(&table.name),
            format!("{} index {} of {name}", index.method, index.name),
        );
    }
}

/// Foreign keys. The server would copy the table to check one while it is added; so each is first checked by a query,
/// then added unchecked. Those to live tables that get rows are returned: they are for the end of the cutover.
fn references(
    list: &mut List,
    job: &Job,
    table: &Table,
    staged: &HashSet<(&str, &str)>,
    names: &mut HashSet<(String, String)>,
    server: &Server,
) -> Vec<Statement> {
    let staged_place = staging::table(&job.migration, &table.name);
    let mut later = List(Vec::new());
    for (at, foreign) in table.foreign_keys.iter().enumerate() {
        let referenced =
            TableName { schema: foreign.referenced_schema.clone(), name: foreign.referenced_table.clone() };
        // A table outside the job is referred to where it lives.
        let parent = if staged.contains(&(referenced.schema.as_str(), referenced.name.as_str())) {
            staging::table(&job.migration, &referenced)
        } else {
            ddl::qualified(&referenced.schema, &referenced.name)
        };
        // Their names are unique in a database, in other systems only in a table.
        let name = foreign.name.as_ref().map(|wanted| {
            let candidates = (1..).map(|n| if n == 1 { wanted.clone() } else { format!("{wanted}_{n}") });
            let free = |n: &String| names.insert((table.name.schema.clone(), n.to_lowercase()));
            candidates.into_iter().find(free).expect("numbers do not end")
        });
        let adds = job.adds_to(&referenced);
        let place = if adds { ddl::qualified(&table.name.schema, &table.name.name) } else { staged_place.clone() };
        let (stage, refers, reference) =
            if adds { (Stage::Cutover, REFERS, REFERENCE) } else { (Stage::CompleteAll, ORPHANS, "foreign/") };
        let into = if adds { &mut later } else { &mut *list };
        let id = format!("{}/{at}", plain(&table.name));
        let shown = name.clone().unwrap_or_else(|| format!("({})", foreign.columns.join(", ")));
        into.add(
            stage,
            format!("{refers}{id}"),
            ddl::orphans(foreign, &place, &parent),
            None,
            Some(&table.name),
            format!("every row of {} that refers finds its row ({shown})", plain(&table.name)),
        );
        into.add(
            stage,
            format!("{reference}{id}"),
            format!("ALTER TABLE {place} ADD {}", ddl::foreign_key(foreign, name.as_deref(), &parent, server)),
            // One of a live table goes back with it.
            name.as_ref().filter(|_| !adds).map(|n| format!("ALTER TABLE {place} DROP FOREIGN KEY {}", identifier(n))),
            Some(&table.name),
            format!("foreign key {shown} of {}", plain(&table.name)),
        );
    }
    later.0
}

/// Counters and statistics.
fn finish(list: &mut List, job: &Job, table: &Table) {
    let place = staging::table(&job.migration, &table.name);
    let name = plain(&table.name);
    let identity = table.columns.iter().find_map(|c| c.identity.as_ref());
    if let Some(next) = identity.and_then(|i| i.next) {
        // The server takes the highest value present plus one where that is more.
        list.add(
            Stage::CompleteAll,
            format!("counter/{name}"),
            format!("ALTER TABLE {place} AUTO_INCREMENT = {}", next.max(1)),
            None,
            Some(&table.name),
            format!("counter of {name}"),
        );
    }
    list.add(
        Stage::CompleteAll,
        format!("statistics/{name}"),
        format!("ANALYZE TABLE {place}"),
        None,
        Some(&table.name),
        format!("statistics of {name}"),
    );
}

/// One RENAME TABLE moves everything, old tables aside and new ones in.
fn cutover(list: &mut List, job: &Job, schemas: &BTreeSet<&str>) {
    for schema in schemas {
        list.add(
            Stage::Cutover,
            format!("{SCHEMA}{schema}"),
            format!("CREATE DATABASE IF NOT EXISTS {} DEFAULT CHARACTER SET utf8mb4", identifier(schema)),
            job.new_schemas.iter().any(|new| new == schema).then(|| drop_if_empty(schema)),
            None,
            format!("database {schema}"),
        );
        let adds = job.additions.iter().any(|addition| addition.table.schema == *schema);
        if job.on_existing == OnExisting::Replace || adds {
            let old = staging::old(&job.migration, schema);
            list.add(
                Stage::Cutover,
                format!("{OLD_SCHEMA}{schema}"),
                format!("CREATE DATABASE IF NOT EXISTS {}", identifier(&old)),
                Some(drop_if_empty(&old)),
                None,
                format!("a place for what was in {schema}"),
            );
        }
    }
    append::add_rows(list, job);
    for table in job.made() {
        let (name, live) = (plain(&table.name), ddl::qualified(&table.name.schema, &table.name.name));
        let place = staging::table(&job.migration, &table.name);
        // What goes back finds no staging where the migration ended: it was discarded.
        let staging = identifier(&staging::schema(&job.migration, &table.name.schema));
        if job.on_existing == OnExisting::Replace {
            let old = ddl::qualified(&staging::old(&job.migration, &table.name.schema), &table.name.name);
            list.add(
                Stage::Cutover,
                format!("{ASIDE}{name}"),
                format!("{RENAME}{live} TO {old}"),
                Some(format!("{RENAME}{old} TO {live}")),
                Some(&table.name),
                format!("the old {name} goes aside"),
            );
        }
        list.add(
            Stage::Cutover,
            format!("{LIVE}{name}"),
            format!("{RENAME}{place} TO {live}"),
            Some(format!("CREATE DATABASE IF NOT EXISTS {staging}; {RENAME}{live} TO {place}")),
            Some(&table.name),
            format!("{name} goes live"),
        );
    }
}

/// What was moved aside goes, for good.
fn forget(list: &mut List, job: &Job, schemas: &BTreeSet<&str>) {
    if job.on_existing == OnExisting::Fail {
        return;
    }
    view::forget(list, job);
    let old = |name: &TableName| ddl::qualified(&staging::old(&job.migration, &name.schema), &name.name);
    let tables: Vec<String> = job.tables.iter().map(|table| old(&table.name)).collect();
    list.add(
        Stage::Forget,
        "forget/tables".to_owned(),
        format!("DROP TABLE IF EXISTS {}", tables.join(", ")),
        None,
        None,
        "what was replaced goes".to_owned(),
    );
    for schema in schemas {
        list.add(
            Stage::Forget,
            format!("{FORGET_SCHEMA}{schema}"),
            drop_if_empty(&staging::old(&job.migration, schema)),
            None,
            None,
            format!("the place of what was in {schema} goes"),
        );
    }
}

/// For people who go back by hand. The server knows no `DROP DATABASE` that spares what is in it.
fn drop_if_empty(schema: &str) -> String {
    format!(
        "SET @sensei = IF(EXISTS (SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = {}), 'DO 0', {}); \
         PREPARE sensei FROM @sensei; EXECUTE sensei; DEALLOCATE PREPARE sensei",
        literal(schema),
        literal(&format!("DROP DATABASE IF EXISTS {}", identifier(schema)))
    )
}
