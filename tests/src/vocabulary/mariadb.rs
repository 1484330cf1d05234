//! Types of MySQL 8 and MariaDB 10.11.

use super::{Native, bytes, characters, digits, document, double, moment, native, single, whole};

/// Strict, but for dates that are none: they are among the values.
pub(super) const PREAMBLE: &str =
    "set sql_mode = 'STRICT_ALL_TABLES,ALLOW_INVALID_DATES', time_zone = '+00:00', names utf8mb4;\n";

fn text(random: &mut fastrand::Rng, most: usize) -> String {
    format!("'{}'", characters(random, most).replace('\\', "\\\\").replace('\'', "''"))
}

/// MariaDB takes none but those of a known version and variant.
fn uuid(random: &mut fastrand::Rng) -> u128 {
    random.u128(..) & !(0xf000 << 64 | 0xc000 << 48) | 0x4000 << 64 | 0x8000 << 48
}

pub(super) static TYPES: &[Native] = &[
    native("tinyint", &["7", "0", "-128", "127"]).key().draw(|r| whole(r, 8, true)),
    native("tinyint(1)", &["1", "0", "-128", "127"]),
    native("tinyint unsigned", &["7", "0", "255"]).key().draw(|r| whole(r, 8, false)),
    native("smallint", &["7", "0", "-32768", "32767"]).key().draw(|r| whole(r, 16, true)),
    native("smallint unsigned", &["7", "0", "65535"]).key().draw(|r| whole(r, 16, false)),
    native("mediumint", &["7", "0", "-8388608", "8388607"]).key().draw(|r| whole(r, 24, true)),
    native("mediumint unsigned", &["7", "0", "16777215"]).key().draw(|r| whole(r, 24, false)),
    native("int", &["7", "0", "-2147483648", "2147483647"]).key().draw(|r| whole(r, 32, true)),
    native("int unsigned zerofill", &["7", "0", "4294967295"]).key().draw(|r| whole(r, 32, false)),
    native("bigint", &["7", "0", "-9223372036854775808", "9223372036854775807", "9007199254740993"])
        .key()
        .draw(|r| whole(r, 64, true)),
    native("bigint unsigned", &["7", "0", "9223372036854775808", "18446744073709551615"])
        .key()
        .draw(|r| whole(r, 64, false)),
    native("decimal(10,2)", &["7", "0", "-0.01", "99999999.99", "-99999999.99"]).key().draw(|r| digits(r, 10, 2)),
    native("decimal(5,0) unsigned", &["7", "0", "99999"]).key(),
    native("decimal(38,10)", &["7", "9999999999999999999999999999.9999999999", "-0.0000000001"])
        .draw(|r| digits(r, 38, 10)),
    native(
        "decimal(65,0)",
        &[
            "7",
            "99999999999999999999999999999999999999999999999999999999999999999",
            "-99999999999999999999999999999999999999999999999999999999999999999",
        ],
    )
    .draw(|r| digits(r, 65, 0)),
    native(
        "decimal(65,30)",
        &[
            "7",
            "99999999999999999999999999999999999.999999999999999999999999999999",
            "-0.000000000000000000000000000001",
        ],
    )
    .draw(|r| digits(r, 65, 30)),
    native("float", &["7", "0", "-0e0", "0.1", "3.40282e38", "-3.40282e38", "1.17549435e-38", "1.4e-45"]).draw(single),
    native(
        "double",
        &["7", "0", "-0e0", "0.1", "1.7976931348623157e308", "-1.7976931348623157e308", "2.2250738585072014e-308"],
    )
    .draw(double),
    native("double(10,2)", &["7.25", "0", "-99999999.99"]),
    native("bit(1)", &["b'1'", "b'0'"]),
    native("bit(8)", &["b'111'", "b'0'", "b'11111111'"]),
    native("bit(64)", &["7", "0", "18446744073709551615"]).draw(|r| whole(r, 64, false)),
    native("char(5)", &["'seven'", "''", "'a'", "' a'", "'äöü😀'", "'a\\tb'"]).key().draw(|r| text(r, 5)),
    native("char(36)", &["'01234567-89ab-4def-8123-456789abcdef'", "'no uuid'"]),
    native(
        "varchar(20)",
        &[
            "'seven'",
            "''",
            "'a '",
            "' '",
            "'ÄÖÜ😀漢字'",
            "'tab\\tline\\nend'",
            "'quote''\"\\\\'",
            "'\\\\N'",
            "'NULL'",
            "'a\\0b'",
        ],
    )
    .key()
    .draw(|r| text(r, 20)),
    native("varchar(20) character set latin1", &["'seven'", "'ÄÖÜß€'", "''"]),
    native("varchar(20) character set utf8mb3", &["'seven'", "'ÄÖÜß€漢字'"]),
    native("varchar(20) character set utf16", &["'seven'", "'ÄÖÜ😀'"]),
    native("varchar(20) collate utf8mb4_bin", &["'seven'", "'Seven'", "'ÄÖÜ😀'"]).key().draw(|r| text(r, 20)),
    native("tinytext", &["'seven'", "''", "'a '", "'a\\0b'"]).draw(|r| text(r, 40)),
    native("text", &["'seven'", "''", "'a '", "repeat('😀', 16000)", "'\u{feff}'", "'\u{fffd}'", "'\u{10ffff}'"])
        .draw(|r| text(r, 200)),
    native("mediumtext", &["'seven'", "''", "repeat('long ', 200000)"]).draw(|r| text(r, 60)),
    native("longtext", &["'seven'", "''", "repeat('long ', 200000)"]).draw(|r| text(r, 60)),
    native("binary(4)", &["x'07070707'", "x''", "x'00'", "x'ff000000'", "x'00000000'"])
        .draw(|r| format!("x'{}'", bytes(r, 4))),
    native("binary(16)", &["x'0123456789ab4def8123456789abcdef'", "x'00'"]),
    native("varbinary(20)", &["x'07'", "x''", "x'00'", "x'0000'", "x'000102fffe00'"])
        .draw(|r| format!("x'{}'", bytes(r, 20))),
    native("tinyblob", &["x'07'", "x''", "x'00'"]).draw(|r| format!("x'{}'", bytes(r, 60))),
    native("blob", &["x'07'", "x''", "x'00'", "repeat(x'00ff', 30000)"]).draw(|r| format!("x'{}'", bytes(r, 60))),
    native("mediumblob", &["x'07'", "x''", "repeat(x'00ff', 500000)"]),
    native("longblob", &["x'07'", "x''", "repeat(x'00ff', 500000)"]),
    native(
        "date",
        &[
            "'2024-02-29'",
            "'1970-01-01'",
            "'1000-01-01'",
            "'9999-12-31'",
            "'0001-01-01'",
            "'0000-00-00'",
            "'2024-00-00'",
            "'2024-02-00'",
            "'2023-02-31'",
        ],
    )
    .key()
    .draw(|r| format!("'{}'", &moment(r, 1000, 9999, 0)[..10])),
    native(
        "time",
        &["'12:34:56'", "'00:00:00'", "'23:59:59'", "'24:00:00'", "'-00:00:01'", "'838:59:59'", "'-838:59:59'"],
    )
    .draw(|r| format!("'{}'", &moment(r, 2000, 2000, 0)[11..])),
    native("time(6)", &["'12:34:56.789'", "'-00:00:00.000001'", "'838:59:58.999999'", "'-838:59:58.999999'"]),
    native(
        "datetime",
        &[
            "'2024-02-29 12:34:56'",
            "'1970-01-01 00:00:00'",
            "'1969-12-31 23:59:59'",
            "'2024-03-31 02:30:00'",
            "'1000-01-01 00:00:00'",
            "'9999-12-31 23:59:59'",
            "'0001-01-01 00:00:00'",
            "'0000-00-00 00:00:00'",
            "'2024-02-00 10:00:00'",
        ],
    )
    .draw(|r| format!("'{}'", moment(r, 1000, 9999, 0))),
    native("datetime(3)", &["'2024-02-29 12:34:56.789'", "'9999-12-31 23:59:59.999'"])
        .draw(|r| format!("'{}'", moment(r, 1000, 9999, 3))),
    native(
        "datetime(6)",
        &["'2024-02-29 12:34:56.789012'", "'9999-12-31 23:59:59.999999'", "'1000-01-01 00:00:00.000001'"],
    )
    .draw(|r| format!("'{}'", moment(r, 1000, 9999, 6))),
    native(
        "timestamp null",
        &["'2024-02-29 12:34:56'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'0000-00-00 00:00:00'"],
    )
    .draw(|r| format!("'{}'", moment(r, 1971, 2037, 0))),
    native("timestamp(6) null", &["'2024-02-29 12:34:56.789012'", "'2038-01-19 03:14:07.999999'"])
        .draw(|r| format!("'{}'", moment(r, 1971, 2037, 6))),
    native("year", &["2024", "1901", "2155", "0"]).key().draw(|r| r.u32(1901..=2155).to_string()),
    native("enum('ok','it''s fine','')", &["'ok'", "'it''s fine'", "''"]),
    native("set('a','b','c d')", &["'a'", "''", "'a,b,c d'"]),
    native(
        "json",
        &[
            "'{\"a\": 7}'",
            "'null'",
            "'[]'",
            "'{\"a\":1,\"a\":2}'",
            "'123456789012345678901234567890.123456789'",
            "'1e400'",
            "'\"\\\\u0000\"'",
            "' { \"b\" : 1 , \"a\" : 2 } '",
        ],
    )
    .draw(|r| format!("'{}'", document(r, 3).replace('\\', "\\\\").replace('\'', "''"))),
    native(
        "uuid",
        &[
            "'01234567-89ab-4def-8123-456789abcdef'",
            "'00000000-0000-0000-0000-000000000000'",
            "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
        ],
    )
    .draw(|r| format!("'{:032x}'", uuid(r))),
    native("inet4", &["'192.168.0.1'", "'0.0.0.0'", "'255.255.255.255'"]),
    native("inet6", &["'2001:db8::ff'", "'::'", "'::ffff:192.0.2.1'"]),
    native(
        "geometry",
        &["point(1, 2)", "st_geomfromtext('POINT(1 2)', 4326)", "st_geomfromtext('GEOMETRYCOLLECTION EMPTY')"],
    ),
    native("point", &["point(1, 2)", "point(-0.1, 1e300)", "st_geomfromtext('POINT(13.4 52.5)', 4326)"]),
    native("linestring", &["st_geomfromtext('LINESTRING(0 0, 1 1, 2 0)')"]),
    native("polygon", &["st_geomfromtext('POLYGON((0 0, 4 0, 4 4, 0 0), (1 1, 2 1, 2 2, 1 1))', 3857)"]),
    native("multipoint", &["st_geomfromtext('MULTIPOINT(0 0, 1 1)')"]),
    native("multilinestring", &["st_geomfromtext('MULTILINESTRING((0 0, 1 1), (2 2, 3 3))')"]),
    native("multipolygon", &["st_geomfromtext('MULTIPOLYGON(((0 0, 4 0, 4 4, 0 0)))')"]),
    native("geometrycollection", &["st_geomfromtext('GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(0 0, 1 1))')"]),
];
