//! The duality gap is never below the true gap, and small near the optimum, for every loss with every regularizer.

use super::evaluate::random;
use super::losses::losses;
use super::regularizers::make;
use std::sync::Arc;
use steadfast::objective::{Loss, Objective};

const ROWS: usize = 60;

/// A small problem with X row-major; the last column is 1 if there is an intercept.
struct Problem {
    objective: Objective,
    x: Vec<f64>,
    y: Vec<f64>,
    d: usize,
}

impl Problem {
    fn new(loss: Arc<dyn Loss>, labels: &[f64], regularizer: Option<&str>, l2: f64, intercept: bool) -> Self {
        let d = 6;
        let mut x = random(ROWS * d, 21, 1.0);
        if intercept {
            x.chunks_exact_mut(d).for_each(|row| row[d - 1] = 1.0);
        }
        let noise = random(ROWS, 22, 1.0);
        // Labels that depend on the first feature, with noise, so that no problem is separable.
        let y = (0..ROWS)
            .map(|i| {
                let t = (x[i * d] + 1.2 * noise[i] + 2.2) / 4.4;
                labels[((t * labels.len() as f64) as usize).min(labels.len() - 1)]
            })
            .collect();
        let regularizer = regularizer.map(|name| make(name, d, intercept));
        Problem { objective: Objective { loss, l2, regularizer, intercept }, x, y, d }
    }

    fn margins(&self, w: &[f64]) -> Vec<f64> {
        let rows = self.x.chunks_exact(self.d);
        rows.flat_map(|x| w.chunks_exact(self.d).map(|w| x.iter().zip(w).map(|(a, b)| a * b).sum())).collect()
    }

    /// Margins, value, and gradient of the mean loss.
    fn at(&self, w: &[f64]) -> (Vec<f64>, f64, Vec<f64>) {
        let (z, k) = (self.margins(w), self.objective.loss.outputs());
        let mut residuals = vec![0.0; z.len()];
        self.objective.residuals(&z, &self.y, &mut residuals);
        let mut gradient = vec![0.0; w.len()];
        for (x, u) in self.x.chunks_exact(self.d).zip(residuals.chunks_exact(k)) {
            for (g, u) in gradient.chunks_exact_mut(self.d).zip(u) {
                g.iter_mut().zip(x).for_each(|(g, x)| *g += u * x);
            }
        }
        let value = self.objective.value(&z, &self.y, w);
        (z, value, gradient)
    }

    fn means(&self) -> Vec<f64> {
        (0..self.d).map(|j| self.x.iter().skip(j).step_by(self.d).sum::<f64>() / ROWS as f64).collect()
    }

    fn gap(&self, w: &[f64]) -> Option<f64> {
        let (z, _, g) = self.at(w);
        if self.objective.intercept {
            self.objective.duality_gap_centred(&z, &self.y, w, &g, &self.means())
        } else {
            self.objective.duality_gap(&z, &self.y, w, &g)
        }
    }

    /// Points of a plain proximal gradient run with backtracking, from 0.
    fn path(&self, iterations: usize) -> Vec<Vec<f64>> {
        let mut w = vec![0.0; self.d * self.objective.loss.outputs()];
        let prox = |step: f64, w: &mut [f64]| {
            if let Some(h) = &self.objective.regularizer {
                h.prox(step, w);
            }
        };
        prox(1.0, &mut w);
        let (mut step, mut path) = (1.0, vec![w.clone()]);
        for _ in 0..iterations {
            let (z, _, mut g) = self.at(&w);
            let smooth = |z: &[f64], w: &[f64]| self.objective.mean_loss(z, &self.y) + self.objective.l2_value(w);
            self.objective.add_l2_gradient(&w, &mut g);
            loop {
                let mut next: Vec<f64> = w.iter().zip(&g).map(|(w, g)| w - step * g).collect();
                prox(step, &mut next);
                let (mut product, mut square) = (0.0, 0.0);
                for ((n, w), g) in next.iter().zip(&w).zip(&g) {
                    product += g * (n - w);
                    square += (n - w) * (n - w);
                }
                // A little slack for rounding near the optimum.
                if smooth(&self.margins(&next), &next) <= smooth(&z, &w) + product + square / (2.0 * step) + 1e-15 {
                    w = next;
                    break;
                }
                step *= 0.5;
            }
            path.push(w.clone());
        }
        path
    }

    /// The gap at every point of a run bounds the distance to the run's best value, and the last is small.
    fn check(&self, name: &str, small: f64) {
        let path = self.path(4000);
        let best = path.iter().map(|w| self.at(w).1).fold(f64::INFINITY, f64::min);
        let last = path.len() - 1;
        for t in [0, 1, 2, 5, 20, 100, last] {
            let value = self.at(&path[t]).1;
            let gap = self.gap(&path[t]).unwrap_or_else(|| panic!("{name}: no gap at iterate {t}"));
            // Rounding of two values below 100 in sums of 60 rows.
            assert!(gap >= value - best - 1e-13, "{name}, iterate {t}: gap {gap} below {}", value - best);
            if t == last {
                assert!(gap <= small, "{name}: gap {gap} at the end");
            }
        }
    }
}

fn convex() -> impl Iterator<Item = (Arc<dyn Loss>, Vec<f64>)> {
    losses().into_iter().filter(|(loss, _)| loss.is_convex() && loss.outputs() < 20)
}

#[test]
fn with_l2_and_any_regularizer() {
    let regularizers = [
        None,
        Some("l1:weight=0.02"),
        Some("box:lo=-0.1,hi=0.2"),
        Some("non-negative"),
        Some("simplex:radius=2"),
        Some("l2-ball:radius=0.7"),
    ];
    for (loss, labels) in convex() {
        for name in regularizers {
            let problem = Problem::new(loss.clone(), &labels, name, 0.1, false);
            problem.check(&format!("{:?} with {name:?}", loss.id()), 1e-11);
        }
    }
}

#[test]
fn with_l1_or_a_bounded_set_alone() {
    for (loss, labels) in convex() {
        for name in ["l1:weight=0.05", "box:lo=-0.1,hi=0.2", "simplex:radius=2", "l2-ball:radius=0.7"] {
            let problem = Problem::new(loss.clone(), &labels, Some(name), 0.0, false);
            problem.check(&format!("{:?} with {name}", loss.id()), 1e-9);
        }
    }
}

#[test]
fn a_tiny_l2_does_not_spoil_the_l1_bound() {
    let (loss, labels) = losses().remove(0);
    let problem = Problem::new(loss, &labels, Some("l1:weight=0.05"), 1e-14, false);
    problem.check("squared", 1e-9);
}

#[test]
fn with_a_free_intercept() {
    for (loss, labels) in convex().filter(|(loss, _)| ["squared", "logistic"].contains(&loss.id().name.as_str())) {
        for (name, l2) in [("l1:weight=0.02", 0.0), ("l1:weight=0.02", 0.1), ("l2-ball:radius=0.7", 0.0)] {
            let problem = Problem::new(loss.clone(), &labels, Some(name), l2, true);
            problem.check(&format!("{:?} with {name} and an intercept", loss.id()), 1e-9);
            let w = vec![0.1; problem.d];
            let (z, _, g) = problem.at(&w);
            assert_eq!(problem.objective.duality_gap(&z, &problem.y, &w, &g), None);
        }
    }
}

#[test]
fn without_regularizer_it_is_the_gradient_bound() {
    let (loss, labels) = losses().remove(1);
    let problem = Problem::new(loss, &labels, None, 0.3, false);
    let w = random(problem.d, 31, 1.0);
    let (_, _, mut g) = problem.at(&w);
    problem.objective.add_l2_gradient(&w, &mut g);
    let bound = g.iter().map(|g| g * g).sum::<f64>() / 0.6;
    // Differences of numbers below 10.
    assert!((problem.gap(&w).unwrap() - bound).abs() <= 1e-14);
}

#[test]
fn none_where_there_is_no_bound() {
    let gap = |name: &str, label: f64, regularizer: Option<&str>, l2: f64, w: f64| {
        let (loss, labels) = losses().into_iter().find(|(loss, _)| loss.id().name == name).unwrap();
        assert!(labels.contains(&label));
        let problem = Problem::new(loss, &labels, regularizer, l2, false);
        problem.gap(&vec![w; problem.d])
    };
    assert_eq!(gap("squared", 2.0, None, 0.0, 0.5), None);
    assert_eq!(gap("squared", 2.0, Some("non-negative"), 0.0, 0.5), None);
    assert_eq!(gap("nonlinear-least-squares", 4.0, None, 0.1, 0.5), None);
    assert_eq!(gap("squared", 2.0, Some("box:lo=-0.1,hi=0.2"), 0.0, 0.5), None);
    assert_eq!(gap("squared", 2.0, Some("l2-ball:radius=0.7"), 0.1, 0.5), None);
    assert_eq!(gap("squared", 2.0, Some("l1:weight=0.05"), 0.0, f64::NAN), None);
}
