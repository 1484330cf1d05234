//! Whether the process may do with the file what a migration needs. A guest cannot ask; so it is tried out, and nothing
//! is left of that.

use sensei_sdk::rights::missing;
use sensei_sdk::{Error, Kind, Result, host};

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    /// To open a file that is there.
    Read,
    /// To open a file that is there for writing.
    Write,
    /// To make a file, which is removed at once.
    Make,
}

/// What is missing to read a file.
pub(crate) fn to_read(path: &str) -> Result<Vec<String>> {
    let beside = ["", "-wal", "-shm"].map(|end| format!("{path}{end}"));
    beside.iter().filter_map(|path| lacking("READ", path, Attempt::Read).transpose()).collect()
}

/// What is missing to write to a file: a journal is made beside it.
pub(crate) fn to_write(path: &str) -> Result<Vec<String>> {
    let beside = ["", "-journal"].map(|end| format!("{path}{end}"));
    let mut found: Vec<String> =
        beside.iter().filter_map(|path| lacking("WRITE", path, Attempt::Write).transpose()).collect::<Result<_>>()?;
    let random: String = host::random_bytes(8).iter().map(|b| format!("{b:02x}")).collect();
    if let Some(refusal) = refusal(&format!("{path}-sensei-temporary-{random}"), Attempt::Make)? {
        let folder = folder(path);
        let object = format!("the folder `{folder}`, for a journal beside the file, for the user that Sensei runs as");
        found.push(missing("WRITE", &object, &remedy(&refusal, "a+wx", folder)));
    }
    Ok(found)
}

/// A sentence if a file that is there may not be opened.
fn lacking(right: &str, path: &str, attempt: Attempt) -> Result<Option<String>> {
    let mode = if attempt == Attempt::Read { "a+r" } else { "a+rw" };
    Ok(refusal(path, attempt)?.map(|refusal| {
        let object = format!("the file `{path}`, for the user that Sensei runs as");
        missing(right, &object, &remedy(&refusal, mode, path))
    }))
}

/// How the attempt was refused; none if it was not, or if there is no such file to open.
fn refusal(path: &str, attempt: Attempt) -> Result<Option<Error>> {
    match try_out(path, attempt) {
        Ok(()) => Ok(None),
        Err(e) if e.kind == Kind::NotFound && attempt != Attempt::Make => Ok(None),
        Err(e) if e.kind == Kind::PermissionDenied => Ok(Some(e)),
        Err(e) => Err(e),
    }
}

/// What lifts a refusal.
fn remedy(refusal: &Error, mode: &str, path: &str) -> String {
    if refusal.native_code.as_deref() == Some("EROFS") {
        return "mount -o remount,rw on its file system".to_owned();
    }
    format!("chmod {mode} '{}', or chown to that user", path.replace('\'', "'\\''"))
}

/// Where a file lies.
fn folder(path: &str) -> &str {
    match path.rsplit_once('/') {
        None => ".",
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
    }
}

#[cfg(target_arch = "wasm32")]
fn try_out(path: &str, attempt: Attempt) -> Result<()> {
    use sensei_sdk::file::{File, Mode, remove};
    match attempt {
        Attempt::Read => File::open(path, Mode::Read).map(drop),
        Attempt::Write => File::open(path, Mode::Write).map(drop),
        Attempt::Make => {
            drop(File::open(path, Mode::Create)?);
            remove(path)
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn try_out(path: &str, attempt: Attempt) -> Result<()> {
    use std::io::ErrorKind;
    let mut options = std::fs::OpenOptions::new();
    let options = options.read(true).write(attempt != Attempt::Read).create_new(attempt == Attempt::Make);
    let done =
        options.open(path).and_then(|_| if attempt == Attempt::Make { std::fs::remove_file(path) } else { Ok(()) });
    done.map_err(|e| match e.kind() {
        ErrorKind::NotFound => Error::new(Kind::NotFound, e.to_string()),
        ErrorKind::PermissionDenied => Error::new(Kind::PermissionDenied, e.to_string()),
        _ => e.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.db");
        std::fs::write(&path, "content").unwrap();
        let path = path.to_str().unwrap();
        assert_eq!(to_read(path).unwrap(), [""; 0]);
        assert_eq!(to_write(path).unwrap(), [""; 0]);
        let names: Vec<_> = std::fs::read_dir(&place).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["a.db"]);
        assert_eq!(std::fs::read(path).unwrap(), b"content");
    }

    #[test]
    fn a_refusal_says_what_lifts_it() {
        let refused = |code: &str| Error::new(Kind::PermissionDenied, "no").native_code(code);
        assert_eq!(remedy(&refused("EACCES"), "a+r", "/it's/a"), r"chmod a+r '/it'\''s/a', or chown to that user");
        assert_eq!(remedy(&refused("EROFS"), "a+r", "/a"), "mount -o remount,rw on its file system");
        assert_eq!(["a.db", "/a.db", "/x/y/a.db"].map(folder), [".", "/", "/x/y"]);
    }
}
