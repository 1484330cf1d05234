//! The one checked door for rows from a guest, and the way back.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::RecordBatchDecoder;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow::ipc::{MetadataVersion, root_as_message};

pub use super::bindings::sensei::plugin::rows::Batch;
use crate::error::{Code, Error, Result};

/// Columns one schema may have. The systems on board allow from 1,600 to 4,096.
const MAX_COLUMNS: usize = 8192;

fn lied(what: impl std::fmt::Display) -> Error {
    Error::new(
        Code::PluginLied,
        format!(
            "A plugin handed over rows that are not what it said ({what}). This is a bug of the plugin; report it to its author."
        ),
    )
}

/// Reads a schema that a guest made: flat columns of the contract's types.
///
/// # Errors
/// `plugin_lied` if it is anything else.
pub fn decode_schema(bytes: &[u8]) -> Result<SchemaRef> {
    let message = root_as_message(bytes).map_err(|e| lied(format!("schema: {e}")))?;
    let schema = message.header_as_schema().ok_or_else(|| lied("no schema in the message"))?;
    let count = schema.fields().map_or(0, |f| f.len());
    if count > MAX_COLUMNS {
        return Err(lied(format!("{count} columns")));
    }
    // Arrow's conversion panics on types it does not know; a guest must not choose when the host panics.
    let schema = std::panic::catch_unwind(|| fb_to_schema(schema)).map_err(|_| lied("unknown column type"))?;
    match schema.fields().iter().find(|f| !in_contract(f.data_type())) {
        Some(f) => Err(lied(format!("column `{}` is {}, which the contract does not have", f.name(), f.data_type()))),
        None => Ok(Arc::new(schema)),
    }
}

fn in_contract(t: &DataType) -> bool {
    use DataType as T;
    matches!(
        t,
        T::Boolean
            | T::Int8
            | T::Int16
            | T::Int32
            | T::Int64
            | T::UInt8
            | T::UInt16
            | T::UInt32
            | T::UInt64
            | T::Float32
            | T::Float64
            | T::Decimal128(..)
            | T::Decimal256(..)
            | T::Utf8
            | T::Binary
            | T::Date32
            | T::Time64(_)
            | T::Duration(_)
            | T::Timestamp(..)
            | T::Interval(_)
            | T::FixedSizeBinary(16)
    )
}

/// A schema as it crosses the boundary.
#[must_use]
pub fn encode_schema(schema: &Schema) -> Vec<u8> {
    let mut tracker = DictionaryTracker::new(false);
    IpcDataGenerator {}
        .schema_to_bytes_with_dictionary_tracker(schema, &mut tracker, &IpcWriteOptions::default())
        .ipc_message
}

/// A batch that came through the door: checked, and still in the bytes it came in.
#[derive(Debug)]
pub struct CheckedBatch {
    /// The columns, sharing `raw`'s body.
    pub columns: RecordBatch,
    message: Vec<u8>,
    body: Buffer,
}

impl CheckedBatch {
    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.message.len() + self.body.len()
    }

    /// The bytes as they came, for a target that takes the very same schema.
    #[must_use]
    pub fn into_raw(self) -> Batch {
        let Self { columns, message, body } = self;
        drop(columns);
        // The columns were the only other owners, so this takes the allocation back without a copy.
        let body = body.into_vec().unwrap_or_else(|shared| shared.to_vec());
        Batch { message, body }
    }
}

/// Checks one batch from a guest: it is of `schema`, every buffer lies inside the body, offsets and lengths
/// agree, text is UTF-8, NULLs stand only where the schema allows them.
///
/// # Errors
/// `plugin_lied` otherwise.
pub fn check(schema: &SchemaRef, batch: Batch) -> Result<CheckedBatch> {
    let Batch { message, body } = batch;
    let body = Buffer::from_vec(body);
    let columns = decode(schema, &message, &body)?;
    Ok(CheckedBatch { columns, message, body })
}

fn decode(schema: &SchemaRef, message: &[u8], body: &Buffer) -> Result<RecordBatch> {
    let parsed = root_as_message(message).map_err(lied)?;
    let header = parsed.header_as_record_batch().ok_or_else(|| lied("no batch in the message"))?;
    if header.compression().is_some() {
        return Err(lied("compressed"));
    }
    let rows = header.length();
    let nodes = header.nodes().ok_or_else(|| lied("no columns"))?;
    if nodes.len() != schema.fields().len() {
        return Err(lied(format!("{} columns instead of {}", nodes.len(), schema.fields().len())));
    }
    if let Some(node) = nodes.iter().find(|n| n.length() != rows || !(0..=rows).contains(&n.null_count())) {
        return Err(lied(format!(
            "a column of {} rows and {} NULLs in a batch of {rows}",
            node.length(),
            node.null_count()
        )));
    }
    let buffers = header.buffers().ok_or_else(|| lied("no buffers"))?;
    let expected: usize = schema.fields().iter().map(|f| buffer_count(f.data_type())).sum();
    if buffers.len() != expected {
        return Err(lied(format!("{} buffers instead of {expected}", buffers.len())));
    }
    for buffer in buffers.iter() {
        let end = buffer.offset().checked_add(buffer.length());
        let inside = buffer.offset() >= 0 && buffer.length() >= 0 && end.is_some_and(|e| e as usize <= body.len());
        if !inside {
            return Err(lied("a buffer outside the body"));
        }
    }
    let dictionaries = HashMap::new();
    let version = parsed.version();
    let decoder = RecordBatchDecoder::try_new(body, header, schema.clone(), &dictionaries, &version).map_err(lied)?;
    // Belt and braces: lengths that Arrow asserts on instead of reporting.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| decoder.read_record_batch()))
        .map_err(|_| lied("lengths that do not agree"))?
        .map_err(lied)
}

/// Buffers an array of this type has on the wire: validity, offsets, values.
fn buffer_count(t: &DataType) -> usize {
    if matches!(t, DataType::Utf8 | DataType::Binary) { 3 } else { 2 }
}

/// A batch as it crosses the boundary to a guest.
///
/// # Errors
/// `connector_internal` if Arrow cannot encode a column; no column of the contract's types is such.
pub fn encode(batch: &RecordBatch) -> Result<Batch> {
    let internal =
        |e: arrow::error::ArrowError| Error::new(Code::ConnectorInternal, format!("Arrow cannot encode a batch: {e}."));
    let options = IpcWriteOptions::try_new(64, false, MetadataVersion::V5).map_err(internal)?;
    let mut tracker = DictionaryTracker::new(false);
    let (_, data) =
        IpcDataGenerator {}.encode(batch, &mut tracker, &options, &mut IpcWriteContext::default()).map_err(internal)?;
    Ok(Batch { message: data.ipc_message, body: data.arrow_data })
}
