//! What the connection's user may not do of what a migration needs.
//!
//! Asked of the server's own `has_*_privilege`, which know roles, owners and superusers.

use sensei_sdk::rights::{missing, tables_of};
use sensei_sdk::{Error, Result};
use serde::Deserialize;

use crate::catalog::{all_schemas, asked_for};
use crate::connection::Connection;
use crate::sql::text_array;

/// Who is connected to what, quoted as a statement needs it.
const ACCOUNT: &str = "
SELECT pg_catalog.quote_ident(current_user) AS user, pg_catalog.quote_ident(pg_catalog.current_database()) AS quoted,
  pg_catalog.current_database() AS database,
  pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CONNECT') AS connect,
  pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS make";

const SCHEMAS: &str = "
SELECT n.nspname AS name, pg_catalog.quote_ident(n.nspname) AS quoted,
  pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS usage, pg_catalog.has_schema_privilege(n.oid, 'CREATE') AS make
FROM pg_catalog.pg_namespace n WHERE n.nspname = ANY ({schemas}) ORDER BY 1";

/// Tables as a catalog has them. A grant on each of its columns is as good as one on the table. `hidden`: a policy keeps
/// rows from this user, which with `row_security` off is an error.
const TABLES: &str = "
SELECT n.nspname AS schema, c.relname AS name,
  coalesce(NOT (pg_catalog.has_table_privilege(c.oid, 'SELECT')
    OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
        AND NOT a.attisdropped AND NOT pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT'))), false) AS closed,
  coalesce(pg_catalog.row_security_active(c.oid), false) AS hidden
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition AND n.nspname = ANY ({schemas})
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2";

#[derive(Deserialize)]
struct Account {
    user: String,
    database: String,
    quoted: String,
    connect: bool,
    make: bool,
}

#[derive(Deserialize)]
struct Schema {
    name: String,
    quoted: String,
    usage: bool,
    make: bool,
}

#[derive(Deserialize)]
struct Table {
    schema: String,
    name: String,
    closed: bool,
    hidden: bool,
}

/// What is missing to read these schemas.
pub(crate) fn to_read(connection: &mut Connection, default_schema: &str, schemas: Vec<String>) -> Result<Vec<String>> {
    let known = all_schemas(connection)?;
    let wanted = asked_for(schemas, &known, default_schema, &connection.peer)?;
    let tables: Vec<Table> = connection.records(&TABLES.replace("{schemas}", &text_array(&wanted)))?;
    let schemas = schemas_of(connection, &wanted)?;
    Ok(reading(&account(connection)?, &schemas, &tables))
}

/// What is missing to load tables and to put them into these schemas. One that is not there is made.
pub(crate) fn to_write(connection: &mut Connection, default_schema: &str, schemas: Vec<String>) -> Result<Vec<String>> {
    let wanted = if schemas.is_empty() { vec![default_schema.to_owned()] } else { schemas };
    let schemas = schemas_of(connection, &wanted)?;
    Ok(writing(&account(connection)?, &schemas))
}

fn account(connection: &mut Connection) -> Result<Account> {
    let rows: Vec<Account> = connection.records(ACCOUNT)?;
    rows.into_iter().next().ok_or_else(|| Error::internal("The server does not say who is connected."))
}

fn schemas_of(connection: &mut Connection, names: &[String]) -> Result<Vec<Schema>> {
    connection.records(&SCHEMAS.replace("{schemas}", &text_array(names)))
}

/// A session that is there proves no right to open another.
fn connecting(account: &Account) -> Option<String> {
    let object = format!("the database `{}`", account.database);
    let statement = format!("GRANT CONNECT ON DATABASE {} TO {}", account.quoted, account.user);
    (!account.connect).then(|| missing("CONNECT", &object, &statement))
}

fn reading(account: &Account, schemas: &[Schema], tables: &[Table]) -> Vec<String> {
    let user = &account.user;
    let mut found: Vec<String> = connecting(account).into_iter().collect();
    let names = |schema: &Schema, of: fn(&Table) -> bool| -> Vec<String> {
        tables.iter().filter(|t| t.schema == schema.name && of(t)).map(|t| t.name.clone()).collect()
    };
    for schema in schemas {
        let Schema { name, quoted, .. } = schema;
        if !schema.usage {
            let statement = format!("GRANT USAGE ON SCHEMA {quoted} TO {user}");
            found.push(missing("USAGE", &format!("the schema `{name}`"), &statement));
        }
        let closed = names(schema, |t| t.closed);
        if !closed.is_empty() {
            let statement = format!("GRANT SELECT ON ALL TABLES IN SCHEMA {quoted} TO {user}");
            found.push(missing("SELECT", &tables_of(name, &closed), &statement));
        }
        let hidden = names(schema, |t| t.hidden);
        if !hidden.is_empty() {
            let object = format!("{}, whose policies hide rows", tables_of(name, &hidden));
            found.push(missing("BYPASSRLS", &object, &format!("ALTER ROLE {user} BYPASSRLS")));
        }
    }
    found
}

fn writing(account: &Account, schemas: &[Schema]) -> Vec<String> {
    let Account { user, database, quoted, .. } = account;
    let mut found: Vec<String> = connecting(account).into_iter().collect();
    if !account.make {
        let object = format!("the database `{database}`, for schemas of the migration's own");
        found.push(missing("CREATE", &object, &format!("GRANT CREATE ON DATABASE {quoted} TO {user}")));
    }
    for Schema { name, quoted, usage, make } in schemas {
        let rights: Vec<&str> = [("USAGE", usage), ("CREATE", make)].iter().filter(|r| !r.1).map(|r| r.0).collect();
        if !rights.is_empty() {
            let statement = format!("GRANT {} ON SCHEMA {quoted} TO {user}", rights.join(", "));
            found.push(missing(&rights.join(" and "), &format!("the schema `{name}`"), &statement));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(connect: bool, make: bool) -> Account {
        let (user, database, quoted) = ("reader".into(), "Shop".into(), "\"Shop\"".into());
        Account { user, database, quoted, connect, make }
    }

    fn schema(name: &str, usage: bool, make: bool) -> Schema {
        Schema { name: name.into(), quoted: name.into(), usage, make }
    }

    fn table(schema: &str, name: &str, closed: bool, hidden: bool) -> Table {
        Table { schema: schema.into(), name: name.into(), closed, hidden }
    }

    #[test]
    fn what_a_reader_lacks() {
        let tables = [
            table("hr", "employees", true, false),
            table("hr", "jobs", true, false),
            table("hr", "secrets", false, true),
            table("open", "all", false, false),
        ];
        let schemas = [schema("hr", false, false), schema("open", true, false)];
        assert_eq!(
            reading(&account(true, false), &schemas, &tables),
            [
                "USAGE on the schema `hr`: GRANT USAGE ON SCHEMA hr TO reader",
                "SELECT on 2 tables of `hr` (employees, jobs): GRANT SELECT ON ALL TABLES IN SCHEMA hr TO reader",
                "BYPASSRLS on 1 table of `hr` (secrets), whose policies hide rows: ALTER ROLE reader BYPASSRLS",
            ]
        );
        assert_eq!(reading(&account(true, false), &schemas[1..], &tables), [""; 0]);
    }

    #[test]
    fn what_a_writer_lacks() {
        assert_eq!(
            writing(&account(false, false), &[schema("a", false, false), schema("b", true, false)]),
            [
                "CONNECT on the database `Shop`: GRANT CONNECT ON DATABASE \"Shop\" TO reader",
                "CREATE on the database `Shop`, for schemas of the migration's own: GRANT CREATE ON DATABASE \"Shop\" TO reader",
                "USAGE and CREATE on the schema `a`: GRANT USAGE, CREATE ON SCHEMA a TO reader",
                "CREATE on the schema `b`: GRANT CREATE ON SCHEMA b TO reader",
            ]
        );
        assert_eq!(writing(&account(true, true), &[schema("a", true, true)]), [""; 0]);
    }
}
