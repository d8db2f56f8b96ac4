//! `steadfast factorize`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use steadfast::data::{LoadOptions, Source, load, read_market};
use steadfast::method::Status;
use steadfast::run::{Factorization, Factorized, Provenance, Ratings, Sweep};
use steadfast::trace::write_whole;
use steadfast::{Error, Result};

use crate::fleet_options::FleetOptions;
use crate::{interrupt, output};

#[derive(Debug, Args)]
pub struct FactorizeArgs {
    /// Ratings: MatrixMarket coordinates, a row a user and a column an item; or, with --users, LIBSVM text (plain, .gz, .xz) whose
    /// rows are `rating user:1 item:1`, items numbered behind the users
    pub ratings: String,
    /// Users of LIBSVM text: its first columns
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = "Problem")]
    pub users: Option<usize>,
    /// Share of the ratings to keep for scoring
    #[arg(long, value_name = "X", allow_hyphen_values = true, help_heading = "Problem")]
    pub test_fraction: Option<f64>,
    /// Numbers of a user and of an item, beside their constants
    #[arg(long, default_value_t = 15, value_name = "P", allow_negative_numbers = true, help_heading = "Problem")]
    pub rank: usize,
    /// Half the weight of the squares of all these numbers, beside half the squares of the errors
    #[arg(long, default_value_t = 10.0, allow_hyphen_values = true, help_heading = "Problem")]
    pub l2: f64,
    /// Times that all users and then all items are solved for
    #[arg(long, default_value_t = 5, value_name = "N", allow_negative_numbers = true, help_heading = "Method")]
    pub sweeps: usize,
    /// From so many ratings a user or an item is solved for by the workers, with fewer by the master
    #[arg(long, default_value_t = 500, value_name = "N", allow_negative_numbers = true, help_heading = "Method")]
    pub large: usize,
    /// Iterations of L-BFGS on the workers, a user or an item
    #[arg(long, default_value_t = 10, value_name = "N", allow_negative_numbers = true, help_heading = "Method")]
    pub iterations: usize,

    #[command(flatten)]
    pub fleet_options: FleetOptions,

    /// Write the factors (JSON)
    #[arg(long, value_name = "OUT", help_heading = "Output")]
    pub model: Option<PathBuf>,
    /// Write the record of the run (JSON), sweep by sweep
    #[arg(long, value_name = "OUT", help_heading = "Output")]
    pub record: Option<PathBuf>,
    /// A machine-readable result on standard output
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Runs the command; the exit status.
pub fn run(args: &FactorizeArgs) -> Result<u8> {
    if args.sweeps == 0 {
        return Err(Error::usage("--sweeps", 0, "at least 1"));
    }
    let plan = Factorization {
        rank: args.rank,
        l2: args.l2,
        sweeps: args.sweeps,
        large: args.large,
        iterations: args.iterations,
        ..Factorization::of(&args.fleet_options.config())?
    };
    output::check(&[("--model", args.model.as_ref()), ("--record", args.record.as_ref())])?;
    let all = read(args)?;
    let (train, test) = match args.test_fraction {
        Some(share) => all.split(share, args.fleet_options.seed())?,
        None => {
            let none = Ratings { entries: vec![], ..all.clone() };
            (all, none)
        }
    };
    let Factorized { mut factors, sweeps, interrupted } = plan.run_until(&train, &test, interrupt::watch()?)?;
    let Some(last) = sweeps.last() else { return Ok(0) };
    let (status, exit) =
        if interrupted { (Status::Interrupted.name(), Status::Interrupted.exit_status()) } else { ("done", 0) };
    let mut written: Vec<&Path> = Vec::new();
    if let Some(path) = &args.record {
        write_whole(path, record(&plan, &train, &test, &sweeps, status).to_string().as_bytes())?;
        written.push(path);
    }
    if let Some(path) = &args.model {
        factors.provenance = Provenance {
            version: env!("CARGO_PKG_VERSION").into(),
            command: output::called(),
            data: args.ratings.clone(),
            status: format!("{status}, {} sweeps", sweeps.len()),
            objective: last.objective,
            certified: false,
        };
        factors.write(path)?;
        written.push(path);
    }
    if args.json {
        output::json(&json!({"status": status, "final": last, "written": written}))?;
    } else {
        output::text(&format!("{}{}", table(&plan, &train, &test, &sweeps, status), output::wrote(&written)))?;
    }
    Ok(exit)
}

fn read(args: &FactorizeArgs) -> Result<Ratings> {
    let Some(users) = args.users else {
        return Ok(Ratings::of_matrix(&read_market(Path::new(&args.ratings))?));
    };
    let loaded = load(&args.ratings.parse::<Source>()?, &LoadOptions::default())?;
    Ratings::of(&loaded.data, users)
}

fn record(plan: &Factorization, train: &Ratings, test: &Ratings, sweeps: &[Sweep], status: &str) -> serde_json::Value {
    json!({
        "schema": 1, "version": env!("CARGO_PKG_VERSION"), "command": output::called(), "config": plan,
        "data": {"users": train.users, "items": train.items, "ratings": train.entries.len(), "held_out": test.entries.len()},
        "status": status, "sweeps": sweeps, "final": sweeps.last(),
    })
}

fn table(plan: &Factorization, train: &Ratings, test: &Ratings, sweeps: &[Sweep], status: &str) -> String {
    let Some(last) = sweeps.last() else { return String::new() };
    let mut rows = vec![("objective", format!("{:.12e}", last.objective)), ("RMSE", format!("{:.4}", last.train_rmse))];
    if !test.entries.is_empty() {
        rows.push(("RMSE of those held out", format!("{:.4} of {}", last.test_rmse, test.entries.len())));
    }
    let late: Vec<String> = last.late.iter().map(ToString::to_string).collect();
    let late = if late.is_empty() { "none".into() } else { late.join(", ") };
    let (first, workers) = (plan.first, plan.workers);
    let given_up = if plan.exact {
        format!("decoded from {first} of {workers} replies or more, as if all had come; no lie is looked for")
    } else if first < workers {
        format!("approximate: the first {first} of {workers} replies, never decoded")
    } else {
        format!("all {workers} replies, never decoded")
    };
    rows.extend([
        ("status", status.into()),
        ("sweeps", format!("{} of {}, {} problems solved by workers", sweeps.len(), plan.sweeps, last.encoded)),
        ("rounds", last.rounds.to_string()),
        ("numbers sent", format!("{} down, {} up", last.floats_down, last.floats_up)),
        ("time", format!("{:.2} s simulated", last.seconds)),
        ("code", format!("{} on {workers} workers", plan.code)),
        ("late in the last sweep", late),
        ("certificate", given_up),
    ]);
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: String = rows.iter().map(|(name, value)| format!("  {name:width$}  {value}\n")).collect();
    format!("{} ratings of {} items by {} users\n{lines}", train.entries.len(), train.items, train.users)
}
