//! Reads linear programs from MPS files, free or fixed, plain or packed.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;

use super::linear::{LinearProgram, Row, Variable};
use super::mps_line::{Fault, bound, fault, fixed, free, number, pairs};
use crate::data::compressed;
use crate::error::{Error, Result, quoted};

/// From this absolute value on a bound is none.
const NO_BOUND: f64 = 1e20;

const SECTIONS: &str = "NAME, OBJSENSE, ROWS, COLUMNS, RHS, RANGES, BOUNDS, ENDATA";

/// Reads an MPS file, plain, gzip or xz. See [`parse_mps`].
///
/// # Errors
/// As [`parse_mps`], and [`Error::Io`] when the file can't be read.
///
/// ```
/// let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/afiro.mps");
/// let program = steadfast::program::read_mps(path.as_ref())?;
/// assert_eq!((program.rows().len(), program.variables().len()), (27, 32));
/// # Ok::<(), steadfast::Error>(())
/// ```
pub fn read_mps(path: &Path) -> Result<LinearProgram> {
    parse_mps(compressed::open(path)?, &path.display().to_string())
}

/// Reads an MPS text; `name` stands in the errors. Fields are cut at blanks; a line that makes no sense so is cut at the
/// columns of fixed MPS, where names may hold blanks. Comments begin with `*`.
///
/// The first N row is the objective, other N rows are left out; a right-hand side of the objective is minus its constant.
/// OBJSENSE may be MAX or MIN. A range R makes of an E row with limit b the limits `b..b + R` (`b + R..b` for a negative
/// R), of an L row `b - |R|..b`, of a G row `b..b + |R|`. Bounds are UP, LO, FX, FR, MI and PL; an upper bound below zero
/// without a lower one takes away the lower bound zero. Absolute values from 1e20 on are no bounds.
///
/// # Errors
/// [`Error::Input`] with the line's number for an unknown section or row kind, a field too many or too few, a name that
/// is unknown or comes twice, a number that is none, a second set of right-hand sides, ranges or bounds; for integer
/// variables (by name); and for a text without objective, columns or ENDATA.
pub fn parse_mps(mut reader: impl BufRead, name: &str) -> Result<LinearProgram> {
    let mut parser = Parser::default();
    let mut text = Vec::new();
    let mut line = 0u64;
    while parser.section != Section::End {
        text.clear();
        if reader.read_until(b'\n', &mut text).map_err(|e| compressed::stream_error(name, line, e))? == 0 {
            break;
        }
        line += 1;
        let utf8 = std::str::from_utf8(&text).map_err(|_| fault_of(quoted(&text), "text in UTF-8"));
        utf8.and_then(|text| parser.read_line(text.trim_start_matches('\u{feff}')))
            .map_err(|fault| Error::input(format!("{name}, line {line}"), fault.got, fault.allowed))?;
    }
    parser.finish().map_err(|fault| Error::input(name, fault.got, fault.allowed))
}

fn fault_of(got: impl Into<String>, allowed: impl Into<String>) -> Fault {
    Fault { got: got.into(), allowed: allowed.into() }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Section {
    #[default]
    Start,
    Sense,
    Rows,
    Columns,
    RightHandSide,
    Ranges,
    Bounds,
    End,
}

/// Where a row's entries go: the objective, a constraint by its number, or nowhere (a further N row).
#[derive(Debug, Clone, Copy)]
enum Place {
    Objective,
    Constraint(usize),
    Free,
}

#[derive(Default)]
struct Parser {
    section: Section,
    name: String,
    maximize: bool,
    constant: f64,
    places: BTreeMap<String, Place>,
    rows: Vec<Row>,
    /// The letter of each row, and whether RHS and RANGES named it.
    kinds: Vec<(u8, bool, bool)>,
    has_objective: bool,
    constant_given: bool,
    variables: Vec<Variable>,
    columns: BTreeMap<String, usize>,
    integer: bool,
    /// The set that RHS, RANGES and BOUNDS name.
    sets: [Option<String>; 3],
    lower_given: Vec<bool>,
    cost_given: Vec<bool>,
}

impl Parser {
    fn read_line(&mut self, line: &str) -> Result<(), Fault> {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('*') {
            return Ok(());
        }
        if !line.starts_with([' ', '\t']) {
            return self.header(line);
        }
        if line.trim_start().is_empty() {
            return Ok(());
        }
        match self.section {
            Section::Start => fault(quoted(line.trim().as_bytes()), format!("a section: {SECTIONS}")),
            Section::Sense => self.sense(line.trim()),
            Section::Rows => self.row(line),
            Section::Columns => self.column(line),
            Section::RightHandSide => self.right_hand_side(line),
            Section::Ranges => self.range(line),
            Section::Bounds => self.bound(line),
            Section::End => Ok(()),
        }
    }

    fn header(&mut self, line: &str) -> Result<(), Fault> {
        let mut words = line.split_ascii_whitespace();
        let section = words.next().unwrap_or_default();
        self.section = match section {
            "NAME" => {
                self.name = line["NAME".len()..].trim().to_string();
                return Ok(());
            }
            "OBJSENSE" => {
                self.section = Section::Sense;
                return words.next().map_or(Ok(()), |sense| self.sense(sense));
            }
            "ROWS" => Section::Rows,
            "COLUMNS" => Section::Columns,
            "RHS" => Section::RightHandSide,
            "RANGES" => Section::Ranges,
            "BOUNDS" => Section::Bounds,
            "ENDATA" => Section::End,
            other => return fault(format!("section {}", quoted(other.as_bytes())), SECTIONS),
        };
        Ok(())
    }

    fn sense(&mut self, sense: &str) -> Result<(), Fault> {
        self.maximize = match sense {
            "MAX" | "MAXIMIZE" => true,
            "MIN" | "MINIMIZE" => false,
            other => return fault(format!("objective sense {}", quoted(other.as_bytes())), "MAX or MIN"),
        };
        Ok(())
    }

    fn row(&mut self, line: &str) -> Result<(), Fault> {
        let cut = match free(line) {
            fields if fields.len() == 2 => Some(fields),
            _ => fixed(line).filter(|fields| fields.len() == 2),
        };
        let Some(fields) = cut else {
            return fault(quoted(line.trim().as_bytes()), "a kind (N, E, L or G) and a name");
        };
        let (kind, name) = (fields[0], fields[1].to_string());
        if self.places.contains_key(&name) {
            return fault(format!("row {} twice", quoted(name.as_bytes())), "each row once");
        }
        let (lower, upper) = match kind {
            "N" => {
                let place = if self.has_objective { Place::Free } else { Place::Objective };
                self.has_objective = true;
                self.places.insert(name, place);
                return Ok(());
            }
            "E" => (0.0, 0.0),
            "L" => (f64::NEG_INFINITY, 0.0),
            "G" => (0.0, f64::INFINITY),
            other => return fault(format!("row kind {}", quoted(other.as_bytes())), "N, E, L or G"),
        };
        self.places.insert(name.clone(), Place::Constraint(self.rows.len()));
        self.rows.push(Row { name, lower, upper, entries: Vec::new() });
        self.kinds.push((kind.as_bytes()[0], false, false));
        Ok(())
    }

    fn place(&self, row: &str) -> Result<Place, Fault> {
        match self.places.get(row) {
            Some(&place) => Ok(place),
            None => fault(format!("row {}", quoted(row.as_bytes())), "a row of the section ROWS"),
        }
    }

    fn column(&mut self, line: &str) -> Result<(), Fault> {
        if let [_, "'MARKER'", marker] = free(line)[..] {
            self.integer = match marker {
                "'INTORG'" => true,
                "'INTEND'" => false,
                other => return fault(format!("marker {}", quoted(other.as_bytes())), "'INTORG' or 'INTEND'"),
            };
            return Ok(());
        }
        let cut = pairs(line, true)?;
        let name = cut.of.unwrap_or_default();
        if self.integer {
            return integer(name);
        }
        let last = self.variables.len().wrapping_sub(1);
        let j = match self.columns.get(name) {
            Some(&j) if j == last => j,
            Some(_) => {
                return fault(format!("column {} again", quoted(name.as_bytes())), "the lines of a column together");
            }
            None => {
                self.columns.insert(name.to_string(), self.variables.len());
                self.variables.push(Variable { name: name.into(), cost: 0.0, lower: 0.0, upper: f64::INFINITY });
                self.lower_given.push(false);
                self.cost_given.push(false);
                last.wrapping_add(1)
            }
        };
        for (row, value) in cut.pairs {
            let twice = match self.place(row)? {
                Place::Objective => {
                    self.variables[j].cost = value;
                    std::mem::replace(&mut self.cost_given[j], true)
                }
                Place::Constraint(i) => {
                    let entries = &mut self.rows[i].entries;
                    entries.push((j, value));
                    entries.len() > 1 && entries[entries.len() - 2].0 == j
                }
                Place::Free => false,
            };
            if twice {
                return fault(format!("row {} twice", quoted(row.as_bytes())), "each row once a column");
            }
        }
        Ok(())
    }

    /// Only one set of a section is read; choosing among several would be a guess.
    fn same_set(&mut self, section: usize, set: Option<&str>) -> Result<(), Fault> {
        let set = set.unwrap_or_default();
        match &self.sets[section] {
            Some(first) if first != set => {
                let first = quoted(first.as_bytes());
                fault(format!("a second set {}", quoted(set.as_bytes())), format!("one set, here {first}"))
            }
            Some(_) => Ok(()),
            None => {
                self.sets[section] = Some(set.into());
                Ok(())
            }
        }
    }

    fn right_hand_side(&mut self, line: &str) -> Result<(), Fault> {
        let cut = pairs(line, false)?;
        self.same_set(0, cut.of)?;
        for (row, value) in cut.pairs {
            let twice = match self.place(row)? {
                Place::Objective => {
                    self.constant = 0.0 - value;
                    std::mem::replace(&mut self.constant_given, true)
                }
                Place::Constraint(i) => {
                    let r = &mut self.rows[i];
                    // Ranges may stand before: they are kept as distances from zero.
                    (r.lower, r.upper) = (r.lower + value, r.upper + value);
                    std::mem::replace(&mut self.kinds[i].1, true)
                }
                Place::Free => false,
            };
            if twice {
                return fault(format!("row {} twice", quoted(row.as_bytes())), "one right-hand side a row");
            }
        }
        Ok(())
    }

    fn range(&mut self, line: &str) -> Result<(), Fault> {
        let cut = pairs(line, false)?;
        self.same_set(1, cut.of)?;
        for (row, range) in cut.pairs {
            let Place::Constraint(i) = self.place(row)? else {
                return fault(format!("a range of the N row {}", quoted(row.as_bytes())), "ranges of E, L and G rows");
            };
            if std::mem::replace(&mut self.kinds[i].2, true) {
                return fault(format!("row {} twice", quoted(row.as_bytes())), "one range a row");
            }
            let r = &mut self.rows[i];
            match self.kinds[i].0 {
                b'E' if range >= 0.0 => r.upper += range,
                b'E' => r.lower += range,
                b'L' => r.lower = r.upper - range.abs(),
                _ => r.upper = r.lower + range.abs(),
            }
        }
        Ok(())
    }

    fn bound(&mut self, line: &str) -> Result<(), Fault> {
        let cut = bound(line, |name| self.columns.contains_key(name))?;
        self.same_set(2, cut.set)?;
        let column = cut.column;
        let Some(&j) = self.columns.get(column) else {
            return fault(format!("column {}", quoted(column.as_bytes())), "a column of the section COLUMNS");
        };
        let value = || match cut.value.and_then(number) {
            Some(x) if x >= NO_BOUND => Ok(f64::INFINITY),
            Some(x) if x <= -NO_BOUND => Ok(f64::NEG_INFINITY),
            Some(x) => Ok(x),
            None => fault(format!("bound {}", quoted(cut.value.unwrap_or_default().as_bytes())), "a number"),
        };
        let v = &mut self.variables[j];
        match cut.kind {
            "UP" => {
                v.upper = value()?;
                if v.upper < 0.0 && !self.lower_given[j] {
                    v.lower = f64::NEG_INFINITY;
                }
            }
            "LO" => (v.lower, self.lower_given[j]) = (value()?, true),
            "FX" => (v.lower, v.upper, self.lower_given[j]) = (value()?, value()?, true),
            "FR" => (v.lower, v.upper, self.lower_given[j]) = (f64::NEG_INFINITY, f64::INFINITY, true),
            "MI" => (v.lower, self.lower_given[j]) = (f64::NEG_INFINITY, true),
            "PL" => v.upper = f64::INFINITY,
            // BV, LI, UI, SC: `mps_line::bound` lets no other kind through.
            _ => return integer(column),
        }
        if v.lower == f64::INFINITY || v.upper == f64::NEG_INFINITY {
            let got = format!("bounds {} and {} of {}", v.lower, v.upper, quoted(column.as_bytes()));
            return fault(got, "a lower bound below infinity, an upper one above minus infinity");
        }
        Ok(())
    }

    fn finish(self) -> Result<LinearProgram, Fault> {
        if self.section != Section::End {
            return fault("an end without ENDATA", "a complete MPS text");
        }
        if !self.has_objective {
            return fault("no objective", "an N row in the section ROWS");
        }
        if self.variables.is_empty() {
            return fault("no columns", "at least one column");
        }
        Ok(LinearProgram {
            name: self.name,
            maximize: self.maximize,
            constant: self.constant,
            variables: self.variables,
            rows: self.rows,
        })
    }
}

fn integer<T>(column: &str) -> Result<T, Fault> {
    let got = format!("integer or semi-continuous variable {}", quoted(column.as_bytes()));
    fault(got, "continuous variables (bounds UP, LO, FX, FR, MI, PL; no 'INTORG' markers)")
}
