//! Ratings that a factorization is made of.

use rand::seq::SliceRandom;

use crate::data::{Dataset, Labels, Matrix};
use crate::error::{Error, Result};
use crate::seed::{Purpose, Seed};

/// Ratings that users gave to items, numbered from 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Ratings {
    /// How many users.
    pub users: usize,
    /// How many items.
    pub items: usize,
    /// User, item, rating.
    pub entries: Vec<(usize, usize, f64)>,
}

impl Ratings {
    /// Of data whose rows are `rating user:1 (users + item):1`.
    ///
    /// # Errors
    /// [`Error::Input`] for labels that are no numbers, or a row that has other than one entry before column `users` and one behind.
    pub fn of(data: &Dataset<f64>, users: usize) -> Result<Self> {
        let items = data.features.cols().saturating_sub(users);
        let rating = |i: usize| match &data.labels {
            Labels::Real(values) => Some(values[i]),
            Labels::Classes { index, names } => names[index[i] as usize].parse().ok(),
        };
        let mut entries = Vec::with_capacity(data.rows());
        for i in 0..data.rows() {
            let mut places = Vec::with_capacity(2);
            data.features.for_each_in_row(i, |j, x| {
                if x != 0.0 {
                    places.push(j)
                }
            });
            match (places.as_slice(), rating(i)) {
                (&[user, item], Some(rating)) if user < users && item >= users => {
                    entries.push((user, item - users, rating));
                }
                _ => {
                    let got = format!("{} entries", places.len());
                    return Err(Error::input(format!("row {}", i + 1), got, "a rating, a user and an item"));
                }
            }
        }
        Ok(Ratings { users, items, entries })
    }

    /// Of a matrix with a row a user and a column an item: what is stored is there, and what is not is to be predicted.
    pub fn of_matrix(matrix: &Matrix<f64>) -> Self {
        let mut entries = Vec::with_capacity(matrix.stored());
        (0..matrix.rows())
            .for_each(|user| matrix.for_each_in_row(user, |item, rating| entries.push((user, item, rating))));
        Ratings { users: matrix.rows(), items: matrix.cols(), entries }
    }

    /// Takes a share of the ratings out, drawn at random: those are the second.
    ///
    /// # Errors
    /// [`Error::Usage`] for a share that leaves none on one side.
    pub fn split(mut self, share: f64, seed: Seed) -> Result<(Self, Self)> {
        let all = self.entries.len();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count within the ratings")]
        let held = (share * all as f64).round() as usize;
        if !share.is_finite() || held == 0 || held >= all {
            return Err(Error::usage(
                "share of the ratings to keep for scoring",
                share,
                "above 0, below 1, with ratings on both sides",
            ));
        }
        self.entries.shuffle(&mut seed.stream(Purpose::Partition, 2, 0));
        let entries = self.entries.split_off(all - held);
        let (users, items) = (self.users, self.items);
        Ok((self, Ratings { users, items, entries }))
    }
}
