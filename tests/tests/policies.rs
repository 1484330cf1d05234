//! Values that the target does not hold: counted and told before anything moves, refused unless a person decided, and then
//! what was decided.

use sensei_tests::product;
use sensei_tests::servers::{self, MariaDbDatabase, SqliteFile};
use serde_json::Value;

/// Zero dates where NULL may be, where it may not, and in a key; NUL characters.
const ODD: &str = "
    set sql_mode = '';
    create table people (id int primary key, born date not null default '0000-00-00', seen datetime(3), note text, plain varchar(9));
    insert into people values (1, '0000-00-00', '0000-00-00 00:00:00', concat('a', char(0), 'b'), 'x'),
        (2, '2024-02-29', '2024-02-29 12:30:00.125', 'ok', null), (3, '0000-00-00', null, null, 'y');
    create table days (day date primary key, n int not null);
    insert into days values ('2024-01-01', 1), ('0000-00-00', 2)";

fn odd() -> MariaDbDatabase {
    let database = servers::mariadb().fresh_database();
    database.sql(ODD);
    database
}

fn planned(source: &str, target: &str, more: &[&str]) -> Value {
    let arguments = ["migrate", "--plan", "--source", source, "--target", target];
    let outcome = product::run(arguments.iter().chain(more)).succeeded();
    serde_json::from_str(&outcome.stdout).expect("a plan")
}

fn mapping<'a>(plan: &'a Value, table: &str, column: &str) -> &'a Value {
    let tables = plan["tables"].as_array().expect("tables");
    let table = tables.iter().find(|t| t["source"]["name"] == table).expect("the table");
    let mappings = table["mappings"].as_array().expect("mappings");
    mappings.iter().find(|m| m["source_column"] == column).expect("the column")
}

fn risk<'a>(plan: &'a Value, kind: &str, saying: &str) -> &'a Value {
    let said = |r: &&Value| r["type"] == kind && r["description"].as_str().is_some_and(|d| d.contains(saying));
    plan["risks"].as_array().expect("risks").iter().find(said).unwrap_or_else(|| panic!("no {kind}: {}", plan["risks"]))
}

fn choices(mapping: &Value) -> Vec<String> {
    let remedies = mapping["remedies"].as_array().cloned().unwrap_or_default();
    remedies.iter().map(|r| format!("{}={}", r["policy"], r["choice"]).replace('"', "")).collect()
}

#[test]
fn what_the_target_does_not_hold_is_counted_in_the_plan_and_refused() {
    let (source, target) = (odd(), servers::postgres().fresh_database());
    let plan = planned(&source.url, &target.url, &[]);
    let zero = risk(&plan, "special_values", "are zero dates");
    assert_eq!(zero["severity"], "high");
    assert_eq!(
        zero["affected"].as_array().expect("a list"),
        &["days.day (1 of 2 sampled)", "people.born (2 of 3 sampled)", "people.seen (1 of 3 sampled)"]
            .map(|affected| Value::from(format!("{}.{affected}", source.name)))
    );
    assert!(zero["mitigation"].as_str().is_some_and(|m| m.contains("`zero_dates`")), "{zero}");
    assert_eq!(risk(&plan, "special_values", "NUL characters")["affected"].as_array().map(Vec::len), Some(1));
    // NULL is offered where the target takes it.
    assert_eq!(choices(mapping(&plan, "people", "born")), ["zero_dates=1970-01-01"]);
    assert_eq!(choices(mapping(&plan, "people", "seen")), ["zero_dates=null", "zero_dates=1970-01-01"]);
    assert_eq!(choices(mapping(&plan, "people", "note")), ["nul_bytes=strip", "nul_bytes=replace"]);
    for nothing_odd in ["id", "plain"] {
        assert_eq!(choices(mapping(&plan, "people", nothing_odd)), Vec::<String>::new());
    }
    let note = mapping(&plan, "people", "note");
    let told = note["evidence"].as_array().expect("evidence").iter().find(|e| e["kind"] == "sample_special");
    let told = told.and_then(|e| e["detail"].as_str()).expect("a detail");
    assert_eq!(told, "1 of 3 sampled values hold NUL characters, which the target refuses: see `remedies`");
    assert!(note["confidence"].as_f64().is_some_and(|c| c < 0.5), "{note}");

    let error = product::migrate(&source.url, &target.url, &[]).failed();
    assert!(error.contains("people") || error.contains("days"), "{error}");
    assert_eq!(target.value("select count(*) from pg_tables where schemaname = 'public'"), "0");
}

#[test]
fn what_was_decided_takes_their_place() {
    let (source, target) = (odd(), servers::postgres().fresh_database());
    let policies = ["--policy", "zero_dates=null", "--policy", "nul_bytes=strip", "--exclude-table", "days"];
    let plan = planned(&source.url, &target.url, &policies);
    assert_eq!(mapping(&plan, "people", "born")["transformation"], "replace_zero_date(born, NULL)");
    assert_eq!(choices(mapping(&plan, "people", "born")), Vec::<String>::new());
    assert_eq!(risk(&plan, "not_null_dropped", "")["affected"][0], format!("{}.people.born", source.name));
    risk(&plan, "policy", "are zero dates");
    product::migrate_value_by_value(&source.url, &target.url, &policies);
    let rows = "select coalesce(string_agg(concat_ws('|', id, coalesce(born::text, '-'), coalesce(seen::text, '-'), coalesce(note, '-'),
        coalesce(plain, '-')), E'\\n' order by id), '') from people";
    assert_eq!(target.value(rows), "1|-|-|ab|x\n2|2024-02-29|2024-02-29 12:30:00.125|ok|-\n3|-|-|-|y");
}

#[test]
fn a_key_takes_no_null_but_another_date() {
    let (source, target) = (odd(), servers::postgres().fresh_database());
    let policies = ["--policy", "zero_dates=null", "--policy", "nul_bytes=replace"];
    let plan = planned(&source.url, &target.url, &policies);
    assert_eq!(risk(&plan, "policy_not_applied", "")["affected"][0], format!("{}.days.day", source.name));
    let error = product::migrate(&source.url, &target.url, &policies).failed();
    assert!(error.contains("days") && error.contains("`zero_dates`"), "{error}");
    // What was loaded so was loaded under other policies.
    let error = product::migrate(&source.url, &target.url, &["--policy", "nul_bytes=strip"]).failed();
    assert!(error.contains("--restart"), "{error}");

    let policies = ["--policy", "zero_dates=1900-01-01", "--policy", "nul_bytes=replace"];
    product::migrate_value_by_value(&source.url, &target.url, &[&policies[..], &["--restart"]].concat());
    assert_eq!(target.value("select string_agg(day::text || n, ',' order by n) from days"), "2024-01-011,1900-01-012");
    assert_eq!(target.value("select note from people where id = 1"), "a\u{fffd}b");
    assert_eq!(target.value("select count(*) from people where born = '1900-01-01' and id in (1, 3)"), "2");
    assert_eq!(target.value("select seen from people where id = 1"), "1900-01-01 00:00:00");
}

#[test]
fn infinity_and_far_dates_stay_within_a_calendar() {
    let source = servers::postgres().fresh_database();
    source.sql(
        "create table spans (id int primary key, until date, at timestamptz(3), ratio float8, share numeric);
         insert into spans values (1, 'infinity', '-infinity', 'NaN', 'NaN'), (2, '12345-01-01', '0044-03-15 00:00:00Z BC', '-Infinity', 1.5),
             (3, '2024-02-29', '2024-02-29 12:00:00.5Z', 0.25, null)",
    );
    let target = servers::mariadb().fresh_database();
    let refused = product::migrate(&source.url, &target.url, &[]).failed();
    assert!(refused.contains("spans"), "{refused}");
    let policies = ["--policy", "far_dates=clamp", "--policy", "nan=null", "--policy", "infinity=null", "--restart"];
    product::migrate_value_by_value(&source.url, &target.url, &policies);
    let rows = "select group_concat(concat_ws('|', id, until, at, ifnull(ratio, '-'), ifnull(share + 0, '-')) order by id separator '\\n') from spans";
    let told = target.value(rows);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[0], "1|9999-12-31|0001-01-01 00:00:00.000|-|-");
    assert!(lines[1].starts_with("2|9999-12-31|0001-01-01 00:00:00.000|-|1.5"), "{told}");
    assert!(lines[2].starts_with("3|2024-02-29|2024-02-29 12:00:00.500|0.25|-"), "{told}");

    let file = SqliteFile::fresh();
    let refused = product::migrate(&source.url, &file.url, &[]).failed();
    assert!(refused.contains("SQLite has no NaN") && refused.contains("`nan`"), "{refused}");
    product::migrate_value_by_value(&source.url, &file.url, &["--policy", "nan=null", "--restart"]);
    // SQLite holds infinity, and its decimals are texts.
    assert_eq!(
        file.value("select group_concat(coalesce(ratio, '-') || '|' || coalesce(share, '-')) from spans"),
        "-|NaN,-Inf|1.5,0.25|-"
    );
}

#[test]
fn a_policy_that_is_none_is_told_before_anything_is_done() {
    let outcome = product::run(["migrate", "--source", "a", "--target", "b", "--policy", "zero_dates=never"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("`never` is no choice for zero_dates; choices: `reject`, `null`"),
        "{}",
        outcome.stderr
    );
}

/// Old files and databases without an encoding hold texts of whoever wrote them.
#[test]
fn texts_that_are_no_utf8_are_refused_or_read_as_asked() {
    let file = SqliteFile::fresh();
    file.sql("create table names (id integer primary key, v text); insert into names values (1, 'Zoë'), (2, cast(x'5a6feb2080' as text))");
    let ascii = servers::postgres().fresh_database();
    let name = format!("{}_ascii", ascii.name);
    let create = format!(
        "create database {name} owner sensei encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0"
    );
    servers::postgres().sql("postgres", &create);
    let old = servers::postgres().database(&name);
    old.sql("create table names (id int primary key, v text); insert into names values (1, 'Zoë'), (2, convert_from('\\x5a6feb2080', 'SQL_ASCII'))");
    for source in [&file.url, &old.url] {
        let target = servers::mariadb().fresh_database();
        let error = product::migrate(source, &target.url, &[]).failed();
        assert!(error.contains("names") && error.contains("invalid_text"), "{error}");
        let read = |word: &str| {
            let join = if source.contains('?') { '&' } else { '?' };
            let source = format!("{source}{join}invalid_text={word}");
            product::migrate_value_by_value(&source, &target.url, &["--on-existing", "replace", "--restart"]);
            target.value("select group_concat(v order by id separator '|') from names")
        };
        assert_eq!(read("windows-1252"), "Zoë|Zoë €", "{source}");
        assert_eq!(read("replace"), "Zoë|Zo\u{fffd} \u{fffd}", "{source}");
    }
}

/// A flag, one that is none, UUIDs, JSON; and what counts on a type.
const MEANT: &str = r#"
    create table t (id int primary key, open tinyint(1) not null default 1, level tinyint(1), code char(36), doc text,
        parent char(36), seen tinyint(1), constraint seen_is check (seen < 2), key (doc(9)));
    insert into t values (1, 1, 2, '01234567-89ab-cdef-0123-456789abcdef', '{"a": [1, 2]}', null, 1),
        (2, 0, null, null, '[]', '01234567-89ab-cdef-0123-456789abcdef', 0);
    alter table t add extra text;
    update t set extra = '{"b": 1}' where id = 1;
    create view opened as select id, case when open then 'yes' else 'no' end as told from t where open = 1 or open <> 1 and not open"#;

#[test]
fn what_is_meant_is_made_where_somebody_chose_so() {
    let source = servers::mariadb().fresh_database();
    source.sql(MEANT);
    let target = servers::postgres().fresh_database();
    let plan = planned(&source.url, &target.url, &[]);
    let told = risk(&plan, "meant_type", "0 and 1");
    assert_eq!(told["affected"], serde_json::json!([format!("{}.t.open (2 sampled)", source.name)]));
    assert!(told["mitigation"].as_str().is_some_and(|m| m.contains("`flags: boolean`")), "{told}");
    assert_eq!(mapping(&plan, "t", "open")["target_type"], "smallint");

    let chosen = ["--policy", "flags=boolean", "--policy", "uuids=uuid", "--policy", "json_texts=json"];
    let plan = planned(&source.url, &target.url, &chosen);
    let open = mapping(&plan, "t", "open");
    assert!(open["confidence"].as_f64().is_some_and(|c| c > 0.95), "all rows were seen: {open}");
    product::migrate_value_by_value(&source.url, &target.url, &chosen);
    let types = "select string_agg(column_name || ' ' || data_type, ', ' order by ordinal_position) from information_schema.columns
        where table_schema = 'public' and table_name = 't'";
    assert_eq!(
        target.value(types),
        "id integer, open boolean, level smallint, code uuid, doc text, parent uuid, seen smallint, extra json",
        "a prefix index, a check and other values keep what they count on"
    );
    assert_eq!(
        target.value("select open::text || code from t where id = 1"),
        "true01234567-89ab-cdef-0123-456789abcdef"
    );
    target.sql("insert into t (id) values (3)");
    assert_eq!(target.value("select open from t where id = 3"), "t");
    assert_eq!(target.value("select told from opened where id = 2"), "no");
}

#[test]
fn a_row_that_is_not_what_was_meant_stops_it() {
    let source = servers::mariadb().fresh_database();
    source.sql(
        "create table t (id int primary key, open tinyint(1));
         insert into t select seq, if(seq = 1500, 7, seq % 2) from seq_1_to_2000; analyze table t",
    );
    let target = servers::postgres().fresh_database();
    let plan = planned(&source.url, &target.url, &["--policy", "flags=boolean"]);
    assert!(mapping(&plan, "t", "open")["confidence"].as_f64().is_some_and(|c| c < 0.95), "not all rows were seen");
    let error = product::migrate(&source.url, &target.url, &["--policy", "flags=boolean"]).failed();
    assert!(error.contains("open") && error.contains('7'), "{error}");
    assert_eq!(target.value("select count(*) from information_schema.tables where table_schema = 'public'"), "0");
    product::migrate(&source.url, &target.url, &["--restart"]).succeeded();
    assert_eq!(target.value("select open from t where id = 1500"), "7");
}

/// Keys as people make them where there is no type for them, and single bits.
#[test]
fn keys_that_are_uuids_become_uuids_together_with_what_refers_to_them() {
    let source = servers::mariadb().fresh_database();
    source.sql(
        "create table owners (id binary(16) primary key, code char(36) not null unique, open bit(1) not null default b'1', hash binary(16));
         create table toys (id int primary key, owner binary(16), code char(36), foreign key (owner) references owners (id),
             foreign key (code) references owners (code));
         create table notes (id varchar(40) primary key, toy int);
         insert into owners values (x'0190a5b0c1d27e3f8a4b5c6d7e8f9012', '0190A5B0-C1D2-7E3F-8A4B-5C6D7E8F9012', b'1', x'000102030405060708090a0b0c0d0e0f'),
             (x'550e8400e29b41d4a716446655440000', '550e8400-e29b-41d4-a716-446655440000', b'0', null);
         insert into toys values (1, x'550e8400e29b41d4a716446655440000', '550E8400-e29b-41d4-a716-446655440000'), (2, null, null);
         insert into notes values ('0190a5b0-c1d2-7e3f-8a4b-5c6d7e8f9012', 1), ('none', 2)",
    );
    let target = servers::postgres().fresh_database();
    let told = risk(&planned(&source.url, &target.url, &[]), "meant_type", "UUIDs")["affected"].clone();
    for column in ["owners.id", "owners.code", "toys.owner", "toys.code"] {
        assert!(told.to_string().contains(&format!("{column} (2 sampled)")), "{column}: {told}");
    }
    assert!(!told.to_string().contains("hash") && !told.to_string().contains("notes"), "{told}");
    product::migrate(&source.url, &target.url, &["--policy", "uuids=uuid", "--policy", "flags=boolean"]).succeeded();
    let types = "select string_agg(table_name || '.' || column_name || ' ' || data_type, ', ' order by table_name, ordinal_position)
        from information_schema.columns where table_schema = 'public'";
    assert_eq!(
        target.value(types),
        "notes.id character varying, notes.toy integer, owners.id uuid, owners.code uuid, owners.open boolean, owners.hash bytea, toys.id integer, toys.owner uuid, toys.code uuid"
    );
    let joined = "select o.id::text || o.open from toys t join owners o on o.id = t.owner and o.code = t.code";
    assert_eq!(target.value(joined), "550e8400-e29b-41d4-a716-446655440000false");
    target.sql("insert into owners (id, code) values (gen_random_uuid(), gen_random_uuid())");
    assert_eq!(target.value("select count(*) from owners where open"), "2");
    // One column alone, by its name; what refers to it must follow.
    source.sql("update toys set code = '550e8400-e29b-41d4-a716-446655440000' where id = 1");
    let one = servers::postgres().fresh_database();
    let only = ["--policy", "uuids=uuid", "--policy", "uuids:toys.code=keep"];
    product::migrate_value_by_value(&source.url, &one.url, &only);
    assert!(one.value(types).contains("owners.id uuid, owners.code character"), "{}", one.value(types));
    let outcome = product::migrate(&source.url, &one.url, &["--policy", "uuids:toys.cod=keep", "--plan"]);
    assert!(outcome.failed().contains("`uuids:toys.cod` names no column"));
}

/// What breaks a declared type moves into a wider one, or stops the migration: somebody decides.
#[test]
fn longer_texts_and_larger_numbers_are_held_or_refused() {
    let file = SqliteFile::fresh();
    file.sql(
        "create table t (id integer primary key, name varchar(5), level tinyint, price numeric(6,2));
         insert into t values (1, 'short', 100, 9999.99), (2, 'longer than that', 1000, 123456.789)",
    );
    let target = servers::postgres().fresh_database();
    let plan = planned(&file.url, &target.url, &[]);
    assert!(risk(&plan, "type_widened", "texts are longer")["affected"].to_string().contains("t.name (text)"));
    assert!(risk(&plan, "type_widened", "numbers do not fit")["affected"].to_string().contains("t.level (bigint)"));
    product::migrate_value_by_value(&file.url, &target.url, &[]);
    let refused = ["--policy", "long_texts=reject", "--policy", "large_numbers=reject", "--on-existing", "replace"];
    let plan = planned(&file.url, &target.url, &refused);
    assert_eq!(mapping(&plan, "t", "name")["target_type"], "character varying(5)");
    assert!(
        mapping(&plan, "t", "level")["confidence"].as_f64().is_some_and(|c| c < 0.9),
        "half of its rows do not fit"
    );
    risk(&plan, "sample_rejects", "would refuse");
    let error = product::migrate(&file.url, &target.url, &refused).failed();
    assert!(error.contains("t.") && error.contains("1000") || error.contains("longer"), "{error}");
    file.sql("update t set name = 'fits', level = 127, price = 1.5 where id = 2");
    file.sql("insert into t values (3, 'too long', 1, 1)");
    let error = product::migrate(&file.url, &target.url, &[&refused[..], &["--restart"]].concat()).failed();
    assert!(error.contains("t.name") && error.contains("more characters"), "{error}");
    assert_eq!(target.value("select max(level) from t"), "1000", "nothing was replaced");
    file.sql("delete from t where id = 3");
    product::migrate(&file.url, &target.url, &[&refused[..], &["--restart"]].concat()).succeeded();
    assert_eq!(target.value("select max(level) from t"), "127");
}

#[test]
fn unsigned_numbers_become_integers_where_somebody_says_that_they_fit() {
    let source = servers::mariadb().fresh_database();
    source.sql(
        "create table owners (id bigint unsigned primary key); insert into owners values (1), (9223372036854775807);
         create table toys (id int primary key, owner bigint unsigned, foreign key (owner) references owners (id));
         insert into toys values (1, 9223372036854775807)",
    );
    let target = servers::postgres().fresh_database();
    let plan = planned(&source.url, &target.url, &[]);
    assert!(risk(&plan, "type_widened", "no integers of this size")["affected"].to_string().contains("numeric(20,0)"));
    let chosen = ["--policy", "large_numbers=reject"];
    product::migrate_value_by_value(&source.url, &target.url, &chosen);
    let types = "select string_agg(data_type, ' ') from information_schema.columns where table_schema = 'public' and column_name <> 'toys.id'";
    assert_eq!(target.value(types), "bigint integer bigint");
    source.sql("insert into owners values (9223372036854775808)");
    let again = [&chosen[..], &["--restart", "--on-existing", "replace"]].concat();
    let error = product::migrate(&source.url, &target.url, &again).failed();
    assert!(error.contains("owners") && error.contains("9223372036854775808"), "{error}");
}
