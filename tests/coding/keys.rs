//! The keyed check: honest workers are never caught, lies are, whoever agrees with whom.

use super::word::{Word, numbers};
use steadfast::coding::{DataCode, KeyedCheck, Keys, ReplyCheck, Uncoded, honest_noise};
use steadfast::data::{Csr, Matrix, Operand};
use steadfast::scalar::{Accumulator, Precision};
use steadfast::seed::Seed;

const COUNT: usize = 2;

fn keyed(word: &Word, seed: u64) -> KeyedCheck {
    let mut check = KeyedCheck::new(word.shards.len());
    for (worker, shard) in word.shards.iter().enumerate() {
        check.set(worker, Keys::make(Seed(seed), COUNT, worker, Operand::ROWS, shard)).expect("keys of one shape");
    }
    check
}

fn sigma0(word: &Word, precision: Precision) -> Vec<f64> {
    let of = |stats| word.broadcast.chunks_exact(word.layout.cols).map(move |v| honest_noise(stats, precision, v));
    word.stats.iter().flat_map(of).collect()
}

fn caught(check: &KeyedCheck, word: &Word, precision: Precision) -> Vec<usize> {
    let Word { values, present, layout, vectors, broadcast, .. } = word;
    check
        .caught(values, present, layout.shard_rows, *vectors, broadcast, &sigma0(word, precision))
        .expect("lengths fit")
}

/// 10,000 honest rounds. A reply with rms error `a sigma0` an entry passes 14 sigma0 with probability erfc(14 / (a sqrt 2)),
/// 2.6e-12 at a = 2; 10,000 rounds x 9 workers x 2 keys make 4.6e-7 that any is ever caught. That a <= 2 is checked.
fn honest_rounds<A: Accumulator>() {
    let code = Uncoded::new(9).expect("some workers");
    let mut word = Word::honest::<A>(&code, 9 * 12, 150, 1, 5);
    for round in 0..10_000 {
        if round % 500 == 0 {
            word = Word::honest::<A>(&code, 9 * 12, 150, 1, 7 * round + 5);
        }
        // New keys each round: the same keys and shards would repeat the same draw of luck.
        let check = keyed(&word, round);
        if round % 500 == 0 {
            let noise = sigma0(&word, A::PRECISION);
            for (worker, sigma) in noise.iter().enumerate() {
                let mut exact = vec![0.0; word.layout.shard_rows];
                // In f64 the reference product rounds too, by about as much: the difference still has to stay below.
                word.shards[worker].clone().multiply(&word.broadcast, 1, &mut exact);
                let square: f64 = exact.iter().zip(word.of(worker)).map(|(a, b)| (a - *b).powi(2)).sum();
                assert!((square / exact.len() as f64).sqrt() <= 2.0 * sigma);
            }
        }
        assert!(caught(&check, &word, A::PRECISION).is_empty(), "round {round}");
        word.broadcast = numbers(150, round ^ 77).into_iter().map(|v| A::from_f64(v).to_f64()).collect();
        word.reply::<A>();
    }
}

#[test]
fn honest_f32_is_never_caught() {
    honest_rounds::<f32>();
}

#[test]
fn honest_f64_is_never_caught() {
    honest_rounds::<f64>();
}

/// Lies of L sigma0 an entry: |x . e| is |N(0, 1)| L sigma0 sqrt(p), so one key misses with probability at most
/// P(|N| < 28 / L) < 0.8 * 28 / L, both with its square.
#[test]
fn lies_are_caught_at_the_promised_rate() {
    let code = Uncoded::new(9).expect("some workers");
    for (size, rounds) in [(100.0, 2000), (1e3, 2000), (1e7, 2000)] {
        let mut word = Word::honest::<f32>(&code, 9 * 12, 150, 1, 11);
        let honest = word.values.clone();
        let noise = sigma0(&word, Precision::F32);
        let mut missed = 0;
        for round in 0..rounds {
            word.values.copy_from_slice(&honest);
            for i in [2, 5] {
                // The same lie from both: they collude.
                word.of(i).iter_mut().for_each(|x| *x += size * noise[i]);
            }
            let caught = caught(&keyed(&word, round), &word, Precision::F32);
            assert!(caught.iter().all(|i| [2, 5].contains(i)), "{caught:?}");
            missed += 2 - caught.len();
        }
        let expected = 2.0 * rounds as f64 * (0.8 * 28.0 / size).powi(2);
        // Five standard deviations of a binomial count above the bound.
        assert!(missed as f64 <= expected + 5.0 * expected.sqrt() + 0.5, "{missed} missed of {expected} at {size}");
    }
}

/// Just under half the fleet lying, most of it lying, and all but one: the cap of the median keeps the check awake.
#[test]
fn any_number_of_colluders_is_caught() {
    let code = Uncoded::new(9).expect("some workers");
    for liars in [4, 5, 8] {
        let mut word = Word::honest::<f32>(&code, 9 * 12, 150, 2, 13);
        for i in 0..liars {
            word.of(i).iter_mut().for_each(|x| *x = -*x);
        }
        assert_eq!(caught(&keyed(&word, 3), &word, Precision::F32), (0..liars).collect::<Vec<_>>());
    }
}

/// Four liars of nine reply without any rounding error, to lower the median until honest workers are accused.
#[test]
fn too_precise_liars_do_not_frame_the_honest() {
    let code = Uncoded::new(9).expect("some workers");
    let mut word = Word::honest::<f32>(&code, 9 * 12, 150, 1, 17);
    for i in 0..4 {
        let mut exact = vec![0.0; word.layout.shard_rows];
        word.shards[i].clone().multiply(&word.broadcast, 1, &mut exact);
        word.of(i).copy_from_slice(&exact);
    }
    for round in 0..500 {
        assert!(caught(&keyed(&word, round), &word, Precision::F32).is_empty());
    }
}

#[test]
fn what_is_no_number_or_answers_zero_with_something_is_caught() {
    let code = Uncoded::new(5).expect("some workers");
    let mut word = Word::honest::<f64>(&code, 20, 10, 2, 19);
    word.broadcast.fill(0.0);
    word.reply::<f64>();
    let check = keyed(&word, 1);
    assert!(caught(&check, &word, Precision::F64).is_empty());
    word.of(1)[0] = 1e-300;
    word.of(3).fill(f64::NAN);
    word.of(4).fill(f64::INFINITY);
    assert_eq!(caught(&check, &word, Precision::F64), [1, 3, 4]);
    word.present[3] = false;
    assert_eq!(caught(&check, &word, Precision::F64), [1, 4]);
    // Through the decoder's door.
    assert_eq!(ReplyCheck::caught(&check, &word.replies(), &[]), [1, 4]);
}

#[test]
fn banned_workers_stay_caught_until_they_get_new_keys() {
    let code = Uncoded::new(4).expect("some workers");
    let word = Word::honest::<f64>(&code, 20, 10, 1, 23);
    let mut check = keyed(&word, 1);
    check.ban(2);
    assert_eq!((check.banned(), caught(&check, &word, Precision::F64)), (vec![2], vec![2]));
    check.set(2, Keys::make(Seed(99), COUNT, 2, Operand::ROWS, &word.shards[2])).expect("keys of one shape");
    assert!(check.banned().is_empty() && caught(&check, &word, Precision::F64).is_empty());
}

#[test]
fn keys_must_fit() {
    let code = Uncoded::new(4).expect("some workers");
    let word = Word::honest::<f64>(&code, 20, 10, 1, 29);
    let mut check = keyed(&word, 1);
    assert!(check.set(4, Keys::make(Seed(1), COUNT, 4, Operand::ROWS, &word.shards[0])).is_err());
    assert!(check.set(0, Keys::make(Seed(1), COUNT + 1, 0, Operand::ROWS, &word.shards[0])).is_err());
    assert!(check.caught(&word.values, &word.present, 5, 1, &[0.0; 9], &sigma0(&word, Precision::F64)).is_err());
}

/// Sparse and dense shards of the same numbers, of workers who compute the same, pass the same keys.
#[test]
fn sparse_shards_have_the_same_keys() {
    let code = Uncoded::new(3).expect("some workers");
    let word = Word::honest::<f64>(&code, 30, 40, 1, 31);
    let mut check = KeyedCheck::new(code.workers());
    for (worker, shard) in word.shards.iter().enumerate() {
        let (mut offsets, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
        for b in 0..shard.rows() {
            shard.for_each_in_row(b, |c, x| {
                indices.push(c as u32);
                values.push(x);
            });
            offsets.push(values.len());
        }
        let sparse = Matrix::Csr(Csr::new(shard.rows(), shard.cols(), offsets, indices, values).expect("a matrix"));
        check.set(worker, Keys::make(Seed(5), COUNT, worker, Operand::ROWS, &sparse)).expect("keys of one shape");
    }
    assert!(caught(&check, &word, Precision::F64).is_empty());
}
