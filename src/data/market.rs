//! MatrixMarket files: `%%MatrixMarket matrix coordinate|array real|integer|pattern general|symmetric`, then the size,
//! then the entries, indices from 1 (Boisvert, Pozo and Remington, *The Matrix Market exchange formats*, 1996).

use std::io::BufRead;
use std::path::Path;

use super::compressed;
use super::coordinates::{Fault, MAX_NODES, compress, each_line, fault, number};
use super::matrix::{Dense, Matrix};
use crate::error::{Error, Result, quoted};

const BANNER: &str = "%%MatrixMarket matrix coordinate|array real|integer|pattern general|symmetric";

/// Reads a MatrixMarket file, plain, gzip or xz. See [`parse_market`].
///
/// # Errors
/// As [`parse_market`], and [`Error::Io`] when the file can't be read.
///
/// ```
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("small.mtx");
/// std::fs::write(&path, "%%MatrixMarket matrix coordinate real symmetric\n2 2 2\n1 1 4\n2 1 -1\n")?;
/// let matrix = steadfast::data::read_market(&path)?;
/// assert_eq!((matrix.rows(), matrix.cols(), matrix.stored()), (2, 2, 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_market(path: &Path) -> Result<Matrix<f64>> {
    parse_market(compressed::open(path)?, &path.display().to_string())
}

/// Reads MatrixMarket text; `name` stands in the errors. `coordinate` becomes a sparse matrix, `array` (column by
/// column) a dense one. Of a symmetric matrix the lower triangle is given and the upper one mirrored. A pattern's
/// entries are 1. Entries at one place are added.
///
/// # Errors
/// [`Error::Input`] with the line's number for a banner of another kind, a broken size or entry, an index outside the
/// size or above the diagonal of a symmetric matrix, a value that is not finite; and for more or fewer entries than
/// announced.
pub fn parse_market(reader: impl BufRead, name: &str) -> Result<Matrix<f64>> {
    let mut parser = Parser::default();
    each_line(reader, name, '%', |line| parser.line(line))?;
    parser.finish(name)
}

#[derive(Default)]
struct Parser {
    kind: Option<Kind>,
    size: Option<(u32, u32, u64)>,
    entries: Vec<(u32, u32, f64)>,
    /// Entries as given, before mirroring.
    given: u64,
    array: Vec<f64>,
}

#[derive(Clone, Copy)]
struct Kind {
    coordinate: bool,
    pattern: bool,
    symmetric: bool,
}

impl Parser {
    fn line(&mut self, line: &str) -> Result<(), Fault> {
        let Some(kind) = self.kind else {
            self.kind = Some(banner(line)?);
            return Ok(());
        };
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let Some(size) = self.size else {
            self.size = Some(size(&words, line, kind)?);
            return Ok(());
        };
        self.given += 1;
        if self.given > size.2 {
            return fault(format!("entry {}", self.given), format!("the {} entries of the size line", size.2));
        }
        if kind.coordinate { self.coordinate(&words, line, kind, size) } else { self.value(&words, line) }
    }

    fn coordinate(&mut self, words: &[&str], line: &str, kind: Kind, size: (u32, u32, u64)) -> Result<(), Fault> {
        let (i, j, value) = match (words, kind.pattern) {
            ([i, j], true) => (index(i, size.0)?, index(j, size.1)?, 1.0),
            ([i, j, value], false) => (index(i, size.0)?, index(j, size.1)?, number(value)?),
            (_, true) => return fault(quoted(line.as_bytes()), "`row column`"),
            (_, false) => return fault(quoted(line.as_bytes()), "`row column value`"),
        };
        if kind.symmetric && j > i {
            let got = format!("row {}, column {} of a symmetric matrix", i + 1, j + 1);
            return fault(got, "entries on or below the diagonal");
        }
        self.entries.push((i, j, value));
        if kind.symmetric && i != j {
            self.entries.push((j, i, value));
        }
        Ok(())
    }

    fn value(&mut self, words: &[&str], line: &str) -> Result<(), Fault> {
        let [value] = words else { return fault(quoted(line.as_bytes()), "one value") };
        self.array.push(number(value)?);
        Ok(())
    }

    fn finish(self, name: &str) -> Result<Matrix<f64>> {
        let (Some(kind), Some((rows, cols, count))) = (self.kind, self.size) else {
            return Err(Error::input(name, "no size line", format!("`{BANNER}` and a line `rows columns entries`")));
        };
        if self.given != count {
            return Err(Error::input(name, format!("{} entries", self.given), format!("{count}, as the size says")));
        }
        let (rows, cols) = (rows as usize, cols as usize);
        if kind.coordinate {
            return Ok(Matrix::Csr(compress(rows, cols, self.entries, name)?));
        }
        let by_rows = (0..rows).flat_map(|i| (0..cols).map(move |j| j * rows + i));
        Ok(Matrix::Dense(Dense::new(rows, cols, by_rows.map(|at| self.array[at]).collect())?))
    }
}

fn banner(line: &str) -> Result<Kind, Fault> {
    let words: Vec<String> = line.split_ascii_whitespace().map(str::to_ascii_lowercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ["%%matrixmarket", "matrix", form, field, shape] = words[..] else {
        return fault(quoted(line.as_bytes()), BANNER);
    };
    let coordinate = form == "coordinate";
    let known = (coordinate || form == "array")
        && (["real", "integer"].contains(&field) || (coordinate && field == "pattern"))
        && (shape == "general" || (coordinate && shape == "symmetric"));
    if !known {
        let allowed = format!("{BANNER} (array: real or integer, general)");
        return fault(quoted(format!("{form} {field} {shape}").as_bytes()), allowed);
    }
    Ok(Kind { coordinate, pattern: field == "pattern", symmetric: shape == "symmetric" })
}

fn size(words: &[&str], line: &str, kind: Kind) -> Result<(u32, u32, u64), Fault> {
    let numbers: Option<Vec<u64>> = words.iter().map(|w| w.parse().ok()).collect();
    let (rows, cols, count) = match (numbers.as_deref(), kind.coordinate) {
        (Some(&[rows, cols, count]), true) => (rows, cols, count),
        (Some(&[rows, cols]), false) => (rows, cols, rows.saturating_mul(cols)),
        (_, true) => return fault(quoted(line.as_bytes()), "`rows columns entries`"),
        (_, false) => return fault(quoted(line.as_bytes()), "`rows columns`"),
    };
    let most = u64::from(MAX_NODES);
    match (u32::try_from(rows), u32::try_from(cols)) {
        (Ok(r), Ok(c)) if (1..=most).contains(&rows) && (1..=most).contains(&cols) => {
            if kind.symmetric && r != c {
                return fault(format!("a symmetric matrix of {rows} x {cols}"), "as many rows as columns");
            }
            Ok((r, c, count))
        }
        _ => fault(format!("{rows} x {cols}"), format!("1 to {most} rows and columns")),
    }
}

/// An index from 1 to `most`, counted from 0.
fn index(text: &str, most: u32) -> Result<u32, Fault> {
    match text.parse::<u32>() {
        Ok(i) if (1..=most).contains(&i) => Ok(i - 1),
        _ => fault(format!("index {}", quoted(text.as_bytes())), format!("a whole number from 1 to {most}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Matrix<f64>> {
        parse_market(text.as_bytes(), "t.mtx")
    }

    #[test]
    fn each_kind_reads_to_its_entries() {
        let symmetric = "%%MatrixMarket MATRIX coordinate real symmetric\n% why\n\n3 3 3\n1 1 2\n3 1 -1.5e0\r\n1 1 1\n";
        let Matrix::Csr(a) = parse(symmetric).unwrap() else { panic!("coordinates are sparse") };
        assert_eq!((a.offsets(), a.indices(), a.values()), (&[0, 2, 2, 3][..], &[0, 2, 0][..], &[3.0, -1.5, -1.5][..]));
        let pattern = "%%MatrixMarket matrix coordinate pattern general\n2 3 2\n2 3\n1 1";
        let Matrix::Csr(a) = parse(pattern).unwrap() else { panic!("coordinates are sparse") };
        assert_eq!((a.rows(), a.cols(), a.indices(), a.values()), (2, 3, &[0, 2][..], &[1.0, 1.0][..]));
        // An array goes column by column.
        let Matrix::Dense(b) = parse("%%MatrixMarket matrix array integer general\n2 2\n1\n2\n3\n4").unwrap() else {
            panic!("arrays are dense")
        };
        assert_eq!(b.values(), [1.0, 3.0, 2.0, 4.0]);
    }

    #[test]
    fn each_fault_names_its_line() {
        let head = "%%MatrixMarket matrix coordinate real symmetric\n";
        for (text, line, named) in [
            ("1 2\n", 1, "`1 2`"),
            ("%%MatrixMarket matrix coordinate complex general\n", 1, "complex"),
            ("%%MatrixMarket matrix array pattern general\n", 1, "array pattern"),
            (&format!("{head}2 3 1\n"), 2, "2 x 3"),
            (&format!("{head}0 0 0\n"), 2, "0 x 0"),
            (&format!("{head}200000000 200000000 0\n"), 2, "100000000"),
            (&format!("{head}2 2\n"), 2, "rows columns entries"),
            (&format!("{head}2 2 1\n1 2 5\n"), 3, "below the diagonal"),
            (&format!("{head}2 2 1\n0 1 5\n"), 3, "index `0`"),
            (&format!("{head}2 2 1\n3 1 5\n"), 3, "index `3`"),
            (&format!("{head}2 2 1\n1 1 nan\n"), 3, "value `nan`"),
            (&format!("{head}2 2 1\n1 1\n"), 3, "row column value"),
            (&format!("{head}2 2 1\n1 1 1\n2 2 1\n"), 4, "entry 2"),
        ] {
            let error = parse(text).unwrap_err();
            let message = error.to_string();
            assert!(message.starts_with(&format!("t.mtx, line {line}: ")) && message.contains(named), "{message}");
            assert_eq!(error.exit_status(), 2);
        }
        for (text, named) in [
            ("", "no size line"),
            (head, "no size line"),
            (&format!("{head}2 2 2\n1 1 1\n"), "1 entries"),
            (&format!("{head}1 1 2\n1 1 1e308\n1 1 1e308\n"), "add up to inf"),
        ] {
            assert!(parse(text).unwrap_err().to_string().contains(named), "{text}");
        }
    }
}
