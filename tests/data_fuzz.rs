//! Fuzz-style tests of the parsers: whatever the bytes, they give data or a one-line error, and never panic.

use proptest::prelude::*;
use steadfast::data::{CsvOptions, Dataset, Labels, LoadOptions, Source, load, parse_csv, parse_libsvm};
use steadfast::params::Params;
use steadfast::{Error, Result};

/// What must hold of any outcome: an error is one line and the user's to mend; data are whole and finite.
fn sane(outcome: Result<Dataset<f64>>) -> Result<(), TestCaseError> {
    match outcome {
        Err(error) => one_line(&error),
        Ok(data) => {
            prop_assert!(data.rows() > 0 && data.cols() > 0 && data.labels.len() == data.rows());
            for i in 0..data.rows() {
                let mut finite = true;
                data.features.for_each_in_row(i, |_, x| finite &= x.is_finite());
                prop_assert!(finite);
            }
            if let Labels::Real(y) = &data.labels {
                prop_assert!(y.iter().all(|y| y.is_finite()));
            }
            // None of these may panic either.
            let inferred = data.labels.infer().err();
            for error in [inferred, data.labels.binary().err(), data.labels.classes().err(), data.labels.real().err()] {
                error.iter().try_for_each(one_line)?;
            }
            Ok(())
        }
    }
}

fn one_line(error: &Error) -> Result<(), TestCaseError> {
    let message = error.to_string();
    prop_assert!(message.lines().count() == 1 && message.len() < 2000, "{message:?}");
    prop_assert_eq!(error.exit_status(), 2);
    Ok(())
}

fn read_all_ways(bytes: &[u8]) -> Result<(), TestCaseError> {
    sane(parse_libsvm(bytes, "fuzz", None))?;
    sane(parse_libsvm(bytes, "fuzz", Some(7)))?;
    for one_hot in [false, true] {
        for label_optional in [false, true] {
            let options = CsvOptions { one_hot, label_optional, ..CsvOptions::default() };
            let first = parse_csv(bytes, "fuzz", &options);
            if let Ok(read) = &first {
                // What was read once reads again with the encoding it gave, to the same numbers.
                let options =
                    CsvOptions { encoding: Some(read.encoding.clone()), label_optional, ..CsvOptions::default() };
                let again = parse_csv(bytes, "fuzz", &options).map_err(|e| TestCaseError::fail(e.to_string()))?;
                prop_assert_eq!(&again.data.features, &read.data.features);
                prop_assert_eq!(&again.encoding, &read.encoding);
            }
            sane(first.map(|read| read.data))?;
        }
    }
    Ok(())
}

/// Lines like those of real files, most of them sound.
fn likely_line() -> impl Strategy<Value = String> {
    prop_oneof![
        "[+-]?[0-9]{1,3}( [1-9]:-?[0-9]{1,2}(\\.[0-9]{1,3})?(e[0-9])?){0,4}( #.*)?",
        "[-+0-9.e:# naifq]{0,30}",
        "(label|y|a|b)(,[a-c]{1,2}){1,3}",
        "[a-z0-9?.\" -]{0,4}(,[a-z0-9?.\" -]{0,4}){1,3}",
        "1(,[a-c]|,[0-9]){2}",
    ]
}

/// A valid text with some bytes replaced, taken out or put in.
fn mutated(text: &'static str) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0u8..4, any::<u8>()), 1..6).prop_map(move |changes| {
        let mut bytes = text.as_bytes().to_vec();
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
        bytes
    })
}

const LIBSVM: &str = "+1 1:0.708333 2:1 4:-0.320755 12:1\r\n-1 1:0.583333 2:-1 # why\n\n+1 3:1e-3 13:-1\n";
const CSV: &str = "age,colour,\"a b\",label\n1,red,2.5,yes\n2,\"bl,ue\",,no\n3,?,1e3,yes\n";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all_ways(&bytes)?;
    }

    #[test]
    fn likely_lines(lines in prop::collection::vec(likely_line(), 0..8)) {
        read_all_ways(lines.join("\n").as_bytes())?;
    }

    #[test]
    fn mutated_libsvm(bytes in mutated(LIBSVM)) {
        read_all_ways(&bytes)?;
    }

    #[test]
    fn mutated_csv(bytes in mutated(CSV)) {
        read_all_ways(&bytes)?;
    }

    #[test]
    fn any_argument(text in "(synthetic:)?[a-z-]{0,12}(,(rows|cols|noise|density|classes|[a-z]{1,4})=[-0-9.e]{0,4}){0,5}") {
        if let Err(error) = text.parse::<Source>() {
            one_line(&error)?;
        }
        if let Ok(mut given) = Params::parse("--x", &text) {
            let _ = given.take("rows", 1usize);
            if let Err(error) = given.finish() {
                one_line(&error)?;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Damaged .gz and .xz files: a bit flipped, or cut short.
    #[test]
    fn damaged_archives(at in any::<prop::sample::Index>(), bit in 0u8..8, cut: bool, gzip: bool) {
        use std::io::Write;
        let text = LIBSVM.repeat(20);
        let mut packed = if gzip {
            let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            w.write_all(text.as_bytes()).unwrap();
            w.finish().unwrap()
        } else {
            let mut w = liblzma::write::XzEncoder::new(Vec::new(), 6);
            w.write_all(text.as_bytes()).unwrap();
            w.finish().unwrap()
        };
        let at = at.index(packed.len());
        if cut { packed.truncate(at) } else { packed[at] ^= 1 << bit }
        let file = tempfile::Builder::new().suffix(".svm").tempfile().unwrap();
        std::fs::write(file.path(), &packed).unwrap();
        let read = load(&Source::File(file.path().to_owned()), &LoadOptions::default());
        sane(read.map(|loaded| loaded.data))?;
    }
}
