//! The MPS reader: what it takes, what it refuses and how it says so, and that no bytes make it panic.

use proptest::prelude::*;
use std::io::Write;
use steadfast::Result;
use steadfast::program::{LinearProgram, parse_mps, read_mps};

const INF: f64 = f64::INFINITY;

fn parse(text: &str) -> Result<LinearProgram> {
    parse_mps(text.as_bytes(), "t.mps")
}

/// Each kind of row, range and bound.
const ALL: &str = "NAME          ALL KINDS
* a comment
OBJSENSE
    MAX
ROWS
 N  COST
 L  L1
 L  L2
 G  G1
 G  G2
 E  E1
 E  E2
 E  E3
 N  SPARE
COLUMNS
    X1        COST              1.0   L1                2.0
    X1        L2               -1.5   SPARE             9.0
    X2        G1                1D1   G2                3.0
    X3        E1                1.0   E2                1.0
    X3        E3                1.0
    X4        COST             -2.0
    X5        L1                1.0
    X6        L1                1.0
    X7        L1                1.0
    X8        L1                1.0
RHS
    RHS       COST              5.0   L1                4.0
    RHS       L2                6.0   G2                7.0
    RHS       E1                1.0   E2                1.0
RANGES
    RNG       L2                2.5   G2               -2.5
    RNG       E2                3.0   E3               -3.0
BOUNDS
 UP BND       X1                4.0
 LO BND       X2               -1.0
 FX BND       X3                2.0
 FR BND       X4
 MI BND       X5
 PL BND       X6
 UP BND       X7               -3.0
 LO BND       X8               -9.0
 UP BND       X8               -3.0
ENDATA
";

#[test]
fn each_kind_of_row_range_and_bound() {
    let program = parse(ALL).unwrap();
    assert_eq!((program.name(), program.is_maximized()), ("ALL KINDS", true));
    let limits: Vec<_> = program.rows().iter().map(|r| (r.name.as_str(), r.lower, r.upper)).collect();
    let expected = [
        ("L1", -INF, 4.0),
        ("L2", 3.5, 6.0),
        ("G1", 0.0, INF),
        ("G2", 7.0, 9.5),
        ("E1", 1.0, 1.0),
        ("E2", 1.0, 4.0),
        ("E3", -3.0, 0.0),
    ];
    assert_eq!(limits, expected);
    let bounds: Vec<_> = program.variables().iter().map(|v| (v.lower, v.upper)).collect();
    let free = (-INF, INF);
    let expected = [(0.0, 4.0), (-1.0, INF), (2.0, 2.0), free, free, (0.0, INF), (-INF, -3.0), (-9.0, -3.0)];
    assert_eq!(bounds, expected);
    assert_eq!(program.rows()[2].entries, [(1, 10.0)]);
    // The right-hand side of the objective is minus its constant.
    assert_eq!(program.objective(&[1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0]), 1.0 - 4.0 - 5.0);
}

#[test]
fn free_format_without_set_names_and_ranges_first() {
    let free = "NAME t\nOBJSENSE MIN\nROWS\n N c\n L r\nCOLUMNS\n a_rather_long_name c 1 r 1\nRANGES\n r 2\nRHS\n r 5\n\
                BOUNDS\n UP a_rather_long_name 1e30\n MI a_rather_long_name\nENDATA\nnothing is read from here\n";
    let program = parse(free).unwrap();
    assert_eq!((program.rows()[0].lower, program.rows()[0].upper), (3.0, 5.0));
    assert_eq!((program.variables()[0].lower, program.variables()[0].upper), (-INF, INF));
}

#[test]
fn names_with_blanks_are_read_from_fixed_columns() {
    let fixed = "NAME\nROWS\n N  THE COST\n L  ROW 1\nCOLUMNS\n    MY COL    THE COST           1.0   ROW 1              2.0\n\
                 RHS\n    RHS       ROW 1            3.0\nBOUNDS\n UP BND       MY COL           4.0\nENDATA\n";
    let program = parse(fixed).unwrap();
    assert_eq!(program.variables()[0].name, "MY COL");
    assert_eq!((program.variables()[0].cost, program.variables()[0].upper), (1.0, 4.0));
    assert_eq!((program.rows()[0].upper, program.rows()[0].entries.as_slice()), (3.0, &[(0, 2.0)][..]));
}

#[test]
fn packed_files_read_the_same() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/afiro.mps");
    let plain = read_mps(path.as_ref()).unwrap();
    assert_eq!((plain.rows().len(), plain.variables().len()), (27, 32));
    let packed = tempfile::NamedTempFile::new().unwrap();
    let mut writer = flate2::write::GzEncoder::new(packed.reopen().unwrap(), flate2::Compression::default());
    writer.write_all(&std::fs::read(path).unwrap()).unwrap();
    writer.finish().unwrap();
    assert_eq!(read_mps(packed.path()).unwrap(), plain);
    assert_eq!(read_mps("no/such.mps".as_ref()).unwrap_err().exit_status(), 2);
}

#[test]
fn faults_name_the_line_what_stands_there_and_what_may() {
    let rows = "NAME t\nROWS\n N c\n L r\n";
    let columns = format!("{rows}COLUMNS\n x c 1 r 1\n");
    for (text, line, named) in [
        (" x 1\n".into(), 1, "a section"),
        ("NAME\nSOS\n".into(), 2, "section `SOS`"),
        ("NAME\nOBJSENSE\n    UP\n".into(), 3, "`UP`"),
        (format!("{rows} Q q\n"), 5, "row kind `Q`"),
        (format!("{rows} L r\n"), 5, "row `r` twice"),
        (format!("{rows} L\n"), 5, "a kind (N, E, L or G)"),
        (format!("{rows}COLUMNS\n x nowhere 1\n"), 6, "row `nowhere`"),
        (format!("{rows}COLUMNS\n x r one\n"), 6, "number `one`"),
        (format!("{rows}COLUMNS\n x r nan\n"), 6, "number `nan`"),
        (format!("{rows}COLUMNS\n x r inf\n"), 6, "number `inf`"),
        (format!("{rows}COLUMNS\n x r\n"), 6, "2 fields"),
        (format!("{columns} x r 2\n"), 7, "row `r` twice"),
        (format!("{columns} x c 2\n"), 7, "row `c` twice"),
        (format!("{columns} y r 2\n x c 2\n"), 8, "column `x` again"),
        (format!("{rows}COLUMNS\n M 'MARKER' 'INTORG'\n x r 1\n"), 7, "variable `x`"),
        (format!("{columns}RHS\n B r 1\n B r 2\n"), 9, "row `r` twice"),
        (format!("{columns}RHS\n B r 1\n C c 2\n"), 9, "second set `C`"),
        (format!("{columns}RANGES\n B c 1\n"), 8, "range of the N row `c`"),
        (format!("{columns}BOUNDS\n UP B y 1\n"), 8, "column `y`"),
        (format!("{columns}BOUNDS\n XX B x 1\n"), 8, "UP, LO, FX"),
        (format!("{columns}BOUNDS\n UP B x one\n"), 8, "bound `one`"),
        (format!("{columns}BOUNDS\n BV B x\n"), 8, "variable `x`"),
        (format!("{columns}BOUNDS\n UI B x 3\n"), 8, "variable `x`"),
        (format!("{columns}BOUNDS\n LO B x 1e30\n"), 8, "bounds inf and inf of `x`"),
    ] {
        let error = parse(&text).unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with(&format!("t.mps, line {line}: ")) && message.contains(named),
            "{text:?}: {message}"
        );
        assert!(message.lines().count() == 1 && error.exit_status() == 2, "{message}");
    }
    for (text, named) in [
        (columns.as_str(), "ENDATA"),
        ("NAME\nROWS\n L r\nCOLUMNS\n x r 1\nENDATA\n", "no objective"),
        ("NAME\nROWS\n N c\nCOLUMNS\nENDATA\n", "no columns"),
    ] {
        let message = parse(text).unwrap_err().to_string();
        assert!(message.contains(named), "{message}");
    }
}

/// Lines like those of real files.
fn likely_line() -> impl Strategy<Value = String> {
    prop_oneof![
        "(NAME|OBJSENSE|ROWS|COLUMNS|RHS|RANGES|BOUNDS|ENDATA|SOS)( [a-z]{1,3})?",
        " [NELGX] [a-d]",
        " [a-d] [a-d] -?[0-9]{1,2}(e[0-9]{1,3})?( [a-d] [0-9.]{1,4})?",
        " (UP|LO|FX|FR|MI|PL|BV|XX) [a-d]?( [a-d])?( -?[0-9]{1,3})?",
        "[ \\-0-9a-dNE.'é]{0,70}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_give_a_program_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        one_line(&bytes)?;
    }

    #[test]
    fn likely_lines_give_a_program_or_an_error(lines in prop::collection::vec(likely_line(), 0..20)) {
        one_line(lines.join("\n").as_bytes())?;
    }

    #[test]
    fn mutations_of_a_sound_text(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5)) {
        let mut bytes = ALL.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        one_line(&bytes)?;
    }
}

/// A program with numbers, or an error in one line that is the user's to mend.
fn one_line(bytes: &[u8]) -> Result<(), TestCaseError> {
    match parse_mps(bytes, "fuzz") {
        Ok(program) => {
            prop_assert!(!program.variables().is_empty());
            prop_assert!(
                program.variables().iter().all(|v| v.cost.is_finite() && !v.lower.is_nan() && !v.upper.is_nan())
            );
            prop_assert!(program.rows().iter().all(|r| !r.lower.is_nan() && !r.upper.is_nan()));
        }
        Err(error) => {
            let message = error.to_string();
            prop_assert!(message.lines().count() == 1 && message.len() < 2000, "{message:?}");
            prop_assert_eq!(error.exit_status(), 2);
        }
    }
    Ok(())
}
