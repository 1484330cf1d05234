//! What a random column can be: a table of types, each with its values and its extremes.

use arrow_array::types::{
    Date32Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNano, IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Decimal128Array, Decimal256Array, FixedSizeBinaryArray, PrimitiveArray,
};
use arrow_buffer::{ScalarBuffer, i256};
use sensei_sdk::catalog::{Binary, Bits, DataType, Decimal, Enumeration, Integer, Text, Timestamp};
use std::sync::Arc;

use crate::column::{Make, bytes, primitive, put_number, text};
use crate::draw::{Draw, below, scramble};

/// One type a column can have.
pub(super) struct Kind {
    /// What the configuration calls it.
    pub(super) name: &'static str,
    pub(super) native_type: &'static str,
    pub(super) data_type: fn() -> DataType,
    /// Bytes a value takes at most.
    pub(super) bytes: u64,
    pub(super) make: fn(Values) -> Make,
}

/// A column's chance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values {
    pub(super) stream: Draw,
    pub(super) edges: bool,
}

impl Values {
    /// An extreme now and then, otherwise `usual` of the random bits.
    fn pick<T: Copy>(self, position: u64, edges: &[T], usual: impl Fn(u64) -> T) -> T {
        let bits = self.stream.at(position);
        if self.edges && bits & 7 == 0 {
            edges[below(bits, edges.len() as u64) as usize]
        } else {
            usual(scramble(bits))
        }
    }

    /// As [`Self::pick`], for what is appended.
    fn put<T: AsRef<[u8]> + ?Sized>(
        self,
        position: u64,
        out: &mut Vec<u8>,
        edges: &[&T],
        usual: impl Fn(u64, &mut Vec<u8>),
    ) {
        let bits = self.stream.at(position);
        if self.edges && bits & 7 == 0 {
            out.extend_from_slice(edges[below(bits, edges.len() as u64) as usize].as_ref());
        } else {
            usual(scramble(bits), out);
        }
    }
}

/// Characters of a text column at most.
const TEXT_CHARACTERS: u32 = 200;
/// Bytes of a binary column's value at most.
const BINARY_BYTES: u32 = 64;
const DAY: i64 = 86_400_000_000;
/// The largest span that MySQL's TIME holds, 838:59:59, in microseconds.
const LONGEST_SPAN: i64 = 3_020_399_000_000;
/// 0001-01-01 and 9999-12-31, in days since 1970.
const FIRST_DAY: i32 = -719_162;
const LAST_DAY: i32 = 2_932_896;
/// 1900-01-01 and the days from there to 2100-01-01.
const USUAL_DAY: i32 = -25_567;
const USUAL_DAYS: u64 = 73_049;

/// Every neutral type but `native`, which only its own system understands.
pub(super) const KINDS: &[Kind] = &[
    Kind { name: "boolean", native_type: "boolean", data_type: || DataType::Boolean, bytes: 1, make: boolean },
    Kind {
        name: "int8",
        native_type: "tinyint",
        data_type: || int(8, true),
        bytes: 1,
        make: |v| primitive::<Int8Type>(move |p| v.pick(p, &[i8::MIN, -1, 0, 1, i8::MAX], |b| b as i8)),
    },
    Kind {
        name: "int16",
        native_type: "smallint",
        data_type: || int(16, true),
        bytes: 2,
        make: |v| primitive::<Int16Type>(move |p| v.pick(p, &[i16::MIN, -1, 0, 1, i16::MAX], |b| b as i16)),
    },
    Kind {
        name: "int32",
        native_type: "integer",
        data_type: || int(32, true),
        bytes: 4,
        make: |v| primitive::<Int32Type>(move |p| v.pick(p, &[i32::MIN, -1, 0, 1, i32::MAX], |b| b as i32)),
    },
    Kind {
        name: "int64",
        native_type: "bigint",
        data_type: || int(64, true),
        bytes: 8,
        make: |v| primitive::<Int64Type>(move |p| v.pick(p, &[i64::MIN, -1, 0, 1, i64::MAX], |b| b as i64)),
    },
    Kind {
        name: "uint8",
        native_type: "tinyint unsigned",
        data_type: || int(8, false),
        bytes: 1,
        make: |v| primitive::<UInt8Type>(move |p| v.pick(p, &[0, 1, i8::MAX as u8 + 1, u8::MAX], |b| b as u8)),
    },
    Kind {
        name: "uint16",
        native_type: "smallint unsigned",
        data_type: || int(16, false),
        bytes: 2,
        make: |v| primitive::<UInt16Type>(move |p| v.pick(p, &[0, 1, i16::MAX as u16 + 1, u16::MAX], |b| b as u16)),
    },
    Kind {
        name: "uint32",
        native_type: "integer unsigned",
        data_type: || int(32, false),
        bytes: 4,
        make: |v| primitive::<UInt32Type>(move |p| v.pick(p, &[0, 1, i32::MAX as u32 + 1, u32::MAX], |b| b as u32)),
    },
    Kind {
        name: "uint64",
        native_type: "bigint unsigned",
        data_type: || int(64, false),
        bytes: 8,
        make: |v| primitive::<UInt64Type>(move |p| v.pick(p, &[0, 1, i64::MAX as u64 + 1, u64::MAX], |b| b)),
    },
    Kind {
        name: "float32",
        native_type: "real",
        data_type: || DataType::Float(32),
        bytes: 4,
        make: |v| {
            const EDGES: &[f32] = &[
                0.0,
                -0.0,
                f32::MIN_POSITIVE,
                f32::MIN,
                f32::MAX,
                f32::NAN,
                f32::INFINITY,
                f32::NEG_INFINITY,
                16_777_216.0,
            ];
            primitive::<Float32Type>(move |p| v.pick(p, EDGES, |b| b as i32 as f32 / (1 << (b >> 59)) as f32))
        },
    },
    Kind {
        name: "float64",
        native_type: "double precision",
        data_type: || DataType::Float(64),
        bytes: 8,
        make: |v| {
            const EDGES: &[f64] = &[
                0.0,
                -0.0,
                f64::MIN_POSITIVE,
                f64::MIN,
                f64::MAX,
                f64::NAN,
                f64::INFINITY,
                f64::NEG_INFINITY,
                5e-324,
                0.1,
            ];
            primitive::<Float64Type>(move |p| {
                v.pick(p, EDGES, |b| (b as i64 >> 11) as f64 / (1_u64 << (b & 31)) as f64)
            })
        },
    },
    Kind {
        name: "decimal",
        native_type: "decimal(18,4)",
        data_type: || decimal(18, 4),
        bytes: 16,
        make: |v| {
            decimal_128(18, 4, move |p| {
                v.pick(p, &[-999_999_999_999_999_999, -1, 0, 1, 999_999_999_999_999_999], small_decimal)
            })
        },
    },
    Kind {
        name: "decimal38",
        native_type: "decimal(38,10)",
        data_type: || decimal(38, 10),
        bytes: 16,
        make: |v| {
            const MOST: i128 = 10_i128.pow(38) - 1;
            decimal_128(38, 10, move |p| {
                v.pick(p, &[-MOST, -1, 0, 1, MOST], |b| i128::from(b as i64) * i128::from(scramble(b) as i64 / 2))
            })
        },
    },
    Kind {
        name: "decimal65",
        native_type: "decimal(65,30)",
        data_type: || decimal(65, 30),
        bytes: 32,
        make: decimal_256,
    },
    Kind { name: "number", native_type: "numeric", data_type: || DataType::Number, bytes: 84, make: number },
    Kind {
        name: "text",
        native_type: "varchar(200)",
        data_type: || DataType::Text(Text { length: Some(TEXT_CHARACTERS), fixed: false }),
        bytes: TEXT_CHARACTERS as u64 * 4 + 4,
        make: prose,
    },
    Kind {
        name: "character",
        native_type: "char(8)",
        data_type: || DataType::Text(Text { length: Some(8), fixed: true }),
        bytes: 12,
        make: |v| {
            text(8, move |p, out| v.put(p, out, &["        ", "00000000", "~~~~~~~~"], |b, out| put_hex(out, b, 8)))
        },
    },
    Kind {
        name: "binary",
        native_type: "varbinary(64)",
        data_type: || DataType::Binary(Binary { length: Some(BINARY_BYTES), fixed: false }),
        bytes: BINARY_BYTES as u64 + 4,
        make: |v| {
            const EDGES: &[&[u8]] = &[b"", b"\0", b"\0\0\0\0", b"\xff\xfe\xfd", b"'\"\\\n\r\t\x1a"];
            bytes(32, move |p, out| {
                v.put(p, out, EDGES, |b, out| put_bytes(out, b, below(b, u64::from(BINARY_BYTES) + 1)))
            })
        },
    },
    Kind {
        name: "date",
        native_type: "date",
        data_type: || DataType::Date,
        bytes: 4,
        make: |v| {
            // Infinity, -infinity and the zero date are the contract's; see `data-type.date`.
            const EDGES: &[i32] = &[i32::MAX, i32::MIN, i32::MIN + 1, FIRST_DAY, LAST_DAY, 0, -1, 11_016];
            primitive::<Date32Type>(move |p| v.pick(p, EDGES, |b| USUAL_DAY + below(b, USUAL_DAYS) as i32))
        },
    },
    Kind {
        name: "time",
        native_type: "time(6)",
        data_type: || DataType::Time(6),
        bytes: 8,
        make: |v| {
            primitive::<Time64MicrosecondType>(move |p| v.pick(p, &[0, 1, DAY - 1, DAY], |b| (b % DAY as u64) as i64))
        },
    },
    Kind {
        name: "duration",
        native_type: "duration(6)",
        data_type: || DataType::Duration(6),
        bytes: 8,
        make: |v| {
            const EDGES: &[i64] = &[-LONGEST_SPAN, -1, 0, 1, LONGEST_SPAN];
            primitive::<DurationMicrosecondType>(move |p| {
                v.pick(p, EDGES, |b| (b % (2 * LONGEST_SPAN as u64 + 1)) as i64 - LONGEST_SPAN)
            })
        },
    },
    Kind {
        name: "timestamp",
        native_type: "timestamp(6)",
        data_type: || DataType::Timestamp(Timestamp { precision: 6, zoned: false }),
        bytes: 8,
        make: |v| primitive::<TimestampMicrosecondType>(move |p| moment(v, p)),
    },
    Kind {
        name: "instant",
        native_type: "timestamp(6) with time zone",
        data_type: || DataType::Timestamp(Timestamp { precision: 6, zoned: true }),
        bytes: 8,
        make: |v| {
            Box::new(move |positions| {
                let values: ScalarBuffer<i64> = positions.iter().map(|p| moment(v, *p)).collect::<Vec<_>>().into();
                Arc::new(PrimitiveArray::<TimestampMicrosecondType>::new(values, None).with_timezone("UTC"))
            })
        },
    },
    Kind {
        name: "interval",
        native_type: "interval",
        data_type: || DataType::Interval,
        bytes: 16,
        make: |v| {
            primitive::<IntervalMonthDayNanoType>(move |p| {
                v.pick(p, &[span(0, 0, 0), span(-1, 1, -1_000), span(12_000, 30, 0), span(0, 0, 1_000)], |b| {
                    span(
                        below(b, 2_401) as i32 - 1_200,
                        below(scramble(b), 61) as i32 - 30,
                        (b % DAY as u64) as i64 * 1_000,
                    )
                })
            })
        },
    },
    Kind { name: "uuid", native_type: "uuid", data_type: || DataType::Uuid, bytes: 16, make: uuid },
    Kind {
        name: "json",
        native_type: "json",
        data_type: || DataType::Json,
        bytes: 164,
        make: |v| {
            const EDGES: &[&str] =
                &["null", "{}", "[]", "\"\"", "-0.0", "{\"a\":{\"b\":[1,2.50,\"\\u00e9\",null,true]}}"];
            text(64, move |p, out| v.put(p, out, EDGES, put_json))
        },
    },
    Kind {
        name: "bits",
        native_type: "bit(16)",
        data_type: || DataType::Bits(Bits { length: Some(16), varying: false }),
        bytes: 20,
        make: |v| {
            text(16, move |p, out| {
                let bits = v.pick(p, &[0, u64::from(u16::MAX), 1 << 15, 1], |b| b);
                out.extend((0..16).rev().map(|i| b'0' + (bits >> i & 1) as u8));
            })
        },
    },
    Kind {
        name: "enumeration",
        native_type: "enum",
        data_type: enumeration,
        bytes: 16,
        make: |v| text(8, move |p, out| out.extend_from_slice(pick_of(MOODS, v.stream.at(p)).as_bytes())),
    },
    Kind {
        name: "set",
        native_type: "set",
        data_type: || DataType::Set(MOODS.iter().map(|m| (*m).to_owned()).collect()),
        bytes: 40,
        make: |v| {
            text(16, move |p, out| {
                let bits = v.stream.at(p);
                let members: Vec<&str> = (0..MOODS.len()).filter(|i| bits >> i & 1 == 1).map(|i| MOODS[i]).collect();
                out.extend_from_slice(members.join(",").as_bytes());
            })
        },
    },
    Kind {
        name: "geometry",
        native_type: "geometry",
        data_type: || DataType::Geometry(None),
        bytes: 25,
        make: |v| {
            bytes(21, move |p, out| {
                // WKB: little endian, a point, x and y.
                out.extend_from_slice(&[1, 1, 0, 0, 0]);
                for axis in [0, 1] {
                    let degrees = v.stream.at(p * 2 + axis) as i32 as f64 / f64::from(1 << 25);
                    out.extend_from_slice(&degrees.to_le_bytes());
                }
            })
        },
    },
];

const MOODS: &[&str] = &["calm", "glad", "proud", "sad", "très gai"];

fn pick_of<'a>(list: &[&'a str], bits: u64) -> &'a str {
    list[below(bits, list.len() as u64) as usize]
}

fn int(bits: u8, signed: bool) -> DataType {
    DataType::Integer(Integer { bits, signed })
}

fn decimal(precision: u16, scale: u16) -> DataType {
    DataType::Decimal(Decimal { precision, scale })
}

fn enumeration() -> DataType {
    DataType::Enumeration(Enumeration {
        schema: None,
        name: None,
        values: MOODS.iter().map(|m| (*m).to_owned()).collect(),
    })
}

fn span(months: i32, days: i32, nanoseconds: i64) -> IntervalMonthDayNano {
    IntervalMonthDayNano { months, days, nanoseconds }
}

fn boolean(v: Values) -> Make {
    Box::new(move |positions| {
        let values: Vec<bool> = positions.iter().map(|p| v.stream.at(*p) & 1 == 1).collect();
        Arc::new(BooleanArray::from(values))
    })
}

/// Anything of 18 digits, small numbers as often as large ones.
fn small_decimal(bits: u64) -> i128 {
    i128::from(bits as i64 >> (5 + (scramble(bits) & 31)))
}

fn decimal_128(precision: u8, scale: i8, value: impl Fn(u64) -> i128 + 'static) -> Make {
    let arrow = arrow_schema::DataType::Decimal128(precision, scale);
    Box::new(move |positions| {
        let values: ScalarBuffer<i128> = positions.iter().map(|p| value(*p)).collect::<Vec<_>>().into();
        Arc::new(Decimal128Array::new(values, None).with_data_type(arrow.clone()))
    })
}

fn decimal_256(v: Values) -> Make {
    let arrow = arrow_schema::DataType::Decimal256(65, 30);
    let most = i256::from_string(&"9".repeat(65)).unwrap_or(i256::ZERO);
    let edges = [most.wrapping_neg(), i256::MINUS_ONE, i256::ZERO, i256::ONE, most];
    Box::new(move |positions| {
        let value = |p: &u64| v.pick(*p, &edges, |b| i256::from_parts(scramble(b).into(), i128::from(b as i64 >> 1)));
        let values: ScalarBuffer<i256> = positions.iter().map(value).collect::<Vec<_>>().into();
        Arc::new(Decimal256Array::new(values, None).with_data_type(arrow.clone()))
    })
}

fn number(v: Values) -> Make {
    const EDGES: &[&str] = &[
        "NaN",
        "Infinity",
        "-Infinity",
        "0",
        "0.00",
        "-1.50",
        "1000000000000000000000000000000000000000",
        "0.0000000000000000000000000000000000000000000000000000000000000000000000001",
    ];
    text(24, move |p, out| {
        v.put(p, out, EDGES, |b, out| {
            let (whole, fraction) = (b >> 32, b & 0xffff);
            if b & 1 == 1 && whole > 0 {
                out.push(b'-');
            }
            put_number(out, whole, 1);
            out.push(b'.');
            put_number(out, fraction, 5);
        });
    })
}

/// Words of several scripts, to [`TEXT_CHARACTERS`] characters.
fn prose(v: Values) -> Make {
    const WORDS: &[&str] = &[
        "apple",
        "river",
        "stone",
        "cloud",
        "Größe",
        "naïve",
        "año",
        "çay",
        "Ελλάδα",
        "Москва",
        "東京",
        "서울",
        "नमस्ते",
        "שלום",
        "سلام",
        "🙂",
        "👩‍👩‍👧",
        "e\u{301}",
        "and",
        "the",
        "of",
        "to",
        "in",
        "it",
    ];
    const EDGES: &[&str] = &[
        "",
        " ",
        " both ends ",
        "\t\r\n",
        "'\"\\%_;--",
        "NULL",
        "\\N",
        "0",
        "\u{1f9ea}\u{10ffff}",
        "\u{feff}bom",
        "\u{200b}\u{202e}",
        "\x01\x1a\x7f",
    ];
    text(48, move |p, out| {
        v.put(p, out, EDGES, |b, out| {
            let mut bits = b;
            // The longest word has eight characters, with its blank: far within the limit.
            for i in 0..1 + below(b, 20) {
                if i > 0 {
                    out.push(b' ');
                }
                bits = scramble(bits);
                out.extend_from_slice(pick_of(WORDS, bits).as_bytes());
            }
        });
    })
}

fn put_hex(out: &mut Vec<u8>, bits: u64, digits: u32) {
    out.extend((0..digits).map(|i| b"0123456789abcdef"[(bits >> (i * 4) & 15) as usize]));
}

fn put_bytes(out: &mut Vec<u8>, bits: u64, length: u64) {
    let end = out.len() + length as usize;
    let mut bits = bits;
    while out.len() < end {
        bits = scramble(bits);
        let rest = (end - out.len()).min(8);
        out.extend_from_slice(&bits.to_le_bytes()[..rest]);
    }
}

fn put_json(bits: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"id\": ");
    put_number(out, bits >> 40, 1);
    out.extend_from_slice(b", \"name\": \"");
    out.extend_from_slice(pick_of(MOODS, bits).as_bytes());
    out.extend_from_slice(b"\", \"tags\": [\"");
    put_hex(out, bits, 6);
    out.extend_from_slice(if bits & 1 == 1 { b"\", true], \"none\": null}" } else { b"\", 0.50], \"none\": null}" });
}

fn uuid(v: Values) -> Make {
    Box::new(move |positions| {
        let mut values = Vec::with_capacity(positions.len() * 16);
        for position in positions {
            let high = v.stream.at(*position);
            // Version 4, variant 1.
            let bits = (u128::from(high) << 64 | u128::from(scramble(high))) & !(0xf << 76) & !(0b11 << 62);
            values.extend_from_slice(&(bits | 4 << 76 | 0b10 << 62).to_be_bytes());
        }
        let array: ArrayRef = Arc::new(FixedSizeBinaryArray::new(16, values.into(), None));
        debug_assert_eq!(array.len(), positions.len());
        array
    })
}

/// Microseconds since 1970, of the years 1900 to 2100.
fn moment(v: Values, position: u64) -> i64 {
    const DAYS: i64 = USUAL_DAY as i64;
    // As for dates: infinity, -infinity, the zero date.
    const EDGES: &[i64] = &[
        i64::MAX,
        i64::MIN,
        i64::MIN + 1,
        FIRST_DAY as i64 * DAY,
        LAST_DAY as i64 * DAY + DAY - 1,
        0,
        -1,
        1_711_846_800_000_000,
    ];
    v.pick(position, EDGES, |b| DAYS * DAY + (b % (USUAL_DAYS * DAY as u64)) as i64)
}
