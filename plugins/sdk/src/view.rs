//! Views of the tables that a job makes.

use crate::catalog::TableName;
use crate::{Job, View, ViewPart};

impl View {
    /// The query, with tables and views by the names that they have where it is to stand.
    #[must_use]
    pub fn sql(&self, name: impl Fn(&TableName) -> String) -> String {
        let written = |part: &ViewPart| match part {
            ViewPart::Sql(sql) => sql.clone(),
            ViewPart::Table(table) => name(table),
        };
        self.query.iter().map(written).collect()
    }

    /// Names of its columns in parentheses, with a space before it; empty where they follow from the query.
    #[must_use]
    pub fn heading(&self, identifier: impl Fn(&str) -> String) -> String {
        let names: Vec<String> = self.columns.iter().map(|name| identifier(name)).collect();
        if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
    }
}

impl Job {
    /// Whether this is a table or view that the cutover puts into its place.
    #[must_use]
    pub fn makes(&self, name: &TableName) -> bool {
        self.made().any(|table| table.name == *name) || self.views.iter().any(|view| view.name == *name)
    }
}
