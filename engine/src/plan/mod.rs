//! The plan: what will be moved, how, and what a person should know before.
//!
//! The scout reads the source's catalog and the first rows of its tables (facts); the architect turns them into mappings,
//! risks and tables for the target (proposals), and says how sure it is, with evidence. A person decides ([`Decision`]); the
//! plan as decided is what is executed. The plan is data: the transfer executes it and nothing else.

mod architect;
mod arrival;
mod collation;
mod decision;
mod draft;
mod estimate;
mod evidence;
mod existing;
mod fit;
#[cfg(test)]
pub(crate) mod fixtures;
mod in_the_way;
mod meant;
mod naming;
mod narrow;
pub(crate) mod outline;
mod policies;
mod profile;
mod range;
mod rename;
mod rewrite;
mod risk;
mod rollback;
mod sample;
mod scout;
mod view;

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

use crate::catalog::{NamedType, Object, Table, TableName};
use crate::expression::{Expression, quote};
pub use crate::plugin::{Fidelity, OnExisting};
pub use decision::Decision;
pub use draft::{draft, migration_id};
pub use estimate::{PhaseEstimate, Rate};
pub use existing::Existing;
pub use policies::{Policies, Remedy};
pub use profile::{ColumnProfile, LooksLike};
pub(crate) use rollback::undo;
pub use sample::Sampling;
pub use scout::check_exclusion;
pub use view::{UsedColumn, ViewPlan};

/// Format of the plan document that this version writes.
const FORMAT: u32 = 2;

/// `length` characters of `[a-z2-7]`, the same each time for the same text.
fn short_hash(text: &str, length: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let hash = blake3::hash(text.as_bytes());
    hash.as_bytes().iter().cycle().take(length).map(|b| char::from(ALPHABET[usize::from(b % 32)])).collect()
}

/// What to move, and how names are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Source schemas; empty means the connection's own.
    pub schemas: Vec<String>,
    /// Globs over table names (`AUDIT_LOG`, `TEMP_*`, `HR.TEMP_*`), compared without regard to case.
    pub exclude_tables: Vec<String>,
    /// Where tables land; none: the target connection's own schema for one source schema, the source
    /// schemas' names for several.
    pub target_schema: Option<String>,
    /// How target names are made.
    pub naming: Naming,
    /// What happens to a table that is already there.
    pub on_existing: OnExisting,
    /// Source tables (`name` or `schema.name`), and the tables of the target that their rows are to be added to; for those
    /// whose names do not tell.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub into: BTreeMap<String, String>,
    /// The plan also holds the SQL that takes the migration back.
    #[serde(default)]
    pub generate_rollback: bool,
    /// Tables alone: keys, indexes, checks and foreign keys are left out, for whoever makes them in another way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bare: bool,
    /// What takes the place of values that the target does not hold.
    #[serde(default, skip_serializing_if = "Policies::is_empty")]
    pub policies: Policies,
}

/// How target names are made from source names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Naming {
    /// `CustomerId`, `CUSTOMER-ID` -> `customer_id`.
    #[default]
    Snake,
    /// Lower case, nothing else.
    Lower,
    /// As it is.
    Preserve,
}

/// One side of a plan, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// The connector's name.
    pub connector: String,
    /// Where, without secrets.
    pub connection: String,
    /// The system's own version text.
    pub server: String,
    /// Whose expressions its catalog holds.
    pub dialect: String,
}

/// The plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Format of this document.
    pub version: u32,
    /// Names staging and ledger: the same for the same source, target and request.
    pub migration: String,
    /// Where from.
    pub source: Side,
    /// Where to.
    pub target: Side,
    /// What was asked.
    pub request: Request,
    /// In numbers.
    pub summary: Summary,
    /// In the order of the source's catalog.
    pub tables: Vec<TablePlan>,
    /// What a person should know, most severe first.
    pub risks: Vec<Risk>,
    /// Types with names of their own that the target is to have; none where it does not understand their definitions.
    pub named_types: Vec<NamedType>,
    /// Schemas that the target did not have: the cutover makes them, and taking it back removes them.
    #[serde(default)]
    pub new_schemas: Vec<String>,
    /// Views over the tables, in an order in which each comes after those that it reads from.
    #[serde(default)]
    pub views: Vec<ViewPlan>,
    /// Listed, not moved.
    pub not_moved: Vec<Object>,
    /// SQL for the target that takes the migration back, in the order to execute it in; empty unless it was asked for.
    pub rollback: Vec<String>,
}

/// The plan in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Tables to move.
    pub tables: u64,
    /// Their columns.
    pub columns: u64,
    /// Foreign keys.
    pub relationships: u64,
    /// Mappings whose transformation is more than the column itself.
    pub transformations: u64,
    /// Rows, by the source's statistics.
    pub estimated_records: u64,
    /// Bytes, by the source's statistics.
    pub estimated_bytes: u64,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TablePlan {
    /// In the source.
    pub source: TableName,
    /// As the target will have it: its names, types, keys.
    pub target: Table,
    /// The target has the table already: `target` is what is staged of it, and its rows are added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<Existing>,
    /// One for each column of `row_schema`, in its order: a column the target computes itself need not be there. Before
    /// everything is decided, those that have no column in the target follow.
    pub mappings: Vec<Mapping>,
    /// Arrow schema the target's writer expects (contract `rows`), in hex.
    #[serde(with = "hex")]
    pub row_schema: Vec<u8>,
    /// Source columns that the mappings need, in the order in which they are read.
    pub reads: Vec<String>,
    /// Arrow schema of the whole source row (contract `rows`), in hex: a transformation may use any of its columns.
    #[serde(with = "hex")]
    pub read_schema: Vec<u8>,
    /// What the first rows say, one for each column of the source; empty where there was no time, or no way, to read them.
    pub profile: Vec<ColumnProfile>,
    /// Rows, by the source's statistics.
    pub estimated_rows: u64,
    /// Bytes, by the source's statistics.
    pub estimated_bytes: u64,
}

/// One source column to one target column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mapping {
    /// `map_...`, stable for the same pair of columns.
    pub id: String,
    /// Source column.
    pub source_column: String,
    /// Its type in the source's words.
    pub source_type: String,
    /// Target column; empty where a person has to say which.
    pub target_column: String,
    /// Its type in the target's words.
    pub target_type: String,
    /// SQL over the source row; the column's bare name when nothing happens to it.
    pub transformation: String,
    /// 0 to 1, from `evidence`.
    pub confidence: f64,
    /// Why.
    pub evidence: Vec<Evidence>,
    /// What the target's type does to the values.
    pub fidelity: Fidelity,
    /// What a person should know; empty when nothing.
    pub note: String,
    /// What could take the place of values that the target's column refuses: transformations to approve it with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remedies: Vec<Remedy>,
}

/// One reason for a confidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Stable word: `type_fidelity`, `name_derivation`, `conversion`, `range`, `nullability`, `sample_cast`, `sample_range`,
    /// `sample_special`, `meant_type`, `policy`, `override`; of a table that the target has already `table_match`, `name_match`, `key_role`,
    /// `value_profile`, `ambiguous`.
    pub kind: String,
    /// Factor it contributed, 0 to 1.
    pub weight: f64,
    /// For people.
    pub detail: String,
}

/// How bad a risk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Low,
    /// Look at it.
    Medium,
    /// Decide before you start.
    High,
}

/// Something that may surprise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    /// How bad.
    pub severity: Severity,
    /// Stable word: `data_truncation`, `identifier_collision`, `not_moved` ...
    #[serde(rename = "type")]
    pub kind: String,
    /// What may happen.
    pub description: String,
    /// `table.column` or `table`.
    pub affected: Vec<String>,
    /// What to do about it.
    pub mitigation: String,
}

/// The source columns that the mappings need, in the mappings' order, so that a table of plain columns goes through as it is.
/// `row` is the whole source row. A transformation that cannot be compiled needs its own column, as far as anybody knows.
fn columns_read(row: &SchemaRef, mappings: &[Mapping]) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for mapping in mappings.iter().filter(|m| !m.is_unplaced()) {
        let own = || vec![mapping.source_column.clone()];
        let needed = if mapping.transformation == quote(&mapping.source_column) {
            own()
        } else {
            let named = |e: Expression| e.inputs().iter().map(|at| row.field(*at).name().clone()).collect();
            Expression::parse(&mapping.transformation, row).map_or_else(|_| own(), named)
        };
        needed.into_iter().for_each(|column| {
            if !columns.contains(&column) {
                columns.push(column);
            }
        });
    }
    // Rows of which no column is needed are told by one all the same.
    if columns.is_empty() {
        columns.extend(mappings.first().map(|m| m.source_column.clone()));
    }
    columns
}

/// Bytes as hexadecimal text.
mod hex {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Hex(bytes))
    }

    struct Hex<'a>(&'a [u8]);

    impl std::fmt::Display for Hex<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digit = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        (0..text.len())
            .step_by(2)
            .map(digit)
            .collect::<Option<_>>()
            .ok_or_else(|| serde::de::Error::custom("no hexadecimal text"))
    }
}
