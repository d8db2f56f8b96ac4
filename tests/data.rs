//! Readers and generators on whole data sets: against the manifests of the reference sets, and against the moments that
//! generated data should have.

use std::path::{Path, PathBuf};

use steadfast::data::{
    Dataset, LabelKind, LoadOptions, Matrix, REFERENCE_SETS, ReferenceSets, ReferenceTask, Source, Standardization,
    Synthetic, SyntheticKind, load, read_libsvm,
};
use steadfast::seed::Seed;

fn shipped(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data").join(file)
}

fn load_path(path: &Path) -> Dataset<f64> {
    load(&Source::File(path.to_owned()), &LoadOptions::default()).unwrap().data
}

fn entries(a: &Matrix<f64>) -> Vec<Vec<f64>> {
    let mut out = vec![vec![0.0; a.cols()]; a.rows()];
    for (i, row) in out.iter_mut().enumerate() {
        a.for_each_in_row(i, |j, x| row[j] = x);
    }
    out
}

fn non_zeros(a: &Matrix<f64>) -> usize {
    let mut count = 0;
    for i in 0..a.rows() {
        a.for_each_in_row(i, |_, x| count += usize::from(x != 0.0));
    }
    count
}

#[test]
fn every_reference_set_here_has_the_size_its_manifest_says() {
    let sets = ReferenceSets::open().unwrap();
    assert!(sets.present().len() >= 7, "the shipped sets at least");
    for set in sets.present() {
        let data = set.load().unwrap();
        assert_eq!((data.rows(), data.cols()), (set.rows, set.cols), "{}", set.name);
        if let Some(stored) = set.stored {
            assert_eq!(non_zeros(&data.features), stored, "{}", set.name);
        }
        // The form kept is the smaller one.
        let dense = 8 * data.rows() * data.cols() <= 12 * non_zeros(&data.features);
        assert!(dense != data.features.is_sparse() || set.stored.is_none(), "{}", set.name);
        let tasks: Vec<_> = set.problems.iter().map(|p| p.task).collect();
        let kind = data.labels.infer().unwrap();
        let positives = set.record["positives"].as_u64().map(|p| p as usize);
        if tasks.contains(&ReferenceTask::Logistic) {
            assert_eq!(kind, LabelKind::Binary, "{}", set.name);
            let (y, _) = data.labels.binary().unwrap();
            if let Some(positives) = positives {
                assert_eq!(y.iter().filter(|y| **y > 0.0).count(), positives, "{}", set.name);
            }
        } else if let Some(classes) = set.classes {
            assert_eq!(kind, LabelKind::MultiClass(classes), "{}", set.name);
            let (class, names) = data.labels.classes().unwrap();
            assert_eq!(names, (0..classes).map(|k| k.to_string()).collect::<Vec<_>>());
            for (k, count) in set.record["class_counts"].as_array().unwrap().iter().enumerate() {
                let here = class.iter().filter(|c| **c == k as f64).count();
                assert_eq!(here as u64, count.as_u64().unwrap(), "{} class {k}", set.name);
            }
        }
        if let Some(first) = set.record["first_row_first5"].as_array() {
            // Standardized in f64 by another program: 20,000-term sums, so a few hundred round-offs at the very most.
            let row = &entries(&data.features.select_rows(&[0]))[0];
            for (x, expected) in row.iter().zip(first) {
                let expected = expected.as_f64().unwrap();
                assert!((x - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{}: {x} {expected}", set.name);
            }
        }
    }
    println!("{}", sets.absent_line());
}

#[test]
fn lasso_problems_agree_with_their_lambda_max() {
    let sets = ReferenceSets::open().unwrap();
    let mut seen = 0;
    for set in sets.present() {
        let lasso: Vec<_> = set.problems.iter().filter(|p| p.task == ReferenceTask::Lasso).collect();
        if lasso.is_empty() {
            continue;
        }
        let data = set.load().unwrap();
        let y = data.labels.real().unwrap();
        let mut products = vec![0.0; data.cols()];
        for (i, y) in y.iter().enumerate() {
            data.features.for_each_in_row(i, |j, x| products[j] += x * y);
        }
        let max = products.iter().fold(0.0f64, |m, p| m.max(p.abs())) / data.rows() as f64;
        for p in lasso {
            // n products of standardized numbers, summed in sequence: n round-offs relative to the sum of magnitudes,
            // which here is below 100 times the result.
            let expected = p.lambda_max.unwrap();
            assert!((max - expected).abs() <= 100.0 * data.rows() as f64 * f64::EPSILON * expected, "{}", set.name);
            assert!(p.l1 > 0.0 && p.l1 < expected && p.l2 == 0.0);
            seen += 1;
        }
    }
    assert!(seen >= 4, "diabetes and concrete have two each");
}

#[test]
fn a_reference_file_that_was_changed_is_refused_and_absent_ones_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["MANIFEST.json", "reference.json"] {
        std::fs::copy(shipped(file), folder.path().join(file)).unwrap();
    }
    let text = std::fs::read_to_string(shipped("heart_scale.svm")).unwrap();
    std::fs::write(folder.path().join("heart_scale.svm"), text.replacen("+1", "-1", 1)).unwrap();
    let sets = ReferenceSets::open_in(folder.path()).unwrap();
    assert_eq!(sets.present().len(), 1);
    assert_eq!(sets.absent().len(), REFERENCE_SETS.len() - 1);
    assert!(sets.absent_line().starts_with("19 of 20 reference sets absent"), "{}", sets.absent_line());
    let error = sets.get("heart_scale").unwrap().load().unwrap_err();
    assert!(error.to_string().contains("SHA-256"), "{error}");
    assert!(sets.get("digits").unwrap_err().to_string().contains("heart_scale"));
    assert!(ReferenceSets::open_in(Path::new("no/such")).is_err());
}

#[test]
fn csv_and_libsvm_give_the_same_data() {
    let options = LoadOptions { label: Some("progression".into()), ..LoadOptions::default() };
    let csv = load(&Source::File(shipped("diabetes.csv")), &options).unwrap();
    let svm = load_path(&shipped("diabetes.svm"));
    assert_eq!((csv.data.features, csv.data.labels), (svm.features, svm.labels));
    assert_eq!(csv.data.columns[..2], ["age", "sex"]);
    assert!(csv.encoding.is_some());
}

#[test]
fn the_format_is_told_by_name_or_first_line() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Source::File(path)
    };
    let options = LoadOptions::default();
    assert!(load(&write("a.data", "x,y\n1,2\n"), &options).unwrap().encoding.is_some());
    assert!(load(&write("b.data", "1 1:2\n"), &options).unwrap().encoding.is_none());
    let wide = LoadOptions { width: Some(3), ..LoadOptions::default() };
    assert_eq!(load(&write("c.svm", "1 1:2\n"), &wide).unwrap().data.cols(), 3);
    assert!(load(&write("d.csv", "x,y\n1,2\n"), &wide).unwrap_err().to_string().contains("1 features"));
    let named = LoadOptions { label: Some("y".into()), ..LoadOptions::default() };
    assert_eq!(load(&write("e.svm", "1 1:2\n"), &named).unwrap_err().kind(), "usage");
    for missing in ["no/such.svm", "no/such.csv", "no/such"] {
        let error = load(&Source::File(missing.into()), &options).unwrap_err();
        assert_eq!((error.exit_status(), error.kind()), (2, "io"));
    }
}

#[test]
fn sources_are_parsed_and_faults_say_what_is_allowed() {
    assert_eq!("dir/x.svm.xz".parse::<Source>().unwrap(), Source::File("dir/x.svm.xz".into()));
    let kind = SyntheticKind::SparseRegression { density: 0.5, noise: 0.0 };
    let expected = Source::Synthetic(Synthetic { rows: 3, cols: 4, kind });
    let text = "synthetic:sparse-regression,rows=3,cols=4,density=0.5,noise=0";
    assert_eq!(text.parse::<Source>().unwrap(), expected);
    for (text, named) in [
        ("synthetic:", "regression, sparse-regression, logistic, softmax"),
        ("synthetic:rows=3", "KIND"),
        ("synthetic:cubic,rows=3,cols=4", "regression, sparse-regression, logistic, softmax"),
        ("synthetic:regression,rows=3", "cols="),
        ("synthetic:regression,rows=3,cols=4,density=1", "noise=…"),
        ("synthetic:regression,rows=0,cols=4", "at least 1"),
        ("synthetic:regression,rows=-3,cols=4", "a whole number"),
        ("synthetic:regression,rows=3,cols=4,noise=nan", "0 or more"),
        ("synthetic:logistic,rows=3,cols=4,condition=0.5", "1 or more"),
        ("synthetic:softmax,rows=3,cols=4,classes=4", "at most one a row"),
        ("synthetic:sparse-regression,rows=3,cols=4,density=0", "above 0"),
    ] {
        let error = text.parse::<Source>().unwrap_err();
        assert!(error.to_string().contains(named) && error.exit_status() == 2, "{text}: {error}");
    }
    let huge = "synthetic:regression,rows=9000000000000,cols=90000000".parse().unwrap();
    assert!(load(&huge, &LoadOptions::default()).unwrap_err().to_string().contains("memory"));
}

#[test]
fn generated_data_do_not_depend_on_the_threads() {
    for kind in [
        SyntheticKind::Regression { noise: 1.0 },
        SyntheticKind::SparseRegression { density: 0.1, noise: 1.0 },
        SyntheticKind::Logistic { condition: 100.0, label_noise: 0.1 },
        SyntheticKind::Softmax { classes: 3, separation: 4.0 },
    ] {
        let wanted = Synthetic { rows: 1000, cols: 30, kind };
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let made = wanted.generate::<f64>(Seed(3)).unwrap();
                let map = Standardization::fit(&made.data.features).unwrap();
                (made.data.features, made.data.labels, made.truth, map)
            })
        };
        assert_eq!(with(1), with(7), "{kind:?}");
        assert_ne!(with(1).0, wanted.generate::<f64>(Seed(4)).unwrap().data.features);
        // Storage in f32 is the same data, rounded.
        let narrow = wanted.generate::<f32>(Seed(3)).unwrap();
        assert_eq!(narrow.data.features, with(1).0.convert::<f32>());
    }
}

#[test]
fn generated_data_have_the_moments_they_should() {
    // Means of n = 20,000 squares of normals have deviation sqrt(2/n) = 0.01; 6 deviations fail once in 5e8, and there
    // are below 200 of them.
    let rows = 20_000;
    let six = 6.0 * (2.0 / rows as f64).sqrt();
    let made = |cols, kind| Synthetic { rows, cols, kind }.generate::<f64>(Seed(5)).unwrap();
    let squares = |a: &Matrix<f64>| {
        let mut out = vec![0.0; a.cols()];
        (0..a.rows()).for_each(|i| a.for_each_in_row(i, |j, x| out[j] += x * x / rows as f64));
        out
    };

    let regression = made(30, SyntheticKind::Regression { noise: 1.0 });
    assert!(squares(&regression.data.features).iter().all(|s| (s - 1.0).abs() < six));
    assert_eq!(regression.truth.iter().filter(|w| **w != 0.0).count(), 10);
    let mut fitted = vec![0.0; rows];
    regression.data.features.multiply(&regression.truth, 1, &mut fitted);
    let y = regression.data.labels.real().unwrap();
    let noise = y.iter().zip(&fitted).map(|(y, f)| (y - f) * (y - f)).sum::<f64>() / rows as f64;
    assert!((noise - 1.0).abs() < six, "{noise}");

    let logistic = made(40, SyntheticKind::Logistic { condition: 1e4, label_noise: 0.1 });
    let s = squares(&logistic.data.features);
    for (j, s) in s.iter().enumerate() {
        let expected = 1e4f64.powf(j as f64 / 39.0);
        assert!((s / expected - 1.0).abs() < six, "column {j}: {s} for {expected}");
    }
    logistic.data.features.multiply(&logistic.truth, 1, &mut fitted);
    let margin = fitted.iter().map(|m| m * m).sum::<f64>() / rows as f64;
    assert!((margin - 1.0).abs() < six, "{margin}");
    let (y, _) = logistic.data.labels.binary().unwrap();
    let flipped = y.iter().zip(&fitted).filter(|(y, m)| (**y > 0.0) != (**m >= 0.0)).count() as f64 / rows as f64;
    // A share of n draws of probability 0.1 has deviation sqrt(0.09 / n).
    assert!((flipped - 0.1).abs() < 6.0 * (0.09 / rows as f64).sqrt(), "{flipped}");

    let density = 0.02;
    let sparse = made(500, SyntheticKind::SparseRegression { density, noise: 0.0 });
    assert!(sparse.data.features.is_sparse());
    let total = (rows * 500) as f64;
    let share = sparse.data.features.stored() as f64 / total;
    assert!((share - density).abs() < 6.0 * (density * (1.0 - density) / total).sqrt(), "{share}");
    let Matrix::Csr(a) = &sparse.data.features else { panic!("sparse") };
    let first = a.indices().iter().filter(|j| **j == 0).count() as f64 / rows as f64;
    let last = a.indices().iter().filter(|j| **j == 499).count() as f64 / rows as f64;
    let six = 6.0 * (density * (1.0 - density) / rows as f64).sqrt();
    assert!((first - density).abs() < six && (last - density).abs() < six, "{first} {last}");
    let full = Synthetic { rows: 5, cols: 7, kind: SyntheticKind::SparseRegression { density: 1.0, noise: 0.0 } };
    assert_eq!(full.generate::<f64>(Seed(1)).unwrap().data.features.stored(), 35);
    let rare = SyntheticKind::SparseRegression { density: 1e-300, noise: 1.0 };
    assert_eq!(Synthetic { rows: 9, cols: 9, kind: rare }.generate::<f64>(Seed(1)).unwrap().data.features.stored(), 0);

    let softmax = made(20, SyntheticKind::Softmax { classes: 5, separation: 3.0 });
    assert_eq!(softmax.data.labels.infer().unwrap(), LabelKind::MultiClass(5));
    assert_eq!(softmax.truth.len(), 100);
}

#[test]
fn the_largest_shipped_set_is_read_packed_and_from_a_truncated_copy_refused() {
    let path = shipped("spamassassin.svm.xz");
    let data = read_libsvm(&path, None).unwrap();
    assert_eq!((data.rows(), data.features.stored()), (6044, 694_262));
    let bytes = std::fs::read(&path).unwrap();
    let cut = tempfile::Builder::new().suffix(".svm.xz").tempfile().unwrap();
    std::fs::write(cut.path(), &bytes[..bytes.len() / 2]).unwrap();
    let message = read_libsvm(cut.path(), None).unwrap_err().to_string();
    assert!(message.contains("truncated") && message.contains("after line"), "{message}");
    assert!(read_libsvm(&path, Some(9772)).unwrap_err().to_string().contains("index 9773"));
}
