//! Pairs of schemas as people find them, with what is meant: an old one, a new one, and the truth.

use super::*;
use crate::catalog::{Action, ForeignKey, Integer, Key, TableName, Text, Timestamp};
use crate::plan::fixtures::{column, table as fixture};

/// `EMP: EMPNO* int, ENAME text, DEPTNO int > DEPT.DEPTNO`, a line a table; a star marks the primary key.
fn schema(text: &str) -> Vec<Table> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(table).collect()
}

fn table(line: &str) -> Table {
    let (name, columns) = line.split_once(':').unwrap();
    let (mut key, mut foreign) = (Vec::new(), Vec::new());
    let columns = columns.split(',').map(str::trim).map(|words| {
        let mut words = words.split_whitespace();
        let name = words.next().unwrap();
        let plain = name.trim_end_matches('*');
        key.extend((plain != name).then(|| plain.to_owned()));
        let data_type = match words.next() {
            Some("int") => DataType::Integer(Integer { bits: 32, signed: true }),
            Some("num") => DataType::Number,
            Some("date") => DataType::Date,
            Some("ts") => DataType::Timestamp(Timestamp { precision: 6, zoned: false }),
            Some("bool") => DataType::Boolean,
            Some("uuid") => DataType::Uuid,
            Some("text") => DataType::Text(Text { length: None, fixed: false }),
            other => panic!("{other:?} in {line}"),
        };
        if let Some(">") = words.next() {
            let (parent, referenced) = words.next().unwrap().split_once('.').unwrap();
            foreign.push(ForeignKey {
                name: None,
                columns: vec![plain.to_owned()],
                referenced_schema: "public".to_owned(),
                referenced_table: parent.to_owned(),
                referenced_columns: vec![referenced.to_owned()],
                on_update: Action::NoAction,
                on_delete: Action::NoAction,
                deferrable: false,
                initially_deferred: false,
            });
        }
        column(plain, "type", data_type)
    });
    let columns: Vec<Column> = columns.collect();
    let primary_key = (!key.is_empty()).then_some(Key { name: None, columns: key });
    let name = TableName { schema: "public".to_owned(), name: name.trim().to_owned() };
    Table { name, primary_key, foreign_keys: foreign, ..fixture("public", "t", columns) }
}

fn fit_all(source: &[Table], target: &[Table]) -> Vec<Option<TableFit>> {
    let homes = vec!["public".to_owned(); source.len()];
    fit(&source.iter().collect::<Vec<_>>(), &homes, target, &BTreeMap::new()).unwrap()
}

/// Pairs that were found: `EMP.ENAME>employees.name`, with their confidence.
fn found(source: &[Table], target: &[Table]) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    for (from, fit) in source.iter().zip(fit_all(source, target)) {
        let Some(fit) = fit else { continue };
        let to = &target[fit.target];
        for (column, place) in from.columns.iter().zip(&fit.columns) {
            if let ColumnFit::To { column: name, evidence } = place {
                let confidence = fit.evidence.iter().chain(evidence).map(|e| e.weight).product();
                let pair = format!("{}.{}>{}.{}", from.name.name, column.name, to.name.name, name);
                found.push((pair, confidence));
            }
        }
    }
    found
}

/// What is meant: `EMP>employees: EMPNO>id, ENAME>name`.
fn truth(text: &str) -> Vec<String> {
    let mut pairs = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (tables, columns) = line.split_once(':').unwrap();
        let (from, to) = tables.split_once('>').unwrap();
        for pair in columns.split(',').map(str::trim) {
            let (a, b) = pair.split_once('>').unwrap();
            pairs.push(format!("{from}.{a}>{to}.{b}"));
        }
    }
    pairs
}

struct Pairing {
    name: &'static str,
    old: &'static str,
    new: &'static str,
    meant: &'static str,
}

const PAIRINGS: &[Pairing] = &[
    Pairing {
        name: "SCOTT",
        old: "DEPT: DEPTNO* int, DNAME text, LOC text
              EMP: EMPNO* int, ENAME text, JOB text, MGR int > EMP.EMPNO, HIREDATE date, SAL num, COMM num, DEPTNO int > DEPT.DEPTNO",
        new: "departments: id* int, name text, location text, created_at ts
              employees: id* int, name text, job_title text, manager_id int > employees.id, hire_date date, salary num, commission num, department_id int > departments.id, email text",
        meant: "DEPT>departments: DEPTNO>id, DNAME>name, LOC>location
                EMP>employees: EMPNO>id, ENAME>name, JOB>job_title, MGR>manager_id, HIREDATE>hire_date, SAL>salary, COMM>commission, DEPTNO>department_id",
    },
    Pairing {
        name: "HR",
        old: "REGIONS: REGION_ID* int, REGION_NAME text
              COUNTRIES: COUNTRY_ID* text, COUNTRY_NAME text, REGION_ID int > REGIONS.REGION_ID
              LOCATIONS: LOCATION_ID* int, STREET_ADDRESS text, POSTAL_CODE text, CITY text, STATE_PROVINCE text, COUNTRY_ID text > COUNTRIES.COUNTRY_ID
              JOBS: JOB_ID* text, JOB_TITLE text, MIN_SALARY num, MAX_SALARY num
              EMPLOYEES: EMPLOYEE_ID* int, FIRST_NAME text, LAST_NAME text, EMAIL text, PHONE_NUMBER text, HIRE_DATE date, JOB_ID text > JOBS.JOB_ID, SALARY num, MANAGER_ID int > EMPLOYEES.EMPLOYEE_ID",
        new: "country: code* text, name text, region_id int > region.id
              region: id* int, name text
              location: id* int, street text, zip text, city text, state text, country_code text > country.code
              job: id* text, title text, minimum_salary num, maximum_salary num
              employee: id* int, given_name text, surname text, email_address text, phone text, hired_on date, job_id text > job.id, salary num, manager_id int > employee.id",
        meant: "REGIONS>region: REGION_ID>id, REGION_NAME>name
                COUNTRIES>country: COUNTRY_ID>code, COUNTRY_NAME>name, REGION_ID>region_id
                LOCATIONS>location: LOCATION_ID>id, STREET_ADDRESS>street, POSTAL_CODE>zip, CITY>city, STATE_PROVINCE>state, COUNTRY_ID>country_code
                JOBS>job: JOB_ID>id, JOB_TITLE>title, MIN_SALARY>minimum_salary, MAX_SALARY>maximum_salary
                EMPLOYEES>employee: EMPLOYEE_ID>id, FIRST_NAME>given_name, LAST_NAME>surname, EMAIL>email_address, PHONE_NUMBER>phone, HIRE_DATE>hired_on, JOB_ID>job_id, SALARY>salary, MANAGER_ID>manager_id",
    },
    Pairing {
        name: "Northwind",
        old: "Categories: CategoryID* int, CategoryName text, Description text
              Customers: CustomerID* text, CompanyName text, ContactName text, ContactTitle text, Address text, City text, Region text, PostalCode text, Country text, Phone text, Fax text
              Products: ProductID* int, ProductName text, SupplierID int > Suppliers.SupplierID, CategoryID int > Categories.CategoryID, QuantityPerUnit text, UnitPrice num, UnitsInStock int, UnitsOnOrder int, ReorderLevel int, Discontinued bool
              Suppliers: SupplierID* int, CompanyName text, ContactName text, City text, Phone text, HomePage text
              Orders: OrderID* int, CustomerID text > Customers.CustomerID, OrderDate ts, RequiredDate ts, ShippedDate ts, Freight num, ShipName text, ShipAddress text, ShipCity text
              OrderDetails: OrderID* int > Orders.OrderID, ProductID* int > Products.ProductID, UnitPrice num, Quantity int, Discount num",
        new: "order_items: order_id* int > orders.id, product_id* int > products.id, unit_price num, qty int, discount num
              orders: id* int, customer_id text > customers.id, ordered_at ts, order_date ts, required_date ts, shipped_date ts, freight num, ship_name text, ship_addr text, ship_city text
              vendors: id* int, company text, contact_name text, city text, phone text, url text
              products: id* int, name text, vendor_id int > vendors.id, category_id int > categories.id, qty_per_unit text, price num, units_in_stock int, units_on_order int, reorder_level int, discontinued bool
              customers: id* text, company_name text, contact_name text, contact_title text, address text, city text, region text, zip_code text, country text, phone text, fax text
              categories: id* int, name text, descr text",
        meant: "Categories>categories: CategoryID>id, CategoryName>name, Description>descr
                Customers>customers: CustomerID>id, CompanyName>company_name, ContactName>contact_name, ContactTitle>contact_title, Address>address, City>city, Region>region, PostalCode>zip_code, Country>country, Phone>phone, Fax>fax
                Products>products: ProductID>id, ProductName>name, SupplierID>vendor_id, CategoryID>category_id, QuantityPerUnit>qty_per_unit, UnitPrice>price, UnitsInStock>units_in_stock, UnitsOnOrder>units_on_order, ReorderLevel>reorder_level, Discontinued>discontinued
                Suppliers>vendors: SupplierID>id, CompanyName>company, ContactName>contact_name, City>city, Phone>phone
                Orders>orders: OrderID>id, CustomerID>customer_id, OrderDate>order_date, RequiredDate>required_date, ShippedDate>shipped_date, Freight>freight, ShipName>ship_name, ShipAddress>ship_addr, ShipCity>ship_city
                OrderDetails>order_items: OrderID>order_id, ProductID>product_id, UnitPrice>unit_price, Quantity>qty, Discount>discount",
    },
    Pairing {
        name: "TPC-H",
        old: "nation: n_nationkey* int, n_name text, n_regionkey int > region.r_regionkey, n_comment text
              region: r_regionkey* int, r_name text, r_comment text
              customer: c_custkey* int, c_name text, c_address text, c_nationkey int > nation.n_nationkey, c_phone text, c_acctbal num, c_mktsegment text, c_comment text
              orders: o_orderkey* int, o_custkey int > customer.c_custkey, o_orderstatus text, o_totalprice num, o_orderdate date, o_orderpriority text, o_clerk text, o_comment text",
        new: "regions: id* int, name text, comment text
              nations: id* int, name text, region_id int > regions.id, comment text
              customers: id* int, name text, address text, nation_id int > nations.id, phone text, account_balance num, market_segment text, comment text
              orders: id* int, customer_id int > customers.id, status text, total_price num, order_date date, priority text, clerk text, comment text",
        meant: "nation>nations: n_nationkey>id, n_name>name, n_regionkey>region_id, n_comment>comment
                region>regions: r_regionkey>id, r_name>name, r_comment>comment
                customer>customers: c_custkey>id, c_name>name, c_address>address, c_nationkey>nation_id, c_phone>phone, c_acctbal>account_balance, c_mktsegment>market_segment, c_comment>comment
                orders>orders: o_orderkey>id, o_custkey>customer_id, o_orderstatus>status, o_totalprice>total_price, o_orderdate>order_date, o_orderpriority>priority, o_clerk>clerk, o_comment>comment",
    },
    Pairing {
        name: "a film shop",
        old: "actor: actor_id* int, first_name text, last_name text, last_update ts
              film: film_id* int, title text, description text, release_year int, language_id int > language.language_id, rental_duration int, rental_rate num, length int, replacement_cost num, rating text, last_update ts
              language: language_id* int, name text, last_update ts
              film_actor: actor_id* int > actor.actor_id, film_id* int > film.film_id, last_update ts
              payment: payment_id* int, customer_id int, staff_id int, rental_id int, amount num, payment_date ts",
        new: "Movies: MovieId* int, Title text, Descr text, ReleaseYr int, LangId int > Languages.LangId, RentalDuration int, RentalRate num, LengthMinutes int, ReplacementCost num, Rating text, UpdatedAt ts
              Actors: ActorId* int, FirstName text, LastName text, UpdatedAt ts
              Languages: LangId* int, Name text, UpdatedAt ts
              MovieActors: MovieId* int > Movies.MovieId, ActorId* int > Actors.ActorId, UpdatedAt ts
              Payments: PaymentId* int, CustomerId int, StaffId int, RentalId int, Amt num, PaidAt ts",
        meant: "actor>Actors: actor_id>ActorId, first_name>FirstName, last_name>LastName, last_update>UpdatedAt
                film>Movies: film_id>MovieId, title>Title, description>Descr, release_year>ReleaseYr, language_id>LangId, rental_duration>RentalDuration, rental_rate>RentalRate, length>LengthMinutes, replacement_cost>ReplacementCost, rating>Rating, last_update>UpdatedAt
                language>Languages: language_id>LangId, name>Name, last_update>UpdatedAt
                film_actor>MovieActors: actor_id>ActorId, film_id>MovieId, last_update>UpdatedAt
                payment>Payments: payment_id>PaymentId, customer_id>CustomerId, staff_id>StaffId, rental_id>RentalId, amount>Amt, payment_date>PaidAt",
    },
    Pairing {
        name: "short forms and prefixes",
        old: "TBL_CUST: CUST_NO* int, CUST_NM text, ADDR1 text, ADDR2 text, CTY text, ST text, ZIP text, TEL_NO text, CRT_DT ts, UPD_DT ts
              TBL_PROD: PROD_CD* text, PROD_DESC text, UNT_PRC num, QTY_ON_HAND int, ACTV_FLG bool
              TBL_ORD_HDR: ORD_NO* int, CUST_NO int > TBL_CUST.CUST_NO, ORD_DT date, TOT_AMT num, STAT_CD text
              TBL_ORD_DTL: ORD_NO* int > TBL_ORD_HDR.ORD_NO, LN_NO* int, PROD_CD text > TBL_PROD.PROD_CD, QTY int, UNT_PRC num",
        new: "customer: id* int, name text, address_line_1 text, address_line_2 text, city text, state text, postal_code text, phone text, created_at ts, updated_at ts
              product: code* text, description text, unit_price num, quantity_on_hand int, active bool
              order_header: order_number* int, customer_id int > customer.id, order_date date, total_amount num, status text
              order_line: order_number* int > order_header.order_number, line_number* int, product_code text > product.code, quantity int, unit_price num",
        meant: "TBL_CUST>customer: CUST_NO>id, CUST_NM>name, ADDR1>address_line_1, ADDR2>address_line_2, CTY>city, ST>state, ZIP>postal_code, TEL_NO>phone, CRT_DT>created_at, UPD_DT>updated_at
                TBL_PROD>product: PROD_CD>code, PROD_DESC>description, UNT_PRC>unit_price, QTY_ON_HAND>quantity_on_hand, ACTV_FLG>active
                TBL_ORD_HDR>order_header: ORD_NO>order_number, CUST_NO>customer_id, ORD_DT>order_date, TOT_AMT>total_amount, STAT_CD>status
                TBL_ORD_DTL>order_line: ORD_NO>order_number, LN_NO>line_number, PROD_CD>product_code, QTY>quantity, UNT_PRC>unit_price",
    },
    Pairing {
        name: "traps",
        old: "users: id* int, name text, login text, start_date date, end_date date, price num, billing_city text
              audit: id* int, at ts, what text, who text
              user_groups: user_id* int > users.id, group_id* int",
        new: "user: id* int, login text, full_name text, start_date date, finish_date date, cost num, shipping_city text
              groups: id* int, name text
              user_roles: user_id* int > user.id, role_id* int",
        meant: "users>user: id>id, name>full_name, login>login, start_date>start_date, end_date>finish_date, price>cost",
    },
];

/// A confidence is kept by what it says: of the pairs that nobody is asked about, none is wrong; of those just below, few are.
#[test]
fn confidence_is_calibrated() {
    let bands = [0.95, 0.85, 0.7, 0.0];
    let mut counts = vec![(0_u32, 0_u32); bands.len()];
    let (mut right, mut meant) = (0_usize, 0_usize);
    let mut wrong = Vec::new();
    for pairing in PAIRINGS {
        let found = found(&schema(pairing.old), &schema(pairing.new));
        let truth = truth(pairing.meant);
        meant += truth.len();
        for (pair, confidence) in &found {
            let band = bands.iter().position(|least| confidence >= least).unwrap();
            let is_right = truth.contains(pair);
            right += usize::from(is_right);
            counts[band].0 += u32::from(is_right);
            counts[band].1 += 1;
            if !is_right {
                wrong.push(format!("{}: {pair} {confidence:.3}", pairing.name));
            }
        }
        let missed = truth.iter().filter(|pair| found.iter().all(|(p, _)| p != *pair));
        wrong.extend(missed.map(|pair| format!("{}: {pair} was not found", pairing.name)));
    }
    let told = format!("{right} of {meant} found; right of all per band {bands:?}: {counts:?}\n{}", wrong.join("\n"));
    let share = |(right, all): (u32, u32)| f64::from(right) / f64::from(all.max(1));
    assert_eq!(counts[0].0, counts[0].1, "{told}");
    assert!(share(counts[1]) >= 0.9, "{told}");
    assert!(right as f64 >= 0.95 * meant as f64, "{told}");
    // It would be no help to be asked about everything.
    assert!(f64::from(counts[0].1) >= 0.6 * meant as f64, "{told}");
}
