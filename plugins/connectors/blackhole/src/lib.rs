//! The connector `blackhole`: a target that checks and counts rows and keeps none. For measuring a source and the engine
//! without a target's cost.
//!
//! Two nouns: the **ledger** ([`ledger`]) is one small file for each migration that says which chunks came, so that
//! sessions, which share no memory, agree on the counts and an interrupted run resumes as with any other target; the
//! **session** ([`session`]) makes no staging, because there is nothing to stage.
//!
//! ```text
//! blackhole:
//! blackhole:/tmp/bench.ledger
//! ```

mod ledger;
mod session;

use sensei_sdk::{Connector, Description, NoSource, Roles};

/// It makes no identifier; this is no limit to anybody.
const IDENTIFIER_BYTES: u32 = 1024;

/// The connector.
#[derive(Debug)]
pub struct Blackhole;

impl Connector for Blackhole {
    type Source = NoSource;
    type Target = session::Session;

    fn describe() -> Description {
        Description {
            name: "blackhole".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Checks and counts rows and keeps none: for measuring a source.".into(),
            roles: Roles::TARGET,
            schemes: vec!["blackhole".into()],
            configuration: include_str!("configuration.json").into(),
            identifier_bytes: IDENTIFIER_BYTES,
            max_readers: None,
            max_writers: None,
            transactional_schema: true,
            has_schemas: true,
            sql: None,
        }
    }
}

sensei_sdk::export!(Blackhole);
