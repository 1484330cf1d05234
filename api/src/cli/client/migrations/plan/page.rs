//! The plan for people: what waits for them first, with the reasons; what is decided only in numbers.

use super::{Evidence, Mapping, Phase, Place, Plan, Risk, Summary};
use crate::cli::client::migrations::words::spaced;
use crate::cli::client::{facts, moment};
use crate::cli::format::{count, counted, headed, seconds, some_of};
use crate::cli::screen::{Column, table};

/// Mappings shown of those that wait: a person decides no more at once.
const MAPPINGS_SHOWN: usize = 50;
/// Names shown of what one line is about.
const NAMES_SHOWN: usize = 6;
/// Under the words of an entry, not under its tag.
const INDENT: &str = "               ";

/// The whole page.
pub(super) fn text(plan: &Plan, width: u16) -> String {
    let generated = plan.generated_at.as_deref().map(|at| format!("made {}", moment::shown_utc(at)));
    let head = facts::joined([Some(spaced(&plan.status)), generated]).unwrap_or_default();
    let mut text = format!("Plan of {}: {head}\n", plan.migration_id);
    text += &plan.summary.as_ref().map(Summary::text).unwrap_or_default();
    for part in [waiting(plan, width), rejected(plan, width), risks(plan, width), phases(plan, width)] {
        if !part.is_empty() {
            text += &format!("\n{part}");
        }
    }
    text
}

impl Summary {
    fn text(&self) -> String {
        let (tables, columns) = (counted(self.tables, "table"), counted(self.columns, "column"));
        let keys = counted(self.relationships, "foreign key");
        let transformations = counted(self.transformations, "transformation");
        let rows = self.estimated_records.map(|rows| format!("{} rows", count(rows)));
        let expected = facts::joined([rows, self.estimated_duration_seconds.map(seconds)]);
        let expected = expected.map(|expected| format!("; about {expected}")).unwrap_or_default();
        format!("{tables}, {columns}, {keys}, {transformations}{expected}.\n")
    }
}

fn with_status<'a>(plan: &'a Plan, status: &str) -> Vec<&'a Mapping> {
    plan.mappings.iter().filter(|mapping| mapping.status == status).collect()
}

fn waiting(plan: &Plan, width: u16) -> String {
    let waiting = with_status(plan, "pending_review");
    if waiting.is_empty() {
        return String::new();
    }
    let (number, all) = (waiting.len() as u64, counted(plan.mappings.len() as u64, "mapping"));
    let wait = if number == 1 { "waits" } else { "wait" };
    let mut text = format!("{} of {all} {wait} for a person\n", count(number));
    for mapping in waiting.iter().take(MAPPINGS_SHOWN) {
        text += &mapping.text(width);
    }
    if waiting.len() > MAPPINGS_SHOWN {
        text += &format!("  and {} more (all of them: --json)\n", count((waiting.len() - MAPPINGS_SHOWN) as u64));
    }
    let id = &plan.migration_id;
    text +=
        &format!("\n  sensei migrations approve {id} MAPPING     or --reject, --override SQL, --target-column NAME\n");
    text + &format!("  sensei migrations approve {id} --all\n")
}

impl Mapping {
    fn text(&self, width: u16) -> String {
        let way = format!("{} -> {}", self.source.text(), self.target.text());
        let mut text = format!("  {}  {way}\n", self.id);
        let mut line = |words: &str| text += &format!("{}\n", headed("      ", words, "        ", width.into()));
        if let Some(transformation) =
            self.transformation.as_deref().filter(|sql| Some(*sql) != self.source.column.as_deref())
        {
            line(&format!("by {transformation}"));
        }
        line(&format!("confidence {:.2}", self.confidence));
        let mut evidence: Vec<&Evidence> = self.evidence.iter().collect();
        evidence.sort_by(|a, b| a.weight.total_cmp(&b.weight));
        for Evidence { kind, weight, detail } in evidence {
            line(&format!("{weight:.2} {}: {detail}", spaced(kind)));
        }
        text
    }
}

impl Place {
    fn text(&self) -> String {
        let schema = self.schema.as_deref().filter(|schema| !schema.is_empty());
        let parts = schema.into_iter().chain([self.table.as_str(), self.column.as_deref().unwrap_or("?")]);
        parts.collect::<Vec<_>>().join(".")
    }
}

fn rejected(plan: &Plan, width: u16) -> String {
    let columns: Vec<String> = with_status(plan, "rejected").iter().map(|mapping| mapping.source.text()).collect();
    if columns.is_empty() {
        return String::new();
    }
    let words = format!("Rejected, so left out: {}.", some_of(&columns, NAMES_SHOWN));
    format!("{}\n", headed("", &words, "  ", width.into()))
}

fn risks(plan: &Plan, width: u16) -> String {
    if plan.risks.is_empty() {
        return String::new();
    }
    let mut risks: Vec<&Risk> = plan.risks.iter().collect();
    risks.sort_by_key(|risk| rank(&risk.severity));
    let mut text = format!("{}\n", counted(risks.len() as u64, "risk"));
    for Risk { severity, description, affected, mitigation } in risks {
        text += &format!("{}\n", headed(&format!("  {severity:<11}  "), description, INDENT, width.into()));
        let affected = (!affected.is_empty()).then(|| format!("Affected: {}.", some_of(affected, NAMES_SHOWN)));
        let to_do = mitigation.as_deref().filter(|m| !m.is_empty()).map(|m| format!("To do: {m}"));
        for words in [affected, to_do].into_iter().flatten() {
            text += &format!("{}\n", headed(INDENT, &words, INDENT, width.into()));
        }
    }
    text
}

/// The most pressing first; a word that is not known is pressing.
fn rank(severity: &str) -> u8 {
    match severity {
        "low" => 2,
        "medium" => 1,
        _ => 0,
    }
}

const PHASE_COLUMNS: [Column<'_>; 3] = [Column::Left("phase"), Column::Right("tables"), Column::Right("about")];

fn phases(plan: &Plan, width: u16) -> String {
    if plan.phases.is_empty() {
        return String::new();
    }
    let row = |Phase { name, tables, estimated_duration_seconds }: &Phase| {
        let tables = if tables.is_empty() { String::new() } else { count(tables.len() as u64) };
        vec![spaced(name), tables, estimated_duration_seconds.map(seconds).unwrap_or_default()]
    };
    table(&PHASE_COLUMNS, plan.phases.iter().map(row), width)
}
