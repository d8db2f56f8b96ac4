//! Values, gradients and Hessian-vector products on real data, against independently computed ones (`reference.json` of the
//! folder named by `STEADFAST_DATA`), and duality gaps that vanish at its optima.

use serde_json::Value;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use steadfast::data::{Dense, Matrix};
use steadfast::objective::{L1, LeastSquares, Objective, Penalized, loss_by_name};

/// A data set in f64 with labels as numbers.
struct Set {
    x: Matrix<f64>,
    y: Vec<f64>,
}

fn read(path: &std::path::Path, d: usize) -> Option<Set> {
    let mut text = String::new();
    let file = std::fs::File::open(path);
    if let Ok(mut file) = file {
        file.read_to_string(&mut text).ok()?;
    } else {
        let file = std::fs::File::open(path.with_extension("svm.xz")).ok()?;
        liblzma::read::XzDecoder::new(file).read_to_string(&mut text).ok()?;
    }
    let (mut y, mut values) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let mut parts = line.split_whitespace();
        y.push(parts.next()?.parse().ok()?);
        let start = values.len();
        values.resize(start + d, 0.0);
        for part in parts {
            let (j, v) = part.split_once(':')?;
            values[start + j.parse::<usize>().ok()? - 1] = v.parse().ok()?;
        }
    }
    Some(Set { x: Matrix::Dense(Dense::new(y.len(), d, values).ok()?), y })
}

/// The sets named that are there, each with its reference entry; absent ones are printed as skipped.
fn sets(names: &[&str]) -> Vec<(String, Set, Value)> {
    let Some(folder) = std::env::var_os("STEADFAST_DATA").map(PathBuf::from) else {
        eprintln!("skipped {} sets ({}): STEADFAST_DATA is not set", names.len(), names.join(", "));
        return vec![];
    };
    let reference = std::fs::read_to_string(folder.join("reference.json")).expect("reference.json in STEADFAST_DATA");
    let reference: Value = serde_json::from_str(&reference).unwrap();
    let mut found = Vec::new();
    for &name in names {
        let entry = reference["sets"][name].clone();
        match read(&folder.join(format!("{name}.svm")), entry["d"].as_u64().unwrap() as usize) {
            Some(set) => found.push((name.to_owned(), set, entry)),
            None => eprintln!("skipped 1 set ({name}): not in STEADFAST_DATA"),
        }
    }
    found
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("not a number: {value}"))
}

fn probe(len: usize) -> Vec<f64> {
    (0..len).map(|j| ((j % 7) as f64 - 3.0) / 100.0).collect()
}

/// `U' X` for U (n x r, row-major): r x d.
fn pullback(x: &Matrix<f64>, u: &[f64], r: usize) -> Vec<f64> {
    let d = x.cols();
    let mut out = vec![0.0; r * d];
    for i in 0..x.rows() {
        for k in 0..r {
            x.for_each_in_row(i, |j, v| out[k * d + j] += u[i * r + k] * v);
        }
    }
    out
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Two f64 evaluations of sums over n <= 8124 rows of terms below 50, the one here adding one row at a time: n u max|term|
/// is 5e-11 at worst; measured agreement is near 1e-15.
const TOLERANCE: f64 = 5e-11;

fn assert_close(what: &str, got: f64, expected: f64) {
    assert!((got - expected).abs() <= TOLERANCE * (1.0 + expected.abs()), "{what}: {got}, reference {expected}");
}

fn check_probe(name: &str, objective: &Objective, x: &Matrix<f64>, y: &[f64], reference: &Value) {
    let (k, d, n) = (objective.loss.outputs(), x.cols(), x.rows());
    objective.check(y).unwrap();
    let w = probe(k * d);
    let mut z = vec![0.0; n * k];
    x.multiply(&w, k, &mut z);
    assert_close(&format!("{name} value"), objective.value(&z, y, &w), number(&reference["f"]));

    let mut residuals = vec![0.0; n * k];
    objective.residuals(&z, y, &mut residuals);
    let mut gradient = pullback(x, &residuals, k);
    objective.add_l2_gradient(&w, &mut gradient);
    assert_close(&format!("{name} gradient norm"), norm(&gradient), number(&reference["grad_norm"]));
    let first = reference["grad_first5"].as_array().unwrap();
    first.iter().zip(&gradient).for_each(|(r, g)| assert_close(&format!("{name} gradient"), *g, number(r)));

    if let Some(first) = reference["hess_times_ones_first5"].as_array() {
        let ones = vec![1.0; k * d];
        let mut direction = vec![0.0; n * k];
        x.multiply(&ones, k, &mut direction);
        objective.hessian_residuals(&z, y, &direction, &mut residuals);
        let mut product = pullback(x, &residuals, k);
        objective.add_l2_gradient(&ones, &mut product);
        assert_close(&format!("{name} Hessian"), norm(&product), number(&reference["hess_times_ones_norm"]));
        first.iter().zip(&product).for_each(|(r, p)| assert_close(&format!("{name} Hessian"), *p, number(r)));
    }
}

#[test]
fn probes_agree_with_the_reference() {
    for (name, set, entry) in sets(&["heart_scale", "breast_cancer", "mushrooms", "digits"]) {
        let task = if entry["class_counts"].is_array() { "softmax:classes=10" } else { "logistic" };
        let labels: Vec<f64> =
            set.y.iter().map(|&y| if task == "logistic" { if y > 0.0 { 1.0 } else { -1.0 } } else { y }).collect();
        let l2 = number(&entry["probe"]["lambda_"]);
        let objective = Objective { loss: loss_by_name(task).unwrap(), l2, regularizer: None, intercept: false };
        check_probe(&name, &objective, &set.x, &labels, &entry["probe"]);
    }
    for (name, set, entry) in sets(&["mnist5k_a"]) {
        let loss = loss_by_name("nonlinear-least-squares").unwrap();
        let objective = Objective { loss, l2: 0.0, regularizer: None, intercept: false };
        check_probe(&name, &objective, &set.x, &set.y, &entry["nls"]["probe"]);
    }
}

/// Lasso by coordinate descent on the Gram matrix, to rounding: small sets only.
fn lasso(x: &Matrix<f64>, y: &[f64], l1: f64, sweeps: usize) -> Vec<f64> {
    let (n, d) = (x.rows() as f64, x.cols());
    let columns: Vec<Vec<f64>> = (0..d)
        .map(|j| {
            let mut unit = vec![0.0; d];
            unit[j] = 1.0;
            let mut column = vec![0.0; x.rows()];
            x.multiply(&unit, 1, &mut column);
            column
        })
        .collect();
    let (mut w, mut residual) = (vec![0.0; d], y.iter().map(|y| -y).collect::<Vec<f64>>());
    for _ in 0..sweeps {
        for (w, column) in w.iter_mut().zip(&columns) {
            let square = column.iter().map(|c| c * c).sum::<f64>() / n;
            if square == 0.0 {
                continue;
            }
            let slope = column.iter().zip(&residual).map(|(c, r)| c * r).sum::<f64>() / n;
            let target = *w - slope / square;
            let new = (target.abs() - l1 / square).max(0.0).copysign(target);
            residual.iter_mut().zip(column).for_each(|(r, c)| *r += (new - *w) * c);
            *w = new;
        }
    }
    w
}

#[test]
fn lasso_gap_vanishes_at_the_reference_optimum_and_bounds_it_elsewhere() {
    for (name, set, entry) in sets(&["diabetes", "concrete"]) {
        let reference = &entry["lasso"][0];
        let (l1, optimum) = (number(&reference["lambda_"]), number(&reference["f"]));
        let on = Penalized::new(set.x.cols(), false).unwrap();
        let objective = Objective {
            loss: Arc::new(LeastSquares),
            l2: 0.0,
            regularizer: Some(Arc::new(L1::new(l1, on).unwrap())),
            intercept: false,
        };
        for sweeps in [0, 1, 3, 10, 30, 3000] {
            let w = lasso(&set.x, &set.y, l1, sweeps);
            let mut z = vec![0.0; set.x.rows()];
            set.x.multiply(&w, 1, &mut z);
            let mut residuals = z.clone();
            objective.residuals(&z, &set.y, &mut residuals);
            let gradient = pullback(&set.x, &residuals, 1);
            let gap = objective.duality_gap(&z, &set.y, &w, &gradient).unwrap();
            let true_gap = objective.value(&z, &set.y, &w) - optimum;
            // The reference's own gap is below 4e-15, the rounding of values below 1.
            assert!(gap >= true_gap - 1e-14, "{name} after {sweeps} sweeps: {gap} below {true_gap}");
            if sweeps == 3000 {
                assert_close(&name, objective.value(&z, &set.y, &w), optimum);
                assert!(gap <= 1e-13, "{name}: {gap} at the optimum");
            }
        }
    }
}
