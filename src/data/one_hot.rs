//! How the columns of a CSV file become features, kept in the model so that a later file is read the same way.

use std::collections::BTreeMap;

use super::cell::{Cell, quoted};
use serde::{Deserialize, Serialize};

/// How the cells of one column become features.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellEncoding {
    /// One feature, the number.
    Number,
    /// Two features: the number (0 where the cell is missing), and 1 where it is missing.
    NumberOrMissing,
    /// One feature a category, 1 in rows that carry it; in ascending order. A missing cell is the category with the
    /// empty name.
    Categories(Vec<String>),
}

/// A column of a CSV file and how it is encoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvColumn {
    /// Its name in the header.
    pub name: String,
    /// How its cells become features.
    pub encoding: CellEncoding,
}

impl CsvColumn {
    /// Number of features the column becomes.
    pub fn width(&self) -> usize {
        match &self.encoding {
            CellEncoding::Number => 1,
            CellEncoding::NumberOrMissing => 2,
            CellEncoding::Categories(names) => names.len(),
        }
    }
}

/// How a CSV file becomes features: the label column and, in order, every feature column. A model trained from a CSV
/// file keeps it, so that columns of a later file are found by name and its categories become the same features.
///
/// ```
/// use steadfast::data::{CsvOptions, parse_csv};
/// let text = b"colour,size,label\nred,1,yes\nblue,2,no\n";
/// let read = parse_csv(text, "t.csv", &CsvOptions { one_hot: true, ..CsvOptions::default() })?;
/// assert_eq!(read.encoding.features(), ["colour=blue", "colour=red", "size"]);
/// // The same columns in another order, for a prediction: no label needed, same features.
/// let options = CsvOptions { encoding: Some(read.encoding), label_optional: true, ..CsvOptions::default() };
/// let later = parse_csv(b"size,colour\n3,red\n", "u.csv", &options)?;
/// assert_eq!(later.data.features.cols(), 3);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OneHot {
    /// Name of the label column, if the file had one.
    pub label: Option<String>,
    /// The feature columns.
    pub columns: Vec<CsvColumn>,
}

impl OneHot {
    /// Name of each feature: the column's, or `column=category`, or `column=missing`.
    pub fn features(&self) -> Vec<String> {
        let mut names = Vec::new();
        for CsvColumn { name, encoding } in &self.columns {
            match encoding {
                CellEncoding::Number => names.push(name.clone()),
                CellEncoding::NumberOrMissing => names.extend([name.clone(), format!("{name}=missing")]),
                CellEncoding::Categories(own) => names.extend(own.iter().map(|c| format!("{name}={c}"))),
            }
        }
        names
    }

    /// Number of features.
    pub fn width(&self) -> usize {
        self.columns.iter().map(CsvColumn::width).sum()
    }

    /// True when every feature is a column's number, as without one-hot encoding.
    pub fn is_plain(&self) -> bool {
        self.columns.iter().all(|c| c.encoding == CellEncoding::Number)
    }
}

/// Why a cell can't be encoded: what was got, and what is allowed.
pub(super) struct Refused {
    pub(super) got: String,
    pub(super) allowed: String,
}

fn refuse(got: impl Into<String>, allowed: impl Into<String>) -> Refused {
    Refused { got: got.into(), allowed: allowed.into() }
}

/// What the encoder does with the cells of a column.
enum Rule {
    Number,
    NumberOrMissing,
    /// Category to its place among the column's features.
    Known(BTreeMap<String, u32>),
    /// Category to its provisional feature, given out as categories turn up.
    Learning(BTreeMap<String, u32>),
}

/// Encodes rows cell by cell into (feature, value) pairs in ascending features.
pub(super) struct Encoder {
    names: Vec<String>,
    rules: Vec<Rule>,
    /// For each feature given out: its column, and its order there (known, or found by [`Encoder::finish`]).
    features: Vec<(usize, u32)>,
    /// First feature of each column that has fixed ones.
    firsts: Vec<u32>,
    hint: &'static str,
}

/// What a first pass over a column found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    pub(super) text: bool,
    pub(super) missing: bool,
}

impl Encoder {
    /// For columns of which a first pass saw `seen`; text columns learn their categories on the way.
    pub(super) fn learning(names: Vec<String>, seen: &[Seen]) -> Self {
        let rules = seen.iter().map(|s| match s {
            Seen { text: true, .. } => Rule::Learning(BTreeMap::new()),
            Seen { missing: true, .. } => Rule::NumberOrMissing,
            Seen { .. } => Rule::Number,
        });
        Self::new(names, rules.collect(), "finite numbers")
    }

    /// For columns that must hold numbers.
    pub(super) fn numbers(names: Vec<String>) -> Self {
        let rules = names.iter().map(|_| Rule::Number).collect();
        Self::new(names, rules, "numbers (--one-hot turns text into categories)")
    }

    /// As the model that `encoding` comes from.
    pub(super) fn known(encoding: &OneHot) -> Self {
        let rules = encoding.columns.iter().map(|c| match &c.encoding {
            CellEncoding::Number => Rule::Number,
            CellEncoding::NumberOrMissing => Rule::NumberOrMissing,
            CellEncoding::Categories(names) => Rule::Known(names.iter().cloned().zip(0..).collect()),
        });
        let names = encoding.columns.iter().map(|c| c.name.clone()).collect();
        Self::new(names, rules.collect(), "numbers, as in the model's training data")
    }

    fn new(names: Vec<String>, rules: Vec<Rule>, hint: &'static str) -> Self {
        let mut features = Vec::new();
        let mut firsts = Vec::with_capacity(rules.len());
        for (column, rule) in rules.iter().enumerate() {
            firsts.push(features.len() as u32);
            let fixed = match rule {
                Rule::Number => 1,
                Rule::NumberOrMissing => 2,
                Rule::Known(names) => names.len() as u32,
                Rule::Learning(_) => 0,
            };
            features.extend((0..fixed).map(|order| (column, order)));
        }
        Encoder { names, rules, features, firsts, hint }
    }

    /// Encodes one cell of column `column`; `push(feature, value)` is called at most once, never with a zero.
    pub(super) fn encode(&mut self, column: usize, cell: &str, mut push: impl FnMut(u32, f64)) -> Result<(), Refused> {
        let first = self.firsts[column];
        let mut number = |x: f64| {
            if x != 0.0 {
                push(first, x);
            }
        };
        match (&mut self.rules[column], Cell::read(cell)) {
            (Rule::Number | Rule::NumberOrMissing, Cell::Number(x)) => number(x),
            (Rule::NumberOrMissing, Cell::Missing) => push(first + 1, 1.0),
            (Rule::Number | Rule::NumberOrMissing, Cell::Infinite) => {
                return Err(refuse(quoted(cell.as_bytes()), "finite numbers"));
            }
            (Rule::Number, Cell::Missing) => return Err(refuse("a missing cell", self.hint)),
            (Rule::Number | Rule::NumberOrMissing, Cell::Text(text)) => {
                return Err(refuse(format!("the text {}", quoted(text.as_bytes())), self.hint));
            }
            (Rule::Known(categories), read) => match categories.get(category(cell, read)) {
                Some(order) => push(first + order, 1.0),
                None => {
                    let known = super::cell::listed(categories.keys());
                    let got = format!("the category {}, unseen in training", quoted(cell.as_bytes()));
                    return Err(refuse(got, format!("one of {known}")));
                }
            },
            (Rule::Learning(categories), read) => {
                let name = category(cell, read);
                let feature = match categories.get(name) {
                    Some(&feature) => feature,
                    None => {
                        let feature = self.features.len() as u32;
                        categories.insert(name.to_owned(), feature);
                        // The order in the column is not known yet.
                        self.features.push((column, 0));
                        feature
                    }
                };
                push(feature, 1.0);
            }
        }
        Ok(())
    }

    /// The encoding found, with the final place of each feature that was given out.
    pub(super) fn finish(mut self, label: Option<String>) -> (OneHot, Vec<u32>) {
        let mut columns = Vec::with_capacity(self.rules.len());
        for (rule, name) in self.rules.into_iter().zip(self.names) {
            let encoding = match rule {
                Rule::Number => CellEncoding::Number,
                Rule::NumberOrMissing => CellEncoding::NumberOrMissing,
                Rule::Known(categories) => {
                    let mut names = vec![String::new(); categories.len()];
                    categories.into_iter().for_each(|(name, order)| names[order as usize] = name);
                    CellEncoding::Categories(names)
                }
                Rule::Learning(categories) => {
                    for (order, feature) in (0..).zip(categories.values()) {
                        self.features[*feature as usize].1 = order;
                    }
                    CellEncoding::Categories(categories.into_keys().collect())
                }
            };
            columns.push(CsvColumn { name, encoding });
        }
        let starts = columns.iter().scan(0u32, |next, c| {
            let start = *next;
            *next += c.width() as u32;
            Some(start)
        });
        let starts: Vec<u32> = starts.collect();
        let places = self.features.iter().map(|&(column, order)| starts[column] + order).collect();
        (OneHot { label, columns }, places)
    }
}

/// The category a cell stands for.
fn category<'a>(cell: &'a str, read: Cell<'_>) -> &'a str {
    if read == Cell::Missing { "" } else { cell }
}
