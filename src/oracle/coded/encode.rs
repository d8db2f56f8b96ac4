//! Encoding: shards into the fleet, facts about them to the master.

use std::borrow::Cow;
use std::sync::Arc;

use super::OracleOptions;
use crate::coding::{DataCode, KeyedCheck, Keys, Layout, encode_for};
use crate::data::{Matrix, Operand, ShardSink, ShardStats};
use crate::error::{Error, Result};
use crate::oracle::block::BlockFacts;
use crate::scalar::Element;
use crate::seed::{Seed, mix};

/// Shards encoded in one pass over the data: what is not yet at its worker is beside the data, and each pass reads all of it.
const TOGETHER: usize = 4;

/// Makes new keys of one operand: for a worker, in the given generation.
pub(super) type Rekey<'a> = Box<dyn Fn(usize, u64) -> Result<Keys> + Send + 'a>;

/// One encoded matrix: its layout and what the master keeps of each worker's shard.
pub(super) struct EncodedMatrix<'a> {
    pub(super) operand: Operand,
    pub(super) layout: Layout,
    pub(super) stats: Vec<ShardStats>,
    /// Norms of the shards: their squares are what adds up when shards grow.
    pub(super) frobenius: Vec<f64>,
    pub(super) keyed: Option<(KeyedCheck, Rekey<'a>)>,
    /// What is known of the parts that coordinate blocks touch, where such products were announced.
    pub(super) blocks: Option<BlockFacts>,
}

/// Encodes one direction of `data`, a few shards at a time, straight into the fleet.
pub(super) fn encode<'a, T: Element, S: ShardSink<T>>(
    data: &Arc<Cow<'a, Matrix<T>>>,
    operand: Operand,
    code: &Arc<dyn DataCode>,
    options: &OracleOptions,
    in_blocks: bool,
    sink: &mut S,
) -> Result<EncodedMatrix<'a>> {
    let (rows, cols) = if operand == Operand::ROWS { (data.rows(), data.cols()) } else { (data.cols(), data.rows()) };
    let mut blocks = in_blocks.then(|| BlockFacts::new(data.cols().div_ceil(code.blocks())));
    let workers = code.workers();
    let mut stats = Vec::with_capacity(workers);
    let mut check = KeyedCheck::new(workers);
    for first in (0..workers).step_by(TOGETHER) {
        let shards = encode_for(code.as_ref(), data, operand, first..workers.min(first + TOGETHER))?;
        for (worker, (shard, facts)) in (first..).zip(shards) {
            if options.keys > 0 {
                check.set(worker, Keys::make(options.seed, options.keys, worker, operand, &shard))?;
            }
            stats.push(facts);
            match &mut blocks {
                Some(blocks) if operand == Operand::COLUMNS => blocks.push_rows(&shard),
                Some(blocks) => blocks.push_columns(&shard, code.blocks()),
                None => {}
            }
            sink.accept(worker, operand, shard)?;
        }
    }
    let keyed = (options.keys > 0).then(|| (check, rekey(data.clone(), operand, code.clone(), *options)));
    let frobenius = stats.iter().map(ShardStats::frobenius).collect();
    Ok(EncodedMatrix { operand, layout: Layout::new(rows, cols, code.blocks()), stats, frobenius, keyed, blocks })
}

/// Makes keys from the data.
pub(super) fn rekey<'a, T: Element>(
    data: Arc<Cow<'a, Matrix<T>>>,
    operand: Operand,
    code: Arc<dyn DataCode>,
    options: OracleOptions,
) -> Rekey<'a> {
    Box::new(move |worker, generation| {
        let seed = Seed(mix(options.seed.0 ^ mix(generation)));
        match encode_for(code.as_ref(), &data, operand, worker..worker + 1)?.pop() {
            Some((shard, _)) => Ok(Keys::make(seed, options.keys, worker, operand, &shard)),
            None => Err(Error::usage("worker to encode for", worker, format!("below {}", code.workers()))),
        }
    })
}
