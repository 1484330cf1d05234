//! The ledger: a file of JSON lines that is only ever appended to.
//!
//! A line without its line feed was cut off by a crash; it counts as not written, and the next line takes its place.

use std::collections::{BTreeMap, BTreeSet};

use sensei_sdk::catalog::TableName;
use sensei_sdk::file::{File, LockKind, Mode};
use sensei_sdk::{Error, Kind, Ledger, Receipt, Result, file, host};
use serde::{Deserialize, Serialize};

/// Where in the file locks are taken: far behind its content, so that they lock nothing but each other.
const CLAIM: u64 = 1 << 40;
const APPEND: u64 = CLAIM + 1;
/// Nanoseconds that an append waits for others' appends, which take microseconds: 10 s.
const PATIENCE: u64 = 10_000_000_000;
/// Bytes read at a time.
const READ_BYTES: u32 = 1 << 20;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entry {
    Chunk {
        schema: String,
        table: String,
        chunk: u32,
        rows: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<String>,
    },
    Statement {
        id: String,
    },
    Note {
        key: String,
        value: String,
    },
    /// The table's chunks so far do not count.
    Reset {
        schema: String,
        table: String,
    },
}

/// What is known of a chunk: its rows, and what the host said of their content.
type Counted = (u64, Option<String>);

/// What the lines so far say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    chunks: BTreeMap<(String, String), BTreeMap<u32, Counted>>,
    statements: BTreeSet<String>,
    journal: BTreeMap<String, String>,
    /// Bytes of whole lines.
    end: u64,
}

impl State {
    /// Takes in what follows `end`; a line that is not whole is left for later.
    fn absorb(&mut self, bytes: &[u8]) -> Result<()> {
        for line in bytes.split_inclusive(|b| *b == b'\n').filter(|l| l.ends_with(b"\n")) {
            let entry = serde_json::from_slice(line).map_err(|e| {
                let message = format!("The blackhole's ledger holds a line that is none of its own at byte {}: {e}. Remove the file to begin anew.", self.end);
                Error::new(Kind::InvalidData, message)
            })?;
            self.apply(entry);
            self.end += line.len() as u64;
        }
        Ok(())
    }

    fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Chunk { schema, table, chunk, rows, digest } => {
                self.chunks.entry((schema, table)).or_default().insert(chunk, (rows, digest));
            }
            Entry::Statement { id } => drop(self.statements.insert(id)),
            Entry::Note { key, value } => drop(self.journal.insert(key, value)),
            Entry::Reset { schema, table } => drop(self.chunks.remove(&(schema, table))),
        }
    }

    fn chunks_of(&self, table: &TableName) -> Option<&BTreeMap<u32, Counted>> {
        self.chunks.get(&(table.schema.clone(), table.name.clone()))
    }

    pub(crate) fn has_chunk(&self, table: &TableName, chunk: u32) -> bool {
        self.chunks_of(table).is_some_and(|c| c.contains_key(&chunk))
    }

    pub(crate) fn has_statement(&self, id: &str) -> bool {
        self.statements.contains(id)
    }

    /// Rows of a table.
    pub(crate) fn rows(&self, table: &TableName) -> u64 {
        self.chunks_of(table).map_or(0, |c| c.values().map(|(rows, _)| rows).sum())
    }

    /// In the contract's words.
    fn report(&self) -> Ledger {
        let receipts = self.chunks.iter().flat_map(|((schema, name), chunks)| {
            let table = TableName { schema: schema.clone(), name: name.clone() };
            chunks.iter().map(move |(chunk, (rows, digest))| Receipt {
                table: table.clone(),
                chunk: *chunk,
                rows: *rows,
                digest: digest.clone(),
            })
        });
        Ledger {
            chunks: receipts.collect(),
            statements: self.statements.iter().cloned().collect(),
            journal: self.journal.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
        }
    }
}

/// One migration's ledger, open. Closing it gives up its claim.
pub(crate) struct LedgerFile {
    pub(crate) migration: String,
    file: File,
    state: State,
}

impl LedgerFile {
    /// Opens it; makes it when `create`. None if it is not there.
    pub(crate) fn open(base: &str, migration: &str, create: bool) -> Result<Option<Self>> {
        let path = path(base, migration);
        if !create && !file::exists(&path)? {
            return Ok(None);
        }
        let file = File::open(&path, if create { Mode::Create } else { Mode::Write })?;
        Ok(Some(Self { migration: migration.to_owned(), file, state: State::default() }))
    }

    pub(crate) fn exists(base: &str, migration: &str) -> Result<bool> {
        file::exists(&path(base, migration))
    }

    /// Removes it, if it is there.
    pub(crate) fn remove(base: &str, migration: &str) -> Result<()> {
        let path = path(base, migration);
        if file::exists(&path)? { file::remove(&path) } else { Ok(()) }
    }

    /// Takes the migration for as long as this is open.
    pub(crate) fn claim(&self) -> Result<()> {
        if self.file.lock(CLAIM, 1, LockKind::Exclusive)? {
            return Ok(());
        }
        let message =
            format!("Another session has the migration `{}`. Wait until it ends, or stop it.", self.migration);
        Err(Error::new(Kind::Conflict, message))
    }

    /// What is there now.
    pub(crate) fn state(&mut self) -> Result<&State> {
        loop {
            let bytes = self.file.read_at(self.state.end, READ_BYTES)?;
            let before = self.state.end;
            self.state.absorb(&bytes)?;
            if self.state.end == before {
                return Ok(&self.state);
            }
        }
    }

    pub(crate) fn report(&mut self) -> Result<Ledger> {
        Ok(self.state()?.report())
    }

    /// Appends what `entries` makes of the present state, all of it or nothing; other sessions wait meanwhile.
    pub(crate) fn append(&mut self, entries: impl FnOnce(&State) -> Result<Vec<Entry>>) -> Result<()> {
        let give_up = host::monotonic_nanos() + PATIENCE;
        while !self.file.lock(APPEND, 1, LockKind::Exclusive)? {
            if host::monotonic_nanos() > give_up {
                return Err(Error::new(Kind::Timeout, "The blackhole's ledger stayed locked for 10 s."));
            }
        }
        let done = self.append_locked(entries);
        self.file.unlock(APPEND, 1)?;
        done
    }

    fn append_locked(&mut self, entries: impl FnOnce(&State) -> Result<Vec<Entry>>) -> Result<()> {
        let lines = lines(&entries(self.state()?)?)?;
        let end = self.state.end;
        self.file.write_at(end, &lines)?;
        // What a crash left of another line goes.
        if self.file.size()? > end + lines.len() as u64 {
            self.file.set_size(end + lines.len() as u64)?;
        }
        self.state.absorb(&lines)
    }
}

fn lines(entries: &[Entry]) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut lines, entry).map_err(|e| Error::internal(format!("The ledger's line: {e}")))?;
        lines.push(b'\n');
    }
    Ok(lines)
}

/// A side file of the granted one.
fn path(base: &str, migration: &str) -> String {
    format!("{base}-{migration}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry() -> impl Strategy<Value = Entry> {
        let (name, odd) = ("[ab]", "[a\"\n\\\\é]{0,3}");
        prop_oneof![
            (name, name, 0..3_u32, any::<u64>()).prop_map(|(schema, table, chunk, rows)| Entry::Chunk {
                schema,
                table,
                chunk,
                rows: rows >> 8,
                digest: (rows % 2 == 0).then(|| rows.to_string()),
            }),
            odd.prop_map(|id| Entry::Statement { id }),
            (odd, odd).prop_map(|(key, value)| Entry::Note { key, value }),
            (name, name).prop_map(|(schema, table)| Entry::Reset { schema, table }),
        ]
    }

    proptest! {
        /// Wherever the file is cut, and however it is read, what stands in whole lines is there and nothing else.
        #[test]
        fn whole_lines_count(entries in prop::collection::vec(entry(), 0..20), cut in any::<prop::sample::Index>(), part in any::<prop::sample::Index>()) {
            let all = lines(&entries).expect("lines");
            let cut = &all[..cut.index(all.len() + 1)];
            let mut expected = State::default();
            for entry in entries.iter().take(cut.iter().filter(|b| **b == b'\n').count()) {
                expected.apply(entry.clone());
            }
            expected.end = cut.iter().rposition(|b| *b == b'\n').map_or(0, |at| at as u64 + 1);

            let mut read = State::default();
            read.absorb(&cut[..part.index(cut.len() + 1)]).expect("own lines");
            let from = read.end as usize;
            read.absorb(&cut[from..]).expect("own lines");
            prop_assert_eq!(read, expected);
        }
    }

    #[test]
    fn a_reset_forgets_the_tables_chunks() {
        let table = TableName { schema: "s".into(), name: "t".into() };
        let chunk = |chunk, rows| Entry::Chunk { schema: "s".into(), table: "t".into(), chunk, rows, digest: None };
        let mut state = State::default();
        state.apply(chunk(0, 5));
        state.apply(chunk(1, 7));
        assert_eq!((state.rows(&table), state.has_chunk(&table, 1)), (12, true));
        state.apply(Entry::Reset { schema: "s".into(), table: "t".into() });
        assert_eq!((state.rows(&table), state.has_chunk(&table, 1)), (0, false));
        state.apply(chunk(1, 3));
        assert_eq!(state.rows(&table), 3);
    }

    #[test]
    fn a_strange_line_is_told() {
        let error = State::default().absorb(b"hello\n").expect_err("no line of ours");
        assert_eq!(error.kind, Kind::InvalidData);
    }
}
