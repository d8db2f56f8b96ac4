//! Graphs as edge lists: `from to` a line, whole numbers, `#` comments (the form of the SNAP collection).

use std::io::BufRead;
use std::path::Path;

use super::compressed;
use super::coordinates::{MAX_NODES, compress, each_line, fault};
use super::market::parse_market;
use super::matrix::{Csr, Matrix};
use crate::error::{Error, Result, quoted};

/// A directed graph: its nodes' names, ascending, and its links.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// The number that stands for each node in the file.
    pub names: Vec<u64>,
    /// Square; entry (i, j) is the weight of the link from node i to node j.
    pub links: Csr<f64>,
}

/// Reads a graph, plain, gzip or xz: MatrixMarket when it begins with its banner (nodes 1 to n, entry (i, j) is the
/// link from i to j), else an edge list. See [`parse_edges`].
///
/// # Errors
/// As [`parse_edges`] and [`parse_market`]; [`Error::Input`] for a matrix that is not square; [`Error::Io`].
///
/// ```
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("links.txt");
/// std::fs::write(&path, "# from to\n7 9\n9 7\n9 20\n")?;
/// let graph = steadfast::data::read_graph(&path)?;
/// assert_eq!((graph.names, graph.links.values().len()), (vec![7, 9, 20], 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_graph(path: &Path) -> Result<Graph> {
    let name = path.display().to_string();
    let mut reader = compressed::open(path)?;
    let head = reader.fill_buf().map_err(|e| compressed::stream_error(&name, 0, e))?;
    if !head.trim_ascii_start().starts_with(b"%%") {
        return parse_edges(reader, &name);
    }
    let matrix = parse_market(reader, &name)?;
    let (rows, cols) = (matrix.rows(), matrix.cols());
    match matrix {
        Matrix::Csr(links) if rows == cols => Ok(Graph { names: (1..=rows as u64).collect(), links }),
        Matrix::Csr(_) => Err(Error::input(name, format!("a matrix of {rows} x {cols}"), "as many rows as columns")),
        Matrix::Dense(_) => Err(Error::input(name, "an array", "MatrixMarket coordinates, or an edge list")),
    }
}

/// Reads an edge list; `name` stands in the errors. The nodes are the numbers that occur; a link given twice counts
/// twice.
///
/// # Errors
/// [`Error::Input`] with the line's number for a line that is not two whole numbers, and for a text without edges or
/// with more than [`MAX_NODES`] nodes.
pub fn parse_edges(reader: impl BufRead, name: &str) -> Result<Graph> {
    let mut edges: Vec<(u64, u64)> = Vec::new();
    each_line(reader, name, '#', |line| {
        let bare = line.split('#').next().unwrap_or_default();
        let ends: Option<Vec<u64>> = bare.split_ascii_whitespace().map(|w| w.parse().ok()).collect();
        match ends.as_deref() {
            Some(&[from, to]) => {
                edges.push((from, to));
                Ok(())
            }
            _ => fault(quoted(line.as_bytes()), "`from to`, two whole numbers"),
        }
    })?;
    let mut names: Vec<u64> = edges.iter().flat_map(|&(from, to)| [from, to]).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() || names.len() > MAX_NODES as usize {
        return Err(Error::input(name, format!("{} nodes", names.len()), format!("1 to {MAX_NODES} nodes")));
    }
    // Every end is among the names; at most MAX_NODES of them fit in 32 bits.
    let place = |end: u64| names.partition_point(|&known| known < end) as u32;
    let entries = edges.iter().map(|&(from, to)| (place(from), place(to), 1.0)).collect();
    let links = compress(names.len(), names.len(), entries, name)?;
    Ok(Graph { names, links })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_the_numbers_that_occur() {
        let graph = parse_edges("\u{feff}# c\r\n5\t2\n2 900000000000 # tail\n\n5 2\n2 2".as_bytes(), "t").unwrap();
        assert_eq!(graph.names, [2, 5, 900_000_000_000]);
        let links = &graph.links;
        assert_eq!((links.offsets(), links.indices()), (&[0, 2, 3, 3][..], &[0, 2, 0][..]));
        assert_eq!(links.values(), [1.0, 1.0, 2.0]);
    }

    #[test]
    fn each_fault_names_its_line() {
        for (line, named) in
            [("1", "`1`"), ("1 2 3", "`1 2 3`"), ("a b", "`a b`"), ("-1 2", "`-1 2`"), ("1 2.5", "2.5")]
        {
            let error = parse_edges(format!("# h\n1 2\n{line}\n").as_bytes(), "t").unwrap_err();
            assert!(error.to_string().starts_with("t, line 3: ") && error.to_string().contains(named), "{error}");
            assert_eq!(error.exit_status(), 2);
        }
        assert!(parse_edges("# nothing\n".as_bytes(), "t").unwrap_err().to_string().contains("0 nodes"));
    }
}
