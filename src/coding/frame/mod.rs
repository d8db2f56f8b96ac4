//! Tight frames for encoded optimization (paper 000; Karakus, Sun, Diggavi and Yin, NeurIPS 2017 and JMLR 20, 2019). A frame is a tall
//! matrix S, N x n with `N = beta n`, and least squares are solved on encoded rows:
//!
//! ```text
//! (1/2n) |Xw - y|^2   becomes   m/(2 n beta |A|) sum over i in A of |S_i (Xw - y)|^2
//! ```
//!
//! for the set A of the workers that answer first. Workers run the plain method on `(S_i X, S_i y)` and nobody decodes. With all
//! workers and `S'S = beta I` nothing is changed; with some of them the answer moves, by how much the spectrum of `S_A'S_A` says
//! ([`Encoding::spectrum`]).
//!
//! Every frame is scaled so that `S'S = beta I` with `beta = N/n` (the Gaussian one in expectation): rows are unit vectors, on average.

mod copies;
mod encode;
mod encoding;
mod fast;
mod field;
mod gaussian;
mod paley;
mod registry;
mod sizes;
mod spectrum;
mod steiner;
mod transform;
mod transformer;

pub use copies::Copies;
pub use encode::{EncodedShard, encode_rows, encode_rows_on};
pub use encoding::Encoding;
pub use fast::FastFrame;
pub use gaussian::GaussianFrame;
pub use paley::Paley;
pub use registry::{FRAMES, frame_by_name, is_frame};
pub use spectrum::SubsetSpectrum;
pub use steiner::Steiner;

/// A tall matrix S, N x n, that is applied fast.
///
/// ```
/// use steadfast::coding::{FastFrame, Frame};
/// use steadfast::seed::Seed;
/// let frame = FastFrame::hadamard(3, Seed(0))?;
/// assert_eq!((frame.rows(), frame.columns()), (8, 3));
/// let mut encoded = vec![0.0; 8];
/// frame.apply(1, &[1.0, 2.0, 3.0], &mut encoded);
/// let mut back = vec![0.0; 3];
/// frame.apply_transposed(1, &encoded, &mut back);
/// // S'S = (8/3) I.
/// assert!((back[2] - 3.0 * 8.0 / 3.0).abs() < 1e-14);
/// # Ok::<(), steadfast::Error>(())
/// ```
pub trait Frame: Send + Sync + std::fmt::Debug {
    /// Name on the command line, with parameters.
    fn name(&self) -> String;

    /// n.
    fn columns(&self) -> usize;

    /// N.
    fn rows(&self) -> usize;

    /// beta = N / n.
    fn redundancy(&self) -> f64 {
        self.rows() as f64 / self.columns() as f64
    }

    /// True where `S'S = beta I` holds to rounding.
    fn is_tight(&self) -> bool;

    /// True where moreover any two rows have inner products of the same magnitude: an equiangular tight frame.
    fn is_equiangular(&self) -> bool {
        false
    }

    /// `out = S x` for so many vectors at once: `x` is n x vectors, `out` N x vectors, both row-major.
    fn apply(&self, vectors: usize, x: &[f64], out: &mut [f64]);

    /// `out = S' u`: `u` is N x vectors, `out` n x vectors, both row-major.
    fn apply_transposed(&self, vectors: usize, u: &[f64], out: &mut [f64]);

    /// Where S is columns of the N x N Hadamard matrix times a number: which columns, ascending, and the number. That is all that a device
    /// has to know of it.
    fn hadamard_columns(&self) -> Option<(&[usize], f64)> {
        None
    }

    /// Columns and values of a row, ascending, where rows have few non-zeros; `None` where they are dense.
    fn sparse_row(&self, row: usize) -> Option<Vec<(u32, f64)>> {
        let _ = row;
        None
    }
}
