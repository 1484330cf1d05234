//! Which tables of the source's catalog move.

use globset::{GlobBuilder, GlobMatcher};

use super::risk::Risks;
use super::{Request, Severity};
use crate::catalog::{Catalog, Object, ObjectKind, Table, TableName};
use crate::error::{Code, Error, Result, Role};

/// Table names an error lists at most: enough to see how they are written.
const NAMES_SHOWN: usize = 10;
/// Bytes of an average row from which a table is said to hold large values: such rows fill a batch by bytes, not by count.
const LARGE_ROW_BYTES: u64 = 64 * 1024;

/// The tables to move, in the catalog's order.
///
/// # Errors
/// `invalid_request` for a glob that is none, a name that is not there, or when nothing is left; `not_found` for an empty source.
pub(super) fn select<'a>(request: &Request, catalog: &'a Catalog, risks: &mut Risks) -> Result<Vec<&'a Table>> {
    if catalog.tables.is_empty() {
        let hint = match request.schemas.is_empty() {
            true => format!("Schemas there: {}. Choose with `--schema`.", listed(catalog.schemas.iter().cloned())),
            false => "Check the schema names and the user's rights.".to_owned(),
        };
        let message = format!("There is no table to move that this user can see. {hint}");
        return Err(Error::new(Code::NotFound, message).role_if(Some(Role::Source)));
    }
    let exclusions = request.exclude_tables.iter().map(|glob| Exclusion::new(glob)).collect::<Result<Vec<_>>>()?;
    let views = || catalog.objects.iter().filter(|o| o.kind == ObjectKind::View).map(name_of);
    let is_idle = |e: &&Exclusion<'_>| {
        !catalog.tables.iter().any(|t| e.matches(&t.name)) && !views().any(|view| e.matches(&view))
    };
    for idle in exclusions.iter().filter(is_idle) {
        // A name that is not there is a slip of the pen; a pattern may be there for a day when something matches it.
        if !idle.glob.contains(['*', '?', '[', '{']) {
            let names = listed(catalog.tables.iter().map(|t| t.name.name.clone()));
            return Err(Error::new(
                Code::InvalidRequest,
                format!("`exclude_tables`: `{}` matches no table of the source. Tables: {names}.", idle.glob),
            ));
        }
        risks.add(
            Severity::Low,
            "exclusion_without_effect",
            "These patterns of `exclude_tables` match no table of the source.",
            idle.glob,
            "Nothing to do, unless something was to be left out.",
        );
    }
    let kept: Vec<&Table> = catalog.tables.iter().filter(|t| !exclusions.iter().any(|e| e.matches(&t.name))).collect();
    if kept.is_empty() {
        return Err(Error::new(
            Code::InvalidRequest,
            "`exclude_tables` leaves no table to move. Exclude fewer, or choose other schemas.",
        ));
    }
    let (moved, bare): (Vec<&Table>, Vec<&Table>) = kept.into_iter().partition(|t| !t.columns.is_empty());
    for table in bare {
        risks.add(
            Severity::Medium,
            "not_moved",
            "Tables without a column are not moved.",
            full(&table.name),
            "Make them in the target by hand, if they are needed.",
        );
    }
    if moved.is_empty() {
        return Err(Error::new(Code::InvalidRequest, "No table of the source has a column: there is nothing to move."));
    }
    moved.iter().for_each(|t| look(t, risks));
    Ok(moved)
}

/// The views that are to move, if that can be done: those that are not excluded, either.
pub(super) fn views<'a>(request: &Request, catalog: &'a Catalog) -> Result<Vec<&'a Object>> {
    if request.bare {
        return Ok(Vec::new());
    }
    let exclusions = request.exclude_tables.iter().map(|glob| Exclusion::new(glob)).collect::<Result<Vec<_>>>()?;
    let views = catalog.objects.iter().filter(|object| object.kind == ObjectKind::View);
    Ok(views.filter(|view| !exclusions.iter().any(|e| e.matches(&name_of(view)))).collect())
}

/// What a view is called where tables are.
pub(super) fn name_of(object: &Object) -> TableName {
    TableName { schema: object.schema.clone(), name: object.name.clone() }
}

/// Whether such a thing has its name among those of tables.
pub(super) fn is_named_as_a_table(kind: ObjectKind) -> bool {
    match kind {
        ObjectKind::View | ObjectKind::MaterializedView | ObjectKind::Sequence => true,
        ObjectKind::Routine | ObjectKind::Trigger | ObjectKind::Event | ObjectKind::Other => false,
    }
}

/// What a table's own description says.
fn look(table: &Table, risks: &mut Risks) {
    let required = |column: &String| table.columns.iter().any(|c| c.name == *column && !c.nullable);
    let unique_indexes = table.indexes.iter().filter(|i| i.unique && i.predicate.is_none());
    let index_key = |parts: &[crate::catalog::IndexPart]| parts.iter().all(|p| p.column.as_ref().is_some_and(required));
    let has_key = table.primary_key.is_some()
        || table.unique_keys.iter().any(|k| k.columns.iter().all(required))
        || unique_indexes.map(|i| &i.parts).any(|parts| index_key(parts));
    if !has_key {
        risks.add(
            Severity::Low,
            "missing_key",
            "Tables without a key: equal rows cannot be told apart, and a large one may have to be read by a single lane.",
            full(&table.name),
            "Give them a primary key, if their rows have one.",
        );
    }
    if table.bytes.checked_div(table.rows).is_some_and(|row| row >= LARGE_ROW_BYTES) {
        risks.add(
            Severity::Low,
            "large_values",
            "Rows are large (64 KiB or more on average): these tables move by bytes, not by rows.",
            full(&table.name),
            "Nothing to do; expect fewer rows per second.",
        );
    }
}

/// Lists what has no way into the target. Of a view it is told why elsewhere.
pub(super) fn not_moved(objects: &[Object], risks: &mut Risks) {
    for object in objects {
        let (severity, what) = match object.kind {
            ObjectKind::View => continue,
            ObjectKind::MaterializedView => (Severity::Medium, "Materialized views"),
            ObjectKind::Routine => (Severity::Medium, "Functions and procedures"),
            ObjectKind::Trigger => (Severity::Medium, "Triggers"),
            ObjectKind::Sequence => (Severity::Low, "Sequences that no column owns"),
            ObjectKind::Event => (Severity::Medium, "Scheduled events"),
            ObjectKind::Other => (Severity::Low, "Other objects"),
        };
        risks.add(
            severity,
            "not_moved",
            format!("{what} are listed, not moved."),
            format!("{}.{}", object.schema, object.name),
            "Write them for the target by hand; their definitions stand in the plan.",
        );
    }
}

/// `schema.table`.
pub(super) fn full(name: &TableName) -> String {
    format!("{}.{}", name.schema, name.name)
}

/// At most [`NAMES_SHOWN`] names.
pub(super) fn listed(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    let more = names.len().saturating_sub(NAMES_SHOWN);
    names.truncate(NAMES_SHOWN);
    match (names.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (false, 0) => names.join(", "),
        (false, more) => format!("{} and {more} more", names.join(", ")),
    }
}

/// Whether this can be one of [`Request::exclude_tables`]; nobody looks yet whether it matches anything.
///
/// # Errors
/// `invalid_request` for a glob that is none.
pub fn check_exclusion(glob: &str) -> Result<()> {
    Exclusion::new(glob).map(|_| ())
}

struct Exclusion<'a> {
    glob: &'a str,
    matcher: GlobMatcher,
}

impl<'a> Exclusion<'a> {
    fn new(glob: &'a str) -> Result<Self> {
        let built = GlobBuilder::new(glob).case_insensitive(true).backslash_escape(true).build();
        let built = built.map_err(|e| {
            Error::new(
                Code::InvalidRequest,
                format!("`exclude_tables`: `{glob}` is no pattern ({}). `*` and `?` stand for any letters.", e.kind()),
            )
        })?;
        Ok(Self { glob, matcher: built.compile_matcher() })
    }

    fn matches(&self, name: &TableName) -> bool {
        self.matcher.is_match(&name.name) || self.matcher.is_match(full(name))
    }
}
