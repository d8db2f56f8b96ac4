//! One block of a sketch, named by a few numbers: every worker that has them makes the same one, and no table is sent.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::seed::mix;

/// How a block takes rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SketchKind {
    /// Each row, with a random sign, is added to a random bucket.
    CountSketch,
    /// Each bucket is a row drawn uniformly, with replacement, times `sqrt(rows / buckets)`.
    UniformRows,
}

/// The block S, a (rows x `buckets`) matrix with `E[S S'] = I`: a pure function of these numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SketchBlock {
    /// How it takes rows.
    pub kind: SketchKind,
    /// The run's seed.
    pub seed: u64,
    /// The method's iteration: each has sketches of its own.
    pub iteration: u64,
    /// Number of the block within the iteration.
    pub block: u64,
    /// b, the rows of `S'A`.
    pub buckets: usize,
}

/// The most rows of A: a row and its sign share 32 bits.
const MOST_ROWS: usize = 1 << 31;

impl SketchBlock {
    /// 64 hashed bits of one row (or, for [`SketchKind::UniformRows`], of one bucket).
    pub fn hash(&self, row: u64) -> u64 {
        mix(self.stem() ^ row)
    }

    /// The part of the hash that all rows share.
    fn stem(&self) -> u64 {
        [self.seed, self.iteration, self.block].into_iter().fold(0x243f_6a88_85a3_08d3, |state, word| mix(state ^ word))
    }

    /// Bucket and sign (true for minus) of a row of A under [`SketchKind::CountSketch`].
    pub fn bucket(&self, row: u64) -> (usize, bool) {
        place(self.hash(row), self.buckets)
    }

    /// Refuses what can't be indexed.
    ///
    /// # Errors
    /// As [`SketchBlock::index`].
    pub fn check(&self, rows: usize) -> Result<()> {
        for (what, got, least) in [("rows to sketch", rows, 0), ("sketch buckets", self.buckets, 1)] {
            if !(least..=MOST_ROWS).contains(&got) {
                return Err(Error::usage(what, got, format!("{least} to {MOST_ROWS}")));
            }
        }
        Ok(())
    }

    /// Lists the rows of each bucket of an A of `rows` rows.
    ///
    /// # Errors
    /// [`Error::Usage`] for no buckets, and for more than 2^31 rows or buckets.
    pub fn index(&self, rows: usize, into: &mut BucketIndex) -> Result<()> {
        self.check(rows)?;
        into.starts.clear();
        into.starts.resize(self.buckets + 1, 0);
        into.entries.clear();
        into.places.clear();
        match self.kind {
            SketchKind::CountSketch => self.count(rows, into),
            SketchKind::UniformRows => self.draw(rows, into),
        }
        Ok(())
    }

    /// Sorts the rows by bucket, by counting; within a bucket they ascend.
    fn count(&self, rows: usize, into: &mut BucketIndex) {
        into.scale = 1.0;
        let stem = self.stem();
        into.places.extend((0..rows as u64).map(|row| {
            let (bucket, minus) = place(mix(stem ^ row), self.buckets);
            Entry::new(bucket, minus)
        }));
        for entry in &into.places {
            into.starts[entry.row() + 1] += 1;
        }
        for b in 0..self.buckets {
            into.starts[b + 1] += into.starts[b];
        }
        into.entries.resize(rows, Entry(0));
        for (row, &entry) in into.places.iter().enumerate() {
            let next = &mut into.starts[entry.row()];
            into.entries[*next] = Entry::new(row, entry.minus());
            *next += 1;
        }
        // Each start has moved to its bucket's end, which is the next one's start.
        into.starts.copy_within(0..self.buckets, 1);
        into.starts[0] = 0;
    }

    fn draw(&self, rows: usize, into: &mut BucketIndex) {
        into.scale = (rows as f64 / self.buckets as f64).sqrt();
        if rows > 0 {
            into.entries.extend((0..self.buckets as u64).map(|b| Entry::new(place(self.hash(b), rows).0, false)));
            into.starts.iter_mut().enumerate().for_each(|(b, start)| *start = b);
        }
    }
}

/// The upper half of the hash chooses one of `places`, its lowest bit the sign.
fn place(hash: u64, places: usize) -> (usize, bool) {
    // `places` is at most 2^31, so the product fits, and each place's share of the 2^32 values is off by less than 2^-32.
    ((((hash >> 32) * places as u64) >> 32) as usize, hash & 1 == 1)
}

/// A row of A and its sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry(u32);

impl Entry {
    fn new(row: usize, minus: bool) -> Self {
        // At most 2^31 rows: see `SketchBlock::index`.
        Entry((row as u32) << 1 | u32::from(minus))
    }

    /// The row of A.
    #[inline(always)]
    pub fn row(self) -> usize {
        (self.0 >> 1) as usize
    }

    /// Twice the row, plus one where it is subtracted: as shaders read it.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// True where the row is subtracted.
    #[inline(always)]
    pub fn minus(self) -> bool {
        self.0 & 1 == 1
    }
}

/// The rows of A by bucket, ascending in each: to visit them in this order makes every sum's order fixed, without atomics.
/// Filled again and again, it allocates only when it grows.
///
/// ```
/// use steadfast::kernel::{BucketIndex, SketchBlock, SketchKind};
/// let block = SketchBlock { kind: SketchKind::CountSketch, seed: 7, iteration: 0, block: 0, buckets: 3 };
/// let mut index = BucketIndex::default();
/// block.index(100, &mut index)?;
/// let all: usize = (0..index.buckets()).map(|b| index.bucket(b).len()).sum();
/// assert_eq!(all, 100);
/// for entry in index.bucket(2) {
///     assert_eq!(block.bucket(entry.row() as u64), (2, entry.minus()));
/// }
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct BucketIndex {
    starts: Vec<usize>,
    entries: Vec<Entry>,
    /// Work space: for every row of A its bucket (an entry's `row`) and sign.
    places: Vec<Entry>,
    scale: f64,
}

impl BucketIndex {
    /// Number of buckets.
    pub fn buckets(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The entries of bucket `b`.
    #[inline(always)]
    pub fn bucket(&self, b: usize) -> &[Entry] {
        &self.entries[self.starts[b]..self.starts[b + 1]]
    }

    /// Those of them that are among the rows of A `rows`.
    pub fn bucket_within(&self, b: usize, rows: Range<usize>) -> &[Entry] {
        let entries = self.bucket(b);
        let before = |limit: usize| entries.partition_point(|entry| entry.row() < limit);
        &entries[before(rows.start)..before(rows.end)]
    }

    /// The entries from the first of bucket `b` on, through all later buckets: the order of the walk.
    #[inline(always)]
    pub fn from_bucket(&self, b: usize) -> &[Entry] {
        &self.entries[self.starts[b]..]
    }

    /// What every row is multiplied by, beside its sign.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Entries of the fullest bucket.
    pub fn longest(&self) -> usize {
        self.starts.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(kind: SketchKind, buckets: usize) -> SketchBlock {
        SketchBlock { kind, seed: 3, iteration: 1, block: 2, buckets }
    }

    #[test]
    fn every_row_is_in_its_bucket_once() {
        let block = block(SketchKind::CountSketch, 17);
        let mut index = BucketIndex::default();
        for rows in [1000, 0, 5] {
            block.index(rows, &mut index).unwrap();
            let mut seen = vec![0; rows];
            for b in 0..17 {
                assert!(index.bucket(b).windows(2).all(|w| w[0].row() < w[1].row()));
                for entry in index.bucket(b) {
                    assert_eq!(block.bucket(entry.row() as u64), (b, entry.minus()));
                    seen[entry.row()] += 1;
                }
            }
            assert!(seen.iter().all(|&count| count == 1), "{seen:?}");
        }
    }

    /// Each coordinate changes the hash: of 1000 rows in 1000 buckets about one stays by chance.
    #[test]
    fn blocks_differ_in_each_number() {
        let first = block(SketchKind::CountSketch, 1000);
        for other in
            [SketchBlock { seed: 4, ..first }, SketchBlock { iteration: 2, ..first }, SketchBlock { block: 3, ..first }]
        {
            let same = (0..1000).filter(|&row| first.bucket(row).0 == other.bucket(row).0).count();
            // Poisson of mean 1: more than 20 has a chance below 1e-19.
            assert!(same <= 20, "{same}");
        }
    }

    #[test]
    fn what_can_not_be_indexed_is_refused() {
        let mut index = BucketIndex::default();
        for (kind, buckets, rows) in [
            (SketchKind::CountSketch, 0, 5),
            (SketchKind::UniformRows, MOST_ROWS + 1, 5),
            (SketchKind::CountSketch, 5, MOST_ROWS + 1),
        ] {
            let error = block(kind, buckets).index(rows, &mut index).unwrap_err();
            assert!(error.to_string().contains("2147483648"), "{error}");
        }
        block(SketchKind::UniformRows, 4).index(0, &mut index).unwrap();
        assert!(index.bucket(3).is_empty());
    }
}
