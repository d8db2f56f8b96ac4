//! The round's state machine: what it holds depends on which replies were taken, and on nothing else.

use proptest::prelude::*;
use steadfast::data::Operand;
use steadfast::fleet::{Gather, Opcode, Progress, Request, Round};

const M: usize = 9;
const LEN: usize = 3;

fn request(round: u64) -> Request {
    Request { round, opcode: Opcode::Product, operand: Operand::ROWS, vectors: 1 }
}

fn value(worker: usize) -> [f64; LEN] {
    [worker as f64, 1.0 / (worker + 1) as f64, -(worker as f64)]
}

/// Decodable once 6 replies are there that are not implausible.
fn six(present: &[bool], implausible: &[bool]) -> bool {
    present.iter().zip(implausible).filter(|&(&p, &i)| p && !i).count() >= 6
}

/// What a hostile wire may deliver beside honest replies.
#[derive(Debug, Clone)]
enum Noise {
    Duplicate(usize),
    WrongRound(usize, u64),
    WrongLength(usize, usize),
    Stranger(usize),
}

fn noise() -> impl Strategy<Value = Noise> {
    prop_oneof![
        (0..M).prop_map(Noise::Duplicate),
        (0..M, prop_oneof![0..7u64, 8..20u64]).prop_map(|(w, r)| Noise::WrongRound(w, r)),
        (0..M, prop_oneof![0..LEN, LEN + 1..9]).prop_map(|(w, l)| Noise::WrongLength(w, l)),
        (M..1000).prop_map(Noise::Stranger),
    ]
}

/// An order of arrivals, and noise before each.
fn arrivals() -> impl Strategy<Value = (Vec<usize>, Vec<Vec<Noise>>)> {
    let order = Just((0..M).collect::<Vec<_>>()).prop_shuffle().prop_flat_map(|all| (Just(all), 0..=M));
    (order.prop_map(|(all, n)| all[..n].to_vec()), prop::collection::vec(prop::collection::vec(noise(), 0..4), M))
}

/// Offers everything; returns the round.
fn play(gather: Gather, order: &[usize], noise: &[Vec<Noise>]) -> Round {
    let mut round = Round::new(M);
    // Another round first, so that the arena holds something else.
    round.begin(&request(6), LEN + 2, Gather::All, &[f64::INFINITY; M]).unwrap();
    for w in 0..M {
        round.offer(w, 6, &[7.5; LEN + 2], 0.0, &six).unwrap();
    }
    round.begin(&request(7), LEN, gather, &[f64::INFINITY; M]).unwrap();
    for (at, &worker) in order.iter().enumerate() {
        let time = at as f64;
        for noise in &noise[at] {
            let before = (round.present().to_vec(), round.is_done());
            match *noise {
                // A second reply, other than the first.
                Noise::Duplicate(w) if before.0[w] => {
                    round.offer(w, 7, &[f64::NAN; LEN], time, &six).unwrap();
                }
                Noise::Duplicate(_) => {}
                Noise::WrongRound(w, r) => {
                    round.offer(w, r, &[9.0; LEN], time, &six).unwrap();
                }
                Noise::WrongLength(w, l) => {
                    let got = round.offer(w, 7, &vec![9.0; l], time, &six);
                    assert!(got.is_err() || before.0[w] || round.is_done());
                }
                Noise::Stranger(w) => assert!(round.offer(w, 7, &[9.0; LEN], time, &six).is_err()),
            }
            assert_eq!(before.0, round.present(), "{noise:?} changed who is there");
        }
        let progress = round.offer(worker, 7, &value(worker), time, &six).unwrap();
        assert_eq!(progress == Progress::Done, round.is_done());
    }
    round.close(order.len() as f64);
    round
}

proptest! {
    #[test]
    fn the_same_arrival_set_gives_the_same_arena((order, noise) in arrivals()) {
        let noisy = play(Gather::All, &order, &noise);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        let plain = play(Gather::All, &sorted, &vec![Vec::new(); M]);
        prop_assert_eq!(noisy.present(), plain.present());
        prop_assert_eq!(noisy.implausible(), plain.implausible());
        let missing: Vec<usize> = (0..M).filter(|w| !order.contains(w)).collect();
        prop_assert_eq!(noisy.missing(), missing);
        for &w in &order {
            prop_assert_eq!(&noisy.arena()[w * LEN..(w + 1) * LEN], &value(w)[..]);
            prop_assert_eq!(&plain.arena()[w * LEN..(w + 1) * LEN], &value(w)[..]);
        }
    }

    #[test]
    fn policies_take_the_first_that_suffice((order, noise) in arrivals(), k in 1..=M) {
        let taken = |gather, count: usize| {
            let round = play(gather, &order, &noise);
            let mut expected = vec![false; M];
            order.iter().take(count).for_each(|&w| expected[w] = true);
            assert_eq!(round.present(), expected, "{gather}");
            assert!(round.is_done());
            round.seconds()
        };
        let came = order.len();
        // Reply number i arrives at i seconds, and nothing comes any more after as many seconds as there are replies.
        let ends_with = |count: usize| if came >= count { count as f64 - 1.0 } else { came as f64 };
        prop_assert_eq!(taken(Gather::First(k), k), ends_with(k));
        prop_assert_eq!(taken(Gather::Decodable, 6), ends_with(6));
        prop_assert_eq!(taken(Gather::All, M), ends_with(M));
        // Within 3.5 s: those at 0, 1, 2, 3; it ends early where fewer come at all.
        prop_assert_eq!(taken(Gather::Deadline(3.5), 4), 3.5f64.min(came as f64));
    }
}

/// Whatever the policy would have taken, and in whatever order they come.
#[test]
fn a_replayed_round_takes_the_replies_of_the_record() {
    for gather in [Gather::All, Gather::First(2), Gather::Decodable, Gather::Deadline(0.5), Gather::Speculative(0.9)] {
        for order in [(0..M).collect::<Vec<_>>(), (0..M).rev().collect()] {
            let mut round = Round::new(M);
            round.begin(&request(0), LEN, gather, &[f64::INFINITY; M]).unwrap();
            round.replay(&[1, 4]).unwrap();
            for (at, &worker) in order.iter().enumerate() {
                round.offer(worker, 0, &value(worker), at as f64, &six).unwrap();
                let heard = order[..=at].iter().filter(|w| ![1, 4].contains(w)).count();
                assert_eq!(round.is_done(), heard == M - 2, "{gather} {order:?} {at}");
            }
            assert_eq!(round.missing(), [1, 4], "{gather}");
            assert!(round.late()[1] && round.late()[4]);
            // The next round is one of its own.
            round.begin(&request(1), LEN, Gather::All, &[f64::INFINITY; M]).unwrap();
            for &worker in &order {
                round.offer(worker, 1, &value(worker), 0.0, &six).unwrap();
            }
            assert_eq!(round.missing(), [0; 0]);
        }
    }
    let mut round = Round::new(M);
    round.begin(&request(0), LEN, Gather::All, &[f64::INFINITY; M]).unwrap();
    assert_eq!(round.replay(&[M]).unwrap_err().exit_status(), 2);
    let all: Vec<usize> = (0..M).collect();
    round.replay(&all).unwrap();
    assert!(round.is_done(), "nobody is waited for");
}

#[test]
fn late_replies_are_named_late() {
    let order: Vec<usize> = (0..M).rev().collect();
    let round = play(Gather::First(5), &order, &vec![Vec::new(); M]);
    let late: Vec<usize> = (0..M).filter(|&w| round.late()[w]).collect();
    assert_eq!(late, [0, 1, 2, 3]);
    assert_eq!(round.missing(), late);
}

#[test]
fn a_deadline_met_by_all_ends_with_the_last_reply() {
    let order: Vec<usize> = (0..M).collect();
    assert_eq!(play(Gather::Deadline(100.0), &order, &vec![Vec::new(); M]).seconds(), M as f64 - 1.0);
}

/// The first that suffice ask for the restart, once; then every task has to come, whichever copy is first.
#[test]
fn a_speculative_round_restarts_once() {
    // 0.7 of 10 is 7, though 0.7 * 10 is not to the bit for every such product (0.55 * 100 is above 55).
    for (workers, wait, enough) in [(10, 0.7, 7), (10, 1.0, 10), (9, 0.5, 5), (100, 0.55, 55), (9, 0.01, 1)] {
        let mut round = Round::new(workers);
        round.begin(&request(0), 1, Gather::Speculative(wait), &vec![f64::INFINITY; workers]).unwrap();
        for worker in 0..workers {
            let progress = round.offer(worker, 0, &[1.0], worker as f64, &six).unwrap();
            let expected = match worker + 1 {
                all if all == workers => Progress::Done,
                count if count == enough => Progress::Restart,
                _ => Progress::NeedMore,
            };
            assert_eq!(progress, expected, "{worker} of {workers}, {wait}");
            // A second copy changes nothing.
            round.offer(worker, 0, &[2.0], worker as f64, &six).unwrap();
        }
        assert!(round.arena().iter().all(|x| *x == 1.0));
        assert_eq!((round.seconds(), round.idle(1e9)), (workers as f64 - 1.0, Progress::Done));
    }
    // Too few to ask, and nothing more to come.
    let mut round = Round::new(4);
    round.begin(&request(0), 1, Gather::Speculative(0.9), &[f64::INFINITY; 4]).unwrap();
    assert_eq!(round.offer(2, 0, &[1.0], 3.0, &six).unwrap(), Progress::NeedMore);
    assert_eq!((round.idle(3.0), round.idle(4.0)), (Progress::Restart, Progress::NeedMore));
}

#[test]
fn implausible_replies_are_flagged() {
    let mut round = Round::new(4);
    round.begin(&request(0), 2, Gather::All, &[5.0, 5.0, f64::INFINITY, f64::INFINITY]).unwrap();
    for (worker, values) in [[3.0, 4.0], [3.0, 4.1], [1.0, f64::NAN], [f64::NEG_INFINITY, 0.0]].iter().enumerate() {
        round.offer(worker, 0, values, 0.0, &six).unwrap();
    }
    assert_eq!(round.implausible(), [false, true, true, true]);
}

#[test]
fn rounds_nobody_can_run_are_refused() {
    let mut round = Round::new(M);
    for (gather, caps) in [
        (Gather::First(0), M),
        (Gather::First(M + 1), M),
        (Gather::Deadline(0.0), M),
        (Gather::Deadline(f64::NAN), M),
        (Gather::Speculative(0.0), M),
        (Gather::Speculative(f64::NAN), M),
        (Gather::All, M - 1),
    ] {
        assert_eq!(round.begin(&request(0), LEN, gather, &vec![1.0; caps]).unwrap_err().exit_status(), 2, "{gather}");
    }
}
