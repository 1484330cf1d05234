//! Arrow batches to and from the contract's `rows`.

use std::collections::HashMap;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_buffer::Buffer;
use arrow_ipc::convert::fb_to_schema;
use arrow_ipc::reader::RecordBatchDecoder;
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow_ipc::{MetadataVersion, root_as_message};
use arrow_schema::{Schema, SchemaRef};

use crate::{Batch, Error, Result};

/// A schema as it crosses the boundary.
#[must_use]
pub fn encode_schema(schema: &Schema) -> Vec<u8> {
    let mut tracker = DictionaryTracker::new(false);
    IpcDataGenerator {}
        .schema_to_bytes_with_dictionary_tracker(schema, &mut tracker, &IpcWriteOptions::default())
        .ipc_message
}

/// Reads a schema that crossed the boundary.
///
/// # Errors
/// `internal` if the bytes are no schema message.
pub fn decode_schema(bytes: &[u8]) -> Result<Schema> {
    let message = root_as_message(bytes).map_err(|e| Error::internal(format!("Not a schema message: {e}")))?;
    message.header_as_schema().map(fb_to_schema).ok_or_else(|| Error::internal("The message holds no schema."))
}

/// A batch as it crosses the boundary. Columns must not be dictionaries.
///
/// # Errors
/// `internal` if Arrow cannot encode a column.
pub fn encode_batch(batch: &RecordBatch) -> Result<Batch> {
    let options = IpcWriteOptions::try_new(64, false, MetadataVersion::V5)?;
    let mut tracker = DictionaryTracker::new(false);
    let (_, data) = IpcDataGenerator {}.encode(batch, &mut tracker, &options, &mut IpcWriteContext::default())?;
    Ok(Batch { message: data.ipc_message, body: data.arrow_data })
}

/// Reads batches of one schema.
#[derive(Debug)]
pub struct Decoder {
    schema: SchemaRef,
}

impl Decoder {
    /// From the schema's bytes.
    ///
    /// # Errors
    /// As [`decode_schema`].
    pub fn new(schema: &[u8]) -> Result<Self> {
        Ok(Self { schema: decode_schema(schema)?.into() })
    }

    /// The schema of every batch.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// One batch, its columns sharing the bytes that came. The host is trusted: values are not checked again.
    ///
    /// # Errors
    /// `internal` if the bytes are no batch of this schema.
    pub fn decode(&self, batch: Batch) -> Result<RecordBatch> {
        let message =
            root_as_message(&batch.message).map_err(|e| Error::internal(format!("Not a batch message: {e}")))?;
        let header = message.header_as_record_batch().ok_or_else(|| Error::internal("The message holds no batch."))?;
        let body = Buffer::from_vec(batch.body);
        if self.schema.fields().is_empty() {
            let rows = RecordBatchOptions::new().with_row_count(Some(header.length() as usize));
            return Ok(RecordBatch::try_new_with_options(self.schema.clone(), vec![], &rows)?);
        }
        let dictionaries = HashMap::new();
        // SAFETY: the host checked these very bytes (bounds, offsets, UTF-8) before it handed them over.
        let trusted = unsafe {
            let mut flag = arrow_data::UnsafeFlag::new();
            flag.set(true);
            flag
        };
        let version = message.version();
        Ok(RecordBatchDecoder::try_new(&body, header, self.schema.clone(), &dictionaries, &version)?
            .with_skip_validation(trusted)
            .read_record_batch()?)
    }
}
