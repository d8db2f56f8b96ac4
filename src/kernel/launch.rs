//! How a product is laid over workgroups: lanes, vectors at a time, and the pieces that long sums are cut into. The choice
//! fixes the order of the sums, so it depends on shapes and stated bounds alone, never on which workers compute.

use super::INVOCATIONS;

/// What a device allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Loop iterations of one invocation in one dispatch, over all its loops. Mesa's software adapter silently ends every
    /// loop after 65,535; half of that leaves room for what a compiler may add.
    pub iterations: usize,
    /// Bytes of one storage binding.
    pub binding_bytes: usize,
    /// Workgroups along one dimension of a grid.
    pub groups: usize,
}

impl Default for Bounds {
    /// What every adapter allows.
    fn default() -> Self {
        Bounds { iterations: 32_768, binding_bytes: 128 << 20, groups: 65_535 }
    }
}

/// The layout of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// Invocations that share one sum: a power of two, at most [`INVOCATIONS`].
    pub lanes: usize,
    /// Vectors multiplied at a time: 1 or 4.
    pub tile: usize,
    /// Length of the pieces that a sum is cut into, in the units of the kernel.
    pub segment_length: usize,
    /// Vectors of one dispatch.
    pub pass: usize,
    /// Outputs that one workgroup covers.
    pub block: usize,
    /// Tree sums for each vector.
    trees: usize,
}

/// Additions that a lane makes one after the other before the tree takes over, at most, in the transposed product: keeps
/// its rounding error near that of the others, and makes enough workgroups of few columns.
const TRANSPOSED_SEGMENT: usize = 512;

/// Pieces of a column sum beyond which the pieces get longer instead.
const TRANSPOSED_SEGMENTS: usize = 4096;

/// Additions of one lane that a sparse row is cut at.
const SPARSE_CHAIN: usize = 1024;

/// A sparse row is cut into more pieces than this only for [`Bounds::iterations`]: every row is cut alike, so one long row
/// must not multiply the output by its length.
const SPARSE_SEGMENTS: usize = 8;

impl Launch {
    /// For `matvec_dense`: rows of `units` storage units, r vectors. Lanes take about eight units each.
    pub fn dense(units: usize, r: usize, bounds: &Bounds) -> Launch {
        let lanes = (units / 8).next_power_of_two().clamp(8, INVOCATIONS);
        let block = INVOCATIONS / lanes * super::matvec_dense::ROWS;
        Launch { lanes, tile: tile(r), segment_length: units.max(1), pass: r, block, trees: 1 }.within(r, bounds)
    }

    /// For `matvec_transposed_dense`: shards of `rows` rows of `units` storage units of `width` columns. Pieces never
    /// straddle two bindings, so they are no longer than the rows that one binding holds.
    pub fn transposed_dense(rows: usize, units: usize, width: usize, r: usize, bounds: &Bounds) -> Launch {
        let across = units.next_power_of_two().clamp(1, 32);
        Launch {
            lanes: INVOCATIONS / across,
            tile: tile(r),
            segment_length: Launch::transposed_segment(rows, units, bounds),
            pass: r,
            block: across * width,
            trees: width / 4,
        }
        .within(r, bounds)
    }

    /// Rows of a piece of a column sum before [`Bounds::iterations`] shortens it (by halves): a power of two. A binding of
    /// a shard that needs several holds a multiple of it.
    pub fn transposed_segment(rows: usize, units: usize, bounds: &Bounds) -> usize {
        let fitting = (bounds.binding_bytes / (16 * units.max(1))).min(rows);
        let wanted = TRANSPOSED_SEGMENT.max(floor_power_of_two(rows / TRANSPOSED_SEGMENTS));
        wanted.min(floor_power_of_two(fitting))
    }

    /// For `matvec_csr`: rows of `mean` stored values on average and `longest` at most.
    pub fn csr(mean: usize, longest: usize, r: usize, bounds: &Bounds) -> Launch {
        let lanes = (mean / 2).next_power_of_two().clamp(2, 64);
        let segment_length = (lanes * SPARSE_CHAIN).max(longest.div_ceil(SPARSE_SEGMENTS));
        let block = INVOCATIONS / lanes;
        // One tree adds up all four vectors of a tile.
        Launch { lanes, tile: tile(r), segment_length, pass: r, block, trees: 1 }.within(r, bounds)
    }

    /// Pieces of a sum of `length` units.
    pub fn segments(&self, length: usize) -> usize {
        length.div_ceil(self.segment_length).max(1)
    }

    /// Loop iterations of one invocation in one dispatch, at most: over the tiles of a pass, the units of a piece, and the
    /// steps of the trees.
    pub fn iterations(&self) -> usize {
        self.pass.div_ceil(self.tile) * self.iterations_of_tile()
    }

    fn iterations_of_tile(&self) -> usize {
        let trees = self.trees * self.tile;
        1 + self.segment_length.div_ceil(self.lanes) + trees * self.lanes.ilog2() as usize
    }

    /// The same with pieces and passes short enough for the bound on iterations.
    fn within(mut self, r: usize, bounds: &Bounds) -> Launch {
        while self.iterations_of_tile() > bounds.iterations && self.segment_length > self.lanes {
            self.segment_length = self.segment_length.div_ceil(2);
        }
        let tiles = (bounds.iterations / self.iterations_of_tile()).max(1);
        self.pass = r.clamp(1, tiles * self.tile);
        self
    }
}

fn tile(r: usize) -> usize {
    if r == 1 { 1 } else { 4 }
}

fn floor_power_of_two(n: usize) -> usize {
    if n == 0 { 1 } else { 1 << n.ilog2() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every loop of the kernels, over shapes from one number to what no device holds, stays within the bound.
    #[test]
    fn iterations_stay_within_the_bound() {
        for bound in [1000, 32_768] {
            let bounds = Bounds { iterations: bound, ..Bounds::default() };
            for exponent in 0..40 {
                let n = (1usize << exponent) + 1;
                for r in [1, 3, 10, 1000, 100_000] {
                    let launches = [
                        Launch::dense(n, r, &bounds),
                        Launch::transposed_dense(n, 3, 4, r, &bounds),
                        Launch::transposed_dense(n, 1 << 20, 8, r, &bounds),
                        Launch::csr(1, n, r, &bounds),
                        Launch::csr(n, n, r, &bounds),
                    ];
                    for launch in launches {
                        assert!(launch.iterations() <= bound, "{launch:?} for n = {n}, r = {r}");
                        assert!(launch.pass >= 1 && launch.pass <= r, "{launch:?}");
                        assert!(launch.lanes.is_power_of_two() && launch.lanes <= INVOCATIONS, "{launch:?}");
                    }
                }
            }
        }
    }

    /// The sums of one dispatch without cutting would pass the software adapter's limit: the bound is what prevents it.
    #[test]
    fn long_sums_are_cut() {
        let bounds = Bounds::default();
        assert!(Launch::csr(3, 200_000, 1, &bounds).segments(200_000) > 1);
        let many = Launch::dense(10_000, 100_000, &bounds);
        assert!(many.pass < 100_000, "{many:?}");
        let unbounded = Launch::dense(10_000, 100_000, &Bounds { iterations: usize::MAX, ..bounds });
        assert!(unbounded.iterations() > 65_535, "{unbounded:?}");
    }
}
