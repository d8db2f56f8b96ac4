//! Every attack changes the replies of the liars, and of nobody else.

use steadfast::error::Error;
use steadfast::fleet::{Attack, Clock, FaultPlan, Faults, Gather, Injected, PRODUCT_ATTACKS, Round};
use steadfast::scalar::Element;
use steadfast::seed::Seed;

use crate::device::{reply, run_product, simulated};

const M: usize = 15;
const T: usize = 4;

/// Beside the defaults of all attacks.
const WITH_PARAMETERS: [&str; 9] = [
    "gaussian:sigma=0.001",
    "sign-flip:scale=4",
    "scale:factor=0.5",
    "constant:value=-3",
    "entries:count=2,factor=5",
    "collude:amplitude=0.1",
    "threshold:factor=20",
    "alie:z=1.5",
    "inner-product:factor=2",
];

/// Some full-rank check of 9 rows.
fn check() -> Vec<f64> {
    (0..9 * M).map(|i| (1.0 + (i / M) as f64 * (i % M) as f64).sin()).collect()
}

/// What `attack` did in one round: sent, honest, and the witness's truth.
struct Seen {
    sent: Vec<Vec<f64>>,
    honest: Vec<Vec<f64>>,
    injected: Injected,
}

fn see<T: Element>(attack: &str, changing: bool, rounds: u64) -> Vec<Seen> {
    let plan = FaultPlan::new(M, Seed(21)).liars(self::T, Attack::parse(attack).unwrap());
    let (faults, witness) = plan.changing(changing).parity_check(&check()).split().unwrap();
    let (mut fleet, _) = simulated::<T>(faults, Clock::default());
    let (mut truthful, _) = simulated::<T>(Faults::none(M), Clock::default());
    let (mut round, mut truth) = (Round::new(M), Round::new(M));
    (0..rounds)
        .map(|number| {
            run_product(&mut fleet, &mut round, number, Gather::All).unwrap();
            run_product(&mut truthful, &mut truth, number, Gather::All).unwrap();
            let all = |round: &Round| (0..M).map(|w| reply(round, w).to_vec()).collect();
            Seen { sent: all(&round), honest: all(&truth), injected: witness.take() }
        })
        .collect()
}

fn assert_only_liars_lie<T: Element>(attack: &str, changing: bool) {
    let rounds = see::<T>(attack, changing, 12);
    for seen in &rounds {
        let changed: Vec<usize> = (0..M).filter(|&w| seen.sent[w] != seen.honest[w]).collect();
        assert_eq!(changed.len(), self::T, "{attack}");
        assert_eq!(changed, seen.injected.liars, "{attack}");
        assert_eq!(changed, seen.injected.heard, "{attack}");
        for (&liar, &distance) in changed.iter().zip(&seen.injected.distance) {
            let square: f64 = seen.sent[liar].iter().zip(&seen.honest[liar]).map(|(a, b)| (a - b) * (a - b)).sum();
            if square.is_finite() {
                // A sum of 12 squares and a root: below 16 roundings.
                assert!((distance / square.sqrt() - 1.0).abs() < 16.0 * f64::EPSILON, "{attack}");
            } else {
                assert_eq!(distance, f64::INFINITY);
            }
            // What is sent is a number of the workers' arithmetic type.
            assert!(seen.sent[liar].iter().all(|&x| x.is_nan() || T::Acc::from_f64(x).to_f64() == x), "{attack}");
        }
    }
    let stays = rounds.iter().all(|seen| seen.injected.liars == rounds[0].injected.liars);
    // Twelve independent draws of 4 of 15 are all the same with chance 1365^-11.
    assert_eq!(stays, !changing, "{attack}");
}

#[test]
fn every_attack_changes_the_liars_replies_and_no_others() {
    for attack in PRODUCT_ATTACKS.iter().copied().chain(WITH_PARAMETERS) {
        for changing in [false, true] {
            assert_only_liars_lie::<f64>(attack, changing);
            assert_only_liars_lie::<f32>(attack, changing);
            assert_only_liars_lie::<half::f16>(attack, changing);
        }
    }
}

/// The errors of the liars of one round, as rows.
fn errors(attack: &str) -> (Vec<usize>, Vec<Vec<f64>>) {
    let seen = see::<f64>(attack, false, 3).pop().unwrap();
    let error = |&w: &usize| seen.sent[w].iter().zip(&seen.honest[w]).map(|(s, h)| s - h).collect();
    let rows = seen.injected.liars.iter().map(error).collect();
    (seen.injected.liars, rows)
}

#[test]
fn colluders_errors_have_rank_one() {
    for attack in ["collude", "all-ones", "near-code"] {
        let (_, errors) = errors(attack);
        let matrix = nalgebra::DMatrix::from_fn(T, errors[0].len(), |i, j| errors[i][j]);
        let values = matrix.singular_values();
        // An error is a difference of numbers of size 1 to 10, each off by up to 1e-15; 48 of them add up below 1e-13.
        assert!(values[1] < 1e-13 * values[0].max(1.0), "{attack}: {values}");
        let same = errors.iter().all(|e| e.iter().zip(&errors[0]).all(|(a, b)| (a - b).abs() < 1e-14));
        assert_eq!(same, attack == "all-ones");
    }
    let (_, independent) = errors("gaussian");
    let values = nalgebra::DMatrix::from_fn(T, independent[0].len(), |i, j| independent[i][j]).singular_values();
    assert!(values[3] > 0.01 * values[0]);
}

#[test]
fn replay_sends_the_first_reply_again() {
    let rounds = see::<f64>("replay", false, 5);
    let liars = &rounds[0].injected.liars;
    for &w in liars {
        let doubled: Vec<f64> = rounds[0].honest[w].iter().map(|x| 2.0 * x).collect();
        assert_eq!(rounds[0].sent[w], doubled);
        for seen in &rounds[1..] {
            assert_eq!(seen.sent[w], rounds[0].honest[w]);
        }
    }
}

#[test]
fn names_say_what_is_sent() {
    let one = |attack: &str| {
        let seen = see::<f64>(attack, false, 1).pop().unwrap();
        let w = seen.injected.liars[0];
        (seen.sent[w].clone(), seen.honest[w].clone())
    };
    let (sent, honest) = one("sign-flip:scale=4");
    assert!(sent.iter().zip(&honest).all(|(s, h)| *s == -4.0 * h));
    let (sent, honest) = one("scale:factor=0.5");
    assert!(sent.iter().zip(&honest).all(|(s, h)| *s == 0.5 * h));
    assert!(one("zero").0.iter().all(|&x| x == 0.0));
    assert!(one("constant:value=-3").0.iter().all(|&x| x == -3.0));
    assert!(one("nan").0.iter().any(|x| x.is_nan()));
    let (sent, honest) = one("entries:count=2,factor=5");
    assert_eq!(sent.iter().zip(&honest).filter(|(s, h)| s != h).count(), 2);
}

#[test]
fn a_lie_that_equals_the_truth_is_none() {
    // sigma is far below the round-off of f32 replies of size 1.
    for seen in see::<f32>("gaussian:sigma=1e-30", false, 3) {
        assert!(seen.injected.liars.is_empty());
        assert_eq!(seen.sent, seen.honest);
    }
}

#[test]
fn omniscient_liars_know_what_the_honest_send() {
    let honest_of = |seen: &Seen| -> Vec<Vec<f64>> {
        (0..M).filter(|w| !seen.injected.liars.contains(w)).map(|w| seen.honest[w].clone()).collect()
    };
    for (attack, z, factor) in [("alie:z=1.5", 1.5, 1.0), ("inner-product:factor=0.5", 0.0, -0.5)] {
        for seen in see::<f64>(attack, true, 3) {
            let honest = honest_of(&seen);
            let count = honest.len() as f64;
            for at in 0..honest[0].len() {
                let mean = honest.iter().map(|r| r[at]).sum::<f64>() / count;
                let variance = honest.iter().map(|r| (r[at] - mean).powi(2)).sum::<f64>() / count;
                for &w in &seen.injected.liars {
                    // The same sums in the same order, up to the product with the factor.
                    let wanted = factor * (mean - z * variance.sqrt());
                    assert!(
                        (seen.sent[w][at] - wanted).abs() <= 4.0 * f64::EPSILON * (mean.abs() + variance.sqrt()),
                        "{attack}"
                    );
                }
            }
        }
    }
    for seen in see::<f64>("mimic", true, 3) {
        let honest = honest_of(&seen);
        assert!(seen.injected.liars.iter().all(|&w| honest.contains(&seen.sent[w])));
    }
}

#[test]
fn threshold_lies_are_a_few_round_offs() {
    for seen in see::<f32>("threshold", false, 3) {
        for (&w, &distance) in seen.injected.liars.iter().zip(&seen.injected.distance) {
            let length = seen.honest[w].iter().map(|x| x * x).sum::<f64>().sqrt();
            // 3.9 round-offs times a normal number an entry, and the rounding of what is sent.
            assert!(distance > 0.0 && distance < 20.0 * f64::from(f32::EPSILON) / 2.0 * length, "{distance:e}");
        }
    }
}

#[test]
fn workers_without_labels_cannot_flip_them() {
    let (faults, _) = FaultPlan::new(M, Seed(1)).liars(1, Attack::LabelFlip).split().unwrap();
    let (mut fleet, _) = simulated::<f64>(faults, Clock::default());
    let error = run_product(&mut fleet, &mut Round::new(M), 0, Gather::All).unwrap_err();
    assert!(matches!(error, Error::Usage { .. }) && error.to_string().contains("hold no labels"), "{error}");
}
