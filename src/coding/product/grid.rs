//! The grid of a product code: its cells, its lines, and the missing cells that the lines give back.

/// (L + 1) x (P + 1) cells, a worker each, row by row. The last cell of every row and of every column, its *lines*, is the sum
/// of the others. Rows are lines 0 to L, columns follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    /// L, rows of data.
    pub rows: usize,
    /// P, columns of data.
    pub cols: usize,
}

impl Grid {
    /// The one with the most data blocks for so many workers, the nearest to a square: L >= P.
    pub(super) fn for_workers(workers: usize) -> Option<Self> {
        let side = (2..=workers.isqrt()).rev().find(|side| workers.is_multiple_of(*side))?;
        Some(Grid { rows: workers / side - 1, cols: side - 1 })
    }

    pub(super) fn workers(self) -> usize {
        (self.rows + 1) * (self.cols + 1)
    }

    pub(super) fn blocks(self) -> usize {
        self.rows * self.cols
    }

    pub(super) fn lines(self) -> usize {
        self.rows + self.cols + 2
    }

    /// Row and column of a cell.
    pub(super) fn place(self, cell: usize) -> [usize; 2] {
        [cell / (self.cols + 1), cell % (self.cols + 1)]
    }

    /// The data block of a cell; parities have none.
    pub(super) fn block(self, cell: usize) -> Option<usize> {
        let [row, col] = self.place(cell);
        (row < self.rows && col < self.cols).then(|| row * self.cols + col)
    }

    /// The row and the column that a cell is in, as lines.
    fn lines_of(self, cell: usize) -> [usize; 2] {
        let [row, col] = self.place(cell);
        [row, self.rows + 1 + col]
    }

    /// The cells of a line, each with whether it is the line's parity.
    pub(super) fn cells(self, line: usize) -> impl Iterator<Item = (usize, bool)> {
        let (first, step, count) = match line.checked_sub(self.rows + 1) {
            None => (line * (self.cols + 1), 1, self.cols + 1),
            Some(col) => (col, self.cols + 1, self.rows + 1),
        };
        (0..count).map(move |k| (first + k * step, k + 1 == count))
    }
}

/// How a set of missing cells is recovered.
///
/// A line with one missing cell gives it; then another line may have only one. This finds all that can be found at all: rows
/// and columns are the vertices of a graph whose edges are the missing cells, peeling takes away leaves, and a cycle is a
/// word of the code (its cells in turn +1 and -1), which no check sees.
#[derive(Debug, Default)]
pub(super) struct Peeling {
    /// Missing cells of each line, and the exclusive or of their numbers: of one cell, its number.
    missing: Vec<(usize, usize)>,
    ready: Vec<usize>,
    /// Lines, each with the cell that it gives. Those before it and the replies are all that it needs.
    pub steps: Vec<(usize, usize)>,
    /// Lines that gave a cell; the others check.
    pub spent: Vec<bool>,
    /// The step that recovers a cell, for cells that are missing.
    pub step_of: Vec<Option<usize>>,
}

impl Peeling {
    /// Peels the cells that are not `here`, those that need fewest others first; true when all are recovered.
    pub(super) fn run(&mut self, grid: Grid, here: impl Fn(usize) -> bool) -> bool {
        self.missing.clear();
        self.missing.resize(grid.lines(), (0, 0));
        self.spent.clear();
        self.spent.resize(grid.lines(), false);
        self.step_of.clear();
        self.step_of.resize(grid.workers(), None);
        self.steps.clear();
        let mut lost = 0;
        for cell in (0..grid.workers()).filter(|&cell| !here(cell)) {
            lost += 1;
            for line in grid.lines_of(cell) {
                let (count, cells) = &mut self.missing[line];
                *count += 1;
                *cells ^= cell;
            }
        }
        self.ready.clear();
        self.ready.extend((0..grid.lines()).filter(|&line| self.missing[line].0 == 1));
        let mut next = 0;
        while let Some(&line) = self.ready.get(next) {
            next += 1;
            let (count, cell) = self.missing[line];
            // The cell's other line may have given it meanwhile.
            if count == 0 {
                continue;
            }
            self.step_of[cell] = Some(self.steps.len());
            self.steps.push((line, cell));
            self.spent[line] = true;
            for line in grid.lines_of(cell) {
                let (count, cells) = &mut self.missing[line];
                *count -= 1;
                *cells ^= cell;
                if *count == 1 {
                    self.ready.push(line);
                }
            }
        }
        self.steps.len() == lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_are_the_nearest_to_a_square() {
        let shape = |workers| Grid::for_workers(workers).map(|g| (g.rows, g.cols));
        assert_eq!(shape(77), Some((10, 6)));
        assert_eq!(shape(4), Some((1, 1)));
        assert_eq!(shape(36), Some((5, 5)));
        assert_eq!([shape(0), shape(3), shape(13)], [None; 3]);
    }

    /// Every set of missing cells of a 2 x 2 grid with parities: peeled exactly when the rank of its columns of the check says
    /// that it can be recovered.
    #[test]
    fn peeling_finds_all_that_can_be_found() {
        let grid = Grid { rows: 2, cols: 2 };
        let mut peeling = Peeling::default();
        for set in 0u32..1 << 9 {
            let lost: Vec<usize> = (0..9).filter(|cell| set >> cell & 1 == 1).collect();
            let check = nalgebra::DMatrix::from_fn(grid.lines(), lost.len(), |line, k| {
                let own = grid.cells(line).find(|&(cell, _)| cell == lost[k]);
                own.map_or(0.0, |(_, parity)| if parity { -1.0 } else { 1.0 })
            });
            let known = lost.is_empty() || check.rank(1e-9) == lost.len();
            assert_eq!(peeling.run(grid, |cell| !lost.contains(&cell)), known, "{lost:?}");
            assert!(lost.len() > 3 || known, "{lost:?}");
        }
    }
}
