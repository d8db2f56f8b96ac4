//! PageRank: the power method on a graph's links, with a bound on every score.

use super::vector::sum;
use super::{Answer, Options, Products, Status};
use crate::data::{Csr, Matrix};
use crate::error::{Error, Result};

/// The transition matrix of a graph, as the workers get it, and the nodes without links.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    matrix: Matrix<f64>,
    dangling: Vec<usize>,
}

impl Transition {
    /// From the links of a graph (n x n): entry (i, j) >= 0 is the weight of the link from node i to node j. Entry (j,
    /// i) of the transition matrix is the share of it in all that leaves i. It is as sparse as the graph.
    ///
    /// # Errors
    /// [`Error::Input`] for a matrix that is not square, a weight below zero or not finite, and a sum of weights that
    /// is not finite.
    ///
    /// ```
    /// use steadfast::data::parse_edges;
    /// use steadfast::linear::Transition;
    /// let graph = parse_edges("1 2\n1 3\n2 3\n".as_bytes(), "links")?;
    /// let transition = Transition::of_links(&graph.links)?;
    /// assert_eq!((transition.matrix().stored(), transition.dangling()), (3, &[2][..]));
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn of_links(links: &Csr<f64>) -> Result<Self> {
        let n = links.rows();
        if n != links.cols() || n == 0 {
            return Err(Error::input(
                "graph",
                format!("{n} x {}", links.cols()),
                "as many rows as columns, at least one",
            ));
        }
        let mut offsets = vec![0; n + 1];
        links.indices().iter().for_each(|&j| offsets[j as usize + 1] += 1);
        for j in 0..n {
            offsets[j + 1] += offsets[j];
        }
        let mut free = offsets.clone();
        let (mut indices, mut values) = (vec![0; links.values().len()], vec![0.0; links.values().len()]);
        let mut dangling = Vec::new();
        for i in 0..n {
            let (to, weights) = links.row(i);
            if let Some(at) = weights.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
                let place = format!("graph, link from node {} to node {}", i + 1, to[at] + 1);
                return Err(Error::input(place, weights[at], "a finite weight, 0 or more"));
            }
            let leaving = sum(weights.iter().copied());
            if !leaving.is_finite() {
                return Err(Error::input(
                    format!("graph, node {}", i + 1),
                    "weights that add up to inf",
                    "a finite sum",
                ));
            }
            if leaving == 0.0 {
                dangling.push(i);
            }
            // Rows come in ascending order, so each row of the transpose fills in ascending order.
            for (&j, &weight) in to.iter().zip(weights) {
                let at = &mut free[j as usize];
                // Csr holds column numbers in 32 bits, and n is one of its numbers of columns.
                indices[*at] = i as u32;
                values[*at] = if leaving > 0.0 { weight / leaving } else { 0.0 };
                *at += 1;
            }
        }
        Ok(Transition { matrix: Matrix::Csr(Csr::new(n, n, offsets, indices, values)?), dangling })
    }

    /// The matrix to encode (n x n, its columns add up to 1, those of dangling nodes to 0).
    pub fn matrix(&self) -> &Matrix<f64> {
        &self.matrix
    }

    /// Nodes without links, ascending.
    pub fn dangling(&self) -> &[usize] {
        &self.dangling
    }

    /// Stored values of the longest row: links into one node.
    fn longest(&self) -> usize {
        let mut most = 0;
        for i in 0..self.matrix.rows() {
            let mut count = 0;
            self.matrix.for_each_in_row(i, |_, _| count += 1);
            most = most.max(count);
        }
        most
    }

    /// What the distances of `scores` (n numbers) from the true ones add up to at most, by one product in f64 at the
    /// master, with the matrix as it was read: [`Scores::error_bound`] without workers.
    ///
    /// # Errors
    /// [`Error::Usage`] for scores of another number, and options that [`pagerank`] refuses.
    pub fn error(&self, scores: &[f64], options: &PageRankOptions) -> Result<f64> {
        let n = self.matrix.rows();
        if scores.len() != n {
            return Err(Error::usage("scores", scores.len(), format!("{n}, one a node")));
        }
        let surfer = Surfer::new(self, options)?;
        let mut image = vec![0.0; n];
        self.matrix.multiply(scores, 1, &mut image);
        let residual = surfer.step(scores, &mut image);
        // A row of k terms is summed in four parts, the dangling nodes' scores in eight; all terms together are at most
        // 1.
        let longest = self.longest() as f64;
        let rounding = f64::EPSILON * (16.0 + longest / 4.0 + n as f64 / 8.0);
        Ok((residual + rounding) / (1.0 - options.damping))
    }
}

/// The map F of [`pagerank`] but for the product.
struct Surfer<'t> {
    damping: f64,
    jumps: Vec<f64>,
    dangling: &'t [usize],
}

impl<'t> Surfer<'t> {
    fn new(transition: &'t Transition, options: &PageRankOptions) -> Result<Self> {
        let damping = options.damping;
        if !(0.0..1.0).contains(&damping) {
            return Err(Error::usage("damping", damping, "at least 0, below 1"));
        }
        let jumps = jumps(options.personalization.as_deref(), transition.matrix.rows())?;
        Ok(Surfer { damping, jumps, dangling: &transition.dangling })
    }

    /// Makes F(x) of `image` = P x, and returns `|F(x) - x|_1`.
    fn step(&self, x: &[f64], image: &mut [f64]) -> f64 {
        let d = self.damping;
        let loose = sum(self.dangling.iter().map(|&i| x[i])) / x.len() as f64;
        image.iter_mut().zip(&self.jumps).for_each(|(y, v)| *y = d * (*y + loose) + (1.0 - d) * v);
        sum(image.iter().zip(x).map(|(y, x)| (y - x).abs()))
    }
}

/// What PageRank can be told.
#[derive(Debug, Clone, PartialEq)]
pub struct PageRankOptions {
    /// When it ends.
    pub run: Options,
    /// d: the share of steps that follow a link, at least 0, below 1.
    pub damping: f64,
    /// Where the other steps lead: n weights, 0 or more, scaled to a sum of 1; `None` is every node alike.
    pub personalization: Option<Vec<f64>>,
}

impl Default for PageRankOptions {
    fn default() -> Self {
        PageRankOptions { run: Options::default(), damping: 0.85, personalization: None }
    }
}

/// PageRank scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// A score a node; they add up to 1.
    pub scores: Vec<f64>,
    /// The distances of all scores from the true ones add up to at most this, so two nodes whose scores differ by more
    /// are in their true order. It speaks of the matrix as the workers store it; infinite where lies can't be detected.
    pub error_bound: f64,
}

impl Scores {
    /// The nodes from the highest score to the lowest; of equals, the smaller number first.
    pub fn ranking(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.scores.len()).collect();
        order.sort_by(|&a, &b| self.scores[b].total_cmp(&self.scores[a]).then(a.cmp(&b)));
        order
    }
}

/// PageRank (Page, Brin, Motwani and Winograd 1999; Ipsen and Wills 2006): the fixed point of
/// `F(x) = d (P x + (sum of x over dangling nodes) / n) + (1 - d) v`, where P is the [`Transition`] matrix that
/// `products` multiplies with, and v the personalization. A node without links leads to every node alike. One round an
/// iteration.
///
/// F brings two points closer by d in the 1-norm, so the scores' error is at most `(|F(x) - x|_1 + e) / (1 - d)`, e
/// being what the certificate allows; that is [`Scores::error_bound`]. It ends when `|F(x) - x|_1 <= tolerance`.
///
/// # Errors
/// [`Error::Usage`] for a damping outside [0, 1), a personalization that is no distribution, a transition of another
/// size, or a tolerance that is none; those of the rounds.
///
/// ```
/// # use std::{borrow::Cow, sync::Arc};
/// # use steadfast::coding::{RealParity, Tolerance};
/// # use steadfast::device::CpuDevice;
/// # use steadfast::fleet::{Attack, Clock, FaultPlan, Gather, SimulatedFleet};
/// # use steadfast::oracle::{CodedOracle, OracleOptions};
/// # use steadfast::seed::Seed;
/// use steadfast::data::parse_edges;
/// use steadfast::linear::{PageRankOptions, Products, Transition, pagerank};
///
/// let graph = parse_edges("0 1\n0 2\n1 2\n2 0\n3 2\n".as_bytes(), "links")?;
/// let transition = Transition::of_links(&graph.links)?;
/// let code = Arc::new(RealParity::new(6, Tolerance { liars: 1, stragglers: 0 })?);
/// let (faults, _) = FaultPlan::new(6, Seed(1)).liars(1, Attack::Constant { value: 9.0 }).split()?;
/// let fleet = SimulatedFleet::<f64>::new(Box::new(CpuDevice::new(Some(1))?), faults, Clock::default());
/// let options = OracleOptions { gather: Gather::All, keys: 0, seed: Seed(1) };
/// let mut oracle = CodedOracle::new(Cow::Borrowed(transition.matrix()), code, fleet, &options)?;
///
/// let answer = pagerank(&mut Products::new(&mut oracle)?, &transition, &PageRankOptions::default())?;
/// assert_eq!(answer.value.ranking(), [2, 0, 1, 3]);
/// // Nothing leads to node 3 but a jump.
/// assert!((answer.value.scores[3] - 0.15 / 4.0).abs() <= answer.value.error_bound && answer.value.error_bound < 1e-8);
/// # Ok::<(), steadfast::Error>(())
/// ```
pub fn pagerank(
    products: &mut Products<'_>,
    transition: &Transition,
    options: &PageRankOptions,
) -> Result<Answer<Scores>> {
    options.run.check()?;
    let n = products.size();
    if transition.matrix.rows() != n {
        return Err(Error::usage("transition", format!("{} nodes", transition.matrix.rows()), format!("{n} nodes")));
    }
    let (surfer, d) = (Surfer::new(transition, options)?, options.damping);
    let root = (n as f64).sqrt();
    let mut x = vec![1.0 / n as f64; n];
    let mut image = vec![0.0; n];
    let mut iteration = 0;
    loop {
        let product = products.multiply(&mut x, &mut image)?;
        let residual = surfer.step(&x, &mut image);
        products.record(0.0, residual, 0.0)?;
        // |e|_1 <= sqrt(n) |e|; and rounding of numbers that add up to 1.
        let floor = d * root * product.noise + products.rounding(1.0).max(8.0 * f64::EPSILON);
        let status = if residual <= options.run.tolerance {
            Some(Status::Converged)
        } else if products.stalled(residual, floor) {
            Some(Status::Rounding)
        } else {
            (iteration >= options.run.iterations).then_some(Status::IterationLimit)
        };
        if let Some(status) = status {
            // The master's own sums are in eight parts of numbers that add up to 1.
            let report = products.report(status, residual, d * root * product.bound, 2.0 + n as f64 / 64.0);
            let error_bound = report.residual_bound / (1.0 - d);
            return Ok(Answer { value: Scores { scores: x, error_bound }, report });
        }
        std::mem::swap(&mut x, &mut image);
        iteration += 1;
    }
}

/// Where jumps lead, with a sum of 1.
fn jumps(personalization: Option<&[f64]>, n: usize) -> Result<Vec<f64>> {
    let Some(weights) = personalization else { return Ok(vec![1.0 / n as f64; n]) };
    let total = sum(weights.iter().copied());
    let fine = weights.len() == n && weights.iter().all(|w| *w >= 0.0) && total.is_finite() && total > 0.0;
    if !fine {
        let got = format!("{} weights with sum {total}", weights.len());
        return Err(Error::usage("personalization", got, format!("{n} finite weights, 0 or more, not all 0")));
    }
    Ok(weights.iter().map(|w| w / total).collect())
}
