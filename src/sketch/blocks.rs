//! Sketches made of blocks that any worker can make: OverSketch, the count-sketch, uniform row sampling.

use super::{FactorRows, Sketch, check_dimension};
use crate::data::Dense;
use crate::error::{Error, Result};
use crate::kernel::{BucketIndex, SketchBlock, SketchKind};
use crate::seed::Seed;

/// N blocks of b columns each, of which e more are made than are needed: `S = [S_1 ... S_N] / sqrt(N)`, with the first N of
/// N + e that arrive (paper 001, eq. (4)). Workers each make one [`SketchBlock`].
///
/// ```
/// use steadfast::seed::Seed;
/// use steadfast::sketch::{BlockSketch, Sketch};
/// let sketch = BlockSketch::oversketch(Seed(1), 10, 2, 50)?;
/// assert_eq!((sketch.needed(), sketch.made(), sketch.dimension()), (10, 12, 500));
/// assert_ne!(sketch.block(0, 0).bucket(3), sketch.block(1, 0).bucket(3));
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockSketch {
    name: &'static str,
    kind: SketchKind,
    seed: Seed,
    blocks: usize,
    extra: usize,
    buckets: usize,
}

/// Rows of a bucket that are added one after the other before the sum is added to the others.
const CHAIN: usize = 64;

impl BlockSketch {
    /// OverSketch: N `blocks` of `buckets` are needed, `extra` more are made.
    ///
    /// # Errors
    /// [`Error::Usage`] for no blocks or no buckets, or dimensions beyond the machine's.
    pub fn oversketch(seed: Seed, blocks: usize, extra: usize, buckets: usize) -> Result<Self> {
        Self::new("oversketch", SketchKind::CountSketch, seed, (blocks, extra), buckets)
    }

    /// One count-sketch of m `buckets`.
    ///
    /// # Errors
    /// [`Error::Usage`] for no buckets.
    pub fn count_sketch(seed: Seed, buckets: usize) -> Result<Self> {
        Self::new("count-sketch", SketchKind::CountSketch, seed, (1, 0), buckets)
    }

    /// m `rows` drawn uniformly with replacement.
    ///
    /// # Errors
    /// [`Error::Usage`] for no rows.
    pub fn uniform(seed: Seed, rows: usize) -> Result<Self> {
        Self::new("uniform", SketchKind::UniformRows, seed, (1, 0), rows)
    }

    fn new(
        name: &'static str,
        kind: SketchKind,
        seed: Seed,
        (blocks, extra): (usize, usize),
        buckets: usize,
    ) -> Result<Self> {
        let made = blocks.checked_add(extra).and_then(|made| made.checked_mul(buckets));
        if blocks == 0 || buckets == 0 || made.is_none() {
            let got = format!("{blocks} + {extra} blocks of {buckets}");
            return Err(Error::usage(
                format!("sketch {name}"),
                got,
                format!("1 or more of each, {} rows in all", usize::MAX),
            ));
        }
        Ok(BlockSketch { name, kind, seed, blocks, extra, buckets })
    }

    /// N, the blocks that make a sketch.
    pub fn needed(&self) -> usize {
        self.blocks
    }

    /// N + e, the blocks that workers are asked for.
    pub fn made(&self) -> usize {
        self.blocks + self.extra
    }

    /// b, the rows of one block's `S_i'A`.
    pub fn buckets(&self) -> usize {
        self.buckets
    }

    /// The same with blocks twice as long.
    #[must_use]
    pub fn doubled(self) -> Self {
        BlockSketch { buckets: self.buckets.saturating_mul(2), ..self }
    }

    /// Block `number` of an iteration.
    pub fn block(&self, number: u64, iteration: u64) -> SketchBlock {
        SketchBlock { kind: self.kind, seed: self.seed.0, iteration, block: number, buckets: self.buckets }
    }

    /// `S'A` with the blocks `used`, in their order, over the square root of their number: what is lost is made up for by
    /// the scale, so that `E[S S'] = I` whichever arrive.
    ///
    /// # Errors
    /// [`Error::Usage`] for fewer rows than columns of A, and for blocks that are named twice or not made.
    pub fn apply_blocks(&self, a: &dyn FactorRows, iteration: u64, used: &[u64]) -> Result<Dense<f64>> {
        let mut sorted = used.to_vec();
        sorted.sort_unstable();
        if sorted.windows(2).any(|w| w[0] == w[1]) || sorted.last().is_some_and(|&b| b >= self.made() as u64) {
            let allowed = format!("different numbers below {}", self.made());
            return Err(Error::usage("blocks of a sketch", format!("{used:?}"), allowed));
        }
        check_dimension(self.name, used.len() * self.buckets, a.cols())?;
        let mut out = Dense::zeros(used.len() * self.buckets, a.cols());
        let mut index = BucketIndex::default();
        let mut part = vec![0.0; a.cols()];
        for (i, &number) in used.iter().enumerate() {
            self.block(number, iteration).index(a.rows(), &mut index)?;
            let scale = index.scale() / (used.len() as f64).sqrt();
            for b in 0..self.buckets {
                let row = out.row_mut(i * self.buckets + b);
                for entries in index.bucket(b).chunks(CHAIN) {
                    part.fill(0.0);
                    for entry in entries {
                        a.add_row(entry.row(), if entry.minus() { -scale } else { scale }, &mut part);
                    }
                    row.iter_mut().zip(&part).for_each(|(to, x)| *to += x);
                }
            }
        }
        Ok(out)
    }
}

impl Sketch for BlockSketch {
    fn name(&self) -> &'static str {
        self.name
    }

    fn dimension(&self) -> usize {
        self.blocks * self.buckets
    }

    /// With the first N blocks.
    fn apply(&self, a: &dyn FactorRows, iteration: u64) -> Result<Dense<f64>> {
        let first: Vec<u64> = (0..self.blocks as u64).collect();
        self.apply_blocks(a, iteration, &first)
    }

    fn blocks(&self) -> Option<&BlockSketch> {
        Some(self)
    }
}
