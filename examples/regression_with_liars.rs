//! The parts without a fleet: a code, its shards, fifteen replies of which four are lies and one is missing, and the
//! decoder's certificate. Ridge regression on 442 diabetes patients by conjugate gradients on (X'X/n + l2 I) w = X'y/n, where
//! every product is decoded from the replies of workers who can't be believed: `cargo run --example regression_with_liars`.

use steadfast::coding::{DataCode, Layout, RealParity, Replies, Tolerance, Workspace, encode_shard};
use steadfast::data::{Labels, LoadOptions, Matrix, Operand, ShardStats, Source, load};
use steadfast::error::{Error, Result};
use steadfast::scalar::Precision;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/diabetes.svm");
const M: usize = 15;
const L2: f64 = 1e-3;

/// What the workers hold, one shard each, and the few facts about the shards that the master keeps.
type Encoded = (Layout, Vec<Matrix<f64>>, Vec<ShardStats>);

fn encode(x: &Matrix<f64>, operand: Operand, code: &RealParity) -> Result<Encoded> {
    let made: Result<Vec<_>> = (0..M).map(|i| encode_shard(x, operand, code.combination(i))).collect();
    let (shards, stats) = made?.into_iter().unzip();
    Ok((Layout::of_operand(x.rows(), x.cols(), operand, code.blocks())?, shards, stats))
}

/// One round: every worker multiplies its shard with `v`; four lie, others each round, and one does not answer.
fn product(code: &RealParity, (layout, shards, stats): &Encoded, v: &[f64], round: usize) -> Result<Vec<f64>> {
    let p = layout.shard_rows;
    let mut values = vec![0.0; M * p];
    shards.iter().zip(values.chunks_exact_mut(p)).for_each(|(shard, reply)| shard.multiply(v, 1, reply));
    let at = |k: usize| (k + 4 * round) % M * p;
    values[at(0)..][..p].iter_mut().for_each(|x| *x = -*x); // A sign flip,
    values[at(3)..][..p].iter_mut().for_each(|x| *x *= 0.9); // a little less than the truth,
    values[at(5)..][..p].fill(1.0); // the same answer to everything,
    values[at(9)] += 0.5; // and a single wrong number.
    let mut present = [true; M];
    present[(12 + 4 * round) % M] = false;
    let (stats, broadcast, layout) = (&stats[..], v, *layout);
    let (present, implausible, precision) = (&present[..], &[false; M][..], Precision::F64);
    let (values, vectors, round, check) = (&values[..], 1, round as u64, None);
    let replies = Replies { values, present, implausible, layout, vectors, precision, broadcast, stats, round, check };
    let mut value = vec![0.0; layout.rows];
    let report = code.decode(&replies, &mut Workspace::default(), &mut value)?;
    println!(
        "round {round:>2}: lies of {:?}, nothing from {:?}, |error| <= {:.0e}",
        report.liars, report.erased, report.bound
    );
    Ok(value)
}

fn main() -> Result<()> {
    let data = load(&DATA.parse::<Source>()?, &LoadOptions::default())?.data;
    let Labels::Real(y) = &data.labels else { return Err(Error::usage("labels", "classes", "numbers")) };
    let (x, n, d) = (&data.features, data.rows() as f64, data.cols());
    let code = RealParity::new(M, Tolerance { liars: 4, stragglers: 1 })?;
    println!("{}: {} data blocks on {M} workers, {}", code.name(), code.blocks(), code.tolerance());
    let (rows, columns) = (encode(x, Operand::ROWS, &code)?, encode(x, Operand::COLUMNS, &code)?);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let mut w = vec![0.0; d];
    let mut residual: Vec<f64> = product(&code, &columns, y, 0)?.iter().map(|g| g / n).collect();
    let mut direction = residual.clone();
    for step in 1..=d {
        let margins = product(&code, &rows, &direction, 2 * step - 1)?;
        let pulled = product(&code, &columns, &margins, 2 * step)?;
        let curved: Vec<f64> = pulled.iter().zip(&direction).map(|(g, p)| g / n + L2 * p).collect();
        let before = dot(&residual, &residual);
        let length = before / dot(&direction, &curved);
        w.iter_mut().zip(&direction).for_each(|(w, p)| *w += length * p);
        residual.iter_mut().zip(&curved).for_each(|(r, c)| *r -= length * c);
        let ratio = dot(&residual, &residual) / before;
        direction.iter_mut().zip(&residual).for_each(|(p, r)| *p = r + ratio * *p);
    }
    // The check that only an experiment can make: the gradient at w from the data themselves.
    let (mut margins, mut gradient) = (vec![0.0; y.len()], vec![0.0; d]);
    x.multiply(&w, 1, &mut margins);
    let off: Vec<f64> = margins.iter().zip(y).map(|(z, y)| (z - y) / n).collect();
    x.multiply_transposed(&off, 1, &mut gradient);
    gradient.iter_mut().zip(&w).for_each(|(g, w)| *g += L2 * w);
    println!("weights {w:.4?}\ngradient there, from the data: norm {:.1e}", dot(&gradient, &gradient).sqrt());
    Ok(())
}
