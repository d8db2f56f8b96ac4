//! The program `steadfast`: arguments in, library calls out.

mod args;
mod devices;
mod output;
mod plan;
mod predict;
mod reproduce;
mod train;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use steadfast::Error;

use args::{Cli, Command};

fn main() -> ExitCode {
    let wants_json = std::env::args().any(|a| a == "--json");
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error, wants_json),
    };
    let result = match &cli.command {
        Command::Train(args) => train::run(args),
        Command::Predict(args) => predict::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Devices(args) => devices::run(args),
        Command::Reproduce(args) => reproduce::run(args),
        Command::Worker => steadfast::run::serve().map(|()| 0),
    };
    match result {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            output::error(&error, wants_json);
            ExitCode::from(error.exit_status())
        }
    }
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
    let text = error.to_string();
    let mut lines =
        text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with("Usage:") && !l.starts_with("For more"));
    let first = lines.next().unwrap_or_default().trim_start_matches("error: ").to_string();
    let rest: Vec<&str> = lines.collect();
    let allowed = if rest.is_empty() { "see --help".into() } else { rest.join(" ") };
    output::error(&Error::Usage { what: "command line".into(), got: first, allowed }, json);
    ExitCode::from(2)
}
