//! `encoded-ridge`, `encoded-lasso`, `encoded-logistic` and `encoded-movielens`: encoded optimization (paper 000) against virtual time,
//! beside plain rows, copies, random encoding, and the exact codes of this project, which the papers did not have.

mod contest;
mod lasso;
mod logistic;
mod movielens;
mod orderings;
mod ridge;

pub use lasso::run as lasso;
pub use logistic::run as logistic;
pub use movielens::run as movielens;
pub use ridge::run as ridge;
