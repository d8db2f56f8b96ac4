//! Encoded data that grow: the shards, the facts about them, the products and the counts, against encoding everything at once.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use steadfast::Result;
use steadfast::coding::{DataCode, Product, RealParity, Replication, Tolerance, encode_shard};
use steadfast::data::{Csr, Dense, Growth, Matrix, Operand, ShardGrowth, ShardSink};
use steadfast::device::{CpuDevice, Device};
use steadfast::fleet::tcp::DeviceFactory;
use steadfast::fleet::{
    Attack, Clock, Counters, FaultPlan, Faults, Fleet, Gather, Request, Round, SimulatedFleet, TcpFleet, TcpOptions,
    serve_worker,
};
use steadfast::method::{Problem, SolveOptions, for_objective, solve};
use steadfast::objective::{Logistic, Objective};
use steadfast::oracle::{CodedOracle, OracleOptions, ProductOracle, StreamingOracle};
use steadfast::scalar::{Element, Precision};
use steadfast::seed::{Seed, mix};

fn number(word: u64) -> f64 {
    (mix(word) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

fn dense<T: Element>(n: usize, d: usize) -> Matrix<T> {
    // Both zeros are among the numbers.
    let entry = |i: u64| match mix(i) % 11 {
        0 => 0.0,
        1 => -0.0,
        _ => number(i),
    };
    Matrix::Dense(Dense::new(n, d, (0..(n * d) as u64).map(|i| T::from_f64(entry(i))).collect()).expect("n x d"))
}

/// About one entry in five; some rows are empty, some entries are stored zeros.
fn sparse<T: Element>(n: usize, d: usize) -> Matrix<T> {
    let (mut offsets, mut indices) = (vec![0], Vec::new());
    for i in 0..n as u64 {
        let share = mix(i) % 4;
        indices.extend((0..d as u32).filter(|&j| mix((i << 32) ^ u64::from(j)) % 8 < share));
        offsets.push(indices.len());
    }
    let value = |i: u64| T::from_f64(if mix(i).is_multiple_of(13) { -0.0 } else { number(i) });
    let values = (0..indices.len() as u64).map(value).collect();
    Matrix::Csr(Csr::new(n, d, offsets, indices, values).expect("ascending columns"))
}

/// Shards in memory, in place of workers.
struct Shelf<T> {
    workers: usize,
    shards: [Vec<Option<Matrix<T>>>; 2],
}

impl<T: Element> Shelf<T> {
    fn new(workers: usize) -> Self {
        Shelf { workers, shards: [vec![None; workers], vec![None; workers]] }
    }
}

impl<T: Element> ShardSink<T> for Shelf<T> {
    fn accept(&mut self, worker: usize, operand: Operand, shard: Matrix<T>) -> Result<()> {
        self.shards[operand.0 as usize][worker] = Some(shard);
        Ok(())
    }
}

impl<T: Element> ShardGrowth<T> for Shelf<T> {
    fn grow(&mut self, worker: usize, operand: Operand, part: Matrix<T>, growth: Growth) -> Result<()> {
        self.shards[operand.0 as usize][worker].as_mut().expect("a shard").grow(&part, growth)
    }
}

impl<T: Element> Fleet for Shelf<T> {
    fn workers(&self) -> usize {
        self.workers
    }
    fn precision(&self) -> Precision {
        T::PRECISION
    }
    fn describe(&self) -> String {
        "a shelf".into()
    }
    fn run(&mut self, _: &Request, _: &[f64], _: &mut Round, _: &dyn Fn(&[bool], &[bool]) -> bool) -> Result<()> {
        unreachable!("a shelf computes nothing")
    }
    fn counters(&self) -> Counters {
        Counters::default()
    }
}

fn parity(m: usize, liars: usize, stragglers: usize) -> Arc<dyn DataCode> {
    Arc::new(RealParity::new(m, Tolerance { liars, stragglers }).expect("a code"))
}

fn codes() -> Vec<Arc<dyn DataCode>> {
    let tolerance = |liars, stragglers| Tolerance { liars, stragglers };
    vec![
        parity(15, 1, 0),
        parity(15, 4, 2),
        parity(15, 7, 0),
        Arc::new(Replication::new(15, tolerance(1, 0), None).expect("a code")),
        Arc::new(Product::new(16, tolerance(0, 3), None).expect("a code")),
    ]
}

const CALM: OracleOptions = OracleOptions { gather: Gather::All, keys: 0, seed: Seed(3) };

fn bits<T: Element>(shard: &Matrix<T>) -> (usize, usize, Vec<u64>, Vec<u32>, Vec<usize>) {
    let of = |values: &[T]| values.iter().map(|x| x.to_f64().to_bits()).collect();
    match shard {
        Matrix::Dense(a) => (a.rows(), a.cols(), of(a.values()), vec![], vec![]),
        Matrix::Csr(a) => (a.rows(), a.cols(), of(a.values()), a.indices().to_vec(), a.offsets().to_vec()),
    }
}

/// Every shard against encoding all of `data` at once.
fn compare<T: Element>(stream: &StreamingOracle<'_, T, Shelf<T>>, data: &Matrix<T>, code: &dyn DataCode, label: &str) {
    for operand in [Operand::ROWS, Operand::COLUMNS] {
        for worker in 0..code.workers() {
            let (wanted, _) = encode_shard(data, operand, code.combination(worker)).expect("a shard");
            let got = stream.oracle().fleet().shards[operand.0 as usize][worker].as_ref().expect("a shard");
            assert_eq!(bits(got), bits(&wanted), "{label}, {}, {operand:?}, worker {worker}", code.name());
        }
    }
}

fn part<T: Element>(data: &Matrix<T>, rows: std::ops::Range<usize>, cols: std::ops::Range<usize>) -> Matrix<T> {
    data.select_rows(&rows.collect::<Vec<_>>()).select_columns(cols)
}

/// Rows one by one and in batches, features in between: the same bits as at once, whatever the order.
fn grows_to_the_same_bits<T: Element>(data: &Matrix<T>, label: &str) {
    let (n, d) = (data.rows(), data.cols());
    for code in codes() {
        let (mut rows, mut cols) = (n / 3, d / 2);
        let first = part(data, 0..rows, 0..cols);
        let shelf = Shelf::new(code.workers());
        let mut stream = StreamingOracle::new(Cow::Borrowed(&first), code.clone(), shelf, &CALM).expect("a stream");
        for (step, more) in [1, 1, 1, 1, 1, 2, 5, 1, 13, 0, 3, 31, 1].into_iter().enumerate() {
            let until = n.min(rows + more);
            stream.append_rows(&part(data, rows..until, 0..cols)).expect("rows that fit");
            rows = until;
            let until = d.min(cols + [0, 1, 1, 1, 0, 2, 17, 1, 0, 1, 1, 1, 9][step]);
            stream.append_features(&part(data, 0..rows, cols..until)).expect("features that fit");
            cols = until;
            compare(&stream, &part(data, 0..rows, 0..cols), &*code, &format!("{label}, step {step}"));
        }
        stream.append_rows(&part(data, rows..n, 0..cols)).expect("rows that fit");
        stream.append_features(&part(data, 0..n, cols..d)).expect("features that fit");
        compare(&stream, data, &*code, label);
    }
}

#[test]
fn growing_gives_the_bits_of_encoding_at_once() {
    grows_to_the_same_bits(&dense::<f64>(127, 83), "dense f64");
    grows_to_the_same_bits(&dense::<f32>(127, 83), "dense f32");
    grows_to_the_same_bits(&dense::<half::f16>(127, 83), "dense f16");
    grows_to_the_same_bits(&sparse::<f64>(127, 83), "sparse f64");
    grows_to_the_same_bits(&sparse::<f32>(127, 83), "sparse f32");
}

fn faults(liars: usize, m: usize) -> Faults {
    match liars {
        0 => Faults::none(m),
        t => {
            FaultPlan::new(m, Seed(9))
                .changing(true)
                .liars(t, Attack::SignFlip { scale: 1.0 })
                .split()
                .expect("a plan")
                .0
        }
    }
}

fn fleet(liars: usize, m: usize) -> SimulatedFleet<f64> {
    let faults = faults(liars, m);
    SimulatedFleet::new(Box::new(CpuDevice::new(Some(1)).expect("a thread")), faults, Clock::default())
}

fn labels(n: usize) -> Vec<f64> {
    (0..n as u64).map(|i| if number(!i) > 0.0 { 1.0 } else { -1.0 }).collect()
}

fn train(oracle: &mut dyn ProductOracle, labels: &[f64], method: &str) -> Vec<f64> {
    let objective = Objective { loss: Arc::new(Logistic), l2: 1e-2, regularizer: None, intercept: false };
    let mut problem = Problem::new(oracle, &objective, labels).expect("labels that fit");
    let mut method = for_objective(method, &objective).expect("a method");
    let (start, options) = (vec![0.0; problem.dimension()], SolveOptions { iterations: 20, ..Default::default() });
    let never = AtomicBool::new(false);
    solve(method.as_mut(), &mut problem, start, &options, &mut [], &never).expect("a run").weights
}

/// Products, the counts of what is stored, and whole runs, with lying workers, as from all data at once.
#[test]
fn training_after_growing_is_training_on_everything() {
    for data in [dense::<f64>(90, 22), sparse(90, 22)] {
        let code = parity(15, 4, 0);
        let first = part(&data, 0..60, 0..20);
        let mut stream =
            StreamingOracle::new(Cow::Borrowed(&first), code.clone(), fleet(4, 15), &CALM).expect("a stream");
        for at in 60..90 {
            stream.append_rows(&part(&data, at..at + 1, 0..20)).expect("a row");
        }
        stream.append_features(&part(&data, 0..90, 20..22)).expect("features");
        let mut whole = CodedOracle::new(Cow::Borrowed(&data), code, fleet(4, 15), &CALM).expect("an oracle");
        assert_eq!(stream.oracle().counters(), whole.counters());
        for method in ["lbfgs", "sgd:batch=7"] {
            // Lies are left out, and what is repaired for them comes from the same replies.
            let grown = train(stream.oracle_mut(), &labels(90), method);
            assert_eq!(grown, train(&mut whole, &labels(90), method), "{method}");
        }
        assert_eq!(stream.oracle().counters(), whole.counters());
    }
}

/// With keys: honest workers pass and liars beyond the parity's reach are caught after each append.
#[test]
fn keys_follow_the_data() {
    let data = dense::<f64>(80, 21);
    let code: Arc<dyn DataCode> = parity(15, 5, 0);
    let options = OracleOptions { keys: 2, ..CALM };
    let first = part(&data, 0..70, 0..20);
    let mut stream = StreamingOracle::new(Cow::Borrowed(&first), code, fleet(5, 15), &options).expect("a stream");
    stream.append_rows(&part(&data, 70..80, 0..20)).expect("rows");
    stream.append_features(&part(&data, 0..80, 20..21)).expect("a feature");
    let weights: Vec<f64> = (0..21).map(number).collect();
    let (mut margins, mut wanted) = (vec![0.0; 80], vec![0.0; 80]);
    data.multiply(&weights, 1, &mut wanted);
    for _ in 0..5 {
        stream.oracle_mut().margins(&weights, &mut margins).expect("within the tolerance");
        let round = stream.oracle_mut().drain();
        assert_eq!((round.liars.len(), round.certainty.is_certified()), (5, true));
        // The reference has the round-off of 21 terms of size 1 an entry.
        let off = margins.iter().zip(&wanted).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
        assert!(off <= round.bound + 21.0 * 80f64.sqrt() * f64::EPSILON, "{off:e} against {:e}", round.bound);
    }
}

/// A row costs each worker that combines d multiply-adds for X' and d to 4 d for X; encoding at once costs 2 d.
#[test]
fn a_row_costs_what_theorem_4_says() {
    let (n, d) = (400, 40);
    let data = dense::<f64>(n, d);
    for (m, t) in [(15, 1), (15, 4), (30, 10)] {
        let code = parity(m, t, 0);
        let combining = (2 * t * d) as u64;
        let first = part(&data, 0..100, 0..d);
        let mut stream =
            StreamingOracle::new(Cow::Borrowed(&first), code.clone(), Shelf::new(m), &CALM).expect("a stream");
        assert_eq!(stream.multiply_adds(), 0);
        let mut most = 0;
        // The unfinished block of X' is widened, too: features that it already summed, at most d of each worker's.
        for at in 100..n {
            let before = stream.multiply_adds();
            stream.append_rows(&part(&data, at..at + 1, 0..d)).expect("a row");
            most = most.max(stream.multiply_adds() - before);
        }
        assert!(most <= 6 * combining, "t = {t}: {most} multiply-adds for one row, {combining} a pass");
        let mean = stream.multiply_adds() as f64 / (n - 100) as f64;
        println!(
            "m = {m}, t = {t}: {:.2} passes of 2 t d a row, at most {:.2}",
            mean / combining as f64,
            most as f64 / combining as f64
        );
        assert!(mean >= 2.0 * combining as f64);
        // All rows at once: X and X' once each, and the widened block.
        let mut stream = StreamingOracle::new(Cow::Borrowed(&first), code, Shelf::new(m), &CALM).expect("a stream");
        stream.append_rows(&part(&data, 100..n, 0..d)).expect("rows");
        let passes = stream.multiply_adds() as f64 / ((n - 100) as u64 * combining) as f64;
        assert!((2.0..=3.2).contains(&passes), "t = {t}: {passes} passes for a batch");
    }
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let data = dense::<f64>(30, 8);
    let mut stream =
        StreamingOracle::new(Cow::Borrowed(&data), parity(15, 3, 0), fleet(0, 15), &CALM).expect("a stream");
    let mut refused = |rows: bool, part: &Matrix<f64>| {
        let done = if rows { stream.append_rows(part) } else { stream.append_features(part) };
        let error = done.expect_err("a part that does not fit");
        assert_eq!(error.exit_status(), 2);
        error.to_string()
    };
    assert_eq!(refused(true, &dense(2, 9)), "rows to append: got 2 x 9; allowed: rows of 8 columns");
    assert_eq!(refused(false, &dense(31, 1)), "features to append: got 31 x 1; allowed: features of 30 rows");
    assert!(refused(true, &sparse(2, 8)).contains("dense, as the others"));
    let broken = Matrix::Dense(Dense::new(1, 8, vec![f64::NAN; 8]).expect("a row"));
    assert!(refused(true, &broken).contains("NaN"));
    let huge = Matrix::Dense(Dense::new(1, 8, vec![f64::MAX; 8]).expect("a row"));
    assert!(refused(true, &huge).contains("finite numbers"));
    let mut margins = vec![0.0; 30];
    stream.oracle_mut().margins(&[1.0; 8], &mut margins).expect("a round of the old data");
    stream.append_rows(&dense(1, 8)).expect("a row that fits");
}

/// Devices of workers behind a socket.
struct Cpu;

impl DeviceFactory for Cpu {
    fn make<T: Element>(&self) -> Result<Box<dyn Device<T>>> {
        Ok(Box::new(CpuDevice::new(Some(1))?))
    }
}

/// Over TCP the parts join what the workers hold, too: counts, products and whole runs are those of a simulated fleet that was
/// given everything at once.
#[test]
fn shards_grow_over_tcp() {
    for data in [dense::<f64>(60, 22), sparse(60, 22)] {
        let code = parity(7, 2, 0);
        let tcp = TcpFleet::<f64>::start(faults(2, 7), TcpOptions::default(), &mut |invitation| {
            let invitation = invitation.clone();
            std::thread::spawn(move || serve_worker(&invitation, &Cpu));
            Ok(None)
        });
        let first = part(&data, 0..40, 0..20);
        let tcp = tcp.expect("workers that join");
        let mut stream = StreamingOracle::new(Cow::Borrowed(&first), code.clone(), tcp, &CALM).expect("a stream");
        for (from, until) in [(40, 41), (41, 57), (57, 60)] {
            stream.append_rows(&part(&data, from..until, 0..20)).expect("rows");
        }
        stream.append_features(&part(&data, 0..60, 20..22)).expect("features");
        let mut whole = CodedOracle::new(Cow::Borrowed(&data), code, fleet(2, 7), &CALM).expect("an oracle");
        assert_eq!(stream.oracle().counters(), whole.counters());
        for method in ["lbfgs", "sgd:batch=7"] {
            let grown = train(stream.oracle_mut(), &labels(60), method);
            assert_eq!(grown, train(&mut whole, &labels(60), method), "{method}");
        }
        assert_eq!(stream.oracle().counters(), whole.counters());
    }
}
