//! The losses, one file each.

mod huber;
mod least_squares;
mod logistic;
mod nonlinear_least_squares;
mod poisson;
pub(super) mod softmax;
mod softmax_rows;
mod squared_hinge;

pub use huber::Huber;
pub use least_squares::LeastSquares;
pub use logistic::Logistic;
pub use nonlinear_least_squares::NonlinearLeastSquares;
pub use poisson::Poisson;
pub use softmax::Softmax;
pub use squared_hinge::SquaredHinge;

/// What labels a loss of two classes takes, or `None` when `label` is one of them.
fn reject_unless_sign(label: f64) -> Option<String> {
    (label != 1.0 && label != -1.0).then(|| "-1 or 1".into())
}
