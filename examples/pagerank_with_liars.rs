//! PageRank of a random web of nearly 2,000 pages on fifteen workers, of which four lie in every round, others each round;
//! and once more on workers who don't. The two rankings agree wherever the certificate says they must.
//!
//! Run it: `cargo run --example pagerank_with_liars`

use rand::RngExt;
use steadfast::data::parse_edges;
use steadfast::linear::{PageRankOptions, Scores, Transition, pagerank};
use steadfast::run::{LinearRun, TrainConfig};
use steadfast::seed::{Purpose, Seed};

/// Pages link to earlier ones, more often to those that are linked to already. Every tenth has no links at all.
fn web(pages: usize) -> String {
    let mut random = Seed(1).stream(Purpose::Experiment, 0, 0);
    let mut linked = vec![0];
    let mut text = String::from("# from to\n");
    for page in 1..pages {
        for _ in 0..if page % 10 == 0 { 0 } else { random.random_range(1..6) } {
            let to = linked[random.random_range(0..linked.len())];
            text += &format!("{page} {to}\n");
            linked.push(to);
        }
        linked.push(page);
    }
    text
}

fn rank(transition: &Transition, config: TrainConfig) -> steadfast::Result<Scores> {
    let options = PageRankOptions::default();
    let finished =
        LinearRun::new(config).run(transition.matrix(), |products| pagerank(products, transition, &options))?;
    let end = &finished.record.end;
    println!("{} after {} rounds, {:.1} times the links stored", end.status, end.rounds, finished.fill);
    if let Some(naming) = end.naming {
        println!(
            "  {} lies named, {} missed, {} innocents accused",
            naming.hits, naming.misses, naming.innocents_accused
        );
    }
    match (finished.answer, finished.error) {
        (Some(answer), _) => Ok(answer.value),
        (None, Some(error)) => Err(error),
        (None, None) => Err(steadfast::Error::Interrupted),
    }
}

fn main() -> steadfast::Result<()> {
    let graph = parse_edges(web(2000).as_bytes(), "web")?;
    let transition = Transition::of_links(&graph.links)?;
    println!("{} pages, {} without links", graph.names.len(), transition.dangling().len());
    let honest = rank(&transition, TrainConfig::default())?;
    let lying = TrainConfig { liars: 4, inject_liars: 4, attack: "sign-flip".into(), ..TrainConfig::default() };
    let found = rank(&transition, lying)?;
    println!("  the errors of all scores add up to at most {:.1e}", found.error_bound);
    for (place, (&node, other)) in found.ranking().iter().zip(honest.ranking()).take(10).enumerate() {
        let same = if node == other { "as" } else { "NOT as" };
        println!("{:>3}. page {:<5} {:.6}  {same} without liars", place + 1, graph.names[node], found.scores[node]);
    }
    Ok(())
}
