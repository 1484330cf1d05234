//! A rehearsal executes everything and leaves nothing.

use sensei_sdk::{Kind, OnExisting, Result, Stage, Target};

use super::{CORNERS, MIGRATION, Migration, Place};

/// All statements of the job, to the last.
fn rehearse(migration: &mut Migration) -> Result<bool> {
    let statements = migration.target.render(migration.job.clone())?;
    migration.target.rehearse(MIGRATION, statements)
}

/// Everything that lies in the folder beside the source.
fn files(place: &Place) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(&place.folder).unwrap().map(|e| e.unwrap());
    let named = entries.map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap()));
    let mut files: Vec<_> = named.filter(|f| f.0 != "a.db").collect();
    files.sort();
    files
}

#[test]
fn an_empty_file_stays_empty() {
    let place = Place::new();
    place.run("a.db", CORNERS);
    let mut migration = Migration::new(&place, "a.db", "b.db", OnExisting::Fail);
    let before = files(&place);
    assert!(rehearse(&mut migration).unwrap());
    assert_eq!(files(&place), before);
    assert_eq!(migration.target.recall(MIGRATION).unwrap(), None);
    // The same session then does it for real.
    migration.load(&place, "a.db").unwrap();
    migration.finish().unwrap();
    assert_eq!(place.content("b.db"), place.content("a.db"));
    place.is_sound("b.db");
}

#[test]
fn tables_that_would_be_replaced_stay() {
    let place = Place::new();
    place.run("a.db", CORNERS);
    place.run("b.db", CORNERS);
    place.run("b.db", "UPDATE tight SET t = 'old'; CREATE VIEW w AS SELECT t FROM tight");
    let mut migration = Migration::new(&place, "a.db", "b.db", OnExisting::Replace);
    let (before, schema) = (files(&place), place.schema("b.db"));
    assert!(rehearse(&mut migration).unwrap());
    assert_eq!(files(&place), before);
    assert_eq!(place.schema("b.db"), schema);
}

#[test]
fn a_statement_that_fails_is_named() {
    let place = Place::new();
    place.run("a.db", "CREATE TABLE t (id INTEGER PRIMARY KEY)");
    place.run("b.db", "CREATE TABLE t (old); INSERT INTO t VALUES (9)");
    let mut migration = Migration::new(&place, "a.db", "b.db", OnExisting::Fail);
    let before = files(&place);
    let error = rehearse(&mut migration).unwrap_err();
    assert_eq!(error.kind, Kind::Conflict);
    assert!(error.message.contains("table t into place"), "{}", error.message);
    assert_eq!(files(&place), before);
}

#[test]
fn an_interrupted_run_is_not_met_and_goes_on() {
    let place = Place::new();
    place.run("a.db", CORNERS);
    let mut migration = Migration::new(&place, "a.db", "b.db", OnExisting::Fail);
    migration.load(&place, "a.db").unwrap();
    migration.execute(&[Stage::CompleteTable]).unwrap();
    let (before, ledger) = (place.content("b.db"), migration.target.recall(MIGRATION).unwrap());
    assert!(rehearse(&mut migration).unwrap());
    assert_eq!(place.content("b.db"), before);
    assert_eq!(migration.target.recall(MIGRATION).unwrap(), ledger);
    // Still this session's.
    assert_eq!(place.target("b.db").claim(MIGRATION).unwrap_err().kind, Kind::Conflict);
    migration.finish().unwrap();
    assert_eq!(place.schema("b.db"), place.schema("a.db"));
    assert_eq!(place.content("b.db"), place.content("a.db"));
    place.is_sound("b.db");
}
