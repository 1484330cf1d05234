//! The `sensei` command line, run as a person would run it.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::servers::{PASSWORD, PASSWORD_IN_URL};

/// No run of a test takes longer, on a busy machine either; one that does hangs.
const LIMIT: Duration = Duration::from_secs(180);
/// Between looks at whether the process has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// The program under test, which cargo built together with this test.
///
/// # Panics
/// When it is not there.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let folder = test.parent().and_then(|folder| folder.parent()).expect("a target directory");
    let program = folder.join("sensei-under-test");
    assert!(program.exists(), "{} is missing; run the tests by cargo test", program.display());
    program
}

/// How a run ended and what it said.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained of, and its progress.
    pub stderr: String,
}

impl Outcome {
    /// Exit code 0.
    ///
    /// # Panics
    /// With all that it said when the code is another.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Exit code 1 and one paragraph that says what happened; the paragraph.
    ///
    /// # Panics
    /// With all that it said when the code is another, or nothing was said, or too much.
    #[track_caller]
    pub fn failed(self) -> String {
        assert_eq!(self.code, Some(1), "\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        let begin = self.stderr.find("error: ").unwrap_or_else(|| panic!("an error without a word: {}", self.stderr));
        let paragraph = self.stderr[begin..].trim().to_owned();
        assert!(!paragraph.contains("\n\n") && !paragraph.contains("panicked"), "no paragraph: {paragraph}");
        paragraph
    }
}

/// A run that has begun.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

/// `sensei` with these arguments.
pub fn start<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Running {
    let mut command = Command::new(program());
    command.arg0("sensei").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_remove("RUST_LOG").env("NO_COLOR", "1");
    let mut child = command.spawn().expect("sensei starts");
    let stdout = Some(collect(child.stdout.take()));
    let stderr = Some(collect(child.stderr.take()));
    Running { child, stdout, stderr }
}

/// A target that counts rows and drops them; what it writes while it counts lies among the temporary files.
pub fn nowhere() -> String {
    let ledger = std::env::temp_dir().join(format!("sensei-nowhere-{}", std::process::id()));
    format!("blackhole:{}", ledger.display())
}

/// Runs `sensei` with these arguments to its end.
pub fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Outcome {
    start(arguments).wait()
}

/// `sensei migrate --source … --target … --yes` and `more`.
pub fn start_migration(source: &str, target: &str, more: &[&str]) -> Running {
    start(["migrate", "--source", source, "--target", target, "--yes"].iter().chain(more))
}

/// The same, to its end.
pub fn migrate(source: &str, target: &str, more: &[&str]) -> Outcome {
    start_migration(source, target, more).wait()
}

/// The same with `--report`; the report comes with it.
///
/// # Panics
/// When the run fails, or the report is not JSON.
#[track_caller]
pub fn migrate_with_report(source: &str, target: &str, more: &[&str]) -> Value {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let report = file.path().to_str().expect("UTF-8").to_owned();
    let more: Vec<&str> = more.iter().copied().chain(["--report", &report]).collect();
    migrate(source, target, &more).succeeded();
    let text = fs::read_to_string(file.path()).expect("the report");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("the report is not JSON: {error}\n{text}"))
}

/// The same, and every value of every table was read back from the target and found to be the source's, by the program itself.
///
/// # Panics
/// When it was not.
#[track_caller]
pub fn migrate_value_by_value(source: &str, target: &str, more: &[&str]) {
    let report = migrate_with_report(source, target, more);
    let tables = report["tables"].as_array().expect("tables");
    assert!(!tables.is_empty(), "nothing was moved");
    for table in tables {
        let content = &table["content"];
        assert_eq!(content["outcome"], "compared", "{table}");
        assert_eq!(content["source_digest"], content["target_digest"], "{table}");
        assert_eq!(content["not_compared"], serde_json::json!([]), "{table}");
        assert_eq!(content["percent"], 100, "{table}");
    }
}

impl Running {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    ///
    /// # Panics
    /// When the system does not say.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_none()
    }

    /// `kill -9`, now.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub fn kill(mut self) -> Outcome {
        self.child.kill().expect("a child of ours");
        let status = self.child.wait().expect("a child of ours");
        self.outcome(status)
    }

    /// Ctrl-C.
    ///
    /// # Panics
    /// When `kill` is not there.
    pub fn interrupt(&self) {
        let status = Command::new("kill").args(["-INT", &self.id().to_string()]).status().expect("kill");
        assert!(status.success(), "kill -INT: {status}");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end in time.
    #[track_caller]
    pub fn wait(mut self) -> Outcome {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return self.outcome(status);
            }
            if begin.elapsed() > LIMIT {
                let said = self.kill();
                panic!("sensei hangs; stdout:\n{}\nstderr:\n{}", said.stdout, said.stderr);
            }
            thread::sleep(PAUSE);
        }
    }

    fn outcome(&mut self, status: ExitStatus) -> Outcome {
        let text = |reader: &mut Option<JoinHandle<Vec<u8>>>| {
            let bytes = reader.take().map(|reader| reader.join().expect("reads to the end")).unwrap_or_default();
            String::from_utf8(bytes).expect("sensei prints UTF-8")
        };
        let (stdout, stderr) = (text(&mut self.stdout), text(&mut self.stderr));
        for secret in [PASSWORD, PASSWORD_IN_URL] {
            assert!(
                !stdout.contains(secret) && !stderr.contains(secret),
                "a password was printed:\n{stdout}\n{stderr}"
            );
        }
        Outcome { code: status.code(), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    let mut pipe = pipe.expect("piped");
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe");
        bytes
    })
}
