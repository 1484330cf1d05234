//! From two open sessions to a plan. The sessions only feed facts in; what is made of them is pure.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::SchemaRef;
use serde::Serialize;

use super::architect::{self, Input};
use super::arrival::Arrival;
use super::collation;
use super::existing::{Existing, refuses};
use super::fit::{self, ColumnFit, TableFit};
use super::in_the_way::in_the_way;
use super::meant::{self, Meant};
use super::narrow;
use super::profile::{ColumnProfile, profile};
use super::rename::{Given, Home, Policy, Renamed, Renaming, rename};
use super::risk::Risks;
use super::sample::{Sampled, Sampler, Sampling};
use super::scout::{self, full, name_of};
use super::view;
use super::{
    FORMAT, Naming, OnExisting, Plan, Policies, Request, Severity, Side, Summary, TablePlan, rollback, short_hash,
};
use crate::catalog::{Catalog, NamedType, Object, ObjectKind, Table, TableName};
use crate::connection::Connection;
use crate::error::{Code, Error, Result, Role};
use crate::plugin::{ColumnNote, Description, Fidelity, Proposal, SourceSession, SqlWords, TargetSession};
use crate::validate::unreadable;

/// Characters of a migration's name after its `m`: 60 bits.
const MIGRATION_ID_LENGTH: usize = 12;

/// Bytes of a migration's name that was chosen: what a target's own names leave room for (contract, `job.migration`).
const MIGRATION_NAME_BYTES: usize = 40;

/// Names a migration: the `name` that was chosen, otherwise the same for the same source, target and request, whatever the
/// options of the run.
///
/// # Errors
/// `invalid_request` if the chosen name is not `[a-z0-9_]+` of at most 40 bytes.
pub fn migration_id(source: &Connection, target: &Connection, request: &Request, name: Option<&str>) -> Result<String> {
    name.map_or_else(|| Ok(id(source.identity(), target.identity(), request)), chosen)
}

fn chosen(name: &str) -> Result<String> {
    let fits = (1..=MIGRATION_NAME_BYTES).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if fits {
        return Ok(name.to_owned());
    }
    let message = format!(
        "`name`: `{name}` cannot name a migration in the target. Use lower-case letters, digits and `_`, at most {MIGRATION_NAME_BYTES}."
    );
    Err(Error::new(Code::InvalidRequest, message))
}

/// What of a request makes it another migration. The order of fields is part of the name.
#[derive(Serialize)]
struct Asked<'a> {
    schemas: Vec<&'a str>,
    exclude_tables: Vec<&'a str>,
    target_schema: Option<&'a str>,
    naming: Naming,
    on_existing: OnExisting,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    bare: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    into: &'a BTreeMap<String, String>,
}

fn id(source: &str, target: &str, request: &Request) -> String {
    // Whether the plan says how to take it back changes nothing about what is moved. Policies do: a run that was interrupted
    // under others has this name, too, so that it is found and told of.
    let Request {
        schemas,
        exclude_tables,
        target_schema,
        naming,
        on_existing,
        into,
        generate_rollback: _,
        bare,
        policies: _,
    } = request;
    let [schemas, exclude_tables] = [schemas, exclude_tables].map(|list| {
        let list: BTreeSet<&str> = list.iter().map(String::as_str).collect();
        list.into_iter().collect()
    });
    let target_schema = target_schema.as_deref();
    let asked =
        Asked { schemas, exclude_tables, target_schema, naming: *naming, on_existing: *on_existing, bare: *bare, into };
    let text = serde_json::json!([source, target, asked]).to_string();
    format!("m{}", short_hash(&text, MIGRATION_ID_LENGTH))
}

/// Makes the plan of one migration; `name` as for [`migration_id`]. With `sampling`, the first rows of every table are
/// read through sessions of their own, for 20 seconds in all; without, the plan says nothing of values.
///
/// # Errors
/// The connectors' own; `invalid_request` naming the field of the request that is wrong; `conflict` when a table is in the
/// way in the target.
pub fn draft(
    request: &Request,
    source: &mut SourceSession,
    target: &mut TargetSession,
    from: &Connection,
    to: &Connection,
    name: Option<&str>,
    sampling: Option<Sampling<'_>>,
) -> Result<Plan> {
    let migration = migration_id(from, to, request, name)?;
    let there = source.catalog(&request.schemas)?;
    let mut risks = Risks::default();
    let moved = scout::select(request, &there, &mut risks)?;
    let mut here = target.catalog(&[])?;
    let policy = policy(request, &there, &here, to.plugin().description())?;
    let landing = policy.homes(&moved);
    let homes: BTreeSet<&String> = landing.iter().collect();
    let homes: Vec<String> = homes.into_iter().filter(|h| here.schemas.contains(h)).cloned().collect();
    if homes.is_empty() {
        here.tables.clear();
        here.objects.clear();
    } else if homes != [here.default_schema.as_str()] {
        here = target.catalog(&homes)?;
    }
    let fits = fits(request, &moved, &landing, &here)?;
    let words = [from, to].map(|connection| connection.plugin().description().sql.as_ref());
    let objects = scout::views(request, &there)?;
    let viewed = view::outlines(&objects, &moved, words[0], &there, &here);
    let mut renaming = rename(&moved, &viewed, &there.named_types, &policy, given(&fits, &here), &mut risks);
    if request.bare {
        renaming.tables.iter_mut().for_each(|t| strip(&mut t.table, &mut risks));
    }
    whole_references(&mut renaming, &mut risks);
    let reads = moved
        .iter()
        .map(|t| source.row_schema(&t.name, &t.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>()))
        .collect::<Result<Vec<_>>>()?;
    request.policies.check(&moved)?;
    let meant = if there.dialect == here.dialect {
        vec![Vec::new(); moved.len()]
    } else {
        meant(&moved, &fits, &reads, &request.policies, from, sampling)?
    };
    for (renamed, meant) in renaming.tables.iter_mut().zip(&meant) {
        meant.iter().for_each(|meant| meant::retype(&mut renamed.table.columns[meant.at], &meant.to));
    }
    let made: Vec<bool> = fits.iter().map(Option::is_none).collect();
    let propose = |tables: &[Table]| target.propose(tables, &there.dialect);
    let proposals = view::proposals(&moved, &renaming.tables, policy.same_dialect, &made, words, propose)?;
    let lives: Vec<&Table> = fits.iter().flatten().map(|fit| &here.tables[fit.target]).collect();
    let writable: Vec<Table> = lives.iter().map(|live| Existing::writable(live)).collect();
    let held = if writable.is_empty() { Vec::new() } else { target.propose(&writable, &here.dialect)? };
    if held.len() != lives.len() {
        return Err(miscounted(held.len(), lives.len()));
    }
    let mut held = lives.into_iter().zip(held).map(|(live, proposal)| Existing::new(live, proposal));
    let mut residents = Residents::new(to, sampling, writable.len())?;
    let mut fitted = Vec::with_capacity(fits.len());
    for fit in fits {
        let of_this = match fit.map(|fit| (fit, held.next())) {
            Some((fit, Some(existing))) => {
                let profile = residents.profile(&existing.table)?;
                Some(Fitted { fit, existing, profile })
            }
            Some((_, None)) | None => None,
        };
        fitted.push(of_this);
    }
    let fits = fitted;
    let mut sampler = sampling.map(|s| Sampler::new(from, s, moved.len())).transpose()?;
    let mut sample = |table: &TableName, row: &SchemaRef| match &mut sampler {
        Some(sampler) => sampler.next(table, row),
        None => Ok(Sampled::Unasked),
    };
    let catalog = &there;
    let facts = Facts {
        catalog,
        target: &here,
        moved,
        views: objects,
        words,
        renaming,
        proposals,
        fits,
        meant,
        reads,
        sample: &mut sample,
    };
    let sides = [from, to].map(|c| (c.plugin().name(), c.label(), c.identity()));
    let mut plan = Plan { migration, ..assemble(request, facts, &policy, sides, risks)? };
    if request.generate_rollback {
        plan.rollback = rollback::script(&target.render(&plan.job())?);
    }
    Ok(plan)
}

/// What columns of the tables that are made are taken for; of a table about which nothing was chosen nothing is read.
fn meant(
    moved: &[&Table],
    fits: &[Option<TableFit>],
    reads: &[SchemaRef],
    policies: &Policies,
    from: &Connection,
    sampling: Option<Sampling<'_>>,
) -> Result<Vec<Vec<Meant>>> {
    let made = || moved.iter().zip(fits).map(|(table, fit)| (*table, fit.is_none()));
    let asked: Vec<bool> = made().map(|(table, made)| made && meant::asks(table, policies)).collect();
    let count = asked.iter().filter(|asked| **asked).count();
    let sampler = sampling.filter(|_| count > 0).map(|sampling| Sampler::new(from, sampling, count));
    let mut sampler = sampler.transpose()?;
    let of = |((table, reads), asked): ((&&Table, &SchemaRef), &bool)| {
        let Some(sampler) = sampler.as_mut().filter(|_| *asked) else { return Ok(Vec::new()) };
        Ok(match sampler.next(&table.name, reads)? {
            Sampled::Rows(sample) => {
                meant::candidates(table, &profile(&table.columns, &sample), sample.whole, policies)
            }
            Sampled::Unasked | Sampled::OutOfTime | Sampled::Unreadable(_) => Vec::new(),
        })
    };
    let candidates = moved.iter().zip(reads).zip(&asked).map(of).collect::<Result<Vec<_>>>()?;
    let mut found = meant::meant(moved, &candidates);
    for ((table, _), found) in made().zip(&mut found).filter(|((_, made), _)| *made) {
        let narrowed = narrow::narrowed(table, policies).into_iter();
        found.extend(narrowed.filter(|n| found.iter().all(|meant| meant.at != n.at)).collect::<Vec<_>>());
    }
    Ok(found)
}

/// A table that is there already, and what of the source goes where in it.
pub(super) struct Fitted {
    pub(super) fit: TableFit,
    pub(super) existing: Existing,
    /// What its first rows say of its columns; empty where there was no time, or no way, to read them.
    pub(super) profile: Vec<ColumnProfile>,
}

/// Reads the first rows of tables that are in the target.
struct Residents<'a> {
    sampler: Option<Sampler<'a>>,
    session: Option<SourceSession>,
}

impl<'a> Residents<'a> {
    /// Of a target whose connector reads, too; where it does not, or nobody asked for samples, nothing is known.
    fn new(target: &'a Connection, sampling: Option<Sampling<'a>>, tables: usize) -> Result<Self> {
        let sampling = sampling.filter(|_| tables > 0 && unreadable(target).is_none());
        Ok(Self {
            session: sampling.map(|s| SourceSession::open(target, s.environment.clone())).transpose()?,
            sampler: sampling.map(|s| Sampler::new(target, s, tables)).transpose()?,
        })
    }

    fn profile(&mut self, table: &Table) -> Result<Vec<ColumnProfile>> {
        let (Some(sampler), Some(session)) = (&mut self.sampler, &mut self.session) else { return Ok(Vec::new()) };
        let names: Vec<String> = table.columns.iter().map(|c| c.name.clone()).collect();
        let row = session.row_schema(&table.name, &names)?;
        Ok(match sampler.next(&table.name, &row)? {
            Sampled::Rows(sample) => profile(&table.columns, &sample),
            Sampled::Unasked | Sampled::OutOfTime | Sampled::Unreadable(_) => Vec::new(),
        })
    }
}

impl Fitted {
    /// What is staged of the table, and what it would refuse: `made` is how its columns would be, were they made for the source.
    fn proposal(&self, made: &Proposal) -> Result<Proposal> {
        let filled = |name: &&String| {
            self.fit.columns.iter().any(|fit| matches!(fit, ColumnFit::To { column, .. } if column == *name))
        };
        let names: Vec<String> = self.existing.table.columns.iter().map(|c| &c.name).filter(filled).cloned().collect();
        let (table, row_schema) = self.existing.staged(&names)?;
        let note = |column: &String| ColumnNote {
            column: column.clone(),
            fidelity: Fidelity::Lossless,
            note: String::new(),
            refuses: refuses(made, column),
        };
        Ok(Proposal { columns: names.iter().map(note).collect(), notes: Vec::new(), table, row_schema })
    }
}

/// The target's own tables that rows are to be added to, where that was asked for.
pub(super) fn fits(
    request: &Request,
    moved: &[&Table],
    landing: &[String],
    target: &Catalog,
) -> Result<Vec<Option<TableFit>>> {
    match request.on_existing {
        OnExisting::Append => fit::fit(moved, landing, &target.tables, &request.into),
        OnExisting::Fail | OnExisting::Replace if request.into.is_empty() => Ok(vec![None; moved.len()]),
        OnExisting::Fail | OnExisting::Replace => Err(Error::new(
            Code::InvalidRequest,
            "`into`: rows are only added to tables of the target with `on_existing` `append`.",
        )),
    }
}

/// The names that fitted tables have.
pub(super) fn given(fits: &[Option<TableFit>], target: &Catalog) -> Vec<Option<Given>> {
    let of = |fit: &TableFit| {
        let name = |column: &ColumnFit| match column {
            ColumnFit::To { column, .. } => Some(column.clone()),
            ColumnFit::Nowhere(_) | ColumnFit::LeftOut => None,
        };
        Given { table: target.tables[fit.target].name.clone(), columns: fit.columns.iter().map(name).collect() }
    };
    fits.iter().map(|fit| fit.as_ref().map(of)).collect()
}

/// A new table cannot refer to a column that has no place.
fn whole_references(renaming: &mut Renaming, risks: &mut Risks) {
    for renamed in &mut renaming.tables {
        let Renamed { source, table, .. } = renamed;
        table.foreign_keys.retain(|key| {
            let whole = !key.referenced_columns.iter().any(|column| Given::is_nameless(column));
            if !whole {
                risks.add(
                    Severity::Medium,
                    "foreign_key_not_moved",
                    "Foreign keys to columns that have no place in the target's own tables are left out.",
                    format!("{} ({})", full(source), key.columns.join(", ")),
                    "Say where these columns go, or make the foreign key by hand afterwards.",
                );
            }
            whole
        });
    }
}

fn miscounted(proposed: usize, asked: usize) -> Error {
    let message =
        format!("The target's connector proposes {proposed} tables of {asked}. This is a bug of the connector.");
    Error::new(Code::PluginLied, message).role_if(Some(Role::Target))
}

/// Leaves the columns, and nothing that is built on them.
fn strip(table: &mut Table, risks: &mut Risks) {
    table.primary_key = None;
    table.unique_keys.clear();
    table.foreign_keys.clear();
    table.checks.clear();
    table.indexes.clear();
    risks.add(
        Severity::Medium,
        "keys_left_out",
        "Keys, indexes, checks and foreign keys are left out, as asked: nothing keeps rows from being doubled or orphaned.",
        table.name.name.clone(),
        "Make them in the target before applications write to it.",
    );
}

/// How names are made and where tables go.
pub(super) fn policy(
    request: &Request,
    source: &Catalog,
    target: &Catalog,
    description: &Description,
) -> Result<Policy> {
    let several = source.tables.iter().map(|t| &t.name.schema).collect::<BTreeSet<_>>().len() > 1;
    let home = match (&request.target_schema, description.has_schemas) {
        (Some(schema), false) if *schema != target.default_schema => {
            return Err(Error::new(
                Code::InvalidRequest,
                format!(
                    "`target_schema`: a target of `{}` has no schemas but `{}`. Leave it out.",
                    description.name, target.default_schema
                ),
            ));
        }
        (Some(schema), _) => Home::One(schema.clone()),
        (None, _) if !several => Home::One(target.default_schema.clone()),
        (None, true) => Home::Own,
        (None, false) => Home::Prefixed(target.default_schema.clone()),
    };
    Ok(Policy {
        naming: request.naming,
        limit: usize::try_from(description.identifier_bytes).unwrap_or(usize::MAX),
        home,
        same_dialect: source.dialect == target.dialect,
        has_schemas: description.has_schemas,
    })
}

/// What the sessions said.
pub(super) struct Facts<'a> {
    pub(super) catalog: &'a Catalog,
    /// The target's catalog of the schemas that tables will go to, as far as they are there.
    pub(super) target: &'a Catalog,
    pub(super) moved: Vec<&'a Table>,
    /// Views that are to move, if they can be translated.
    pub(super) views: Vec<&'a Object>,
    /// The words of both sides for them.
    pub(super) words: [Option<&'a SqlWords>; 2],
    pub(super) renaming: Renaming,
    pub(super) proposals: Vec<Proposal>,
    /// Of tables that the target has already.
    pub(super) fits: Vec<Option<Fitted>>,
    /// Columns of each table that are taken for something else.
    pub(super) meant: Vec<Vec<Meant>>,
    /// What reading all columns of each table gives.
    pub(super) reads: Vec<SchemaRef>,
    /// Reads the first rows of a table. One table's are held at a time (P6).
    pub(super) sample: &'a mut dyn FnMut(&TableName, &SchemaRef) -> Result<Sampled>,
}

pub(super) fn assemble(
    request: &Request,
    facts: Facts<'_>,
    policy: &Policy,
    sides: [(&str, &str, &str); 2],
    mut risks: Risks,
) -> Result<Plan> {
    let Facts { catalog, target, moved, views, words, renaming, proposals, fits, meant, reads, sample } = facts;
    let made: Vec<bool> = fits.iter().map(Option::is_none).collect();
    in_the_way(request, target, &renaming, &made, policy, &mut risks)?;
    if let Home::Prefixed(_) = policy.home {
        renaming.tables.iter().for_each(|t| {
            risks.add(
                Severity::Low,
                "schema_prefix",
                "The target has no schemas: the source schema's name goes before each table's.",
                format!("{} -> {}", full(&t.source), t.table.name.name),
                "Move one schema at a time to keep the names.",
            );
        });
    }
    if proposals.len() != moved.len() {
        return Err(miscounted(proposals.len(), moved.len()));
    }
    let mut tables = Vec::with_capacity(moved.len());
    let of_each = moved.iter().zip(&renaming.tables).zip(proposals).zip(reads).zip(fits).zip(meant);
    for (((((source, renamed), proposal), reads), fitted), meant) in of_each {
        if proposal.table.name != renamed.table.name {
            let message = format!(
                "The target's connector proposes `{}` for `{}`. This is a bug of the connector.",
                full(&proposal.table.name),
                full(&renamed.table.name)
            );
            return Err(Error::new(Code::PluginLied, message).role_if(Some(Role::Target)));
        }
        let sampled = sample(&source.name, &reads)?;
        let proposal = match &fitted {
            Some(fitted) => fitted.proposal(&proposal)?,
            None => proposal,
        };
        let arrival = match fitted {
            Some(fitted) => Arrival::Added(Box::new(fitted)),
            None if request.on_existing == OnExisting::Append => Arrival::NewBesides,
            None => Arrival::New,
        };
        let policies = &request.policies;
        let planned = architect::table(
            Input { source, renamed, proposal, arrival, reads, sampled, policies, meant: &meant },
            &mut risks,
        )?;
        if catalog.dialect != target.dialect && planned.existing.is_none() {
            meant::tell(source, &planned.profile, policies, &mut risks);
            narrow::tell(source, &planned, policies, &mut risks);
        }
        tables.push(planned);
    }
    if catalog.dialect != target.dialect {
        collation::tell(&moved, &tables, &mut risks);
    }
    let views = view::plan(
        &view::Input {
            objects: &views,
            renamed: &renaming.views,
            words,
            moved: &moved,
            tables: &tables,
            columns: &renaming.tables,
            on_existing: request.on_existing,
            source: catalog,
            target,
            same: &|a, b| policy.is_same(a, b),
        },
        &mut risks,
    )?;
    let is_made = |object: &&Object| {
        let name = name_of(object);
        object.kind == ObjectKind::View && views.iter().any(|view| view.source == name)
    };
    let not_moved: Vec<Object> = catalog.objects.iter().filter(|object| !is_made(object)).cloned().collect();
    scout::not_moved(&not_moved, &mut risks);
    let named_types = named_types(renaming.named_types);
    let homes = tables.iter().map(|t| &t.target.name.schema).chain(named_types.iter().map(|t| &t.schema));
    let parts = tables.iter().flat_map(|t| t.target.parts());
    let homes = homes.chain(views.iter().map(|v| &v.view.name.schema)).chain(parts.map(|part| &part.name.schema));
    let homes: BTreeSet<&String> = homes.filter(|home| policy.has_schemas && !target.schemas.contains(home)).collect();
    let new_schemas = homes.into_iter().cloned().collect();
    let [from, to] = sides;
    let side = |(connector, label, _): (&str, &str, &str), catalog: &Catalog| Side {
        connector: connector.to_owned(),
        connection: label.to_owned(),
        server: catalog.server.clone(),
        dialect: catalog.dialect.clone(),
    };
    Ok(Plan {
        version: FORMAT,
        migration: id(from.2, to.2, request),
        source: side(from, catalog),
        target: side(to, target),
        request: request.clone(),
        summary: summary(&tables),
        tables,
        risks: risks.sorted(),
        named_types,
        new_schemas,
        views,
        not_moved,
        rollback: Vec::new(),
    })
}

fn named_types(mut types: Vec<NamedType>) -> Vec<NamedType> {
    types.dedup_by(|a, b| (&a.schema, &a.name) == (&b.schema, &b.name));
    types
}

pub(super) fn summary(tables: &[TablePlan]) -> Summary {
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let sum = |of: fn(&TablePlan) -> u64| tables.iter().map(of).fold(0, u64::saturating_add);
    let mappings = || tables.iter().flat_map(|t| &t.mappings);
    Summary {
        tables: count(tables.len()),
        columns: count(mappings().count()),
        relationships: count(tables.iter().map(|t| t.target.foreign_keys.len()).sum()),
        transformations: count(
            mappings().filter(|m| m.transformation != crate::expression::quote(&m.source_column)).count(),
        ),
        estimated_records: sum(|t| t.estimated_rows),
        estimated_bytes: sum(|t| t.estimated_bytes),
    }
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
