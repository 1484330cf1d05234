//! Figures for people, as the contract writes them.

/// Bytes in decimal units, with one digit: `47.2 GB`.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    /// What is rounded to this is written in the next unit: there is no `1000.0 kB`.
    const NEXT: f64 = 999.95;
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut figure = bytes as f64 / 1000.0;
    let mut units = UNITS.into_iter();
    let mut unit = units.next().unwrap_or_default();
    for larger in units {
        if figure < NEXT {
            break;
        }
        figure /= 1000.0;
        unit = larger;
    }
    format!("{figure:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_contract_writes_them() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (32_400_000, "32.4 MB"),
            (47_200_000_000, "47.2 GB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (exact, text) in cases {
            assert_eq!(bytes(exact), text);
        }
    }
}
