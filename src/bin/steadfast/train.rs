//! `steadfast train`.

use std::path::PathBuf;

use steadfast::data::{LoadOptions, Source, load};
use steadfast::run::{Checkpoint, Model, Training};
use steadfast::trace::{Progress, RunRecord, final_table, svg, write_whole};
use steadfast::{Error, Result};

use crate::args::TrainArgs;
use crate::fleet_options::worker_command;
use crate::{interrupt, output};

/// Runs the command; the exit status.
pub fn run(args: &TrainArgs) -> Result<u8> {
    // Everything that can be refused is refused before the data is read.
    let config = args.config();
    config.check()?;
    output::check(&[
        ("--checkpoint", args.checkpoint.as_ref()),
        ("--model", args.model.as_ref()),
        ("--record", args.record.as_ref()),
        ("--plot", args.plot.as_ref()),
    ])?;
    let checkpoint = args.checkpoint();
    checkpoint.as_ref().map_or(Ok(()), Checkpoint::check)?;
    let init = args.init.as_deref().map(Model::read).transpose()?;
    let replayed = args.replay.as_deref().map(RunRecord::read).transpose()?;
    if let Some(record) = &replayed {
        config.check_replay(None, record)?;
    }
    let source = args.data.parse::<Source>()?;
    let options = LoadOptions {
        label: args.label.clone(),
        one_hot: args.one_hot,
        seed: args.fleet_options.seed(),
        ..LoadOptions::default()
    };
    let loaded = load(&source, &options)?;
    let one_hot = loaded.encoding;
    let width = Some(loaded.data.features.cols());
    let alike = LoadOptions { width, encoding: one_hot.clone(), ..options };
    let beside = |file: &String| Ok::<_, Error>(load(&file.parse::<Source>()?, &alike)?.data);
    let appended = args.append.as_ref().map(beside).transpose()?;
    let (data, test) = match (&args.test, args.test_fraction) {
        (Some(file), _) => (loaded.data, Some(beside(file)?)),
        (None, Some(fraction)) => {
            let (train, test) = loaded.data.split(fraction, args.fleet_options.seed())?;
            (train, Some(test))
        }
        (None, None) => (loaded.data, None),
    };
    let interrupted = interrupt::watch()?;
    let mut progress = (!args.quiet && !args.json).then(|| Progress::new(config.iterations));
    let mut training = Training::new(config)
        .command(output::called())
        .data_name(args.data.clone())
        .append(appended)
        .test(test)
        .init(init)
        .checkpoint(checkpoint)
        .replay(replayed)
        .one_hot(one_hot)
        .cancel(interrupted)
        .worker_command(worker_command());
    if let Some(progress) = &mut progress {
        training = training.observe(progress);
    }
    let trained = training.run(data)?;
    drop(progress);
    let mut written = Vec::new();
    write_outputs(args, &trained.record, trained.model.as_ref(), &mut written)?;
    if let Some(error) = &trained.error {
        output::error(error, args.json);
    } else if args.json {
        output::outcome(&trained.record.end, &written)?;
    } else if !args.quiet {
        output::text(&summary(&trained.record, trained.model.as_ref(), &written))?;
    }
    Ok(trained.exit_status)
}

fn write_outputs(
    args: &TrainArgs,
    record: &RunRecord,
    model: Option<&Model>,
    written: &mut Vec<PathBuf>,
) -> Result<()> {
    // The run itself has written that.
    written.extend(args.checkpoint.clone());
    if let Some(path) = &args.record {
        record.write(path)?;
        written.push(path.clone());
    }
    if let (Some(path), Some(model)) = (&args.model, model) {
        model.write(path)?;
        written.push(path.clone());
    }
    if let Some(path) = &args.plot {
        write_whole(path, svg(record)?.as_bytes())?;
        written.push(path.clone());
    }
    Ok(())
}

fn summary(record: &RunRecord, model: Option<&Model>, written: &[PathBuf]) -> String {
    let task = model.map_or(String::new(), |m| {
        let classes =
            if m.task.classes.is_empty() { String::new() } else { format!(", classes {}", m.task.classes.join(" ")) };
        format!("{}{classes}", m.task.loss)
    });
    format!(
        "{} rows x {} columns ({} stored values); task {task}\n{}\n{}{}",
        record.data.rows,
        record.data.cols,
        record.data.nnz,
        record.fleet,
        final_table(record),
        output::wrote(written)
    )
}
