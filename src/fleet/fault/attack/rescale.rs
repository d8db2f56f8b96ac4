//! Attacks that multiply the honest reply: `sign-flip` and `scale`.

/// The reply times `factor`.
pub(super) fn scale(factor: f64, reply: &mut [f64]) {
    reply.iter_mut().for_each(|x| *x *= factor);
}
