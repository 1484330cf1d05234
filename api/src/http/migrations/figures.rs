//! Figures of a migration as they were last told.

use jiff::Timestamp;
use sensei_engine::error::{Code, Error, Result};
use sensei_engine::lifecycle::{Progress, Record, Status};
use sensei_engine::store::{Sample, Store};
use serde_json::Value;

/// Figures of one moment.
#[derive(Debug, Clone)]
pub(super) struct Figures {
    pub(super) at: Timestamp,
    pub(super) progress: Progress,
}

impl Figures {
    /// The last ones; none before the first row moved.
    pub(super) async fn last(store: &Store, migration: &str) -> Result<Option<Self>> {
        store.progress(migration).await?.map(Self::read).transpose()
    }

    pub(super) fn read(sample: Sample) -> Result<Self> {
        let progress = serde_json::from_value(sample.data).map_err(|e| {
            Error::new(
                Code::Store,
                format!("Figures in the state cannot be read: {e}. Another version of Sensei may have written them."),
            )
        })?;
        Ok(Self { at: sample.at, progress })
    }
}

/// How far a migration is. Never 100 before it is completed.
pub(super) fn overall_percent(record: &Record, told: Option<f64>) -> u8 {
    match record.status {
        Status::Completed => 100,
        Status::Pending
        | Status::Planning
        | Status::PlanReady
        | Status::Approved
        | Status::Running
        | Status::Pausing
        | Status::Paused
        | Status::Validating
        | Status::Failed
        | Status::Cancelled
        | Status::RollingBack
        | Status::RolledBack => whole_percent(told.unwrap_or(0.0)).min(99),
    }
}

/// What [`Progress`] says of it, without reading all of it.
pub(super) fn told_percent(progress: &Value) -> Option<f64> {
    progress.get("overall_percent")?.as_f64()
}

/// Rounded down: what is not done is not 100 %.
pub(super) fn whole_percent(percent: f64) -> u8 {
    percent.clamp(0.0, 100.0) as u8
}

/// A rate or a time as the contract writes it: a whole number. What is no number is none.
pub(super) fn whole(figure: f64) -> u64 {
    figure.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_done_is_not_a_hundred() {
        assert_eq!(whole_percent(99.99), 99);
        assert_eq!((whole_percent(-1.0), whole_percent(250.0), whole_percent(f64::NAN)), (0, 100, 0));
        assert_eq!((whole(8233.6), whole(-3.0), whole(f64::NAN)), (8234, 0, 0));
        assert_eq!(told_percent(&serde_json::json!({"overall_percent": 67.5})), Some(67.5));
        assert_eq!(told_percent(&Value::Null), None);
    }
}
