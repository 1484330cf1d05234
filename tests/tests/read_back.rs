//! What the target made is compared with the plan before it goes live.

use sensei_tests::oracle::System;
use sensei_tests::product;
use sensei_tests::servers;

/// A program of somebody's in the target that changes every table as it is made.
const MEDDLER: &str = "
    create function meddle() returns event_trigger language plpgsql as $$
    declare made record;
    begin
        for made in select * from pg_event_trigger_ddl_commands() where object_identity like '%.orders' loop
            execute format('alter table %s alter column note type varchar(20), alter column amount drop not null, alter column amount drop default',
                made.object_identity);
        end loop;
    end $$;
    create event trigger meddle on ddl_command_end when tag in ('CREATE TABLE') execute function meddle();";

#[test]
fn a_table_that_became_another_does_not_go_live() {
    let source = servers::postgres().fresh_database();
    source.sql(
        "create table orders (id int primary key, amount numeric(10, 2) not null default 1, note varchar(40));
         create table customers (id int primary key);
         insert into orders values (1, 2, 'x');",
    );
    let target = servers::postgres().fresh_database();
    servers::postgres().sql(&target.name, MEDDLER);
    let error = product::migrate(&source.url, &target.url, &[]).failed();
    for part in [
        "public.orders",
        "`note` is character varying(20), not character varying(40)",
        "NOT NULL of `amount` is missing",
        "the default of `amount` is missing",
        "Nothing was switched over",
        "(schema_mismatch)",
    ] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
    assert!(!error.contains("customers"), "{error}");
    assert_eq!(System::from(&target).shape().len(), 0, "something went live");

    servers::postgres().sql(&target.name, "drop event trigger meddle");
    product::migrate(&source.url, &target.url, &["--restart"]).succeeded();
}
