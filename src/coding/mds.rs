//! A maximum-distance-separable code over the real numbers: any q of the m replies decode.

use super::{Basis, DataCode, ParityOptions, RealParity, Replies, Report, Tolerance, Workspace};
use crate::error::{Error, Result};
use crate::seed::Seed;

/// Any q = m - s of m workers decode. It is the code of [`RealParity`] told to expect no liars, under the name that the
/// literature has for it: any s columns of the parity check are independent, so that any s lost replies can be solved for,
/// and with s parity workers nothing smaller can do it. There is one decoder for both. What is chosen here is the
/// basis: that of the unit circle up to 20 workers where it has s rows, and else a random orthogonal one (frequencies
/// come in pairs: an even number of workers and an odd s would cost a parity worker more).
///
/// It locates no liar. While fewer than s replies are missing the parity check sees a lie, and the round is refused; with s
/// missing there is nothing left to see it.
///
/// ```
/// use steadfast::coding::{DataCode, Mds, Tolerance};
/// use steadfast::seed::Seed;
/// let code = Mds::new(77, Tolerance { liars: 0, stragglers: 17 }, Seed(0))?;
/// assert_eq!((code.name().as_str(), code.blocks()), ("mds", 60));
/// let mut present = [true; 77];
/// present[..17].fill(false);
/// assert!(code.decodable(&present, &[false; 77]));
/// present[17] = false;
/// assert!(!code.decodable(&present, &[false; 77]));
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct Mds {
    code: RealParity,
}

impl Mds {
    /// For m `workers`; `seed` is that of the random basis.
    ///
    /// # Errors
    /// [`Error::Usage`] for any liars, and unless s is at least 1 and below m.
    pub fn new(workers: usize, tolerance: Tolerance, seed: Seed) -> Result<Self> {
        check(workers, tolerance)?;
        let stragglers = tolerance.stragglers;
        let basis = Basis::with_rows(workers, stragglers);
        let options = ParityOptions { basis: Some(basis), seed, ..ParityOptions::default() };
        Ok(Mds { code: RealParity::with_options(workers, tolerance, options)? })
    }
}

/// Refuses what no MDS code of so many workers can tolerate.
pub(super) fn check(workers: usize, tolerance: Tolerance) -> Result<()> {
    if tolerance.liars > 0 {
        let allowed = "no liars: it can't locate them (choose real-parity or replication)";
        return Err(Error::usage("mds", tolerance, allowed));
    }
    if tolerance.stragglers == 0 || tolerance.stragglers >= workers {
        let allowed = match workers {
            0 | 1 => "at least 2 workers".into(),
            _ => format!("1 to {} stragglers of {workers} workers (none: uncoded)", workers - 1),
        };
        return Err(Error::usage("mds", tolerance, allowed));
    }
    Ok(())
}

impl DataCode for Mds {
    fn name(&self) -> String {
        "mds".into()
    }

    fn workers(&self) -> usize {
        self.code.workers()
    }

    fn blocks(&self) -> usize {
        self.code.blocks()
    }

    fn tolerance(&self) -> Tolerance {
        self.code.tolerance()
    }

    fn combination(&self, worker: usize) -> &[f64] {
        self.code.combination(worker)
    }

    fn parity_check(&self) -> &[f64] {
        self.code.parity_check()
    }

    fn decodable(&self, present: &[bool], implausible: &[bool]) -> bool {
        self.code.decodable(present, implausible)
    }

    fn decode(&self, replies: &Replies<'_>, workspace: &mut Workspace, out: &mut [f64]) -> Result<Report> {
        self.code.decode(replies, workspace, out)
    }
}
