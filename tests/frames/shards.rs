use steadfast::coding::{EncodedShard, Encoding, encode_rows, frame_by_name};
use steadfast::data::{Csr, Dense, Matrix};
use steadfast::seed::Seed;

const ROWS: usize = 90;
const COLS: usize = 41;

/// Four entries a row.
fn sparse(cols: usize) -> Csr<f64> {
    let mut indices: Vec<u32> = Vec::new();
    for i in 0..ROWS {
        let mut columns: Vec<u32> = (0..4).map(|j| ((i * 13 + j * j * 7 + j) % cols) as u32).collect();
        columns.sort_unstable();
        columns.dedup();
        indices.extend(&columns);
        if columns.len() < 4 {
            panic!("four different columns in row {i}");
        }
    }
    let values = (0..indices.len()).map(|i| ((i * 31 + 5) % 17) as f64 / 4.0 - 2.0).collect();
    Csr::new(ROWS, cols, (0..=ROWS).map(|i| 4 * i).collect(), indices, values).unwrap()
}

/// `S X` by the frame's own product, row-major.
fn encoded(encoding: &Encoding, data: &Dense<f64>) -> Vec<f64> {
    let mut out = vec![0.0; encoding.frame().rows() * data.cols()];
    encoding.frame().apply(data.cols(), data.values(), &mut out);
    out
}

/// Both products of all shards against `S X` written out: sums of at most 90 numbers of size 40 after some 10 roundings each.
fn check(encoding: &Encoding, shards: &[EncodedShard], data: &Dense<f64>) {
    let d = data.cols();
    let all = encoded(encoding, data);
    let v: Vec<f64> = (0..d).map(|j| 1.0 - 0.03 * j as f64).collect();
    for (i, shard) in shards.iter().enumerate() {
        let rows = encoding.rows_of(i);
        let mut out = vec![7.0; rows.len()];
        shard.multiply(&v, &mut out);
        let mut back = vec![7.0; d];
        shard.multiply_transposed(&out, &mut back);
        let mut wanted_back = vec![0.0; d];
        for (at, &row) in rows.iter().enumerate() {
            let row = &all[row * d..(row + 1) * d];
            let wanted: f64 = row.iter().zip(&v).map(|(x, v)| x * v).sum();
            assert!((out[at] - wanted).abs() < 1e-10, "{} worker {i}", encoding.frame().name());
            wanted_back.iter_mut().zip(row).for_each(|(sum, x)| *sum += x * wanted);
        }
        assert!(back.iter().zip(&wanted_back).all(|(a, b)| (a - b).abs() < 1e-8), "{}", encoding.frame().name());
    }
}

#[test]
fn shards_are_rows_of_the_encoded_data() {
    let sparse = sparse(COLS);
    let dense = sparse.to_dense();
    for name in ["hadamard", "steiner", "paley", "hadamard-etf", "gaussian", "haar-wavelet", "uncoded", "replication"] {
        let encoding = frame_by_name(name, ROWS, 6, Seed(3)).unwrap();
        check(&encoding, &encode_rows(&encoding, &Matrix::Dense(dense.clone())).unwrap(), &dense);
        check(&encoding, &encode_rows(&encoding, &Matrix::Csr(sparse.clone())).unwrap(), &dense);
    }
}

#[test]
fn steiner_keeps_sparse_data_sparse() {
    let wide = sparse(2000);
    let count = |name: &str| {
        let encoding = frame_by_name(name, ROWS, 6, Seed(3)).unwrap();
        let shards = encode_rows(&encoding, &Matrix::Csr(wide.clone())).unwrap();
        check(&encoding, &shards, &wide.to_dense());
        (encoding.frame().rows(), shards)
    };
    let (rows, shards) = count("steiner");
    let stored: usize = shards.iter().map(EncodedShard::stored).sum();
    // At most the row's pairs (14 points) times 4 entries, where dense rows have 2000.
    assert!(stored <= rows * 13 * 4, "{stored} of {rows} rows");
    let (rows, shards) = count("hadamard");
    assert_eq!(shards.iter().map(EncodedShard::stored).sum::<usize>(), rows * 2000);
    // Plain rows are as they were.
    assert_eq!(count("uncoded").1.iter().map(EncodedShard::stored).sum::<usize>(), 4 * ROWS);
}

#[test]
fn a_worker_keeps_raw_rows_where_these_are_fewer_numbers() {
    // 60 rows of 300 of 400 columns: an encoded row has nearly all of them, and the few raw rows that are touched have fewer entries than
    // the 60 or so encoded ones.
    let (rows, each) = (60usize, 300usize);
    let indices = (0..rows).flat_map(|i| {
        let mut columns: Vec<u32> = (0..each).map(|j| ((i * 17 + j) % 400) as u32).collect();
        columns.sort_unstable();
        columns
    });
    let values = (0..rows * each).map(|i| ((i * 31 + 5) % 17) as f64 / 4.0 - 2.0).collect();
    let offsets = (0..=rows).map(|i| i * each).collect();
    let data = Csr::new(rows, 400, offsets, indices.collect(), values).unwrap();
    let encoding = frame_by_name("steiner", rows, 2, Seed(3)).unwrap();
    let shards = encode_rows(&encoding, &Matrix::Csr(data.clone())).unwrap();
    assert!(shards.iter().all(|shard| matches!(shard, EncodedShard::Factors { .. })));
    check(&encoding, &shards, &data.to_dense());
}

#[test]
fn data_of_another_size_are_refused() {
    let encoding = frame_by_name("hadamard", ROWS + 1, 6, Seed(3)).unwrap();
    let error = encode_rows(&encoding, &Matrix::Csr(sparse(COLS))).unwrap_err();
    assert!(error.to_string().contains("91, the columns of the frame"), "{error}");
    let error = frame_by_name("paley:size=15", 14, 2, Seed(0)).unwrap_err();
    assert!(error.to_string().contains("14, the rows of the data"), "{error}");
    assert!(frame_by_name("fourier", 14, 2, Seed(0)).unwrap_err().to_string().contains("hadamard, steiner"));
}
