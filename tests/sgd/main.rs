//! Single rows from encoded data, and stochastic gradients of them, against plain SGD on the data.

mod epochs;
mod plain;
mod rows;

use std::borrow::Cow;
use std::sync::Arc;

use steadfast::coding::{DataCode, RealParity, Tolerance};
use steadfast::data::{Csr, Dense, Matrix};
use steadfast::device::CpuDevice;
use steadfast::fleet::{Clock, FaultPlan, Gather, SimulatedFleet, Witness};
use steadfast::oracle::{CodedOracle, OracleOptions};
use steadfast::scalar::Element;
use steadfast::seed::{Seed, mix};

fn number(word: u64) -> f64 {
    (mix(word) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

fn dense(n: usize, d: usize) -> Matrix<f64> {
    Matrix::Dense(Dense::new(n, d, (0..(n * d) as u64).map(number).collect()).expect("n x d"))
}

fn sparse(n: usize, d: usize) -> Matrix<f64> {
    let (mut offsets, mut indices) = (vec![0], Vec::new());
    for i in 0..n as u64 {
        indices.extend((0..d as u32).filter(|&j| mix((i << 32) ^ u64::from(j)) % 8 < mix(i) % 4));
        offsets.push(indices.len());
    }
    let values = (0..indices.len() as u64).map(number).collect();
    Matrix::Csr(Csr::new(n, d, offsets, indices, values).expect("ascending columns"))
}

fn parity(m: usize, liars: usize, stragglers: usize) -> Arc<dyn DataCode> {
    Arc::new(RealParity::new(m, Tolerance { liars, stragglers }).expect("a code"))
}

fn open<'a, T: Element>(
    data: &'a Matrix<T>,
    code: Arc<dyn DataCode>,
    plan: FaultPlan,
    keys: usize,
) -> (CodedOracle<'a, SimulatedFleet<T>>, Witness) {
    let (faults, witness) = plan.parity_check(code.parity_check()).split().expect("a plan");
    let device = Box::new(CpuDevice::new(Some(1)).expect("a thread"));
    let gather = if code.tolerance().stragglers > 0 { Gather::Decodable } else { Gather::All };
    let options = OracleOptions { gather, keys, seed: Seed(3) };
    let fleet = SimulatedFleet::new(device, faults, Clock::default());
    (CodedOracle::new(Cow::Borrowed(data), code, fleet, &options).expect("a loaded fleet"), witness)
}

fn rows_of<T: Element>(data: &Matrix<T>, rows: &[usize]) -> Vec<f64> {
    let mut out = vec![0.0; rows.len() * data.cols()];
    for (row, out) in rows.iter().zip(out.chunks_exact_mut(data.cols())) {
        data.for_each_in_row(*row, |j, x| out[j] = x.to_f64());
    }
    out
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}
