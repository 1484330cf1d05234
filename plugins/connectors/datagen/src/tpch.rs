//! Eight related tables after the TPC-H benchmark: its columns, keys, row counts, value ranges and dependencies
//! (an order's total is the sum of its lines, a line's part is sold by its supplier). The rows are not those of TPC's
//! own generator: its random streams cannot be entered in the middle.

mod words;

use arrow_array::types::{Date32Type, Int32Type, Int64Type};
use sensei_sdk::catalog::{Action, DataType, ForeignKey, TableName};

use crate::column::{MadeColumn, character, integer, money, primitive, put_number, varchar};
use crate::draw::Draw;
use crate::table::{GROUP_ROWS, GroupSize, Keying, MadeTable};
use words::{NATIONS, REGIONS, put_address, put_comment, put_of};

/// The one schema of this dataset.
pub(crate) const SCHEMA: &str = "tpch";

/// 1992-01-01, in days since 1970: the first order.
const FIRST_ORDER: i32 = 8_035;
/// Days on which orders were made: up to 1998-08-02.
const ORDER_DAYS: u64 = 2_406;
/// 1995-06-17: what was shipped or received by then is final.
const TODAY: i32 = 9_298;

/// How many there are of what.
#[derive(Debug, Clone, Copy)]
struct Scale {
    suppliers: u64,
    parts: u64,
    customers: u64,
    orders: u64,
}

impl Scale {
    fn new(factor: f64) -> Self {
        // Never so few that a part would have one supplier twice or an order no customer.
        let count = |at_one: f64, least: f64| (at_one * factor).round().max(least) as u64;
        let customers = count(150_000.0, 3.0);
        Self { suppliers: count(10_000.0, 4.0), parts: count(200_000.0, 4.0), customers, orders: customers * 10 }
    }

    /// The supplier of a part: one of four that differ.
    fn supplier(self, part: u64, which: u64) -> u64 {
        (part + part / self.suppliers + which * (self.suppliers / 4)) % self.suppliers
    }

    /// The part that a line is about.
    fn line_part(self, line: u64) -> u64 {
        const { Draw::named("l_partkey") }.below(line, self.parts)
    }

    /// In hundredths.
    fn extended_price(self, line: u64) -> i64 {
        quantity(line) * retail_price(self.line_part(line))
    }
}

fn lines(order: u64) -> u64 {
    1 + const { Draw::named("lines") }.below(order, 7)
}

fn lines_of(order: u64) -> std::ops::Range<u64> {
    order * GROUP_ROWS..order * GROUP_ROWS + lines(order)
}

fn order_date(order: u64) -> i32 {
    FIRST_ORDER + const { Draw::named("o_orderdate") }.below(order, ORDER_DAYS) as i32
}

fn ship_date(line: u64) -> i32 {
    order_date(line / GROUP_ROWS) + 1 + const { Draw::named("l_shipdate") }.below(line, 121) as i32
}

fn receipt_date(line: u64) -> i32 {
    ship_date(line) + 1 + const { Draw::named("l_receiptdate") }.below(line, 30) as i32
}

fn line_status(line: u64) -> u8 {
    if ship_date(line) > TODAY { b'O' } else { b'F' }
}

fn order_status(order: u64) -> u8 {
    let open = lines_of(order).filter(|l| line_status(*l) == b'O').count() as u64;
    match open {
        0 => b'F',
        n if n == lines(order) => b'O',
        _ => b'P',
    }
}

fn quantity(line: u64) -> i64 {
    1 + const { Draw::named("l_quantity") }.below(line, 50) as i64
}

/// In hundredths: 0 to 10 %.
fn discount(line: u64) -> i64 {
    const { Draw::named("l_discount") }.below(line, 11) as i64
}

/// In hundredths: 0 to 8 %.
fn tax(line: u64) -> i64 {
    const { Draw::named("l_tax") }.below(line, 9) as i64
}

/// In hundredths. Parts are numbered from 0 here, from 1 in the table.
fn retail_price(part: u64) -> i64 {
    let key = (part + 1) as i64;
    90_000 + key / 10 % 20_001 + 100 * (key % 1_000)
}

fn put_phone(out: &mut Vec<u8>, nation: u64, bits: u64) {
    put_number(out, nation + 10, 2);
    for (part, width) in [(100 + bits % 900, 3), (100 + (bits >> 16) % 900, 3), (1_000 + (bits >> 32) % 9_000, 4)] {
        out.push(b'-');
        put_number(out, part, width);
    }
}

fn date(name: &str, value: impl Fn(u64) -> i32 + 'static) -> MadeColumn {
    MadeColumn::new(name, "date".into(), DataType::Date, 4, primitive::<Date32Type>(value))
}

/// Text that fills what `length` allows in the way TPC-H's comments do.
fn comment(name: &'static str, shortest: u64, longest: u64, length: u32) -> MadeColumn {
    let stream = Draw::named(name);
    varchar(name, length, move |p, out| put_comment(out, stream.at(p), shortest, longest))
}

/// A label and nine digits: `Customer#000000001`.
fn numbered(name: &str, label: &'static str, length: u32, number: impl Fn(u64) -> u64 + 'static) -> MadeColumn {
    varchar(name, length, move |p, out| {
        out.extend_from_slice(label.as_bytes());
        put_number(out, number(p), 9);
    })
}

/// From -999.99 to 9,999.99.
fn balance(name: &'static str) -> MadeColumn {
    let stream = Draw::named(name);
    money(name, move |p| stream.below(p, 1_100_000) as i64 - 99_999)
}

fn refer(columns: &[&str], table: &str, referenced: &[&str]) -> ForeignKey {
    let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    ForeignKey {
        name: Some(format!("{}_fkey", columns.join("_"))),
        columns: owned(columns),
        referenced_schema: SCHEMA.into(),
        referenced_table: table.into(),
        referenced_columns: owned(referenced),
        on_update: Action::NoAction,
        on_delete: Action::NoAction,
        deferrable: false,
        initially_deferred: false,
    }
}

/// A table of one row a group.
fn table(
    name: &str,
    comment: &'static str,
    key: &'static str,
    (groups, keying): (u64, Keying),
    columns: Vec<MadeColumn>,
) -> MadeTable {
    MadeTable {
        name: TableName { schema: SCHEMA.into(), name: name.into() },
        comment,
        columns,
        primary_key: vec![key],
        foreign_keys: Vec::new(),
        groups,
        size: GroupSize::Fixed(1),
        keying,
    }
}

/// The group of a position.
const fn group(position: u64) -> u64 {
    position / GROUP_ROWS
}

/// All tables, at a scale factor.
pub(crate) fn tables(factor: f64) -> Vec<MadeTable> {
    let scale = Scale::new(factor);
    vec![
        region(),
        nation(),
        supplier(scale),
        part(scale),
        partsupp(scale),
        customer(scale),
        orders(scale),
        lineitem(scale),
    ]
}

fn region() -> MadeTable {
    let columns = vec![
        integer::<Int32Type>("r_regionkey", |p| group(p) as i32),
        varchar("r_name", 25, |p, out| out.extend_from_slice(REGIONS[group(p) as usize].as_bytes())),
        comment("r_comment", 31, 115, 152),
    ];
    table("region", "Parts of the world.", "r_regionkey", (REGIONS.len() as u64, Keying::From(0)), columns)
}

fn nation() -> MadeTable {
    let columns = vec![
        integer::<Int32Type>("n_nationkey", |p| group(p) as i32),
        varchar("n_name", 25, |p, out| out.extend_from_slice(NATIONS[group(p) as usize].0.as_bytes())),
        integer::<Int32Type>("n_regionkey", |p| NATIONS[group(p) as usize].1),
        comment("n_comment", 31, 114, 152),
    ];
    let made = table("nation", "Countries.", "n_nationkey", (NATIONS.len() as u64, Keying::From(0)), columns);
    MadeTable { foreign_keys: vec![refer(&["n_regionkey"], "region", &["r_regionkey"])], ..made }
}

fn supplier(scale: Scale) -> MadeTable {
    const NATION: Draw = Draw::named("s_nationkey");
    let columns = vec![
        integer::<Int32Type>("s_suppkey", |p| group(p) as i32 + 1),
        numbered("s_name", "Supplier#", 25, |p| group(p) + 1),
        varchar("s_address", 40, |p, out| put_address(out, const { Draw::named("s_address") }.at(p))),
        integer::<Int32Type>("s_nationkey", |p| NATION.below(p, 25) as i32),
        varchar("s_phone", 15, |p, out| put_phone(out, NATION.below(p, 25), const { Draw::named("s_phone") }.at(p))),
        balance("s_acctbal"),
        comment("s_comment", 25, 100, 101),
    ];
    let made = table("supplier", "Who sells parts.", "s_suppkey", (scale.suppliers, Keying::From(1)), columns);
    MadeTable { foreign_keys: vec![refer(&["s_nationkey"], "nation", &["n_nationkey"])], ..made }
}

fn part(scale: Scale) -> MadeTable {
    const NAME: Draw = Draw::named("p_name");
    const MAKER: Draw = Draw::named("p_mfgr");
    const BRAND: Draw = Draw::named("p_brand");
    const TYPE: Draw = Draw::named("p_type");
    const CONTAINER: Draw = Draw::named("p_container");
    let columns = vec![
        integer::<Int32Type>("p_partkey", |p| group(p) as i32 + 1),
        varchar("p_name", 55, |p, out| put_of(out, NAME.at(p), &[words::COLOURS; 5])),
        varchar("p_mfgr", 25, |p, out| {
            out.extend_from_slice(b"Manufacturer#");
            put_number(out, 1 + MAKER.below(p, 5), 1);
        }),
        varchar("p_brand", 10, |p, out| {
            out.extend_from_slice(b"Brand#");
            put_number(out, 10 * (1 + MAKER.below(p, 5)) + 1 + BRAND.below(p, 5), 2);
        }),
        varchar("p_type", 25, |p, out| put_of(out, TYPE.at(p), &[words::SIZES, words::FINISHES, words::METALS])),
        integer::<Int32Type>("p_size", |p| 1 + const { Draw::named("p_size") }.below(p, 50) as i32),
        varchar("p_container", 10, |p, out| put_of(out, CONTAINER.at(p), &[words::BULKS, words::CONTAINERS])),
        money("p_retailprice", |p| retail_price(group(p))),
        comment("p_comment", 5, 22, 23),
    ];
    table("part", "What is sold.", "p_partkey", (scale.parts, Keying::From(1)), columns)
}

fn partsupp(scale: Scale) -> MadeTable {
    let columns = vec![
        integer::<Int32Type>("ps_partkey", |p| group(p) as i32 + 1),
        integer::<Int32Type>("ps_suppkey", move |p| scale.supplier(group(p), p % GROUP_ROWS) as i32 + 1),
        integer::<Int32Type>("ps_availqty", |p| 1 + const { Draw::named("ps_availqty") }.below(p, 9_999) as i32),
        money("ps_supplycost", |p| 100 + const { Draw::named("ps_supplycost") }.below(p, 99_901) as i64),
        comment("ps_comment", 49, 198, 199),
    ];
    let made =
        table("partsupp", "Which supplier sells which part.", "ps_partkey", (scale.parts, Keying::From(1)), columns);
    MadeTable {
        primary_key: vec!["ps_partkey", "ps_suppkey"],
        size: GroupSize::Fixed(4),
        foreign_keys: vec![
            refer(&["ps_partkey"], "part", &["p_partkey"]),
            refer(&["ps_suppkey"], "supplier", &["s_suppkey"]),
        ],
        ..made
    }
}

fn customer(scale: Scale) -> MadeTable {
    const NATION: Draw = Draw::named("c_nationkey");
    let columns = vec![
        integer::<Int32Type>("c_custkey", |p| group(p) as i32 + 1),
        numbered("c_name", "Customer#", 25, |p| group(p) + 1),
        varchar("c_address", 40, |p, out| put_address(out, const { Draw::named("c_address") }.at(p))),
        integer::<Int32Type>("c_nationkey", |p| NATION.below(p, 25) as i32),
        varchar("c_phone", 15, |p, out| put_phone(out, NATION.below(p, 25), const { Draw::named("c_phone") }.at(p))),
        balance("c_acctbal"),
        varchar("c_mktsegment", 10, |p, out| {
            put_of(out, const { Draw::named("c_mktsegment") }.at(p), &[words::SEGMENTS])
        }),
        comment("c_comment", 29, 116, 117),
    ];
    let made = table("customer", "Who buys.", "c_custkey", (scale.customers, Keying::From(1)), columns);
    MadeTable { foreign_keys: vec![refer(&["c_nationkey"], "nation", &["n_nationkey"])], ..made }
}

fn orders(scale: Scale) -> MadeTable {
    const CUSTOMER: Draw = Draw::named("o_custkey");
    const CLERK: Draw = Draw::named("o_clerk");
    // One customer in three never orders.
    let (buyers, clerks) = (scale.customers / 3 * 2, (scale.orders / 1_500).max(1));
    let columns = vec![
        integer::<Int64Type>("o_orderkey", |p| Keying::Sparse.key(group(p)) as i64),
        integer::<Int32Type>("o_custkey", move |p| {
            let buyer = CUSTOMER.below(p, buyers);
            (buyer / 2 * 3 + buyer % 2 + 1) as i32
        }),
        character("o_orderstatus", |p| order_status(group(p))),
        money("o_totalprice", move |p| {
            let price = |l| scale.extended_price(l) * (100 - discount(l)) * (100 + tax(l)) / 10_000;
            lines_of(group(p)).map(price).sum()
        }),
        date("o_orderdate", |p| order_date(group(p))),
        varchar("o_orderpriority", 15, |p, out| {
            put_of(out, const { Draw::named("o_orderpriority") }.at(p), &[words::PRIORITIES]);
        }),
        numbered("o_clerk", "Clerk#", 15, move |p| 1 + CLERK.below(p, clerks)),
        integer::<Int32Type>("o_shippriority", |_| 0),
        comment("o_comment", 19, 78, 79),
    ];
    let made = table("orders", "What was bought together.", "o_orderkey", (scale.orders, Keying::Sparse), columns);
    MadeTable { foreign_keys: vec![refer(&["o_custkey"], "customer", &["c_custkey"])], ..made }
}

fn lineitem(scale: Scale) -> MadeTable {
    const SUPPLIER: Draw = Draw::named("l_suppkey");
    const RETURN: Draw = Draw::named("l_returnflag");
    let columns = vec![
        integer::<Int64Type>("l_orderkey", |p| Keying::Sparse.key(group(p)) as i64),
        integer::<Int32Type>("l_partkey", move |p| scale.line_part(p) as i32 + 1),
        integer::<Int32Type>("l_suppkey", move |p| scale.supplier(scale.line_part(p), SUPPLIER.below(p, 4)) as i32 + 1),
        integer::<Int32Type>("l_linenumber", |p| (p % GROUP_ROWS) as i32 + 1),
        money("l_quantity", |p| quantity(p) * 100),
        money("l_extendedprice", move |p| scale.extended_price(p)),
        money("l_discount", discount),
        money("l_tax", tax),
        character("l_returnflag", |p| if receipt_date(p) > TODAY { b'N' } else { b"RA"[RETURN.below(p, 2) as usize] }),
        character("l_linestatus", line_status),
        date("l_shipdate", ship_date),
        date("l_commitdate", |p| order_date(group(p)) + 30 + const { Draw::named("l_commitdate") }.below(p, 61) as i32),
        date("l_receiptdate", receipt_date),
        varchar("l_shipinstruct", 25, |p, out| {
            put_of(out, const { Draw::named("l_shipinstruct") }.at(p), &[words::INSTRUCTIONS]);
        }),
        varchar("l_shipmode", 10, |p, out| put_of(out, const { Draw::named("l_shipmode") }.at(p), &[words::MODES])),
        comment("l_comment", 10, 43, 44),
    ];
    let made = table("lineitem", "The lines of orders.", "l_orderkey", (scale.orders, Keying::Sparse), columns);
    MadeTable {
        primary_key: vec!["l_orderkey", "l_linenumber"],
        size: GroupSize::Varied(lines),
        foreign_keys: vec![
            refer(&["l_orderkey"], "orders", &["o_orderkey"]),
            refer(&["l_partkey", "l_suppkey"], "partsupp", &["ps_partkey", "ps_suppkey"]),
        ],
        ..made
    }
}
