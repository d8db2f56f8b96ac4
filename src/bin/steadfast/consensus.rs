//! `steadfast network` and `steadfast consensus`: networks, and problems spread over them (paper 004).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use steadfast::consensus::{
    Answer, LinkFaults, Options, PartitionedProblem, Ridge, System, load_network, method_by_name, problem_on_network,
    random_problem, read_problem, solve,
};
#[cfg(feature = "gpu")]
use steadfast::device::gpu::{Adapter, GpuOptions};
use steadfast::network::{Communication, Graph, Laplacian, MatrixKind, Spectrum, Weighting, crown_users, power_method};
use steadfast::params::Params;
use steadfast::run::DeviceKind;
use steadfast::seed::Seed;
use steadfast::trace::write_whole;
use steadfast::{Error, Result};

use crate::reproduce::oversketched::chart::{Panel, Series, write_curves};
use crate::{interrupt, output};

#[derive(Debug, Args)]
pub struct NetworkArgs {
    /// A graph by name (ring-of-cliques:cliques=8,size=8, ring:nodes=…, grid:rows=…,cols=…, …) or a file with an edge list
    pub graph: String,
    /// The one seed
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// A machine-readable result on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ConsensusArgs {
    /// A JSON file, random:kind=quadratic|ill-conditioned|separable|logistic|robust,block=…,mu=…, state-estimation (on the
    /// network ieee14), localization, matrix-completion, utility or game (each with parameters `name:key=value,…`)
    pub problem: String,
    /// A graph by name (as `steadfast network` takes it), or a file with an edge list; node k of the problem is its k-th
    #[arg(long, value_name = "GRAPH", help_heading = "Problem")]
    pub network: String,
    /// Who uses which variable of a random problem: crowns, or neighbours:variables=… (a node and those beside it)
    /// [default: crowns on a ring of cliques, else neighbours]
    #[arg(long, value_name = "NAME", help_heading = "Problem")]
    pub variables: Option<String>,

    /// opapc, apapc, papc, msda, ssda, dual-decomposition, asynchronous-dual, extra, nids, gradient-tracking, dgd, extragradient, admm
    #[arg(long, default_value = "opapc", help_heading = "Method")]
    pub method: String,
    /// partitioned:weights=unit|normalized|metropolis, or laplacian:ridge=same|matched|plain,weights=…
    #[arg(long, default_value = "partitioned", help_heading = "Method")]
    pub matrix: String,
    /// On the copies' distance from the optimum, relative to it [default: 1e-8, on a GPU 1e-4]
    #[arg(long, value_name = "X", help_heading = "Method", allow_hyphen_values = true)]
    pub tolerance: Option<f64>,
    /// Most rounds
    #[arg(long, default_value_t = 100_000, value_name = "N", help_heading = "Method", allow_negative_numbers = true)]
    pub rounds: u64,
    /// Iterations from one look at the copies to the next [default: 1, on a GPU 10]
    #[arg(long, value_name = "N", help_heading = "Method", allow_negative_numbers = true)]
    pub every: Option<usize>,
    /// Where the nodes compute: cpu (and auto) in f64; on a GPU in f32, not every method and loss
    #[arg(long, value_enum, default_value_t, help_heading = "Method")]
    pub device: DeviceKind,

    /// Probability that a link is out, each round
    #[arg(long, default_value_t = 0.0, value_name = "P", help_heading = "Links", allow_hyphen_values = true)]
    pub drop: f64,
    /// Probability that a message is late by a round's time, again and again
    #[arg(long, default_value_t = 0.0, value_name = "P", help_heading = "Links", allow_hyphen_values = true)]
    pub delay: f64,

    /// The one seed
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Write the record of the run (JSON)
    #[arg(long, value_name = "OUT", help_heading = "Output")]
    pub record: Option<PathBuf>,
    /// Write error and disagreement against rounds (SVG)
    #[arg(long, value_name = "OUT", help_heading = "Output")]
    pub plot: Option<PathBuf>,
    /// A machine-readable result on standard output
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Cliques and size of `ring-of-cliques:…`, if that is what `text` names.
fn crowns(text: &str) -> Result<Option<(usize, usize)>> {
    let mut given = Params::parse("network", text)?;
    if given.name() != "ring-of-cliques" {
        return Ok(None);
    }
    Ok(Some((given.require("cliques")?, given.require("size")?)))
}

/// Runs `steadfast network`.
pub fn network(args: &NetworkArgs) -> Result<u8> {
    let seed = Seed(args.seed);
    let graph = load_network(&args.graph, seed)?;
    let found = Spectrum::of(&Laplacian::of(&graph), seed);
    if let Some((i, j)) = graph.split() {
        return Err(Error::input(&args.graph, format!("no way from node {i} to node {j}"), "a connected network"));
    }
    let found = found?;
    let power = power_method(&graph, 1e-6, 10_000, seed)?;
    let partitioned = match crowns(&args.graph)? {
        Some((c, n)) => {
            let kind = MatrixKind::Partitioned;
            let made = Communication::new(&graph, &crown_users(c, n), &vec![1; c], kind, Weighting::Unit, seed)?;
            Some(made.spectrum())
        }
        None => None,
    };
    let degrees = (0..graph.nodes()).map(|i| graph.neighbours(i).len());
    let (least, most) = degrees.fold((usize::MAX, 0), |(a, b), d| (a.min(d), b.max(d)));
    if args.json {
        output::json(&json!({
            "nodes": graph.nodes(), "edges": graph.edges().len(), "degrees": [least, most],
            "laplacian": found, "chi_laplacian": found.condition(),
            "chi_partitioned": partitioned.map(Spectrum::condition),
            "power_method": {"largest": power.largest, "bound": power.bound, "rounds": power.rounds},
        }))?;
        return Ok(0);
    }
    let mut text = format!(
        "{} nodes, {} edges, degrees {least} to {most}\n  Laplacian         eigenvalues {:.6e} to {:.6e}\n  \
         chi_laplacian     {:.6}\n",
        graph.nodes(),
        graph.edges().len(),
        found.smallest,
        found.largest,
        found.condition()
    );
    if let Some(partitioned) = partitioned {
        let _ = writeln!(text, "  chi_partitioned   {:.6}  (a variable for every crown)", partitioned.condition());
    }
    let _ = writeln!(
        text,
        "  by the nodes      largest eigenvalue {:.6e}, at most {:.6e}, after {} rounds",
        power.largest, power.bound, power.rounds
    );
    output::text(&text)?;
    Ok(0)
}

/// The matrix, its weights, and the ridge under the Laplacian.
fn matrix(text: &str) -> Result<(MatrixKind, Weighting, Ridge)> {
    let mut given = Params::parse("--matrix", text)?;
    let weights: String = given.take("weights", "unit".into())?;
    let weighting = match weights.as_str() {
        "unit" => Weighting::Unit,
        "normalized" => Weighting::Normalized,
        "metropolis" => Weighting::Metropolis,
        _ => return Err(given.refuse("weights", format!("`{weights}`"), "unit, normalized, metropolis")),
    };
    let (kind, ridge) = match given.name() {
        "partitioned" => (MatrixKind::Partitioned, Ridge::Same),
        "laplacian" => {
            let ridge: String = given.take("ridge", "same".into())?;
            let ridge = match ridge.as_str() {
                "same" => Ridge::Same,
                "matched" => Ridge::Matched,
                "plain" => Ridge::Plain,
                _ => return Err(given.refuse("ridge", format!("`{ridge}`"), "same, matched, plain")),
            };
            (MatrixKind::Laplacian, ridge)
        }
        _ => return Err(given.unknown("partitioned, laplacian")),
    };
    given.finish()?;
    Ok((kind, weighting, ridge))
}

/// The problem that the arguments name, on a network.
fn problem(args: &ConsensusArgs, graph: &Graph) -> Result<PartitionedProblem> {
    if Path::new(&args.problem).exists() {
        return read_problem(Path::new(&args.problem));
    }
    if Params::parse("problem", &args.problem)?.name() != "random" {
        return problem_on_network(&args.problem, graph, Seed(args.seed));
    }
    let crowns = crowns(&args.network)?;
    let default = if crowns.is_some() { "crowns" } else { "neighbours" };
    let mut given = Params::parse("--variables", args.variables.as_deref().unwrap_or(default))?;
    let uses = match (given.name(), crowns) {
        ("crowns", Some((cliques, size))) => crown_users(cliques, size),
        ("neighbours", _) => {
            let count = given.count("variables")?.unwrap_or(graph.nodes());
            if count > graph.nodes() {
                return Err(given.refuse("variables", count, format!("at most the {} nodes", graph.nodes())));
            }
            // With fewer variables than nodes some nodes may use none: they are given the one that is nearest.
            neighbourhoods(graph, count)
        }
        _ => return Err(given.unknown("crowns (on a ring of cliques), neighbours:variables=…")),
    };
    given.finish()?;
    random_problem(&args.problem, &uses, Seed(args.seed))
}

/// Variable p lives at node p, at its neighbours, and on the shortest ways to nodes that would have none.
fn neighbourhoods(graph: &Graph, count: usize) -> Vec<Vec<usize>> {
    let mut uses = vec![Vec::new(); graph.nodes()];
    for p in 0..count {
        uses[p].push(p);
        graph.neighbours(p).iter().for_each(|&i| uses[i as usize].push(p));
    }
    // A node without a variable takes one of a neighbour that has some: the variable stays connected.
    while let Some(i) = (0..uses.len())
        .find(|&i| uses[i].is_empty() && graph.neighbours(i).iter().any(|&j| !uses[j as usize].is_empty()))
    {
        let taken = graph.neighbours(i).iter().find_map(|&j| uses[j as usize].first().copied());
        uses[i].extend(taken);
    }
    uses.iter_mut().for_each(|of| of.sort_unstable());
    uses
}

/// Runs `steadfast consensus`; the exit status: 0 solved, 4 at the limit of rounds.
pub fn run(args: &ConsensusArgs) -> Result<u8> {
    output::check(&[("--record", args.record.as_ref()), ("--plot", args.plot.as_ref())])?;
    let (kind, weighting, ridge) = matrix(&args.matrix)?;
    let seed = Seed(args.seed);
    let graph = load_network(&args.network, seed)?;
    let problem = problem(args, &graph)?;
    let faults = LinkFaults { drop: args.drop, delay: args.delay };
    let system = System::new(&problem, &graph, kind, weighting, ridge, faults, seed)?;
    let on_gpu = matches!(args.device, DeviceKind::Gpu | DeviceKind::GpuSoftware);
    let mut system = if on_gpu { to_gpu(system, args.device)? } else { system };
    let mut method = method_by_name(&args.method, &mut system)?;
    // Under `matched` the sum has other ridges than the problem.
    let stacked =
        if kind == MatrixKind::Laplacian && ridge == Ridge::Matched { Some(matched(&problem)?) } else { None };
    let optimum = stacked.as_ref().unwrap_or(&problem).optimum()?;
    let options = Options {
        tolerance: args.tolerance.unwrap_or(if on_gpu { 1e-4 } else { 1e-8 }),
        rounds: args.rounds,
        every: args.every.unwrap_or(if on_gpu { 10 } else { 1 }),
        cancel: Some(interrupt::watch()?),
    };
    let answer = solve(&mut system, method.as_mut(), &optimum, &options)?;
    let mut written = Vec::new();
    if let Some(path) = &args.record {
        let record = record(args, &options, &graph, &problem, &system, &answer);
        let text = serde_json::to_vec(&record)
            .map_err(|e| Error::Numerical(format!("the record can't be written as JSON: {e}")))?;
        write_whole(path, &text)?;
        written.push(path.clone());
    }
    if let Some(path) = &args.plot {
        plot(path, args, &answer)?;
        written.push(path.clone());
    }
    if args.json {
        output::outcome(&end(&problem, &system, &answer), &written)?;
    } else {
        output::text(&table(&graph, &problem, &system, &answer, &written))?;
    }
    Ok(answer.status.exit_status())
}

#[cfg(feature = "gpu")]
fn to_gpu(system: System<'_>, device: DeviceKind) -> Result<System<'_>> {
    let adapter = if device == DeviceKind::GpuSoftware { Adapter::Software } else { Adapter::Any };
    system.on_gpu(&adapter, GpuOptions::default())
}

#[cfg(not(feature = "gpu"))]
fn to_gpu(_: System<'_>, _: DeviceKind) -> Result<System<'_>> {
    Err(Error::usage("--device", "a GPU, in a build without the feature gpu", "cpu, auto"))
}

/// The problem with the ridge of every node on every variable.
fn matched(problem: &PartitionedProblem) -> Result<PartitionedProblem> {
    let mut nodes = problem.nodes().to_vec();
    let all: f64 = nodes.iter().map(|node| node.ridge).sum();
    let d: usize = problem.sizes().iter().sum();
    nodes.iter_mut().for_each(|node| node.ridge = 0.0);
    nodes.push(steadfast::consensus::LocalFunction {
        variables: (0..problem.sizes().len()).collect(),
        shape: steadfast::consensus::Shape::Separable { weights: vec![0.0; d], targets: vec![0.0; d] },
        ridge: all,
    });
    PartitionedProblem::new(problem.sizes().to_vec(), nodes)
}

fn end(problem: &PartitionedProblem, system: &System<'_>, answer: &Answer) -> Value {
    let last = answer.iterations.last();
    json!({
        "status": answer.status, "objective": (!problem.is_game()).then(|| problem.stacked_value(&answer.point)),
        "error": last.map(|l| l.error), "disagreement": last.map(|l| l.disagreement),
        "iterations": last.map(|l| l.iteration), "gradients": system.gradients(),
        "rounds": last.map(|l| l.counters.rounds), "floats": last.map(|l| l.counters.floats),
        "time": last.map(|l| l.counters.time), "dropped": last.map(|l| l.counters.dropped),
    })
}

fn record(
    args: &ConsensusArgs,
    options: &Options<'_>,
    graph: &Graph,
    problem: &PartitionedProblem,
    system: &System<'_>,
    answer: &Answer,
) -> Value {
    let (largest, chi) = system.spectrum();
    json!({
        "schema": steadfast::trace::SCHEMA, "version": env!("CARGO_PKG_VERSION"), "command": output::called(),
        "config": {"problem": args.problem, "network": args.network, "method": args.method, "matrix": args.matrix,
            "tolerance": options.tolerance, "rounds": args.rounds, "every": options.every, "device": args.device, "drop": args.drop, "delay": args.delay, "seed": args.seed},
        "device": system.device(),
        "network": {"nodes": graph.nodes(), "edges": graph.edges().len(), "largest_eigenvalue": largest, "chi": chi,
            "floats_per_round": system.exchange().matrix().floats()},
        "data": {"variables": problem.sizes().len(), "numbers": problem.sizes().iter().sum::<usize>(),
            "stored": system.len(), "smoothness": system.smoothness(), "convexity": system.convexity()},
        "iterations": answer.iterations, "edges": system.exchange().sent(), "point": answer.point,
        "final": end(problem, system, answer),
    })
}

fn table(
    graph: &Graph,
    problem: &PartitionedProblem,
    system: &System<'_>,
    answer: &Answer,
    written: &[PathBuf],
) -> String {
    let (_, chi) = system.spectrum();
    let mut text = format!(
        "{} nodes, {} edges; {} variables of {} numbers, {} stored\n",
        graph.nodes(),
        graph.edges().len(),
        problem.sizes().len(),
        problem.sizes().iter().sum::<usize>(),
        system.len()
    );
    let mut rows = vec![("status", answer.status.name().to_owned())];
    if !problem.is_game() {
        rows.push(("objective", format!("{:.12e}", problem.stacked_value(&answer.point))));
    }
    rows.extend([
        ("condition of the functions", format!("{:.6}", system.smoothness() / system.convexity())),
        ("condition of the matrix", format!("{chi:.6} ({})", system.exchange().matrix().kind().name())),
    ]);
    let device = system.device();
    if device.kind == "gpu" {
        rows.push(("device", format!("{} ({}), in f32", device.name, device.detail)));
    }
    if let Some(last) = answer.iterations.last() {
        rows.push(("distance to the optimum", format!("{:.3e} of it", last.error)));
        rows.push(("disagreement", format!("{:.3e}", last.disagreement)));
        rows.push(("iterations", format!("{} in {} rounds", last.iteration, last.counters.rounds)));
        rows.push(("gradients or minima", format!("{} a node", last.gradients)));
        rows.push(("numbers sent", last.counters.floats.to_string()));
        let sent = system.exchange().sent();
        if let Some(busiest) = sent.iter().max_by_key(|edge| edge.floats) {
            rows.push(("busiest link", format!("{} to {}, {} numbers", busiest.from, busiest.to, busiest.floats)));
        }
        if last.counters.dropped > 0 || last.counters.time > last.counters.rounds {
            let (dropped, time) = (last.counters.dropped, last.counters.time);
            rows.push(("faults of links", format!("{dropped} out, {time} rounds' time with waits")));
        }
    }
    for (name, value) in rows {
        let _ = writeln!(text, "  {name:26}  {value}");
    }
    text + &output::wrote(written)
}

fn plot(path: &Path, args: &ConsensusArgs, answer: &Answer) -> Result<()> {
    let curve = |name: &str, value: &dyn Fn(usize) -> f64| {
        let all = answer.iterations.iter().enumerate().map(|(k, it)| (it.counters.rounds as f64, value(k)));
        Series { name: name.into(), points: all.filter(|point| point.1 > 0.0).collect(), failed: false }
    };
    let its = &answer.iterations;
    let series =
        vec![curve("distance to the optimum", &|k| its[k].error), curve("disagreement", &|k| its[k].disagreement)];
    let title = format!("{}, {} on {}", args.method, args.matrix, args.network);
    write_curves(path, &[Panel { title, x_name: "rounds", y_name: "relative to the optimum", series }])
}
