//! What is kept from round to round: buffers, whitened checks and plans.

use super::dense::transposed;
use super::repair::{self, Plan};
use super::sketch::Sketch;
use super::syndrome::Buffers;
use super::{RealParity, systematic};
use crate::coding::Workspace;
use crate::error::Result;

/// Plans and whitened checks kept; the oldest go first.
const KEPT_PLANS: usize = 64;
const KEPT_WHITENED: usize = 8;

/// The check, whitened for workers whose replies carry unequal round-off.
#[derive(Debug)]
pub(super) struct Whitened {
    /// Round-off of each worker relative to the largest; the key.
    pub scale: Vec<f64>,
    /// Columns of an orthonormal basis of the rows of H diag(scale), m x k.
    pub columns: Vec<f64>,
    /// The matrix T with T [I, -B] diag(scale) equal to that basis, k x k, where B are the parity workers' rows of the
    /// generator.
    pub transform: Vec<f64>,
}

/// Buffers and factorizations of one code, kept in the workspace.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub code: u64,
    pub sketch: Sketch,
    /// Replies combined, m x r.
    pub words: Vec<f64>,
    pub buffers: Buffers,
    pub sigma: Vec<f64>,
    pub scale: Vec<f64>,
    pub inverse_norms: Vec<f64>,
    /// Present and plausible.
    pub live: Vec<bool>,
    /// The live workers before their combinations were looked at.
    pub present: Vec<usize>,
    /// Live and not yet located.
    pub kept: Vec<bool>,
    /// Known to lie without any code.
    pub named: Vec<bool>,
    pub repair: repair::Buffers,
    pub whitened: Vec<Whitened>,
    pub plans: Vec<Plan>,
}

/// Lends the workspace's memory of this code to `work`.
pub(super) fn with_memory<T>(
    code: &RealParity,
    workspace: &mut Workspace,
    work: impl FnOnce(&mut Memory) -> Result<T>,
) -> Result<T> {
    let mut memory = workspace
        .cache
        .take()
        .and_then(|cache| cache.downcast::<Memory>().ok())
        .filter(|memory| memory.code == code.id)
        .unwrap_or_else(|| Box::new(Memory { code: code.id, ..Memory::default() }));
    let result = work(&mut memory);
    workspace.cache = Some(memory);
    result
}

/// Index of the whitened check for `scale`, made if it is not there.
pub(super) fn whitened(code: &RealParity, known: &mut Vec<Whitened>, scale: &[f64]) -> usize {
    if let Some(at) = known.iter().position(|w| w.scale == scale) {
        return at;
    }
    let (m, k) = (code.workers, code.checks);
    let even = scale.iter().all(|s| (s / scale[0] - 1.0).abs() < 1e-12);
    let check = if even { code.check.clone() } else { systematic::scaled_check(&code.check, scale, k) };
    let columns = transposed(&check, k, m);
    let entries = (0..k).flat_map(|a| code.parity.iter().map(move |&i| (a, i)));
    let transform = entries.map(|(a, i)| check[a * m + i] / scale[i]).collect();
    if known.len() >= KEPT_WHITENED {
        known.remove(0);
    }
    known.push(Whitened { scale: scale.to_vec(), columns, transform });
    known.len() - 1
}

/// The plan for `faulty`, made if it is not there.
pub(super) fn plan<'a>(code: &RealParity, known: &'a mut Vec<Plan>, faulty: Vec<usize>) -> &'a Plan {
    let at = known.iter().position(|plan| plan.faulty == faulty).unwrap_or_else(|| {
        if known.len() >= KEPT_PLANS {
            known.remove(0);
        }
        known.push(Plan::new(&code.check, code.checks, code.workers, &code.plain, faulty));
        known.len() - 1
    });
    &known[at]
}
