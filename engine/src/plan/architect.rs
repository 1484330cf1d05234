//! Mappings: for each column of a target's proposal, what fills it and how sure that is.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};

use super::arrival::{Arrival, added, unplaced};
use super::evidence::{self, Findings, Seen};
use super::existing::transformation;
use super::fit::ColumnFit;
use super::meant::Meant;
use super::naming::Name;
use super::outline;
use super::policies::{self, Refused};
use super::profile::profile;
use super::range::{extent, narrower};
use super::rename::Renamed;
use super::risk::Risks;
use super::sample::{Sample, Sampled};
use super::scout::full;
use super::{Evidence, Fidelity, Mapping, Policies, Remedy, Severity, TablePlan, columns_read, short_hash};
use crate::catalog::{Column, Table};
use crate::error::{Code, Error, Result, Role};
use crate::expression::{Conversion, Projection, conversion, quote};
use crate::plugin::rows::{decode_schema, encode_schema};
use crate::plugin::{Proposal, Specials};

/// Characters of a mapping's identifier after `map_`: 50 bits, unique among the columns of any database.
const MAPPING_ID_LENGTH: usize = 10;

/// One table on its way into the plan.
pub(super) struct Input<'a> {
    pub(super) source: &'a Table,
    pub(super) renamed: &'a Renamed,
    pub(super) proposal: Proposal,
    pub(super) arrival: Arrival,
    /// What reading all columns gives, in the source's order.
    pub(super) reads: SchemaRef,
    /// Its first rows.
    pub(super) sampled: Sampled,
    /// What takes the place of values that the target does not hold.
    pub(super) policies: &'a Policies,
    /// Columns that are taken for something else.
    pub(super) meant: &'a [Meant],
}

/// The table's plan; what may surprise goes to `risks`.
///
/// # Errors
/// `plugin_lied` if the proposal does not fit the table it was asked for.
pub(super) fn table(input: Input<'_>, risks: &mut Risks) -> Result<TablePlan> {
    let Input { source, renamed, mut proposal, arrival, reads, sampled, policies, meant } = input;
    let lied = |what: String| {
        let message = format!(
            "The target's connector proposes for `{}` {what}. This is a bug of the connector.",
            full(&source.name)
        );
        Error::new(Code::PluginLied, message).role_if(Some(Role::Target))
    };
    let writes = decode_schema(&proposal.row_schema).map_err(|e| e.role_if(Some(Role::Target)))?;
    let profile = match &sampled {
        Sampled::Rows(sample) => profile(&source.columns, sample),
        Sampled::Unasked | Sampled::OutOfTime | Sampled::Unreadable(_) => Vec::new(),
    };
    let as_it_is = arrival.existing().is_some();
    let refused = refused(source, renamed, &proposal, as_it_is, &reads, policies, risks);
    let writes = if as_it_is { writes } else { relax(&mut proposal, &writes, &refused, source, renamed, risks) };
    // Columns that the target computes itself stand in the schema only if its writer wants to see them.
    let mut written = proposal.table.columns.iter();
    let mut mappings = Vec::with_capacity(writes.fields().len());
    for field in writes.fields() {
        let target = written.find(|c| c.name == *field.name()).ok_or_else(|| {
            lied(format!("to write a column `{}` that it does not make, or in another order", field.name()))
        })?;
        let at = (renamed.columns.iter().position(|n| n.target == target.name))
            .ok_or_else(|| lied(format!("a column `{}` that was not asked for", target.name)))?;
        let read = reads.fields().get(at).ok_or_else(|| lied("more columns than the source reads".to_owned()))?;
        let note = proposal.columns.iter().find(|n| n.column == target.name);
        let pair = Pair {
            at,
            source: &source.columns[at],
            target,
            name: &renamed.columns[at],
            reads: &reads,
            from: read,
            to: field,
            fidelity: note.map_or(Fidelity::Lossless, |n| n.fidelity),
            note: note.map_or("", |n| n.note.as_str()),
            refused: &refused[at],
            matched: arrival.evidence(at, profile.get(at)),
            meant: meant.iter().find(|meant| meant.at == at),
        };
        pair.warn(&full(&source.name), risks);
        let seen = pair.seen(&sampled);
        pair.predict(&seen, &full(&source.name), risks);
        mappings.push(pair.mapping(&seen, &full(&source.name), &full(&proposal.table.name)));
    }
    if let Arrival::Added(fitted) = &arrival {
        added(source, fitted, &proposal.table, risks);
        let open = |at: &usize| matches!(fitted.fit.columns[*at], ColumnFit::Nowhere(_));
        let open = (0..source.columns.len()).filter(open);
        mappings.extend(
            open.map(|at| unplaced(source, at, &proposal.table, arrival.evidence(at, None).unwrap_or_default())),
        );
    } else {
        notes(source, renamed, &proposal, risks);
    }
    if mappings.is_empty() {
        return Err(lied("no column that could be written".to_owned()));
    }
    unsampled(source, &sampled, risks);
    Ok(TablePlan {
        source: source.name.clone(),
        estimated_rows: source.rows,
        estimated_bytes: source.bytes,
        profile,
        reads: columns_read(&reads, &mappings),
        read_schema: encode_schema(&reads),
        mappings,
        row_schema: proposal.row_schema,
        target: proposal.table,
        existing: match arrival {
            Arrival::New | Arrival::NewBesides => None,
            Arrival::Added(fitted) => Some(fitted.existing),
        },
    })
}

/// Stable for the same pair of columns.
pub(super) fn mapping_id(source_table: &str, source: &str, target_table: &str, target: &str) -> String {
    let pair = format!("{source_table}\0{source}\0{target_table}\0{target}");
    format!("map_{}", short_hash(&pair, MAPPING_ID_LENGTH))
}

/// For each column of the source: the kinds of its values that the target refuses, and what is chosen for them. In a primary
/// key nothing can be NULL, and in a table that is there (`as_it_is`) nothing where it says so.
fn refused(
    source: &Table,
    renamed: &Renamed,
    proposal: &Proposal,
    as_it_is: bool,
    reads: &SchemaRef,
    policies: &Policies,
    risks: &mut Risks,
) -> Vec<Vec<Refused>> {
    let key = proposal.table.primary_key.iter().flat_map(|key| &key.columns);
    let key: Vec<&String> = key.collect();
    let columns = source.columns.iter().zip(&renamed.columns).zip(reads.fields());
    let of = |((column, name), read): ((&Column, &Name), &FieldRef)| {
        let note = proposal.columns.iter().find(|note| note.column == name.target);
        let specials = note.map_or(Specials::empty(), |note| note.refuses);
        let mut refused = policies::refused(specials, &source.name, column, read.data_type(), policies);
        let place = format!("{}.{}", full(&source.name), column.name);
        let never_null = |name: &String| {
            key.contains(&name) || (as_it_is && proposal.table.columns.iter().any(|c| c.name == *name && !c.nullable))
        };
        for refused in &mut refused {
            if refused.is_null() && never_null(&name.target) {
                refused.forget();
                risks.add(
                    Severity::High,
                    "policy_not_applied",
                    format!("The policy `{}: null` does not hold for columns of a primary key, or of a table that is there and takes no NULL: such a value stops the migration.", refused.word()),
                    &place,
                    "Choose something else for these columns: approve the mapping with another of its remedies.",
                );
            } else if let Some(word) = refused.chosen() {
                risks.add(
                    Severity::Low,
                    "policy",
                    format!("Values that {}: `{word}`, as asked.", refused.plural()),
                    &place,
                    "Nothing to do.",
                );
            }
        }
        refused
    };
    columns.map(of).collect()
}

/// Where NULL is to take the place of values, the target's column takes NULL, whatever the source's did.
fn relax(
    proposal: &mut Proposal,
    writes: &SchemaRef,
    refused: &[Vec<Refused>],
    source: &Table,
    renamed: &Renamed,
    risks: &mut Risks,
) -> SchemaRef {
    let mut fields: Vec<FieldRef> = writes.fields().iter().cloned().collect();
    for ((refused, column), name) in refused.iter().zip(&source.columns).zip(&renamed.columns) {
        let Some(target) = proposal.table.columns.iter_mut().find(|c| c.name == name.target && !c.nullable) else {
            continue;
        };
        if !refused.iter().any(Refused::is_null) {
            continue;
        }
        target.nullable = true;
        for field in fields.iter_mut().filter(|field| *field.name() == name.target) {
            *field = Arc::new(field.as_ref().clone().with_nullable(true));
        }
        risks.add(
            Severity::Medium,
            "not_null_dropped",
            "NULL takes the place of values that the target refuses, as asked: these columns are NOT NULL in the source, and not here.",
            format!("{}.{}", full(&source.name), column.name),
            "Choose a date instead of NULL, if applications count on NOT NULL.",
        );
    }
    let relaxed: SchemaRef = Arc::new(Schema::new_with_metadata(fields, writes.metadata().clone()));
    if relaxed != *writes {
        proposal.row_schema = encode_schema(&relaxed);
    }
    relaxed
}

/// What the target says it leaves out.
fn notes(source: &Table, renamed: &Renamed, proposal: &Proposal, risks: &mut Risks) {
    for note in &proposal.notes {
        risks.add(
            Severity::Medium,
            "left_out",
            &note.note,
            format!("{}: {}", full(&source.name), note.about),
            "Make it in the target by hand afterwards, if it is needed.",
        );
    }
    let held = |name: &String| proposal.table.columns.iter().any(|column| column.name == *name);
    for (column, name) in source.columns.iter().zip(&renamed.columns) {
        if !held(&name.target) {
            risks.add(
                Severity::High,
                "column_not_moved",
                "The target cannot hold these columns; they are left out.",
                format!("{}.{}", full(&source.name), column.name),
                "Exclude the table, or give the column another type in the source.",
            );
        }
    }
    // What goes with a column that is left out is told by that.
    let gone = |name: &String| renamed.columns.iter().any(|column| column.target == *name) && !held(name);
    let told = |name: &String| proposal.notes.iter().any(|note| note.about.contains(name.as_str()));
    for fact in outline::missing(&renamed.table, &proposal.table) {
        if !fact.names.iter().any(|name| gone(name) || told(name)) {
            risks.add(
                Severity::Medium,
                "left_out",
                "The target will not have these, and its connector does not say why.",
                format!("{}: {}", full(&source.name), fact.words),
                "Make them in the target by hand afterwards, if they are needed.",
            );
        }
    }
}

/// Tables of whose values nothing, or not all, is known.
fn unsampled(source: &Table, sampled: &Sampled, risks: &mut Risks) {
    let table = full(&source.name);
    match sampled {
        Sampled::Unasked => {}
        // The mapping of its column tells it.
        Sampled::Rows(Sample { broken: Some(e), .. }) if e.column.is_some() => {}
        Sampled::Rows(Sample { broken: Some(e), .. }) => {
            let description = format!("Sampled rows cannot be handed over by the source: {}", e.message);
            risks.add(Severity::High, REJECTS, description, table, "Correct the rows in the source.");
        }
        Sampled::Rows(Sample { broken: None, .. }) => {}
        Sampled::OutOfTime => risks.add(
            Severity::Low,
            "not_sampled",
            format!("{TIME_OVER}: how the values of these tables convert is found out by the transfer."),
            table,
            "Nothing to do; confidence in their mappings is a little lower.",
        ),
        Sampled::Unreadable(e) => risks.add(
            Severity::Medium,
            "not_sampled",
            format!("These tables could not be read for a sample: {}", e.message),
            table,
            "Correct what the message says before you start: the transfer has to read them, too.",
        ),
    }
}

/// Why a table was not looked at.
const TIME_OVER: &str = "The planning's time for samples was over";
/// The kind of a risk that names what a transfer would refuse.
const REJECTS: &str = "sample_rejects";

/// A source column and the target column it fills.
struct Pair<'a> {
    /// The source column's place in its row.
    at: usize,
    source: &'a Column,
    target: &'a Column,
    name: &'a Name,
    /// What reading the whole source row gives.
    reads: &'a SchemaRef,
    from: &'a FieldRef,
    to: &'a FieldRef,
    fidelity: Fidelity,
    note: &'a str,
    /// Kinds of values that the target refuses, and what is chosen for them.
    refused: &'a [Refused],
    /// Why this column of a table that is there; none where its name is derived.
    matched: Option<Vec<Evidence>>,
    /// What it is taken for; then each value is converted and compared.
    meant: Option<&'a Meant>,
}

impl Pair<'_> {
    fn step(&self) -> Conversion {
        // What a transformation makes is told by trying it.
        match self.meant.and_then(|meant| meant.transformation) {
            Some(_) => Conversion::Exact,
            None => conversion(self.from.data_type(), self.to.data_type()),
        }
    }

    fn mapping(&self, seen: &Seen, source_table: &str, target_table: &str) -> Mapping {
        let evidence = self.evidence(seen);
        Mapping {
            id: mapping_id(source_table, &self.source.name, target_table, &self.target.name),
            source_column: self.source.name.clone(),
            source_type: self.source.native_type.clone(),
            target_column: self.target.name.clone(),
            target_type: self.target.native_type.clone(),
            transformation: self.transformation(),
            confidence: evidence::confidence(&evidence),
            evidence,
            fidelity: match self.step() {
                Conversion::Unsupported => Fidelity::Unsupported,
                Conversion::Same | Conversion::Exact | Conversion::Checked => self.fidelity,
            },
            note: self.note.to_owned(),
            remedies: self.remedies(seen),
        }
    }

    /// What could be decided about values that are there, or may be: of a table that was seen whole, what it has not is known.
    fn remedies(&self, seen: &Seen) -> Vec<Remedy> {
        let may_be = |at: usize| match seen {
            Seen::Rows(findings) => !findings.whole || findings.special.get(at).is_none_or(|count| *count > 0),
            Seen::Nothing(_) | Seen::Unasked => true,
        };
        let open = self.refused.iter().enumerate().filter(|(at, refused)| may_be(*at) && refused.chosen().is_none());
        let open = open.map(|(_, refused)| refused);
        let done = |words: &str| self.converted(words.replace("{}", &self.column()));
        open.flat_map(|refused| refused.remedies(self.target.nullable, done)).collect()
    }

    /// The column, with what the policies put in the place of values that the target refuses.
    fn column(&self) -> String {
        self.refused.iter().fold(quote(&self.source.name), |column, refused| refused.apply(column))
    }

    fn transformation(&self) -> String {
        self.converted(self.column())
    }

    fn converted(&self, column: String) -> String {
        match self.meant.and_then(|meant| meant.transformation) {
            Some(words) => words.replace("{}", &column),
            None => transformation(column, self.from, self.to),
        }
    }

    /// What the transfer would make of the sample: by the same projection, down to the target column's type.
    fn seen(&self, sampled: &Sampled) -> Seen {
        let sample = match sampled {
            Sampled::Unasked => return Seen::Unasked,
            Sampled::OutOfTime => return Seen::Nothing(TIME_OVER.to_owned()),
            Sampled::Unreadable(e) => return Seen::Nothing(e.message.clone()),
            Sampled::Rows(sample) => sample,
        };
        let stopped_here = sample.broken.as_ref().filter(|e| e.column.as_ref() == Some(&self.source.name));
        if let (0, None, Some(e)) = (sample.rows(), stopped_here, &sample.broken) {
            return Seen::Nothing(e.message.clone());
        }
        let target = Arc::new(Schema::new(vec![Arc::clone(self.to)]));
        let projection = match Projection::compile(self.reads, &target, &[self.transformation()]) {
            Ok(projection) => projection,
            Err(e) => return Seen::Nothing(e.message),
        };
        let mut findings = Findings { sampled: sample.rows(), whole: sample.whole, ..Findings::default() };
        let count = |refused: &Refused| {
            let of = |batch: &RecordBatch| refused.special().mask(batch.column(self.at)).true_count() as u64;
            sample.batches.iter().map(of).sum()
        };
        findings.special = self.refused.iter().map(count).collect();
        let mut values = Vec::new();
        let mut before = 0;
        for (batch, column) in sample.batches.iter().flat_map(|b| projection.columns().iter().map(move |c| (b, c))) {
            let trial = column.try_out(batch);
            findings.refused += trial.refused;
            let first =
                trial.first.map(|first| format!("in row {} of the sample: {}", before + first.row + 1, first.reason));
            findings.first = findings.first.or(first);
            values.extend(trial.values);
            before += batch.num_rows();
        }
        if let Some(e) = stopped_here {
            findings.sampled += 1;
            findings.refused += 1;
            findings.first.get_or_insert_with(|| format!("in row {} of the sample: {}", before + 1, e.message));
        }
        if narrower(&self.source.data_type, &self.target.data_type).is_some() {
            findings.extent = extent(&values, &self.target.data_type);
        }
        Seen::Rows(findings)
    }

    /// What the sample says of the rows to come.
    fn predict(&self, seen: &Seen, table: &str, risks: &mut Risks) {
        match seen {
            Seen::Rows(findings) if findings.rejects() > 0 => risks.add(
                Severity::High,
                REJECTS,
                "Sampled rows hold values that these columns would refuse. Such a row stops the migration; it is never changed.",
                format!("{table}.{}", self.source.name),
                "See the mapping's evidence. Correct the values in the source, or give the mapping another transformation.",
            ),
            Seen::Rows(_) | Seen::Nothing(_) | Seen::Unasked => {}
        }
        for (refused, count, sampled) in self.specials(seen).filter(|(refused, ..)| refused.chosen().is_none()) {
            let description = format!(
                "Sampled values {}, which these columns refuse. Such a row stops the migration; it is never changed.",
                refused.plural()
            );
            let affected = format!(
                "{table}.{} ({} of {} sampled)",
                self.source.name,
                evidence::grouped(count),
                evidence::grouped(sampled)
            );
            let mitigation = format!(
                "Choose what takes their place: for all columns by the policy `{}`, for one by approving its mapping with one of its remedies. Or correct them in the source.",
                refused.word()
            );
            risks.add(Severity::High, "special_values", description, affected, &mitigation);
        }
    }

    /// Kinds of special values that were seen: how many, of how many.
    fn specials<'s>(&'s self, seen: &'s Seen) -> impl Iterator<Item = (&'s Refused, u64, u64)> {
        let found = match seen {
            Seen::Rows(findings) => Some(findings),
            Seen::Nothing(_) | Seen::Unasked => None,
        };
        let counts = found.into_iter().flat_map(|f| f.special.iter().map(|count| (*count, f.sampled)));
        self.refused.iter().zip(counts).filter(|(_, (count, _))| *count > 0).map(|(r, (count, of))| (r, count, of))
    }

    fn evidence(&self, seen: &Seen) -> Vec<Evidence> {
        let mut found = vec![evidence::fidelity(self.fidelity)];
        match &self.matched {
            Some(matched) => found.extend(matched.iter().cloned()),
            None => found.push(evidence::name(self.name.derivation)),
        }
        let step = self.step();
        found.extend(self.meant.map(|meant| meant.evidence.clone()));
        if step != Conversion::Same && (self.meant.is_none() || step == Conversion::Unsupported) {
            found.push(evidence::conversion(step, &format!("{} to {}", self.from.data_type(), self.to.data_type())));
        }
        // That a chosen type holds less is what was chosen; not that sampled values do not fit.
        let beyond = matches!(seen, Seen::Rows(findings) if findings.rejects() > 0);
        if let Some(detail) = narrower(&self.source.data_type, &self.target.data_type)
            && (self.meant.is_none() || beyond)
        {
            found.push(evidence::range(&detail, seen));
        }
        if self.source.nullable && !self.target.nullable {
            found.push(evidence::not_null(seen));
        }
        found.extend(evidence::sample_cast(seen));
        let of = |(refused, count, sampled): (&Refused, u64, u64)| {
            evidence::special(count, sampled, refused.plural(), refused.chosen())
        };
        found.extend(self.specials(seen).map(of));
        found
    }

    fn warn(&self, table: &str, risks: &mut Risks) {
        let place = format!("{table}.{}", self.source.name);
        let or = |otherwise: &str| if self.note.is_empty() { otherwise.to_owned() } else { self.note.to_owned() };
        match self.fidelity {
            Fidelity::Lossless if self.note.is_empty() => {}
            Fidelity::Lossless => risks.add(Severity::Low, "note", self.note, &place, "Nothing to do."),
            Fidelity::Widened => risks.add(
                Severity::Low,
                "type_widened",
                or("The target's type holds every value, and is not the same type."),
                &place,
                "Nothing to do, if applications can read the target's type.",
            ),
            Fidelity::Lossy => risks.add(
                Severity::Medium,
                "values_may_be_refused",
                or("The target's type does not hold every value of the source's. A value that does not fit stops the migration; it is never changed."),
                &place,
                "Look whether such values exist, and correct them in the source.",
            ),
            Fidelity::Unsupported => risks.add(
                Severity::High,
                "unsupported_type",
                or("The target cannot hold values of this type."),
                &place,
                "Exclude the table, or give the column another type in the source.",
            ),
        }
        if let Some(detail) = narrower(&self.source.data_type, &self.target.data_type) {
            let detail = format!(
                "The target's type is narrower ({detail}). A value that does not fit stops the migration; it is never cut."
            );
            risks.add(
                Severity::Medium,
                "data_truncation",
                detail,
                &place,
                "Look whether such values exist, or enlarge the target's type.",
            );
        }
        let (from, to) = (self.from.data_type(), self.to.data_type());
        match self.step() {
            Conversion::Same | Conversion::Exact => {}
            Conversion::Checked => risks.add(
                Severity::Medium,
                "checked_conversion",
                format!("Values are converted from {from} to {to}. One that does not fit exactly stops the migration; it is never rounded."),
                &place,
                "Look whether such values exist, and correct them in the source.",
            ),
            Conversion::Unsupported => risks.add(
                Severity::High,
                "unsupported_conversion",
                format!("There is no exact conversion from {from} to {to}."),
                &place,
                "Exclude the table, or give the column another type in the source.",
            ),
        }
    }
}

#[cfg(test)]
#[path = "architect_tests.rs"]
mod tests;
