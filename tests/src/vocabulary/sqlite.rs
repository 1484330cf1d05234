//! Declared types of SQLite, where any value may stand in any column.

use super::{Native, bytes, characters, digits, double, moment, native, whole};

fn text(random: &mut fastrand::Rng, most: usize) -> String {
    format!("'{}'", characters(random, most).replace('\'', "''"))
}

pub(super) static TYPES: &[Native] = &[
    native("integer", &["7", "0", "-1", "-9223372036854775808", "9223372036854775807"])
        .odd(&["1.5", "'seven'", "x'37'", "9e99"])
        .key()
        .draw(|r| whole(r, 64, true)),
    native("int", &["7", "-2147483649", "9223372036854775807"]).key().draw(|r| whole(r, 64, true)),
    native("smallint", &["7", "32768", "-32769"]).odd(&["9223372036854775807"]).key().draw(|r| whole(r, 16, true)),
    native("bigint", &["7", "-9223372036854775808", "9223372036854775807"]).key().draw(|r| whole(r, 64, true)),
    native("unsigned big int", &["7", "9223372036854775807"]).odd(&["-1"]),
    native("boolean", &["1", "0"]).odd(&["2", "'true'"]),
    native("real", &["7.5", "0.0", "-0.0", "0.1", "7", "1.7976931348623157e308", "5e-324"])
        .odd(&["9e999", "-9e999", "'seven'"])
        .draw(double),
    native("double precision", &["7.5", "0.1"]).odd(&["9007199254740993"]).draw(double),
    native("float", &["7.5", "0.1", "1e-300"]).draw(double),
    native("numeric", &["7", "1.5"]).odd(&["'99999999999999999999'", "'seven'", "x'00'"]),
    native("decimal(10,2)", &["7.25", "0", "-99999999.99", "99999999.99"])
        .odd(&["0.001", "123456789012"])
        .draw(|r| digits(r, 10, 2)),
    native(
        "text",
        &[
            "'seven'",
            "''",
            "'a '",
            "'tab' || char(9) || 'line' || char(10)",
            "'quote''\"\\'",
            "'\\N'",
            "'😀漢字'",
            "7",
            "printf('%.1000000c', 'x')",
        ],
    )
    .odd(&["'a' || char(0) || 'b'", "x'ff'"])
    .draw(|r| text(r, 200)),
    native("varchar(20)", &["'seven'", "''", "'a '", "7"])
        .odd(&["'longer than twenty characters, which SQLite does not mind'"])
        .key()
        .draw(|r| text(r, 20)),
    native("char(5)", &["'seven'", "'a'", "'a  '"]).odd(&["'longer than five'"]).draw(|r| text(r, 5)),
    native("text collate nocase", &["'seven'", "'Seven2'", "'ß'"]),
    native("blob", &["x'07'", "x''", "x'00'", "x'000102fffe00'", "zeroblob(1000000)"])
        .odd(&["'seven'", "7", "1.5"])
        .draw(|r| format!("x'{}'", bytes(r, 60))),
    native("binary(16)", &["x'0123456789ab4def8123456789abcdef'", "x'00'"]),
    native("date", &["'2024-02-29'", "'1000-01-01'", "'9999-12-31'", "'0001-01-01'"])
        .odd(&["'0000-00-00'", "'2023-02-31'", "'yesterday'", "19782", "2460369.5", "'2024-02-29 12:00:00'"])
        .draw(|r| format!("'{}'", &moment(r, 1000, 9999, 0)[..10])),
    native("datetime", &["'2024-02-29 12:34:56'", "'9999-12-31 23:59:59'"])
        .odd(&[
            "'2024-02-29T12:34:56'",
            "'2024-02-29 12:34:56.789'",
            "'2024-02-29 12:34:56Z'",
            "'2024-02-29 12:34'",
            "1709210096",
            "2460369.5",
            "'now'",
        ])
        .draw(|r| format!("'{}'", moment(r, 1000, 9999, 0))),
    native("timestamp", &["'2024-02-29 12:34:56'"])
        .odd(&["'1969-12-31 23:59:59.999999'", "0"])
        .draw(|r| format!("'{}'", moment(r, 1000, 9999, 0))),
    native("time", &["'12:34:56'", "'00:00:00'"])
        .odd(&["'23:59:59.999'", "'24:00:00'", "'-01:00:00'", "'12:34'"])
        .draw(|r| format!("'{}'", &moment(r, 2000, 2000, 0)[11..])),
    native("uuid", &["'01234567-89ab-4def-8123-456789abcdef'"]).odd(&[
        "'0123456789AB4DEF8123456789ABCDEF'",
        "x'0123456789ab4def8123456789abcdef'",
        "'none'",
    ]),
    native("json", &["'{\"a\": 7}'", "'{\"a\":1,\"a\":2}'", "' [1, 2] '"]).odd(&["'no json'", "7"]),
    native("", &["7"]).odd(&["1.5", "'seven'", "x'07'", "''"]),
    native("any", &["7"]).odd(&["1.5", "'seven'", "x'07'"]),
    native("clob", &["'seven'", "''"]),
    native("money_in_cents", &["7"]).odd(&["'seven'"]),
];
