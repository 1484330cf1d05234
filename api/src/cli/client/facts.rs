//! Facts about one thing: a label and a value on each line.

/// Lines of the facts that are known, values lined up.
pub(super) fn lines<'a>(facts: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let known: Vec<(&str, String)> = facts.into_iter().filter_map(|(label, value)| Some((label, value?))).collect();
    let width = known.iter().map(|(label, _)| label.chars().count()).max().unwrap_or_default();
    known.iter().map(|(label, value)| format!("  {label:<width$}  {value}\n")).collect()
}

/// Parts that are known, joined by commas; none where none is.
pub(super) fn joined(parts: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    let known: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    (!known.is_empty()).then(|| known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_leaves_no_line() {
        let facts = [("status", Some("running".to_owned())), ("expected", None), ("id", Some("m1".to_owned()))];
        assert_eq!(lines(facts), "  status  running\n  id      m1\n");
        assert_eq!(
            joined([Some("a".to_owned()), None, Some(String::new()), Some("b".to_owned())]),
            Some("a, b".into())
        );
        assert_eq!(joined([None]), None);
    }
}
