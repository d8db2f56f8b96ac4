//! The Walsh-Hadamard transform on the device: it is its twin bit for bit, encodes runs, and what can't be computed is refused.

use rand::RngExt;
use steadfast::coding::{EncodedShard, encode_rows, encode_rows_on, frame_by_name};
use steadfast::data::{Dataset, Dense, LoadOptions, Matrix, Source, load};
use steadfast::device::gpu::{GpuHadamard, GpuOptions};
use steadfast::kernel::HadamardDevice;
use steadfast::kernel::{Bounds, walsh_hadamard::twin};
use steadfast::run::{DeviceKind, TrainConfig, Trained, Training};
use steadfast::scalar::Precision;
use steadfast::seed::{Purpose, Seed};

use crate::workload::adapter;

fn open(options: GpuOptions) -> GpuHadamard {
    GpuHadamard::open(&adapter(), options)
        .expect("a Vulkan driver: these tests need an adapter, a software one is enough")
}

fn bounded(binding_bytes: usize, groups: usize) -> GpuOptions {
    GpuOptions { bounds: Some(Bounds { binding_bytes, groups, ..Bounds::default() }), ..GpuOptions::default() }
}

/// A transform of so many rows, of which some are given.
#[derive(Debug, Clone, Copy)]
pub struct Transform {
    pub rows: usize,
    pub given: usize,
    pub cols: usize,
}

impl Transform {
    /// Where the rows given go, ascending, and their numbers: the same at every call.
    fn inputs(&self) -> (Vec<u32>, Vec<f32>) {
        let mut random = Seed(3).stream(Purpose::Experiment, self.rows as u64, self.cols as u64);
        let mut chosen = rand::seq::index::sample(&mut random, self.rows, self.given).into_vec();
        chosen.sort_unstable();
        // The first number that no row has.
        let mut places = vec![u32::try_from(self.given).unwrap(); self.rows];
        chosen.into_iter().zip(0..).for_each(|(at, row)| places[at] = row);
        let given = (0..self.given * self.cols).map(|_| random.random_range(-1.0f32..1.0)).collect();
        (places, given)
    }

    fn on(&self, device: &mut GpuHadamard) -> steadfast::Result<Vec<f32>> {
        let (places, given) = self.inputs();
        let mut out = vec![f32::NAN; self.rows * self.cols];
        device.transform(&places, self.cols, &given, &mut out).map(|()| out)
    }

    /// Where the device and the twin differ, if they do: additions and subtractions alone are rounded alike everywhere, so every bit
    /// counts.
    pub fn mismatch(&self, options: GpuOptions) -> Option<String> {
        let (places, given) = self.inputs();
        let mut wanted = vec![f32::NAN; self.rows * self.cols];
        twin(&places, self.cols, &given, &mut wanted);
        let got = match self.on(&mut open(options)) {
            Ok(got) => got,
            Err(error) => return Some(format!("{self:?}: {error}")),
        };
        let at = wanted.iter().zip(&got).position(|(a, b)| a.to_bits() != b.to_bits())?;
        Some(format!("{self:?}: {} and not {} in row {}", got[at], wanted[at], at / self.cols))
    }
}

/// Less than a tile of rows, one, two passes with overlapping bits, three; columns that fill no tile, one, several.
#[test]
fn transforms_match_their_twin() {
    for (rows, cols) in [(1, 1), (2, 3), (16, 17), (128, 5), (256, 16), (512, 1), (2048, 40), (65_536, 3), (131_072, 2)]
    {
        let transform = Transform { rows, given: rows, cols };
        assert_eq!(transform.mismatch(GpuOptions::default()), None);
        assert_eq!(Transform { given: rows.div_ceil(3), ..transform }.mismatch(GpuOptions::default()), None);
        assert_eq!(Transform { given: rows / 2, ..transform }.mismatch(bounded(4 << 20, 30)), None);
    }
}

/// A plan is kept for transforms that fit it, with fewer columns or rows given, and other places.
#[test]
fn what_changes_between_calls_is_seen() {
    let mut used = open(GpuOptions::default());
    for (rows, given, cols) in [(512, 200, 20), (512, 150, 7), (512, 300, 20), (256, 100, 20), (512, 200, 20)] {
        let transform = Transform { rows, given, cols };
        assert_eq!(transform.on(&mut used).unwrap(), transform.on(&mut open(GpuOptions::default())).unwrap());
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut device = open(bounded(16_384, 65_535));
    assert_eq!(device.most_columns(1024), 4);
    let error = Transform { rows: 1024, given: 9, cols: 5 }.on(&mut device).unwrap_err();
    assert!(error.kind() == "device" && error.to_string().contains("20480 bytes"), "{error}");
    for (places, cols, len) in [(3, 1, 3), (4, 0, 0), (4, 2, 7)] {
        let error = device.transform(&vec![0; places], cols, &[0.0; 4], &mut vec![0.0; len]).unwrap_err();
        assert!(error.kind() == "usage" && error.to_string().contains("a power of two"), "{error}");
    }
    assert!(Transform { rows: 1024, given: 9, cols: 4 }.on(&mut device).is_ok());
    let mut own = open(GpuOptions { own_device: true, ..GpuOptions::default() });
    own.lose();
    assert_eq!(Transform { rows: 4, given: 2, cols: 1 }.on(&mut own).unwrap_err().kind(), "device");
}

#[test]
fn transforms_are_timed_on_the_device() {
    let mut device = open(GpuOptions { timestamps: true, ..GpuOptions::default() });
    let start = std::time::Instant::now();
    Transform { rows: 4096, given: 2000, cols: 32 }.on(&mut device).unwrap();
    let wall = start.elapsed().as_secs_f64();
    if let Some(seconds) = device.last_kernel_seconds() {
        assert!(seconds > 0.0 && seconds < wall, "{seconds} of {wall} s");
    }
}

/// Beside the CPU's in f64; a binding that holds few columns makes several calls of it.
#[test]
fn encoded_rows_are_those_of_the_cpu_to_the_rounding_of_f32() {
    let (n, d) = (300, 50);
    let values: Vec<f64> = (0..n * d).map(|k| (k as f64 * 0.618_033_988_7).fract() - 0.5).collect();
    let data = Matrix::Dense(Dense::new(n, d, values).unwrap());
    let encoding = frame_by_name("hadamard", n, 6, Seed(3)).unwrap();
    let on_cpu = encode_rows(&encoding, &data).unwrap();
    for options in [GpuOptions::default(), bounded(4 * 1024 * 18, 65_535)] {
        let on_gpu = encode_rows_on(Some(&mut open(options)), &encoding, &data).unwrap();
        let mut sums = vec![0.0; d];
        (0..n).for_each(|i| data.for_each_in_row(i, |j, x| sums[j] += x.abs()));
        for (a, b) in on_cpu.iter().zip(&on_gpu) {
            let (EncodedShard::Whole(Matrix::Dense(a)), EncodedShard::Whole(Matrix::Dense(b))) = (a, b) else {
                panic!("not dense");
            };
            for (at, (a, b)) in a.values().iter().zip(b.values()).enumerate() {
                // 1024 rows: the data are rounded once, and each of 10 additions; a tenth covers f64 and higher orders.
                let bound = 1.1 * 11.0 * 2f64.powi(-24) * sums[at % d] / (n as f64).sqrt();
                assert!((a - b).abs() <= bound, "{at}: {a} {b}");
            }
        }
    }
}

fn trained(config: &TrainConfig, device: DeviceKind, data: &Dataset<f64>) -> Trained {
    let trained = Training::new(TrainConfig { device, ..config.clone() }).run(data.clone()).unwrap();
    assert!(trained.error.is_none(), "{:?}", trained.error);
    trained
}

/// Runs whose data a GPU encoded: with all workers the optimum, but for what f32 makes of the data.
#[test]
fn runs_are_encoded_on_the_device() {
    let source: Source = "synthetic:regression,rows=300,cols=20,noise=1".parse().unwrap();
    let data = load(&source, &LoadOptions::default()).unwrap().data;
    let gpu = if std::env::var("STEADFAST_TEST_ADAPTER").is_ok() { DeviceKind::Gpu } else { DeviceKind::GpuSoftware };
    for method in ["encoded-lbfgs", "encoded-coordinate-descent"] {
        let config = TrainConfig {
            task: Some("squared".into()),
            l2: 1e-2,
            workers: 8,
            code: Some("hadamard".into()),
            method: method.into(),
            iterations: 3000,
            ..TrainConfig::default()
        };
        let (a, b) = (trained(&config, DeviceKind::Cpu, &data), trained(&config, gpu, &data));
        assert!(b.record.fleet.contains("encoded in f32 by gpu"), "{}", b.record.fleet);
        let (a, b) = (&a.record.end, &b.record.end);
        // The minimizer moves by at most |E'(S X w - S y) + (S X)'E w| / l2 for an error E of the encoded data, of which each entry is
        // below 11 u |column|_1 / sqrt(n): 11 u sqrt(n) times the largest entry, 1e-5 here. F moves by the square of that.
        assert!((a.objective - b.objective).abs() <= 1e-8 * a.objective, "{method}: {} {}", a.objective, b.objective);
        assert!(a.objective != b.objective, "{method}: not encoded in f32");
    }
    let refuse = |config: TrainConfig| {
        let config = TrainConfig { device: gpu, task: Some("squared".into()), ..config };
        Training::new(config).run(data.clone()).unwrap_err().to_string()
    };
    let error = refuse(TrainConfig { code: Some("steiner".into()), ..TrainConfig::default() });
    assert!(error.contains("steiner") && error.contains("--code hadamard"), "{error}");
    let halves =
        TrainConfig { code: Some("hadamard".into()), precision: Some(Precision::F16), ..TrainConfig::default() };
    assert!(refuse(halves).contains("auto or f32"));
}
