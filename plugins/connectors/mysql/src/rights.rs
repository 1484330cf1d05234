//! What the connection's account may not do of what a migration needs.

use sensei_sdk::Result;
use sensei_sdk::rights::{missing, tables_of};

use crate::catalog::{schemas_of, unknown_schema};
use crate::connection::{Connection, identifier, literal};
use crate::grants::{Grants, first_column};
use crate::target::staging;

/// What loading, indexing, renaming into place and removing takes, in staging as in the databases where tables go live; and views.
const WRITING: &[&str] =
    &["CREATE", "CREATE VIEW", "DROP", "ALTER", "INDEX", "INSERT", "SELECT", "DELETE", "REFERENCES"];
/// Any of these lets FLUSH TABLES WITH READ LOCK pass; the second is MySQL's alone.
const LOCKING: &[&str] = &["RELOAD", "FLUSH_TABLES"];
/// Databases of migrations, as a grant names them.
const STAGING: &str = "sensei\\_%";
/// A migration of nobody's: what holds for its staging holds for any.
const ANY_MIGRATION: &str = "0";

/// What is missing to read these databases.
pub(crate) fn to_read(connection: &mut Connection, schemas: Vec<String>) -> Result<Vec<String>> {
    let known = schemas_of(connection)?;
    let grants = Grants::read(connection)?;
    let mut seen = Vec::new();
    for schema in asked_for(connection, schemas)? {
        let tables = if known.contains(&schema) {
            Some(first_column(connection.table(&format!(
                "SELECT TABLE_NAME FROM information_schema.TABLES \
                 WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND TABLE_SCHEMA = {} ORDER BY 1",
                literal(&schema)
            ))?))
        } else if grants.on_schema("SELECT", &schema) {
            // Nothing would hide it.
            return Err(unknown_schema(&schema));
        } else {
            None
        };
        seen.push((schema, tables));
    }
    Ok(reading(&grants, &seen))
}

/// What is missing to load tables and to put them into these databases. One that is not there is made.
pub(crate) fn to_write(connection: &mut Connection, schemas: Vec<String>) -> Result<Vec<String>> {
    let schemas = asked_for(connection, schemas)?;
    Ok(writing(&Grants::read(connection)?, &schemas))
}

/// The connection's own database where none is named; a connection may have none.
fn asked_for(connection: &mut Connection, schemas: Vec<String>) -> Result<Vec<String>> {
    Ok(if schemas.is_empty() { first_column(connection.table("SELECT DATABASE()")?) } else { schemas })
}

/// `'reader'@'%'`.
fn account(grants: &Grants) -> String {
    let (user, host) = grants.account.rsplit_once('@').unwrap_or((&grants.account, "%"));
    format!("{}@{}", literal(user), literal(host))
}

/// A database in a GRANT, where names are patterns.
fn everything_of(grants: &Grants, schema: &str) -> String {
    let exact = schema.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%");
    format!("{}.*", identifier(&grants.to_grant_on(schema, &exact)))
}

/// All databases of migrations in a GRANT.
fn everything_staged(grants: &Grants, staged: &str) -> String {
    // Where a server takes no patterns, there is no other way.
    if grants.patterns { format!("{}.*", identifier(&grants.to_grant_on(staged, STAGING))) } else { "*.*".to_owned() }
}

/// Each database with the tables that the account sees; none: it does not see the database.
fn reading(grants: &Grants, schemas: &[(String, Option<Vec<String>>)]) -> Vec<String> {
    let account = account(grants);
    let mut found = Vec::new();
    if !LOCKING.iter().any(|right| grants.everywhere(right)) {
        let object = "the server, to lock its tables for the moment at which all readers begin";
        found.push(missing(LOCKING[0], object, &format!("GRANT {} ON *.* TO {account}", LOCKING[0])));
    }
    for (schema, tables) in schemas {
        let object = match tables {
            None => format!("the database `{schema}`, which is not there or hidden from this account"),
            Some(tables) => {
                let closed = tables.iter().filter(|table| !grants.on_table("SELECT", schema, table));
                let closed: Vec<String> = closed.cloned().collect();
                if closed.is_empty() {
                    continue;
                }
                tables_of(schema, &closed)
            }
        };
        found.push(missing(
            "SELECT",
            &object,
            &format!("GRANT SELECT ON {} TO {account}", everything_of(grants, schema)),
        ));
    }
    found
}

fn writing(grants: &Grants, schemas: &[String]) -> Vec<String> {
    let account = account(grants);
    let staged = staging::ledger(ANY_MIGRATION);
    let place = everything_staged(grants, &staged);
    let own = (staged, place, "databases `sensei_...`, in which a migration loads its tables".to_owned());
    let live = schemas.iter().map(|s| (s.clone(), everything_of(grants, s), format!("the database `{s}`")));
    let mut found = Vec::new();
    for (schema, place, object) in std::iter::once(own).chain(live) {
        let rights: Vec<&str> = WRITING.iter().copied().filter(|right| !grants.on_schema(right, &schema)).collect();
        if !rights.is_empty() {
            let rights = rights.join(", ");
            found.push(missing(&rights, &object, &format!("GRANT {rights} ON {place} TO {account}")));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&n| n.to_owned()).collect()
    }

    #[test]
    fn what_a_reader_lacks() {
        let grants = Grants::of_lines(&["GRANT USAGE ON *.* TO `u`@`%`", "GRANT SELECT ON `h_r`.`jobs` TO `u`@`%`"]);
        let schemas = [
            ("h_r".to_owned(), Some(names(&["employees", "jobs"]))),
            ("nowhere".to_owned(), None),
            ("empty".to_owned(), Some(vec![])),
        ];
        assert_eq!(
            reading(&grants, &schemas),
            [
                "RELOAD on the server, to lock its tables for the moment at which all readers begin: GRANT RELOAD ON *.* TO 'u'@'%'",
                r"SELECT on 1 table of `h_r` (employees): GRANT SELECT ON `h\_r`.* TO 'u'@'%'",
                "SELECT on the database `nowhere`, which is not there or hidden from this account: GRANT SELECT ON `nowhere`.* TO 'u'@'%'",
            ]
        );
        let all = Grants::of_lines(&["GRANT SELECT, RELOAD ON *.* TO `u`@`%`"]);
        assert_eq!(reading(&all, &schemas[..1]), [""; 0]);
    }

    #[test]
    fn what_a_writer_lacks() {
        let grants = Grants::of_lines(&[
            r"GRANT ALL PRIVILEGES ON `sensei\_%`.* TO `u`@`%`",
            "GRANT SELECT, INSERT, DELETE, CREATE, CREATE VIEW, DROP, ALTER ON `shop`.* TO `u`@`%`",
        ]);
        assert_eq!(
            writing(&grants, &names(&["shop"])),
            ["INDEX, REFERENCES on the database `shop`: GRANT INDEX, REFERENCES ON `shop`.* TO 'u'@'%'"]
        );
        let nothing = Grants::of_lines(&["GRANT USAGE ON *.* TO `u`@`%`"]);
        assert_eq!(
            writing(&nothing, &[]),
            [
                r"CREATE, CREATE VIEW, DROP, ALTER, INDEX, INSERT, SELECT, DELETE, REFERENCES on databases `sensei_...`, in which a migration loads its tables: GRANT CREATE, CREATE VIEW, DROP, ALTER, INDEX, INSERT, SELECT, DELETE, REFERENCES ON `sensei\_%`.* TO 'u'@'%'"
            ]
        );
    }
}
