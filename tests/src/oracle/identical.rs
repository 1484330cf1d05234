//! The comparison within one system: nothing may differ at all.

use super::{Differences, Rules, System, compare, sqlite};

/// Lines of a dump that belong to the run and not to the database. (Where a sequence stands, `compare` has looked at.)
const NOISE: [&str; 5] =
    ["--", "\\restrict", "\\unrestrict", "SELECT pg_catalog.set_config", "SELECT pg_catalog.setval"];

/// Compares two databases of the same system: what the system's own tools print for the schema, line by line,
/// and all rows as the system prints them.
pub fn identical(source: &System, target: &System) -> Differences {
    let mut differences = compare(source, target, &Rules::same_names());
    let (one, other) = (definition(source), definition(target));
    let missing = |from: &[String], of: &[String], says: &str| -> Vec<String> {
        from.iter().filter(|line| !of.contains(line)).map(|line| format!("{says}: {line}")).collect()
    };
    differences.add(missing(&one, &other, "the source's schema alone says"));
    differences.add(missing(&other, &one, "the target's schema alone says"));
    if let (System::Postgres(one, _), System::Postgres(other, _)) = (source, target) {
        let data = ["--data-only", "--inserts", "--extra-float-digits=3", "--no-owner"];
        let (one, other) = (lines(&one.dump(&data)), lines(&other.dump(&data)));
        differences.add(missing(&one, &other, "the source's dump alone says"));
        differences.add(missing(&other, &one, "the target's dump alone says"));
    }
    differences
}

fn definition(system: &System) -> Vec<String> {
    match system {
        System::Postgres(database, _) => lines(&database.dump(&["--schema-only", "--no-owner", "--no-privileges"])),
        System::MariaDb(database) => {
            let tables = system.shape();
            let statement = |table: &String| format!("show create table `{}`", table.replace('`', "``"));
            let text = |table: &String| database.query(&statement(table))[0][1].clone().unwrap_or_default();
            tables.keys().flat_map(|table| table_lines(table, &text(table))).collect()
        }
        System::Sqlite(file) => sqlite::definition(file),
    }
}

/// Lines of SHOW CREATE TABLE, each with the table's name. The order of keys is no part of a schema.
fn table_lines(table: &str, text: &str) -> Vec<String> {
    text.lines().map(|line| format!("{table}: {}", line.trim().trim_end_matches(','))).collect()
}

fn lines(dump: &str) -> Vec<String> {
    let keep = |line: &&str| !line.is_empty() && !NOISE.iter().any(|noise| line.starts_with(noise));
    dump.lines().filter(keep).map(str::to_owned).collect()
}
