//! From the traits a connector implements to the exports of its component.

use std::cell::RefCell;
use std::marker::PhantomData;

use crate::bindings::exports::sensei::plugin::{connector, source, target};
use crate::catalog::{Catalog, Table, TableName};
use crate::{
    Batch, Chunk, Description, Ends, Error, Figures, Job, Kind, Ledger, Proposal, Question, ReadRequest, Repair,
    Repaired, Result, Snapshot, Statement, WriteRequest,
};

/// One kind of system.
pub trait Connector: 'static {
    /// [`NoSource`] if it cannot be read.
    type Source: Source;
    /// [`NoTarget`] if it cannot be written.
    type Target: Target;
    /// Pure: no host call.
    fn describe() -> Description;
}

/// A session that reads. See `source.session` in the WIT for the contract of each call.
#[allow(missing_docs, clippy::missing_errors_doc)]
pub trait Source: Sized + 'static {
    /// Holds what it needs of the session's connection (`Rc`).
    type Reader: Reader;
    fn open(configuration: &str) -> Result<Self>;
    fn catalog(&mut self, schemas: Vec<String>) -> Result<Catalog>;
    fn missing_rights(&mut self, schemas: Vec<String>) -> Result<Vec<String>>;
    fn row_schema(&mut self, table: TableName, columns: Vec<String>) -> Result<Vec<u8>>;
    fn freeze(&mut self) -> Result<Snapshot>;
    fn join(&mut self, token: &str) -> Result<()>;
    fn thaw(&mut self) -> Result<()>;
    fn split(&mut self, table: TableName, rows: u64) -> Result<Vec<Chunk>>;
    fn count(&mut self, table: TableName) -> Result<u64>;
    /// A system without words of its own says nothing.
    fn figures(&mut self, _: TableName, questions: Vec<Question>, _: Option<Ends>) -> Result<Vec<Figures>> {
        Ok(questions.iter().map(|_| crate::figures::SILENT).collect())
    }
    fn read(&mut self, request: ReadRequest) -> Result<Self::Reader>;
}

/// A chunk on its way out.
#[allow(missing_docs, clippy::missing_errors_doc)]
pub trait Reader: 'static {
    fn schema(&mut self) -> Result<Vec<u8>>;
    fn next(&mut self) -> Result<Option<Batch>>;
}

/// A session that writes. See `target.session` in the WIT for the contract of each call.
#[allow(missing_docs, clippy::missing_errors_doc)]
pub trait Target: Sized + 'static {
    /// Holds what it needs of the session's connection (`Rc`).
    type Writer: Writer;
    fn open(configuration: &str) -> Result<Self>;
    fn catalog(&mut self, schemas: Vec<String>) -> Result<Catalog>;
    fn missing_rights(&mut self, schemas: Vec<String>) -> Result<Vec<String>>;
    fn propose(&mut self, tables: Vec<Table>, dialect: &str) -> Result<Vec<Proposal>>;
    fn render(&mut self, job: Job) -> Result<Vec<Statement>>;
    fn claim(&mut self, migration: &str) -> Result<Ledger>;
    fn recall(&mut self, migration: &str) -> Result<Option<Ledger>>;
    fn note(&mut self, migration: &str, key: &str, value: &str) -> Result<()>;
    fn reset(&mut self, migration: &str, table: TableName) -> Result<()>;
    fn execute(&mut self, migration: &str, statements: Vec<Statement>) -> Result<()>;
    fn rehearse(&mut self, migration: &str, statements: Vec<Statement>) -> Result<bool>;
    fn staged(&mut self, migration: &str, table: TableName) -> Result<TableName>;
    fn read_back(&mut self, migration: &str, tables: Vec<TableName>) -> Result<Vec<Table>>;
    fn kept(&mut self, migration: &str, tables: Vec<TableName>) -> Result<Vec<TableName>>;
    fn repair(&mut self, migration: &str, extras: &str, tables: Vec<Repair>) -> Result<Vec<Repaired>>;
    fn count(&mut self, migration: &str, table: TableName, staged: bool) -> Result<u64>;
    fn write(&mut self, request: WriteRequest) -> Result<Self::Writer>;
}

/// A chunk on its way in.
#[allow(missing_docs, clippy::missing_errors_doc)]
pub trait Writer: 'static {
    fn write(&mut self, batch: Batch) -> Result<()>;
    fn commit(&mut self, digest: Option<String>) -> Result<u64>;
}

/// The exports of a connector; made by [`crate::export!`].
#[derive(Debug)]
pub struct Exports<C>(PhantomData<C>);

/// A value behind an exported resource handle. The host calls one function of an instance at a time.
#[derive(Debug)]
pub struct Resource<T>(RefCell<T>);

impl<T> Resource<T> {
    fn new(inner: T) -> Self {
        Self(RefCell::new(inner))
    }
}

impl<C: Connector> connector::Guest for Exports<C> {
    fn describe() -> Description {
        C::describe()
    }
}

impl<C: Connector> source::Guest for Exports<C> {
    type Session = Resource<C::Source>;
    type Reader = Resource<<C::Source as Source>::Reader>;
}

impl<S: Source> source::GuestSession for Resource<S> {
    fn open(configuration: String) -> Result<source::Session> {
        S::open(&configuration).map(|s| source::Session::new(Self::new(s)))
    }
    fn catalog(&self, schemas: Vec<String>) -> Result<Catalog> {
        self.0.borrow_mut().catalog(schemas)
    }
    fn missing_rights(&self, schemas: Vec<String>) -> Result<Vec<String>> {
        self.0.borrow_mut().missing_rights(schemas)
    }
    fn row_schema(&self, table: TableName, columns: Vec<String>) -> Result<Vec<u8>> {
        self.0.borrow_mut().row_schema(table, columns)
    }
    fn freeze(&self) -> Result<Snapshot> {
        self.0.borrow_mut().freeze()
    }
    fn join(&self, token: String) -> Result<()> {
        self.0.borrow_mut().join(&token)
    }
    fn thaw(&self) -> Result<()> {
        self.0.borrow_mut().thaw()
    }
    fn split(&self, table: TableName, rows: u64) -> Result<Vec<Chunk>> {
        self.0.borrow_mut().split(table, rows)
    }
    fn count(&self, table: TableName) -> Result<u64> {
        self.0.borrow_mut().count(table)
    }
    fn figures(&self, table: TableName, questions: Vec<Question>, ends: Option<Ends>) -> Result<Vec<Figures>> {
        self.0.borrow_mut().figures(table, questions, ends)
    }
    fn read(&self, request: ReadRequest) -> Result<source::Reader> {
        self.0.borrow_mut().read(request).map(|r| source::Reader::new(Resource::new(r)))
    }
}

impl<R: Reader> source::GuestReader for Resource<R> {
    fn schema(&self) -> Result<Vec<u8>> {
        self.0.borrow_mut().schema()
    }
    fn next(&self) -> Result<Option<Batch>> {
        self.0.borrow_mut().next()
    }
}

impl<C: Connector> target::Guest for Exports<C> {
    type Session = Resource<C::Target>;
    type Writer = Resource<<C::Target as Target>::Writer>;
}

impl<T: Target> target::GuestSession for Resource<T> {
    fn open(configuration: String) -> Result<target::Session> {
        T::open(&configuration).map(|s| target::Session::new(Self::new(s)))
    }
    fn catalog(&self, schemas: Vec<String>) -> Result<Catalog> {
        self.0.borrow_mut().catalog(schemas)
    }
    fn missing_rights(&self, schemas: Vec<String>) -> Result<Vec<String>> {
        self.0.borrow_mut().missing_rights(schemas)
    }
    fn propose(&self, tables: Vec<Table>, dialect: String) -> Result<Vec<Proposal>> {
        self.0.borrow_mut().propose(tables, &dialect)
    }
    fn render(&self, job: Job) -> Result<Vec<Statement>> {
        self.0.borrow_mut().render(job)
    }
    fn claim(&self, migration: String) -> Result<Ledger> {
        self.0.borrow_mut().claim(&migration)
    }
    fn recall(&self, migration: String) -> Result<Option<Ledger>> {
        self.0.borrow_mut().recall(&migration)
    }
    fn note(&self, migration: String, key: String, value: String) -> Result<()> {
        self.0.borrow_mut().note(&migration, &key, &value)
    }
    fn reset(&self, migration: String, table: TableName) -> Result<()> {
        self.0.borrow_mut().reset(&migration, table)
    }
    fn execute(&self, migration: String, statements: Vec<Statement>) -> Result<()> {
        self.0.borrow_mut().execute(&migration, statements)
    }
    fn rehearse(&self, migration: String, statements: Vec<Statement>) -> Result<bool> {
        self.0.borrow_mut().rehearse(&migration, statements)
    }
    fn staged(&self, migration: String, table: TableName) -> Result<TableName> {
        self.0.borrow_mut().staged(&migration, table)
    }
    fn read_back(&self, migration: String, tables: Vec<TableName>) -> Result<Vec<Table>> {
        self.0.borrow_mut().read_back(&migration, tables)
    }
    fn kept(&self, migration: String, tables: Vec<TableName>) -> Result<Vec<TableName>> {
        self.0.borrow_mut().kept(&migration, tables)
    }
    fn repair(&self, migration: String, extras: String, tables: Vec<Repair>) -> Result<Vec<Repaired>> {
        self.0.borrow_mut().repair(&migration, &extras, tables)
    }
    fn count(&self, migration: String, table: TableName, staged: bool) -> Result<u64> {
        self.0.borrow_mut().count(&migration, table, staged)
    }
    fn write(&self, request: WriteRequest) -> Result<target::Writer> {
        self.0.borrow_mut().write(request).map(|w| target::Writer::new(Resource::new(w)))
    }
}

impl<W: Writer> target::GuestWriter for Resource<W> {
    fn write(&self, batch: Batch) -> Result<()> {
        self.0.borrow_mut().write(batch)
    }
    fn commit(&self, digest: Option<String>) -> Result<u64> {
        self.0.borrow_mut().commit(digest)
    }
}

/// For a connector that cannot be read: every call is `unsupported`.
#[derive(Debug)]
pub enum NoSource {}
/// For a connector that cannot be written: every call is `unsupported`.
#[derive(Debug)]
pub enum NoTarget {}
/// The reader of [`NoSource`].
#[derive(Debug)]
pub enum NoReader {}
/// The writer of [`NoTarget`].
#[derive(Debug)]
pub enum NoWriter {}

impl Source for NoSource {
    type Reader = NoReader;
    fn open(_: &str) -> Result<Self> {
        Err(Error::new(Kind::Unsupported, "This connector is a target only; it cannot be a source."))
    }
    fn catalog(&mut self, _: Vec<String>) -> Result<Catalog> {
        match *self {}
    }
    fn missing_rights(&mut self, _: Vec<String>) -> Result<Vec<String>> {
        match *self {}
    }
    fn row_schema(&mut self, _: TableName, _: Vec<String>) -> Result<Vec<u8>> {
        match *self {}
    }
    fn freeze(&mut self) -> Result<Snapshot> {
        match *self {}
    }
    fn join(&mut self, _: &str) -> Result<()> {
        match *self {}
    }
    fn thaw(&mut self) -> Result<()> {
        match *self {}
    }
    fn split(&mut self, _: TableName, _: u64) -> Result<Vec<Chunk>> {
        match *self {}
    }
    fn count(&mut self, _: TableName) -> Result<u64> {
        match *self {}
    }
    fn read(&mut self, _: ReadRequest) -> Result<NoReader> {
        match *self {}
    }
}

impl Reader for NoReader {
    fn schema(&mut self) -> Result<Vec<u8>> {
        match *self {}
    }
    fn next(&mut self) -> Result<Option<Batch>> {
        match *self {}
    }
}

impl Target for NoTarget {
    type Writer = NoWriter;
    fn open(_: &str) -> Result<Self> {
        Err(Error::new(Kind::Unsupported, "This connector is a source only; it cannot be a target."))
    }
    fn catalog(&mut self, _: Vec<String>) -> Result<Catalog> {
        match *self {}
    }
    fn missing_rights(&mut self, _: Vec<String>) -> Result<Vec<String>> {
        match *self {}
    }
    fn propose(&mut self, _: Vec<Table>, _: &str) -> Result<Vec<Proposal>> {
        match *self {}
    }
    fn render(&mut self, _: Job) -> Result<Vec<Statement>> {
        match *self {}
    }
    fn claim(&mut self, _: &str) -> Result<Ledger> {
        match *self {}
    }
    fn recall(&mut self, _: &str) -> Result<Option<Ledger>> {
        match *self {}
    }
    fn note(&mut self, _: &str, _: &str, _: &str) -> Result<()> {
        match *self {}
    }
    fn reset(&mut self, _: &str, _: TableName) -> Result<()> {
        match *self {}
    }
    fn execute(&mut self, _: &str, _: Vec<Statement>) -> Result<()> {
        match *self {}
    }
    fn rehearse(&mut self, _: &str, _: Vec<Statement>) -> Result<bool> {
        match *self {}
    }
    fn staged(&mut self, _: &str, _: TableName) -> Result<TableName> {
        match *self {}
    }
    fn read_back(&mut self, _: &str, _: Vec<TableName>) -> Result<Vec<Table>> {
        match *self {}
    }
    fn kept(&mut self, _: &str, _: Vec<TableName>) -> Result<Vec<TableName>> {
        match *self {}
    }
    fn repair(&mut self, _: &str, _: &str, _: Vec<Repair>) -> Result<Vec<Repaired>> {
        match *self {}
    }
    fn count(&mut self, _: &str, _: TableName, _: bool) -> Result<u64> {
        match *self {}
    }
    fn write(&mut self, _: WriteRequest) -> Result<NoWriter> {
        match *self {}
    }
}

impl Writer for NoWriter {
    fn write(&mut self, _: Batch) -> Result<()> {
        match *self {}
    }
    fn commit(&mut self, _: Option<String>) -> Result<u64> {
        match *self {}
    }
}
