//! Missing rights as sentences: one form for all connectors.

/// Tables that one sentence names; the others are counted. Its statement is what a person acts on, not the list.
const NAMED: usize = 5;

/// `SELECT on the schema ..: GRANT ..`: the right, the object, the statement that grants it.
#[must_use]
pub fn missing(right: &str, object: &str, statement: &str) -> String {
    format!("{right} on {object}: {statement}")
}

/// `` 2 tables of `hr` (employees, jobs) ``.
#[must_use]
pub fn tables_of(schema: &str, names: &[String]) -> String {
    let count = names.len();
    let noun = if count == 1 { "table" } else { "tables" };
    let more = if count > NAMED { format!(" and {} more", count - NAMED) } else { String::new() };
    format!("{count} {noun} of `{schema}` ({}{more})", names[..count.min(NAMED)].join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_tables_are_named_and_many_are_counted() {
        let names = |count: usize| (1..=count).map(|n| format!("t{n}")).collect::<Vec<_>>();
        assert_eq!(tables_of("hr", &names(1)), "1 table of `hr` (t1)");
        assert_eq!(tables_of("hr", &names(5)), "5 tables of `hr` (t1, t2, t3, t4, t5)");
        assert_eq!(tables_of("hr", &names(7)), "7 tables of `hr` (t1, t2, t3, t4, t5 and 2 more)");
    }
}
