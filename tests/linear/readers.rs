//! Fuzz-style tests of the readers of matrices and graphs: whatever the bytes, data or a one-line error, never a panic.

use std::io::Write;

use proptest::prelude::*;
use steadfast::data::{Matrix, parse_edges, parse_market, read_graph, read_market};
use steadfast::{Error, Result};

fn sane(outcome: Result<Matrix<f64>>) -> Result<(), TestCaseError> {
    match outcome {
        Ok(matrix) => {
            prop_assert!(matrix.rows() > 0 && matrix.cols() > 0);
            let mut finite = true;
            (0..matrix.rows().min(1000)).for_each(|i| matrix.for_each_in_row(i, |_, x| finite &= x.is_finite()));
            prop_assert!(finite);
        }
        Err(error) => one_line(&error)?,
    }
    Ok(())
}

fn one_line(error: &Error) -> Result<(), TestCaseError> {
    let message = error.to_string();
    prop_assert!(message.lines().count() == 1 && message.len() < 2000, "{message:?}");
    prop_assert_eq!(error.exit_status(), 2);
    Ok(())
}

fn read_both_ways(bytes: &[u8]) -> Result<(), TestCaseError> {
    sane(parse_market(bytes, "fuzz"))?;
    sane(parse_edges(bytes, "fuzz").map(|graph| Matrix::Csr(graph.links)))
}

const MARKETS: [&str; 3] = [
    "%%MatrixMarket matrix coordinate real symmetric\n% c\n3 3 3\n1 1 4.5\n2 1 -1\n3 3 1e2\n",
    "%%MatrixMarket matrix coordinate pattern general\n2 3 2\n1 3\n2 1\n",
    "%%MatrixMarket matrix array integer general\n2 2\n1\n2\n3\n4\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_both_ways(&bytes)?;
    }

    #[test]
    fn likely_lines(lines in prop::collection::vec("[0-9 .e#%-]{0,12}", 0..8), which in 0usize..3) {
        read_both_ways(lines.join("\n").as_bytes())?;
        let banner = MARKETS[which].lines().next().unwrap_or_default();
        read_both_ways(format!("{banner}\n{}", lines.join("\n")).as_bytes())?;
    }

    #[test]
    fn mutated(
        which in 0usize..3,
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0u8..4, any::<u8>()), 1..6),
    ) {
        let mut bytes = MARKETS[which].as_bytes().to_vec();
        for (at, kind, byte) in changes {
            let at = at.index(bytes.len().max(1));
            match kind {
                _ if bytes.is_empty() => bytes.push(byte),
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
        read_both_ways(&bytes)?;
    }
}

#[test]
fn packed_files_and_both_kinds_of_graph() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("m.mtx.gz");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(MARKETS[0].as_bytes()).expect("memory");
    std::fs::write(&path, packed.finish().expect("memory")).expect("writable");
    let matrix = read_market(&path).expect("a matrix");
    assert_eq!((matrix.rows(), matrix.stored(), matrix.is_sparse()), (3, 4, true));
    assert_eq!(read_graph(&path).expect("a graph").names, [1, 2, 3]);
    for (text, named) in [(MARKETS[1], "2 x 3"), (MARKETS[2], "array"), ("1 2\n3\n", "line 2")] {
        let path = folder.path().join("graph");
        std::fs::write(&path, text).expect("writable");
        let message = read_graph(&path).unwrap_err().to_string();
        assert!(message.contains(named), "{message}");
    }
    assert_eq!(read_market(&folder.path().join("none.mtx")).unwrap_err().exit_status(), 2);
}
