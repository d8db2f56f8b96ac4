//! LIBSVM text: one row a line, `label index:value index:value …`, indices from 1 in ascending order, zeros left out.

use std::io::{BufRead, Write};
use std::path::Path;

use super::cell::quoted;
use super::compressed;
use super::dataset::{Dataset, Labels};
use super::matrix::Csr;
use crate::error::{Error, Result};

/// Largest feature index read. A weight vector of that many numbers takes 0.8 GB; a larger index is far more likely a
/// broken line than data.
pub const MAX_FEATURES: u32 = 100_000_000;

/// Reads a LIBSVM text file, plain, gzip or xz. See [`parse_libsvm`].
///
/// # Errors
/// As [`parse_libsvm`], and [`Error::Io`] when the file can't be read.
///
/// ```
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("small.svm");
/// std::fs::write(&path, "+1 1:0.5 3:2\n-1 2:1 # a comment\n")?;
/// let data = steadfast::data::read_libsvm(&path, None)?;
/// assert_eq!((data.features.rows(), data.features.cols()), (2, 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_libsvm(path: &Path, width: Option<usize>) -> Result<Dataset<f64>> {
    parse_libsvm(compressed::open(path)?, &path.display().to_string(), width)
}

/// Reads LIBSVM text from `reader`; `name` stands in the errors. Blank lines and what follows `#` are skipped, lines may
/// end in CRLF. The labels are [`Labels::Real`]. The features are kept sparse or made dense, whichever takes fewer bytes
/// (12 a non-zero against 8 an entry).
///
/// `width` is the number of features of the data this file goes with (a model, a training set, a manifest): a narrower
/// file gets that width, a wider one is an error. Without it the largest index is the width.
///
/// # Errors
/// [`Error::Input`] with the line's number for a broken token, a missing label, a `qid:`, an index of zero, indices out
/// of order or repeated, an index above `width` or [`MAX_FEATURES`], a value or label that is not finite; and for text
/// without rows or without features.
pub fn parse_libsvm(mut reader: impl BufRead, name: &str, width: Option<usize>) -> Result<Dataset<f64>> {
    let mut rows = Rows { offsets: vec![0], ..Rows::default() };
    let limit = width.map_or(MAX_FEATURES, |w| u32::try_from(w).unwrap_or(u32::MAX).min(MAX_FEATURES));
    let mut text = Vec::new();
    let mut line = 0u64;
    loop {
        text.clear();
        let read = reader.read_until(b'\n', &mut text).map_err(|e| compressed::stream_error(name, line, e))?;
        if read == 0 {
            break;
        }
        line += 1;
        let bare = if line == 1 { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text) } else { &text };
        let bare = bare.split(|&b| b == b'#').next().unwrap_or_default();
        rows.read_line(bare, limit, width.is_some())
            .map_err(|fault| Error::input(format!("{name}, line {line}"), fault.got, fault.allowed))?;
    }
    rows.finish(name, width)
}

/// Writes a data set with real labels as LIBSVM text that reads back to the same numbers, bit for bit (a negative zero
/// excepted: zeros are left out).
///
/// # Errors
/// [`Error::Input`] for class labels whose names are not numbers, [`Error::Io`] when `out` fails.
pub fn write_libsvm(data: &Dataset<f64>, mut out: impl Write) -> Result<()> {
    let labels = data.labels.real()?;
    let failed = |source| Error::Io { action: "write", path: "LIBSVM text".into(), before_work: false, source };
    let mut line = String::new();
    for (i, label) in labels.iter().enumerate() {
        line.clear();
        // `{:?}` prints the shortest digits that read back to the same f64, with an exponent where they would be long.
        line.push_str(&format!("{label:?}"));
        data.features.for_each_in_row(i, |j, x| {
            if x != 0.0 {
                line.push_str(&format!(" {}:{x:?}", j + 1));
            }
        });
        line.push('\n');
        out.write_all(line.as_bytes()).map_err(failed)?;
    }
    out.flush().map_err(failed)
}

/// What is wrong with a line, before its place is known.
struct Fault {
    got: String,
    allowed: String,
}

fn fault<T>(got: impl Into<String>, allowed: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { got: got.into(), allowed: allowed.into() })
}

/// The rows read so far, as compressed sparse rows.
#[derive(Default)]
struct Rows {
    labels: Vec<f64>,
    offsets: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f64>,
    width: u32,
}

impl Rows {
    fn read_line(&mut self, line: &[u8], limit: u32, fixed: bool) -> Result<(), Fault> {
        let mut tokens = line.split(u8::is_ascii_whitespace).filter(|t| !t.is_empty());
        let Some(label) = tokens.next() else { return Ok(()) };
        if label.contains(&b':') {
            return fault(format!("no label before {}", quoted(label)), "a line `label index:value index:value ...`");
        }
        let label = number(label, "label")?;
        let mut last = 0;
        for token in tokens {
            let Some(colon) = token.iter().position(|&b| b == b':') else {
                return fault(quoted(token), "index:value");
            };
            let (index, value) = (&token[..colon], &token[colon + 1..]);
            if index == b"qid" {
                return fault(format!("a query id {}", quoted(token)), "rows without qid: (ranking is not offered)");
            }
            let Some(index) = text(index).and_then(|t| t.parse::<u32>().ok()) else {
                return fault(quoted(token), format!("index:value with a whole index from 1 to {limit}"));
            };
            if index == 0 {
                return fault("index 0", "indices from 1");
            }
            if index > limit {
                let whose = if fixed { ", the features of the data or model it goes with" } else { "" };
                return fault(format!("index {index}"), format!("indices from 1 to {limit}{whose}"));
            }
            if index <= last {
                let got =
                    if index == last { format!("index {index} twice") } else { format!("index {index} after {last}") };
                return fault(got, "ascending indices");
            }
            last = index;
            let value =
                number(value, "value").map_err(|f| Fault { got: format!("{} at index {index}", f.got), ..f })?;
            if value != 0.0 {
                self.indices.push(index - 1);
                self.values.push(value);
            }
        }
        self.width = self.width.max(last);
        self.labels.push(label);
        self.offsets.push(self.values.len());
        Ok(())
    }

    fn finish(self, name: &str, width: Option<usize>) -> Result<Dataset<f64>> {
        if self.labels.is_empty() {
            return Err(Error::input(name, "no rows", "at least one line `label index:value ...`"));
        }
        let cols = width.unwrap_or(self.width as usize);
        if cols == 0 {
            return Err(Error::input(name, "rows without features", "at least one index:value"));
        }
        let features = Csr::new(self.labels.len(), cols, self.offsets, self.indices, self.values)?.compact();
        Dataset::new(features, Labels::Real(self.labels), Vec::new())
    }
}

fn text(token: &[u8]) -> Option<&str> {
    std::str::from_utf8(token).ok()
}

/// A finite number.
fn number(token: &[u8], what: &str) -> Result<f64, Fault> {
    match text(token).and_then(|t| t.parse::<f64>().ok()) {
        Some(x) if x.is_finite() => Ok(x),
        Some(_) => fault(format!("{what} {}", quoted(token)), "finite numbers"),
        None => fault(format!("{what} {}", quoted(token)), "a number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Matrix;

    fn parse(text: &str, width: Option<usize>) -> Result<Dataset<f64>> {
        parse_libsvm(text.as_bytes(), "t.svm", width)
    }

    #[test]
    fn reads_comments_blank_lines_crlf_and_a_byte_order_mark() {
        let data = parse("\u{feff}+1 1:0.5\t3:2e0\r\n\r\n# all comment\n-1.5  2:-1 # tail 9:9\n3", None).unwrap();
        assert_eq!(data.labels, Labels::Real(vec![1.0, -1.5, 3.0]));
        let Matrix::Csr(a) = &data.features else { panic!("3 of 9 entries: 36 bytes sparse, 72 dense") };
        assert_eq!((a.rows(), a.cols()), (3, 3));
        assert_eq!((a.offsets(), a.indices()), (&[0, 2, 3, 3][..], &[0, 2, 1][..]));
        assert_eq!(a.values(), [0.5, 2.0, -1.0]);
    }

    #[test]
    fn keeps_the_smaller_form() {
        // 12 bytes a non-zero, 8 an entry: two of three entries tie, and a tie is dense.
        assert!(!parse("1 1:1 3:1", None).unwrap().features.is_sparse());
        assert!(parse("1 1:1 4:1", None).unwrap().features.is_sparse());
        assert!(parse("1 1:1 3:0 4:1", None).unwrap().features.is_sparse());
    }

    #[test]
    fn the_width_of_a_model_is_a_floor_and_a_ceiling() {
        assert_eq!(parse("1 2:1", Some(5)).unwrap().features.cols(), 5);
        let message = parse("1 2:1\n1 6:1", Some(5)).unwrap_err().to_string();
        assert!(message.contains("line 2") && message.contains("index 6") && message.contains("1 to 5"), "{message}");
    }

    #[test]
    fn each_fault_names_its_line_and_what_stands_there() {
        for (line, named) in [
            ("x 1:1", "label `x`"),
            ("1:1 2:1", "no label"),
            ("nan 1:1", "label `nan`"),
            ("1 0:1", "index 0"),
            ("1 2:1 2:1", "index 2 twice"),
            ("1 3:1 2:1", "index 2 after 3"),
            ("1 1:NaN", "value `NaN` at index 1"),
            ("1 1:inf", "value `inf`"),
            ("1 1:1e999", "value `1e999`"),
            ("1 1:", "value ``"),
            ("1 :1", "`:1`"),
            ("1 1", "`1`"),
            ("1 1:2:3", "`2:3`"),
            ("1 -1:2", "`-1:2`"),
            ("1 qid:3 1:1", "query id"),
            ("1 4294967296:1", "4294967296"),
            ("1 100000001:1", "index 100000001"),
            ("1 1:\u{1}\u{7f}", "\\u{1}"),
        ] {
            let error = parse(&format!("1 1:1\n\n{line}\n1 1:1\n"), None).unwrap_err();
            let message = error.to_string();
            assert!(message.starts_with("t.svm, line 3: ") && message.contains(named), "{line:?}: {message}");
            assert_eq!(message.lines().count(), 1);
            assert_eq!(error.exit_status(), 2);
        }
        assert!(parse("", None).unwrap_err().to_string().contains("no rows"));
        assert!(parse("# nothing\n\n", None).unwrap_err().to_string().contains("no rows"));
        assert!(parse("1\n-1\n", None).unwrap_err().to_string().contains("without features"));
    }
}
