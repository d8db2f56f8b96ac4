//! `steadfast train`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use steadfast::data::{LoadOptions, Source, load};
use steadfast::run::{Model, Training, WorkerCommand};
use steadfast::seed::Seed;
use steadfast::trace::{Progress, RunRecord, check_writable, final_table, svg, write_whole};
use steadfast::{Error, Result};

use crate::args::TrainArgs;
use crate::output;

/// Set by Ctrl-C; the run stops after its current iteration and still writes the record.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Runs the command; the exit status.
pub fn run(args: &TrainArgs) -> Result<u8> {
    // Everything that can be refused is refused before the data is read.
    let config = args.config();
    config.check()?;
    for path in [&args.model, &args.record, &args.plot].into_iter().flatten() {
        check_writable(path)?;
    }
    let init = args.init.as_deref().map(Model::read).transpose()?;
    let source = args.data.parse::<Source>()?;
    let options = LoadOptions {
        label: args.label.clone(),
        one_hot: args.one_hot,
        seed: Seed(args.seed),
        ..LoadOptions::default()
    };
    let loaded = load(&source, &options)?;
    let one_hot = loaded.encoding;
    let (data, test) = match (&args.test, args.test_fraction) {
        (Some(file), _) => {
            let width = loaded.data.features.cols();
            let options = LoadOptions { width: Some(width), encoding: one_hot.clone(), ..options };
            (loaded.data, Some(load(&file.parse::<Source>()?, &options)?.data))
        }
        (None, Some(fraction)) => {
            let (train, test) = loaded.data.split(fraction, Seed(args.seed))?;
            (train, Some(test))
        }
        (None, None) => (loaded.data, None),
    };
    if ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::SeqCst)).is_err() {
        return Err(Error::Fleet("the handler of Ctrl-C can't be installed".into()));
    }
    let command = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
    let mut progress = Progress::new(config.iterations);
    let mut training = Training::new(config)
        .command(format!("steadfast {command}"))
        .data_name(args.data.clone())
        .test(test)
        .init(init)
        .one_hot(one_hot)
        .cancel(&INTERRUPTED);
    if let Ok(program) = std::env::current_exe() {
        training = training.worker_command(WorkerCommand { program, arguments: vec!["worker".into()] });
    }
    if !args.quiet && !args.json {
        training = training.observe(&mut progress);
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
        print(&trained.record, trained.model.as_ref(), &written);
    }
    Ok(trained.exit_status)
}

fn write_outputs(
    args: &TrainArgs,
    record: &RunRecord,
    model: Option<&Model>,
    written: &mut Vec<PathBuf>,
) -> Result<()> {
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

fn print(record: &RunRecord, model: Option<&Model>, written: &[PathBuf]) {
    let task = model.map_or(String::new(), |m| {
        let classes =
            if m.task.classes.is_empty() { String::new() } else { format!(", classes {}", m.task.classes.join(" ")) };
        format!("{}{classes}", m.task.loss)
    });
    println!(
        "{} rows x {} columns ({} stored values); task {task}",
        record.data.rows, record.data.cols, record.data.nnz
    );
    println!("{}", record.fleet);
    print!("{}", final_table(record));
    for path in written {
        println!("  wrote {}", path.display());
    }
}
