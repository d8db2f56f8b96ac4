//! The program `steadfast`: arguments in, library calls out.

mod args;
mod consensus;
mod devices;
mod encoded;
mod fleet_options;
mod interrupt;
mod linear;
mod lp;
mod output;
mod plan;
mod predict;
mod reproduce;
mod train;

use std::error::Error as _;
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use steadfast::{Error, Result};

use args::{Cli, Command};

fn main() -> ExitCode {
    quiet_driver();
    let wants_json = std::env::args().any(|a| a == "--json");
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error, wants_json),
    };
    let result = match &cli.command {
        Command::Train(args) => train::run(args),
        Command::Predict(args) => predict::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Lp(args) => lp::run(args),
        Command::Eigen(args) => linear::eigen::run(args),
        Command::Pagerank(args) => linear::pagerank::run(args),
        Command::Solve(args) => linear::solve::run(args),
        Command::Factorize(args) => encoded::factorize::run(args),
        Command::Project(args) => encoded::project::run(args),
        Command::Network(args) => consensus::network(args),
        Command::Consensus(args) => consensus::run(args),
        Command::Devices(args) => devices::run(args),
        Command::Reproduce(args) => reproduce::run(args),
        Command::Worker => worker(),
    };
    match result {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            output::error(&error, wants_json);
            ExitCode::from(error.exit_status())
        }
    }
}

/// Without a session's folder, a layer of Mesa's Vulkan drivers looks for a display all the same and complains on standard
/// error, where a line means that something is wrong.
fn quiet_driver() {
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: nothing reads the environment meanwhile, for this is the first thing the only thread does.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}

/// Serves as a worker process. Ctrl-C reaches every process of the terminal; a worker must outlive it, for the master
/// finishes its iteration with the workers' help and then stops them.
fn worker() -> Result<u8> {
    ctrlc::set_handler(|| ()).map_err(|e| Error::Fleet(format!("a worker can't ignore Ctrl-C: {e}")))?;
    steadfast::run::serve().map(|()| 0)
}

/// clap's message as one line on standard error (or JSON); help and version as clap prints them.
fn usage(error: &clap::Error, json: bool) -> ExitCode {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        let _ = error.print();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    output::error(&usage_error(error), json);
    ExitCode::from(2)
}

/// What clap refused, with the value it was given and what it would have taken.
fn usage_error(error: &clap::Error) -> Error {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(list)) => Some(list.join(", ")),
        _ => None,
    };
    let told = error.source().map(ToString::to_string).unwrap_or_default();
    let valid = context(ContextKind::ValidValue).or_else(|| context(ContextKind::ValidSubcommand));
    let similar = || {
        let near = context(ContextKind::SuggestedArg).or_else(|| context(ContextKind::SuggestedSubcommand));
        near.map_or_else(|| "what --help lists".into(), |name| format!("what --help lists, for example {name}"))
    };
    let argument = context(ContextKind::InvalidArg);
    let (what, got, allowed) = match (error.kind(), argument, context(ContextKind::InvalidValue)) {
        (ErrorKind::InvalidValue | ErrorKind::ValueValidation, Some(argument), Some(value)) => {
            let number = if told.contains("digit") || told.contains("too large") {
                "a whole number, 0 or more"
            } else if told.contains("float") {
                "a number"
            } else {
                "what --help says"
            };
            let got = if value.is_empty() { "no value".into() } else { format!("`{value}`") };
            // A value that the library parses comes with what it allows.
            let allowed = told.split_once("allowed: ").map_or(number, |(_, allowed)| allowed);
            (argument, got, valid.unwrap_or_else(|| allowed.into()))
        }
        (ErrorKind::UnknownArgument, Some(argument), _) => ("command line".into(), argument, similar()),
        (ErrorKind::ArgumentConflict, Some(argument), _) => {
            let other = context(ContextKind::PriorArg).unwrap_or_default();
            (argument, format!("with {other}"), "one of the two".into())
        }
        (ErrorKind::MissingRequiredArgument, Some(argument), _) => {
            ("command line".into(), format!("no {argument}"), format!("{argument} must be given"))
        }
        (ErrorKind::InvalidSubcommand, ..) => {
            let name = context(ContextKind::InvalidSubcommand).unwrap_or_default();
            ("command".into(), name, valid.unwrap_or_else(similar))
        }
        _ => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_string();
            ("command line".into(), first, "what --help lists".into())
        }
    };
    Error::Usage { what, got, allowed }
}
