//! Mappings, as plan and approvals show them.

use sensei_engine::catalog::TableName;
use sensei_engine::lifecycle::{MappingStatus, Review, ReviewedMapping};
use sensei_engine::plan::{Evidence, Fidelity, Remedy};
use sensei_engine::store::MappingDecision;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::moment::Moment;

/// One source column to one target column.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MappingView {
    /// Names it in an approval.
    #[schema(example = "map_k2n4c7xq5v3b6d1a")]
    id: String,
    source: ColumnName,
    target: TargetColumnName,
    /// SQL over the source row: what a person put in its place, if somebody did.
    #[schema(example = "CAST(EMP_ID AS BIGINT)")]
    transformation: String,
    /// 0 to 1: the product of the evidence's weights.
    #[schema(minimum = 0, maximum = 1, example = 0.98)]
    confidence: f64,
    status: MappingState,
    /// Why the confidence is what it is.
    evidence: Vec<EvidenceView>,
    fidelity: FidelityView,
    /// What a person should know; empty when there is nothing.
    note: String,
    types: ColumnTypes,
    /// What could take the place of values that the target's column refuses: transformations to approve the mapping with.
    remedies: Vec<RemedyView>,
    /// What a person decided; null while nobody did.
    decision: Option<DecisionView>,
    /// Why the migration does not start before somebody decides otherwise: it was rejected and cannot be left out, or it has
    /// no column in the target.
    blocked: Option<String>,
}

/// A column.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ColumnName {
    #[schema(example = "HR")]
    schema: String,
    #[schema(example = "EMPLOYEES")]
    table: String,
    #[schema(example = "EMP_ID")]
    column: String,
}

/// A column of the target.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TargetColumnName {
    #[schema(example = "public")]
    schema: String,
    #[schema(example = "employees")]
    table: String,
    /// Null where the table is there already and no column of it is known for the source's: an approval has to name it.
    #[schema(example = "employee_id")]
    column: Option<String>,
}

/// Types on both sides, in each side's own words.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ColumnTypes {
    #[schema(example = "NUMBER(10)")]
    source: String,
    #[schema(example = "bigint")]
    target: String,
}

/// Whether a mapping awaits a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MappingState {
    /// By a person, or by its confidence.
    Approved,
    /// It awaits a person.
    PendingReview,
    /// By a person: its column is left out.
    Rejected,
}

/// One reason for a confidence.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EvidenceView {
    /// Such as `type_fidelity`, `name_derivation` or `sample_cast`.
    #[schema(example = "type_fidelity")]
    kind: String,
    /// The factor it contributes, 0 to 1.
    #[schema(minimum = 0, maximum = 1, example = 1.0)]
    weight: f64,
    /// For people.
    #[schema(example = "every value arrives and can come back equal")]
    detail: String,
}

/// A ready-made answer to values that the target refuses.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RemedyView {
    /// Which values, by the name that `options.policies` has for them.
    #[schema(example = "zero_dates")]
    policy: String,
    #[schema(example = "null")]
    choice: String,
    /// For people.
    #[schema(example = "NULL takes their place.")]
    about: String,
    /// An `override_transformation` for this mapping's approval.
    #[schema(example = "replace_zero_date(BORN, NULL)")]
    transformation: String,
}

/// What the target's type does to the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FidelityView {
    /// Every value arrives and can come back equal.
    Lossless,
    /// Every value arrives; its type, or some property of it, does not.
    Widened,
    /// Some values may be refused or changed.
    Lossy,
    /// The target has nothing for it.
    Unsupported,
}

/// What a person decided.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DecisionView {
    #[schema(example = true)]
    approved: bool,
    /// What takes the place of the proposed transformation.
    override_transformation: Option<String>,
    /// The column that was chosen, of a table that the target has already.
    #[schema(example = json!(null))]
    target_column: Option<String>,
    #[schema(example = "Verified with business team")]
    comment: Option<String>,
    /// Who.
    #[schema(example = "user_xyz789")]
    by: String,
    at: Moment,
}

impl MappingView {
    /// All mappings of a plan, in its order.
    pub(super) fn all(review: &Review) -> Vec<Self> {
        review.mappings.iter().map(|reviewed| Self::new(review, reviewed)).collect()
    }

    /// The mapping of this id.
    pub(super) fn find(review: &Review, id: &str) -> Option<Self> {
        let is_it = |r: &&ReviewedMapping| review.plan.tables[r.table].mappings[r.mapping].id == id;
        review.mappings.iter().find(is_it).map(|reviewed| Self::new(review, reviewed))
    }

    fn new(review: &Review, reviewed: &ReviewedMapping) -> Self {
        let table = &review.plan.tables[reviewed.table];
        let mapping = &table.mappings[reviewed.mapping];
        let TableName { schema, name } = table.source.clone();
        let source = ColumnName { schema, table: name, column: mapping.source_column.clone() };
        let TableName { schema, name } = table.target.name.clone();
        let target = TargetColumnName { schema, table: name, column: reviewed.target_column.clone() };
        Self {
            id: mapping.id.clone(),
            source,
            target,
            transformation: reviewed.transformation.clone(),
            confidence: mapping.confidence,
            status: reviewed.status.into(),
            evidence: mapping.evidence.iter().map(EvidenceView::from).collect(),
            fidelity: mapping.fidelity.into(),
            note: mapping.note.clone(),
            types: ColumnTypes { source: mapping.source_type.clone(), target: mapping.target_type.clone() },
            remedies: mapping.remedies.iter().map(RemedyView::from).collect(),
            decision: reviewed.decision.as_ref().map(DecisionView::from),
            blocked: reviewed.blocked.clone(),
        }
    }
}

/// Ids of the mappings that keep a migration from its start: those that await a person, and rejected ones whose columns
/// cannot be left out.
pub(super) fn awaiting(review: &Review) -> Vec<String> {
    let awaiting = review.awaiting();
    let blocked = review.blocked().into_iter().filter(|id| !awaiting.contains(id));
    awaiting.iter().cloned().chain(blocked).collect()
}

impl From<MappingStatus> for MappingState {
    fn from(status: MappingStatus) -> Self {
        match status {
            MappingStatus::Approved => Self::Approved,
            MappingStatus::PendingReview => Self::PendingReview,
            MappingStatus::Rejected => Self::Rejected,
        }
    }
}

impl From<&Evidence> for EvidenceView {
    fn from(evidence: &Evidence) -> Self {
        Self { kind: evidence.kind.clone(), weight: evidence.weight, detail: evidence.detail.clone() }
    }
}

impl From<&Remedy> for RemedyView {
    fn from(remedy: &Remedy) -> Self {
        let Remedy { policy, choice, about, transformation } = remedy.clone();
        Self { policy, choice, about, transformation }
    }
}

impl From<Fidelity> for FidelityView {
    fn from(fidelity: Fidelity) -> Self {
        match fidelity {
            Fidelity::Lossless => Self::Lossless,
            Fidelity::Widened => Self::Widened,
            Fidelity::Lossy => Self::Lossy,
            Fidelity::Unsupported => Self::Unsupported,
        }
    }
}

impl From<&MappingDecision> for DecisionView {
    fn from(made: &MappingDecision) -> Self {
        Self {
            approved: made.decision.approved,
            override_transformation: made.decision.transformation.clone(),
            target_column: made.decision.target_column.clone(),
            comment: made.comment.clone(),
            by: made.by.clone(),
            at: made.at.into(),
        }
    }
}
