//! A factorization of ratings as a file: what is needed to predict others, and where it came from.

use std::path::Path;

use super::model::Provenance;
use crate::error::{Error, Result};
use crate::trace::write_whole;

/// Version of the file's layout.
const SCHEMA: u32 = 1;

/// Factors of users and items: a rating is predicted as `mean + u_user + v_item + x_user . y_item`.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Factors {
    /// 1.
    pub schema: u32,
    /// Numbers in x and in y.
    pub rank: usize,
    /// Of the ratings.
    pub mean: f64,
    /// (rank + 1) numbers each: x, then u.
    pub users: Vec<f64>,
    /// The same: y, then v.
    pub items: Vec<f64>,
    /// Where they came from.
    pub provenance: Provenance,
}

impl Factors {
    /// Of users and items with (rank + 1) numbers each.
    pub(super) fn new(rank: usize, mean: f64, users: Vec<f64>, items: Vec<f64>) -> Self {
        Factors { schema: SCHEMA, rank, mean, users, items, provenance: Provenance::default() }
    }

    /// What `user` is expected to give `item`, both numbered from 0.
    ///
    /// # Errors
    /// [`Error::Usage`] for one that was not there.
    pub fn predict(&self, user: usize, item: usize) -> Result<f64> {
        let width = self.rank + 1;
        let (x, y) = (self.users.chunks_exact(width).nth(user), self.items.chunks_exact(width).nth(item));
        let (Some(x), Some(y)) = (x, y) else {
            let allowed = format!("below {} and {}", self.users.len() / width, self.items.len() / width);
            return Err(Error::usage("user and item", format!("{user} and {item}"), allowed));
        };
        Ok(self.mean + rating(x, y))
    }

    /// Writes them as JSON, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|e| Error::Numerical(format!("factors can't be written as JSON: {e}")))?;
        write_whole(path, &text)
    }

    /// Reads a file of them.
    ///
    /// # Errors
    /// [`Error::Io`] when it can't be read, [`Error::Input`] when it holds no factors of this schema.
    pub fn read(path: &Path) -> Result<Self> {
        let refuse = |got: String| {
            Error::input(path.display().to_string(), got, "factors written by steadfast factorize --model, schema 1")
        };
        let text = std::fs::read(path).map_err(Error::reading(path))?;
        let factors: Factors = serde_json::from_slice(&text).map_err(|e| refuse(e.to_string()))?;
        let width = factors.rank + 1;
        let whole = |numbers: &[f64]| numbers.len().is_multiple_of(width);
        if factors.schema != SCHEMA || !whole(&factors.users) || !whole(&factors.items) {
            return Err(refuse(format!("schema {}, rank {}", factors.schema, factors.rank)));
        }
        Ok(factors)
    }
}

/// `u + v + x . y` of a user's and an item's numbers.
pub(super) fn rating(x: &[f64], y: &[f64]) -> f64 {
    let rank = x.len() - 1;
    let product: f64 = x[..rank].iter().zip(y).map(|(x, y)| x * y).sum();
    x[rank] + y[rank] + product
}
