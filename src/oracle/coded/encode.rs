//! Encoding: shards into the fleet, facts about them to the master.

use std::borrow::Cow;
use std::sync::Arc;

use super::OracleOptions;
use crate::coding::{DataCode, KeyedCheck, Keys, Layout, encode_shard, encode_shards};
use crate::data::{Matrix, Operand, ShardSink, ShardStats};
use crate::error::Result;
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
        let batch: Vec<&[f64]> = (first..workers.min(first + TOGETHER)).map(|i| code.combination(i)).collect();
        for (worker, (shard, facts)) in (first..).zip(encode_shards(data, operand, &batch)?) {
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
        let (shard, _) = encode_shard(&data, operand, code.combination(worker))?;
        let seed = Seed(mix(options.seed.0 ^ mix(generation)));
        Ok(Keys::make(seed, options.keys, worker, operand, &shard))
    })
}
