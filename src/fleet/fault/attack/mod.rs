//! What a liar sends. An attack sees the worker's own honest reply, the request, and what liars agreed on beforehand (the
//! seed, who they are, the code). The omniscient ones are also told what the honest workers send in the round; the keys of the
//! master nobody is told.

mod additive;
mod collude;
mod near_code;
mod omniscient;
mod replay;
mod rescale;

use crate::error::Result;
use crate::fleet::request::Request;
use crate::params::Params;
use crate::seed::{Purpose, Seed};
use near_code::NearCode;
use omniscient::Crowd;
use replay::Memory;

/// What a lying worker does to its reply.
///
/// Magnitudes: `gaussian` and `constant` are absolute; `sign-flip`, `scale` and `entries` are relative to the honest reply;
/// the colluding ones (`collude`, `all-ones`, `near-code`) are relative to the length of one broadcast vector, the only
/// scale that all liars share exactly, and so stay rank one.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attack {
    /// Adds N(0, sigma^2) to every entry (paper 002: sigma = 100).
    Gaussian {
        /// Standard deviation.
        sigma: f64,
    },
    /// `-scale` times the reply.
    SignFlip {
        /// Factor.
        scale: f64,
    },
    /// `factor` times the reply.
    Scale {
        /// Factor.
        factor: f64,
    },
    /// All zeros.
    Zero,
    /// All entries the same number.
    Constant {
        /// The number.
        value: f64,
    },
    /// Its own first reply to a request of the same shape, again and again; before there is one, twice the honest reply.
    Replay,
    /// NaN and infinities among honest entries.
    Nan,
    /// A few single entries changed by `factor` times the reply's root mean square (times 1 where that is 0).
    Entries {
        /// How many (all, if the reply is shorter).
        count: usize,
        /// How much.
        factor: f64,
    },
    /// Rank one: all liars add multiples of one random direction, each its own.
    Collude {
        /// Root mean square of an added entry, relative to the length of a broadcast vector.
        amplitude: f64,
    },
    /// Rank one with equal coefficients: all liars add the same vector.
    AllOnes {
        /// As for `collude`.
        amplitude: f64,
    },
    /// Rank one with the coefficients that bring the parity check closest to what as many innocent workers could have
    /// caused, so that these look guilty.
    NearCode {
        /// As for `collude`.
        amplitude: f64,
    },
    /// Adds N(0, 1) times `factor` round-offs of an entry: as much as decoders must take for rounding, and no more.
    Threshold {
        /// In units of the round-off of the reply's root mean square; the decoders' ceiling is 4.
        factor: f64,
    },
    /// "A little is enough" (ALIE): the honest replies' mean minus z standard deviations.
    Alie {
        /// z; `None`: what m and the number of liars allow, by the authors' formula.
        z: Option<f64>,
    },
    /// Inner-product manipulation: `-factor` times the mean of the honest replies.
    InnerProduct {
        /// Factor.
        factor: f64,
    },
    /// A copy of an honest worker's reply, the one farthest from the mean.
    Mimic,
    /// The honest reply on flipped labels: -y, and K - 1 - y for K classes. Only workers that hold labels can.
    LabelFlip,
}

/// The names of all attacks. Workers that compute products hold no labels: for them take [`PRODUCT_ATTACKS`].
pub const ATTACKS: [&str; 16] = [
    "gaussian",
    "sign-flip",
    "scale",
    "zero",
    "constant",
    "replay",
    "nan",
    "entries",
    "collude",
    "all-ones",
    "near-code",
    "threshold",
    "alie",
    "inner-product",
    "mimic",
    "label-flip",
];

/// The names of the attacks on products: all of [`ATTACKS`] but `label-flip`.
pub const PRODUCT_ATTACKS: &[&str] = ATTACKS.split_at(15).0;

/// What [`Attack::parse`] takes.
const ALLOWED: &str = "gaussian:sigma=X, sign-flip:scale=X, scale:factor=X, zero, constant:value=X, replay, nan, \
                       entries:count=N,factor=X, collude:amplitude=X, all-ones:amplitude=X, near-code:amplitude=X, \
                       threshold:factor=X, alie:z=X, inner-product:factor=X, mimic, label-flip";

impl Attack {
    /// An attack by its name on the command line.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] for an unknown name (saying which there are) or a parameter out of range.
    ///
    /// ```
    /// use steadfast::fleet::Attack;
    /// assert_eq!(Attack::parse("gaussian").unwrap(), Attack::Gaussian { sigma: 100.0 });
    /// assert!(Attack::parse("lie").unwrap_err().to_string().contains("near-code"));
    /// ```
    pub fn parse(text: &str) -> Result<Self> {
        let mut options = Params::parse("attack", text)?;
        let attack = match options.name() {
            "gaussian" => Attack::Gaussian { sigma: options.positive("sigma", 100.0)? },
            "sign-flip" => Attack::SignFlip { scale: options.positive("scale", 1.0)? },
            "scale" => {
                let fine = |x: &f64| x.is_finite() && *x != 1.0;
                let factor = options.take_within("factor", "a finite number other than 1", fine)?;
                Attack::Scale { factor: factor.unwrap_or(10.0) }
            }
            "zero" => Attack::Zero,
            "constant" => {
                let value = options.take_within("value", "a finite number", |x: &f64| x.is_finite())?;
                Attack::Constant { value: value.unwrap_or(100.0) }
            }
            "replay" => Attack::Replay,
            "nan" => Attack::Nan,
            "entries" => Attack::Entries {
                count: options.count("count")?.unwrap_or(3),
                factor: options.positive("factor", 10.0)?,
            },
            "collude" => Attack::Collude { amplitude: options.positive("amplitude", 1.0)? },
            "all-ones" => Attack::AllOnes { amplitude: options.positive("amplitude", 1.0)? },
            "near-code" => Attack::NearCode { amplitude: options.positive("amplitude", 1.0)? },
            "threshold" => Attack::Threshold { factor: options.positive("factor", 3.9)? },
            "alie" => Attack::Alie {
                z: options.take_within("z", "a finite number above 0", |z: &f64| z.is_finite() && *z > 0.0)?,
            },
            "inner-product" => Attack::InnerProduct { factor: options.positive("factor", 0.5)? },
            "mimic" => Attack::Mimic,
            "label-flip" => Attack::LabelFlip,
            _ => return Err(options.unknown(ALLOWED)),
        };
        options.finish()?;
        Ok(attack)
    }

    /// True when it needs old replies.
    pub(super) fn remembers(&self) -> bool {
        *self == Attack::Replay
    }

    /// True when it needs what the honest workers send in the same round: a carrier of processes can't tell.
    pub fn is_omniscient(&self) -> bool {
        matches!(self, Attack::Alie { .. } | Attack::InnerProduct { .. } | Attack::Mimic)
    }

    /// True when it is the labels that lie: only workers that hold labels can.
    pub fn poisons_labels(&self) -> bool {
        *self == Attack::LabelFlip
    }

    /// Turns the honest `reply` into the lie (labels that lie have done so before the reply was computed).
    pub(super) fn apply(&self, scene: &Scene<'_>, tools: &mut Tools, reply: &mut [f64]) {
        match *self {
            Attack::Gaussian { sigma } => additive::gaussian(scene, sigma, reply),
            Attack::Entries { count, factor } => additive::entries(scene, count, factor, reply),
            Attack::Nan => additive::nan(scene, reply),
            Attack::SignFlip { scale } => rescale::scale(-scale, reply),
            Attack::Scale { factor } => rescale::scale(factor, reply),
            Attack::Zero => reply.fill(0.0),
            Attack::Constant { value } => reply.fill(value),
            Attack::Replay => tools.memory.replay(scene, reply),
            Attack::Collude { amplitude } => {
                let coefficient = collude::own_coefficient(scene);
                tools.direction.add(scene, amplitude * coefficient, reply);
            }
            Attack::AllOnes { amplitude } => tools.direction.add(scene, amplitude, reply),
            Attack::NearCode { amplitude } => {
                let coefficient = tools.near_code.coefficient(scene);
                tools.direction.add(scene, amplitude * coefficient, reply);
            }
            Attack::Threshold { factor } => additive::threshold(scene, factor, reply),
            Attack::Alie { z } => {
                let z = z.unwrap_or_else(|| omniscient::little_enough(scene.workers, scene.liars.len()));
                tools.crowd.a_little_is_enough(z, reply);
            }
            Attack::InnerProduct { factor } => tools.crowd.inner_product(factor, reply),
            Attack::Mimic => tools.crowd.mimic(reply),
            Attack::LabelFlip => {}
        }
    }
}

impl std::fmt::Display for Attack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Attack::Gaussian { sigma } => write!(f, "gaussian:sigma={sigma}"),
            Attack::SignFlip { scale } => write!(f, "sign-flip:scale={scale}"),
            Attack::Scale { factor } => write!(f, "scale:factor={factor}"),
            Attack::Zero => f.write_str("zero"),
            Attack::Constant { value } => write!(f, "constant:value={value}"),
            Attack::Replay => f.write_str("replay"),
            Attack::Nan => f.write_str("nan"),
            Attack::Entries { count, factor } => write!(f, "entries:count={count},factor={factor}"),
            Attack::Collude { amplitude } => write!(f, "collude:amplitude={amplitude}"),
            Attack::AllOnes { amplitude } => write!(f, "all-ones:amplitude={amplitude}"),
            Attack::NearCode { amplitude } => write!(f, "near-code:amplitude={amplitude}"),
            Attack::Threshold { factor } => write!(f, "threshold:factor={factor}"),
            Attack::Alie { z: None } => f.write_str("alie"),
            Attack::Alie { z: Some(z) } => write!(f, "alie:z={z}"),
            Attack::InnerProduct { factor } => write!(f, "inner-product:factor={factor}"),
            Attack::Mimic => f.write_str("mimic"),
            Attack::LabelFlip => f.write_str("label-flip"),
        }
    }
}

/// What a liar knows when it answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) seed: Seed,
    pub(super) worker: usize,
    /// m.
    pub(super) workers: usize,
    pub(super) request: &'a Request,
    /// Length of one broadcast vector (root mean square over the vectors).
    pub(super) unit: f64,
    /// All liars of the round, ascending.
    pub(super) liars: &'a [usize],
    /// The code's parity check, rows of one number a worker.
    pub(super) parity_check: &'a [f64],
    /// Unit round-off of what is sent.
    pub(super) round_off: f64,
}

impl Scene<'_> {
    /// The liar's own random stream of the round.
    fn own(&self) -> impl rand::Rng + use<> {
        self.seed.stream(Purpose::Attack, self.worker as u64, self.request.round)
    }

    /// The random stream of the round that all liars share.
    fn shared(&self) -> impl rand::Rng + use<> {
        self.seed.stream(Purpose::Attack, u64::MAX, self.request.round)
    }
}

/// What liars keep from reply to reply: old replies, and what they computed together.
#[derive(Debug, Default)]
pub(super) struct Tools {
    memory: Memory,
    direction: collude::Direction,
    near_code: NearCode,
    crowd: Crowd,
}

impl Tools {
    /// Tells omniscient liars what the honest workers send.
    pub(super) fn overhear(&mut self, honest: &[&[f64]]) {
        self.crowd.overhear(honest);
    }

    /// Keeps the first honest reply of each shape.
    pub(super) fn remember(&mut self, worker: usize, request: &Request, reply: &[f64]) {
        self.memory.keep(worker, request, reply);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_lists_are_what_is_parsed() {
        let names: Vec<&str> = ALLOWED.split(", ").map(|text| text.split(':').next().unwrap()).collect();
        // Parameters are separated by commas, too: what has a `=` alone is one.
        let names: Vec<&str> = names.into_iter().filter(|name| !name.contains('=')).collect();
        assert_eq!(names, ATTACKS);
        for name in ATTACKS {
            assert_eq!(!Attack::parse(name).unwrap().poisons_labels(), PRODUCT_ATTACKS.contains(&name));
        }
    }

    #[test]
    fn names_go_there_and_back_and_bad_ones_are_refused() {
        for text in ALLOWED.split_whitespace().map(|t| t.trim_end_matches(',').replace("=X", "=2").replace("=N", "=7"))
        {
            assert_eq!(Attack::parse(&text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "lie",
            "alie:z=0",
            "mimic:worker=1",
            "gaussian:sigma=-1",
            "gaussian:mean=0",
            "scale:factor=1",
            "zero:value=1",
            "entries:count=0",
            "collude:amplitude=nan",
        ] {
            assert_eq!(Attack::parse(text).unwrap_err().exit_status(), 2, "{text}");
        }
    }
}
