//! Readers, splits and generators on whole data sets: against the manifests of the reference sets, against properties,
//! and against the independent first moments of what is generated.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use steadfast::data::{
    Csr, Dataset, LabelKind, Labels, LoadOptions, Matrix, REFERENCE_SETS, ReferenceSets, ReferenceTask, RowOrder,
    Source, Standardization, Synthetic, SyntheticKind, load, parse_libsvm, read_libsvm, with_intercept, write_libsvm,
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
        let kind = data.labels.infer();
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
        ("synthetic:regression,rows=3,cols=4,density=1", "`noise`"),
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
    assert_eq!(softmax.data.labels.infer(), LabelKind::MultiClass(5));
    assert_eq!(softmax.truth.len(), 100);
}

/// A matrix of any numbers, some rows and columns of zeros, in the form the readers keep.
fn any_dataset() -> impl Strategy<Value = Dataset<f64>> {
    let number = prop_oneof![
        4 => Just(0.0),
        3 => -10.0..10.0,
        2 => any::<f64>().prop_filter("finite", |x| x.is_finite()),
        1 => prop_oneof![Just(f64::MIN_POSITIVE), Just(5e-324), Just(f64::MAX), Just(0.1 + 0.2), Just(1e23)],
    ];
    (1usize..12, 1usize..9).prop_flat_map(move |(n, d)| {
        let label = any::<f64>().prop_filter("finite", |x| x.is_finite());
        (prop::collection::vec(number.clone(), n * d), prop::collection::vec(label, n)).prop_map(move |(x, y)| {
            let (mut offsets, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
            for row in x.chunks(d) {
                for (j, &x) in row.iter().enumerate().filter(|(_, x)| **x != 0.0) {
                    indices.push(j as u32);
                    values.push(x);
                }
                offsets.push(values.len());
            }
            let features = Csr::new(n, d, offsets, indices, values).unwrap().compact();
            Dataset::new(features, Labels::Real(y), Vec::new()).unwrap()
        })
    })
}

proptest! {
    #[test]
    fn libsvm_text_reads_back_bit_for_bit(data in any_dataset()) {
        let mut text = Vec::new();
        write_libsvm(&data, &mut text).unwrap();
        let read = parse_libsvm(text.as_slice(), "t", Some(data.cols())).unwrap();
        prop_assert_eq!(&read.features, &data.features);
        let bits = |l: &Labels| l.real().unwrap().iter().map(|y| y.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&read.labels), bits(&data.labels));
    }

    #[test]
    fn a_split_deals_every_row_once(data in any_dataset(), fraction in 0.01f64..0.99, seed: u64) {
        let rows = data.rows();
        let whole = (entries(&data.features), data.labels.real().unwrap());
        let tagged = |d: &Dataset<f64>| {
            let bits = entries(&d.features).into_iter().zip(d.labels.real().unwrap());
            bits.map(|(x, y)| (x.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), y.to_bits())).collect::<Vec<_>>()
        };
        let mut before = tagged(&data);
        let again = data.clone().split(fraction, Seed(seed));
        match data.split(fraction, Seed(seed)) {
            Err(_) => prop_assert!((fraction * rows as f64).round().max(1.0) as usize >= rows),
            Ok((train, test)) => {
                let wanted = ((fraction * rows as f64).round() as usize).max(1);
                prop_assert_eq!((train.rows(), test.rows()), (rows - wanted, wanted));
                let (a, b) = again.unwrap();
                prop_assert!(a.features == train.features && b.features == test.features, "the same seed, the same split");
                let mut after = tagged(&train);
                after.extend(tagged(&test));
                before.sort();
                after.sort();
                prop_assert_eq!(before, after);
                prop_assert_eq!(whole.1.len(), rows);
            }
        }
    }

    #[test]
    fn row_orders_are_permutations(y in prop::collection::vec(-3i32..3, 1..40), seed: u64) {
        let labels = Labels::Real(y.iter().map(|&y| f64::from(y)).collect());
        for order in [RowOrder::Shuffled, RowOrder::Contiguous, RowOrder::Sorted] {
            let permutation = order.permutation(&labels, Seed(seed));
            let mut sorted = permutation.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..y.len()).collect::<Vec<_>>());
            prop_assert_eq!(order.name().parse::<RowOrder>().unwrap(), order);
            if order == RowOrder::Sorted {
                let keys: Vec<_> = permutation.iter().map(|&i| (y[i], i)).collect();
                prop_assert!(keys.windows(2).all(|w| w[0] < w[1]), "by label, equal ones in order");
            }
        }
    }

    #[test]
    fn standardized_columns_have_mean_zero_and_deviation_one(
        rows in 2usize..600, cols in 1usize..6, shift in -100.0f64..100.0, scale in 1e-3f64..1e3, seed: u64,
    ) {
        let wanted = Synthetic { rows, cols, kind: SyntheticKind::Regression { noise: 1.0 } };
        let Matrix::Dense(mut x) = wanted.generate::<f64>(Seed(seed)).unwrap().data.features else { unreachable!() };
        x.values_mut().iter_mut().for_each(|v| *v = shift + scale * *v);
        let raw = entries(&Matrix::Dense(x.clone()));
        let map = Standardization::fit(&Matrix::Dense(x.clone())).unwrap();
        let z = entries(&map.apply(Matrix::Dense(x)).unwrap());
        // The mean and each difference from it carry round-offs of |shift| + 10 scale, over a deviation that is above
        // scale / 1e3 but for two rows that nearly agree (probability below 1e-3 a case at n = 2, so the bound is
        // taken from the deviation found).
        for j in 0..cols {
            let (mut mean, mut square) = (0.0, 0.0);
            for row in &z {
                mean += row[j] / rows as f64;
                square += row[j] * row[j] / rows as f64;
            }
            let size = (shift.abs() + 10.0 * scale) / map.scales[j];
            let bound = 4.0 * rows as f64 * f64::EPSILON * size.max(1.0);
            prop_assert!(mean.abs() <= bound, "mean {mean}, bound {bound}");
            prop_assert!((square - 1.0).abs() <= 4.0 * bound, "square {square}, bound {bound}");
        }
        // Folded back, weights give the same margins on the data as read.
        let weights: Vec<f64> = (0..cols).map(|j| 1.0 - j as f64).collect();
        let (folded, intercept) = map.fold_back(&weights, 0.5).unwrap();
        for (raw, z) in raw.iter().zip(&z) {
            let on_z: f64 = 0.5 + z.iter().zip(&weights).map(|(a, b)| a * b).sum::<f64>();
            let on_raw: f64 = intercept + raw.iter().zip(&folded).map(|(a, b)| a * b).sum::<f64>();
            let size: f64 = (0..cols)
                .map(|j| (raw[j].abs() + map.means[j].abs()) * folded[j].abs())
                .sum::<f64>() + 1.0;
            prop_assert!((on_z - on_raw).abs() <= 16.0 * cols as f64 * f64::EPSILON * size, "{on_z} {on_raw}");
        }
    }

    #[test]
    fn sparse_and_dense_columns_get_the_same_scales(data in any_dataset()) {
        let Matrix::Csr(sparse) = data.features else { return Ok(()) };
        prop_assume!(sparse.values().iter().all(|x| x.abs() < 1e300));
        let dense = Matrix::Dense(sparse.to_dense());
        let (of_dense, of_sparse) =
            (Standardization::fit(&dense).unwrap(), Standardization::fit(&Matrix::Csr(sparse.clone())).unwrap());
        prop_assert!(of_sparse.means.iter().all(|m| *m == 0.0));
        for (a, b) in of_dense.scales.iter().zip(&of_sparse.scales) {
            // Sums of at most 12 terms in another order, and the zeros' share as one product.
            prop_assert!((a - b).abs() <= 64.0 * f64::EPSILON * a, "{a} {b}");
        }
        // Centred by a map from dense data, sparse test data agree with dense test data.
        let centred = of_dense.apply(Matrix::Csr(sparse.clone())).unwrap();
        prop_assert_eq!(entries(&centred), entries(&of_dense.apply(dense).unwrap()));
        // Scaled only, they stay sparse; so does an intercept.
        let scaled = of_sparse.apply(Matrix::Csr(sparse.clone())).unwrap();
        prop_assert!(scaled.is_sparse() && scaled.stored() == sparse.values().len());
        let widened = with_intercept(scaled);
        prop_assert!(widened.is_sparse() && widened.cols() == sparse.cols() + 1);
        prop_assert!(entries(&widened).iter().all(|row| row[sparse.cols()] == 1.0));
    }
}

#[test]
fn constant_columns_have_scale_one_and_large_ones_do_not_overflow() {
    let fit = |text: &str| Standardization::fit(&parse_libsvm(text.as_bytes(), "t", None).unwrap().features);
    let map = fit("0 1:0.1 2:1e200\n0 1:0.1 2:3e200\n0 1:0.1 2:2e200\n").unwrap();
    assert_eq!((map.means[0], map.scales[0]), (0.1, 1.0));
    // Population variance of 1, 3, 2 is 2/3.
    assert!((map.scales[1] / 1e200 - (2.0f64 / 3.0).sqrt()).abs() < 4.0 * f64::EPSILON);
    let map = fit("0 1:1e-200\n0 1:3e-200\n").unwrap();
    assert!((map.scales[0] / 1e-200 - 1.0).abs() < 4.0 * f64::EPSILON);
    assert!(fit("0 1:1.7e308\n0 1:-1.7e308\n").unwrap_err().to_string().contains("column 1"));
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
