//! Codes by their names on the command line.

use super::{
    ASSIGNMENT_CODES, Basis, DataCode, FRAMES, Mds, ParityOptions, Product, RealParity, Replication, ShortDot,
    Tolerance, Uncoded,
};
use crate::error::{Error, Result};
use crate::params::Params;
use crate::seed::Seed;
use std::sync::Arc;

/// The names that [`code_by_name`] knows, with their parameters.
pub const CODES: &[&str] = &[
    "uncoded",
    "replication:factor=N",
    "real-parity:basis=NAME,collusion=resist",
    "mds",
    "product:rows=L,cols=P",
    "short-dot:blocks=M",
];

/// What a code may be told beside its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CodeOptions {
    /// It may also decode beyond its guarantee and say so, if it can.
    pub uncertified: bool,
    /// Its replies are judged by secret keys too.
    pub keyed: bool,
    /// Of random bases.
    pub seed: Seed,
}

/// The code of `spec` (`name:key=value,…`) for m `workers` that carries `tolerance`.
///
/// ```
/// use steadfast::coding::{CodeOptions, Tolerance, code_by_name};
/// let one_liar = Tolerance { liars: 1, stragglers: 0 };
/// assert_eq!(code_by_name("replication:factor=5", 15, one_liar, CodeOptions::default())?.blocks(), 3);
/// assert_eq!(code_by_name("real-parity", 15, one_liar, CodeOptions::default())?.blocks(), 13);
/// let three_late = Tolerance { liars: 0, stragglers: 3 };
/// assert_eq!(code_by_name("product", 15, three_late, CodeOptions::default())?.blocks(), 8);
/// # Ok::<(), steadfast::Error>(())
/// ```
///
/// # Errors
/// [`Error::Usage`] for an unknown name (the known ones are listed) or parameter, and for a tolerance that the code can't
/// have with m workers (the largest one is named).
pub fn code_by_name(
    spec: &str,
    workers: usize,
    tolerance: Tolerance,
    options: CodeOptions,
) -> Result<Arc<dyn DataCode>> {
    let mut params = Params::parse("code", spec)?;
    if options.keyed && params.name() != "real-parity" {
        return Err(Error::usage("--keys", format!("with the code {}", params.name()), "the code real-parity"));
    }
    match params.name() {
        "uncoded" => {
            params.finish()?;
            if tolerance != Tolerance::default() {
                let allowed = "no liars and no stragglers: it has no redundancy (choose another code)";
                return Err(Error::usage("uncoded", tolerance, allowed));
            }
            Ok(Arc::new(Uncoded::new(workers)?))
        }
        "replication" => {
            let factor = params.take_optional("factor")?;
            params.finish()?;
            Ok(Arc::new(Replication::new(workers, tolerance, factor)?))
        }
        "real-parity" => {
            let basis = params.take_optional::<String>("basis")?.map(|name| name.parse::<Basis>()).transpose()?;
            let collusion = params.take("collusion", String::from("keys"))?;
            params.finish()?;
            if collusion != "keys" && collusion != "resist" {
                return Err(Error::usage("real-parity: collusion", collusion, "keys, resist"));
            }
            let CodeOptions { uncertified, keyed, seed } = options;
            let options = ParityOptions { basis, resist_collusion: collusion == "resist", uncertified, keyed, seed };
            Ok(Arc::new(RealParity::with_options(workers, tolerance, options)?))
        }
        "mds" => {
            params.finish()?;
            Ok(Arc::new(Mds::new(workers, tolerance, options.seed)?))
        }
        "product" => {
            let (rows, cols) = (params.take_optional("rows")?, params.take_optional("cols")?);
            params.finish()?;
            if rows.is_some() != cols.is_some() {
                return Err(Error::usage("product", "one of rows and cols", "both or none"));
            }
            Ok(Arc::new(Product::new(workers, tolerance, rows.zip(cols))?))
        }
        "short-dot" => {
            let blocks = params.take_optional("blocks")?;
            params.finish()?;
            Ok(Arc::new(ShortDot::new(workers, tolerance, blocks, options.seed)?))
        }
        _ => {
            let (products, gradients) = (CODES.join(", "), ASSIGNMENT_CODES.join(", "));
            let frames = FRAMES.join(", ");
            Err(params.unknown(format!(
                "{products}; to train on workers that send gradients: {gradients}, lagrange; approximate, on encoded data: {frames}"
            )))
        }
    }
}
