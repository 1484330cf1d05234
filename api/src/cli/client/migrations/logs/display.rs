//! How the events of a migration are shown while they come.

use std::time::Duration;

use indicatif::ProgressBar;

use super::news::News;
use crate::cli::client::reply::Output;
use crate::cli::client::sse::Event;
use crate::cli::format::printable;
use crate::cli::progress::{Style, bar_style};
use crate::cli::screen;

/// Between two turns of the spinner: it shows that the program lives while the migration says nothing.
const TURN: Duration = Duration::from_millis(100);

/// Shows what happens: lines of the log on stdout, what is said about it on stderr.
pub(super) trait Display {
    /// An event, and what it says.
    fn show(&mut self, event: &Event, news: &News);
    /// A line of the client itself, ended.
    fn note(&mut self, text: &str);
    /// Nothing more will come.
    fn finish(&mut self);
}

/// What fits the output and the terminal.
pub(super) fn fitting(output: Output, style: Style) -> Box<dyn Display> {
    match (output, style) {
        (Output::Json, Style::Bars | Style::Lines) => Box::new(Json),
        (Output::Words { .. }, Style::Lines) => Box::new(Lines),
        (Output::Words { .. }, Style::Bars) => Box::new(Bar::new()),
    }
}

/// The data of every event, a line each.
struct Json;

impl Display for Json {
    fn show(&mut self, event: &Event, _: &News) {
        screen::say(&json_line(event));
    }

    fn note(&mut self, text: &str) {
        screen::tell(text);
    }

    fn finish(&mut self) {}
}

/// A line break in JSON is a space between two of its parts.
fn json_line(event: &Event) -> String {
    format!("{}\n", event.data.replace('\n', " "))
}

/// The log, and changes of status.
struct Lines;

impl Display for Lines {
    fn show(&mut self, _: &Event, news: &News) {
        match news {
            News::Entry(entry) => screen::say(&printable(&entry.line())),
            News::Change(change) => screen::tell(&printable(&change.line())),
            News::Progress(_) | News::Other => {}
        }
    }

    fn note(&mut self, text: &str) {
        screen::tell(text);
    }

    fn finish(&mut self) {}
}

/// The same above a bar.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::new(100).with_style(bar_style("{spinner} {msg}"));
        bar.enable_steady_tick(TURN);
        Self(bar)
    }
}

impl Display for Bar {
    fn show(&mut self, event: &Event, news: &News) {
        match news {
            News::Entry(_) | News::Change(_) => self.0.suspend(|| Lines.show(event, news)),
            News::Progress(progress) => {
                self.0.set_style(bar_style("{spinner} {bar:20} {msg}"));
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to 100")]
                self.0.set_position(progress.percent() as u64);
                self.0.set_message(printable(&progress.text()));
            }
            News::Other => {}
        }
    }

    fn note(&mut self, text: &str) {
        self.0.suspend(|| screen::tell(text));
    }

    fn finish(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, data: &str) -> Event {
        Event { name: name.into(), data: data.into(), id: "1".into() }
    }

    #[test]
    fn the_bar_follows_the_progress() {
        let mut bar = Bar::new();
        bar.0.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        let event = event("progress", r#"{"phase": "data_transfer", "percent": 45.7, "records_processed": 4500000}"#);
        bar.show(&event, &News::of(&event).expect("news"));
        assert_eq!((bar.0.position(), bar.0.message().as_str()), (45, "data transfer: 45 %, 4,500,000 rows"));
        bar.finish();
        assert!(bar.0.is_finished());
    }

    #[test]
    fn json_is_one_line_an_event() {
        assert_eq!(json_line(&event("log", "{\"a\":\n 1}")), "{\"a\":  1}\n");
    }
}
