//! Computed columns, defaults, checks and indexes on expressions: in the target's words where they mean the same there.

use std::fmt::Write;

use sensei_tests::product;
use sensei_tests::queries::{Queries, TABLE};
use sensei_tests::servers::{self, Target};

/// Columns that a table computes, by the target's own catalog.
fn computed(target: &Target, table: &str) -> String {
    target.value(&match target {
        Target::Postgres(_) => format!(
            "select string_agg(column_name, ' ' order by ordinal_position) from information_schema.columns
             where table_schema = 'public' and table_name = '{table}' and is_generated = 'ALWAYS'"
        ),
        Target::MariaDb(_) => format!(
            "select group_concat(column_name order by ordinal_position separator ' ') from information_schema.columns
             where table_schema = database() and table_name = '{table}' and generation_expression is not null"
        ),
        Target::Sqlite(_) => {
            format!("select group_concat(name, ' ') from pragma_table_xinfo('{table}') where hidden > 1")
        }
    })
}

/// An order's items in each system.
fn shops() -> [Target; 3] {
    let all = Target::one_of_each();
    for target in &all {
        let (joined, indexes) = match target {
            Target::MariaDb(_) => ("concat(code, ' x ', note)", ""),
            Target::Postgres(_) | Target::Sqlite(_) => (
                "code || ' x ' || note",
                "create unique index opens on items (cents) where open; create index sums on items ((pieces * 2))",
            ),
        };
        // It computes in the type of its numbers, the others in 64 bits always.
        let cents = if matches!(target, Target::Postgres(_)) { "cents::bigint" } else { "cents" };
        target.sql(&format!(
            "create table items (id int primary key, code varchar(9) not null, note varchar(9), cents int not null, pieces smallint not null, open boolean not null default false,
                 total bigint generated always as ({cents} * pieces) stored, label varchar(40) generated always as ({joined}) stored,
                 state varchar(9) default ({}), check (pieces >= 0 or cents is null));
             insert into items (id, code, note, cents, pieces, open) values (1, 'a', 'b', 2000000000, 30000, true), (2, 'it''s', null, -7, 3, false), (3, '', '', 0, 0, false);
             {indexes}",
            match target {
                Target::MariaDb(_) => "concat('n', 'ew')",
                Target::Postgres(_) | Target::Sqlite(_) => "'n' || 'ew'",
            }
        ));
    }
    all
}

#[test]
fn a_table_computes_in_every_system_what_it_computed_in_its_own() {
    for source in &shops() {
        for target in Target::one_of_each() {
            let place = format!("{} -> {}", source.url(), target.url());
            product::migrate_value_by_value(source.url(), target.url(), &[]);
            assert_eq!(computed(&target, "items"), "total label", "{place}");
            assert_eq!(target.value("select total from items where id = 1"), "60000000000000", "{place}");
            let shown = target.value("select coalesce(label, '-') from items where id = 2");
            assert_eq!(shown, "-", "a text joined with NULL is NULL: {place}");
            // The target goes on computing by itself.
            target.sql("insert into items (id, code, note, cents, pieces) values (9, 'it''s', 'c', 2, 30000)");
            assert_eq!(target.value("select total from items where id = 9"), "60000", "{place}");
            assert_eq!(target.value("select label from items where id = 9"), "it's x c", "{place}");
            assert_eq!(target.value("select state from items where id = 9"), "new", "{place}");
            let indexes = match (source, &target) {
                (Target::MariaDb(_), _) | (_, Target::MariaDb(_)) => continue,
                (_, Target::Postgres(_)) => {
                    "select count(*) from pg_indexes where tablename = 'items' and (indexdef like '%WHERE open%' or indexdef like '%* 2%')"
                }
                (_, Target::Sqlite(_)) => {
                    "select count(*) from sqlite_schema where type = 'index' and (sql like '%WHERE%open%' or sql like '%* 2%')"
                }
            };
            assert_eq!(target.value(indexes), "2", "{place}");
        }
    }
}

#[test]
fn what_cannot_be_computed_the_same_way_is_stored_and_told() {
    let source = servers::mariadb().fresh_database();
    source.sql(
        "create table t (id int auto_increment primary key, name varchar(20), shown varchar(20) as (upper(name)) stored,
             third decimal(10,2) as (id / 3) virtual, next int as (n + 1) virtual, n int not null);
         insert into t (name, n) values ('ä', 1), (null, 2)",
    );
    let target = servers::postgres().fresh_database();
    let outcome = product::migrate(&source.url, &target.url, &["--plan"]);
    for told in ["calls `ucase`", "Computed when it is read in the source"] {
        assert!(outcome.stdout.contains(told), "{told}: {}", outcome.stdout);
    }
    product::migrate_value_by_value(&source.url, &target.url, &[]);
    let target = Target::Postgres(target);
    assert_eq!(computed(&target, "t"), "next");
    assert_eq!(target.value("select shown from t where id = 1"), "Ä");
}

/// Tables of random computed columns, by the seeds that are also those of the random views.
fn random_tables(source: &Target, seed: u64) -> String {
    let mut random = Queries::of_one_row(source, seed);
    let (facts, _) = TABLE.split_once("create table others").expect("two tables");
    let (columns, rows) = facts.split_once(");").expect("a table and its rows");
    let names = "(id, a, b, s, t, flag, day) values";
    let mut sql = String::new();
    for table in 0..4 {
        let numbers =
            (0..3).map(|at| format!("n{at} bigint generated always as ({}) stored", random.computed_number()));
        let numbers: Vec<String> = numbers.collect();
        let texts =
            (0..3).map(|at| format!("t{at} varchar(200) generated always as ({}) stored", random.computed_text()));
        let texts: Vec<String> = texts.collect();
        let [columns, rows] = [columns, rows].map(|text| text.replace("facts", &format!("facts{table}")));
        let rows = rows.replace(" values", names);
        write!(sql, "{columns}, {}, {}); {rows};", numbers.join(", "), texts.join(", ")).expect("a text");
        if !matches!(source, Target::MariaDb(_)) {
            write!(sql, "create index some{table} on facts{table} (a) where {};", random.computed_condition())
                .expect("a text");
        }
    }
    sql
}

#[test]
fn random_computed_columns_are_the_same_everywhere() {
    let mut counted = [0_usize; 2];
    for seed in [11, 12, 13] {
        for source in Target::one_of_each() {
            source.sql(&random_tables(&source, seed));
            for target in Target::one_of_each() {
                product::migrate_value_by_value(source.url(), target.url(), &[]);
                for table in 0..4 {
                    let found = computed(&target, &format!("facts{table}")).split_whitespace().count();
                    // Comparing texts of MariaDB is for its collations.
                    let exact = !matches!(source, Target::MariaDb(_)) || matches!(target, Target::MariaDb(_));
                    assert!(found == 6 || !exact, "seed {seed}, facts{table}: {} -> {}", source.url(), target.url());
                    counted[0] += found;
                    counted[1] += 6;
                }
            }
        }
    }
    assert!(counted[0] * 10 > counted[1] * 8, "only {} of {} are computed in the target, too", counted[0], counted[1]);
}
