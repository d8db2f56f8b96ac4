//! The simulated fleet: exact counts, determinism, virtual time, and dead workers that do no work.

use std::sync::atomic::Ordering;

use proptest::prelude::*;
use steadfast::data::Operand;
use steadfast::fleet::{Attack, Clock, CostModel, Delay, FaultPlan, Faults, Fleet, Gather, Opcode, Request, Round};
use steadfast::seed::Seed;

use crate::device::{COLUMNS_SHAPE, ROWS_SHAPE, load, payload, product, reply, run_product, shard, simulated};

fn clock(delay: &str) -> Clock {
    Clock { delay: Delay::parse(delay).unwrap(), cost: CostModel::default(), seed: Seed(11) }
}

#[test]
fn counts_equal_the_formulae() {
    let (m, dead) = (7u64, 2u64);
    let (faults, _) = FaultPlan::new(m as usize, Seed(2)).dead(dead as usize).slow(1).split().unwrap();
    let (mut fleet, log) = simulated::<f32>(faults, clock("none"));
    let mut round = Round::new(m as usize);
    let (p1, c1) = (ROWS_SHAPE.0 as u64, ROWS_SHAPE.1 as u64);
    let (p2, c2) = (COLUMNS_SHAPE.0 as u64, COLUMNS_SHAPE.1 as u64);
    // The sparse shards hold 16 of 48 entries: each row of 12 has 4 columns with the same rest.
    let nnz = p2 * c2 / 3;
    assert_eq!(fleet.counters().stored, m * (p1 * c1 + nnz));

    // One product with 2 vectors; all but the dead compute, the late one included.
    run_product(&mut fleet, &mut round, 0, Gather::First(3)).unwrap();
    let live = m - dead;
    let one = fleet.counters();
    assert_eq!(one.rounds, 1);
    assert_eq!(one.floats_down, 2 * c1);
    assert_eq!(one.floats_down_unicast, m * 2 * c1);
    assert_eq!(one.floats_up, live * 2 * p1);
    assert_eq!(one.multiply_adds, live * 2 * p1 * c1);
    assert_eq!(one.multiply_adds, log.multiply_adds.load(Ordering::Relaxed));

    // And one transposed product with the sparse shards.
    let request = Request { round: 1, opcode: Opcode::TransposedProduct, operand: Operand::COLUMNS, vectors: 1 };
    round.begin(&request, c2 as usize, Gather::All, &vec![f64::INFINITY; m as usize]).unwrap();
    fleet.run(&request, &vec![1.0; p2 as usize], &mut round, &|_, _| false).unwrap();
    let two = fleet.counters();
    assert_eq!(two.floats_down - one.floats_down, p2);
    assert_eq!(two.floats_up - one.floats_up, live * c2);
    assert_eq!(two.multiply_adds - one.multiply_adds, live * nnz);
    assert_eq!(two.multiply_adds, log.multiply_adds.load(Ordering::Relaxed));

    // Loading a shard again replaces it.
    load(&mut fleet, m as usize);
    assert_eq!(fleet.counters().stored, one.stored);
    assert!(fleet.worker_seconds() > 0.0);
}

#[test]
fn the_dead_never_compute_and_nobody_waits_for_them() {
    let (faults, witness) = FaultPlan::new(9, Seed(3)).dead(3).changing(true).split().unwrap();
    let (mut fleet, log) = simulated::<f64>(faults, clock("exponential"));
    let mut round = Round::new(9);
    for number in 0..20 {
        run_product(&mut fleet, &mut round, number, Gather::All).unwrap();
        let dead = witness.take().dead;
        assert_eq!(dead.len(), 3);
        assert_eq!(round.missing(), dead);
        assert!(round.is_done() && round.seconds() > 0.0);
        let batch = log.batches.lock().unwrap().pop().unwrap();
        assert!(batch.iter().all(|w| !dead.contains(w)));
        assert_eq!(batch.len(), 6);
    }
}

#[test]
fn a_fleet_of_dead_workers_answers_nothing() {
    let (faults, _) = FaultPlan::new(3, Seed(3)).dead(3).split().unwrap();
    let (mut fleet, log) = simulated::<f64>(faults, clock("none"));
    let mut round = Round::new(3);
    run_product(&mut fleet, &mut round, 0, Gather::All).unwrap();
    assert_eq!(round.missing(), [0, 1, 2]);
    assert!(log.batches.lock().unwrap().is_empty());
    assert_eq!(fleet.counters().floats_up, 0);
}

#[test]
fn slow_workers_are_late_whenever_anybody_is_waited_for_less() {
    for delay in ["none", "exponential:mean=5", "pareto", "lambda"] {
        let (faults, witness) = FaultPlan::new(12, Seed(8)).slow(3).changing(true).split().unwrap();
        let (mut fleet, _) = simulated::<f64>(faults, clock(delay));
        let mut round = Round::new(12);
        for number in 0..30 {
            run_product(&mut fleet, &mut round, number, Gather::First(9)).unwrap();
            assert_eq!(round.missing(), witness.take().slow, "{delay}");
            let without = round.seconds();
            // Waiting for the slow takes at least ten times as long.
            run_product(&mut fleet, &mut round, number, Gather::All).unwrap();
            assert!(round.missing().is_empty() && round.seconds() > 10.0 * without, "{delay}");
            witness.take();
        }
    }
}

#[test]
fn virtual_time_is_the_cost_model_and_a_deadline_ends_it() {
    let cost = CostModel { flops_per_second: 1e3, bytes_per_second: 1e4, latency: 0.25 };
    let timed = |gather, plan: FaultPlan| {
        let clock = Clock { delay: Delay::None, cost, seed: Seed(1) };
        let (mut fleet, _) = simulated::<f64>(plan.split().unwrap().0, clock);
        let mut round = Round::new(5);
        run_product(&mut fleet, &mut round, 4, gather).unwrap();
        (round.seconds(), round.missing().len())
    };
    // 2 * .25 + (18 + 12) numbers * 8 / 1e4 + 2 * 108 / 1e3.
    let plain = 0.5 + 30.0 * 8.0 / 1e4 + 216.0 / 1e3;
    let plan = FaultPlan::new(5, Seed(1));
    let (seconds, missing) = timed(Gather::All, plan.clone());
    assert!((seconds - plain).abs() <= 4.0 * f64::EPSILON && missing == 0);
    // A slow one comes at 3 times as much and 2 s.
    let slow = plan.slow(1).slow_by(3.0, 2.0);
    let (seconds, missing) = timed(Gather::All, slow.clone());
    assert!((seconds - (3.0 * plain + 2.0)).abs() <= 16.0 * f64::EPSILON && missing == 0);
    assert_eq!(timed(Gather::Deadline(3.0), slow.clone()), (3.0, 1));
    assert_eq!(timed(Gather::Deadline(0.1), slow), (0.1, 5));
}

/// Speculative execution: the slow and the dead are computed once more, on fresh workers who begin when enough have come.
#[test]
fn a_speculative_round_is_complete() {
    let cost = CostModel { flops_per_second: 1e3, bytes_per_second: 1e4, latency: 0.25 };
    let timed = |wait, plan: FaultPlan, delay: &str| {
        let clock = Clock { delay: Delay::parse(delay).unwrap(), cost, seed: Seed(1) };
        let (mut fleet, log) = simulated::<f64>(plan.split().unwrap().0, clock);
        let mut round = Round::new(5);
        run_product(&mut fleet, &mut round, 4, Gather::Speculative(wait)).unwrap();
        let (mut honest, _) = simulated::<f64>(Faults::none(5), Clock::default());
        let mut truth = Round::new(5);
        run_product(&mut honest, &mut truth, 4, Gather::All).unwrap();
        assert_eq!(round.arena(), truth.arena());
        assert!(round.missing().is_empty());
        assert_eq!(fleet.counters().multiply_adds, log.multiply_adds.load(Ordering::Relaxed));
        (round.seconds(), fleet.counters())
    };
    let (p, c) = (ROWS_SHAPE.0 as u64, ROWS_SHAPE.1 as u64);
    let plain = 0.5 + 30.0 * 8.0 / 1e4 + 216.0 / 1e3;
    let close = |got: f64, want: f64| assert!((got - want).abs() <= 16.0 * f64::EPSILON, "{got} {want}");
    // One that is slow comes at 3 times as much and 2 s, its copy at twice as much; one dead besides.
    let plan = FaultPlan::new(5, Seed(1));
    let (seconds, counters) = timed(0.6, plan.clone().slow(1).dead(1).slow_by(3.0, 2.0), "none");
    close(seconds, 2.0 * plain);
    assert_eq!(counters.restarted, 2);
    // Five were asked and four replied, and two more of each.
    assert_eq!(counters.floats_down_unicast, 7 * 2 * c);
    assert_eq!((counters.floats_up, counters.multiply_adds), (6 * 2 * p, 6 * 2 * p * c));
    // The slow one comes before its copy.
    close(timed(0.8, plan.clone().slow(1).slow_by(1.5, 0.1), "none").0, 1.5 * plain + 0.1);
    // More dead than were reckoned with: the restart waits for the last reply.
    let (seconds, counters) = timed(0.8, plan.clone().dead(3), "none");
    close(seconds, 2.0 * plain);
    assert_eq!(counters.restarted, 3);
    close(timed(0.8, plan.clone().dead(5), "none").0, plain);
    // A fresh worker draws a delay of its own: number m + i of the model.
    let delay = Delay::parse("exponential").unwrap();
    let drawn = |worker| delay.seconds(Seed(1), worker, 4);
    let mut arrivals: Vec<(f64, usize)> = (0..5).map(|worker| (plain + drawn(worker), worker)).collect();
    arrivals.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (last, worker) = arrivals[4];
    let copy = arrivals[3].0 + plain + drawn(5 + worker);
    let (seconds, counters) = timed(0.8, plan, "exponential");
    close(seconds, last.min(copy));
    assert_eq!(counters.restarted, 1);
}

#[test]
fn runs_repeat_whatever_the_threads() {
    let run = |seed: u64| {
        let plan = FaultPlan::new(15, Seed(seed)).liars(4, Attack::parse("gaussian").unwrap()).slow(1).dead(1);
        let (faults, witness) = plan.changing(true).split().unwrap();
        let (mut fleet, _) = simulated::<f32>(faults, clock("exponential"));
        let mut round = Round::new(15);
        let mut all = Vec::new();
        for number in 0..10 {
            run_product(&mut fleet, &mut round, number, Gather::First(10)).unwrap();
            let replies = (0..15).filter(|&w| round.present()[w]).flat_map(|w| reply(&round, w).to_vec());
            all.push((round.seconds(), round.missing(), witness.take(), replies.collect::<Vec<f64>>()));
        }
        all
    };
    let here = run(5);
    let elsewhere: Vec<_> = std::thread::scope(|s| {
        let handles: Vec<_> = (0..4).map(|_| s.spawn(|| run(5))).collect();
        handles.into_iter().map(|h| h.join().unwrap()).collect()
    });
    assert!(elsewhere.iter().all(|other| *other == here));
    assert_ne!(run(6), here);
}

#[test]
fn bad_requests_are_errors() {
    let (mut fleet, _) = simulated::<f64>(Faults::none(4), Clock::default());
    let mut round = Round::new(4);
    let caps = [f64::INFINITY; 4];
    let run = |fleet: &mut dyn Fleet, round: &mut Round, request: Request, reply_len, payload: &[f64]| {
        round.begin(&product(0), reply_len, Gather::All, &caps).unwrap();
        fleet.run(&request, payload, round, &|_, _| false).unwrap_err().exit_status()
    };
    let good = product(0);
    assert_eq!(run(&mut fleet, &mut round, good, 12, &payload(0)[1..]), 2);
    assert_eq!(run(&mut fleet, &mut round, good, 11, &payload(0)), 2);
    assert_eq!(run(&mut fleet, &mut round, Request { operand: Operand(9), ..good }, 12, &payload(0)), 2);
    assert_eq!(run(&mut fleet, &mut round, Request { round: 1, ..good }, 12, &payload(0)), 2);
    let mut other = Round::new(5);
    other.begin(&good, 12, Gather::All, &[1.0; 5]).unwrap();
    assert!(fleet.run(&good, &payload(0), &mut other, &|_, _| false).is_err());
    use steadfast::data::ShardSink;
    assert!(fleet.accept(4, Operand::ROWS, shard(0, Operand::ROWS, 6, 9, false)).is_err());
    // A shard of another shape than the others'.
    fleet.accept(2, Operand::ROWS, shard(0, Operand::ROWS, 5, 9, false)).unwrap();
    assert_eq!(run(&mut fleet, &mut round, good, 12, &payload(0)), 2);
}

#[test]
fn impossible_plans_are_refused() {
    let plan = || FaultPlan::new(4, Seed(1));
    let near_code = Attack::parse("near-code").unwrap();
    for bad in [
        plan().liars(5, Attack::Zero),
        plan().slow(5),
        plan().dead(5),
        plan().slow_by(0.5, 1.0),
        plan().slow_by(2.0, 0.0),
        plan().slow_by(f64::NAN, 1.0),
        plan().liars(1, near_code.clone()),
        plan().liars(1, near_code).parity_check(&[1.0; 7]),
    ] {
        assert_eq!(bad.split().unwrap_err().exit_status(), 2);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whoever_is_there_says_what_it_computed(
        m in 1usize..12, liars in 0usize..4, slow in 0usize..4, dead in 0usize..4, changing: bool, seed: u64, k in 1usize..12,
    ) {
        let few = |n: usize| n.min(m);
        let plan = FaultPlan::new(m, Seed(seed)).liars(few(liars), Attack::SignFlip { scale: 1.0 });
        let (faults, witness) = plan.slow(few(slow)).dead(few(dead)).changing(changing).split().unwrap();
        let (mut fleet, _) = simulated::<f64>(faults, clock("exponential"));
        let (mut honest, _) = simulated::<f64>(Faults::none(m), clock("none"));
        let (mut round, mut truth) = (Round::new(m), Round::new(m));
        for number in 0..3 {
            run_product(&mut fleet, &mut round, number, Gather::First(few(k))).unwrap();
            run_product(&mut honest, &mut truth, number, Gather::All).unwrap();
            let injected = witness.take();
            prop_assert_eq!(injected.dead.len(), few(dead));
            prop_assert_eq!(injected.slow.len(), few(slow));
            for w in (0..m).filter(|&w| round.present()[w]) {
                prop_assert!(!injected.dead.contains(&w));
                let lied = injected.heard.contains(&w);
                let sign = if lied { -1.0 } else { 1.0 };
                prop_assert_eq!(lied, injected.liars.contains(&w));
                let expected: Vec<f64> = reply(&truth, w).iter().map(|x| sign * x).collect();
                prop_assert_eq!(reply(&round, w), &expected[..]);
            }
            for &w in &injected.liars {
                prop_assert_eq!(injected.heard.contains(&w), round.present()[w]);
            }
        }
    }
}
