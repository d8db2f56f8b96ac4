//! A system's functions and matrix as kernels read them: rounded once to f32, what can be solved ahead solved in f64.

use nalgebra::{DMatrix, DVector};

use super::cpu::Copies;
use super::{LocalFunction, PartitionedProblem, Shape};
use crate::error::{Error, Result};
use crate::kernel::{MixRows, NodeMap, NodeMaps, NodeRows, NodeWork};
use crate::objective::Loss;

/// All of it.
///
/// # Errors
/// [`Error::Usage`] for a loss that no kernel has, and for more numbers than kernels count.
pub(super) fn node_work(problem: &PartitionedProblem, copies: &Copies) -> Result<NodeWork> {
    let (gradients, rows) = gradients(problem, copies)?;
    Ok(NodeWork { gradients, rows, minima: minima(problem, copies)?, matrix: matrix(copies)? })
}

fn fit(n: usize) -> Result<u32> {
    u32::try_from(n).map_err(|_| Error::usage("problem on a GPU", format!("{n} numbers"), "fewer than 2^32"))
}

#[allow(clippy::cast_possible_truncation, reason = "what kernels compute with is rounded once")]
fn round(x: f64) -> f32 {
    x as f32
}

/// The maps without matrices: every number by itself.
fn diagonal(problem: &PartitionedProblem, copies: &Copies) -> Result<NodeMaps> {
    let mut made = NodeMaps::default();
    for (i, places) in copies.places.iter().enumerate() {
        let node = fit(i)?;
        made.owners.extend((copies.starts[i]..copies.starts[i + 1]).map(|_| [node, u32::MAX]));
        let map = NodeMap { places: fit(made.places.len())?, ..NodeMap::default() };
        made.maps.push(map);
        if !matches!(problem.nodes()[i].shape, Shape::Separable { .. }) {
            for (local, &at) in places.iter().enumerate() {
                made.owners[at][1] = fit(local)?;
                made.places.push(fit(at)?);
            }
        }
    }
    made.lines = vec![[0.0; 2]; made.owners.len()];
    Ok(made)
}

fn gradients(problem: &PartitionedProblem, copies: &Copies) -> Result<(NodeMaps, NodeRows)> {
    let (mut made, mut all_rows) = (diagonal(problem, copies)?, NodeRows::default());
    made.lines.iter_mut().zip(&copies.ridge).for_each(|(line, ridge)| line[0] = round(*ridge));
    for (i, (node, places)) in problem.nodes().iter().zip(&copies.places).enumerate() {
        let d = places.len();
        let mut map = NodeMap { values: fit(made.values.len())?, width: fit(d)?, ..made.maps[i] };
        match &node.shape {
            Shape::Quadratic { hessian: matrix, linear: offset } | Shape::Game { matrix, offset } => {
                map.terms = map.width;
                made.values.extend((0..d * d).map(|at| round(matrix[at % d * d + at / d])));
                places.iter().zip(offset).for_each(|(&at, h)| made.lines[at][1] = round(-h));
            }
            Shape::Separable { weights, targets } => {
                map.width = 0;
                for ((&at, w), t) in places.iter().zip(weights).zip(targets) {
                    made.lines[at] = [round(copies.ridge[at] + w), round(-w * t)];
                }
            }
            Shape::Rows { loss, rows, targets } => {
                let m = targets.len();
                (map.terms, map.slopes) = (fit(m)?, fit(all_rows.targets.len())?);
                (map.loss, map.delta) = loss_code(&**loss)?;
                map.scale = round(1.0 / m as f64);
                made.values.extend(rows.iter().map(|x| round(*x)));
                all_rows.targets.extend(targets.iter().map(|y| round(*y)));
                let owner = fit(i)?;
                (0..map.terms).for_each(|row| all_rows.owners.push([owner, row]));
            }
        }
        made.maps[i] = map;
    }
    fit(made.values.len())?;
    Ok((made, all_rows))
}

/// What kernels call a loss, and its parameter.
fn loss_code(loss: &dyn Loss) -> Result<(u32, f32)> {
    let id = loss.id();
    match (id.name.as_str(), &id.parameters[..]) {
        ("squared", []) => Ok((NodeMap::SQUARED, 0.0)),
        ("logistic", []) => Ok((NodeMap::LOGISTIC, 0.0)),
        ("huber", &[delta]) => Ok((NodeMap::HUBER, round(delta))),
        _ => Err(Error::usage("problem on a GPU", format!("the loss {}", id.name), "squared, logistic, huber")),
    }
}

/// `(H + ridge)^-1 (h + y)` of every node, whose inverse is formed in f64 and rounded.
fn minima(problem: &PartitionedProblem, copies: &Copies) -> Result<Option<NodeMaps>> {
    let mut made = diagonal(problem, copies)?;
    made.lines.iter_mut().zip(&copies.ridge).for_each(|(line, ridge)| line[0] = round(1.0 / ridge));
    for (i, (node, places)) in problem.nodes().iter().zip(&copies.places).enumerate() {
        match &node.shape {
            Shape::Quadratic { linear, .. } => {
                let Some(inverse) = inverse(node, places, copies) else { return Ok(None) };
                let centre = &inverse * DVector::from_column_slice(linear);
                places.iter().zip(&centre).for_each(|(&at, c)| made.lines[at] = [0.0, round(*c)]);
                let (values, width) = (fit(made.values.len())?, fit(places.len())?);
                made.maps[i] = NodeMap { values, width, terms: width, ..made.maps[i] };
                made.values.extend(inverse.iter().map(|x| round(*x)));
            }
            Shape::Separable { weights, targets } => {
                for ((&at, w), t) in places.iter().zip(weights).zip(targets) {
                    let total = copies.ridge[at] + w;
                    made.lines[at] = [round(1.0 / total), round(w * t / total)];
                }
            }
            Shape::Game { .. } | Shape::Rows { .. } => return Ok(None),
        }
    }
    fit(made.values.len())?;
    Ok(made.lines.iter().flatten().all(|x| x.is_finite()).then_some(made))
}

fn inverse(node: &LocalFunction, places: &[usize], copies: &Copies) -> Option<DMatrix<f64>> {
    let mut hessian = node.hessian(&vec![0.0; places.len()]);
    places.iter().enumerate().for_each(|(k, &at)| hessian[(k, k)] += copies.ridge[at]);
    Some(hessian.cholesky()?.inverse())
}

fn matrix(copies: &Copies) -> Result<MixRows> {
    let mut made = MixRows { offsets: vec![0], ..MixRows::default() };
    for (r, block) in copies.matrix.starts().windows(2).enumerate() {
        let row = fit(r)?;
        (0..fit(block[1] - block[0])?).for_each(|place| made.owners.push([row, place]));
        for (other, edge, weight) in copies.matrix.entries(r) {
            made.links.push([fit(other)?, fit(edge)?]);
            made.edges = made.edges.max(edge + 1);
            made.weights.push(round(weight));
        }
        made.offsets.push(fit(made.weights.len())?);
    }
    Ok(made)
}
