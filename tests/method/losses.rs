//! Losses and regularizers of the tests, written from their formulas.

use std::sync::Arc;
use steadfast::objective::{Loss, LossId, Objective, Regularizer};

#[derive(Debug)]
pub struct Squared;
#[derive(Debug)]
pub struct Logistic;
#[derive(Debug)]
pub struct Softmax(pub usize);
#[derive(Debug)]
pub struct Poisson;

fn id(name: &str) -> LossId {
    LossId { name: name.into(), parameters: vec![] }
}

impl Loss for Squared {
    fn id(&self) -> LossId {
        id("squared")
    }
    fn value(&self, z: &[f64], y: f64) -> f64 {
        0.5 * (z[0] - y) * (z[0] - y)
    }
    fn derivative(&self, z: &[f64], y: f64, out: &mut [f64]) {
        out[0] = z[0] - y;
    }
    fn second_derivative(&self, _: &[f64], _: f64, direction: &[f64], out: &mut [f64]) {
        out[0] = direction[0];
    }
    fn curvature_bound(&self) -> Option<f64> {
        Some(1.0)
    }
}

impl Loss for Logistic {
    fn id(&self) -> LossId {
        id("logistic")
    }
    fn value(&self, z: &[f64], y: f64) -> f64 {
        let t = -y * z[0];
        t.max(0.0) + (-t.abs()).exp().ln_1p()
    }
    fn derivative(&self, z: &[f64], y: f64, out: &mut [f64]) {
        out[0] = -y / (1.0 + (y * z[0]).exp());
    }
    fn second_derivative(&self, z: &[f64], _: f64, direction: &[f64], out: &mut [f64]) {
        let e = (-z[0].abs()).exp();
        out[0] = direction[0] * e / ((1.0 + e) * (1.0 + e));
    }
    fn curvature_bound(&self) -> Option<f64> {
        Some(0.25)
    }
}

impl Loss for Softmax {
    fn id(&self) -> LossId {
        id("softmax")
    }
    fn outputs(&self) -> usize {
        self.0
    }
    fn value(&self, z: &[f64], y: f64) -> f64 {
        let top = z.iter().copied().fold(f64::MIN, f64::max);
        top + z.iter().map(|z| (z - top).exp()).sum::<f64>().ln() - z[y as usize]
    }
    fn derivative(&self, z: &[f64], y: f64, out: &mut [f64]) {
        let top = z.iter().copied().fold(f64::MIN, f64::max);
        out.iter_mut().zip(z).for_each(|(o, z)| *o = (z - top).exp());
        let sum: f64 = out.iter().sum();
        out.iter_mut().for_each(|o| *o /= sum);
        out[y as usize] -= 1.0;
    }
    fn second_derivative(&self, z: &[f64], _: f64, direction: &[f64], out: &mut [f64]) {
        let top = z.iter().copied().fold(f64::MIN, f64::max);
        let e: Vec<f64> = z.iter().map(|z| (z - top).exp()).collect();
        let sum: f64 = e.iter().sum();
        let mean: f64 = e.iter().zip(direction).map(|(e, d)| e / sum * d).sum();
        for ((o, e), d) in out.iter_mut().zip(&e).zip(direction) {
            *o = e / sum * (d - mean);
        }
    }
    fn curvature_bound(&self) -> Option<f64> {
        Some(0.5)
    }
}

impl Loss for Poisson {
    fn id(&self) -> LossId {
        id("poisson")
    }
    fn value(&self, z: &[f64], y: f64) -> f64 {
        z[0].exp() - y * z[0]
    }
    fn derivative(&self, z: &[f64], y: f64, out: &mut [f64]) {
        out[0] = z[0].exp() - y;
    }
    fn second_derivative(&self, z: &[f64], _: f64, direction: &[f64], out: &mut [f64]) {
        out[0] = direction[0] * z[0].exp();
    }
}

#[derive(Debug)]
pub struct L1(pub f64);
#[derive(Debug)]
pub struct NonNegative;

impl Regularizer for L1 {
    fn name(&self) -> String {
        format!("l1={}", self.0)
    }
    fn value(&self, w: &[f64]) -> f64 {
        self.0 * w.iter().map(|w| w.abs()).sum::<f64>()
    }
    fn prox(&self, step: f64, w: &mut [f64]) {
        w.iter_mut().for_each(|w| *w = w.signum() * (w.abs() - step * self.0).max(0.0));
    }
}

impl Regularizer for NonNegative {
    fn name(&self) -> String {
        "non-negative".into()
    }
    fn value(&self, w: &[f64]) -> f64 {
        if w.iter().all(|&w| w >= 0.0) { 0.0 } else { f64::INFINITY }
    }
    fn prox(&self, _: f64, w: &mut [f64]) {
        w.iter_mut().for_each(|w| *w = w.max(0.0));
    }
}

pub fn smooth(loss: impl Loss + 'static, l2: f64) -> Objective {
    Objective { loss: Arc::new(loss), l2, regularizer: None, intercept: false }
}

pub fn with_regularizer(loss: impl Loss + 'static, l2: f64, h: impl Regularizer + 'static) -> Objective {
    Objective { loss: Arc::new(loss), l2, regularizer: Some(Arc::new(h)), intercept: false }
}
