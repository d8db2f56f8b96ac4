//! `steadfast reproduce`: a table or figure of a paper, or a figure of this project, beside the number it is held against.

mod coordinates;
mod devices;
mod dino;
mod encoded;
mod envelope;
mod grid;
mod large;
mod linear_programs;
mod memory;
mod newton_grid;
pub mod oversketched;
mod partitioned;
mod refusal;
mod rivals;
mod rounds;

use steadfast::{Error, Result};

use crate::args::ReproduceArgs;

/// Prints its result and returns the exit status.
type Reproduction = fn(&ReproduceArgs) -> Result<u8>;

/// What can be reproduced, in the order of `all`.
const NAMES: [(&str, Reproduction); 29] = [
    ("byzantine-grid", grid::run),
    ("byzantine-envelope", envelope::run),
    ("byzantine-refusal", refusal::run),
    ("byzantine-rounds", rounds::run),
    ("byzantine-fig4", coordinates::fig4),
    ("byzantine-fig5", coordinates::fig5),
    ("byzantine-large", large::run),
    ("byzantine-devices", devices::run),
    ("byzantine-rivals", rivals::run),
    ("oversketched-grid", newton_grid::run),
    ("oversketched-fig1", oversketched::fig1),
    ("oversketched-fig4", oversketched::fig4),
    ("oversketched-fig5", oversketched::fig5),
    ("oversketched-fig6", oversketched::fig6),
    ("oversketched-fig7", oversketched::fig7),
    ("oversketched-fig8", oversketched::fig8),
    ("oversketched-lp", linear_programs::run),
    ("encoded-ridge", encoded::ridge),
    ("encoded-lasso", encoded::lasso),
    ("encoded-logistic", encoded::logistic),
    ("encoded-movielens", encoded::movielens),
    ("partitioned-example", partitioned::example),
    ("partitioned-theorem3.1", partitioned::theorem),
    ("partitioned-corollary3.2", partitioned::corollary),
    ("dino-table2", dino::table2),
    ("dino-table3", dino::table3),
    ("dino-fig1", dino::fig1),
    ("dino-fig2", dino::fig2),
    ("dino-gaps", dino::gaps),
];

/// A line of a table, when it is done: on standard output, or on standard error where that is for JSON.
fn line(args: &ReproduceArgs, text: impl std::fmt::Display) {
    if args.json {
        eprintln!("{text}");
    } else {
        println!("{text}");
    }
}

/// The median (the upper one of an even number); 0 of nothing.
fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Runs the command; the exit status: 0 when everything held, 1 when a bound was broken.
pub fn run(args: &ReproduceArgs) -> Result<u8> {
    if args.name == "all" {
        let mut worst = 0;
        for (name, each) in NAMES {
            line(args, format!("== {name}"));
            worst = worst.max(each(args)?);
        }
        return Ok(worst);
    }
    match NAMES.iter().find(|(name, _)| *name == args.name) {
        Some((_, each)) => each(args),
        None => {
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            Err(Error::usage("reproduce", &args.name, format!("{}, all", names.join(", "))))
        }
    }
}
