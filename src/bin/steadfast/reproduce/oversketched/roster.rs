//! Who takes part in which figure, with which fleets.

use steadfast::Result;
use steadfast::data::Matrix;
use steadfast::fleet::{CostModel, Delay, Gather};
use steadfast::oracle::DirectionPlan;

use super::OURS;
use super::contest::{Entrant, Second};

/// Numbers of workers, as the paper gives them.
#[derive(Debug, Clone, Copy)]
pub struct Fleets {
    /// Workers of GIANT, of gradient descent, and of products without a product code.
    workers: usize,
    /// The product code's name with its grid, and its workers.
    product: (&'static str, usize),
    /// Stragglers that gradient coding is made for.
    coded: usize,
    /// Workers of the exact Hessian.
    exact: usize,
    /// Of the sketched one: m = factor d rows in N + e blocks of parts.
    sketch: Second,
}

/// The paper's stragglers are about one worker in twenty: who ignores stragglers ignores so many.
const IGNORED: usize = 20;
/// Seconds of a server's job: the median of Figure 1, less 30 %, for all.
const SERVER: &str = "lognormal:median=28,sigma=0";

impl Fleets {
    /// 60 workers for products and GIANT, 3,600 for the exact Hessian, about 600 (55 parts of 10 + 2 blocks) for the sketched one of
    /// 10 d rows; coding for one straggler.
    pub fn of_figure_4() -> Self {
        Fleets {
            workers: 60,
            product: ("product:rows=10,cols=6", 77),
            coded: 1,
            exact: 3600,
            sketch: Second::Sketched { factor: 10, blocks: 10, extra: 2, columns: 10 },
        }
    }

    /// 100 workers where each has at least 2 d rows, as with the paper's 400,000 x 2,000, else as many as have; 10,000 for the exact
    /// Hessian, about 1,500 (91 parts of 15 + 2 blocks) for the sketched one of 15 d rows; coding for three stragglers.
    pub fn of_figure_5(features: &Matrix<f64>) -> Self {
        let workers = (features.rows() / (2 * features.cols())).clamp(4, 100);
        Fleets {
            // Gradient coding for three stragglers is made of groups of four.
            workers: workers - workers % 4,
            product: ("product:rows=10,cols=10", 121),
            coded: 3,
            exact: 10_000,
            sketch: Second::Sketched { factor: 15, blocks: 15, extra: 2, columns: 13 },
        }
    }

    /// As few as the codes allow, for tests.
    #[cfg(test)]
    pub fn smallest() -> Self {
        Fleets {
            workers: 4,
            product: ("product:rows=2,cols=2", 9),
            coded: 1,
            exact: 8,
            sketch: Second::Sketched { factor: 10, blocks: 4, extra: 1, columns: 2 },
        }
    }

    /// On workers with Figure 1's delays.
    fn serverless(name: &'static str, method: &'static str, workers: usize, second: Second) -> Result<Entrant> {
        Ok(Entrant {
            name,
            method,
            code: "uncoded",
            workers,
            stragglers: 0,
            gather: Gather::All,
            second,
            delay: Delay::parse("lambda")?,
            cost: CostModel::default(),
        })
    }

    fn giant(&self, name: &'static str, plan: DirectionPlan) -> Result<Entrant> {
        Self::serverless(name, "giant", self.workers, Second::Local { workers: self.workers, plan })
    }

    /// How many are ignored of `workers`.
    fn ignored(&self) -> usize {
        self.workers.div_ceil(IGNORED)
    }

    /// Newton's method with products that are coded or started again.
    fn newton(&self, name: &'static str, method: &'static str, coded: bool, second: Second) -> Result<Entrant> {
        let entrant = Self::serverless(name, method, self.workers, second)?;
        Ok(if coded {
            let (code, workers) = self.product;
            // Any three replies; more where the rest can be peeled.
            Entrant { code, workers, stragglers: 3, gather: Gather::Decodable, ..entrant }
        } else {
            Entrant { gather: Gather::Speculative(0.9), ..entrant }
        })
    }

    fn ours(&self) -> Result<Entrant> {
        self.newton(OURS, "oversketched-newton", true, self.sketch)
    }

    fn exact(&self) -> Second {
        Second::Exact { workers: self.exact }
    }

    /// Figures 4 and 5.
    pub fn second_order(&self) -> Result<Vec<Entrant>> {
        let (coded, ignored) = (self.coded, self.ignored());
        Ok(vec![
            self.giant("giant, waits", DirectionPlan::Wait)?,
            Entrant {
                code: "replication",
                stragglers: coded,
                gather: Gather::Decodable,
                ..self.giant("giant, gradient coding", DirectionPlan::Coding { stragglers: coded })?
            },
            Entrant {
                code: "mds",
                stragglers: ignored,
                gather: Gather::Decodable,
                ..self.giant("giant, ignores stragglers", DirectionPlan::Ignore { stragglers: ignored })?
            },
            self.newton("newton, speculative", "newton", false, self.exact())?,
            self.ours()?,
        ])
    }

    /// Figure 6.
    pub fn combinations(&self) -> Result<Vec<Entrant>> {
        Ok(vec![
            self.newton("speculative, exact", "newton", false, self.exact())?,
            self.newton("coded, exact", "newton", true, self.exact())?,
            self.newton("speculative, sketched", "oversketched-newton", false, self.sketch)?,
            // Coded and sketched.
            self.ours()?,
        ])
    }

    /// Figure 7.
    pub fn first_order(&self) -> Result<Vec<Entrant>> {
        let descent = Entrant {
            code: "mds",
            stragglers: self.ignored(),
            gather: Gather::Decodable,
            ..Self::serverless("gradient descent", "gradient-descent", self.workers, Second::None)?
        };
        Ok(vec![descent, self.ours()?])
    }

    /// Figure 8.
    pub fn against_servers(&self) -> Result<Vec<Entrant>> {
        let servers = self.giant("giant on servers", DirectionPlan::Wait)?;
        // Products take 30 % less there: so do the flops.
        let cost = CostModel { flops_per_second: servers.cost.flops_per_second / 0.7, ..servers.cost };
        Ok(vec![Entrant { delay: Delay::parse(SERVER)?, cost, ..servers }, self.ours()?])
    }
}
