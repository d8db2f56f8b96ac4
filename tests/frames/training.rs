use steadfast::data::{Dataset, Dense, Labels, LoadOptions, Matrix, Source, load};
use steadfast::method::Status;
use steadfast::run::{DeviceKind, TrainConfig, Trained, Training};

use crate::inputs::interval;

fn synthetic(text: &str) -> Dataset<f64> {
    load(&text.parse::<Source>().unwrap(), &LoadOptions::default()).unwrap().data
}

fn train(data: &Dataset<f64>, config: TrainConfig) -> Trained {
    Training::new(config).run(data.clone()).unwrap()
}

fn ridge(code: &str) -> TrainConfig {
    TrainConfig {
        task: Some("squared".into()),
        l2: 1e-2,
        workers: 8,
        code: Some(code.into()),
        tolerance: 1e-9,
        device: DeviceKind::Cpu,
        ..TrainConfig::default()
    }
}

#[test]
fn with_all_workers_tight_frames_give_the_optimum_and_gaussian_ones_do_not() {
    // n = 120 = 16 * 15 / 2 columns for a whole Steiner and a whole Hadamard frame, and 2 * 121 - 1 = 241 for a Paley frame of 121.
    let data = synthetic("synthetic:regression,rows=120,cols=10,noise=1");
    let optimum = train(&data, TrainConfig { code: None, ..ridge("uncoded") }).record.end.objective;
    for code in [
        "hadamard",
        "steiner",
        "steiner:size=120",
        "paley",
        "hadamard-etf:size=120",
        "haar-wavelet",
        "uncoded",
        "replication",
    ] {
        for method in ["encoded-lbfgs", "encoded-gradient-descent"] {
            let trained = train(&data, TrainConfig { method: method.into(), ..ridge(code) });
            let end = &trained.record.end;
            assert_eq!(end.status, "converged", "{code} {method}");
            // |g| <= 1e-9 and l2 = 1e-2 leave 5e-17.
            let gap = (end.objective - optimum) / optimum;
            assert!(gap.abs() < 1e-8, "{code} {method}: {gap:e}");
        }
    }
    let trained = train(&data, ridge("gaussian"));
    let bias = (trained.record.end.objective - optimum) / optimum;
    println!("Gaussian with all workers: {bias:.2e} above the optimum (spec: about 6.5e-2)");
    assert!(bias > 1e-2 && bias < 0.3, "{bias:e}");
}

#[test]
fn the_record_says_what_is_given_up() {
    let data = synthetic("synthetic:regression,rows=120,cols=10,noise=1");
    let config = TrainConfig {
        gather: Some("first:k=6".into()),
        delay: "exponential".into(),
        iterations: 300,
        true_gap: true,
        ..ridge("steiner")
    };
    let Trained { record, exit_status, .. } = train(&data, config.clone());
    assert_eq!((record.end.status.as_str(), exit_status), (Status::Plateau.name(), 0));
    assert!(record.code.approximate && !record.end.certified);
    let encoded = record.code.encoded.clone().unwrap();
    assert_eq!((encoded.first, encoded.subsets, encoded.exhaustive), (6, 28, true));
    assert!(encoded.tight && encoded.equiangular && !encoded.columns);
    assert!(encoded.smallest > 0.05 && encoded.epsilon > 0.5 && !encoded.bound_applies);
    // F at the end is the true one, and the bound holds what it says: the optimum is below F by no more.
    let optimum = train(&data, TrainConfig { code: None, ..ridge("uncoded") }).record.end.objective;
    let gap = record.end.objective - optimum;
    assert!(gap > 0.0 && gap <= encoded.true_gap.unwrap(), "{gap:e} {:?}", encoded.true_gap);
    let table = steadfast::trace::final_table(&record);
    assert!(table.contains("approximate: the first 6 of 8 replies, never decoded"), "{table}");
    assert!(table.contains("the published bound does not apply"), "{table}");

    let without = train(&data, TrainConfig { true_gap: false, ..config }).record;
    assert!(without.end.gap_bound.is_none() && without.code.encoded.is_some_and(|e| e.true_gap.is_none()));
    // A record that was written is read back.
    let file = tempfile::NamedTempFile::new().unwrap();
    record.write(file.path()).unwrap();
    assert_eq!(steadfast::trace::RunRecord::read(file.path()).unwrap().code, record.code);
}

/// Losing a row makes eps at least 1/beta, so the bound takes a redundancy near 4, few rows a worker and data that are nearly orthogonal.
#[test]
fn the_published_bound_applies_where_the_data_are_well_conditioned() {
    let n = 132;
    let mut values = vec![0.0; n * 4];
    for (i, row) in values.chunks_exact_mut(4).enumerate() {
        row[i % 4] = 2.0;
    }
    let labels = (0..n).map(|i| f64::from(i as u32 % 7) - 3.0).collect();
    let data = Dataset {
        features: Matrix::Dense(Dense::new(n, 4, values).unwrap()),
        labels: Labels::Real(labels),
        columns: vec![],
    };
    let encoded = |workers| {
        let config = TrainConfig { workers, stragglers: 1, iterations: 20, ..ridge("hadamard") };
        train(&data, config).record.code.encoded.unwrap()
    };
    // 512 rows for 132: four a worker.
    let found = encoded(128);
    // X'X / n = I: mu = M.
    assert!((found.conditioning.unwrap() - 1.0).abs() < 1e-12);
    assert!(found.epsilon > 132.0 / 512.0 && found.epsilon < 0.5, "{found:?}");
    assert!(found.bound_applies && found.contraction.unwrap() < 1.0, "{found:?}");
    // 64 a worker are too many.
    let found = encoded(8);
    assert!(found.epsilon >= 0.5 && !found.bound_applies && found.conditioning.is_none(), "{found:?}");
}

/// Relative gaps over the last iterations of encoded L-BFGS with k of 8 random workers.
fn plateau(data: &Dataset<f64>, optimum: f64, code: &str, k: usize, seed: u64) -> f64 {
    let config = TrainConfig {
        method: "encoded-lbfgs".into(),
        gather: Some(format!("first:k={k}")),
        delay: "exponential".into(),
        iterations: 45,
        uncertified: true,
        seed,
        ..ridge(code)
    };
    let record = train(data, config).record;
    let tail: Vec<f64> = record.iterations.iter().skip(20).map(|i| (i.objective - optimum) / optimum).collect();
    tail.iter().sum::<f64>() / tail.len() as f64
}

#[test]
fn plateaus_with_random_stragglers_are_lower_with_a_frame_than_without() {
    let sets: Vec<(Dataset<f64>, f64)> = (0..20)
        .map(|seed| {
            let data = crate::inputs::regression(120, 10, 1.0, seed);
            let optimum = train(&data, TrainConfig { code: None, ..ridge("uncoded") }).record.end.objective;
            (data, optimum)
        })
        .collect();
    for k in [7, 6, 4] {
        let pairs: Vec<(f64, f64)> = (0..20)
            .zip(&sets)
            .map(|(seed, (data, best))| {
                (plateau(data, *best, "steiner", k, seed), plateau(data, *best, "uncoded", k, seed))
            })
            .collect();
        let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / 20.0;
        let ratios: Vec<f64> = pairs.iter().map(|(coded, plain)| (plain / coded).ln()).collect();
        let (low, high) = interval(&ratios);
        println!(
            "k = {k}: steiner {:.1e}, uncoded {:.1e}; log ratio in {low:.2} .. {high:.2}",
            mean(|p| p.0),
            mean(|p| p.1)
        );
        assert!(low > 0.0, "k = {k}: {low} {high}");
    }
}

#[test]
fn encoded_columns_reach_the_exact_optimum_whoever_is_late() {
    let base = TrainConfig { l2: 5e-2, tolerance: 1e-8, iterations: 100_000, code: None, ..ridge("uncoded") };
    for task in ["logistic", "squared-hinge"] {
        let data = synthetic("synthetic:logistic,rows=150,cols=12,condition=5");
        let config = TrainConfig { task: Some(task.into()), ..base.clone() };
        let optimum = train(&data, config.clone()).record.end.objective;
        for code in ["hadamard", "steiner", "uncoded"] {
            let late = TrainConfig {
                method: "encoded-coordinate-descent".into(),
                code: Some(code.into()),
                gather: Some("first:k=5".into()),
                delay: "bimodal".into(),
                ..config.clone()
            };
            let record = train(&data, late).record;
            assert_eq!(record.end.status, "converged", "{task} {code}");
            // |g|^2 / (2 l2) = 1e-15 of each run.
            let gap = record.end.objective - optimum;
            assert!(gap.abs() < 1e-12, "{task} {code}: {gap:e}");
            assert!(!record.end.late.is_empty() && record.code.encoded.unwrap().columns);
        }
    }
}

#[test]
fn the_lasso_with_all_workers_ends_at_its_optimum() {
    let data = synthetic("synthetic:regression,rows=120,cols=20,noise=1");
    let plain = TrainConfig { l2: 0.0, l1: 0.05, tolerance: 1e-12, code: None, ..ridge("uncoded") };
    let optimum = train(&data, plain.clone()).record.end.objective;
    for (code, l2) in [("steiner", 0.0), ("paley", 0.0), ("hadamard", 0.1)] {
        let optimum =
            if l2 > 0.0 { train(&data, TrainConfig { l2, ..plain.clone() }).record.end.objective } else { optimum };
        let config = TrainConfig { code: Some(code.into()), l2, tolerance: 1e-10, iterations: 20_000, ..plain.clone() };
        let record = train(&data, config).record;
        assert_eq!(record.end.status, "converged", "{code}");
        let gap = (record.end.objective - optimum) / optimum;
        assert!(gap.abs() < 1e-8, "{code}, l2 = {l2}: {gap:e}");
    }
}

#[test]
fn what_encoded_data_do_not_allow_is_refused() {
    let data = synthetic("synthetic:regression,rows=100,cols=5");
    let refusal = |config: TrainConfig| {
        let error = Training::new(config).run(data.clone()).expect_err("refused");
        assert_eq!(error.exit_status(), 2, "{error}");
        error.to_string()
    };
    let first = |k: usize| TrainConfig { gather: Some(format!("first:k={k}")), ..ridge("steiner") };
    assert!(refusal(first(9)).contains("1 to 8"));
    // Redundancy 2.4 on 8 workers: 3 hold 90 rows, fewer than 100.
    assert!(refusal(first(3)).contains("4 to 8: with fewer of 8 workers"));
    assert!(Training::new(TrainConfig { uncertified: true, iterations: 2, ..first(3) }).run(data.clone()).is_ok());
    assert!(refusal(ridge("steiner:size=100")).contains("the nearest are 28 and 120"));
    assert!(refusal(ridge("paley:size=100")).contains("the nearest are 99 and 115"));
    assert!(refusal(TrainConfig { liars: 1, ..ridge("paley") }).contains("no lie is found"));
    assert!(refusal(TrainConfig { method: "lbfgs".into(), ..ridge("paley") }).contains("encoded-lbfgs"));
    assert!(
        refusal(TrainConfig { method: "encoded-lbfgs".into(), ..ridge("real-parity") }).contains("hadamard, steiner")
    );
    assert!(refusal(TrainConfig { gather: Some("decodable".into()), ..ridge("paley") }).contains("first:k=K"));
    assert!(refusal(TrainConfig { true_gap: true, ..ridge("mds") }).contains("--true-gap"));
    assert!(refusal(TrainConfig { l1: 0.1, method: "encoded-lbfgs".into(), ..ridge("paley") }).contains("fista"));
    let gaussian = TrainConfig { method: "encoded-coordinate-descent".into(), workers: 4, ..ridge("gaussian") };
    assert!(refusal(gaussian).contains("a tight frame"));
    let logistic = synthetic("synthetic:logistic,rows=60,cols=5");
    let config = TrainConfig { task: None, method: "encoded-lbfgs".into(), ..ridge("paley") };
    let error = Training::new(config).run(logistic).expect_err("refused");
    assert!(error.to_string().contains("encoded-coordinate-descent"), "{error}");
}

#[test]
fn fewer_living_workers_than_are_waited_for_are_too_many_faults() {
    let data = synthetic("synthetic:regression,rows=100,cols=5");
    let config = TrainConfig { inject_dead: 3, gather: Some("first:k=6".into()), ..ridge("hadamard") };
    let trained = train(&data, config);
    assert_eq!(trained.exit_status, 3);
    assert!(trained.error.is_some_and(|e| e.to_string().contains("5 replies can be used of the 6")));
}
