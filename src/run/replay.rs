//! A run again, with the replies that counted in an earlier one: what a real fleet's timing did, without its timing.

use super::config::TrainConfig;
use super::train::make_code;
use crate::error::{Error, Result};
use crate::fleet::Arrivals;
use crate::trace::{ArrivalRecord, DataRecord, RunRecord};

/// What may differ from the recorded run: where it runs, and how long. All else decides what is sent, or what comes back.
const FREE: [&str; 5] = ["fleet", "threads", "gather", "iterations", "time-limit"];

impl TrainConfig {
    /// The arrivals of a record, where this configuration gives the same run; of training, or of a
    /// [`LinearRun`](super::LinearRun)'s algorithm.
    ///
    /// # Errors
    /// [`Error::Usage`] for a record of another configuration or algorithm, of a run that gathered no replies to coded products,
    /// or a method whose rounds are others.
    pub fn check_replay(&self, algorithm: Option<&str>, record: &RunRecord) -> Result<Arrivals> {
        if self.is_local()? || self.is_encoded() || self.gradient_code()?.is_some() {
            let allowed = "a code for products: rounds of others are of virtual time, and the same for the same seed";
            return Err(Error::usage("--replay with", self.method_and_code(), allowed));
        }
        let Some(ArrivalRecord { rounds, missing }) = record.arrivals.clone() else {
            return Err(Error::usage(
                "--replay",
                "a record without arrivals",
                "one of `train`, `eigen`, `pagerank` or `solve` with a code for products",
            ));
        };
        if record.algorithm.as_deref() != algorithm {
            let name = |algorithm: Option<&str>| algorithm.unwrap_or("training").to_owned();
            let theirs = name(record.algorithm.as_deref());
            return Err(Error::usage(
                "--replay: what the record is of",
                theirs,
                format!("{}, as here", name(algorithm)),
            ));
        }
        let (ours, theirs) = (fields(self), fields(&recorded(record)?));
        for (name, ours) in &ours {
            let theirs = theirs.get(name).unwrap_or(&serde_json::Value::Null);
            if ours != theirs && !FREE.contains(&name.as_str()) {
                let allowed = format!("{ours}, as here: of the options only {} may be others", FREE.join(", "));
                return Err(Error::usage(format!("--replay: {name} of the record"), theirs, allowed));
            }
        }
        Arrivals::of_record(make_code(self)?.workers(), rounds, missing)
    }

    fn method_and_code(&self) -> String {
        match &self.aggregator {
            Some(aggregator) => format!("--method {} and --aggregator {aggregator}", self.method),
            None => format!("--method {} and --code {}", self.method, self.code_name()),
        }
    }
}

/// Refuses a record of other data.
pub(super) fn check_data(record: &RunRecord, data: DataRecord) -> Result<()> {
    if record.data == data {
        return Ok(());
    }
    let size = |data: DataRecord| format!("{} x {} with {} stored values", data.rows, data.cols, data.nnz);
    Err(Error::usage("--replay: data of the record", size(record.data), format!("{}, as here", size(data))))
}

/// What a run leaves for another.
pub(super) fn record(arrivals: &Arrivals) -> ArrivalRecord {
    ArrivalRecord { rounds: arrivals.rounds(), missing: arrivals.missing().to_vec() }
}

/// The recorded configuration; an option that it does not name had its default.
fn recorded(record: &RunRecord) -> Result<TrainConfig> {
    serde_json::from_value(record.config.clone())
        .map_err(|e| Error::usage("--replay: configuration of the record", e, "that of a run on a fleet"))
}

fn fields(config: &TrainConfig) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(config) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    }
}
