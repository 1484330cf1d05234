//! Progress as lines, where nobody looks at a terminal: news at once, the state every few seconds.

use std::time::Duration;

use super::{Painter, View};
use crate::cli::{format, screen};

/// Between two lines about the state: enough to see that it lives, not enough to fill a log.
const EVERY: Duration = Duration::from_secs(5);
/// Tables or statements named in one line.
const NAMED: usize = 4;

/// Writes lines to stderr.
#[derive(Default)]
pub(super) struct Lines {
    /// When the last line about the state was written, and in which activity.
    last: Option<(Duration, &'static str)>,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// What to write for this view.
    fn lines(&mut self, view: &View) -> Vec<String> {
        let stamped = |text: &str| format!("[{}] {text}\n", format::duration(view.elapsed));
        let mut lines: Vec<String> = view.notices.iter().map(|notice| stamped(notice)).collect();
        let due = match self.last {
            None => view.total.is_some() || view.elapsed >= EVERY,
            Some((_, activity)) if activity != view.activity => true,
            Some((at, _)) => view.elapsed >= at + EVERY,
        };
        if due {
            self.last = Some((view.elapsed, view.activity));
            lines.push(stamped(&state(view)));
        }
        lines
    }
}

fn state(view: &View) -> String {
    let mut text = view.summary();
    let tables: Vec<&str> = view.tables.iter().map(|t| t.name.as_str()).collect();
    if !tables.is_empty() {
        text += &format!("; at work: {}", format::some_of(&tables, NAMED));
    }
    let statements: Vec<&str> = view.statements.iter().map(|(label, _)| label.as_str()).collect();
    if !statements.is_empty() {
        text += &format!("; building: {}", format::some_of(&statements, NAMED));
    }
    text
}

impl Painter for Lines {
    fn paint(&mut self, view: &View) {
        let lines = self.lines(view);
        if !lines.is_empty() {
            screen::tell(&lines.concat());
        }
    }

    fn finish(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::super::view::{TableView, Total};
    use super::*;

    fn view(seconds: u64) -> View {
        let total =
            Total { done: 10, expected: 20, rows_per_second: Some(5), bytes_per_second: Some(1500), left: None };
        let orders = TableView { table: 0, name: "orders".into(), done: 10, expected: 20 };
        View {
            activity: "Moving rows",
            elapsed: Duration::from_secs(seconds),
            total: Some(total),
            tables: vec![orders],
            statements: vec![("primary key of nation".into(), Duration::from_secs(1))],
            notices: vec![],
        }
    }

    #[test]
    fn the_state_is_told_every_few_seconds_and_news_at_once() {
        let mut lines = Lines::new();
        assert_eq!(
            lines.lines(&view(1)),
            [
                "[1.0 s] Moving rows: 50 %, 10 of 20 rows, 5 rows/s, 1.5 kB/s; at work: orders; building: primary key of nation\n"
            ]
        );
        assert!(lines.lines(&view(2)).is_empty());
        let news = View { notices: vec!["nation: 25 rows in 0.1 s".into()], ..view(3) };
        assert_eq!(lines.lines(&news), ["[3.0 s] nation: 25 rows in 0.1 s\n"]);
        assert_eq!(lines.lines(&view(6)).len(), 1);
    }

    #[test]
    fn a_new_activity_is_told_at_once() {
        let mut lines = Lines::new();
        lines.lines(&view(1));
        let reading = View { activity: "Reading", total: None, tables: vec![], statements: vec![], ..view(1) };
        assert!(Lines::new().lines(&reading).is_empty(), "what is over at once need not be told");
        let counting = View { activity: "Counting rows", total: None, tables: vec![], statements: vec![], ..view(2) };
        assert_eq!(lines.lines(&counting), ["[2.0 s] Counting rows\n"]);
    }
}
