//! Sketches by their names on the command line.

use std::sync::Arc;

use super::srht::padded;
use super::{BlockSketch, Gaussian, Leverage, Sketch, Srht, check_dimension};
use crate::error::{Error, Result};
use crate::params::Params;
use crate::seed::Seed;

/// The names that [`sketch_by_name`] knows, with their parameters.
pub const SKETCHES: &[&str] = &[
    "oversketch:factor=X,block=B,extra=E",
    "count-sketch:factor=X",
    "uniform:factor=X",
    "gaussian:factor=X",
    "srht:factor=X",
    "leverage:factor=X",
];

/// Paper 001 takes 10 and 15 times the columns.
const FACTOR: f64 = 10.0;
/// Of ten blocks, one may come late: the paper's 5 % of stragglers, twice over.
const BLOCKS_AN_EXTRA: usize = 10;

/// The sketch of `spec` (`name:key=value,…`) for an A of `rows` x `cols`. Its dimension m is `factor` (default 10) times the
/// columns; OverSketch cuts that into blocks of `block` rows (default: the columns; the last one is not cut short) and makes
/// `extra` more (default: one for every ten).
///
/// ```
/// use steadfast::seed::Seed;
/// use steadfast::sketch::{Sketch, sketch_by_name};
/// let sketch = sketch_by_name("oversketch:factor=15,block=200", 100_000, 300, Seed(7))?;
/// let blocks = sketch.blocks().expect("made of blocks");
/// assert_eq!((blocks.needed(), blocks.made(), sketch.dimension()), (23, 26, 4600));
/// let error = sketch_by_name("srht:factor=0.5", 100_000, 300, Seed(7)).unwrap_err();
/// assert_eq!(error.got(), "150");
/// # Ok::<(), steadfast::Error>(())
/// ```
///
/// # Errors
/// [`Error::Usage`] for an unknown name (the known ones are listed) or parameter, for a dimension below the columns, and for
/// one that `srht` can't have.
pub fn sketch_by_name(spec: &str, rows: usize, cols: usize, seed: Seed) -> Result<Arc<dyn Sketch>> {
    let mut params = Params::parse("sketch", spec)?;
    if !SKETCHES.iter().any(|known| known.split(':').next() == Some(params.name())) {
        return Err(params.unknown(SKETCHES.join(", ")));
    }
    let name = params.name().to_owned();
    let factor = params.positive("factor", FACTOR)?;
    let (block, extra) = match name.as_str() {
        "oversketch" => (params.count("block")?, params.take_optional("extra")?),
        _ => (None, None),
    };
    params.finish()?;
    let dimension = dimension(&name, factor, cols)?;
    match name.as_str() {
        "oversketch" => {
            let block = block.unwrap_or(cols);
            let blocks = dimension.div_ceil(block);
            let extra = extra.unwrap_or_else(|| blocks.div_ceil(BLOCKS_AN_EXTRA));
            Ok(Arc::new(BlockSketch::oversketch(seed, blocks, extra, block)?))
        }
        "count-sketch" => Ok(Arc::new(BlockSketch::count_sketch(seed, dimension)?)),
        "uniform" => Ok(Arc::new(BlockSketch::uniform(seed, dimension)?)),
        "gaussian" => Ok(Arc::new(Gaussian::new(seed, dimension))),
        "srht" if dimension > padded(rows) => {
            let allowed = format!("at most {}, the padded number of rows", padded(rows));
            Err(Error::usage("dimension of the sketch srht", dimension, allowed))
        }
        "srht" => Ok(Arc::new(Srht::new(seed, dimension))),
        _ => Ok(Arc::new(Leverage::new(seed, dimension))),
    }
}

/// `factor` times the columns, rounded up.
fn dimension(name: &str, factor: f64, cols: usize) -> Result<usize> {
    let wanted = (factor * cols as f64).ceil();
    if cols == 0 || wanted > f64::from(1u32 << 31) {
        let got = format!("{factor} times {cols} columns");
        return Err(Error::usage(
            format!("sketch {name}:factor"),
            got,
            "1 column or more, and a product of at most 2^31",
        ));
    }
    check_dimension(name, wanted as usize, cols)?;
    Ok(wanted as usize)
}
