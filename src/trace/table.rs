//! The final table of a run, as text.

use super::record::{EncodedRecord, RunRecord};

/// In how many iterations each worker is named, as `worker (times)`, most often first.
fn tally<'a>(lists: impl Iterator<Item = &'a Vec<usize>>, count: usize) -> String {
    let mut times = vec![0usize; count];
    for &worker in lists.flatten() {
        if let Some(t) = times.get_mut(worker) {
            *t += 1;
        }
    }
    let mut order: Vec<usize> = (0..count).filter(|&w| times[w] > 0).collect();
    order.sort_by_key(|&w| (std::cmp::Reverse(times[w]), w));
    if order.is_empty() {
        return "none".into();
    }
    let shown: Vec<String> = order.iter().take(8).map(|&w| format!("{w} ({})", times[w])).collect();
    let more = order.len().saturating_sub(8);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

/// A number of seconds with a unit that fits.
fn seconds(s: f64) -> String {
    if s < 1e-3 {
        format!("{:.0} us", s * 1e6)
    } else if s < 1.0 {
        format!("{:.1} ms", s * 1e3)
    } else {
        format!("{s:.2} s")
    }
}

/// What is known of the error of the decoded values, and from what.
fn certificate(record: &RunRecord) -> String {
    let end = &record.end;
    let all = record.iterations.len();
    if all == 0 {
        return "none: no iteration was finished".into();
    }
    if end.certified {
        let (liars, stragglers) = (record.code.liars, record.code.stragglers);
        let bound = format!(
            "with up to {liars} liars and {stragglers} stragglers, no decoded value is off by more than {:.2e}",
            end.bound
        );
        return match record.iterations.iter().filter(|i| i.keyed).count() {
            0 => format!("certified: {bound}"),
            keyed => format!(
                "certified by the secret keys (the code alone could not in {keyed} of {all} iterations): {bound}"
            ),
        };
    }
    if let Some(encoded) = &record.code.encoded {
        return approximate(record, encoded);
    }
    if record.code.approximate {
        return "approximate: a robust aggregator's estimate of the gradient, with no bound on its error".into();
    }
    if record.code.name.starts_with("gradient-coding") {
        return "NOT certified: a code for stragglers can't detect lies".into();
    }
    if record.code.blocks == record.code.workers {
        return "NOT certified: a code without redundancy can't detect lies".into();
    }
    let open = record.iterations.iter().filter(|i| !i.certified).count();
    format!("NOT certified in {open} of {all} iterations: beyond the code's guarantee, as --uncertified allows")
}

/// What stands in a certificate's place where nothing is decoded.
fn approximate(record: &RunRecord, encoded: &EncodedRecord) -> String {
    let (k, m) = (encoded.first, record.code.workers);
    if encoded.columns {
        return format!("approximate on the way, exact in the limit: the first {k} of {m} blocks move in each round");
    }
    let bound = match encoded.contraction {
        Some(contraction) if encoded.bound_applies => format!("applies (contraction {contraction:.4})"),
        Some(contraction) => format!("does not apply (contraction {contraction:.3}, not below 1)"),
        None if encoded.epsilon >= 0.5 => "does not apply (eps is not below 1/2)".into(),
        None => "was not checked (too many columns)".into(),
    };
    let all = if encoded.exhaustive { "all " } else { "" };
    format!(
        "approximate: the first {k} of {m} replies, never decoded; {all}{} sets of {k} keep eigenvalues {:.3} to {:.3} of 1 (eps {:.3}); the published bound {bound}",
        encoded.subsets, encoded.smallest, encoded.largest, encoded.epsilon
    )
}

/// The table that ends a training run: how it ended, what it cost, who was late, who lied, and what is certified.
pub fn final_table(record: &RunRecord) -> String {
    let end = &record.end;
    let mut rows =
        vec![("objective", format!("{:.12}", end.objective)), ("gradient norm", format!("{:.3e}", end.gradient_norm))];
    let mut row = |name, value: String| rows.push((name, value));
    if let Some(gap) = end.duality_gap {
        row("duality gap", format!("{gap:.3e}"));
    }
    if let Some(gap) = end.gap_bound {
        row("above the optimum", format!("at most {gap:.3e}"));
    }
    if let Some(score) = end.train_score {
        row("score (training)", format!("{score:.4}"));
    }
    if let Some(score) = end.test_score {
        row("score (test)", format!("{score:.4}"));
    }
    answer_table(rows, record)
}

/// [`final_table`] with other rows about the answer: names and values.
pub fn answer_table(answer: Vec<(&str, String)>, record: &RunRecord) -> String {
    let end = &record.end;
    let mut rows: Vec<(&str, String)> = vec![("status", end.status.clone())];
    rows.extend(answer);
    let mut row = |name, value: String| rows.push((name, value));
    row("iterations", format!("{} in {} rounds", end.iterations, end.rounds));
    if let Some(last) = record.iterations.last() {
        row("numbers sent", format!("{} down, {} up", last.floats_down, last.floats_up));
    }
    // Rounds of real processes take real time.
    let kind = if record.config["fleet"] == "tcp" { "in rounds" } else { "simulated" };
    row("time", format!("{} {kind}, {} on this machine", seconds(end.virtual_seconds), seconds(end.wall_seconds)));
    row(
        "code",
        format!("{} on {} workers, redundancy {:.3}", record.code.name, record.code.workers, record.code.redundancy),
    );
    row("named liars (iterations)", tally(record.iterations.iter().map(|i| &i.liars), record.code.workers));
    row("late or silent (iterations)", tally(record.iterations.iter().map(|i| &i.late), record.code.workers));
    if let Some(score) = end.naming {
        row(
            "against the injected",
            format!(
                "{} lies named, {} missed, {} innocents accused",
                score.hits, score.misses, score.innocents_accused
            ),
        );
    }
    row("certificate", certificate(record));
    if let Some(error) = &end.error {
        row("ended by", error.clone());
    }
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    rows.iter().map(|(name, value)| format!("  {name:width$}  {value}\n")).collect()
}

/// Iterations as CSV with a header.
pub fn csv(record: &RunRecord) -> String {
    let mut text = String::from(
        "iteration,objective,gradient_norm,step,rounds,communications,floats_down,floats_up,virtual_seconds,wall_seconds,late,liars,residual,bound,certified\n",
    );
    let join = |list: &[usize]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    for i in &record.iterations {
        text += &format!(
            "{},{:e},{:e},{:e},{},{},{},{},{:e},{:e},{},{},{:e},{:e},{}\n",
            i.iteration,
            i.objective,
            i.gradient_norm,
            i.step,
            i.rounds,
            i.communications,
            i.floats_down,
            i.floats_up,
            i.virtual_seconds,
            i.wall_seconds,
            join(&i.late),
            join(&i.liars),
            i.residual,
            i.bound,
            i.certified
        );
    }
    text
}
