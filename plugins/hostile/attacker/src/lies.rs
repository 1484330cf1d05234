//! Schemas and batches that are not what they say. The truth would be four rows of `id` (Int64, not NULL) and `name`
//! (Utf8, may be NULL).

use std::sync::Arc;

use arrow_ipc::{
    BodyCompressionBuilder, Buffer, FieldNode, MessageBuilder, MessageHeader, MetadataVersion, RecordBatchBuilder,
};
use arrow_schema::{DataType, Field, Schema};
use flatbuffers::FlatBufferBuilder;
use sensei_sdk::rows::encode_schema;
use sensei_sdk::{Batch, Error, Kind, Result};

/// What a batch is before it is twisted.
struct Parts {
    rows: i64,
    nodes: Vec<FieldNode>,
    buffers: Vec<Buffer>,
    body: Vec<u8>,
    compressed: bool,
}

/// Where the buffers lie in the body, each on its own 64 bytes.
const IDS: usize = 0;
const OFFSETS: usize = 64;
const TEXT: usize = 128;
const BODY: usize = 192;

fn truth() -> Parts {
    let mut body = vec![0; BODY];
    for (i, id) in [1_i64, 2, 3, 4].iter().enumerate() {
        body[IDS + i * 8..][..8].copy_from_slice(&id.to_le_bytes());
    }
    put_offsets(&mut body, [0, 1, 3, 4, 6]);
    body[TEXT..][..6].copy_from_slice("aébcd".as_bytes());
    Parts {
        rows: 4,
        nodes: vec![FieldNode::new(4, 0), FieldNode::new(4, 0)],
        buffers: vec![
            Buffer::new(0, 0),
            Buffer::new(IDS as i64, 32),
            Buffer::new(0, 0),
            Buffer::new(OFFSETS as i64, 20),
            Buffer::new(TEXT as i64, 6),
        ],
        body,
        compressed: false,
    }
}

fn put_offsets(body: &mut [u8], offsets: [i32; 5]) {
    for (i, offset) in offsets.iter().enumerate() {
        body[OFFSETS + i * 4..][..4].copy_from_slice(&offset.to_le_bytes());
    }
}

fn message(parts: &Parts) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let nodes = builder.create_vector(&parts.nodes);
    let buffers = builder.create_vector(&parts.buffers);
    let compression = parts.compressed.then(|| BodyCompressionBuilder::new(&mut builder).finish());
    let mut batch = RecordBatchBuilder::new(&mut builder);
    batch.add_length(parts.rows);
    batch.add_nodes(nodes);
    batch.add_buffers(buffers);
    if let Some(compression) = compression {
        batch.add_compression(compression);
    }
    let batch = batch.finish().as_union_value();
    let mut message = MessageBuilder::new(&mut builder);
    message.add_version(MetadataVersion::V5);
    message.add_header_type(MessageHeader::RecordBatch);
    message.add_bodyLength(parts.body.len() as i64);
    message.add_header(batch);
    let message = message.finish();
    builder.finish(message, None);
    builder.finished_data().to_vec()
}

/// The schema that goes with a lie: the true one, unless the lie is about it.
pub(crate) fn schema(lie: &str) -> Result<Vec<u8>> {
    let column = |t: DataType| encode_schema(&Schema::new(vec![Field::new("id", t, false)]));
    let truth = || {
        encode_schema(&Schema::new(vec![
            Field::new("id", DataType::Int64, false),
            Field::new("name", DataType::Utf8, true),
        ]))
    };
    Ok(match lie {
        "schema-garbage" => b"this is no flatbuffer at all".to_vec(),
        "schema-empty" => Vec::new(),
        "schema-truncated" => truth()[..40].to_vec(),
        "schema-batch" => message(&self::truth()),
        "schema-nested" => column(DataType::List(Arc::new(Field::new("item", DataType::Int64, true)))),
        "schema-views" => column(DataType::Utf8View),
        "schema-wide" => {
            let fields: Vec<Field> = (0..20_000).map(|i| Field::new(format!("c{i}"), DataType::Int8, true)).collect();
            encode_schema(&Schema::new(fields))
        }
        _ => truth(),
    })
}

/// Twists a batch before it is encoded; false if this is no such lie.
fn twist(lie: &str, parts: &mut Parts) -> bool {
    match lie {
        "truth" => {}
        "rows-more" => parts.rows = 5,
        "rows-negative" => parts.rows = -1,
        "rows-huge" => {
            parts.rows = 1 << 40;
            parts.nodes = vec![FieldNode::new(1 << 40, 0); 2];
        }
        "rows-huge-32" => {
            // Times eight bytes it is a small number in 32 bits.
            parts.rows = (1 << 61) + 4;
            parts.nodes = vec![FieldNode::new((1 << 61) + 4, 0); 2];
        }
        "column-missing" => drop(parts.nodes.pop()),
        "column-extra" => parts.nodes.push(FieldNode::new(4, 0)),
        "column-shorter" => parts.nodes[1] = FieldNode::new(3, 0),
        "column-negative" => parts.nodes[1] = FieldNode::new(-4, 0),
        "buffer-missing" => drop(parts.buffers.pop()),
        "buffer-outside" => parts.buffers[1] = Buffer::new(BODY as i64, 32),
        "buffer-far" => parts.buffers[1] = Buffer::new(1 << 62, 32),
        "buffer-negative" => parts.buffers[1] = Buffer::new(-64, 32),
        "buffer-length-negative" => parts.buffers[1] = Buffer::new(0, -32),
        "buffer-overflow" => parts.buffers[1] = Buffer::new(64, i64::MAX),
        "buffer-short" => parts.buffers[1] = Buffer::new(0, 8),
        "offsets-short" => parts.buffers[3] = Buffer::new(OFFSETS as i64, 8),
        "offsets-descend" => put_offsets(&mut parts.body, [0, 4, 3, 4, 6]),
        "offsets-far" => put_offsets(&mut parts.body, [0, 1, 3, 4, 600]),
        "offsets-negative" => put_offsets(&mut parts.body, [-6, 0, 1, 3, 4]),
        "offsets-late" => {
            put_offsets(&mut parts.body, [i32::MAX - 4, i32::MAX - 3, i32::MAX - 2, i32::MAX - 1, i32::MAX])
        }
        "text-invalid" => parts.body[TEXT + 3] = 0xff,
        "text-split" => put_offsets(&mut parts.body, [0, 2, 3, 4, 6]),
        "nulls-forbidden" => {
            parts.nodes[0] = FieldNode::new(4, 1);
            parts.buffers[0] = Buffer::new(IDS as i64, 8);
        }
        "nulls-too-many" => parts.nodes[1] = FieldNode::new(4, 5),
        "nulls-negative" => parts.nodes[1] = FieldNode::new(4, -1),
        "compressed" => parts.compressed = true,
        "body-empty" => parts.body.clear(),
        _ => return false,
    }
    true
}

/// A batch that lies in the way that is asked for.
pub(crate) fn batch(lie: &str) -> Result<Batch> {
    let mut parts = truth();
    let twisted = twist(lie, &mut parts);
    let mut message = message(&parts);
    match lie {
        "message-truncated" => message.truncate(message.len() / 2),
        "message-garbage" => message.fill(0xa5),
        "message-empty" => message.clear(),
        "message-schema" => message = schema("truth")?,
        _ if twisted => {}
        _ => return Err(Error::new(Kind::InvalidConfig, format!("There is no lie `{lie}`."))),
    }
    Ok(Batch { message, body: parts.body })
}
