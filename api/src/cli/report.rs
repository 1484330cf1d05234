//! `--report`: how a run came out, as JSON for machines. Written when it failed, too.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sensei_engine::error::{Code, Error};
use sensei_engine::migration::{Options, Report};
use sensei_engine::plan::{Plan, Risk, Side, Summary};
use serde::Serialize;

use super::failure::Failure;
use super::summary;

/// In one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// Every count agrees.
    Completed,
    /// All rows are moved, yet some counts differ.
    CountsDiffer,
    /// An error ended it.
    Failed,
    /// Somebody stopped it.
    Cancelled,
    /// Nobody agreed to begin.
    Declined,
}

/// The whole file.
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    /// Version of the program.
    sensei: &'static str,
    outcome: Outcome,
    /// Its fields stand beside these.
    #[serde(flatten)]
    report: Option<&'a Report>,
    plan: Option<PlanSummary<'a>>,
    options: &'a Options,
    error: Option<&'a Error>,
    /// Most memory the process ever held, in bytes; none where the system does not tell.
    peak_rss_bytes: Option<u64>,
}

/// The plan without its tables.
#[derive(Debug, Serialize)]
struct PlanSummary<'a> {
    migration: &'a str,
    source: &'a Side,
    target: &'a Side,
    summary: &'a Summary,
    risks: &'a [Risk],
}

impl<'a> Document<'a> {
    pub(super) fn new(options: &'a Options, plan: Option<&'a Plan>, result: Result<&'a Report, &'a Failure>) -> Self {
        let plan = plan.map(|plan| PlanSummary {
            migration: &plan.migration,
            source: &plan.source,
            target: &plan.target,
            summary: &plan.summary,
            risks: &plan.risks,
        });
        let (outcome, report, error) = match result {
            Ok(report) if summary::agrees(report) => (Outcome::Completed, Some(report), None),
            Ok(report) => (Outcome::CountsDiffer, Some(report), None),
            Err(Failure::Engine(error, _)) if error.code == Code::Cancelled => {
                (Outcome::Cancelled, None, Some(&**error))
            }
            Err(Failure::Engine(error, _)) => (Outcome::Failed, None, Some(&**error)),
            // A migration that this program runs itself asks no server.
            Err(Failure::Refused(_)) => (Outcome::Failed, None, None),
            Err(Failure::Declined | Failure::Usage(_)) => (Outcome::Declined, None, None),
        };
        Self { sensei: env!("CARGO_PKG_VERSION"), outcome, report, plan, options, error, peak_rss_bytes: peak_memory() }
    }
}

/// A file that will hold a report.
#[derive(Debug)]
pub(super) struct ReportFile {
    path: PathBuf,
    beside: tempfile::NamedTempFile,
}

impl ReportFile {
    /// Makes sure, before anything is moved, that the report can be written. A report that is there already
    /// stays until the new one replaces it.
    ///
    /// # Errors
    /// The folder does not exist or cannot be written.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let beside = tempfile::Builder::new().prefix(".sensei-report").tempfile_in(folder);
        let beside = beside.map_err(|e| Failure::machine(&format!("write the report `{}`", path.display()), &e))?;
        Ok(Self { path: path.to_owned(), beside })
    }

    /// Writes it, whole or not at all.
    pub(super) fn write(self, document: &Document<'_>) -> Result<(), Failure> {
        let Self { path, beside } = self;
        let written = fill(beside.as_file(), document).and_then(|()| beside.persist(&path).map_err(|e| e.error));
        written.map(drop).map_err(|e| Failure::machine(&format!("write the report `{}`", path.display()), &e))
    }
}

fn fill(file: &File, document: &Document<'_>) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    serde_json::to_writer_pretty(&mut out, document)?;
    out.write_all(b"\n")?;
    out.flush()?;
    #[cfg(unix)]
    {
        // A temporary file is for its owner alone; a report is an ordinary file.
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

/// Linux tells it in kB, as `VmHWM`.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    peak_of(&status)
}

fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use sensei_engine::validate::Depth;

    use super::*;

    fn options() -> Options {
        Options {
            parallelism: 2,
            batch_rows: 10,
            batch_bytes: 20,
            queue_bytes: 30,
            chunk_rows: 40,
            attempts: 5,
            validation: Depth::Full,
            witness_rows: 60,
        }
    }

    fn report() -> Report {
        Report {
            migration: "m1".into(),
            source: "one:a".into(),
            target: "other:b".into(),
            resumed: false,
            tables: vec![],
            phases: vec![],
            seconds: 1.5,
            replaced: vec![],
            notes: vec![],
        }
    }

    #[test]
    fn a_report_has_its_fields_at_the_top() {
        let (options, report) = (options(), report());
        let document = Document { peak_rss_bytes: Some(1024), ..Document::new(&options, None, Ok(&report)) };
        insta::assert_json_snapshot!(document);
    }

    #[test]
    fn a_failure_is_reported_with_its_error() {
        let (options, failure) = (options(), Error::new(Code::Unauthorized, "The password is wrong.").into());
        let document = Document { peak_rss_bytes: None, ..Document::new(&options, None, Err(&failure)) };
        insta::assert_json_snapshot!(document);
    }

    #[test]
    fn the_file_is_there_only_when_it_is_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report.json");
        let (options, report) = (options(), report());
        let file = ReportFile::create(&path).expect("a file");
        assert!(!path.exists());
        assert!(file.write(&Document::new(&options, None, Ok(&report))).is_ok());
        let text = std::fs::read_to_string(&path).expect("the report");
        assert!(text.contains("\"outcome\": \"completed\""), "{text}");
        assert!(ReportFile::create(&folder.path().join("missing/report.json")).is_err());
    }

    #[test]
    fn peak_memory_is_in_bytes() {
        assert_eq!(peak_of("VmPeak:\t 9 kB\nVmHWM:\t  2048 kB\n"), Some(2_097_152));
        assert_eq!(peak_of("nothing"), None);
    }
}
