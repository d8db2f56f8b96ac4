//! Which block of coordinates is next.

use rand::RngExt;

use crate::error::Result;
use crate::params::Params;
use crate::seed::{Purpose, Seed};

/// The order in which [`CoordinateDescent`](super::CoordinateDescent) visits blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// One after the other.
    Cyclic,
    /// Each drawn at random from all.
    Random(Seed),
    /// The one with the longest proximal-gradient step (Gauss-Southwell-r), from a whole gradient an iteration.
    Greedy,
}

impl Order {
    /// Takes `blocks=cyclic|random|greedy` and, for `random`, `seed=N`.
    pub(super) fn parse(options: &mut Params) -> Result<Self> {
        let order: String = options.take("blocks", "cyclic".into())?;
        match order.as_str() {
            "cyclic" => Ok(Order::Cyclic),
            "random" => Ok(Order::Random(Seed(options.take("seed", 0)?))),
            "greedy" => Ok(Order::Greedy),
            other => Err(options.refuse("blocks", other, "cyclic, random or greedy")),
        }
    }

    /// The block of iteration `iteration` among those whose proximal-gradient steps have these lengths.
    pub(super) fn choose(self, iteration: u64, lengths: &[f64]) -> usize {
        match self {
            Order::Cyclic => (iteration % lengths.len() as u64) as usize,
            Order::Random(seed) => seed.stream(Purpose::Method, 0, iteration).random_range(0..lengths.len()),
            Order::Greedy => (0..lengths.len()).fold(0, |best, at| if lengths[at] > lengths[best] { at } else { best }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_visit_what_they_say() {
        let lengths = [1.0, 3.0, 3.0, 2.0];
        let visit = |order: Order| (0..8).map(|k| order.choose(k, &lengths)).collect::<Vec<_>>();
        assert_eq!(visit(Order::Cyclic), [0, 1, 2, 3, 0, 1, 2, 3]);
        assert_eq!(visit(Order::Greedy), [1; 8]);
        // A block is missed by 64 draws from 4 with probability (3/4)^64 < 1.1e-8.
        let mut seen = [false; 4];
        (0..64).for_each(|k| seen[Order::Random(Seed(5)).choose(k, &lengths)] = true);
        assert_eq!(seen, [true; 4]);
        assert_eq!(visit(Order::Random(Seed(5))), visit(Order::Random(Seed(5))));
    }
}
