//! Reading: catalog, one consistent snapshot, chunks, and batches straight from the stream's buffer.

mod column;
mod figures;
mod range;
mod read;
mod snapshot;
mod split;
pub(crate) mod value;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use sensei_sdk::catalog::{Catalog, Column, TableName};
use sensei_sdk::figures::tell;
use sensei_sdk::{Chunk, Ends, Figures, Question, ReadRequest, Result, Snapshot, rows};

use crate::configuration::{Configuration, ZeroDates};
use crate::connection::{Connection, identifier};
use crate::{catalog, rights};
use range::Key;

/// What a session knows of a table that it read before.
struct Known {
    columns: Vec<Column>,
    keys: Vec<Key>,
}

/// A session that reads.
pub(crate) struct Source {
    connection: Rc<RefCell<Connection>>,
    zero_dates: ZeroDates,
    /// Schemas the catalog was last asked for.
    schemas: Vec<String>,
    known: HashMap<(String, String), Rc<Known>>,
}

impl Source {
    fn known(&mut self, table: &TableName) -> Result<Rc<Known>> {
        let key = (table.schema.clone(), table.name.clone());
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let mut connection = self.connection.borrow_mut();
        let columns = catalog::columns(&mut connection, table, self.zero_dates)?;
        let keys = range::keys(&mut connection, table)?;
        let known = Rc::new(Known { columns, keys });
        self.known.insert(key, known.clone());
        Ok(known)
    }
}

impl sensei_sdk::Source for Source {
    type Reader = read::Reader;

    fn open(configuration: &str) -> Result<Self> {
        let configuration = Configuration::parse(configuration)?;
        Ok(Self {
            connection: Rc::new(RefCell::new(Connection::open(&configuration)?)),
            zero_dates: configuration.zero_dates,
            schemas: Vec::new(),
            known: HashMap::new(),
        })
    }

    fn catalog(&mut self, schemas: Vec<String>) -> Result<Catalog> {
        let catalog = catalog::read(&mut self.connection.borrow_mut(), schemas.clone(), self.zero_dates)?;
        self.schemas = schemas;
        self.known.clear();
        Ok(catalog)
    }

    fn missing_rights(&mut self, schemas: Vec<String>) -> Result<Vec<String>> {
        rights::to_read(&mut self.connection.borrow_mut(), schemas)
    }

    fn row_schema(&mut self, table: TableName, columns: Vec<String>) -> Result<Vec<u8>> {
        let known = self.known(&table)?;
        let columns = read::pick(&known.columns, &columns, &table)?;
        Ok(rows::encode_schema(&read::schema(&columns)))
    }

    fn freeze(&mut self) -> Result<Snapshot> {
        snapshot::freeze(&mut self.connection.borrow_mut(), &self.schemas)
    }

    fn join(&mut self, token: &str) -> Result<()> {
        snapshot::join(&mut self.connection.borrow_mut(), token)
    }

    fn thaw(&mut self) -> Result<()> {
        snapshot::thaw(&mut self.connection.borrow_mut())
    }

    fn split(&mut self, table: TableName, rows: u64) -> Result<Vec<Chunk>> {
        let known = self.known(&table)?;
        split::split(&mut self.connection.borrow_mut(), &table, &known.columns, &known.keys, rows)
    }

    fn count(&mut self, table: TableName) -> Result<u64> {
        count(&mut self.connection.borrow_mut(), &table.schema, &table.name)
    }

    fn figures(&mut self, table: TableName, questions: Vec<Question>, ends: Option<Ends>) -> Result<Vec<Figures>> {
        let known = self.known(&table)?;
        let column = |name: &str| known.columns.iter().find(|c| c.name == name);
        let words = |q: &Question| column(&q.column).map(|c| figures::words(q.measure, c, self.zero_dates));
        let from = format!("{}.{}", identifier(&table.schema), identifier(&table.name));
        tell(&questions, words, &from, ends.as_ref(), identifier, |sql, _| {
            Ok(self.connection.borrow_mut().table(sql)?.into_iter().next().unwrap_or_default())
        })
    }

    fn read(&mut self, request: ReadRequest) -> Result<read::Reader> {
        let known = self.known(&request.table)?;
        read::Reader::open(self.connection.clone(), &request, &known.columns, &known.keys, self.zero_dates)
    }
}

/// The exact number of rows of a table.
pub(crate) fn count(connection: &mut Connection, schema: &str, table: &str) -> Result<u64> {
    let sql = format!("SELECT COUNT(*) FROM {}.{}", identifier(schema), identifier(table));
    Ok(connection.value(&sql)?.and_then(|n| n.parse().ok()).unwrap_or(0))
}
