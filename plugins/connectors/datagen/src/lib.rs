//! The connector `datagen`: a source whose rows are made from nothing, the same ones each time.
//!
//! Three nouns: a **dataset** is a list of tables ([`tpch`], [`random`]); a table is made of **groups** of rows that
//! share a key (an order's lines are one), numbered without gaps; a row has a **position**, from which alone every
//! value of it is computed. So any chunk can be made by itself, in batches of any size, and comes out the same.
//!
//! ```text
//! datagen:tpch?scale=0.01
//! datagen:random?tables=3&rows=100000&columns=int64,text,timestamp&nulls=0.2&seed=7
//! ```

mod column;
mod draw;
mod random;
mod session;
mod settings;
mod table;
mod tpch;

use sensei_sdk::{Connector, Description, NoTarget, Roles};

/// Longest name it would make, in bytes: the shortest limit of the systems on board, so that no name needs cutting.
const IDENTIFIER_BYTES: u32 = 63;

/// The connector.
#[derive(Debug)]
pub struct Datagen;

impl Connector for Datagen {
    type Source = session::Session;
    type Target = NoTarget;

    fn describe() -> Description {
        Description {
            name: "datagen".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Made-up rows for demos and benches: TPC-H-like tables, or columns of every type.".into(),
            roles: Roles::SOURCE,
            schemes: vec!["datagen".into()],
            configuration: include_str!("configuration.json").into(),
            identifier_bytes: IDENTIFIER_BYTES,
            max_readers: None,
            max_writers: None,
            transactional_schema: false,
            has_schemas: true,
            sql: None,
        }
    }
}

sensei_sdk::export!(Datagen);
