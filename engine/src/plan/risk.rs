//! Risks as they are found; those that differ only in what they affect become one.

use super::{Risk, Severity};

/// Risks of one plan.
#[derive(Debug, Default)]
pub(super) struct Risks(Vec<Risk>);

impl Risks {
    /// Adds one, or its `affected` to an equal one.
    pub(super) fn add(
        &mut self,
        severity: Severity,
        kind: &str,
        description: impl Into<String>,
        affected: impl Into<String>,
        mitigation: &str,
    ) {
        let (description, affected) = (description.into(), affected.into());
        let equal = |r: &&mut Risk| r.severity == severity && r.kind == kind && r.description == description;
        match self.0.iter_mut().find(equal) {
            Some(risk) if risk.affected.contains(&affected) => {}
            Some(risk) => risk.affected.push(affected),
            None => self.0.push(Risk {
                severity,
                kind: kind.to_owned(),
                description,
                affected: vec![affected],
                mitigation: mitigation.to_owned(),
            }),
        }
    }

    /// Most severe first, then by kind; otherwise in the order they were found.
    pub(super) fn sorted(self) -> Vec<Risk> {
        let mut risks = self.0;
        risks.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.kind.cmp(&b.kind)));
        risks
    }
}
