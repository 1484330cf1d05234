//! Finding server binaries, and running them so that nothing outlives the test process.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long a server may take until it answers. Generous: the machine may be busy compiling.
const START_LIMIT: Duration = Duration::from_secs(90);

/// The server's parent. It holds a pipe from the test process: when that process is gone, for whatever reason,
/// the pipe closes, and the guard ends the server and removes its directory. (A parent-death signal would not
/// do: it follows the thread that spawned, and a test thread ends with its test.)
const GUARD: &str = r#"
signal=$1 log=$2 directory=$3
shift 3
launch() { "$@" </dev/null >>"$log" 2>&1 & server=$!; echo "$server"; }
launch "$@"
while read -r command; do
    case $command in
        stop) kill -s "$signal" "$server"; wait "$server"; echo stopped ;;
        start) launch "$@" ;;
    esac
done
kill -s "$signal" "$server" 2>/dev/null
wait "$server"
rm -rf "$directory"
"#;

/// Who a server runs as: itself, or another user when the tests run as root (PostgreSQL refuses root).
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    pub(super) user: u32,
    pub(super) group: u32,
}

impl Account {
    /// The first of `names` that the machine knows, `nobody` at last; `None` when not root.
    pub(super) fn unprivileged(names: &[&str]) -> Option<Self> {
        let root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let find = |name: &str| {
            let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2);
            Some(Self { user: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
        };
        root.then(|| names.iter().chain(&["nobody"]).find_map(|name| find(name)).expect("no user to run a server as"))
    }

    /// Makes `path` belong to this account.
    pub(super) fn own(self, path: &Path) {
        chown(path, Some(self.user), Some(self.group)).unwrap_or_else(|error| panic!("chown {path:?}: {error}"));
    }
}

/// Lets `command` run as `account`.
pub(super) fn run_as(command: &mut Command, account: Option<Account>) -> &mut Command {
    if let Some(account) = account {
        command.uid(account.user).gid(account.group).env("HOME", "/");
    }
    command
}

/// The first of `names` found in `folders` or on the PATH.
///
/// # Panics
/// When there is none: a test that needs a server fails, it does not skip.
pub(super) fn find_binary(names: &[&str], folders: &[PathBuf], package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/mysql/bin"].map(PathBuf::from);
    let places: Vec<PathBuf> = folders.iter().cloned().chain(std::env::split_paths(&path)).chain(system).collect();
    names
        .iter()
        .flat_map(|name| places.iter().map(move |place| place.join(name)))
        .find(|file| file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0))
        .unwrap_or_else(|| panic!("{} is not installed; run: apt-get install -y {package}", names.join(" or ")))
}

/// A directory that the server's guard removes at the end.
pub(super) fn server_directory(prefix: &str, account: Option<Account>) -> PathBuf {
    let directory = tempfile::Builder::new().prefix(prefix).tempdir().expect("a temporary directory").keep();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).expect("permissions of a new directory");
    if let Some(account) = account {
        account.own(&directory);
    }
    directory
}

/// A port that nobody listened on a moment ago.
pub(super) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// Runs a preparatory command to its end.
///
/// # Panics
/// With the command's output when it fails.
pub(super) fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A server process and its guard.
#[derive(Debug)]
pub(super) struct Guarded {
    guard: Mutex<Guard>,
    log: PathBuf,
}

#[derive(Debug)]
struct Guard {
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    server: u32,
}

impl Guarded {
    /// Starts `server` under a guard. `signal` ends it (no clean shutdown is needed: its files are thrown away).
    pub(super) fn start(server: &Command, signal: &str, directory: &Path, account: Option<Account>) -> Self {
        let log = directory.join("log");
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard", signal]).arg(&log).arg(directory);
        guard.arg(server.get_program()).args(server.get_args());
        guard.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).current_dir("/").process_group(0);
        let mut child = run_as(&mut guard, account).spawn().expect("sh");
        let commands = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().expect("piped"));
        let server = answer(&mut answers).parse().expect("the guard says the server's process id");
        Self { guard: Mutex::new(Guard { child, commands, answers, server }), log }
    }

    /// Waits until `ready` says so.
    ///
    /// # Panics
    /// With the server's log when it does not come up in time.
    pub(super) fn wait_until(&self, mut ready: impl FnMut() -> bool) {
        let begin = Instant::now();
        while !ready() {
            let process = self.guard.lock().expect("guard").server;
            let alive = Path::new(&format!("/proc/{process}")).exists();
            assert!(
                alive && begin.elapsed() < START_LIMIT,
                "the server did not come up; its log:\n{}",
                fs::read_to_string(&self.log).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What it said so far.
    pub(super) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).expect("the log")).into_owned()
    }

    /// Ends the server at once. Its files stay.
    pub(super) fn stop(&self) {
        let mut guard = self.guard.lock().expect("guard");
        guard.send("stop\n");
        assert_eq!(answer(&mut guard.answers), "stopped");
    }

    /// Starts it again after [`stop`](Self::stop).
    pub(super) fn restart(&self) {
        let mut guard = self.guard.lock().expect("guard");
        guard.send("start\n");
        guard.server = answer(&mut guard.answers).parse().expect("the guard says the server's process id");
    }
}

impl Guard {
    fn send(&mut self, command: &str) {
        let commands = self.commands.as_mut().expect("open until dropped");
        commands.write_all(command.as_bytes()).expect("the guard listens");
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.commands.take());
        drop(self.child.wait());
    }
}

fn answer(answers: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    answers.read_line(&mut line).expect("the guard answers");
    line.trim_end().to_owned()
}
