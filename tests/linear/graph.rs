//! PageRank of a scale-free graph with liars, against the scores without workers.

use rand::RngExt;
use steadfast::data::{Csr, Matrix, parse_edges, parse_market};
use steadfast::linear::{Options, PageRankOptions, Scores, Status, Transition, pagerank};
use steadfast::run::TrainConfig;
use steadfast::seed::{Purpose, Seed};

use super::fleet::{answered, config, lying};

/// A directed preferential-attachment graph: each node after the first ten links to up to eight earlier ones, drawn by
/// the links they already have; one in twenty links to none; and some links go forward, so that scores travel around.
fn scale_free(n: usize) -> Csr<f64> {
    let mut random = Seed(5).stream(Purpose::Experiment, 7, 0);
    let mut ends: Vec<usize> = (1..=10).collect();
    let mut links: Vec<String> = (1..=10).map(|i| format!("{i} {}", i % 10 + 1)).collect();
    for node in 11..=n {
        let count = if random.random_range(0..20) == 0 { 0 } else { random.random_range(1..=8) };
        let chosen: Vec<usize> = (0..count).map(|_| ends[random.random_range(0..ends.len())]).collect();
        links.extend(chosen.iter().map(|to| format!("{node} {to}")));
        if node % 3 == 0 {
            links.push(format!("{} {node}", ends[random.random_range(0..ends.len())]));
        }
        ends.extend(chosen);
        // A node that nobody links to yet can still be chosen.
        ends.push(node);
    }
    let head = format!("%%MatrixMarket matrix coordinate pattern general\n{n} {n} {}\n", links.len());
    match parse_market((head + &links.join("\n")).as_bytes(), "scale-free") {
        Ok(Matrix::Csr(links)) => links,
        other => panic!("coordinates are sparse: {other:?}"),
    }
}

/// The same iteration without workers, to rounding.
fn plain(transition: &Transition, damping: f64) -> Vec<f64> {
    let n = transition.matrix().rows();
    let (mut x, mut image) = (vec![1.0 / n as f64; n], vec![0.0; n]);
    for _ in 0..250 {
        transition.matrix().multiply(&x, 1, &mut image);
        let loose: f64 = transition.dangling().iter().map(|&i| x[i]).sum::<f64>() / n as f64;
        x.iter_mut().zip(&image).for_each(|(x, y)| *x = damping * (y + loose) + (1.0 - damping) / n as f64);
    }
    x
}

fn ranked(transition: &Transition, config: TrainConfig, options: &PageRankOptions) -> (Scores, f64) {
    let run = answered(config, transition.matrix(), |p| pagerank(p, transition, options));
    let answer = run.answer.expect("an answer");
    assert_eq!(answer.report.status, Status::Converged);
    (answer.value, run.fill)
}

#[test]
fn the_ranking_of_ten_thousand_nodes_is_that_without_liars() {
    let transition = Transition::of_links(&scale_free(10_000)).expect("counts of links");
    assert!(transition.matrix().rows() == 10_000 && transition.dangling().len() > 100);
    let options = PageRankOptions { run: Options { tolerance: 1e-12, ..Options::default() }, ..Default::default() };
    let uncoded = TrainConfig { liars: 0, ..config() };
    let (honest, _) = ranked(&transition, uncoded, &options);
    assert!(honest.error_bound.is_infinite());
    let truth = plain(&transition, 0.85);
    let order = honest.ranking();
    for attack in ["gaussian", "sign-flip", "replay", "near-code"] {
        let (found, fill) = ranked(&transition, lying(attack), &options);
        // 1e-12 / 0.15 from the tolerance; the rest is what could hide in the noise, most where liars know the code.
        // Scores are 1e-4 on average.
        assert!(found.error_bound < 1e-9, "{attack}: {:e}", found.error_bound);
        // All errors together are within the bound; the reference iterated until its own rounding.
        let off: f64 = found.scores.iter().zip(&truth).map(|(a, b)| (a - b).abs()).sum();
        assert!(off <= found.error_bound + 1e-12, "{attack}: {off:e} {:e}", found.error_bound);
        assert!((found.scores.iter().sum::<f64>() - 1.0).abs() < 1e-10);
        assert!(transition.error(&found.scores, &options).expect("n scores") <= 2.0 * found.error_bound);
        let ranking = found.ranking();
        assert_eq!(ranking[..100], order[..100], "{attack}");
        // Whoever is ahead by more than the bound is ahead: no later node of the ranking has a clearly higher true
        // score.
        let mut highest = f64::NEG_INFINITY;
        for &node in ranking.iter().rev() {
            assert!(highest <= truth[node] + found.error_bound + 1e-12, "{attack}: node {node}");
            highest = highest.max(truth[node]);
        }
        // 7 of 15 workers hold plain rows; 8 hold combinations of 7 blocks.
        let most = (7.0 + 8.0 * 7.0) / 7.0;
        assert!(fill > 15.0 / 7.0 && fill <= most + 1e-9, "{fill}");
    }
}

#[test]
fn dangling_nodes_and_personalization() {
    // 1 -> 2, 2 leads nowhere; by hand, with d = 1/2: x1 = x2/4 + 1/4, x2 = x1/2 + x2/4 + 1/4, so x1 = 2/5, x2 = 3/5.
    let graph = parse_edges("1 2\n".as_bytes(), "two").expect("an edge");
    let transition = Transition::of_links(&graph.links).expect("weights of 1");
    assert_eq!(transition.dangling(), [1]);
    let half = |personalization| PageRankOptions { damping: 0.5, personalization, ..Default::default() };
    let two = TrainConfig { workers: 2, ..TrainConfig::default() };
    let (found, _) = ranked(&transition, two.clone(), &half(None));
    assert!((found.scores[0] - 0.4).abs() < 1e-9 && (found.scores[1] - 0.6).abs() < 1e-9, "{found:?}");
    // All jumps to node 1, weights of any scale: x1 = x2/4 + 1/2, x2 = x1/2 + x2/4, so x1 = 3/5, x2 = 2/5.
    let (found, _) = ranked(&transition, two.clone(), &half(Some(vec![8.0, 0.0])));
    assert!((found.scores[0] - 0.6).abs() < 1e-9 && (found.scores[1] - 0.4).abs() < 1e-9, "{found:?}");
    // No links at all: every node alike.
    let nothing = Csr::new(20, 20, vec![0; 21], vec![], vec![]).expect("no values");
    let transition = Transition::of_links(&nothing).expect("no weights");
    let (found, _) = ranked(&transition, config(), &PageRankOptions::default());
    assert!(found.scores.iter().all(|x| (x - 0.05).abs() <= found.error_bound), "{found:?}");
}

#[test]
fn weights_count_and_bad_graphs_are_refused() {
    let links = Csr::new(2, 2, vec![0, 2, 3], vec![0, 1, 0], vec![3.0, 1.0, 2.0]).expect("two rows");
    let Matrix::Csr(matrix) = Transition::of_links(&links).expect("positive weights").matrix().clone() else {
        panic!("sparse stays sparse")
    };
    assert_eq!(
        (matrix.offsets(), matrix.indices(), matrix.values()),
        (&[0, 2, 3][..], &[0, 1, 0][..], &[0.75, 1.0, 0.25][..])
    );
    let negative = Csr::new(2, 2, vec![0, 1, 1], vec![1], vec![-1.0]).expect("two rows");
    let message = Transition::of_links(&negative).unwrap_err().to_string();
    assert!(message.contains("node 1 to node 2") && message.contains("-1"), "{message}");
    let wide = Csr::new(1, 2, vec![0, 1], vec![1], vec![1.0]).expect("one row");
    assert!(Transition::of_links(&wide).unwrap_err().to_string().contains("1 x 2"));
    let transition = Transition::of_links(&links).expect("positive weights");
    for options in [
        PageRankOptions { damping: 1.0, ..Default::default() },
        PageRankOptions { damping: f64::NAN, ..Default::default() },
        PageRankOptions { personalization: Some(vec![1.0]), ..Default::default() },
        PageRankOptions { personalization: Some(vec![0.0, 0.0]), ..Default::default() },
        PageRankOptions { personalization: Some(vec![-1.0, 2.0]), ..Default::default() },
    ] {
        assert_eq!(transition.error(&[0.5, 0.5], &options).unwrap_err().exit_status(), 2, "{options:?}");
    }
}
