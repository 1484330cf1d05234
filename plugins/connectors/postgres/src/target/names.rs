//! Names that are unique where PostgreSQL wants them unique.
//!
//! Tables, indexes (so also primary keys and unique constraints), sequences and types of a schema share one name
//! space; foreign keys and checks share that of their table.

use std::collections::HashSet;

use crate::sql::shorten;

/// Names taken so far.
#[derive(Default)]
pub(super) struct Names {
    taken: HashSet<(String, String)>,
}

impl Names {
    /// Takes a name that somebody else has chosen.
    pub(super) fn reserve(&mut self, space: &str, name: &str) {
        self.taken.insert((space.to_owned(), name.to_owned()));
    }

    /// `wanted`, or if that is taken `<table>_<wanted>`, or that with a number. The same each time for the same input.
    pub(super) fn unique(&mut self, space: &str, table: &str, wanted: &str) -> String {
        let prefixed = format!("{table}_{wanted}");
        let numbered = (2..).map(|n| format!("{prefixed}_{n}"));
        let mut candidates =
            [wanted.to_owned(), prefixed.clone()].into_iter().chain(numbered).map(|name| shorten(&name));
        let free = candidates.find(|name| !self.taken.contains(&(space.to_owned(), name.clone())));
        // The numbers never end, so there is always one.
        let name = free.unwrap_or_else(|| shorten(&prefixed));
        self.reserve(space, &name);
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collisions_get_the_table_and_then_a_number() {
        let mut names = Names::default();
        assert_eq!(names.unique("s", "a", "by_name"), "by_name");
        assert_eq!(names.unique("s", "b", "by_name"), "b_by_name");
        assert_eq!(names.unique("s", "b", "by_name"), "b_by_name_2");
        assert_eq!(names.unique("t", "b", "by_name"), "by_name");
        assert!(names.unique("s", &"x".repeat(63), "by_name").len() <= 63);
    }
}
