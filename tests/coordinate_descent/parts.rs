//! The CPU device's products with parts of shards: the same bits as whole products of what the part holds.

use crate::plain::{experiment, sparse};
use steadfast::data::ShardSink;
use steadfast::data::{Csr, Dense, Matrix, Operand};
use steadfast::device::{Batch, CpuDevice, Device, Part};
use steadfast::fleet::{Clock, Faults, Fleet, Gather, Opcode, Request, Round, SimulatedFleet};

const BATCH: Batch<'_> = Batch { operand: Operand::ROWS, transposed: false, vectors: 1, workers: &[0] };

fn device(shard: &Matrix<f64>, threads: usize) -> CpuDevice<f64> {
    let mut device = CpuDevice::new(Some(threads)).unwrap();
    device.upload(0, Operand::ROWS, shard.clone()).unwrap();
    device
}

/// The columns as a matrix of its own.
fn columns(shard: &Matrix<f64>, of: std::ops::Range<usize>) -> Matrix<f64> {
    let (mut offsets, mut indices, mut values, mut dense) = (vec![0], vec![], vec![], vec![]);
    for i in 0..shard.rows() {
        let mut row = vec![0.0; of.len()];
        shard.for_each_in_row(i, |j, x| {
            if of.contains(&j) {
                indices.push(u32::try_from(j - of.start).unwrap());
                values.push(x);
                row[j - of.start] = x;
            }
        });
        offsets.push(indices.len());
        dense.extend(row);
    }
    if shard.is_sparse() {
        Matrix::Csr(Csr::new(shard.rows(), of.len(), offsets, indices, values).unwrap())
    } else {
        Matrix::Dense(Dense::new(shard.rows(), of.len(), dense).unwrap())
    }
}

#[test]
fn parts_give_the_bits_of_what_they_hold() {
    // Long enough for several tasks, blocks of the sums and both paths of the walk.
    for shard in [experiment(601, 1500, 1).0, sparse(601, 1500, 2).0, experiment(3, 7, 3).0] {
        let (rows, cols) = (shard.rows(), shard.cols());
        let vector: Vec<f64> = (0..cols).map(|j| (j as f64).sin()).collect();
        let mut whole = vec![0.0; rows];
        device(&shard, 1).run(&BATCH, &vector, &mut whole).unwrap();
        for threads in [1, 3] {
            let mut device = device(&shard, threads);
            for span in [0..rows, 1..2, rows / 2..rows] {
                let mut part = vec![f64::NAN; span.len()];
                device.run_part(&BATCH, &Part::Rows(span.clone()), &vector, &mut part).unwrap();
                assert_eq!(part, whole[span.clone()], "rows {span:?}");
            }
            for span in [0..cols, 2..3, cols / 3..cols, 1..cols - 1] {
                let mut part = vec![f64::NAN; rows];
                device.run_part(&BATCH, &Part::Columns(span.clone()), &vector[span.clone()], &mut part).unwrap();
                let mut alone = vec![0.0; rows];
                let mut other = CpuDevice::new(Some(1)).unwrap();
                other.upload(0, Operand::ROWS, columns(&shard, span.clone())).unwrap();
                other.run(&BATCH, &vector[span.clone()], &mut alone).unwrap();
                assert_eq!(part, alone, "columns {span:?}");
            }
        }
    }
}

#[test]
fn parts_outside_a_shard_are_refused() {
    let (shard, _) = experiment(6, 4, 1);
    let mut device = device(&shard, 1);
    let mut out = vec![0.0; 6];
    for part in [Part::Rows(3..7), Part::Columns(1..5)] {
        assert!(device.run_part(&BATCH, &part, &[0.0; 4], &mut out[..4]).is_err(), "{part:?}");
    }
    assert!(device.run_part(&BATCH, &Part::Columns(0..2), &[0.0; 3], &mut out).is_err());
    let mut fleet =
        SimulatedFleet::new(Box::new(CpuDevice::<f64>::new(Some(1)).unwrap()), Faults::none(1), Clock::default());
    fleet.accept(0, Operand::ROWS, shard).unwrap();
    for opcode in [Opcode::RowsProduct { first: 5, count: 2 }, Opcode::ColumnsProduct { first: usize::MAX, count: 2 }] {
        let request = Request { round: 0, opcode, operand: Operand::ROWS, vectors: 1 };
        let mut round = Round::new(1);
        round.begin(&request, request.reply_len(6, 4), Gather::All, &[f64::INFINITY]).unwrap();
        let error = fleet.run(&request, &vec![0.0; request.payload_len(6, 4)], &mut round, &|_, _| false).unwrap_err();
        assert!(error.to_string().contains("of a shard"), "{error}");
    }
}
