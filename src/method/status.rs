//! How a run ended.

/// The number that `--tolerance` was compared with when a run converged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criterion {
    /// The Euclidean norm of the gradient: smooth problems.
    GradientNorm,
    /// F(w) minus the best lower bound a dual point gave: non-smooth problems that have one.
    DualityGap,
    /// `|w - prox(w - s g)| / s`: the other non-smooth and constrained problems.
    ProximalStep,
}

/// How a run ended. In JSON it is `{"status": "converged", "criterion": "gradient-norm"}`, `{"status": "rounding"}`, ...,
/// made to be flattened into the record's `final`.
///
/// ```
/// use steadfast::method::{Criterion, Status};
/// let status = Status::Converged { criterion: Criterion::DualityGap };
/// assert!(status.is_solved() && status.exit_status() == 0);
/// assert_eq!(status.to_string(), "converged (duality gap)");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum Status {
    /// The tolerance was met.
    Converged {
        /// What met it.
        criterion: Criterion,
    },
    /// The tolerance was not met, but neither F nor its gradient can be told from rounding any more.
    Rounding,
    /// The tolerance was not met, and the estimates of an approximate code fall no more: the answer is as good as it gets.
    Plateau,
    /// The allowed number of iterations passed first.
    IterationLimit,
    /// The allowed time passed first.
    TimeLimit,
    /// The user stopped it.
    Interrupted,
}

impl Status {
    /// True when the run found what its arithmetic and its code can find.
    pub fn is_solved(self) -> bool {
        matches!(self, Status::Converged { .. } | Status::Rounding | Status::Plateau)
    }

    /// The command line's exit status: 0 solved, 4 stopped by a limit, 130 interrupted.
    pub fn exit_status(self) -> u8 {
        match self {
            Status::Converged { .. } | Status::Rounding | Status::Plateau => 0,
            Status::IterationLimit | Status::TimeLimit => 4,
            Status::Interrupted => 130,
        }
    }

    /// The kebab-case name in records.
    pub fn name(self) -> &'static str {
        match self {
            Status::Converged { .. } => "converged",
            Status::Rounding => "rounding",
            Status::Plateau => "plateau",
            Status::IterationLimit => "iteration-limit",
            Status::TimeLimit => "time-limit",
            Status::Interrupted => "interrupted",
        }
    }
}

impl std::fmt::Display for Criterion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Criterion::GradientNorm => "gradient norm",
            Criterion::DualityGap => "duality gap",
            Criterion::ProximalStep => "proximal step",
        })
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Status::Converged { criterion } => write!(f, "converged ({criterion})"),
            other => f.write_str(other.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_names_are_kebab_case_and_round_trip() {
        let all = [
            (
                Status::Converged { criterion: Criterion::GradientNorm },
                r#"{"status":"converged","criterion":"gradient-norm"}"#,
            ),
            (
                Status::Converged { criterion: Criterion::ProximalStep },
                r#"{"status":"converged","criterion":"proximal-step"}"#,
            ),
            (Status::Rounding, r#"{"status":"rounding"}"#),
            (Status::Plateau, r#"{"status":"plateau"}"#),
            (Status::IterationLimit, r#"{"status":"iteration-limit"}"#),
            (Status::TimeLimit, r#"{"status":"time-limit"}"#),
            (Status::Interrupted, r#"{"status":"interrupted"}"#),
        ];
        for (status, json) in all {
            assert_eq!(serde_json::to_string(&status).unwrap(), json);
            assert_eq!(serde_json::from_str::<Status>(json).unwrap(), status);
            assert!(json.contains(status.name()));
        }
    }
}
