//! Single data points in one round (paper 002, section 6.1, theorem 3): row n of X is column n of X', which every worker
//! holds encoded. The master broadcasts the number, the workers send their p2 numbers of that column as they are, and the
//! code does the rest: B columns at a time are the encoded matrix `X_B'` (d x B) itself.

use super::{CAP_SLACK, CodedOracle, transpose};
use crate::coding::{Layout, Replies, ReplyCheck};
use crate::data::ShardStats;
use crate::error::{Error, Result};
use crate::fleet::{Fleet, Opcode, Request};
use crate::oracle::{RoundReport, SampleOracle};
use crate::scalar::Precision;

/// Row numbers that f32 workers can be told: whole numbers up to here are exact.
const EXACT_IN_F32: usize = 1 << 24;

impl<F: Fleet> CodedOracle<'_, F> {
    fn check_rows(&self, rows: &[usize], out: usize) -> Result<()> {
        let Layout { rows: d, cols: n, .. } = self.columns.layout;
        if rows.is_empty() {
            return Err(Error::usage("rows to sample", 0, "at least 1"));
        }
        if let Some(beyond) = rows.iter().find(|&&row| row >= n) {
            return Err(Error::usage("row to sample", beyond, format!("below {n}, the number of rows")));
        }
        if self.fleet.precision() != Precision::F64 && n > EXACT_IN_F32 {
            let allowed = format!("at most {EXACT_IN_F32}, or f64 workers");
            return Err(Error::usage("rows to sample from with f32 arithmetic", n, allowed));
        }
        if out != rows.len() * d {
            return Err(Error::usage("samples", out, format!("{} x {d} numbers", rows.len())));
        }
        Ok(())
    }
}

impl<F: Fleet> SampleOracle for CodedOracle<'_, F> {
    fn samples(&mut self, rows: &[usize], out: &mut [f64]) -> Result<()> {
        self.check_rows(rows, out.len())?;
        let encoded = &mut self.columns;
        let Layout { rows: d, blocks, shard_rows, .. } = encoded.layout;
        let vectors = rows.len();
        // What a worker stores was rounded once, so no entry errs by more than the unit round-off of the largest.
        let entries = |facts: &ShardStats| ShardStats { rms_row_norm: facts.max_abs, ..*facts };
        let stats: Vec<ShardStats> = encoded.stats.iter().map(entries).collect();
        let size = ((shard_rows * vectors) as f64).sqrt();
        self.caps.iter_mut().zip(&stats).for_each(|(cap, facts)| *cap = CAP_SLACK * facts.max_abs * size);
        self.payload.clear();
        self.payload.extend(rows.iter().map(|&row| row as f64));
        let request =
            Request { round: self.gathering.next(), opcode: Opcode::Columns, operand: encoded.operand, vectors };
        let numbers = shard_rows * vectors;
        let round = self.gathering.run(&mut self.fleet, &*self.code, &request, &self.payload, numbers, &self.caps)?;
        let (late, seconds) = (round.missing(), round.seconds());
        // X_B' times the unit vectors.
        let mut units = vec![0.0; vectors * vectors];
        units.iter_mut().step_by(vectors + 1).for_each(|unit| *unit = 1.0);
        let check = encoded.keyed.as_ref().map(|(check, _)| check.of_columns(rows)).transpose()?;
        let replies = Replies {
            values: round.arena(),
            present: round.present(),
            implausible: round.implausible(),
            layout: Layout { rows: d, cols: vectors, blocks, shard_rows },
            vectors,
            precision: self.fleet.precision(),
            broadcast: &units,
            stats: &stats,
            check: check.as_ref().map(|check| check as &dyn ReplyCheck),
            round: request.round,
        };
        self.transposed.resize(out.len(), 0.0);
        let report = self.code.decode(&replies, &mut self.workspace, &mut self.transposed)?;
        transpose(&self.transposed, vectors, out);
        if let Some((check, rekey)) = &mut encoded.keyed {
            for &worker in &report.liars {
                check.set(worker, rekey(worker, self.gathering.next())?)?;
            }
        }
        self.log.push(RoundReport { report, late, seconds });
        Ok(())
    }

    fn longest_row(&self) -> f64 {
        self.longest_row
    }
}
