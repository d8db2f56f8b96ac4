//! Encoding: bytes of data and shards through memory a second, beside a plain copy of the data. `STEADFAST_BENCH_FULL=1`
//! takes the paper's size, 20,000 x 22,000.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;
use steadfast::coding::{encode_shard, encode_shards};
use steadfast::data::{Csr, Dense, Matrix, Operand};
use steadfast::seed::mix;

const WORKERS: usize = 15;
const BLOCKS: usize = 9;

/// The generator of a systematic code of 15 workers and 3 liars: 9 plain shards, 6 full combinations.
fn combinations() -> Vec<Vec<f64>> {
    let coefficient = |w: usize, j: usize| match w {
        w if w < BLOCKS => f64::from(u8::from(w == j)),
        w => ((w * BLOCKS + j) as f64).sin(),
    };
    (0..WORKERS).map(|w| (0..BLOCKS).map(|j| coefficient(w, j)).collect()).collect()
}

fn number(word: u64) -> f32 {
    (word >> 40) as f32 / (1u32 << 23) as f32 - 1.0
}

fn dense(rows: usize, cols: usize) -> Matrix<f32> {
    let values = (0..rows * cols).map(|i| number(mix(i as u64))).collect();
    Matrix::Dense(Dense::new(rows, cols, values).expect("rows x cols values"))
}

fn sparse(rows: usize, cols: usize, per_row: usize) -> Matrix<f32> {
    let (mut offsets, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for i in 0..rows {
        let mut columns: Vec<u32> =
            (0..per_row).map(|k| (mix((i * per_row + k) as u64) % cols as u64) as u32).collect();
        columns.sort_unstable();
        columns.dedup();
        values.extend(columns.iter().map(|&c| number(mix(u64::from(c) ^ i as u64))));
        indices.extend(columns);
        offsets.push(values.len());
    }
    Matrix::Csr(Csr::new(rows, cols, offsets, indices, values).expect("a valid matrix"))
}

fn encode(c: &mut Criterion) {
    let full = std::env::var_os("STEADFAST_BENCH_FULL").is_some();
    let (rows, cols) = if full { (20_000, 22_000) } else { (4_000, 5_500) };
    let g = combinations();
    let all: Vec<&[f64]> = g.iter().map(Vec::as_slice).collect();
    let matrices = [("dense", dense(rows, cols)), ("csr", sparse(10 * rows, 10 * cols, if full { 200 } else { 50 }))];
    for (kind, data) in &matrices {
        for (direction, operand) in [("rows", Operand::ROWS), ("columns", Operand::COLUMNS)] {
            let mut group = c.benchmark_group(format!("encode/{kind}/{direction}"));
            group.sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(3));
            let bytes = (data.stored() * if data.is_sparse() { 8 } else { 4 }) as u64;
            group.throughput(Throughput::Bytes(bytes));
            group.bench_function("copy-of-the-data", |b| b.iter(|| black_box(data.clone())));
            group.bench_function("plain-shard", |b| b.iter(|| black_box(encode_shard(data, operand, &g[0]))));
            group.bench_function("parity-shard", |b| b.iter(|| black_box(encode_shard(data, operand, &g[BLOCKS]))));
            group.throughput(Throughput::Bytes(bytes * WORKERS as u64 / BLOCKS as u64));
            group.bench_function("all-one-by-one", |b| {
                b.iter(|| g.iter().for_each(|g| drop(black_box(encode_shard(data, operand, g)))));
            });
            group.bench_function("all-at-once", |b| b.iter(|| black_box(encode_shards(data, operand, &all))));
            group.finish();
        }
    }
}

criterion_group!(benches, encode);
criterion_main!(benches);
