//! Both matrices end at the optimum of the stacked problem, and the partitioned one sends fewer numbers.

use steadfast::consensus::{Answer, LinkFaults, Options, Ridge, Status, System, method_by_name, random_problem, solve};
use steadfast::network::{MatrixKind, Weighting, crown_users, graph_by_name};
use steadfast::seed::Seed;

fn run(kind: &str, method: &str, matrix: MatrixKind, ridge: Ridge, weighting: Weighting) -> (Answer, f64) {
    let (c, n) = (4, 4);
    let graph = graph_by_name(&format!("ring-of-cliques:cliques={c},size={n}"), Seed(0)).expect("a graph");
    let problem = random_problem(&format!("random:kind={kind}"), &crown_users(c, n), Seed(0)).expect("a problem");
    let optimum = problem.optimum().expect("an optimum");
    let faults = LinkFaults::default();
    let mut system = System::new(&problem, &graph, matrix, weighting, ridge, faults, Seed(0)).expect("a system");
    let (_, chi) = system.spectrum();
    let hardness = (chi * system.smoothness() / system.convexity()).sqrt();
    let mut method = method_by_name(method, &mut system).expect("a method");
    let answer = solve(&mut system, method.as_mut(), &optimum, &Options::default()).expect("a run");
    let slope: Vec<f64> = problem.stacked_gradient(&optimum);
    // The optimum is one: of gradients of order 1 nothing is left but rounding.
    assert!(slope.iter().all(|g| g.abs() < 1e-12), "{kind}: {slope:?}");
    if ridge != Ridge::Matched && answer.status == Status::Converged {
        let off = answer.point.iter().zip(&optimum).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt();
        let size = optimum.iter().map(|x| x * x).sum::<f64>().sqrt();
        // 24 copies of 4 variables in the error's norm, 16 x 4 under the Laplacian.
        assert!(off <= 4.0 * 1e-8 * size, "{kind} {off:e}");
    }
    (answer, hardness)
}

#[test]
fn accelerated_methods_reach_the_optimum_with_both_matrices_as_predicted() {
    for kind in ["quadratic", "ill-conditioned", "logistic", "robust"] {
        for (method, band) in [("msda", 0.75..1.25), ("opapc", 0.9..1.6)] {
            let (w, hard_w) = run(kind, method, MatrixKind::Partitioned, Ridge::Same, Weighting::Unit);
            let (l, hard_l) = run(kind, method, MatrixKind::Laplacian, Ridge::Same, Weighting::Unit);
            assert_eq!((w.status, l.status), (Status::Converged, Status::Converged), "{kind} {method}");
            let end = |answer: &Answer| answer.iterations.last().expect("an iteration").counters;
            let rounds = end(&l).rounds as f64 / end(&w).rounds as f64;
            let floats = end(&l).floats as f64 / end(&w).floats as f64;
            let predicted = hard_l / hard_w;
            println!(
                "{kind} {method}: rounds {} and {}, ratio {rounds:.2} (predicted {predicted:.2}), floats {floats:.1}",
                end(&w).rounds,
                end(&l).rounds
            );
            assert!(band.contains(&(rounds / predicted)), "{kind} {method}: {rounds} for {predicted}");
            // Table A: a round of L sends 3.5 times the numbers here.
            assert!((floats / rounds / 3.5 - 1.0).abs() < 1e-12);
        }
    }
}

#[test]
fn every_other_method_reaches_the_optimum_too() {
    for method in
        ["papc", "apapc", "ssda", "extra", "nids", "gradient-tracking:step=0.1", "extragradient", "admm:penalty=0.1"]
    {
        for matrix in [MatrixKind::Partitioned, MatrixKind::Laplacian] {
            let (answer, _) = run("logistic", method, matrix, Ridge::Same, Weighting::Normalized);
            let last = answer.iterations.last().expect("an iteration");
            println!("{method} {}: {} rounds, {} gradients", matrix.name(), last.counters.rounds, last.gradients);
            assert_eq!(answer.status, Status::Converged, "{method}");
        }
    }
}

#[test]
fn without_curvature_the_methods_that_need_it_say_so() {
    let graph = graph_by_name("ring-of-cliques:cliques=3,size=3", Seed(0)).expect("a graph");
    let problem = random_problem("random", &crown_users(3, 3), Seed(0)).expect("a problem");
    let faults = LinkFaults::default();
    let mut system =
        System::new(&problem, &graph, MatrixKind::Laplacian, Weighting::Unit, Ridge::Plain, faults, Seed(0))
            .expect("a system");
    assert_eq!(system.convexity(), 0.0);
    for name in ["msda", "ssda", "opapc", "apapc", "dual-decomposition"] {
        let error = method_by_name(name, &mut system).expect_err("refused").to_string();
        assert!(error.contains(name) && error.contains("papc"), "{error}");
    }
    assert!(method_by_name("papc", &mut system).is_ok());
}

#[test]
fn a_constant_step_leaves_decentralized_gradient_descent_off() {
    let (answer, _) = run("quadratic", "dgd:step=0.1", MatrixKind::Partitioned, Ridge::Same, Weighting::Unit);
    assert_eq!(answer.status, Status::RoundLimit);
    let last = answer.iterations.last().expect("an iteration").error;
    // The bias shrinks with the step; at a tenth of 1/L it is far above any tolerance.
    assert!(last > 1e-3 && last < 1.0, "{last}");
}
