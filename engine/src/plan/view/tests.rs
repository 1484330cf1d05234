//! Definitions, and what becomes of them: a golden table.

use super::super::fixtures::{catalog, number, plan, request, risk, table, words};
use crate::catalog::{
    Catalog, Check, Column, DataType, Decimal, DefaultValue, Enumeration, Generated, Index, IndexPart, NamedType,
    NamedTypeKind, Object, ObjectKind, Table,
};
use crate::error::Code;
use crate::plan::{Decision, Naming, OnExisting, Plan, Request};

fn typed(name: &str, data_type: DataType) -> Column {
    Column { data_type, ..words(name) }
}

fn view(name: &str, definition: &str) -> Object {
    let definition = Some(definition.to_owned()).filter(|text| !text.is_empty());
    Object { kind: ObjectKind::View, schema: "shop".to_owned(), name: name.to_owned(), definition }
}

fn shop(views: Vec<Object>) -> Catalog {
    let customers = vec![
        number("CustomerId"),
        words("FirstName"),
        words("LastName"),
        typed("Active", DataType::Boolean),
        typed("Born", DataType::Date),
    ];
    let orders = vec![
        number("OrderId"),
        number("CustomerId"),
        typed("Price", DataType::Decimal(Decimal { precision: 10, scale: 2 })),
        typed("Weight", DataType::Float(64)),
        typed("Note", DataType::Json),
    ];
    let labels = ["open", "it's done"].map(str::to_owned).to_vec();
    let state = DataType::Enumeration(Enumeration { schema: None, name: None, values: labels });
    let orders = [orders, vec![typed("Stage", state)]].concat();
    let tables = vec![table("shop", "Customers", customers), table("shop", "Orders", orders)];
    Catalog { objects: views, ..catalog("same", tables) }
}

fn planned(views: Vec<Object>) -> Plan {
    plan(&request(), &shop(views), &catalog("other", Vec::new())).unwrap()
}

#[test]
fn definitions_are_a_golden_table() {
    let cases = [
        "SELECT OrderId, Price FROM Orders",
        "SELECT * FROM Orders o WHERE o.Price > 10.5 AND NOT (o.CustomerId IS NULL OR o.OrderId IN (1, -2))",
        "SELECT c.FirstName || ' ' || c.LastName AS name, count(*) AS n, sum(o.Price) AS total FROM Customers c \
         LEFT JOIN Orders o ON c.CustomerId = o.CustomerId GROUP BY c.FirstName, c.LastName HAVING count(*) > 1 ORDER BY total DESC, name",
        "select `c`.`FirstName` AS `FirstName`,count(0) AS `n` from (`shop`.`Customers` `c` join `shop`.`Orders` `o` \
         on(`c`.`CustomerId` = `o`.`CustomerId`)) where `c`.`Active` group by `c`.`FirstName`",
        "SELECT CustomerId, Born, OrderId FROM Customers JOIN Orders USING (CustomerId)",
        "SELECT a.OrderId FROM Orders a, Orders b, (Customers c CROSS JOIN Customers d) WHERE a.OrderId < b.OrderId",
        "SELECT CASE WHEN Active THEN 'it''s' ELSE '' END AS state, coalesce(LastName, '?') AS name FROM Customers",
        "SELECT CASE CustomerId WHEN 1 THEN 'one' END AS word, if(CustomerId, 'some', 'none') AS other FROM Customers",
        "SELECT (FirstName)::text AS name FROM Customers WHERE ((FirstName)::text <> ALL ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
        "SELECT OrderId FROM Orders WHERE Price >= '-1'::integer AND (OrderId)::numeric * Price > (0)::numeric",
        "SELECT OrderId FROM Orders WHERE Weight > (0)::double precision AND OrderId BETWEEN 1 AND 9",
        "SELECT OrderId AS id FROM Orders UNION ALL SELECT CustomerId FROM Customers UNION SELECT 7 FROM Orders ORDER BY id",
        "CREATE VIEW v (a, b) AS SELECT OrderId, max(Price) FROM Orders GROUP BY OrderId",
        "SELECT DISTINCT FirstName, trim(LastName) AS last, length(LastName) AS n FROM Customers",
        "SELECT count(DISTINCT Born) AS days, min(Born) AS first FROM Customers",
        "SELECT OrderId, Note FROM Orders WHERE Note IS NOT NULL",
        "SELECT Stage, CASE Stage WHEN 'open' THEN 1 END AS n FROM Orders WHERE Stage <> 'open' AND Stage IN ('open', 'it''s done')",
        "SELECT OrderId FROM Orders WHERE Stage = ANY (ARRAY['open'::shop.stage, 'it''s done'::shop.stage]) AND 'open'::shop.stage <> Stage",
        "SELECT Stage, count(*) AS n FROM Orders GROUP BY Stage",
        "SELECT OrderId FROM Orders WHERE Stage = 'Open'",
        "SELECT OrderId FROM Orders WHERE Stage > 'open'",
        "SELECT OrderId FROM Orders WHERE Stage = Stage",
        "SELECT max(Stage) AS last FROM Orders",
        "SELECT coalesce(Stage, 'open') AS stage FROM Orders",
        "SELECT '127.0.0.1/32'::inet AS here FROM Orders",
        "SELECT OrderId FROM Orders WHERE '127.0.0.1'::inet = '127.0.0.1/32'::inet",
        // What is left out.
        "",
        "SELECT",
        "SELECT OrderId FROM Orders LIMIT 3",
        "WITH x AS (SELECT 1) SELECT * FROM x",
        "SELECT OrderId FROM Orders WHERE OrderId / 2 > 1",
        "SELECT OrderId FROM Orders WHERE Price + Weight > 1",
        "SELECT sum(Weight) AS w FROM Orders",
        "SELECT avg(Price) AS p FROM Orders",
        "SELECT max(FirstName) AS m FROM Customers",
        "SELECT FirstName FROM Customers WHERE FirstName LIKE 'a%'",
        "SELECT FirstName FROM Customers WHERE FirstName > 'a'",
        "SELECT FirstName FROM Customers WHERE Born > '2020-01-01'",
        "SELECT upper(FirstName) AS u FROM Customers",
        "SELECT concat(FirstName, LastName) AS u FROM Customers",
        "SELECT FirstName || CustomerId AS u FROM Customers",
        "SELECT CustomerId = 1 AS first FROM Customers",
        "SELECT Price::integer AS p FROM Orders",
        "SELECT NULL AS nothing FROM Orders",
        "SELECT OrderId + 1 FROM Orders",
        "SELECT OrderId, count(*) AS n FROM Orders",
        "SELECT count(*) OVER (PARTITION BY CustomerId) AS n FROM Orders",
        "SELECT CustomerId FROM Orders, Customers",
        "SELECT OrderId, OrderId FROM Orders",
        "SELECT OrderId FROM Orders WHERE EXISTS (SELECT 1 FROM Customers)",
        "SELECT a.x FROM (SELECT OrderId AS x FROM Orders) a",
        "SELECT OrderId FROM Orders FULL JOIN Customers ON Orders.CustomerId = Customers.CustomerId",
        "SELECT OrderId FROM Orders WHERE Note = Note",
        "SELECT id FROM missing",
        "SELECT missing FROM Orders",
        "SELECT OrderId FROM Orders GROUP BY OrderId ORDER BY sum(Price)",
        "SELECT OrderId FROM Orders WITH CASCADED CHECK OPTION",
    ];
    let told = |case: &&str| {
        let plan = planned(vec![view("V", case)]);
        match plan.views.as_slice() {
            [view] => format!("{case}\n    {:?}: {}", view.view.columns, view.sql()),
            _ => format!("{case}\n    {}", risk(&plan, "view_not_moved").affected[0]),
        }
    };
    insta::assert_snapshot!(cases.iter().map(told).collect::<Vec<_>>().join("\n"));
}

/// Where the target understands all that the source says, a view that says more stays as it stands.
#[test]
fn between_systems_of_one_dialect_definitions_stand() {
    let cases = [
        "WITH x AS (SELECT OrderId FROM Orders) SELECT * FROM x JOIN shop.Customers c ON c.CustomerId = x.OrderId LIMIT 3",
        "SELECT avg(shop.Orders.Price) OVER () AS p, (SELECT max(FirstName) FROM Customers) FROM shop.Orders",
        "CREATE VIEW v (a) AS SELECT upper(Above) FROM Common",
        "SELECT own(OrderId) FROM Orders",
        "SELECT OrderId::mood FROM Orders",
        "SELECT sensei_relation_1_.a FROM Orders AS sensei_relation_1_",
        "SELECT avg(a) FROM lost",
        "SELECT",
    ];
    let routine = Object { kind: ObjectKind::Routine, ..view("own(integer)", "") };
    let request = Request { naming: Naming::Preserve, ..request() };
    let told = |case: &&str| {
        let common = view("Common", "SELECT FirstName AS Above FROM Customers");
        let mut source = shop(vec![view("V", case), common, routine.clone()]);
        source.named_types.push(NamedType {
            schema: "shop".to_owned(),
            name: "mood".to_owned(),
            kind: NamedTypeKind::Enumeration,
            definition: "CREATE TYPE mood AS ENUM ('a')".to_owned(),
        });
        let plan = plan(&request, &source, &catalog("same", Vec::new())).unwrap();
        match plan.views.iter().find(|view| view.source.name == "V") {
            Some(view) => format!("{case}\n    {:?}: {}", view.view.columns, view.sql()),
            None => format!("{case}\n    {}", risk(&plan, "view_not_moved").affected[0]),
        }
    };
    insta::assert_snapshot!(cases.iter().map(told).collect::<Vec<_>>().join("\n"));
    // Under other names it would speak of columns that are not there.
    let plan = plan(&super::super::fixtures::request(), &shop(vec![view("V", cases[0])]), &catalog("same", Vec::new()));
    assert!(risk(&plan.unwrap(), "view_not_moved").affected[0].contains("other names"));
}

#[test]
fn views_follow_those_that_they_read_from() {
    let plan = planned(vec![
        view("Above", "SELECT Total FROM Below WHERE Total > 3"),
        view("Below", "SELECT sum(Price) AS Total FROM Orders"),
        view("Lost", "SELECT x FROM Unknown"),
        view("Unknown", "SELECT random() AS x FROM Orders"),
    ]);
    let names: Vec<&str> = plan.views.iter().map(|v| v.view.name.name.as_str()).collect();
    assert_eq!(names, ["below", "above"]);
    assert_eq!(plan.views[1].sql(), r#"SELECT "Below"."total" FROM public.below AS "Below" WHERE "Below"."total" > 3"#);
    assert_eq!(plan.not_moved.iter().map(|o| o.name.as_str()).collect::<Vec<_>>(), ["Lost", "Unknown"]);
    assert_eq!(plan.job().views.len(), 2);
}

#[test]
fn a_column_that_a_view_speaks_of_stays() {
    let plan = planned(vec![view("Named", "SELECT FirstName FROM Customers")]);
    let customers = &plan.tables[0];
    let rejected = |column: &str| {
        let mapping = customers.mappings.iter().find(|m| m.source_column == column).unwrap().id.clone();
        plan.decided(&[Decision { mapping, approved: false, transformation: None, target_column: None }])
    };
    let e = rejected("FirstName").unwrap_err();
    assert!(e.code == Code::Conflict && e.message.contains("the view `Named`"), "{e}");
    assert_eq!(rejected("LastName").unwrap().views, plan.views);
}

#[test]
fn names_that_are_taken() {
    let source = shop(vec![view("Named", "SELECT FirstName FROM Customers")]);
    let there = |kind, definition: &str| {
        let object = Object {
            kind,
            schema: "public".to_owned(),
            name: "named".to_owned(),
            definition: Some(definition.to_owned()),
        };
        Catalog { objects: vec![object], ..catalog("same", Vec::new()) }
    };
    let asked = |on_existing| Request { on_existing, ..request() };
    let old = there(ObjectKind::View, "SELECT 1");
    assert_eq!(plan(&asked(OnExisting::Fail), &source, &old).unwrap_err().code, Code::Conflict);
    let replacing = plan(&asked(OnExisting::Replace), &source, &old).unwrap();
    assert_eq!(replacing.views[0].view.replaced.as_deref(), Some("SELECT 1"));
    assert_eq!(risk(&replacing, "view_replaced").affected, ["shop.Named"]);
    assert!(plan(&asked(OnExisting::Append), &source, &old).unwrap().views.is_empty());
    let sequence = there(ObjectKind::Sequence, "");
    assert_eq!(plan(&asked(OnExisting::Replace), &source, &sequence).unwrap_err().code, Code::Conflict);
    let excluded = Request { exclude_tables: vec!["Named".to_owned()], ..request() };
    assert!(plan(&excluded, &source, &old).unwrap().views.is_empty());
}

#[test]
fn checks_of_another_dialect_are_a_golden_table() {
    let cases = [
        "(Price >= 0)",
        "((Price > (0)::numeric) AND (OrderId >= '-1'::integer))",
        "Price BETWEEN 1 AND 9.5 OR CustomerId IS NULL",
        "OrderId = ANY (ARRAY[1, 2, 3])",
        "\"State\" IN ('open', 'it''s done')",
        "length(State) > 2 AND NOT (State = '')",
        "Kind = 'a'",
        "Kind IS NOT NULL",
        "State LIKE 'a%'",
        "Price / 2 > 1",
        "Note = '{}'",
        "count(*) > 1",
        "OrderId > 0 garbage",
        "OrderId >",
        "missing > 0",
    ];
    let told = |case: &&str| {
        let mut source = shop(Vec::new());
        let kind = Column { collation: Some("no case".to_owned()), ..words("Kind") };
        source.tables[1].columns.extend([words("State"), kind]);
        source.tables[1].checks.push(Check { name: Some("Sane".to_owned()), expression: (*case).to_owned() });
        let plan = plan(&request(), &source, &catalog("other", Vec::new())).unwrap();
        match plan.tables[1].target.checks.as_slice() {
            [check] => format!("{case}\n    {}: {}", check.name.as_deref().unwrap_or_default(), check.expression),
            _ => format!("{case}\n    {}", risk(&plan, "left_out").description),
        }
    };
    insta::assert_snapshot!(cases.iter().map(told).collect::<Vec<_>>().join("\n"));
}

/// What becomes of an expression in some place of `Orders`.
fn told(case: &str, put: impl Fn(&mut Table, &str), said: impl Fn(&Table) -> Option<String>) -> String {
    let mut source = shop(Vec::new());
    source.tables[1]
        .columns
        .extend([words("State"), typed("Total", DataType::Decimal(Decimal { precision: 20, scale: 4 }))]);
    put(&mut source.tables[1], case);
    let plan = plan(&request(), &source, &catalog("other", Vec::new())).unwrap();
    let became = said(&plan.tables[1].target);
    format!("{case}\n    {}", became.unwrap_or_else(|| risk(&plan, "left_out").description.clone()))
}

#[test]
fn computed_columns_of_another_dialect_are_a_golden_table() {
    let of = |column: &'static str| {
        move |case: &&str| {
            let put = |table: &mut Table, case: &str| {
                let column = table.columns.iter_mut().find(|c| c.name == column).unwrap();
                column.generated = Some(Generated { expression: case.to_owned(), stored: false });
            };
            let said =
                |table: &Table| table.columns.iter().find_map(|c| Some(c.generated.as_ref()?.expression.clone()));
            told(case, put, said)
        }
    };
    let totals =
        ["Price * CustomerId", "(Price + 1.5)", "-Price", "Price / 2", "OrderId", "Total + 1", "sum(Price)", "Weight"];
    let states = [
        "coalesce(State, 'none')",
        "CASE WHEN Price > 10 THEN 'dear' ELSE 'cheap' END",
        "'no. ' || length(State)",
        "CustomerId + 1",
        "CASE WHEN State = 'open' THEN 'x' END",
    ];
    let numbers =
        ["(2 * CustomerId) - (CustomerId * CustomerId)", "-CustomerId", "length(State) + 1", "1.5 * 2", "OrderId + 1"];
    let keyed = |case: &&str| {
        let put = |table: &mut Table, case: &str| {
            table.columns[0].generated = Some(Generated { expression: case.to_owned(), stored: true });
        };
        told(case, put, |table| Some(table.columns[0].generated.as_ref()?.expression.clone()))
    };
    // `CustomerId` is filled by the rows, `Level` is computed.
    let level = |case: &&str| {
        let put = |table: &mut Table, case: &str| {
            let generated = Some(Generated { expression: case.to_owned(), stored: true });
            table.columns.push(Column { generated, ..number("Level") });
        };
        told(case, put, |table| Some(table.columns.last()?.generated.as_ref()?.expression.clone()))
    };
    let found = totals.iter().map(of("Total")).chain(states.iter().map(of("State"))).chain(numbers.iter().map(level));
    insta::assert_snapshot!(found.chain(["CustomerId"].iter().map(keyed)).collect::<Vec<_>>().join("\n"));
}

#[test]
fn defaults_and_indexes_of_another_dialect_are_a_golden_table() {
    let default = |case: &&str| {
        let put = |table: &mut Table, case: &str| {
            let column = table.columns.iter_mut().find(|c| c.name == "State").unwrap();
            column.default = Some(DefaultValue::Expression(case.to_owned()));
        };
        told(case, put, |table| match &table.columns.iter().find(|c| c.name == "state")?.default {
            Some(DefaultValue::Expression(text)) => Some(format!("{text:?}")),
            _ => None,
        })
    };
    let index = |(unique, part, predicate): &(bool, &str, &str)| {
        let put = |table: &mut Table, _: &str| {
            let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            let part = IndexPart {
                column: None,
                expression: text(part),
                prefix_length: None,
                descending: true,
                nulls_first: None,
                operator_class: None,
            };
            let second = IndexPart { column: Some("OrderId".to_owned()), expression: None, ..part.clone() };
            table.indexes.push(Index {
                name: "Found".to_owned(),
                unique: *unique,
                method: "btree".to_owned(),
                parts: vec![part, second],
                predicate: text(predicate),
                included: Vec::new(),
                comment: None,
            });
        };
        let shown = |index: &Index| {
            let part = |p: &IndexPart| p.expression.clone().or_else(|| p.column.clone()).unwrap_or_default();
            let parts: Vec<String> = index.parts.iter().map(part).collect();
            format!("({}) WHERE {}", parts.join(", "), index.predicate.as_deref().unwrap_or("-"))
        };
        told(&format!("{part} | {predicate}"), put, |table| table.indexes.first().map(shown))
    };
    let defaults = ["'a' || 'b'", "(1 + 1)", "upper('a')", "FirstName", "now()"];
    let indexes = [
        (false, "(Price * 2)", "State = 'open'"),
        (true, "coalesce(State, '')", "Price IS NOT NULL"),
        (false, "lower(State)", ""),
        (false, "Price", "State LIKE 'a%'"),
    ];
    let found = defaults.iter().map(default).chain(indexes.iter().map(index));
    insta::assert_snapshot!(found.collect::<Vec<_>>().join("\n"));
}
