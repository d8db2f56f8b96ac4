//! One data line of an MPS file, cut into fields.

use crate::error::quoted;

/// What is wrong with a line, before its place is known.
pub(super) struct Fault {
    pub got: String,
    pub allowed: String,
}

pub(super) fn fault<T>(got: impl Into<String>, allowed: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { got: got.into(), allowed: allowed.into() })
}

/// First columns (from 0) and ends of the six fields of fixed MPS.
const FIXED: [(usize, usize); 6] = [(1, 3), (4, 12), (14, 22), (24, 36), (39, 47), (49, 61)];

/// The fields between blanks (free MPS, and fixed MPS whose names hold no blanks).
pub(super) fn free(line: &str) -> Vec<&str> {
    line.split_ascii_whitespace().collect()
}

/// The fields by their columns (fixed MPS, whose names may hold blanks), without empty ones. `None` where something
/// stands between the columns, so that the line is not fixed MPS.
pub(super) fn fixed(line: &str) -> Option<Vec<&str>> {
    let line = line.trim_end();
    if !line.is_ascii() {
        return None;
    }
    let mut fields = Vec::new();
    let mut last = 0;
    for (start, end) in FIXED {
        let part = |from: usize, to: usize| line.get(from.min(line.len())..to.min(line.len())).unwrap_or_default();
        if !part(last, start).trim().is_empty() {
            return None;
        }
        let field = part(start, end).trim();
        if !field.is_empty() {
            fields.push(field);
        }
        last = end;
    }
    line.get(last.min(line.len())..).is_some_and(|rest| rest.trim().is_empty()).then_some(fields)
}

/// A number, also with Fortran's exponent letter `D`. Infinities are left to the caller, NaN is none.
pub(super) fn number(text: &str) -> Option<f64> {
    let value = text.parse().or_else(|_| text.replace(['d', 'D'], "e").parse::<f64>()).ok()?;
    (!value.is_nan()).then_some(value)
}

/// A finite number, or the fault that names it.
pub(super) fn finite(text: &str, what: &str) -> Result<f64, Fault> {
    match number(text) {
        Some(value) if value.is_finite() => Ok(value),
        _ => fault(format!("{what} {}", quoted(text.as_bytes())), "a finite number"),
    }
}

/// The (name, number) pairs of a line of COLUMNS, RHS or RANGES, after the name of a column or set where there is one.
pub(super) struct Pairs<'a> {
    pub of: Option<&'a str>,
    pub pairs: Vec<(&'a str, f64)>,
}

/// Cuts such a line. `named`: whether the first field must be there (COLUMNS) or may be missing (RHS, RANGES).
pub(super) fn pairs<'a>(line: &'a str, named: bool) -> Result<Pairs<'a>, Fault> {
    let cut = |fields: &[&'a str]| -> Result<Pairs<'a>, Fault> {
        let (of, rest) = match fields.len() {
            3 | 5 => (Some(fields[0]), &fields[1..]),
            2 | 4 if !named => (None, fields),
            count => {
                let allowed = if named { "`column row value`" } else { "`set row value`" };
                return fault(format!("{count} fields"), format!("{allowed}, then perhaps another row and value"));
            }
        };
        let pairs = rest.chunks_exact(2).map(|p| Ok((p[0], finite(p[1], "number")?))).collect::<Result<_, Fault>>()?;
        Ok(Pairs { of, pairs })
    };
    // Names with blanks make too many fields or words where numbers should be; the columns then tell.
    cut(&free(line)).or_else(|first| fixed(line).and_then(|fields| cut(&fields).ok()).ok_or(first))
}

/// A line of BOUNDS. The set may be missing, and the value of kinds that have none.
#[derive(Clone, Copy)]
pub(super) struct BoundLine<'a> {
    pub kind: &'a str,
    pub set: Option<&'a str>,
    pub column: &'a str,
    pub value: Option<&'a str>,
}

/// Cuts such a line; `known` says which names are columns.
pub(super) fn bound<'a>(line: &'a str, known: impl Fn(&str) -> bool) -> Result<BoundLine<'a>, Fault> {
    let cut = |fields: &[&'a str]| -> Option<BoundLine<'a>> {
        let (&kind, rest) = fields.split_first()?;
        let needs_value = match kind {
            "UP" | "LO" | "FX" | "LI" | "UI" | "SC" => true,
            "FR" | "MI" | "PL" | "BV" => false,
            _ => return None,
        };
        let (set, column, value) = match *rest {
            [set, column, value] => (Some(set), column, Some(value)),
            [column, value] if needs_value => (None, column, Some(value)),
            // A value that is not needed, after a column without a set.
            [column, value] if known(column) && !known(value) => (None, column, Some(value)),
            [set, column] => (Some(set), column, None),
            [column] if !needs_value => (None, column, None),
            _ => return None,
        };
        Some(BoundLine { kind, set, column, value })
    };
    let by_blanks = cut(&free(line));
    if let Some(cut) = by_blanks.filter(|cut| known(cut.column)) {
        return Ok(cut);
    }
    let by_columns = fixed(line).and_then(|fields| cut(&fields)).filter(|cut| known(cut.column));
    by_columns.or(by_blanks).map_or_else(
        || fault(quoted(line.trim().as_bytes()), "`kind set column value` with kind UP, LO, FX, FR, MI or PL"),
        Ok,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_blanks_are_cut_by_columns() {
        let line = "    MY COL    ROW 1            12.5    ROW 2           -1D+2";
        let Ok(cut) = pairs(line, true) else { panic!("fixed MPS") };
        assert_eq!((cut.of, cut.pairs), (Some("MY COL"), vec![("ROW 1", 12.5), ("ROW 2", -100.0)]));
    }

    #[test]
    fn a_set_without_a_name_is_read() {
        let Ok(cut) = pairs(" a 1 b 2", false) else { panic!("two pairs") };
        assert_eq!((cut.of, cut.pairs), (None, vec![("a", 1.0), ("b", 2.0)]));
        assert!(pairs(" a 1", true).is_err() && pairs(" a b c d", false).is_err() && pairs(" a x", false).is_err());
    }
}
