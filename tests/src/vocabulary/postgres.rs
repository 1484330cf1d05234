//! Types of PostgreSQL 15.

use super::{Native, bytes, characters, digits, document, double, moment, native, single, whole};

/// Quiet, and in UTC.
pub(super) const PREAMBLE: &str = "set client_min_messages = error; set time zone 'UTC';\n";

const MOOD: &str = "create type mood as enum ('sad', 'ok', 'it''s fine', '');\n";
const POSITIVE: &str = "create domain positive as integer check (value > 0);\n";
const CODE: &str = "create domain code as varchar(5);\n";
const PAIR: &str = "create type pair as (a integer, b text);\n";

fn text(random: &mut fastrand::Rng, most: usize) -> String {
    format!("'{}'", characters(random, most).replace('\'', "''"))
}

pub(super) static TYPES: &[Native] = &[
    native("boolean", &["true", "false"]),
    native("smallint", &["7", "0", "-1", "-32768", "32767"]).key().draw(|r| whole(r, 16, true)),
    native("integer", &["7", "0", "-1", "-2147483648", "2147483647"]).key().draw(|r| whole(r, 32, true)),
    native("bigint", &["7", "0", "-1", "-9223372036854775808", "9223372036854775807", "9007199254740993"])
        .key()
        .draw(|r| format!("'{}'", whole(r, 64, true))),
    native(
        "numeric",
        &[
            "7",
            "0",
            "-1.5",
            "1.500",
            "0.0000000001",
            "'1e131071'",
            "repeat('1234567890', 100)::numeric",
            "('0.' || repeat('0987654321', 100))::numeric",
            "'NaN'",
            "'Infinity'",
            "'-Infinity'",
        ],
    )
    .draw(|r| digits(r, 60, 20)),
    native("numeric(10,2)", &["7", "0", "-0.01", "99999999.99", "-99999999.99", "'NaN'"])
        .key()
        .draw(|r| digits(r, 10, 2)),
    native("numeric(5,0)", &["7", "-99999", "99999", "'NaN'"]).key().draw(|r| digits(r, 5, 0)),
    native("numeric(38,10)", &["7", "9999999999999999999999999999.9999999999", "-0.0000000001"])
        .draw(|r| digits(r, 38, 10)),
    native(
        "numeric(65,30)",
        &[
            "7",
            "99999999999999999999999999999999999.999999999999999999999999999999",
            "-0.000000000000000000000000000001",
        ],
    )
    .draw(|r| digits(r, 65, 30)),
    native("numeric(76,20)", &["7", "99999999999999999999999999999999999999999999999999999999.99999999999999999999"])
        .draw(|r| digits(r, 76, 20)),
    native(
        "numeric(1000,500)",
        &["7", "(repeat('9', 500) || '.' || repeat('9', 500))::numeric", "('-0.' || repeat('0', 499) || '1')::numeric"],
    ),
    native("numeric(5,-2)", &["700", "-9999900", "9999900", "0"]),
    native("numeric(3,5)", &["0.00700", "0.00999", "-0.00999", "0.00001"]),
    native(
        "real",
        &[
            "7",
            "0",
            "'-0'",
            "0.1",
            "3.4028235e38",
            "-3.4028235e38",
            "1e-45",
            "1.17549435e-38",
            "'NaN'",
            "'Infinity'",
            "'-Infinity'",
        ],
    )
    .draw(|r| format!("'{}'", single(r))),
    native(
        "double precision",
        &[
            "7",
            "0",
            "'-0'",
            "0.1",
            "1.7976931348623157e308",
            "-1.7976931348623157e308",
            "5e-324",
            "2.2250738585072014e-308",
            "'NaN'",
            "'Infinity'",
            "'-Infinity'",
        ],
    )
    .draw(|r| format!("'{}'", double(r))),
    native("money", &["'7'", "'0'", "'-0.01'", "'92233720368547758.07'", "'-92233720368547758.08'"]),
    native("oid", &["7", "0", "4294967295"]),
    native("character(5)", &["'seven'", "''", "'a'", "' a'", "'äöü😀'", "e'a\\tb'"]).key().draw(|r| text(r, 5)),
    native(
        "character varying(20)",
        &["'seven'", "''", "'a '", "' '", "'ÄÖÜ😀漢字'", "e'tab\\tline\\nend'", "'quote''\"\\'", "'\\N'", "'NULL'"],
    )
    .key()
    .draw(|r| text(r, 20)),
    native("character varying", &["'seven'", "''", "'a '", "repeat('😀', 20000)"]).draw(|r| text(r, 60)),
    native(
        "text",
        &[
            "'seven'",
            "''",
            "'a '",
            "repeat('long ', 200000)",
            "e'\\x01\\x7f'",
            "'e\u{301}'",
            "'\u{feff}'",
            "'\u{fffd}'",
            "'\u{10ffff}'",
        ],
    )
    .draw(|r| text(r, 200)),
    native("text collate \"C\"", &["'seven'", "'Zebra'", "'äpfel'"]).draw(|r| text(r, 30)),
    native("\"char\"", &["'s'", "''", "'\"'"]),
    native("name", &["'seven'", "''", "repeat('n', 63)"]),
    native(
        "bytea",
        &["'\\x07'", "''", "'\\x00'", "'\\x000102fffe00'", "'\\x5c4e'", "decode(repeat('00ff', 100000), 'hex')"],
    )
    .draw(|r| format!("'\\x{}'", bytes(r, 60))),
    native(
        "date",
        &[
            "'2024-02-29'",
            "'1970-01-01'",
            "'1969-12-31'",
            "'1000-01-01'",
            "'9999-12-31'",
            "'0999-12-31'",
            "'0001-01-01'",
            "'0044-03-15 BC'",
            "'4714-11-24 BC'",
            "'10000-01-01'",
            "'5874897-12-31'",
            "'infinity'",
            "'-infinity'",
        ],
    )
    .key()
    .draw(|r| format!("'{}'", &moment(r, 1000, 9999, 0)[..10])),
    native("time", &["'12:34:56'", "'00:00:00'", "'23:59:59.999999'", "'24:00:00'"])
        .draw(|r| format!("'{}'", &moment(r, 2000, 2000, 6)[11..])),
    native("time(0)", &["'12:34:56'", "'00:00:00'", "'24:00:00'"]),
    native("time with time zone", &["'12:34:56+00'", "'24:00:00-15:59'", "'00:00:00.000001+05:30'"]),
    native(
        "timestamp",
        &[
            "'2024-02-29 12:34:56'",
            "'1970-01-01 00:00:00'",
            "'1969-12-31 23:59:59.999999'",
            "'2024-03-31 02:30:00'",
            "'2016-12-31 23:59:60'",
            "'1000-01-01 00:00:00'",
            "'9999-12-31 23:59:59.999999'",
            "'0001-01-01 00:00:00'",
            "'4714-11-24 00:00:00 BC'",
            "'294276-12-31 23:59:59.999999'",
            "'infinity'",
            "'-infinity'",
        ],
    )
    .draw(|r| format!("'{}'", moment(r, 1000, 9999, 6))),
    native("timestamp(3)", &["'2024-02-29 12:34:56.789'", "'9999-12-31 23:59:59.999'"])
        .draw(|r| format!("'{}'", moment(r, 1000, 9999, 3))),
    native(
        "timestamp with time zone",
        &[
            "'2024-02-29 12:34:56Z'",
            "'1970-01-01 00:00:00Z'",
            "'1970-01-01 00:00:01Z'",
            "'2038-01-19 03:14:08Z'",
            "'2024-03-31 02:30:00 Europe/Berlin'",
            "'2024-02-29 23:59:59.999999+05:30'",
            "'1000-01-01 00:00:00Z'",
            "'9999-12-31 23:59:59Z'",
            "'0001-01-01 00:00:00Z'",
            "'4714-11-24 00:00:00Z BC'",
            "'294276-12-31 23:59:59.999999Z'",
            "'infinity'",
            "'-infinity'",
        ],
    )
    .draw(|r| format!("'{}Z'", moment(r, 1000, 9999, 6))),
    native(
        "interval",
        &[
            "'1 day'",
            "'0'",
            "'1 year 2 mons -3 days 04:05:06.789'",
            "'-178000000 years'",
            "'2147483647 days'",
            "'2562047:47:16.854775'",
            "'-0.000001 s'",
            "'2562048:00:00'",
        ],
    ),
    native(
        "uuid",
        &[
            "'01234567-89ab-4def-8123-456789abcdef'",
            "'00000000-0000-0000-0000-000000000000'",
            "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
        ],
    )
    .key()
    .draw(|r| format!("'{:032x}'", r.u128(..))),
    native(
        "json",
        &[
            "'{\"a\": 7}'",
            "'null'",
            "'[]'",
            "'{\"a\":1,\"a\":2}'",
            "'123456789012345678901234567890.123456789'",
            "'1e400'",
            "'\"\\u0000\"'",
            "'\"\\ud83d\\ude00\"'",
            "' { \"b\" : 1 , \"a\" : 2 } '",
        ],
    )
    .draw(|r| format!("'{}'", document(r, 3).replace('\'', "''"))),
    native(
        "jsonb",
        &[
            "'{\"a\": 7}'",
            "'null'",
            "'[]'",
            "'123456789012345678901234567890.123456789'",
            "'1e400'",
            "'\"😀\"'",
            "'1.50'",
        ],
    )
    .draw(|r| format!("'{}'", document(r, 3).replace('\'', "''"))),
    native("xml", &["'<a>7</a>'", "'<?xml version=\"1.0\"?><a b=\"ä\"/>'"]),
    native("bit(1)", &["b'1'", "b'0'"]),
    native("bit(8)", &["b'00000111'", "b'00000000'", "b'11111111'"]),
    native("bit(64)", &["(7::bigint)::bit(64)", "(-1::bigint)::bit(64)", "(0::bigint)::bit(64)"]),
    native("bit(100)", &["repeat('01', 50)::bit(100)", "repeat('1', 100)::bit(100)"]),
    native("bit varying(70)", &["b'0111'", "b''", "b'0'", "repeat('1', 70)::varbit"]),
    native("bit varying", &["b'0111'", "b''", "b'00000001'"]),
    native("inet", &["'192.168.0.1'", "'10.0.0.0/8'", "'::'", "'2001:db8::ff/64'"]),
    native("cidr", &["'10.0.0.0/8'", "'0.0.0.0/0'", "'2001:db8::/32'"]),
    native("macaddr", &["'08:00:2b:01:02:03'", "'ff:ff:ff:ff:ff:ff'"]),
    native("macaddr8", &["'08:00:2b:01:02:03:04:05'"]),
    native("point", &["'(1,2)'", "'(-0.1,1e300)'", "'(NaN,Infinity)'"]),
    native("line", &["'{1,2,3}'"]),
    native("lseg", &["'[(0,0),(1,1)]'"]),
    native("box", &["'(1,1),(0,0)'"]),
    native("path", &["'[(0,0),(1,1)]'", "'((0,0),(1,1))'"]),
    native("polygon", &["'((0,0),(1,1),(1,0))'"]),
    native("circle", &["'<(1,2),3>'"]),
    native("int4range", &["'[1,7)'", "'empty'", "'(,)'"]),
    native("numrange", &["'(1.5,7]'", "'empty'"]),
    native("tstzrange", &["'[2024-01-01 00:00:00+00,2024-02-29 12:00:00+00)'", "'[,infinity]'"]),
    native("datemultirange", &["'{[2024-01-01,2024-02-01),[2025-01-01,)}'", "'{}'"]),
    native("tsvector", &["'''seven'':1 ''sins'':2'", "''"]),
    native("tsquery", &["'''seven'' & !''sins'''", "''"]),
    native("jsonpath", &["'$.\"a\"[*]'"]),
    native("pg_lsn", &["'16/B374D848'"]),
    native("xid8", &["'7'", "'18446744073709551615'"]),
    native("integer[]", &["'{7}'", "'{}'", "'{1,NULL,-3}'", "'{{1,2},{3,4}}'", "'[0:1]={1,2}'"]),
    native("text[]", &["'{seven}'", "'{}'", "array['', ' ', ',', '\"', '\\', '{', 'NULL', null, 'ä😀']"]),
    native("timestamp with time zone[]", &["array['2024-02-29 12:34:56Z'::timestamptz]"]),
    native("mood", &["'ok'", "'sad'", "'it''s fine'", "''"]).needs(MOOD),
    native("mood[]", &["'{ok,sad}'::mood[]"]).needs(MOOD),
    native("positive", &["7", "2147483647"]).needs(POSITIVE),
    native("code", &["'seven'", "''"]).needs(CODE),
    native("pair", &["row(7, 'seven')", "row(null, '\"')"]).needs(PAIR),
];
