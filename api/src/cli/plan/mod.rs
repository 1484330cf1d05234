//! The plan for people: what will be moved, what deserves a look, what may surprise.

use std::collections::BTreeMap;

use sensei_engine::catalog::{Object, ObjectKind};
use sensei_engine::plan::{Evidence, Fidelity, Mapping, Plan, Risk, Severity, Side, TablePlan};

use super::format::{count, counted, headed, size, some_of};
use super::screen::{Column, table};

/// Tables listed, the largest; more would push the rest of the plan off the screen.
const TABLES_SHOWN: usize = 40;
/// Names listed of what one line is about.
const NAMES_SHOWN: usize = 6;
/// A mapping below this confidence is shown with its evidence.
const LOOK_BELOW: f64 = 0.9;

const TABLE_COLUMNS: [Column<'_>; 5] = [
    Column::Left("table"),
    Column::Left("lands as"),
    Column::Right("about rows"),
    Column::Right("size"),
    Column::Right("columns"),
];

/// The whole page.
pub(super) fn text(plan: &Plan, width: u16) -> String {
    let mut text = format!("Source  {}\nTarget  {}\n\n", side(&plan.source), side(&plan.target));
    text += &table(&TABLE_COLUMNS, largest(&plan.tables).into_iter().map(table_row), width);
    if plan.tables.len() > TABLES_SHOWN {
        let more = plan.tables.len() - TABLES_SHOWN;
        text += &format!("  and {} that are smaller (all of them: --plan)\n", counted(more as u64, "table"));
    }
    text += &format!("\n{}\n", totals(plan));
    for part in [views(plan, width), looks(plan, width), risks(plan, width), not_moved(&plan.not_moved, width)] {
        if !part.is_empty() {
            text += &format!("\n{part}");
        }
    }
    text
}

/// `Server 10.11 at scheme://host/database`.
fn side(side: &Side) -> String {
    format!("{} at {}", side.server, side.connection)
}

fn totals(plan: &Plan) -> String {
    let summary = &plan.summary;
    let (tables, columns) = (counted(summary.tables, "table"), counted(summary.columns, "column"));
    let keys = counted(summary.relationships, "foreign key");
    let (rows, bytes) = (count(summary.estimated_records), size(summary.estimated_bytes));
    format!("{tables}, {columns}, {keys}; about {rows} rows, {bytes}. Migration {}.", plan.migration)
}

/// The largest tables, in the plan's order.
fn largest(tables: &[TablePlan]) -> Vec<&TablePlan> {
    let mut order: Vec<usize> = (0..tables.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse((tables[*at].estimated_bytes, tables[*at].estimated_rows)));
    order.truncate(TABLES_SHOWN);
    order.sort_unstable();
    order.into_iter().map(|at| &tables[at]).collect()
}

fn table_row(plan: &TablePlan) -> Vec<String> {
    let target = &plan.target.name;
    vec![
        qualified(&plan.source.schema, &plan.source.name),
        qualified(&target.schema, &target.name),
        count(plan.estimated_rows),
        size(plan.estimated_bytes),
        count(plan.target.columns.len() as u64),
    ]
}

fn qualified(schema: &str, name: &str) -> String {
    if schema.is_empty() { name.to_owned() } else { format!("{schema}.{name}") }
}

/// Why a mapping deserves a look, most pressing first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    Unsupported,
    Lossy,
    LowConfidence,
    Cast,
    Widened,
    Noted,
}

impl Why {
    fn of(mapping: &Mapping) -> Option<Self> {
        match mapping.fidelity {
            Fidelity::Unsupported => Some(Self::Unsupported),
            Fidelity::Lossy => Some(Self::Lossy),
            Fidelity::Lossless | Fidelity::Widened if mapping.confidence < LOOK_BELOW => Some(Self::LowConfidence),
            Fidelity::Lossless | Fidelity::Widened if is_transformed(mapping) => Some(Self::Cast),
            Fidelity::Widened => Some(Self::Widened),
            Fidelity::Lossless if !mapping.note.is_empty() => Some(Self::Noted),
            Fidelity::Lossless => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Unsupported => "unsupported",
            Self::Lossy => "lossy",
            Self::LowConfidence => "unsure",
            Self::Cast => "converted",
            Self::Widened => "widened",
            Self::Noted => "note",
        }
    }
}

/// Whether more happens to the column than being copied.
fn is_transformed(mapping: &Mapping) -> bool {
    let bare = mapping.transformation.trim_matches('"').replace("\"\"", "\"");
    bare != mapping.source_column
}

/// Columns that are alike are one entry.
fn looks(plan: &Plan, width: u16) -> String {
    let mut groups: BTreeMap<(Why, &str, &str, String), Vec<String>> = BTreeMap::new();
    let mut columns = 0;
    for table in &plan.tables {
        for mapping in &table.mappings {
            let Some(why) = Why::of(mapping) else { continue };
            columns += 1;
            let key = (why, mapping.source_type.as_str(), mapping.target_type.as_str(), reason(why, mapping));
            groups.entry(key).or_default().push(format!("{}.{}", table.source.name, mapping.source_column));
        }
    }
    if groups.is_empty() {
        return String::new();
    }
    let deserve = if columns == 1 { "deserves" } else { "deserve" };
    let mut text = format!("{columns} of {} {deserve} a look\n", counted(plan.summary.columns, "column"));
    for ((why, from, to, reason), columns) in groups {
        let types = if from == to || to.is_empty() { from.to_owned() } else { format!("{from} -> {to}") };
        let head = format!("  {:<11}  {types}: {}", why.word(), some_of(&columns, NAMES_SHOWN));
        text += &format!("{}\n", paragraph(&head, width));
        if !reason.is_empty() {
            text += &format!("{}\n", paragraph(&format!("{INDENT}{reason}"), width));
        }
    }
    text
}

fn reason(why: Why, mapping: &Mapping) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !mapping.note.is_empty() {
        parts.push(mapping.note.clone());
    }
    match why {
        Why::Cast => parts.push(format!("By {}.", generic(mapping))),
        Why::LowConfidence => {
            let doubts = mapping.evidence.iter().filter(|e| e.weight < 1.0).map(doubt);
            parts.push(format!("Confidence {:.2}: {}.", mapping.confidence, doubts.collect::<Vec<_>>().join("; ")));
        }
        Why::Unsupported | Why::Lossy | Why::Widened | Why::Noted => {}
    }
    parts.join(" ")
}

/// The transformation with the column's name taken out, so that equal ones are one entry.
fn generic(mapping: &Mapping) -> String {
    let quoted = format!("\"{}\"", mapping.source_column.replace('"', "\"\""));
    let transformation = mapping.transformation.replace(&quoted, "…");
    transformation.replacen(&format!("({} ", mapping.source_column), "(… ", 1)
}

fn doubt(evidence: &Evidence) -> String {
    format!("{} ({:.2})", evidence.detail.trim_end_matches('.'), evidence.weight)
}

/// Whether another part of the page says the same, and more.
fn is_told_elsewhere(risk: &Risk, plan: &Plan) -> bool {
    let objects = || plan.not_moved.iter().map(|o| qualified(&o.schema, &o.name)).collect::<Vec<_>>();
    match risk.kind.as_str() {
        "not_moved" => {
            let objects = objects();
            !risk.affected.is_empty() && risk.affected.iter().all(|affected| objects.contains(affected))
        }
        "note" | "type_widened" => plan.tables.iter().flat_map(|t| &t.mappings).any(|m| m.note == risk.description),
        _ => false,
    }
}

fn risks(plan: &Plan, width: u16) -> String {
    let mut risks: Vec<&Risk> = plan.risks.iter().filter(|risk| !is_told_elsewhere(risk, plan)).collect();
    if risks.is_empty() {
        return String::new();
    }
    risks.sort_by_key(|risk| std::cmp::Reverse(risk.severity));
    let mut text = format!("{}\n", counted(risks.len() as u64, "risk"));
    for risk in risks {
        let severity = match risk.severity {
            Severity::High => "high",
            Severity::Medium => "medium",
            Severity::Low => "low",
        };
        text += &format!("{}\n", paragraph(&format!("  {severity:<11}  {}", risk.description), width));
        if !risk.affected.is_empty() {
            let affected = format!("{INDENT}Affected: {}.", some_of(&risk.affected, NAMES_SHOWN));
            text += &format!("{}\n", paragraph(&affected, width));
        }
        if !risk.mitigation.is_empty() {
            text += &format!("{}\n", paragraph(&format!("{INDENT}To do: {}", risk.mitigation), width));
        }
    }
    text
}

/// Under the words of an entry, not under its tag.
const INDENT: &str = "               ";

/// Keeps an entry's tag or indent, wraps its words.
fn paragraph(text: &str, width: u16) -> String {
    // Tags and indents are ASCII, so this is the border of a character.
    let (head, words) = text.split_at(text.len().min(INDENT.len()));
    headed(head, words, INDENT, width.into())
}

/// Views that are made.
fn views(plan: &Plan, width: u16) -> String {
    if plan.views.is_empty() {
        return String::new();
    }
    let names: Vec<String> = plan.views.iter().map(|v| qualified(&v.view.name.schema, &v.view.name.name)).collect();
    let words = format!("{}: {}", counted(names.len() as u64, "view"), some_of(&names, NAMES_SHOWN));
    format!("{}\n", headed("", &words, "  ", width.into()))
}

fn not_moved(objects: &[Object], width: u16) -> String {
    if objects.is_empty() {
        return String::new();
    }
    let mut text = "Not moved\n".to_owned();
    for kind in KINDS {
        let names: Vec<String> =
            objects.iter().filter(|o| o.kind == kind).map(|o| qualified(&o.schema, &o.name)).collect();
        if !names.is_empty() {
            let noun = noun(kind, names.len() > 1);
            let words = format!("{} {noun}: {}", count(names.len() as u64), some_of(&names, NAMES_SHOWN));
            text += &format!("{}\n", headed("  ", &words, "    ", width.into()));
        }
    }
    text
}

const KINDS: [ObjectKind; 7] = [
    ObjectKind::View,
    ObjectKind::MaterializedView,
    ObjectKind::Routine,
    ObjectKind::Trigger,
    ObjectKind::Sequence,
    ObjectKind::Event,
    ObjectKind::Other,
];

fn noun(kind: ObjectKind, several: bool) -> &'static str {
    let (one, many) = match kind {
        ObjectKind::View => ("view", "views"),
        ObjectKind::MaterializedView => ("materialized view", "materialized views"),
        ObjectKind::Routine => ("routine", "routines"),
        ObjectKind::Trigger => ("trigger", "triggers"),
        ObjectKind::Sequence => ("sequence", "sequences"),
        ObjectKind::Event => ("event", "events"),
        ObjectKind::Other => ("other object", "other objects"),
    };
    if several { many } else { one }
}

#[cfg(test)]
mod tests;
