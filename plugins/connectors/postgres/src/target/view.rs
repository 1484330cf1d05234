//! Views over the job's tables: made in staging, moved at the cutover. They follow their tables wherever these go.

use sensei_sdk::catalog::TableName;
use sensei_sdk::{Stage, View};

use super::cutover::back_into;
use super::render::{Rendering, plain};
use crate::sql::{identifier, qualified, replaced_schema, staging_schema};

impl Rendering<'_> {
    /// What they cannot be made of is known before the cutover.
    pub(super) fn stage_views(&mut self) {
        let job = self.job;
        for view in &job.views {
            let (name, staged) = (plain(&view.name), self.staged(&view.name));
            let place = |table: &TableName| match job.makes(table) {
                true => self.staged(table),
                false => qualified(&table.schema, &table.name),
            };
            let sql = format!("CREATE VIEW {staged}{} AS {}", view.heading(identifier), view.sql(place));
            let undo = format!("DROP VIEW IF EXISTS {staged}");
            self.add(Stage::CompleteAll, format!("all/view/{name}"), format!("view {name}"), sql, Some(undo));
        }
    }

    /// Before the tables that they read.
    pub(super) fn move_views_aside(&mut self) {
        let job = self.job;
        for view in job.views.iter().filter(|view| view.replaced.is_some()) {
            let (live, kept) = (qualified(&view.name.schema, &view.name.name), self.kept_view(view));
            let old = identifier(&replaced_schema(&job.migration, &view.name.schema));
            self.add(
                Stage::Cutover,
                format!("cutover/replace-view/{}", plain(&view.name)),
                format!("old view {} moves aside", plain(&view.name)),
                format!("ALTER VIEW IF EXISTS {live} SET SCHEMA {old}"),
                Some(format!("ALTER VIEW IF EXISTS {kept} SET SCHEMA {}", identifier(&view.name.schema))),
            );
        }
    }

    /// After their tables. The last of them is the first to be taken back, unless something has come to depend on it.
    pub(super) fn views_live(&mut self) {
        let job = self.job;
        for (at, view) in job.views.iter().enumerate() {
            let (name, live) = (plain(&view.name), qualified(&view.name.schema, &view.name.name));
            let staging = staging_schema(&job.migration, &view.name.schema);
            let mut undo = back_into(&staging, &format!("ALTER VIEW {live} SET SCHEMA {}", identifier(&staging)));
            if at + 1 == job.views.len() {
                undo = format!("{}; {undo}", self.nothing_depends());
            }
            self.add(
                Stage::Cutover,
                format!("cutover/view/{name}"),
                format!("view {name} goes live"),
                format!("ALTER VIEW {} SET SCHEMA {}", self.staged(&view.name), identifier(&view.name.schema)),
                Some(undo),
            );
        }
    }

    pub(super) fn discard_views(&mut self) {
        let job = self.job;
        for view in job.views.iter().rev() {
            let (name, staged) = (plain(&view.name), self.staged(&view.name));
            let sql = format!("DROP VIEW IF EXISTS {staged}");
            self.add(Stage::Discard, format!("discard/view/{name}"), format!("staged view {name}"), sql, None);
        }
    }

    pub(super) fn forget_views(&mut self) {
        let job = self.job;
        let kept: Vec<String> =
            job.views.iter().filter(|view| view.replaced.is_some()).map(|view| self.kept_view(view)).collect();
        if !kept.is_empty() {
            let sql = format!("DROP VIEW IF EXISTS {}", kept.join(", "));
            self.add(Stage::Forget, "forget/views".to_owned(), "replaced views".to_owned(), sql, None);
        }
    }

    fn kept_view(&self, view: &View) -> String {
        qualified(&replaced_schema(&self.job.migration, &view.name.schema), &view.name.name)
    }
}
