//! Encoding of rows as they come (paper 002, section 6.2): row n joins block n mod q, and changes one row of each shard.
//!
//! A shard's rows of whole blocks never change again. What the master keeps is the unfinished block: its fewer than q rows,
//! and for each worker that combines the sums over them, not yet rounded. So a row costs its coefficients' multiply-adds and
//! no more than three again (dense rows are summed in groups of four), and a shard row has the same bits as if all its rows
//! had been there at once: the sums run in the same order and are rounded to T once.

use std::ops::Range;

use super::encode::{Sums, Term, encode_shards, present, terms_of};
use super::encode_dense::add;
use crate::data::{Csr, Dense, Growth, Matrix, Operand, ShardStats};
use crate::error::{Error, Result};
use crate::scalar::Element;

/// Terms that the dense encoder adds to a sum in one go.
const GROUP: usize = 4;

/// The unfinished row block of an encoded matrix (n x c), and the shard row that each worker has of it.
///
/// ```
/// use steadfast::coding::{OpenBlock, encode_shard};
/// use steadfast::data::{Dense, Growth, Matrix, Operand};
/// let dense = |rows, values: &[f64]| Dense::new(rows, 2, values.to_vec()).map(Matrix::Dense);
/// let combination = [2.0, -1.0, 3.0];
/// let (first, all) = (dense(1, &[1.0, 2.0])?, dense(3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?);
/// let mut open = OpenBlock::new(&first, &[&combination])?;
/// let (mut shard, _) = encode_shard(&first, Operand::ROWS, &combination)?;
/// let parts = open.push(&dense(2, &[3.0, 4.0, 5.0, 6.0])?)?;
/// // The one shard row so far was unfinished and gives way.
/// shard.grow(&parts[0].0, Growth::Rows { from: 0 })?;
/// assert_eq!(shard, encode_shard(&all, Operand::ROWS, &combination)?.0);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct OpenBlock<T> {
    cols: usize,
    blocks: usize,
    sparse: bool,
    combinations: Vec<Vec<f64>>,
    rows: Vec<Line<T>>,
    carries: Vec<Carry>,
    multiply_adds: u64,
}

/// A row of the block: its values, and where they stand if it is sparse.
#[derive(Debug, Clone)]
struct Line<T> {
    columns: Vec<u32>,
    values: Vec<T>,
}

/// What one worker's shard row is made of.
#[derive(Debug, Clone)]
struct Carry {
    terms: Vec<Term>,
    /// Terms that are in the sums.
    folded: usize,
    /// Sum and compensation of each column; none for a worker with a single term.
    sums: Vec<[f64; 2]>,
    /// Which columns have a sum (sparse rows).
    marks: Vec<bool>,
}

impl<T: Element> OpenBlock<T> {
    /// Of the rows that `data` (n x c) has beyond its last whole block of q, for workers with these combinations (q
    /// coefficients each).
    ///
    /// # Errors
    /// [`Error::Usage`] without a worker, or for combinations that are empty or of unequal length.
    pub fn new(data: &Matrix<T>, combinations: &[&[f64]]) -> Result<Self> {
        let blocks = combinations.first().map_or(0, |c| c.len());
        if blocks == 0 || combinations.iter().any(|c| c.len() != blocks) {
            let got = combinations.iter().map(|c| c.len().to_string()).collect::<Vec<_>>().join(", ");
            return Err(Error::usage("coefficients of each worker", got, "the same number for all, at least 1"));
        }
        let (cols, sparse) = (data.cols(), data.is_sparse());
        let carry = |combination: &&[f64]| {
            let terms = terms_of(combination);
            let sums = if terms.len() > 1 { vec![[0.0; 2]; cols] } else { Vec::new() };
            let marks = if sparse { vec![false; sums.len()] } else { Vec::new() };
            Carry { terms, folded: 0, sums, marks }
        };
        let mut open = OpenBlock {
            cols,
            blocks,
            sparse,
            combinations: combinations.iter().map(|c| c.to_vec()).collect(),
            rows: Vec::new(),
            carries: combinations.iter().map(carry).collect(),
            multiply_adds: 0,
        };
        open.take(data, data.rows() - data.rows() % blocks..data.rows());
        open.multiply_adds = 0;
        Ok(open)
    }

    /// Rows of the block so far, below q.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True at the end of a whole block.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Multiply-adds of all workers' shard rows, since this was made.
    pub fn multiply_adds(&self) -> u64 {
        self.multiply_adds
    }

    /// Appends `rows` (k x c). Returns each worker's new shard rows with their facts: they stand from the shard row of this
    /// block on, which is replaced if the block was not empty ([`Growth::Rows`]).
    ///
    /// # Errors
    /// [`Error::Usage`] for rows of another width, or sparse where the others are dense, and for entries that T can't hold
    /// once combined; the block is then spoilt.
    pub fn push(&mut self, rows: &Matrix<T>) -> Result<Vec<(Matrix<T>, ShardStats)>> {
        if (rows.cols(), rows.is_sparse()) != (self.cols, self.sparse) {
            let form = |sparse| if sparse { "sparse" } else { "dense" };
            return Err(Error::usage(
                "rows to append",
                format!("{} rows of {} columns", form(rows.is_sparse()), rows.cols()),
                format!("{} rows of {} columns", form(self.sparse), self.cols),
            ));
        }
        let (k, q) = (rows.rows(), self.blocks);
        if k == 0 && !self.is_empty() {
            return self.shard_rows()?.into_iter().map(with_facts).collect();
        }
        let first = if self.is_empty() { 0 } else { k.min(q - self.len()) };
        let whole = (k - first) / q * q;
        let mut parts = vec![self.no_rows()?; self.carries.len()];
        self.finish_with(rows, 0..first, &mut parts)?;
        if whole > 0 {
            let middle = rows.select_rows(&(first..first + whole).collect::<Vec<_>>());
            let combinations: Vec<&[f64]> = self.combinations.iter().map(Vec::as_slice).collect();
            let shards = encode_shards(&middle, Operand::ROWS, &combinations)?;
            // Values that a coefficient of each block row meets.
            let mut met = vec![0; q];
            (0..whole).for_each(|i| middle.for_each_in_row(i, |_, _| met[i % q] += 1));
            for ((part, (shard, _)), carry) in parts.iter_mut().zip(&shards).zip(&self.carries) {
                part.grow(shard, Growth::Rows { from: part.rows() })?;
                if carry.terms.len() > 1 {
                    self.multiply_adds += carry.terms.iter().map(|term| met[term.block]).sum::<u64>();
                }
            }
        }
        self.finish_with(rows, first + whole..k, &mut parts)?;
        parts.into_iter().map(with_facts).collect()
    }

    /// Each worker's shard row of the block as it is, 1 x c (of no rows: an empty sum).
    ///
    /// # Errors
    /// None but those of building a matrix of so many columns.
    pub fn shard_rows(&self) -> Result<Vec<Matrix<T>>> {
        (0..self.carries.len()).map(|worker| self.shard_row(worker).map(|(row, _)| row)).collect()
    }

    /// Makes the block's rows longer by `columns` (rows of the block x k), so that it is that of a matrix of c + k columns.
    ///
    /// # Errors
    /// [`Error::Usage`] for another number of rows, or columns that are sparse where the rows are dense.
    pub fn widen(&mut self, columns: &Matrix<T>) -> Result<()> {
        if (columns.rows(), columns.is_sparse()) != (self.len(), self.sparse) {
            return Err(Error::usage(
                "columns of an unfinished block",
                format!("{} x {}", columns.rows(), columns.cols()),
                format!("{} rows, as sparse as the others", self.len()),
            ));
        }
        let old = self.cols;
        self.cols += columns.cols();
        for (i, line) in self.rows.iter_mut().enumerate() {
            columns.for_each_in_row(i, |column, value| {
                line.values.push(value);
                if self.sparse {
                    line.columns.push((old + column) as u32);
                }
            });
        }
        for carry in self.carries.iter_mut().filter(|carry| carry.terms.len() > 1) {
            carry.sums.resize(self.cols, [0.0; 2]);
            if self.sparse {
                carry.marks.resize(self.cols, false);
            }
            let (done, _) = carry.terms.split_at(carry.folded);
            let group = if self.sparse { 1 } else { GROUP };
            for terms in done.chunks(group) {
                self.multiply_adds += add_terms(&self.rows, terms, old..self.cols, &mut carry.sums, &mut carry.marks);
            }
        }
        Ok(())
    }

    /// Takes rows into the block, which has room for them.
    fn take(&mut self, rows: &Matrix<T>, range: Range<usize>) {
        for i in range {
            let mut line = Line { columns: Vec::new(), values: Vec::new() };
            rows.for_each_in_row(i, |column, value| {
                line.values.push(value);
                if self.sparse {
                    line.columns.push(column as u32);
                }
            });
            self.rows.push(line);
        }
        let (rows, cols) = (&self.rows, self.cols);
        let group = if self.sparse { 1 } else { GROUP };
        for carry in self.carries.iter_mut().filter(|carry| carry.terms.len() > 1) {
            let here = present(&carry.terms, rows.len()).len();
            while carry.folded + group <= here {
                let terms = &carry.terms[carry.folded..carry.folded + group];
                self.multiply_adds += add_terms(rows, terms, 0..cols, &mut carry.sums, &mut carry.marks);
                carry.folded += group;
            }
        }
    }

    /// Takes rows, writes the block's shard rows, and begins a new block where this one is full.
    fn finish_with(&mut self, rows: &Matrix<T>, range: Range<usize>, parts: &mut [Matrix<T>]) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        self.take(rows, range);
        for (worker, part) in parts.iter_mut().enumerate() {
            let (row, work) = self.shard_row(worker)?;
            self.multiply_adds += work;
            part.grow(&row, Growth::Rows { from: part.rows() })?;
        }
        if self.len() == self.blocks {
            self.rows.clear();
            for carry in &mut self.carries {
                carry.folded = 0;
                carry.sums.fill([0.0; 2]);
                carry.marks.fill(false);
            }
        }
        Ok(())
    }

    /// The shard row of the block at `worker` as it is now, rounded to T, and its multiply-adds.
    fn shard_row(&self, worker: usize) -> Result<(Matrix<T>, u64)> {
        let (rows, cols, carry) = (&self.rows, self.cols, &self.carries[worker]);
        let here = present(&carry.terms, rows.len());
        let exact = |x: f64| T::from_f64(x);
        if let [only] = here
            && (only.factor == 1.0 && !self.sparse || carry.terms.len() == 1)
        {
            // A copy; a sum of one term begins at zero, as the encoder's does.
            let line = &rows[only.block];
            let copy = only.factor == 1.0 && !self.sparse;
            let value = |x: &T| if copy { *x } else { exact(0.0 + only.factor * x.to_f64()) };
            let row = self.one_row(line.columns.clone(), line.values.iter().map(value).collect())?;
            return Ok((row, 0));
        }
        if here.is_empty() {
            let zeros = if self.sparse { 0 } else { cols };
            return Ok((self.one_row(Vec::new(), vec![exact(0.0); zeros])?, 0));
        }
        let (mut sums, mut marks) = (carry.sums.clone(), carry.marks.clone());
        // Fewer than a group, so one by one.
        let work = add_terms(rows, &here[carry.folded..], 0..cols, &mut sums, &mut marks);
        let rounded = |&[sum, low]: &[f64; 2]| exact(sum + low);
        if !self.sparse {
            return Ok((self.one_row(Vec::new(), sums.iter().map(rounded).collect())?, work));
        }
        let stored = (0..).zip(&sums).zip(&marks).filter(|(_, mark)| **mark);
        let (columns, values) = stored.map(|((column, sum), _)| (column, rounded(sum))).unzip();
        Ok((self.one_row(columns, values)?, work))
    }

    fn one_row(&self, columns: Vec<u32>, values: Vec<T>) -> Result<Matrix<T>> {
        Ok(if self.sparse {
            Matrix::Csr(Csr::new(1, self.cols, vec![0, values.len()], columns, values)?)
        } else {
            Matrix::Dense(Dense::new(1, self.cols, values)?)
        })
    }

    fn no_rows(&self) -> Result<Matrix<T>> {
        Ok(if self.sparse {
            Matrix::Csr(Csr::new(0, self.cols, vec![0], Vec::new(), Vec::new())?)
        } else {
            Matrix::Dense(Dense::zeros(0, self.cols))
        })
    }
}

fn with_facts<T: Element>(part: Matrix<T>) -> Result<(Matrix<T>, ShardStats)> {
    let values = match &part {
        Matrix::Dense(a) => a.values(),
        Matrix::Csr(a) => a.values(),
    };
    Sums::of_long(values).stats(&part).map(|stats| (part, stats))
}

/// Adds `terms` (a group, or fewer one by one) of the block's rows to the sums of the columns `range`, as the encoders do; returns the
/// multiply-adds.
fn add_terms<T: Element>(
    rows: &[Line<T>],
    terms: &[Term],
    range: Range<usize>,
    sums: &mut [[f64; 2]],
    marks: &mut [bool],
) -> u64 {
    let line = |term: &Term| &rows[term.block];
    if !marks.is_empty() {
        let mut count = 0;
        for term in terms {
            let Line { columns, values } = line(term);
            let from = columns.partition_point(|&c| (c as usize) < range.start);
            for (&column, value) in columns[from..].iter().zip(&values[from..]) {
                let [sum, low] = &mut sums[column as usize];
                marks[column as usize] = true;
                add::<T>(sum, low, term.factor * value.to_f64());
                count += 1;
            }
        }
        return count;
    }
    if let [a, b, c, d] = terms {
        let values = [a, b, c, d].map(|term| (term.factor, &line(term).values[range.clone()]));
        for (i, [sum, low]) in sums[range.clone()].iter_mut().enumerate() {
            let [a, b, c, d] = values.map(|(factor, values)| factor * values[i].to_f64());
            add::<T>(sum, low, (a + b) + (c + d));
        }
    } else {
        for term in terms {
            for ([sum, low], value) in sums[range.clone()].iter_mut().zip(&line(term).values[range.clone()]) {
                add::<T>(sum, low, term.factor * value.to_f64());
            }
        }
    }
    (terms.len() * range.len()) as u64
}
