//! Steps of SVRG on the device beside their twins, and broken ones.

use std::sync::Arc;

use half::f16;
use rand::RngExt;
use steadfast::Error;
use steadfast::data::Matrix;
use steadfast::device::gpu::{GpuElement, GpuOptions, Rewrite};
use steadfast::device::{LocalDevice, Svrg};
use steadfast::kernel::svrg_steps::{SvrgForm, SvrgLoss};
use steadfast::kernel::{Bounds, KERNELS, Kernel, svrg_steps, svrg_steps_csr};
use steadfast::seed::{Purpose, Seed};

use crate::local::{L2, Local};

/// Unit round-off.
const U: f64 = f32::EPSILON as f64 / 2.0;
/// Exact in f32.
const PULL: f64 = 0.5;
const SAMPLES: usize = 4;

/// Steps of a loss on rows of a shape.
#[derive(Debug, Clone, Copy)]
struct Case {
    local: Local,
    loss: SvrgLoss,
    /// A power of two that is at most 2 over the loss's curvature and the square of a row: a step trebles earlier errors at most.
    step: f64,
    /// Whether loops are few, so that samples take several dispatches and the grid is folded.
    few: bool,
}

impl Case {
    /// The curvature of the loss, at most.
    fn curvature(&self) -> f64 {
        if self.loss == SvrgLoss::NonlinearLeastSquares { 8.0 } else { 1.0 }
    }
}

fn cases() -> Vec<Case> {
    let case = |local, loss, step: i32, few| Case { local, loss, step: 2f64.powi(-step), few };
    vec![
        case(Local::dense(9, 43, 5, 1), SvrgLoss::Squared, 4, false),
        case(Local::dense(9, 1100, 3, 1), SvrgLoss::Logistic, 6, false),
        case(Local::dense(9, 43, 3, 1), SvrgLoss::NonlinearLeastSquares, 7, false),
        case(Local::dense(9, 30, 5, 4), SvrgLoss::Softmax, 4, true),
        case(Local::dense(9, 30, 4, 5), SvrgLoss::Softmax, 4, false),
        case(Local::dense(9, 900, 4, 1).sparse(2), SvrgLoss::Logistic, 5, false),
        case(Local::dense(9, 60, 4, 1).sparse(2), SvrgLoss::Squared, 4, false),
        case(Local::dense(9, 30, 5, 4).sparse(3), SvrgLoss::Softmax, 4, true),
    ]
}

/// What is wrong with the device's points.
fn mismatch<T: GpuElement>(case: &Case, rewrite: Option<Rewrite>) -> Option<String> {
    let Case { local, loss, step, few } = *case;
    let bounds = few.then(|| Bounds { iterations: 256, groups: 3, ..Bounds::default() });
    let options = GpuOptions { bounds, rewrite, ..GpuOptions::default() };
    let (k, d) = (local.classes, local.cols);
    let mut random = Seed(8).stream(Purpose::Experiment, 0, 0);
    let mut numbers =
        |count: usize| -> Vec<f64> { (0..count).map(|_| f64::from(random.random_range(-1.0..1.0f32) / 8.0)).collect() };
    let (start, gradient) = (numbers(k * d), numbers(k * d));
    let rows: Vec<Vec<usize>> =
        (0..local.workers).map(|w| (0..SAMPLES).map(|s| (5 * s + 3 * w + 1) % (local.rows - 1)).collect()).collect();
    let known = |worker: usize| -> Vec<f64> {
        (0..SAMPLES)
            .flat_map(|sample| {
                let mut own = numbers(k);
                let at = worker + sample;
                own.push(if loss == SvrgLoss::Softmax { (at % k) as f64 } else { (at % 2 * 2) as f64 - 1.0 });
                own
            })
            .collect()
    };
    let known: Vec<Vec<f64>> = (0..local.workers).map(known).collect();
    let round = Svrg {
        start: &start,
        gradient: &gradient,
        pull: PULL,
        step,
        rows: &rows,
        known: &known,
        derivative: &|_, _, _| unreachable!("the device has its own"),
        loss: Some(loss),
    };
    let mut device = local.open::<T>(options);
    let got = device.svrg(&round).unwrap();
    let narrow = |numbers: &[f64]| numbers.iter().map(|&x| x as f32).collect::<Vec<f32>>();
    let (w, g) = (narrow(&start), narrow(&gradient));
    let form = SvrgForm {
        classes: k,
        loss,
        penalized: d - 1,
        step: step as f32,
        pull: PULL as f32,
        l2: L2,
        start: &w,
        gradient: &g,
    };
    for (worker, part) in local.parts::<T>().iter().enumerate() {
        let mut point = w.clone();
        for (&row, known) in rows[worker].iter().zip(known[worker].chunks(k + 1)) {
            match &**part {
                Matrix::Dense(a) => svrg_steps::twin(&form, a.row(row), &narrow(known), &mut point),
                Matrix::Csr(a) => svrg_steps_csr::twin(&form, a.row(row), &narrow(known), &mut point),
            }
        }
        // Numbers stay below 1, so a margin is below d/2 in magnitude and off by 12 roundings a term at most; exp and log of the device
        // are off by (3 + 2 |z|) units of theirs. The derivative is off by that times the curvature, and a step adds 8 roundings.
        let margin = 12.0 * d as f64 / 4.0 + 3.0 + 2.0 * d as f64 / 4.0;
        let steps = 3f64.powi(SAMPLES as i32) * SAMPLES as f64;
        let bound = steps * U * (case.curvature() * step * margin + 8.0);
        for (at, (got, twin)) in got[worker].iter().zip(&point).enumerate() {
            let distance = (got - f64::from(*twin)).abs();
            if distance.is_nan() || distance > bound {
                return Some(format!(
                    "{local:?} {loss:?} worker {worker} number {at}: {got} against {twin}, {bound:e}"
                ));
            }
        }
    }
    None
}

#[test]
fn steps_match_their_twins() {
    for case in cases() {
        assert_eq!(mismatch::<f32>(&case, None), None);
        assert_eq!(mismatch::<f16>(&case, None), None);
    }
}

/// (kernel, what is replaced, by what; `*` is both)
const BREAKS: &[(&str, &str, &str)] = &[
    ("*", "params.pull * moved", "moved"),
    ("*", "params.l2 * moved", "moved"),
    ("*", "< params.penalized", "<= params.penalized"),
    ("*", "- known[at];", ";"),
    ("*", "- known[at + k];", ";"),
    ("*", "k == label", "k != label"),
    ("*", "params.step * slope", "slope"),
    ("*", "params.step * change[k]", "change[k]"),
    ("*", "worker * params.samples + sample", "sample"),
    ("*", "worker * params.rows + drawn[at]", "drawn[at]"),
    ("*", "fixed[length + entry]", "fixed[entry]"),
    ("*", "entry = entry + LANES", "entry = entry + LANES + 1u"),
    ("*", "sample = params.begin;", "sample = params.begin + 1u;"),
    ("*", "z < 0.0)", "z > 0.0)"),
    ("*", "exp(margins[k] - largest)", "exp(margins[k] - largest) + 1.0"),
    ("*", "scratch[index] + scratch[index + half", "scratch[index] - scratch[index + half"),
    ("svrg_steps", "unit = unit + LANES", "unit = unit + LANES + 1u"),
    ("svrg_steps", "times * a.w", "times * a.z"),
    ("svrg_steps", "if (WIDTH == 2u) { subtract", "if (WIDTH == 3u) { subtract"),
    ("svrg_steps", "unpack2x16float(unit.z)", "unpack2x16float(unit.x)"),
    ("svrg_steps", "(worker * params.classes + k)", "(worker * params.classes)"),
    ("svrg_steps_csr", "offsets[row + worker] + index", "offsets[row] + index"),
    ("svrg_steps_csr", "position = position + LANES", "position = position + 2u * LANES"),
    ("svrg_steps_csr", "(worker * params.classes + k)", "(worker * params.classes)"),
];

#[test]
fn a_broken_step_fails() {
    for kernel in ["svrg_steps", "svrg_steps_csr"] {
        let whole = KERNELS.iter().find(|own| own.name == kernel).unwrap();
        for &(_, from, to) in BREAKS.iter().filter(|(of, ..)| *of == "*" || *of == kernel) {
            assert!(whole.f32.contains(from) || whole.f16.contains(from), "{kernel} has no {from}");
            let rewrite: Rewrite =
                Arc::new(
                    move |own: &Kernel, source: &str| {
                        if own.name == kernel { source.replace(from, to) } else { source.to_string() }
                    },
                );
            let broken = |case: &Case| {
                mismatch::<f32>(case, Some(rewrite.clone())).or_else(|| mismatch::<f16>(case, Some(rewrite.clone())))
            };
            let noticed = cases().iter().any(|case| broken(case).is_some());
            assert!(noticed, "{kernel}: {from} -> {to}");
        }
    }
}

#[test]
fn what_the_device_can_not_do_is_refused() {
    let local = Local::dense(9, 5, 2, 1);
    let mut device = local.open::<f32>(GpuOptions::default());
    let (w, rows, beyond, known) = (vec![0.0; 5], vec![vec![0]; 2], vec![vec![9]; 2], vec![vec![0.0, 1.0]; 2]);
    let round = |rows, loss| Svrg {
        start: &w,
        gradient: &w,
        pull: 0.0,
        step: 0.1,
        rows,
        known: &known,
        derivative: &|_, _, _| (),
        loss,
    };
    let error = device.svrg(&round(&rows, None)).unwrap_err();
    assert!(matches!(&error, Error::Usage { .. }) && error.to_string().contains("softmax"), "{error}");
    let error = device.svrg(&round(&beyond, Some(SvrgLoss::Squared))).unwrap_err();
    assert!(matches!(&error, Error::Usage { .. }), "{error}");
    assert!(device.svrg(&round(&rows, Some(SvrgLoss::Squared))).is_ok());
}
