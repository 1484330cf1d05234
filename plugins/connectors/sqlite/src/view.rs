//! Views over the job's tables. They know their tables by name: one in staging shows that SQLite takes it, and the live one is
//! made once the tables are in their place.

use sensei_sdk::catalog::TableName;
use sensei_sdk::{Stage, View};

use crate::render::Script;
use crate::sql::identifier;

impl Script<'_> {
    /// Over tables without a row yet: what SQLite will not take is known before the load. It looks at a view's query when
    /// somebody reads from it.
    pub(crate) fn stage_views(&mut self) {
        let job = self.job;
        for view in &job.views {
            let name = &view.name.name;
            let staged = self.staged(name);
            let place = |table: &TableName| match job.makes(table) {
                true => self.staged(&table.name),
                false => identifier(&table.name),
            };
            let undo = format!("DROP VIEW IF EXISTS {staged}");
            let sql = format!("{undo}; {}; SELECT * FROM {staged} LIMIT 0", create(view, &staged, place));
            self.add(Stage::Prepare, format!("view:{name}"), sql, Some(undo), format!("view {name}"));
        }
    }

    pub(crate) fn views_live(&mut self) {
        let job = self.job;
        for view in &job.views {
            let name = &view.name.name;
            let (live, staged) = (identifier(name), self.staged(name));
            if let Some(replaced) = &view.replaced {
                let id = format!("view-aside:{name}");
                let sql = format!("DROP VIEW IF EXISTS {live}");
                self.add(Stage::Cutover, id, sql, Some(replaced.clone()), format!("old view {name} goes"));
            }
            let sql = format!("DROP VIEW IF EXISTS {staged}; {}", create(view, &live, |table| identifier(&table.name)));
            let undo = format!("DROP VIEW IF EXISTS {live}");
            self.add(Stage::Cutover, format!("view-live:{name}"), sql, Some(undo), format!("view {name} into place"));
        }
    }

    pub(crate) fn discard_views(&mut self) {
        let job = self.job;
        for view in job.views.iter().rev() {
            let name = &view.name.name;
            let sql = format!("DROP VIEW IF EXISTS {}", self.staged(name));
            self.add(Stage::Discard, format!("discard-view:{name}"), sql, None, format!("staged view {name}"));
        }
    }
}

fn create(view: &View, place: &str, name: impl Fn(&TableName) -> String) -> String {
    format!("CREATE VIEW {place}{} AS {}", view.heading(identifier), view.sql(name))
}
