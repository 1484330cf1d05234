//! Expressions on real batches: what they give, and what they refuse.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray, Float64Array,
    Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{
    DataType, Decimal128Type, Decimal256Type, Field, Float64Type, Int32Type, Int64Type, Schema, SchemaRef, TimeUnit,
    TimestampMicrosecondType,
};

use super::{Conversion, Expression, Projection, conversion, failure, quote, sql_type};
use crate::error::{Code, Error};

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn text(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn evaluate(sql: &str, batch: &RecordBatch) -> Result<ArrayRef, Error> {
    Expression::parse(sql, &batch.schema())?.evaluate(batch)
}

/// Through a projection of one column of type `to`.
fn project(sql: &str, batch: &RecordBatch, to: DataType) -> Result<ArrayRef, Error> {
    let target: SchemaRef = Arc::new(Schema::new(vec![Field::new("filled", to, true)]));
    let projected = Projection::compile(&batch.schema(), &target, &[sql.to_owned()])?.project(batch)?;
    Ok(Arc::clone(projected.column(0)))
}

fn shown(array: &ArrayRef) -> Vec<String> {
    (0..array.len()).map(|row| failure::value(array, row)).collect()
}

fn employees() -> RecordBatch {
    batch(vec![
        ("EMP_ID", text(&[Some("1"), Some("-20"), None])),
        ("PHONE", text(&[Some("  555 "), Some("   "), None])),
        (
            "Salary",
            Arc::new(
                Decimal128Array::from(vec![Some(123_450), Some(-1), None]).with_precision_and_scale(12, 2).unwrap(),
            ),
        ),
        ("years", Arc::new(Int32Array::from(vec![Some(3), Some(i32::MAX), None]))),
        ("order", text(&[Some("a"), Some("b"), Some("c")])),
    ])
}

#[test]
fn what_the_contract_promises() {
    const GOLDEN: [(&str, [&str; 3]); 20] = [
        ("CAST(EMP_ID AS BIGINT)", ["'1'", "'-20'", "NULL"]),
        ("COALESCE(NULLIF(TRIM(PHONE), ''), 'n/a')", ["'555'", "'n/a'", "'n/a'"]),
        ("CASE WHEN LENGTH(TRIM(PHONE)) > 2 THEN 'long' ELSE 'short' END", ["'long'", "'short'", "'short'"]),
        ("UPPER(phone)", ["'  555 '", "'   '", "NULL"]),
        ("\"order\"", ["'a'", "'b'", "'c'"]),
        ("\"order\" || '-' || emp_id", ["'a-1'", "'b--20'", "NULL"]),
        ("salary * 2", ["'2469.00'", "'-0.02'", "NULL"]),
        ("salary + 0.005", ["'1234.505'", "'-0.005'", "NULL"]),
        ("CAST(salary AS DECIMAL(20,4))", ["'1234.5000'", "'-0.0100'", "NULL"]),
        ("emp_id::INT + 1", ["'2'", "'-19'", "NULL"]),
        ("SUBSTRING(PHONE FROM 3 FOR 2)", ["'55'", "' '", "NULL"]),
        ("POSITION('5' IN PHONE)", ["'3'", "'0'", "NULL"]),
        ("regexp_replace(phone, '\\s+', '', 'g')", ["'555'", "''", "NULL"]),
        ("encode(CAST(\"order\" AS BYTEA), 'hex')", ["'61'", "'62'", "'63'"]),
        ("date_part('year', to_date('2024-05-06'))", ["'2024'", "'2024'", "'2024'"]),
        ("phone IS NULL", ["'false'", "'false'", "'true'"]),
        ("years BETWEEN 1 AND 10", ["'true'", "'false'", "NULL"]),
        ("CASE years WHEN 3 THEN 'three' END", ["'three'", "NULL", "NULL"]),
        ("greatest(years, 5)", ["'5'", "'2147483647'", "'5'"]),
        ("NULL", ["NULL", "NULL", "NULL"]),
    ];
    for (sql, wanted) in GOLDEN {
        let found = evaluate(sql, &employees()).unwrap_or_else(|e| panic!("{sql}: {e}"));
        assert_eq!(shown(&found), wanted, "of {sql}");
    }
}

#[test]
fn what_does_not_fit_is_said_where_it_stands() {
    let messages: Vec<String> = [
        "CAST(EMP_ID AS",
        "PHONE PHONE",
        "UPPER(PHON)",
        "1 + xyz",
        "employees.PHONE",
        "nosuch(PHONE)",
        "uper(PHONE)",
        "length(years, years)",
        "PHONE / TRUE",
        "SUM(years)",
        "(SELECT 1 FROM t)",
        "CAST(PHONE AS NOSUCHTYPE)",
        "CAST('x' AS INT)",
        "'open",
        "CASE WHEN years > 1 THEN\n  upper(years + DATE '2024-01-01')\nEND",
        "",
    ]
    .into_iter()
    .map(|sql| {
        let e = Expression::parse(sql, &employees().schema()).expect_err(sql);
        assert_eq!(e.code, Code::InvalidExpression, "{sql}");
        format!("{sql}\n    {:?} {}", e.position, e.message)
    })
    .collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn a_name_that_differs_in_case_alone_must_be_written_exactly() {
    let b = batch(vec![("Id", text(&[Some("a")])), ("ID", text(&[Some("b")]))]);
    assert_eq!(shown(&evaluate("ID", &b).unwrap()), ["'b'"]);
    assert_eq!(shown(&evaluate("Id", &b).unwrap()), ["'a'"]);
    let e = evaluate("id", &b).unwrap_err();
    assert!(e.message.contains("`Id` or `ID`"), "{e}");
}

#[test]
fn the_row_to_blame_is_found() {
    let mut values: Vec<Option<String>> = (0..10_000).map(|n| Some(n.to_string())).collect();
    values[7_654] = Some("12x".to_owned());
    values[9_000] = Some("later".to_owned());
    let b = batch(vec![("PHONE", Arc::new(StringArray::from(values)))]);
    let e = project("CAST(PHONE AS BIGINT)", &b, DataType::Int64).unwrap_err();
    assert_eq!(
        (e.code, e.column.as_deref(), e.row.as_deref()),
        (Code::InvalidData, Some("filled"), Some("7655 of its batch"))
    );
    insta::assert_snapshot!(e.message);
}

/// What fails on a row is that row's error, and no NULL that COALESCE could pick up; what is not evaluated cannot fail.
#[test]
fn a_row_that_fails_is_an_error_and_never_null() {
    let b = batch(vec![
        ("EMP_ID", text(&[Some("1"), Some("2b"), None])),
        ("PHONE", text(&[Some(" 555 "), Some("  "), None])),
        ("DIVISOR", Arc::new(Int32Array::from(vec![1, 0, 2]))),
    ]);
    for sql in [
        "CAST(EMP_ID AS BIGINT)",
        "COALESCE(CAST(EMP_ID AS BIGINT), 0)",
        "NULLIF(CAST(EMP_ID AS BIGINT), 1)",
        "CASE WHEN PHONE IS NOT NULL THEN CAST(EMP_ID AS INT) ELSE 0 END",
        "CASE WHEN CAST(EMP_ID AS INT) = 1 THEN 'one' ELSE 'other' END",
        "CASE CAST(EMP_ID AS INT) WHEN 1 THEN 'one' END",
        "CAST(EMP_ID AS DECIMAL(10,2))",
        "CAST(EMP_ID AS DOUBLE)",
        "CAST(EMP_ID AS DATE)",
        "CAST(EMP_ID AS TIMESTAMP)",
        "CAST(EMP_ID AS BOOLEAN)",
        "EMP_ID::INT IS NULL",
        "10 / DIVISOR",
        "10 % DIVISOR",
        "to_date(EMP_ID, '%d')",
        "decode(EMP_ID || 'zz', 'hex')",
    ] {
        let e = evaluate(sql, &b.slice(1, 2)).map(|a| shown(&a)).expect_err(sql);
        assert_eq!((e.code, e.row.as_deref()), (Code::InvalidData, Some("1 of its batch")), "{sql}: {e}");
    }
    for (sql, wanted) in [
        ("COALESCE(NULLIF(TRIM(PHONE), ''), 'n/a')", ["'555'", "'n/a'", "'n/a'"]),
        ("CASE WHEN EMP_ID = '1' THEN CAST(EMP_ID AS INT) ELSE -1 END", ["'1'", "'-1'", "'-1'"]),
        ("CASE WHEN DIVISOR = 0 THEN NULL ELSE 10 / DIVISOR END", ["'10'", "NULL", "'5'"]),
        // Who writes TRY_CAST asks for the NULL.
        ("TRY_CAST(EMP_ID AS BIGINT)", ["'1'", "NULL", "NULL"]),
    ] {
        let found = evaluate(sql, &b).unwrap_or_else(|e| panic!("{sql}: {e}"));
        assert_eq!(shown(&found), wanted, "of {sql}");
    }
}

#[test]
fn integers_do_not_wrap_around() {
    let b = batch(vec![
        ("i", Arc::new(Int32Array::from(vec![1, i32::MAX]))),
        ("l", Arc::new(Int64Array::from(vec![1, i64::MAX]))),
        ("u", Arc::new(UInt64Array::from(vec![1, u64::MAX]))),
    ]);
    for sql in
        ["l + 1", "l * 2", "-l - 2", "u + u", "i + i", "CAST(l AS INT)", "CAST(u AS BIGINT)", "CAST(i AS SMALLINT)"]
    {
        let found = evaluate(sql, &b);
        // What DataFusion computes in a wider type does not overflow; it must then be the right number.
        match (sql, found) {
            (_, Err(e)) => assert_eq!((e.code, e.row.as_deref()), (Code::InvalidData, Some("2 of its batch")), "{sql}"),
            ("i + i", Ok(sum)) => assert_eq!(shown(&sum)[1], "'4294967294'"),
            (_, Ok(wrapped)) => panic!("{sql} gives {:?}", shown(&wrapped)),
        }
    }
}

#[test]
fn decimals_do_not_pass_through_floats() {
    let price =
        Decimal128Array::from(vec![12_345_678_901_234_567_890_123_i128]).with_precision_and_scale(30, 5).unwrap();
    let b = batch(vec![("price", Arc::new(price))]);
    for (sql, wanted) in [
        ("price * 1.1", "'135802467913580246.791353'"),
        ("price + 0.00001", "'123456789012345678.90124'"),
        ("price - 1", "'123456789012345677.90123'"),
        ("CAST(CAST(price AS VARCHAR) AS DECIMAL(30,5))", "'123456789012345678.90123'"),
    ] {
        let found = evaluate(sql, &b).unwrap_or_else(|e| panic!("{sql}: {e}"));
        let found = shown(&found).remove(0);
        let canonical = |t: &str| t.trim_matches('\'').trim_end_matches('0').to_owned();
        assert_eq!(canonical(&found), canonical(wanted), "of {sql}");
    }
}

#[test]
fn decimals_do_not_overflow_silently() {
    let most = 10_i128.pow(38) - 1;
    let b = batch(vec![("d", Arc::new(Decimal128Array::from(vec![1, most]).with_precision_and_scale(38, 0).unwrap()))]);
    for sql in [
        "d + d",
        "d * d",
        "d + 1",
        "CAST(d + 1 AS VARCHAR)",
        "abs(d) + abs(d)",
        "CAST(d AS DECIMAL(10,2))",
        "CAST(d AS DECIMAL(38,2))",
    ] {
        let e = project(sql, &b, DataType::Decimal128(38, 0)).map(|a| shown(&a)).expect_err(sql);
        assert_eq!(e.code, Code::InvalidData, "{sql}: {e}");
    }
}

#[test]
fn unsigned_into_decimal_is_exact() {
    let b = batch(vec![("n", Arc::new(UInt64Array::from(vec![Some(0), Some(u64::MAX), None])))]);
    let to = DataType::Decimal128(20, 0);
    assert_eq!(conversion(&DataType::UInt64, &to), Conversion::Exact);
    for sql in ["CAST(n AS DECIMAL(20,0))", "n"] {
        let found = project(sql, &b, to.clone()).unwrap();
        let found = found.as_primitive::<Decimal128Type>();
        assert_eq!((found.value(0), found.value(1), found.is_null(2)), (0, i128::from(u64::MAX), true), "{sql}");
    }
}

/// A step nobody wrote down: the values that arrive, or the row that is refused.
#[test]
fn steps_into_the_targets_type_are_exact_or_refused() {
    let int = |v: &[i64]| -> ArrayRef { Arc::new(Int64Array::from(v.to_vec())) };
    let float = |v: &[f64]| -> ArrayRef { Arc::new(Float64Array::from(v.to_vec())) };
    let strings = |v: &[&'static str]| -> ArrayRef { Arc::new(StringArray::from(v.to_vec())) };
    let dec = |v: &[i128], p, s| -> ArrayRef {
        Arc::new(Decimal128Array::from(v.to_vec()).with_precision_and_scale(p, s).unwrap())
    };
    use DataType as T;
    type Case = (ArrayRef, DataType, Result<Vec<&'static str>, &'static str>);
    let cases: Vec<Case> = vec![
        (int(&[1, -1]), T::Int16, Ok(vec!["'1'", "'-1'"])),
        (int(&[1, 40_000]), T::Int16, Err("2")),
        (int(&[-1]), T::UInt32, Err("1")),
        (int(&[1 << 53]), T::Float64, Ok(vec!["'9007199254740992.0'"])),
        (int(&[0, (1 << 53) + 1]), T::Float64, Err("2")),
        (int(&[0, 1]), T::Boolean, Ok(vec!["'false'", "'true'"])),
        (int(&[0, 2]), T::Boolean, Err("2")),
        (int(&[123]), T::Decimal128(5, 2), Ok(vec!["'123.00'"])),
        (int(&[1234]), T::Decimal128(5, 2), Err("1")),
        (float(&[0.1, 1e300]), T::Float32, Err("1")),
        (float(&[0.5, f64::NAN]), T::Float32, Ok(vec!["'0.5'", "'NaN'"])),
        (float(&[2.0]), T::Int32, Ok(vec!["'2'"])),
        (float(&[2.0, 2.5]), T::Int32, Err("2")),
        (float(&[f64::NAN]), T::Int32, Err("1")),
        (float(&[0.25]), T::Decimal128(5, 2), Ok(vec!["'0.25'"])),
        (float(&[0.255]), T::Decimal128(5, 2), Err("1")),
        (dec(&[150, 200], 10, 2), T::Decimal128(9, 1), Ok(vec!["'1.5'", "'2.0'"])),
        (dec(&[1_50, 1_55], 10, 2), T::Decimal128(9, 1), Err("2")),
        (dec(&[150], 10, 2), T::Decimal256(60, 30), Ok(vec!["'1.500000000000000000000000000000'"])),
        (dec(&[200, 250], 10, 2), T::Int32, Err("2")),
        (dec(&[250], 10, 2), T::Utf8, Ok(vec!["'2.50'"])),
        (strings(&["1", "-5"]), T::Int32, Ok(vec!["'1'", "'-5'"])),
        (strings(&["1", "x"]), T::Int32, Err("2")),
        (strings(&["1", ""]), T::Int32, Err("2")),
        (strings(&["1.50", "-0.1", "12"]), T::Decimal128(10, 2), Ok(vec!["'1.50'", "'-0.10'", "'12.00'"])),
        (strings(&["1.50", "1.505"]), T::Decimal128(10, 2), Err("2")),
        (strings(&["1.5", "NaN"]), T::Decimal128(10, 2), Err("2")),
        (strings(&["1.5", ""]), T::Decimal128(10, 2), Err("2")),
        (strings(&["1.5", "-"]), T::Decimal128(10, 2), Err("2")),
        (strings(&["123456789.5"]), T::Decimal128(10, 2), Err("1")),
        (strings(&["0.1", "1e3", "100"]), T::Float64, Ok(vec!["'0.1'", "'1000.0'", "'100.0'"])),
        (strings(&["0.1", "0.10000000000000000001"]), T::Float64, Err("2")),
        (strings(&["caf\u{e9}"]), T::Binary, Ok(vec!["'636166c3a9'"])),
    ];
    for (array, to, wanted) in cases {
        let b = batch(vec![("v", Arc::clone(&array))]);
        let found = project("v", &b, to.clone());
        let label = format!("{:?} as {to}", shown(&array));
        match (found, wanted) {
            (Ok(found), Ok(wanted)) => assert_eq!(shown(&found), wanted, "{label}"),
            (Err(e), Err(row)) => {
                assert_eq!(
                    (e.code, e.row.as_deref()),
                    (Code::InvalidData, Some(&*format!("{row} of its batch"))),
                    "{label}: {e}"
                );
            }
            (Ok(found), Err(_)) => panic!("{label} should be refused, gives {:?}", shown(&found)),
            (Err(e), Ok(_)) => panic!("{label}: {e}"),
        }
    }
}

#[test]
fn what_has_no_exact_step_is_refused_before_the_first_row() {
    let uuid = FixedSizeBinaryArray::try_from_iter([[1_u8; 16]].iter()).unwrap();
    let b = batch(vec![("id", Arc::new(uuid)), ("t", text(&[Some("2024-01-01")]))]);
    for (column, to) in [("id", DataType::Utf8), ("id", DataType::Int64), ("t", DataType::Date32)] {
        let e = project(column, &b, to).unwrap_err();
        assert_eq!((e.code, e.column.as_deref(), e.position), (Code::InvalidExpression, Some("filled"), Some(1)));
    }
    assert_eq!(shown(&project("CAST(t AS DATE)", &b, DataType::Date32).unwrap()), ["'2024-01-01'"]);
}

#[test]
fn a_text_becomes_a_uuid_if_it_is_one_as_everyone_writes_it() {
    let right = "01234567-89ab-cdef-0123-456789abcdef";
    let b = batch(vec![("t", text(&[Some(right), None]))]);
    let found = project("t", &b, DataType::FixedSizeBinary(16)).unwrap();
    let found = found.as_fixed_size_binary();
    assert_eq!(found.value(0), 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef_u128.to_be_bytes());
    assert!(found.is_null(1));
    let upper = batch(vec![("t", text(&[Some(right.to_uppercase().as_str())]))]);
    assert_eq!(
        project("t", &upper, DataType::FixedSizeBinary(16)).unwrap().as_fixed_size_binary().value(0),
        found.value(0)
    );
    for wrong in [format!("{{{right}}}"), String::new(), right.replace('-', ""), right.replace('0', "ü")] {
        let b = batch(vec![("t", text(&[Some(right), Some(wrong.as_str())]))]);
        let e = project("t", &b, DataType::FixedSizeBinary(16)).unwrap_err();
        assert_eq!((e.code, e.row.as_deref()), (Code::InvalidData, Some("2 of its batch")), "{wrong}: {e}");
    }
}

#[test]
fn infinities_and_zero_dates_keep_their_meaning() {
    let b = batch(vec![("d", Arc::new(Date32Array::from(vec![0, i32::MAX, i32::MIN, i32::MIN + 1])))]);
    let found = project("d", &b, DataType::Timestamp(TimeUnit::Microsecond, None)).unwrap();
    let found = found.as_primitive::<TimestampMicrosecondType>();
    assert_eq!(found.values().as_ref(), [0, i64::MAX, i64::MIN, i64::MIN + 1]);
    let far = batch(vec![("d", Arc::new(Date32Array::from(vec![0, i32::MAX - 1])))]);
    let e = project("d", &far, DataType::Timestamp(TimeUnit::Microsecond, None)).unwrap_err();
    assert_eq!(e.row.as_deref(), Some("2 of its batch"));

    let moments = TimestampMicrosecondArray::from(vec![i64::MAX, i64::MIN, i64::MIN + 1, 5]);
    let b = batch(vec![("m", Arc::new(moments.with_timezone("UTC")))]);
    let found = project("m", &b, DataType::Timestamp(TimeUnit::Microsecond, None)).unwrap();
    assert_eq!(
        found.as_primitive::<TimestampMicrosecondType>().values().as_ref(),
        [i64::MAX, i64::MIN, i64::MIN + 1, 5]
    );
}

#[test]
fn instants_are_utc() {
    let b = batch(vec![("t", text(&[Some("2024-05-06T07:08:09.123456")]))]);
    let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    for (sql, to) in [
        ("CAST(t AS TIMESTAMP(6))", DataType::Timestamp(TimeUnit::Microsecond, None)),
        ("CAST(t AS TIMESTAMP(6) WITH TIME ZONE)", zoned.clone()),
        ("to_timestamp(t)", zoned),
    ] {
        let found = project(sql, &b, to).unwrap_or_else(|e| panic!("{sql}: {e}"));
        assert_eq!(found.as_primitive::<TimestampMicrosecondType>().value(0), 1_714_979_289_123_456, "{sql}");
    }
}

#[test]
fn every_sql_type_name_means_its_arrow_type() {
    use DataType as T;
    let types = [
        T::Boolean,
        T::Int8,
        T::Int16,
        T::Int32,
        T::Int64,
        T::UInt8,
        T::UInt16,
        T::UInt32,
        T::UInt64,
        T::Float32,
        T::Float64,
        T::Utf8,
        T::Binary,
        T::Date32,
        T::Decimal128(20, 0),
        T::Decimal128(38, 10),
        T::Decimal256(39, 0),
        T::Decimal256(65, 30),
        T::Timestamp(TimeUnit::Microsecond, None),
        T::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    ];
    for t in types {
        let sql = format!("CAST(NULL AS {})", sql_type(&t).unwrap());
        let found = Expression::parse(&sql, &employees().schema()).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(*found.data_type(), t, "{sql}");
    }
}

#[test]
fn names_are_quoted_where_they_must_be() {
    for (name, wanted) in [
        ("EMP_ID", "EMP_ID"),
        ("customerId", "customerId"),
        ("order", "order"),
        ("Case", "Case"),
        ("current_date", "\"current_date\""),
        ("null", "\"null\""),
        ("two words", "\"two words\""),
        ("say\"hi", "\"say\"\"hi\""),
        ("2fa", "\"2fa\""),
        ("größe", "\"größe\""),
    ] {
        let quoted = quote(name);
        assert_eq!(quoted, wanted);
    }
    // Whatever the name: quoted, it is that column.
    for name in [
        "date",
        "time",
        "timestamp",
        "interval",
        "user",
        "value",
        "key",
        "left",
        "not",
        "end",
        "a.b",
        "array",
        "row",
        "map",
        "x",
    ] {
        let b = batch(vec![(name, text(&[Some("it")])), ("other", text(&[None]))]);
        let found = Expression::parse(&quote(name), &b.schema()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(found.column(), Some(0), "{name}");
    }
}

#[test]
fn a_projection_of_bare_columns_is_no_work() {
    let b = employees();
    let target = |fields: &[(&str, DataType)]| -> SchemaRef {
        Arc::new(Schema::new(fields.iter().map(|(n, t)| Field::new(*n, t.clone(), false)).collect::<Vec<_>>()))
    };
    let names: Vec<String> = b.schema().fields().iter().map(|f| quote(f.name())).collect();
    let types: Vec<(&str, DataType)> =
        b.schema_ref().fields().iter().map(|f| ("renamed", f.data_type().clone())).collect();
    assert!(Projection::compile(&b.schema(), &target(&types), &names).unwrap().is_identity());

    let projection = Projection::compile(&b.schema(), &target(&types[..4]), &names[..4]).unwrap();
    assert!(!projection.is_identity(), "a column less");
    let swapped =
        Projection::compile(&b.schema(), &target(&types[..2]), &[names[1].clone(), names[0].clone()]).unwrap();
    assert!(!swapped.is_identity());
    let other = [("EMP_ID", DataType::Binary)];
    assert!(!Projection::compile(&b.schema(), &target(&other), &names[..1]).unwrap().is_identity());

    let found = projection.columns()[2].evaluate(&b).unwrap();
    assert_eq!(found.to_data().buffers()[0].as_ptr(), b.column(2).to_data().buffers()[0].as_ptr(), "no copy");
}

#[test]
fn a_null_where_none_may_be_names_column_and_row() {
    let b = employees();
    let target = Arc::new(Schema::new(vec![Field::new("emp_id", DataType::Int64, false)]));
    let e = Projection::compile(&b.schema(), &target, &["CAST(EMP_ID AS BIGINT)".to_owned()])
        .unwrap()
        .project(&b)
        .unwrap_err();
    assert_eq!(
        (e.code, e.column.as_deref(), e.row.as_deref()),
        (Code::InvalidData, Some("emp_id"), Some("3 of its batch"))
    );
}

#[test]
fn constants_fill_every_row() {
    let found = project("'x'", &employees(), DataType::Utf8).unwrap();
    assert_eq!(shown(&found), ["'x'", "'x'", "'x'"]);
    let found = project("42", &employees(), DataType::Int32).unwrap();
    assert_eq!(found.as_primitive::<Int32Type>().values().as_ref(), [42, 42, 42]);
    let none = employees().slice(0, 0);
    assert_eq!(project("CAST(EMP_ID AS BIGINT)", &none, DataType::Int64).unwrap().len(), 0);
}

#[test]
fn exact_numbers_of_any_length_into_decimals() {
    let long = "123456789012345678901234567890123456789.123456789012345678901234567890";
    let b = batch(vec![("n", text(&[Some(long), None]))]);
    let found = project("n", &b, DataType::Decimal256(76, 30)).unwrap();
    assert_eq!(shown(&found), [format!("'{long}'"), "NULL".to_owned()]);
    assert!(found.as_primitive::<Decimal256Type>().is_null(1));
    let e = project("n", &b, DataType::Decimal256(76, 29)).unwrap();
    assert_eq!(shown(&e)[0], format!("'{}'", &long[..long.len() - 1]), "a trailing zero may go");
}

#[test]
fn floats_and_booleans_come_through() {
    let b =
        batch(vec![("f", Arc::new(Float64Array::from(vec![1.5]))), ("b", Arc::new(BooleanArray::from(vec![true])))]);
    assert_eq!(project("f * 2", &b, DataType::Float64).unwrap().as_primitive::<Float64Type>().value(0), 3.0);
    assert_eq!(project("b", &b, DataType::Int64).unwrap().as_primitive::<Int64Type>().value(0), 1);
}
