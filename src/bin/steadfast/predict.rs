//! `steadfast predict`.

use std::fmt::Write as _;

use serde_json::json;
use steadfast::Result;
use steadfast::data::{LoadOptions, Source, load};
use steadfast::run::{Model, Score};
use steadfast::trace::{check_writable, write_whole};

use crate::args::PredictArgs;
use crate::output;

/// Runs the command; the exit status.
pub fn run(args: &PredictArgs) -> Result<u8> {
    if let Some(path) = &args.output {
        check_writable(path)?;
    }
    let model = Model::read(&args.model)?;
    let options = LoadOptions {
        label: args.label.clone(),
        label_optional: true,
        one_hot: model.one_hot.is_some(),
        encoding: model.one_hot.clone(),
        width: Some(model.features),
        ..LoadOptions::default()
    };
    let loaded = load(&args.data.parse::<Source>()?, &options)?;
    let margins = model.margins(&loaded.data.features)?;
    let outputs = margins.len() / loaded.data.features.rows().max(1);
    let mut text = String::new();
    for row in margins.chunks_exact(outputs) {
        if args.probabilities {
            let each: Vec<String> = model.task.probabilities(row)?.iter().map(f64::to_string).collect();
            let _ = writeln!(text, "{}", each.join(" "));
        } else {
            let _ = writeln!(text, "{}", model.task.predict_text(row));
        }
    }
    let score = if loaded.labelled {
        Some(model.task.score(&margins, &model.task.map_labels(&loaded.data.labels)?))
    } else {
        None
    };
    match &args.output {
        Some(path) => write_whole(path, text.as_bytes())?,
        None if !args.json => output::text(&text)?,
        None => {}
    }
    if args.json {
        let predictions: Vec<&str> = text.lines().collect();
        let shown = if args.output.is_none() { json!(predictions) } else { json!(null) };
        output::json(
            &json!({"rows": predictions.len(), "score": score, "predictions": shown, "written": args.output}),
        )?;
    } else if let Some(score) = score {
        let line = match score {
            Score::Accuracy(x) => format!("accuracy {x:.4}"),
            Score::Rmse(x) => format!("root mean square error {x:.6}"),
        };
        output::note(&format!("{line} on {} rows", loaded.data.labels.len()));
    }
    Ok(0)
}
