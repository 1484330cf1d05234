//! Views: translated where their SQL means the same in both systems, told of where it does not; made with their tables, and
//! replaced in the same step.

use sensei_tests::api::{Serve, eventually};
use sensei_tests::product;
use sensei_tests::queries::{self, Queries};
use sensei_tests::samples;
use sensei_tests::servers::{self, Target};
use serde_json::{Value, json};

const SHOP: &str = "
    create table customers (id int primary key, first_name varchar(20) not null, last_name varchar(20), vip boolean not null, born date);
    create table orders (id int primary key, customer_id int not null, cents int not null, note varchar(20));
    insert into customers values (1, 'Ada', 'Byron', true, '1815-12-10'), (2, 'it''s \\\\', null, false, null), (3, 'Grace', 'Hopper', true, '1906-12-09');
    insert into orders values (1, 1, 250, 'late'), (2, 1, 1000, null), (3, 2, -40, 'LATE'), (4, 3, 7, 'b');
    create view totals as select c.id as customer_id, count(o.id) as orders, sum(o.cents) as cents from customers c
        left join orders o on o.customer_id = c.id group by c.id having count(o.id) > 0;
    create view large as select t.customer_id, t.cents * 2 - 1 as doubled from totals t where t.cents between 7 and 9999;
    create view letters as select id, coalesce(last_name, 'it''s \\\\ none') as last_name,
        case when vip then 'important' when born is null then 'ageless' else '' end as what from customers;
    create view everyone as select id from customers where id in (1, 2, 3) union select customer_id from orders where not (cents < 0 or note is null)
        union all select cents from orders where id <> 4;
    create view latest as select max(id) as id, min(cents) as least, count(distinct customer_id) as customers, count(*) as n from orders;
    create view averages as select avg(cents) as cents from orders;
    create view shouted as select upper(first_name) as name from customers;
";

/// A shop in each system, and how that joins two texts.
fn shops() -> [Target; 3] {
    let all = Target::one_of_each();
    for target in &all {
        // Only one of them reads a backslash as the beginning of something.
        let (shop, joined) = match target {
            Target::MariaDb(_) => (SHOP.to_owned(), "concat(first_name, ' ', last_name)"),
            Target::Postgres(_) | Target::Sqlite(_) => (SHOP.replace("\\\\", "\\"), "first_name || ' ' || last_name"),
        };
        target.sql(&shop);
        let stage = match target {
            Target::MariaDb(_) => "enum('open', 'it''s done', 'Closed')",
            Target::Postgres(_) => {
                target.sql("create type stage as enum ('open', 'it''s done', 'Closed')");
                "stage"
            }
            Target::Sqlite(_) => "varchar(9)",
        };
        target.sql(&format!(
            "create table cases (id int primary key, stage {stage} not null); insert into cases values (1, 'open'), (2, 'Closed'), (3, 'it''s done'), (4, 'open');
             create view going as select id, stage from cases where stage = 'open' or stage in ('it''s done', 'open') and stage <> 'Closed';
             create view stages as select stage, count(*) as n, max(case stage when 'open' then id else 0 end) as latest from cases group by stage"
        ));
        target.sql(&format!(
            "create view names as select id, {joined} as name, {} as length from customers",
            match target {
                Target::Sqlite(_) => "length(first_name)",
                Target::Postgres(_) | Target::MariaDb(_) => "char_length(first_name)",
            }
        ));
    }
    all
}

/// What the views show, value by value.
const SHOWN: &[&str] = &[
    "select count(*) from totals",
    "select cents from totals where customer_id = 1",
    "select orders from totals where customer_id = 2",
    "select sum(doubled) from large",
    "select last_name from letters where id = 2",
    "select what from letters where id = 1",
    "select what from letters where id = 2",
    "select count(*) from everyone",
    "select sum(id) from everyone",
    "select id from latest",
    "select least from latest",
    "select customers from latest",
    "select n from latest",
    "select name from names where id = 3",
    "select coalesce(name, '?') from names where id = 2",
    "select length from names where id = 2",
    "select count(*) from going",
    "select sum(id) from going",
    "select n from stages where stage = 'open'",
    "select latest from stages where stage = 'open'",
];

fn plan(source: &str, target: &str) -> Value {
    let plan = product::run(["migrate", "--source", source, "--target", target, "--plan"]).succeeded().stdout;
    serde_json::from_str(&plan).expect("a plan")
}

fn shown(target: &Target) -> Vec<String> {
    SHOWN.iter().map(|select| target.value(select)).collect()
}

#[test]
fn views_show_the_same_in_every_system() {
    for source in shops() {
        for target in Target::one_of_each() {
            let plan = plan(source.url(), target.url());
            product::migrate(source.url(), target.url(), &[]).succeeded();
            assert_eq!(shown(&target), shown(&source), "{} to {}", source.url(), target.url());
            let left: Vec<&str> =
                plan["not_moved"].as_array().unwrap().iter().map(|o| o["name"].as_str().unwrap()).collect();
            if std::mem::discriminant(&source) == std::mem::discriminant(&target) {
                assert_eq!(left, [""; 0], "one system understands itself");
                assert_eq!(target.value("select name from shouted order by name limit 1"), "ADA");
                continue;
            }
            assert_eq!(left, ["averages", "shouted"], "{} to {}", source.url(), target.url());
            let risks = plan["risks"].as_array().unwrap();
            let risk = risks.iter().find(|risk| risk["type"] == "view_not_moved").expect("a risk");
            let affected = risk["affected"].to_string();
            // MariaDB calls it `ucase`.
            let upper = affected.contains("`upper`") || affected.contains("`ucase`");
            assert!(affected.contains("`avg`") && upper, "{affected}");
        }
    }
}

#[test]
fn a_column_of_any_name_is_found() {
    let source = servers::mariadb().fresh_database();
    source.sql(
        "create table `Order Lines` (`Line No` int primary key, `From` int, `a``b` varchar(9));
         insert into `Order Lines` values (1, 2, 'x'), (2, null, 'y');
         create view `Lines of All` as select `Line No` as `No`, `From`, `a``b` as `\"q\"` from `Order Lines` where `From` is not null",
    );
    let target = servers::postgres().fresh_database();
    product::migrate(&source.url, &target.url, &[]).succeeded();
    assert_eq!(target.value("select no || ' ' || \"from\" || ' ' || q from lines_of_all"), "1 2 x");
    let other = servers::postgres().fresh_database();
    product::migrate(&source.url, &other.url, &["--naming", "preserve"]).succeeded();
    assert_eq!(other.value(r#"select "No" || ' ' || "From" || ' ' || """q""" from "Lines of All""#), "1 2 x");
    let back = servers::mariadb().fresh_database();
    product::migrate(&other.url, &back.url, &["--naming", "preserve"]).succeeded();
    assert_eq!(back.value("select concat(`No`, ' ', `From`, ' ', `\"q\"`) from `Lines of All`"), "1 2 x");
}

/// Nobody sees a view before its tables are live, and whoever polls sees the old ones or the new ones.
#[test]
fn views_are_replaced_with_their_tables() {
    let [_, source, _] = shops();
    for target in Target::one_of_each() {
        let old = "create table orders (id int primary key, cents int);
             insert into orders values (1, 5);
             create view latest as select cents as least, 0 as n from orders";
        target.sql(old);
        let folder = tempfile::tempdir().expect("a folder");
        let serve = Serve::start(folder.path());
        serve.connect("conn_from", "From", source.url());
        serve.connect("conn_to", "To", target.url());
        let id = serve.create(&json!({
            "name": "Views", "source": {"connection_id": "conn_from"}, "target": {"connection_id": "conn_to"},
            "options": {"on_existing": "replace", "cutover": "manual", "auto_approve_above": 0.0},
        }));
        serve.wait_for(&id, &["approved"]);
        let plan = serve.get(&format!("/v1/migrations/{id}/plan")).is(200);
        let names: Vec<&Value> = plan["views"].as_array().unwrap().iter().map(|v| &v["target"]["table"]).collect();
        assert!(names.contains(&&json!("latest")) && names.contains(&&json!("large")), "{names:?}");
        assert!(plan["risks"].to_string().contains("view_replaced"));
        serve.command(&format!("/v1/migrations/{id}/start")).is(202);
        eventually("the cutover is held", || {
            serve.get(&format!("/v1/migrations/{id}")).json()["cutover"]["state"] == "waiting"
        });
        assert_eq!(target.value("select least from latest"), "5");
        serve.command(&format!("/v1/migrations/{id}/cutover")).is(202);
        serve.wait_for(&id, &["completed"]);
        assert_eq!(shown(&target), shown(&source), "{}", target.url());
        // The way back knows them, too.
        serve.post(&format!("/v1/migrations/{id}/cancel"), &json!({"rollback": true})).is(202);
        serve.wait_for(&id, &["cancelled", "rolled_back"]);
        assert_eq!(target.value("select least + n from latest"), "5");
    }
}

/// Real ones: some of them say what only one system can.
#[test]
fn the_views_of_sakila() {
    let (Some(schema), Some(data)) =
        (samples::script("sakila-mysql-schema.sql"), samples::script("sakila-mysql-data.sql"))
    else {
        return;
    };
    let source = servers::mariadb().fresh_database();
    source.sql(&schema);
    source.sql(&data);
    for target in
        [Target::Postgres(servers::postgres().fresh_database()), Target::MariaDb(servers::mariadb().fresh_database())]
    {
        let plan = plan(&source.url, target.url());
        product::migrate(&source.url, target.url(), &[]).succeeded();
        let left: Vec<&str> = (plan["not_moved"].as_array().unwrap().iter())
            .filter(|object| object["kind"] == "View")
            .map(|object| object["name"].as_str().unwrap())
            .collect();
        let same = matches!(target, Target::MariaDb(_));
        let one_system_alone = ["actor_info", "film_list", "nicer_but_slower_film_list", "sales_by_store"];
        assert_eq!(left, if same { &[][..] } else { &one_system_alone[..] });
        if same {
            for view in one_system_alone {
                let select = format!("select md5(group_concat(concat_ws('|', v.*) order by 1)) from (select * from {view} order by 1, 2) v").replace("v.*", first_columns(view));
                assert_eq!(target.value(&select), source.value(&select), "{view}");
            }
        }
        for query in [
            "select count(*) from customer_list",
            "select name from customer_list where id = 9",
            "select notes from customer_list where id = 16",
            "select city from staff_list where id = 2",
            "select total_sales from sales_by_film_category where category = 'Sports'",
            "select sum(total_sales) from sales_by_film_category",
        ] {
            assert_eq!(target.value(query), source.value(query), "{query}");
        }
    }
}

fn first_columns(view: &str) -> &'static str {
    match view {
        "actor_info" => "actor_id, film_info",
        "sales_by_store" => "store, total_sales",
        _ => "title, actors",
    }
}

/// Views of one migration in the random test.
const RANDOM_VIEWS: usize = 60;

/// What a random view shows, in one text.
fn rows(target: &Target, view: &str) -> String {
    match target {
        Target::Postgres(_) => {
            let value = "coalesce(v::text, '~') collate \"C\"";
            target.value(&format!("select coalesce(string_agg({value}, '|' order by coalesce(k, -1), {value}), '') from {view}"))
        }
        Target::MariaDb(_) => {
            let value = "cast(coalesce(v, '~') as char(900) character set utf8mb4) collate utf8mb4_bin";
            target.value(&format!(
                "select coalesce(group_concat({value} order by coalesce(k, -1), {value} separator '|'), '') from {view}"
            ))
        }
        Target::Sqlite(_) => target.value(&format!(
            "select coalesce(group_concat(v, '|'), '') from (select coalesce(cast(v as text), '~') as v from {view} order by coalesce(k, -1), 1)"
        )),
    }
}

/// What is translated means the same: queries by chance, on rows that have NULL wherever it can be.
#[test]
fn random_views_show_the_same() {
    for (source, seed) in Target::one_of_each().iter().zip(1..) {
        source.sql(queries::TABLE);
        let mut queries = Queries::of(source, seed);
        let views: Vec<String> = (0..RANDOM_VIEWS).map(|_| queries.make()).collect();
        for (at, query) in views.iter().enumerate() {
            source.sql(&format!("create view v{at} as {query}"));
        }
        for target in Target::one_of_each() {
            let plan = plan(source.url(), target.url());
            assert_eq!(plan["not_moved"], json!([]), "{}", plan["risks"]);
            product::migrate(source.url(), target.url(), &[]).succeeded();
            for (at, query) in views.iter().enumerate() {
                let view = format!("v{at}");
                let made = plan["views"].as_array().unwrap().iter().find(|v| v["source"]["name"] == view.as_str());
                assert_eq!(rows(&target, &view), rows(source, &view), "{query}\n{:#}", made.expect("the view")["view"]);
            }
        }
    }
}
