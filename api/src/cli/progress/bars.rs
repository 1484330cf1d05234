//! Progress as bars on a terminal: one for each table at work, a spinner for each statement, the total below.

use std::collections::BTreeMap;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::view::TableView;
use super::{Painter, View};
use crate::cli::{format, screen};

/// Bars of tables and spinners of statements shown at once: what a small terminal has room for.
const SHOWN: usize = 12;
/// Characters of a table's name.
const NAME_WIDTH: usize = 28;
/// Columns beside which the total's bar would not fit with its text.
const WIDE: u16 = 110;

/// Draws on stderr.
pub(super) struct Bars {
    all: MultiProgress,
    tables: BTreeMap<usize, ProgressBar>,
    statements: BTreeMap<String, ProgressBar>,
    total: ProgressBar,
}

impl Bars {
    pub(super) fn new() -> Self {
        let all = MultiProgress::new();
        let total = all.add(ProgressBar::new(0).with_style(style(if screen::width() >= WIDE {
            "{spinner} {bar:20} {msg}"
        } else {
            "{spinner} {msg}"
        })));
        Self { all, tables: BTreeMap::new(), statements: BTreeMap::new(), total }
    }

    fn show_tables(&mut self, tables: &[TableView]) {
        self.tables.retain(|table, bar| {
            let at_work = tables.iter().any(|t| t.table == *table);
            if !at_work {
                self.all.remove(bar);
            }
            at_work
        });
        for table in tables {
            if !self.tables.contains_key(&table.table) && self.tables.len() < SHOWN {
                let bar = ProgressBar::new(table.expected).with_style(style("  {prefix:28} {bar:20} {msg}"));
                let bar = self.all.insert_before(&self.total, bar);
                self.tables.insert(table.table, bar.with_prefix(format::shortened(&table.name, NAME_WIDTH)));
            }
            if let Some(bar) = self.tables.get(&table.table) {
                bar.set_length(table.expected.max(1));
                bar.set_position(table.done);
                bar.set_message(table_text(table));
            }
        }
    }

    fn show_statements(&mut self, view: &View) {
        self.statements.retain(|label, bar| {
            let at_work = view.statements.iter().any(|(other, _)| other == label);
            if !at_work {
                self.all.remove(bar);
            }
            at_work
        });
        for (label, time) in &view.statements {
            if !self.statements.contains_key(label) && self.statements.len() < SHOWN {
                let bar = ProgressBar::new_spinner().with_style(style("  {spinner} {msg}"));
                self.statements.insert(label.clone(), self.all.insert_before(&self.total, bar));
            }
            if let Some(bar) = self.statements.get(label) {
                bar.set_message(format!("{label}, {}", format::duration(*time)));
                bar.tick();
            }
        }
    }
}

fn table_text(table: &TableView) -> String {
    let percent = format::percent(table.done, table.expected);
    format!("{percent:>3} %  {} of {} rows", format::count(table.done), format::count(table.expected))
}

/// The templates are constants of this program; one that does not parse is shown as indicatif's own.
pub(in crate::cli) fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("━╸─").tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ")
}

impl Painter for Bars {
    fn paint(&mut self, view: &View) {
        for notice in &view.notices {
            // A terminal that went away takes its bars with it; the run goes on.
            let _ = self.all.println(format!("  {notice}"));
        }
        self.show_tables(&view.tables);
        self.show_statements(view);
        if let Some(total) = &view.total {
            self.total.set_length(total.expected.max(1));
            self.total.set_position(total.done);
        }
        self.total.set_message(format!("{} ({})", view.summary(), format::duration(view.elapsed)));
        self.total.tick();
    }

    fn finish(&mut self) {
        let _ = self.all.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_parse() {
        for template in ["{spinner} {bar:20} {msg}", "{spinner} {msg}", "  {prefix:28} {bar:20} {msg}"] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn bars_come_and_go_with_the_tables() {
        let mut bars = Bars::new();
        bars.all.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        let table = |table: usize| TableView { table, name: format!("t{table}"), done: 1, expected: 2 };
        bars.paint(&View { tables: vec![table(0), table(1)], ..View::default() });
        assert_eq!(bars.tables.keys().copied().collect::<Vec<_>>(), [0, 1]);
        let statements = vec![("primary key of t0".to_owned(), std::time::Duration::ZERO)];
        bars.paint(&View { tables: vec![table(1)], statements, ..View::default() });
        assert_eq!(bars.tables.keys().copied().collect::<Vec<_>>(), [1]);
        assert_eq!(bars.statements.len(), 1);
        bars.paint(&View::default());
        assert!(bars.tables.is_empty() && bars.statements.is_empty());
        bars.finish();
    }

    #[test]
    fn no_more_bars_than_fit() {
        let mut bars = Bars::new();
        bars.all.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        let tables = (0..100).map(|table| TableView { table, name: "t".into(), done: 0, expected: 0 }).collect();
        bars.paint(&View { tables, ..View::default() });
        assert_eq!(bars.tables.len(), SHOWN);
    }
}
