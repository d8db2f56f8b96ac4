//! Runs without randomness, against a reference implementation in numpy: diagonal quadratics on the ring of cliques,
//! `f_i(x) = sum_p (a_i/2)(x_p - t_ip)^2` with `a_i = 1 + 99 (7i mod 13)/12` and `t_ip = ((3i + 5p) mod 11) - 5`.

use steadfast::consensus::{
    LinkFaults, LocalFunction, Options, PartitionedProblem, Ridge, Shape, Status, System, method_by_name, solve,
};
use steadfast::network::{MatrixKind, Weighting, crown_users, graph_by_name};
use steadfast::seed::Seed;

/// Cliques, method, rounds and iterations to an error of 1e-8, and the errors after iterations 1, 2 and 10.
type Fixture = (usize, &'static str, u64, usize, [f64; 3]);

const FIXTURES: [Fixture; 20] = [
    (4, "papc", 145, 145, [1.68709731466058e+00, 1.68067688147817e+00, 2.35346589503681e-01]),
    (4, "apapc", 232, 232, [3.21528976607943e+00, 3.90258522257805e+00, 8.78322565082576e-01]),
    (4, "opapc", 482, 241, [3.27280083116683e+00, 3.16080093077266e+00, 6.47498224407837e-01]),
    (4, "ssda", 466, 466, [6.54087656428328e+00, 5.71759499927392e+00, 3.96536151241381e+00]),
    (4, "msda", 534, 267, [6.54087656428328e+00, 5.73464747057619e+00, 3.10177470950867e+00]),
    (4, "dual-decomposition", 6491, 6491, [6.54087656428328e+00, 5.82800268731320e+00, 5.31647023673412e+00]),
    (4, "extra", 261, 261, [3.25009358904631e+00, 2.48638922435550e+00, 8.82180479792833e-01]),
    (4, "nids", 263, 263, [6.13594180462134e+00, 3.46876416268846e+00, 1.50532853634585e+00]),
    (4, "gradient-tracking:step=0.25", 510, 255, [1.20716591415096e+00, 1.05940694187586e+00, 7.11300671056969e-01]),
    (4, "admm:penalty=0.03", 369, 369, [4.34608993883776e+00, 4.40617403369652e+00, 1.97569954653362e+00]),
    (8, "papc", 130, 130, [9.88645138848090e-01, 8.78223785683129e-01, 1.20562347161129e-01]),
    (8, "apapc", 276, 276, [1.73222804904220e+00, 2.26486094309576e+00, 3.76169833419708e-01]),
    (8, "opapc", 494, 247, [1.99417094952094e+00, 2.42005090056416e+00, 4.82878290448104e-01]),
    (8, "ssda", 452, 452, [2.70072038694052e+00, 2.35174149263594e+00, 1.60949776068044e+00]),
    (8, "msda", 526, 263, [2.70072038694052e+00, 2.35000991894124e+00, 1.30561985934868e+00]),
    (8, "dual-decomposition", 9514, 9514, [2.70072038694052e+00, 2.41756184452357e+00, 2.15080449098280e+00]),
    (8, "extra", 248, 248, [1.50572443962792e+00, 1.23199911001626e+00, 4.31899504005776e-01]),
    (8, "nids", 348, 348, [2.72819209597923e+00, 1.50586762616068e+00, 6.68246391481069e-01]),
    (8, "gradient-tracking:step=0.25", 592, 296, [9.43837544874050e-01, 8.54805166935002e-01, 4.43856229293763e-01]),
    (8, "admm:penalty=0.03", 537, 537, [1.84812944273362e+00, 1.80386813016395e+00, 9.04851770197348e-01]),
];

/// In the optimum of four cliques and of eight, as the reference has it.
const OPTIMA: [&[f64]; 2] = [
    &[-0.07965686274509803, 0.8438818565400844, 0.35044642857142855, -0.24110032362459566],
    &[
        0.6344086021505376,
        0.8438818565400844,
        0.35044642857142855,
        0.7471655328798185,
        -1.4804381846635368,
        1.1308243727598566,
        -2.113036303630363,
        0.737037037037037,
    ],
];

fn diagonal(cliques: usize) -> PartitionedProblem {
    let nodes = crown_users(cliques, 4).into_iter().enumerate().map(|(i, variables)| {
        let a = 1.0 + 99.0 * ((7 * i % 13) as f64 / 12.0);
        let d = variables.len();
        let linear = variables.iter().map(|p| a * (((3 * i + 5 * p) % 11) as f64 - 5.0)).collect();
        let hessian = (0..d * d).map(|at| if at.is_multiple_of(d + 1) { a } else { 0.0 }).collect();
        LocalFunction { variables, shape: Shape::Quadratic { hessian, linear }, ridge: 0.0 }
    });
    PartitionedProblem::new(vec![1; cliques], nodes.collect()).expect("a problem")
}

#[test]
fn every_method_walks_as_the_reference_does() {
    for (cliques, name, rounds, iterations, errors) in FIXTURES {
        let problem = diagonal(cliques);
        let graph = graph_by_name(&format!("ring-of-cliques:cliques={cliques},size=4"), Seed(0)).expect("a graph");
        let optimum = problem.optimum().expect("an optimum");
        let known = OPTIMA[usize::from(cliques == 8)];
        // A direct solve in f64 with entries of order 1 and condition 100.
        assert!(optimum.iter().zip(known).all(|(x, y)| (x - y).abs() < 1e-12), "{optimum:?}");
        let (kind, weighting, faults) = (MatrixKind::Partitioned, Weighting::Unit, LinkFaults::default());
        let mut system =
            System::new(&problem, &graph, kind, weighting, Ridge::Same, faults, Seed(0)).expect("a system");
        assert_eq!(system.exchange().matrix().floats(), 16 * cliques as u64);
        let mut method = method_by_name(name, &mut system).expect("a method");
        let answer = solve(&mut system, method.as_mut(), &optimum, &Options::default()).expect("a run");
        assert_eq!(answer.status, Status::Converged, "{name}");
        let last = answer.iterations.last().expect("an iteration");
        println!("{cliques} {name}: {} rounds (reference {rounds}), error {:.9e}", last.counters.rounds, last.error);
        // The promise is 2 %.
        assert!(last.counters.rounds.abs_diff(rounds) * 50 <= rounds, "{name}: {} rounds", last.counters.rounds);
        assert!(last.iteration.abs_diff(iterations) * 50 <= iterations, "{name}: {} iterations", last.iteration);
        for (at, wanted) in [1, 2, 10].into_iter().zip(errors) {
            let found = answer.iterations[at - 1].error;
            // Rounding of ten iterations on a problem of condition 100 is far below the 8 digits promised.
            assert!((found - wanted).abs() <= 1e-8 * wanted, "{name}, iteration {at}: {found:.12e} for {wanted:.12e}");
        }
        // Linear: between a third and two thirds of the run the error falls as it does in the last third, to a factor of 2 in
        // the exponent (papc slows down as its fast modes die out).
        let error = |part: usize| answer.iterations[answer.iterations.len() * part / 6 - 1].error;
        let (middle, end) = ((error(2) / error(4)).ln(), (error(4) / error(6)).ln());
        assert!(middle > 0.0 && end > 0.4 * middle, "{name}: {middle} then {end}");
        assert_eq!(last.counters.floats, last.counters.rounds * 16 * cliques as u64);
    }
}

#[test]
fn a_run_is_the_same_twice_and_dropped_links_do_not_spoil_a_dual_method() {
    let problem = diagonal(4);
    let graph = graph_by_name("ring-of-cliques:cliques=4,size=4", Seed(0)).expect("a graph");
    let optimum = problem.optimum().expect("an optimum");
    let run = |faults: LinkFaults| {
        let (kind, weighting) = (MatrixKind::Partitioned, Weighting::Unit);
        let mut system =
            System::new(&problem, &graph, kind, weighting, Ridge::Same, faults, Seed(3)).expect("a system");
        let mut method = method_by_name("dual-decomposition", &mut system).expect("a method");
        solve(&mut system, method.as_mut(), &optimum, &Options::default()).expect("a run")
    };
    let faults = LinkFaults { drop: 0.2, delay: 0.1 };
    let (faulty, again, clean) = (run(faults), run(faults), run(LinkFaults::default()));
    assert_eq!(faulty, again);
    assert_eq!(faulty.status, Status::Converged);
    let end = |answer: &steadfast::consensus::Answer| answer.iterations.last().expect("an iteration").counters;
    // A fifth of the links is out: a gradient of the dual with fewer terms, and about a quarter more rounds.
    assert!(end(&faulty).rounds > end(&clean).rounds && end(&faulty).rounds < 2 * end(&clean).rounds);
    assert_eq!((end(&clean).time, end(&clean).dropped), (end(&clean).rounds, 0));
    // 28 links, each out with probability 0.2: 6 standard deviations of the count.
    let (links, p) = (28.0 * end(&faulty).rounds as f64, 0.2);
    assert!((end(&faulty).dropped as f64 - links * p).abs() < 6.0 * (links * p * (1.0 - p)).sqrt());
    assert!(end(&faulty).time > end(&faulty).rounds);
}
