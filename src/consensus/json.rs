//! Problems as JSON.

use std::path::Path;

use serde::Deserialize;

use super::{LocalFunction, PartitionedProblem, Shape};
use crate::error::{Error, Result};
use crate::objective::loss_by_name;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    variables: Vec<usize>,
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Node {
    variables: Vec<usize>,
    #[serde(default)]
    ridge: f64,
    hessian: Option<Vec<Vec<f64>>>,
    linear: Option<Vec<f64>>,
    loss: Option<String>,
    rows: Option<Vec<Vec<f64>>>,
    targets: Option<Vec<f64>>,
    weights: Option<Vec<f64>>,
    matrix: Option<Vec<Vec<f64>>>,
    offset: Option<Vec<f64>>,
}

/// Reads a problem: `{"variables": [sizes], "nodes": [{"variables": [0, 2], "ridge": 0.1, …}, …]}`, a node's function being
/// `"hessian": [[…]], "linear": […]`, `"weights": […], "targets": […]`, `"matrix": [[…]], "offset": […]` (a game), or
/// `"loss": "logistic", "rows": [[…]], "targets": […]`.
///
/// # Errors
/// [`Error::Io`] when it can't be read; [`Error::Input`] with the line for text that is no such JSON, and with the node for
/// functions that [`PartitionedProblem::new`] refuses.
///
/// ```
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("problem.json");
/// let node = r#"{"variables": [0], "hessian": [[2.0]], "linear": [1.0]}"#;
/// std::fs::write(&path, format!(r#"{{"variables": [1], "nodes": [{node}, {node}]}}"#))?;
/// assert_eq!(steadfast::consensus::read_problem(&path)?.optimum()?, [0.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_problem(path: &Path) -> Result<PartitionedProblem> {
    let text = std::fs::read(path).map_err(Error::reading(path))?;
    let place = path.display().to_string();
    let written: Written =
        serde_json::from_slice(&text).map_err(|e| Error::input(&place, e, "a problem as JSON, as the manual says"))?;
    let nodes = written.nodes.into_iter().enumerate().map(|(i, node)| function(node, &format!("{place}, node {i}")));
    PartitionedProblem::new(written.variables, nodes.collect::<Result<_>>()?)
}

fn function(node: Node, place: &str) -> Result<LocalFunction> {
    let Node { variables, ridge, hessian, linear, loss, rows, targets, weights, matrix, offset } = node;
    let square = |rows: Vec<Vec<f64>>| -> Result<Vec<f64>> {
        let width = rows.first().map_or(0, Vec::len);
        match rows.iter().position(|row| row.len() != width) {
            Some(k) => {
                Err(Error::input(place, format!("row {k} of {} numbers", rows[k].len()), format!("{width} numbers")))
            }
            None => Ok(rows.concat()),
        }
    };
    let shape = match (hessian, linear, matrix, offset, loss, rows, targets, weights) {
        (Some(hessian), Some(linear), None, None, None, None, None, None) => {
            Shape::Quadratic { hessian: square(hessian)?, linear }
        }
        (None, None, Some(matrix), Some(offset), None, None, None, None) => {
            Shape::Game { matrix: square(matrix)?, offset }
        }
        (None, None, None, None, None, None, Some(targets), Some(weights)) => Shape::Separable { weights, targets },
        (None, None, None, None, Some(loss), Some(rows), Some(targets), None) => {
            Shape::Rows { loss: loss_by_name(&loss)?, rows: square(rows)?, targets }
        }
        _ => {
            let allowed = "hessian and linear, weights and targets, matrix and offset, or loss, rows and targets";
            return Err(Error::input(place, "other keys for its function", allowed));
        }
    };
    Ok(LocalFunction { variables, shape, ridge })
}
