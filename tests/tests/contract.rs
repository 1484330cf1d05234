//! The user's contract, walked: every endpoint, field, query parameter, status and error code, with real databases behind it.
//!
//! The document itself is read from `../shared/spec` where it is; without it the shapes below are all that is checked.

use std::sync::OnceLock;

use reqwest::Method;
use sensei_tests::api::{Serve, eventually};
use sensei_tests::proxy::Proxy;
use sensei_tests::samples;
use sensei_tests::servers::{self, MariaDbDatabase, PostgresDatabase};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Rows of the table that is moved slowly.
const ROWS: u32 = 300_000;

fn document() -> Option<&'static str> {
    static DOCUMENT: OnceLock<Option<String>> = OnceLock::new();
    DOCUMENT.get_or_init(samples::contract).as_deref()
}

/// The JSON examples under a heading: a request body where there is one, then the response.
fn examples(heading: &str) -> Vec<Value> {
    let Some(document) = document() else { return Vec::new() };
    let (_, section) = document.split_once(&format!("### {heading}\n")).expect("a heading of the contract");
    let section = section.split("\n### ").next().expect("a section");
    let blocks = section.split("```json\n").skip(1).map(|rest| rest.split("```").next().expect("a block"));
    blocks.map(|block| serde_json::from_str(block).expect("an example is JSON")).collect()
}

/// Every field of the example is there and of its kind. More may be.
#[track_caller]
fn has_shape(actual: &Value, example: &Value, path: &str) {
    match (actual, example) {
        (Value::Object(actual), Value::Object(example)) => {
            for (name, value) in example {
                let field = actual.get(name).unwrap_or_else(|| panic!("{path}.{name} is missing: {actual:?}"));
                has_shape(field, value, &format!("{path}.{name}"));
            }
        }
        (Value::Array(actual), Value::Array(example)) => {
            if let Some(example) = example.first() {
                actual.iter().for_each(|item| has_shape(item, example, &format!("{path}[]")));
            }
        }
        (Value::String(_), Value::String(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::Bool(_), Value::Bool(_)) => {}
        // An override that is not made.
        (_, Value::Null) => {}
        _ => panic!("{path} is {actual}, not like {example}"),
    }
}

#[track_caller]
fn like_the_contract(actual: &Value, heading: &str) {
    if let Some(example) = examples(heading).last() {
        has_shape(actual, example, heading);
    }
}

/// A small table with names that are spelled anew, one that takes a while, one that is left out.
fn source() -> &'static MariaDbDatabase {
    static DATABASE: OnceLock<MariaDbDatabase> = OnceLock::new();
    DATABASE.get_or_init(|| {
        let database = servers::mariadb().fresh_database();
        database.sql(&format!(
            "create table employees (EmpId int primary key, FullName varchar(60) not null, Phone varchar(20), born date);
             insert into employees select seq, concat('name ', seq), if(seq % 3, concat(' +49 ', seq, ' '), ''), '1990-01-01' from seq_1_to_500;
             create table orders (id bigint primary key auto_increment, note varchar(80), amount decimal(12,2));
             insert into orders select seq, concat('note ', md5(seq)), seq / 100 from seq_1_to_{ROWS};
             create table AUDIT_LOG (id int primary key); insert into AUDIT_LOG values (1);"
        ));
        database
    })
}

/// A server with connections: the source as it is, and the target through a proxy that can be slow.
struct World {
    serve: Serve,
    target: PostgresDatabase,
    proxy: Proxy,
    _folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let serve = Serve::start(folder.path());
        let target = servers::postgres().fresh_database();
        let proxy = Proxy::to(target.port());
        serve.connect("conn_oracle_prod", "Oracle Production", &source().url);
        serve.connect("conn_postgres_cloud", "PostgreSQL Cloud", &target.url_through(proxy.port()));
        Self { serve, target, proxy, _folder: folder }
    }

    /// What to create, everything approved by itself.
    fn body(&self, name: &str) -> Value {
        json!({
            "name": name,
            "source": {"connection_id": "conn_oracle_prod", "exclude_tables": ["audit_*"]},
            "target": {"connection_id": "conn_postgres_cloud", "schema": "public"},
            "options": {"mode": "full", "parallelism": 2, "batch_size": 1000, "auto_approve_above": 0.5}
        })
    }

    /// A migration that moves slowly by now.
    fn slow(&self, name: &str) -> String {
        let id = self.serve.create(&self.body(name));
        self.serve.wait_for(&id, &["approved"]);
        self.proxy.slow(600_000);
        self.serve.command(&format!("/v1/migrations/{id}/start")).is(202);
        eventually("rows move", || {
            let migration = self.serve.get(&format!("/v1/migrations/{id}")).is(200);
            migration["metrics"]["records_processed"].as_u64().is_some_and(|n| n > 0)
        });
        id
    }
}

#[test]
fn create_plan_approve_start_and_see_it_through() {
    let world = World::new();
    let serve = &world.serve;

    // The contract's own request, but for the schemas, which are databases of this source.
    let mut body =
        examples("Create Migration").first().cloned().unwrap_or_else(|| world.body("Q1 Database Modernization"));
    let schema = source().value("select database()");
    body["source"]["schemas"] = json!([schema]);
    body["schedule"] = json!({"start_at": null, "maintenance_window": null});
    body["options"]["auto_approve_above"] = json!(1.0);
    body["options"]["generate_rollback"] = json!(true);
    let created = serve.post("/v1/migrations", &body);
    let location = created.header("location").map(str::to_owned);
    let created = created.is(201);
    let id = created["id"].as_str().expect("an id").to_owned();
    assert!(id.starts_with("mig_"));
    assert_eq!(location.as_deref(), Some(format!("/v1/migrations/{id}").as_str()));
    let mut shown = created.clone();
    // Known once the source was looked at.
    shown["source"]["tables_count"] = json!(0);
    like_the_contract(&shown, "Create Migration");
    assert_eq!(
        (&created["status"], &created["source"]["connection_name"]),
        (&json!("pending"), &json!("Oracle Production"))
    );

    serve.wait_for(&id, &["plan_ready"]);
    let plan = serve.get(&format!("/v1/migrations/{id}/plan")).is(200);
    like_the_contract(&plan, "Get Migration Plan");
    assert_eq!(plan["migration_id"], json!(id));
    assert_eq!(plan["summary"]["tables"], 2, "AUDIT_LOG is left out");
    let mappings = plan["mappings"].as_array().expect("mappings");
    let of = |column: &str| mappings.iter().find(|m| m["source"]["column"] == column).expect("a mapping");
    assert_eq!((&of("note")["status"], &of("EmpId")["status"]), (&json!("approved"), &json!("pending_review")));
    assert_eq!(of("EmpId")["target"]["column"], "emp_id");
    assert!(of("EmpId")["evidence"].as_array().is_some_and(|e| e.len() > 1));
    assert!(plan["rollback_script"].as_array().is_some_and(|s| !s.is_empty()), "{}", plan["rollback_script"]);

    let error = serve.command(&format!("/v1/migrations/{id}/start")).refused(409, "approval_required");
    let waiting = error["details"]["mappings"].as_array().expect("the mappings that wait");
    assert!(waiting.contains(&of("EmpId")["id"]), "{error}");

    let approve = |column: &str, body: Value| {
        let mapping = of(column)["id"].as_str().expect("an id");
        serve.post(&format!("/v1/migrations/{id}/plan/mappings/{mapping}/approve"), &body)
    };
    let request = examples("Approve Mapping").into_iter().next();
    let request =
        request.unwrap_or_else(|| json!({"approved": true, "override_transformation": null, "comment": "ok"}));
    let approved = approve("EmpId", request).is(200);
    assert_eq!(approved["status"], "approved");
    let bad = json!({"approved": true, "override_transformation": "COALESCE(NULLIF(TRIM(PHONNE), ''), 'n/a')"});
    let error = approve("Phone", bad).refused(422, "invalid_expression");
    assert_eq!(error["details"]["position"], 22, "{error}");
    let good = "COALESCE(NULLIF(TRIM(PHONE), ''), 'n/a')";
    approve(
        "Phone",
        json!({"approved": true, "override_transformation": good, "comment": "Verified with business team"}),
    )
    .is(200);
    approve("born", json!({"approved": false})).is(200);
    let stale = json!({"approved": true, "plan_version": 99});
    assert_eq!(approve("EmpId", stale).status, 409);
    serve.post(&format!("/v1/migrations/{id}/plan/approve"), &json!({"approved": true})).is(200);
    serve.wait_for(&id, &["approved"]);
    let plan = serve.get(&format!("/v1/migrations/{id}/plan")).is(200);
    assert_eq!(plan["status"], "approved");

    let rehearsed = serve.post(&format!("/v1/migrations/{id}/start"), &json!({"dry_run": true})).is(200);
    assert_eq!(rehearsed["status"], "approved");
    assert_eq!(world.target.value("select count(*) from pg_namespace where nspname like 'sensei%'"), "0");

    let body = json!({"skip_approval": false, "start_from_phase": null, "dry_run": false});
    let started = serve.post(&format!("/v1/migrations/{id}/start"), &body).is(202);
    like_the_contract(&started, "Start Migration");
    let done = serve.wait_for(&id, &["completed"]);
    assert_eq!(done["progress"]["overall_percent"], 100);
    assert_eq!(done["metrics"]["records_processed"], json!(ROWS + 500));
    let phases: Vec<_> = done["progress"]["phases"]
        .as_array()
        .expect("phases")
        .iter()
        .map(|p| p["name"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(phases, ["planning", "schema_migration", "data_transfer", "validation", "cutover"]);
    assert!(
        done["progress"]["phases"]
            .as_array()
            .is_some_and(|p| p.iter().all(|p| p["status"] == "completed" && p["duration_seconds"].is_number()))
    );

    let value = |sql: &str| world.target.value(sql);
    assert_eq!(value("select count(*) || ' ' || sum(amount) from orders"), format!("{ROWS} {}", "450001500.00"));
    assert_eq!(value("select phone from employees where emp_id = 3"), "n/a");
    assert_eq!(value("select phone from employees where emp_id = 4"), "+49 4");
    assert_eq!(
        value(
            "select count(*) from information_schema.columns where table_name = 'employees' and column_name = 'born'"
        ),
        "0"
    );
    assert_eq!(value("select count(*) from pg_namespace where nspname like 'sensei%'"), "0", "nothing is left behind");

    let metrics = serve.get(&format!("/v1/migrations/{id}/metrics")).is(200);
    like_the_contract(&metrics, "Get Migration Metrics");
    assert_eq!(metrics["quality"]["validation_pass_rate_percent"].as_f64(), Some(100.0));
    let validation = serve.get(&format!("/v1/migrations/{id}/validation")).is(200);
    assert_eq!(validation["tables"].as_array().map(Vec::len), Some(2));
    for table in validation["tables"].as_array().expect("tables") {
        let content = &table["content"];
        assert_eq!((&content["status"], &content["percent"]), (&json!("equal"), &json!(100)), "{table}");
        assert_eq!(content["source_digest"], content["target_digest"]);
    }
    world.target.sql("delete from orders where id = 7; update orders set note = 'x' where id = 8");
    let again = serve.command(&format!("/v1/migrations/{id}/validation")).is(200);
    assert_eq!((&again["status"], &again["pass_rate_percent"]), (&json!("failed"), &json!(50.0)), "{again}");
    let orders = again["tables"].as_array().expect("tables").iter().find(|t| t["table"] == "public.orders");
    let found = json!([
        {"kind": "missing", "key": {"id": "'7'"}, "columns": []},
        {"kind": "different", "key": {"id": "'8'"}, "columns": ["note"]},
    ]);
    assert_eq!(orders.expect("orders")["content"]["differences"], found, "{again}");
    assert_eq!(serve.get(&format!("/v1/migrations/{id}/validation")).is(200), again);

    let logs = serve.get(&format!("/v1/migrations/{id}/logs?limit=3")).is(200);
    assert_eq!(logs["data"].as_array().map(Vec::len), Some(3));
    let line = &logs["data"][0];
    assert!(["timestamp", "level", "message"].iter().all(|f| line[f].is_string()), "{line}");
    let errors = serve.get(&format!("/v1/migrations/{id}/logs?level=warning&limit=1000")).is(200);
    assert!(errors["data"].as_array().is_some_and(|l| l.iter().all(|l| l["level"] == "warning")));
    let phase = serve.get(&format!("/v1/migrations/{id}/logs?phase=data_transfer&limit=1000")).is(200);
    assert!(phase["data"].as_array().is_some_and(|l| !l.is_empty() && l.iter().all(|l| l["phase"] == "data_transfer")));
    let later = serve.get(&format!("/v1/migrations/{id}/logs?since=2099-01-01T00:00:00Z")).is(200);
    assert_eq!(later["data"], json!([]));

    let gone = serve.delete(&format!("/v1/migrations/{id}?keep_logs=true&keep_metrics=false")).is(200);
    like_the_contract(&gone, "Delete Migration");
    assert_eq!((&gone["logs_retained"], &gone["metrics_retained"]), (&json!(true), &json!(false)));
    serve.get(&format!("/v1/migrations/{id}")).refused(404, "migration_not_found");
    assert!(serve.get(&format!("/v1/migrations/{id}/logs")).is(200)["data"].as_array().is_some_and(|l| !l.is_empty()));
}

#[test]
fn pause_resume_and_watch() {
    let world = World::new();
    let serve = &world.serve;
    let id = world.slow("slow");
    let running = serve.get(&format!("/v1/migrations/{id}")).is(200);
    let mut shown = running.clone();
    if shown["timing"]["estimated_completion"].is_null() {
        shown["timing"]["estimated_completion"] = json!("");
    }
    let mut example = examples("Get Migration").into_iter().next_back().unwrap_or_else(|| json!({}));
    // Phases have what they can have at the time.
    example["progress"]["phases"] = json!([{"name": "", "status": ""}]);
    has_shape(&shown, &example, "Get Migration");
    assert_eq!((&running["status"], &running["phase"]), (&json!("running"), &json!("data_transfer")));

    let pausing = serve
        .post(
            &format!("/v1/migrations/{id}/pause"),
            &json!({"reason": "Maintenance window ending", "immediate": false}),
        )
        .is(202);
    like_the_contract(&pausing, "Pause Migration");
    assert_eq!(pausing["status"], "pausing");
    // Nobody waits for a chunk at this speed.
    serve.post(&format!("/v1/migrations/{id}/pause"), &json!({"immediate": true})).is(202);
    let paused = serve.wait_for(&id, &["paused"]);
    assert_eq!(paused["status"], "paused");
    serve.command(&format!("/v1/migrations/{id}/pause")).is(202);

    world.proxy.slow(0);
    let resumed = serve.command(&format!("/v1/migrations/{id}/resume")).is(202);
    like_the_contract(&resumed, "Resume Migration");
    assert!(resumed["resumed_from_checkpoint"].as_str().is_some_and(|c| c.starts_with("ckpt_")));
    let events = serve.follow(&id, Some("0"), |_| false);
    serve.wait_for(&id, &["completed"]);
    let numbers: Vec<i64> = events.iter().filter_map(|e| e.id).collect();
    assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>(), "every event once, in order");
    let statuses: Vec<&str> =
        events.iter().filter(|e| e.name == "status").filter_map(|e| e.data["status"].as_str()).collect();
    assert_eq!(
        statuses,
        [
            "pending",
            "planning",
            "approved",
            "running",
            "pausing",
            "paused",
            "running",
            "validating",
            "running",
            "completed"
        ]
    );
    let progress = events.iter().find(|e| e.name == "progress").expect("progress");
    assert!(["percent", "records_processed"].iter().all(|f| progress.data[f].is_number()), "{progress:?}");
    let table = events
        .iter()
        .find(|e| e.data["message"].as_str().is_some_and(|m| m.starts_with("Processing table: ")))
        .expect("a line");
    assert!(table.name == "log" && table.data["table"].is_string() && table.data["level"] == "info");
    assert_eq!(world.target.value("select count(*) from orders"), ROWS.to_string());
}

#[test]
fn cancel_with_and_without_rollback() {
    let world = World::new();
    let serve = &world.serve;
    let staging = "select count(*) from pg_namespace where nspname like 'sensei%'";
    let id = world.slow("to be rolled back");
    let cancelling = serve
        .post(
            &format!("/v1/migrations/{id}/cancel"),
            &json!({"reason": "Requirements changed", "rollback": true, "force": false}),
        )
        .is(202);
    like_the_contract(&cancelling, "Cancel Migration");
    assert_eq!((&cancelling["status"], &cancelling["rollback_status"]), (&json!("cancelling"), &json!("initiated")));
    world.proxy.slow(0);
    serve.wait_for(&id, &["rolled_back"]);
    assert_eq!(world.target.value(staging), "0");
    let statuses: Vec<String> = serve
        .follow(&id, Some("0"), |_| false)
        .iter()
        .filter(|e| e.name == "status")
        .map(|e| e.data["status"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(statuses[statuses.len() - 2..], ["rolling_back", "rolled_back"]);

    let id = world.slow("to be left");
    let cancelling =
        serve.post(&format!("/v1/migrations/{id}/cancel"), &json!({"rollback": false, "force": true})).is(202);
    assert_eq!(cancelling["status"], "cancelling");
    world.proxy.slow(0);
    serve.wait_for(&id, &["cancelled"]);
    assert_ne!(world.target.value(staging), "0", "what was loaded stays");
    let gone = serve.delete(&format!("/v1/migrations/{id}")).is(200);
    assert_eq!(
        (&gone["deleted"], &gone["logs_retained"], &gone["metrics_retained"]),
        (&json!(true), &json!(true), &json!(true))
    );
    assert_eq!(world.target.value(staging), "0", "until it is deleted");

    let id = serve.create(&world.body("never started"));
    serve.wait_for(&id, &["approved"]);
    let cancelled = serve.post(&format!("/v1/migrations/{id}/cancel"), &json!({})).is(202);
    assert_eq!(cancelled["status"], "cancelled");
}

/// A trigger of the target's own changes a value: the migration fails, nothing is switched over, and the row is told.
#[test]
fn rows_that_differ_fail_the_migration() {
    let world = World::new();
    let serve = &world.serve;
    servers::postgres().sql(
        &world.target.name,
        "create function public.damage() returns trigger language plpgsql as
           $$ begin if new.id = 77 then new.note := null; end if; return new; end $$;
         create function public.watch() returns event_trigger language plpgsql as $$
           declare made record;
           begin
             for made in select * from pg_event_trigger_ddl_commands() where object_identity like '%.orders' loop
               execute format('create trigger damage before insert on %s for each row execute function public.damage()', made.object_identity);
             end loop;
           end $$;
         create event trigger watch on ddl_command_end when tag in ('CREATE TABLE') execute function public.watch()",
    );
    let with = |validation: Value| {
        let mut body = world.body("damaged");
        body["options"]["validation"] = validation;
        body
    };
    for wrong in [json!("some"), json!({"sample": 0}), json!({"sample": 10, "of": 1}), json!(7)] {
        let error = serve.post("/v1/migrations", &with(wrong)).refused(422, "invalid_request");
        assert_eq!(error["details"]["field"], "options.validation", "{error}");
    }
    for (policies, field) in [
        (json!({"zero_dates": "never"}), "options.policies.zero_dates"),
        (json!({"zero": "null"}), "options.policies"),
        (json!({"nan": 7}), "options.policies.nan"),
    ] {
        let mut body = with(json!("full"));
        body["options"]["policies"] = policies;
        let error = serve.post("/v1/migrations", &body).refused(422, "invalid_request");
        assert_eq!(error["details"]["field"], field, "{error}");
    }
    let mut body = with(json!("full"));
    body["options"]["policies"] = json!({"zero_dates": "2000-01-01", "nan": "reject"});
    let id = serve.create(&body);
    let created = serve.get(&format!("/v1/migrations/{id}")).is(200);
    assert_eq!(created["options"]["policies"], json!({"zero_dates": "2000-01-01"}));
    serve.wait_for(&id, &["approved"]);
    serve.command(&format!("/v1/migrations/{id}/start")).is(202);
    let failed = serve.wait_for(&id, &["failed"]);
    assert_eq!(failed["error"]["code"], "content_mismatch", "{failed:#}");
    assert_eq!(world.target.value("select count(*) from pg_tables where schemaname = 'public'"), "0");
    let told = serve.get(&format!("/v1/migrations/{id}/validation")).is(200);
    assert_eq!((&told["status"], &told["counted"]), (&json!("failed"), &json!("staging")), "{told}");
    let orders = told["tables"].as_array().expect("tables").iter().find(|t| t["table"] == "public.orders");
    let found = json!([{"kind": "different", "key": {"id": "'77'"}, "columns": ["note"]}]);
    let orders = orders.expect("orders");
    assert_eq!(orders["content"]["differences"], found, "{told}");
    // The servers' own words say it, too.
    assert_eq!(orders["witness"]["status"], "contradicts", "{told}");
    let against = orders["witness"]["contradictions"].as_array().expect("a list");
    assert!(against.iter().any(|c| c["column"] == "note" && c["figure"] == "present"), "{told}");

    let id = serve.create(&with(json!({"sample": 10})));
    let created = serve.get(&format!("/v1/migrations/{id}")).is(200);
    assert_eq!(created["options"]["validation"], "sample(10)");
}

#[test]
fn a_rollback_that_cannot_be_made_says_so_and_can_be_asked_for_again() {
    let world = World::new();
    let serve = &world.serve;
    let id = world.slow("to be stuck");
    serve.post(&format!("/v1/migrations/{id}/pause"), &json!({"immediate": true})).is(202);
    serve.wait_for(&id, &["paused"]);
    world.proxy.refuse(true);
    serve.post(&format!("/v1/migrations/{id}/cancel"), &json!({"rollback": true})).is(202);
    let failed = serve.wait_for(&id, &["failed"]);
    assert_eq!(failed["error"]["code"], "rollback_failed", "{failed:#}");
    world.proxy.refuse(false);
    world.proxy.slow(0);
    serve.post(&format!("/v1/migrations/{id}/cancel"), &json!({"rollback": true})).is(202);
    serve.wait_for(&id, &["rolled_back"]);
}

#[test]
fn errors_have_their_codes() {
    let world = World::new();
    let serve = &world.serve;
    serve.get("/v1/migrations/mig_none").refused(404, "migration_not_found");
    for (method, path) in [
        (Method::POST, "/start"),
        (Method::POST, "/pause"),
        (Method::GET, "/plan"),
        (Method::GET, "/logs"),
        (Method::GET, "/metrics"),
        (Method::DELETE, ""),
    ] {
        let body = (method == Method::POST).then(|| json!({}));
        serve
            .ask(method, &format!("/v1/migrations/mig_none{path}"), &[], body.as_ref())
            .refused(404, "migration_not_found");
    }
    let nowhere = Proxy::to(world.target.port());
    nowhere.refuse(true);
    let through = |port: u16| world.target.url_through(port);
    serve.connect("conn_nowhere", "Nowhere", &through(nowhere.port()));
    for (side, code) in [("source", "source_unreachable"), ("target", "target_unreachable")] {
        let mut body = world.body("unreachable");
        body[side]["connection_id"] = json!("conn_nowhere");
        let id = serve.create(&body);
        let failed = serve.wait_for(&id, &["failed"]);
        assert_eq!(failed["error"]["code"], code, "{failed:#}");
        serve.command(&format!("/v1/migrations/{id}/start")).refused(409, "plan_not_ready");
        serve.command(&format!("/v1/migrations/{id}/resume")).refused(409, "invalid_state");
    }
    let id = serve.create(&world.body("fine"));
    serve.wait_for(&id, &["approved"]);
    let error = serve.command(&format!("/v1/migrations/{id}/resume")).refused(409, "invalid_state");
    assert_eq!(error["details"]["status"], "approved");
    assert!(error["details"]["allowed"].as_array().is_some_and(|a| a.contains(&json!("start"))), "{error}");
    serve.delete(&format!("/v1/migrations/{id}")).refused(409, "invalid_state");
    serve.delete("/v1/connections/conn_oracle_prod").refused(409, "connection_in_use");

    let wrong = |change: fn(&mut Value), field: &str| {
        let mut body = world.body("wrong");
        change(&mut body);
        let answer = serve.post("/v1/migrations", &body);
        assert_eq!(answer.status, 422, "{field}: {}", answer.text);
        let error = answer.json()["error"].clone();
        assert!(
            error["message"].as_str().is_some_and(|m| m.contains(field)) || error["details"]["field"] == field,
            "{field}: {error}"
        );
    };
    wrong(|b| b["source"]["connection_id"] = json!("conn_unknown"), "source.connection_id");
    wrong(|b| b["options"]["parallelism"] = json!(0), "options.parallelism");
    wrong(|b| b["options"]["batch_size"] = json!("many"), "options.batch_size");
    wrong(|b| b["options"]["auto_approve_above"] = json!(1.5), "options.auto_approve_above");
    wrong(|b| b["options"]["mode"] = json!("magic"), "options.mode");
    wrong(|b| b["notifications"] = json!({"on_events": ["completed", "lunch"]}), "notifications.on_events[1]");
    wrong(
        |b| {
            b["schedule"] =
                json!({"maintenance_window": {"start": "02:00", "end": "06:00", "timezone": "Mars/Olympus"}})
        },
        "schedule.maintenance_window.timezone",
    );
    wrong(|b| b["colour"] = json!("red"), "colour");

    let ask = |key: &str| serve.ask(Method::GET, "/v1/migrations", &[("authorization", key)], None);
    ask("Bearer sk_live_wrong").refused(401, "unauthorized");
    ask("").refused(401, "unauthorized");
    let reader = serve.post("/v1/keys", &json!({"name": "reader", "scopes": ["read"]})).is(201);
    let reader = format!("Bearer {}", reader["key"].as_str().expect("the key"));
    assert_eq!(ask(&reader).status, 200);
    let body = world.body("not allowed");
    serve.ask(Method::POST, "/v1/migrations", &[("authorization", &reader)], Some(&body)).refused(403, "forbidden");
}

#[test]
fn lists_filter_sort_and_page() {
    let world = World::new();
    let serve = &world.serve;
    for name in ["b", "a", "c"] {
        let id = serve.create(&world.body(name));
        serve.wait_for(&id, &["approved"]);
    }
    let list = |query: &str| serve.get(&format!("/v1/migrations{query}")).is(200);
    let names = |listed: &Value| -> Vec<String> {
        listed["data"]
            .as_array()
            .expect("data")
            .iter()
            .map(|m| m["name"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let page = list("?sort=name&order=asc&limit=2");
    like_the_contract(&page, "List Migrations");
    assert_eq!(names(&page), ["a", "b"]);
    assert_eq!(page["pagination"], json!({"total": 3, "limit": 2, "offset": 0, "has_more": true}));
    let rest = list("?sort=name&order=asc&limit=2&offset=2");
    assert_eq!((names(&rest), &rest["pagination"]["has_more"]), (vec!["c".to_owned()], &json!(false)));
    assert_eq!(names(&list("?sort=name&order=desc")), ["c", "b", "a"]);
    assert_eq!(names(&list("?sort=created_at&order=asc")), ["b", "a", "c"]);
    assert_eq!(list("")["pagination"]["limit"], 20);
    assert_eq!(list("?status=running")["pagination"]["total"], 0);
    assert_eq!(
        list("?status=approved&source_id=conn_oracle_prod&target_id=conn_postgres_cloud")["pagination"]["total"],
        3
    );
    assert_eq!(list("?source_id=conn_other")["pagination"]["total"], 0);
    assert_eq!(list("?created_after=2099-01-01T00:00:00Z")["pagination"]["total"], 0);
    assert_eq!(list("?created_before=2099-01-01T00:00:00Z&sort=started_at")["pagination"]["total"], 3);
    for wrong in
        ["limit=101", "limit=0", "status=asleep", "sort=colour", "order=up", "created_after=yesterday", "offset=-1"]
    {
        let answer = serve.get(&format!("/v1/migrations?{wrong}"));
        let name = wrong.split('=').next().expect("a name");
        assert!(answer.status == 422 && answer.text.contains(name), "{wrong}: {} {}", answer.status, answer.text);
    }
}

#[test]
fn a_request_that_comes_twice_is_done_once() {
    let world = World::new();
    let serve = &world.serve;
    let key = [("idempotency-key", "once-and-only-once")];
    let body = world.body("once");
    let first = serve.ask(Method::POST, "/v1/migrations", &key, Some(&body));
    let second = serve.ask(Method::POST, "/v1/migrations", &key, Some(&body));
    assert_eq!(first.is(201), second.is(201));
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    let other = serve.ask(Method::POST, "/v1/migrations", &key, Some(&world.body("twice")));
    other.refused(422, "idempotency_key_reused");
    assert_eq!(serve.get("/v1/migrations").is(200)["pagination"]["total"], 1);
}
