//! Tables of another system: each type in and out again, what is refused, and what is rendered.

use std::sync::Arc;

use arrow_array::builder::FixedSizeBinaryBuilder;
use arrow_array::{ArrayRef, PrimitiveArray, RecordBatch};
use arrow_schema::{Field, Schema};
use sensei_sdk::catalog::{
    Action, Bits, Column, DataType, Decimal, Enumeration, ForeignKey, Generation, Identity, Index, IndexPart, Integer,
    Key, Table, TableName, Text, Timestamp,
};
use sensei_sdk::{
    Fidelity, Job, Kind, OnExisting, ReadRequest, Reader, Source, Stage, Target, Writer, arrow_field, plain_column,
    rows,
};

use super::{MIGRATION, Place, write_request};

fn column(name: &str, data_type: DataType) -> Column {
    plain_column(name, "theirs", data_type)
}

fn table(name: &str, columns: Vec<Column>) -> Table {
    Table {
        name: TableName { schema: "main".into(), name: name.into() },
        columns,
        primary_key: None,
        unique_keys: vec![],
        foreign_keys: vec![],
        checks: vec![],
        indexes: vec![],
        partitioning: None,
        comment: None,
        rows: 0,
        bytes: 0,
    }
}

/// One column of each type, with its extremes and NULL.
fn every_type() -> Vec<(DataType, ArrayRef)> {
    fn values<T: arrow_array::ArrowPrimitiveType>(data_type: &DataType, values: Vec<T::Native>) -> ArrayRef {
        let all = values.into_iter().map(Some).chain([None]);
        Arc::new(PrimitiveArray::<T>::from_iter(all).with_data_type(sensei_sdk::arrow_type(data_type)))
    }
    fn texts(values: &[&str]) -> ArrayRef {
        Arc::new(arrow_array::StringArray::from_iter(values.iter().map(Some).chain([None])))
    }
    fn bytes(values: &[&[u8]]) -> ArrayRef {
        Arc::new(arrow_array::BinaryArray::from_iter(values.iter().map(Some).chain([None])))
    }
    use arrow_array::types::{
        Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type,
        Int16Type, Int32Type, Int64Type, IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType,
        UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    };
    let int = |bits, signed| DataType::Integer(Integer { bits, signed });
    let time = |zoned| DataType::Timestamp(Timestamp { precision: 6, zoned });
    let (i8s, i16s, i32s, u8s, u16s, u32s, u64s) =
        (int(8, true), int(16, true), int(32, true), int(8, false), int(16, false), int(32, false), int(64, false));
    let decimal = DataType::Decimal(Decimal { precision: 38, scale: 4 });
    let wide = DataType::Decimal(Decimal { precision: 76, scale: 10 });
    let mut uuids = FixedSizeBinaryBuilder::new(16);
    uuids.append_value([0xab; 16]).unwrap();
    uuids.append_value([0; 16]).unwrap();
    uuids.append_null();
    let stamps = vec![i64::MIN, i64::MIN + 1, i64::MAX, 0, -1, 1_709_210_096_123_456];
    let spans = vec![-3_020_399_000_000, 0, 1, 3_020_399_999_999];
    vec![
        (DataType::Boolean, Arc::new(arrow_array::BooleanArray::from(vec![Some(true), Some(false), None])) as ArrayRef),
        (i8s.clone(), values::<Int8Type>(&i8s, vec![i8::MIN, i8::MAX])),
        (i16s.clone(), values::<Int16Type>(&i16s, vec![i16::MIN, i16::MAX])),
        (i32s.clone(), values::<Int32Type>(&i32s, vec![i32::MIN, i32::MAX])),
        (int(64, true), values::<Int64Type>(&int(64, true), vec![i64::MIN, i64::MAX, 0])),
        (u8s.clone(), values::<UInt8Type>(&u8s, vec![0, u8::MAX])),
        (u16s.clone(), values::<UInt16Type>(&u16s, vec![0, u16::MAX])),
        (u32s.clone(), values::<UInt32Type>(&u32s, vec![0, u32::MAX])),
        (u64s.clone(), values::<UInt64Type>(&u64s, vec![0, u64::MAX])),
        (
            DataType::Float(32),
            values::<Float32Type>(&DataType::Float(32), vec![f32::MIN, 0.1, f32::MIN_POSITIVE, f32::INFINITY, 3.0]),
        ),
        (
            DataType::Float(64),
            values::<Float64Type>(&DataType::Float(64), vec![f64::MIN, 0.1, 5e-324, f64::NEG_INFINITY, 3.0]),
        ),
        (
            decimal.clone(),
            values::<Decimal128Type>(&decimal, vec![-(10i128.pow(38) - 1), 10i128.pow(38) - 1, 15000, 1, 0]),
        ),
        (
            wide.clone(),
            values::<Decimal256Type>(
                &wide,
                vec![arrow_buffer::i256::from_parts(u128::MAX, 99), arrow_buffer::i256::from(-1i8)],
            ),
        ),
        (DataType::Number, texts(&["NaN", "-Infinity", "1.50", "0001", &"9".repeat(200)])),
        (DataType::Text(Text { length: None, fixed: false }), texts(&["", "a\0b", "it's", "1.0", "😀"])),
        (DataType::Text(Text { length: Some(3), fixed: false }), texts(&["", "😀😀😀"])),
        (
            DataType::Binary(sensei_sdk::catalog::Binary { length: None, fixed: false }),
            bytes(&[b"", b"\0\xff", b"text"]),
        ),
        (
            DataType::Date,
            values::<Date32Type>(&DataType::Date, vec![i32::MIN, i32::MIN + 1, i32::MAX, 0, -800_000, 3_000_000]),
        ),
        (DataType::Time(6), values::<Time64MicrosecondType>(&DataType::Time(6), vec![0, 86_400_000_000, 1])),
        (DataType::Duration(6), values::<DurationMicrosecondType>(&DataType::Duration(6), spans)),
        (time(false), values::<TimestampMicrosecondType>(&time(false), stamps.clone())),
        (time(true), values::<TimestampMicrosecondType>(&time(true), stamps)),
        (
            DataType::Interval,
            values::<IntervalMonthDayNanoType>(
                &DataType::Interval,
                vec![arrow_buffer::IntervalMonthDayNano::new(-14, 3, -1)],
            ),
        ),
        (DataType::Uuid, Arc::new(uuids.finish())),
        (DataType::Json, texts(&["5", "{\"a\": 1.50}", "null"])),
        (DataType::Bits(Bits { length: Some(4), varying: false }), texts(&["0101", "0000"])),
        (
            DataType::Enumeration(Enumeration { schema: None, name: None, values: vec!["it's".into(), "b,".into()] }),
            texts(&["it's", "b,"]),
        ),
        (DataType::Geometry(None), bytes(&[b"\x01\x01\0\0\0"])),
    ]
}

#[test]
fn every_type_of_another_system_comes_back_equal() {
    let place = Place::new();
    for (number, (data_type, array)) in every_type().into_iter().enumerate() {
        let file = format!("{number}.db");
        let mut target = place.target(&file);
        let theirs = table("t", vec![column("c", data_type.clone())]);
        let proposal = target.propose(vec![theirs.clone()], "other").unwrap().remove(0);
        let job = Job {
            migration: MIGRATION.into(),
            tables: vec![proposal.table.clone()],
            named_types: vec![],
            dialect: "other".into(),
            on_existing: OnExisting::Fail,
            additions: vec![],
            views: vec![],
            new_schemas: vec![],
        };
        let schema = Schema::new(vec![arrow_field(&theirs.columns[0])]);
        assert_eq!(
            rows::decode_schema(&proposal.row_schema).unwrap().field(0).data_type(),
            schema.field(0).data_type()
        );
        let batch = RecordBatch::try_new(Arc::new(schema), vec![array.clone()]).unwrap();
        target.claim(MIGRATION).unwrap();
        let statements = target.render(job).unwrap();
        let stage = |stage| statements.iter().filter(|s| s.stage == stage).cloned().collect::<Vec<_>>();
        target.execute(MIGRATION, stage(Stage::Prepare)).unwrap();
        let mut writer = target.write(write_request(&proposal.table, 0, &proposal.row_schema)).unwrap();
        writer.write(rows::encode_batch(&batch).unwrap()).unwrap();
        assert_eq!(writer.commit(None).unwrap(), array.len() as u64);
        drop(writer);
        target.execute(MIGRATION, stage(Stage::Cutover)).unwrap();
        target.execute(MIGRATION, stage(Stage::Discard)).unwrap();

        let mut source = place.source(&file);
        let found = source.catalog(vec![]).unwrap().tables.remove(0);
        if proposal.columns[0].fidelity == Fidelity::Lossless {
            assert_eq!(found.columns[0].data_type, data_type);
        }
        let request = ReadRequest {
            table: found.name,
            columns: vec!["c".into()],
            range: sensei_sdk::Range::Whole,
            batch_rows: 100,
            batch_bytes: 1 << 20,
            limit: None,
        };
        let mut reader = source.read(request).unwrap();
        let decoder = rows::Decoder::new(&reader.schema().unwrap()).unwrap();
        let back = decoder.decode(reader.next().unwrap().unwrap()).unwrap();
        assert_eq!(back.column(0), &array, "{data_type:?}");
        assert!(reader.next().unwrap().is_none());
    }
}

#[test]
fn what_sqlite_cannot_hold_is_refused() {
    let place = Place::new();
    let int = DataType::Integer(Integer { bits: 64, signed: false });
    let cases: Vec<(Column, ArrayRef)> = vec![
        (column("c", DataType::Float(64)), Arc::new(arrow_array::Float64Array::from(vec![f64::NAN]))),
        (
            Column {
                identity: Some(Identity { generation: Generation::ByDefault, next: None, increment: 1 }),
                ..column("c", int)
            },
            Arc::new(arrow_array::UInt64Array::from(vec![u64::MAX])),
        ),
    ];
    for (number, (column, array)) in cases.into_iter().enumerate() {
        let mut target = place.target(&format!("{number}.db"));
        let mut theirs = table("t", vec![column]);
        theirs.primary_key = Some(Key { name: None, columns: vec!["c".into()] });
        let proposal = target.propose(vec![theirs.clone()], "other").unwrap().remove(0);
        let job = Job {
            migration: MIGRATION.into(),
            tables: vec![proposal.table.clone()],
            named_types: vec![],
            dialect: "other".into(),
            on_existing: OnExisting::Fail,
            additions: vec![],
            views: vec![],
            new_schemas: vec![],
        };
        target.claim(MIGRATION).unwrap();
        let prepare: Vec<_> = target.render(job).unwrap().into_iter().filter(|s| s.stage == Stage::Prepare).collect();
        target.execute(MIGRATION, prepare).unwrap();
        let field: Field = arrow_field(&theirs.columns[0]);
        let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap();
        let mut writer = target.write(write_request(&proposal.table, 0, &proposal.row_schema)).unwrap();
        let error = writer.write(rows::encode_batch(&batch).unwrap()).unwrap_err();
        assert_eq!(
            (error.kind, error.table.as_deref(), error.column.as_deref()),
            (Kind::InvalidData, Some("t"), Some("c"))
        );
        drop(writer);
        assert_eq!(target.count(MIGRATION, theirs.name, true).unwrap(), 0);
    }
}

#[test]
fn statements_of_a_job_are_a_golden_text() {
    let place = Place::new();
    let mut target = place.target("a.db");
    let numbered = |name: &str, bits, signed| Column {
        identity: Some(Identity { generation: Generation::Always, next: Some(42), increment: 1 }),
        nullable: false,
        ..column(name, DataType::Integer(Integer { bits, signed }))
    };
    let mut parent = table(
        "parent",
        vec![numbered("id", 64, false), column("amount", DataType::Decimal(Decimal { precision: 10, scale: 2 }))],
    );
    parent.primary_key = Some(Key { name: Some("parent_pkey".into()), columns: vec!["id".into()] });
    parent.columns[1].default = Some(sensei_sdk::catalog::DefaultValue::Literal("1.50".into()));
    let mut child = table(
        "child",
        vec![
            numbered("id", 32, true),
            column("parent_id", DataType::Integer(Integer { bits: 64, signed: false })),
            column(
                "kind",
                DataType::Enumeration(Enumeration { schema: None, name: None, values: vec!["a".into(), "b".into()] }),
            ),
        ],
    );
    child.primary_key = Some(Key { name: None, columns: vec!["id".into()] });
    child.foreign_keys = vec![ForeignKey {
        name: Some("child_parent".into()),
        columns: vec!["parent_id".into()],
        referenced_schema: "shop".into(),
        referenced_table: "parent".into(),
        referenced_columns: vec!["id".into()],
        on_update: Action::NoAction,
        on_delete: Action::Cascade,
        deferrable: true,
        initially_deferred: false,
    }];
    let part = IndexPart {
        column: Some("kind".into()),
        expression: None,
        prefix_length: Some(3),
        descending: true,
        nulls_first: None,
        operator_class: None,
    };
    let index = |name: &str, method: &str| Index {
        name: name.into(),
        unique: false,
        method: method.into(),
        parts: vec![part.clone()],
        predicate: None,
        included: vec![],
        comment: None,
    };
    child.indexes = vec![index("parent", "btree"), index("words", "fulltext")];
    let proposals = target.propose(vec![parent, child], "other").unwrap();
    let notes: Vec<_> =
        proposals.iter().flat_map(|p| p.notes.iter().map(|n| format!("-- {}: {}", n.about, n.note))).collect();
    let job = Job {
        migration: MIGRATION.into(),
        tables: proposals.into_iter().map(|p| p.table).collect(),
        named_types: vec![],
        dialect: "other".into(),
        on_existing: OnExisting::Replace,
        additions: vec![],
        views: vec![],
        new_schemas: vec![],
    };
    let statements = target.render(job).unwrap();
    let shown: Vec<_> = statements
        .iter()
        .map(|s| {
            format!(
                "-- {:?} {} ({})\n{};\n-- undo: {}",
                s.stage,
                s.id,
                s.label,
                s.sql,
                s.undo.as_deref().unwrap_or("nothing")
            )
        })
        .collect();
    insta::assert_snapshot!(format!("{}\n{}", notes.join("\n"), shown.join("\n")));
}
