//! Where words go: stdout for what was asked for, stderr for progress and errors.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

/// Columns when there is no terminal to ask: wide enough for tables, narrow enough for a log viewer.
const DEFAULT_WIDTH: u16 = 100;
/// Narrower than this nothing can be laid out; the terminal then breaks the lines itself.
const LEAST_WIDTH: u16 = 40;

/// Writes to stdout. A reader who went away (`| head`) is no error.
pub(super) fn say(text: &str) {
    write(io::stdout().lock(), text);
}

/// Whether [`tell`] has said anything.
static TOLD: AtomicBool = AtomicBool::new(false);

/// Writes to stderr.
pub(super) fn tell(text: &str) {
    TOLD.store(true, Ordering::Relaxed);
    write(io::stderr().lock(), text);
}

/// Writes a paragraph to stderr, apart from what stands there already.
pub(super) fn tell_apart(text: &str) {
    let gap = if TOLD.load(Ordering::Relaxed) { "\n" } else { "" };
    tell(&format!("{gap}{text}"));
}

fn write(mut stream: impl Write, text: &str) {
    // There is nobody left to tell when the stream that tells is gone.
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}

/// Columns to lay text out in.
pub(super) fn width() -> u16 {
    let stdout = io::stdout();
    let columns =
        if stdout.is_terminal() { rustix::termios::tcgetwinsize(&stdout).map_or(0, |size| size.ws_col) } else { 0 };
    if columns == 0 { DEFAULT_WIDTH } else { columns.max(LEAST_WIDTH) }
}

/// Whether somebody can answer a question.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question whose answer is no unless it is yes.
pub(super) fn confirm(question: &str) -> bool {
    tell(&format!("{question} [y/N] "));
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_ok() && is_yes(&answer)
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].iter().any(|yes| answer.trim().eq_ignore_ascii_case(yes))
}

/// No lines but one under the header: easy to read, easy to cut.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// One column of a [`table`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Column<'a> {
    /// Words.
    Left(&'a str),
    /// Numbers.
    Right(&'a str),
}

/// A table as text, each line indented by two and ended.
pub(super) fn table(columns: &[Column<'_>], rows: impl IntoIterator<Item = Vec<String>>, width: u16) -> String {
    let cell = |column: &Column<'_>, text: &str| match column {
        Column::Left(_) => Cell::new(text),
        Column::Right(_) => Cell::new(text).set_alignment(CellAlignment::Right),
    };
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic).set_width(width.saturating_sub(2));
    table.set_header(columns.iter().map(|c| match c {
        Column::Left(name) | Column::Right(name) => cell(c, name),
    }));
    for row in rows {
        table.add_row(columns.iter().zip(&row).map(|(column, text)| cell(column, text)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| format!("  {}\n", line.trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        assert!(is_yes("y\n") && is_yes(" YES \n"));
        assert!(!is_yes("\n") && !is_yes("yeah\n") && !is_yes("n\n") && !is_yes(""));
    }

    #[test]
    fn tables_line_up_and_wrap() {
        let columns = [Column::Left("table"), Column::Right("rows"), Column::Left("note")];
        let rows = [["customer", "150,000", "keys and a much longer text that has to be broken"], ["nation", "25", ""]];
        let text = table(&columns, rows.map(|r| r.map(String::from).to_vec()), 50);
        insta::assert_snapshot!(text);
    }
}
