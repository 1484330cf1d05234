//! datagen

use sensei_sdk::{Connector, Description, NoSource, NoTarget, Roles};

struct Main;

impl Connector for Main {
    type Source = NoSource;
    type Target = NoTarget;
    fn describe() -> Description {
        Description {
            name: "datagen".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "datagen".into(),
            roles: Roles::SOURCE,
            schemes: vec!["datagen".into()],
            configuration: "{}".into(),
            identifier_bytes: 63,
            max_readers: None,
            max_writers: None,
            transactional_schema: true,
            has_schemas: true,
        }
    }
}

sensei_sdk::export!(Main);
