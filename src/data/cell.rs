//! Small pieces of text: what a cell of a table holds, and how to show one in an error message.

pub(super) use crate::error::quoted;

/// What one cell of a CSV file holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell<'a> {
    /// Nothing, or a usual word for nothing.
    Missing,
    /// A finite number.
    Number(f64),
    /// A number that is not finite.
    Infinite,
    /// Anything else.
    Text(&'a str),
}

impl<'a> Cell<'a> {
    /// Reads a trimmed cell. Missing are the empty cell, `?`, and `NA`, `N/A`, `NaN` and `null` in any case.
    pub(super) fn read(text: &'a str) -> Self {
        if let Ok(x) = text.parse::<f64>() {
            return if x.is_nan() {
                Cell::Missing
            } else if x.is_infinite() {
                Cell::Infinite
            } else {
                Cell::Number(x)
            };
        }
        let missing = ["", "?", "na", "n/a", "null"];
        if missing.iter().any(|m| text.eq_ignore_ascii_case(m)) { Cell::Missing } else { Cell::Text(text) }
    }
}

/// The first names of a list, for an error message.
pub(super) fn listed<S: AsRef<str>>(names: impl ExactSizeIterator<Item = S>) -> String {
    let count = names.len();
    let shown = names.take(12).map(|n| quoted(n.as_ref().as_bytes())).collect::<Vec<_>>().join(", ");
    if count > 12 { format!("{shown}, ... ({count} in all)") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_told_apart() {
        assert_eq!(Cell::read("-1.5e3"), Cell::Number(-1500.0));
        for missing in ["", "NA", "nan", "NaN", "n/a", "NULL", "?"] {
            assert_eq!(Cell::read(missing), Cell::Missing, "{missing}");
        }
        assert_eq!(Cell::read("-inf"), Cell::Infinite);
        assert_eq!(Cell::read("1e400"), Cell::Infinite);
        assert_eq!(Cell::read("None"), Cell::Text("None"));
    }

    #[test]
    fn shown_text_is_one_short_line() {
        assert_eq!(quoted(b"a\nb\xff"), "`a\\nb\u{fffd}`");
        assert_eq!(quoted(&[b'x'; 41]), format!("`{}...`", "x".repeat(40)));
        assert_eq!(listed(["a", "b"].iter()), "`a`, `b`");
        assert!(listed((0..20).map(|i| i.to_string())).ends_with("`11`, ... (20 in all)"));
    }
}
