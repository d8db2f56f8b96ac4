//! The locator's outer steps: the syndrome of the combined replies, its noise, and the noise levels a search is tried at.

use super::dense::{Peel, axpy, dot, energy, product};
use super::locate::{self, Problem, Signal};
use super::music;
use super::noise::{self, Shape};
use super::structured::Structure;
use super::svd::LeftSvd;

/// Noise levels at which the search is tried, as multiples of the estimate.
const LEVELS: [f64; 3] = [1.0, 3.162_277_660_168_379_5, 10.0];

/// A column of which less than this share (of its energy) is outside the erased ones can't be told from them.
const VANISHED: f64 = 1e-20;

/// Buffers of one search.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    plain: Vec<f64>,
    differences: Vec<f64>,
    syndrome: Vec<f64>,
    columns: Vec<f64>,
    svd: LeftSvd,
    tails: Vec<f64>,
    usable: Vec<bool>,
    peel: Peel,
}

/// What is searched.
pub(super) struct Input<'a> {
    /// Combined replies in units of the largest round-off of a worker, m x r; zero for workers left out.
    pub words: &'a [f64],
    /// r.
    pub width: usize,
    /// Additions behind one of them.
    pub depth: usize,
    /// The parity workers' rows of the generator, k x q, with the workers and the plain workers, each ascending.
    pub generator: &'a [f64],
    /// Workers that hold combinations.
    pub parity: &'a [usize],
    /// Workers that hold plain rows.
    pub plain: &'a [usize],
    /// Takes the differences between parity replies and what plain replies predict to the whitened syndrome, k x k.
    pub transform: &'a [f64],
    /// Columns of the whitened check, m x k.
    pub columns: &'a [f64],
    /// Scale of each worker in the whitening.
    pub scale: &'a [f64],
    /// Workers not left out.
    pub live: &'a [bool],
    /// k.
    pub checks: usize,
    /// Liars that may still be unknown.
    pub unknown: usize,
    /// Lowest noise level to assume.
    pub lowest: f64,
    /// Combinations of independent round-off, at most r.
    pub independent: usize,
    /// For a code on the unit circle, whether its frequencies are the top ones.
    pub alternating: Option<bool>,
    /// Whether to locate beyond the guarantee.
    pub beyond: bool,
}

/// What a search found.
#[derive(Debug)]
pub(super) enum Outcome {
    /// These workers lied (none in a clean round).
    Located {
        /// Ascending.
        liars: Vec<usize>,
        /// False beyond the guarantee.
        certified: bool,
        /// True when the lies are so large that the master's own round-off set the noise level.
        coarse: bool,
    },
    /// No set within the tolerance explains the replies.
    Refused(&'static str),
}

impl Outcome {
    fn clean() -> Self {
        Outcome::Located { liars: Vec::new(), certified: true, coarse: false }
    }
}

/// Finds the liars among the live workers. `bias(k', r, t')` is the mean energy of pure noise beyond t' directions.
pub(super) fn search(input: &Input<'_>, buffers: &mut Buffers, bias: impl Fn(usize, usize, usize) -> f64) -> Outcome {
    let (k, r) = (input.checks, input.width);
    let erased = input.live.iter().filter(|live| !**live).count();
    let checks = k.saturating_sub(erased);
    if checks == 0 || r == 0 {
        return Outcome::clean();
    }
    take_syndrome(input, buffers);
    let arithmetic = round_off(input, &buffers.syndrome);
    remove_erased(input, buffers, erased);
    let shape = Shape {
        checks,
        width: r,
        independent: input.independent,
        limit: input.unknown.min(checks / 2),
        floor: input.lowest.max(arithmetic),
        ceiling: noise::CEILING * arithmetic.max(1.0),
    };
    let coarse = arithmetic > input.lowest;
    let total = energy(&buffers.syndrome);
    if total <= noise::allowed(shape.floor, checks * r) {
        return Outcome::clean();
    }
    buffers.svd.decompose(&buffers.syndrome, k, r);
    tails(&buffers.svd.values, &mut buffers.tails);
    let estimate = shape.estimate(&buffers.tails, bias(checks, r, shape.limit));
    let columns = if erased == 0 { input.columns } else { &buffers.columns };
    buffers.usable.clear();
    buffers.usable.extend(input.live.iter().enumerate().map(|(i, live)| {
        let (left, whole) = (&columns[i * k..(i + 1) * k], &input.columns[i * k..(i + 1) * k]);
        *live && energy(left) > VANISHED * energy(whole)
    }));
    let problem = Problem {
        length: k,
        shape,
        columns,
        live: &buffers.usable,
        syndrome: &buffers.syndrome,
        signal: Signal { values: &buffers.svd.values, vectors: &buffers.svd.vectors },
        structure: input.alternating.map(|alternating| Structure {
            columns: input.columns,
            scale: input.scale,
            erased,
            alternating,
        }),
    };
    let located = |mut liars: Vec<usize>, certified| {
        liars.sort_unstable();
        Outcome::Located { liars, certified, coarse }
    };
    if !estimate.over {
        let mut rank = estimate.rank.max(1);
        for factor in LEVELS {
            let level = (estimate.level * factor).min(shape.ceiling);
            if total <= noise::allowed(level, checks * r) {
                return Outcome::clean();
            }
            if shape.limit > 0 {
                rank = shape.lowered_rank(&buffers.tails, level, rank);
                if let Some(liars) = locate::search(&problem, rank.min(shape.limit), shape.limit, level) {
                    return located(liars, true);
                }
            }
        }
    }
    if input.beyond {
        let beyond = shape.beyond(&buffers.tails);
        if !beyond.over
            && beyond.rank > 0
            && let Some(liars) = music::search(&problem, beyond.rank, beyond.rank, beyond.level)
        {
            return located(liars, false);
        }
    }
    Outcome::Refused(if estimate.over {
        "more independent errors than can be located"
    } else {
        "no set of liars within the tolerance explains the replies"
    })
}

/// The syndrome, by way of what each parity reply differs from the prediction of the plain replies: for honest replies that is
/// round-off whatever their size, because the generator's own entries are used.
fn take_syndrome(input: &Input<'_>, buffers: &mut Buffers) {
    let (k, q, r) = (input.checks, input.plain.len(), input.width);
    let word = |i: usize| &input.words[i * r..(i + 1) * r];
    buffers.plain.clear();
    input.plain.iter().for_each(|&i| buffers.plain.extend_from_slice(word(i)));
    buffers.differences.resize(k * r, 0.0);
    product(input.generator, &buffers.plain, &mut buffers.differences, k, q, r);
    for (difference, &i) in buffers.differences.chunks_exact_mut(r).zip(input.parity) {
        difference.iter_mut().zip(word(i)).for_each(|(d, x)| *d = x - *d);
    }
    buffers.syndrome.resize(k * r, 0.0);
    product(input.transform, &buffers.differences, &mut buffers.syndrome, k, k, r);
}

/// Removes the erased workers' columns from the syndrome and from the other columns.
fn remove_erased(input: &Input<'_>, buffers: &mut Buffers, erased: usize) {
    if erased == 0 {
        return;
    }
    let k = input.checks;
    buffers.peel.start(&buffers.syndrome, k, input.width);
    for (column, _) in input.columns.chunks_exact(k).zip(input.live).filter(|(_, live)| !**live) {
        buffers.peel.remove(column);
    }
    buffers.syndrome.copy_from_slice(&buffers.peel.rest);
    buffers.columns.clear();
    buffers.columns.extend_from_slice(input.columns);
    for column in buffers.columns.chunks_exact_mut(k) {
        for direction in buffers.peel.directions.chunks_exact(k) {
            let c = dot(direction, column);
            axpy(column, -c, direction);
        }
    }
}

/// Round-off that the master's own sums leave in one number of the syndrome, in units of the replies' round-off: half a unit in
/// the last place for the root of the additions behind a combination, two units for the differences, and eight for removing
/// what erased workers and large lies contribute to the syndrome.
fn round_off(input: &Input<'_>, syndrome: &[f64]) -> f64 {
    let width = input.width as f64;
    let words = input.words.chunks_exact(input.width).zip(input.scale);
    let longest = words.map(|(word, scale)| energy(word) / (scale * scale)).fold(0.0, f64::max);
    let combined = (0.5 * (input.depth as f64).sqrt() + 2.0) * (longest / width).sqrt();
    f64::EPSILON / 2.0 * (combined + 8.0 * (energy(syndrome) / width).sqrt())
}

/// `tails[i]` is the sum of the squares from `values[i]` on.
fn tails(values: &[f64], tails: &mut Vec<f64>) {
    tails.clear();
    tails.resize(values.len(), 0.0);
    let mut sum = 0.0;
    for (tail, value) in tails.iter_mut().zip(values).rev() {
        sum += value * value;
        *tail = sum;
    }
}
