//! `byzantine-devices`: the same training runs on the CPU, on the software adapter and on a hardware GPU, as far as this
//! machine has them: the same liars named in every iteration, and the same objective to 1e-6 relative.

use steadfast::Result;
use steadfast::data::{ReferenceSets, ReferenceTask};
use steadfast::device::DeviceInfo;
use steadfast::run::{DeviceKind, TrainConfig, Training};
use steadfast::scalar::Precision;
use steadfast::trace::RunRecord;

use super::line;
use crate::args::ReproduceArgs;
use crate::output;

/// Shipped sets and their tasks, at l2 = 1e-2.
const RUNS: [(&str, ReferenceTask); 2] =
    [("spamassassin", ReferenceTask::Logistic), ("digits", ReferenceTask::Softmax)];
const L2: f64 = 1e-2;

/// Promised relative difference of objectives between devices.
const EQUAL: f64 = 1e-6;

/// One line of the table.
#[derive(Debug, Clone, serde::Serialize)]
struct Row {
    set: &'static str,
    task: &'static str,
    device: &'static str,
    fleet: String,
    status: String,
    iterations: usize,
    rounds: u64,
    objective: f64,
    /// Relative to the objective on the CPU.
    difference: f64,
    /// Relative to the reference optimum.
    relative_gap: f64,
    /// Iterations whose record names other liars than the CPU's, those that only one of the two has included.
    other_liars: usize,
    missed: usize,
    accused: usize,
    seconds: f64,
}

impl Row {
    fn holds(&self) -> bool {
        self.difference <= EQUAL && self.other_liars + self.missed + self.accused == 0
    }
}

#[cfg(feature = "gpu")]
fn adapters() -> Vec<DeviceInfo> {
    steadfast::device::gpu::adapters()
}

#[cfg(not(feature = "gpu"))]
fn adapters() -> Vec<DeviceInfo> {
    Vec::new()
}

/// The devices to compare: name, choice, and whether this machine has it.
fn candidates(adapters: &[DeviceInfo]) -> [(&'static str, DeviceKind, bool); 3] {
    [
        ("cpu", DeviceKind::Cpu, true),
        ("gpu-software", DeviceKind::GpuSoftware, adapters.iter().any(|a| a.software)),
        // The best adapter comes first, so that `gpu` takes the hardware where there is any.
        ("gpu", DeviceKind::Gpu, adapters.iter().any(|a| !a.software)),
    ]
}

/// Iterations in which the two records name different liars.
fn other_liars(a: &RunRecord, b: &RunRecord) -> usize {
    let named = |r: &RunRecord, at: usize| r.iterations.get(at).map(|i| i.liars.clone());
    (0..a.iterations.len().max(b.iterations.len())).filter(|&at| named(a, at) != named(b, at)).count()
}

/// Runs the command.
pub fn run(args: &ReproduceArgs) -> Result<u8> {
    let sets = ReferenceSets::open()?;
    let devices = candidates(&adapters());
    for (name, _, there) in &devices {
        line(args, format!("{name}: {}", if *there { "compared" } else { "not on this machine" }));
    }
    line(args, "f32, m = 15, 4 liars (sign-flip) that change every round, 1 slow worker");
    line(
        args,
        format!(
            "{:14} {:9} {:13} {:12} {:>5} {:>6} {:>16} {:>10} {:>8} {:>11} {:>6} {:>7} {:>7}",
            "set",
            "task",
            "device",
            "status",
            "iter",
            "rounds",
            "objective",
            "to cpu",
            "gap",
            "other liars",
            "missed",
            "accused",
            "s"
        ),
    );
    let mut rows: Vec<Row> = Vec::new();
    for (set, task) in RUNS {
        let found = sets.get(set)?;
        let data = found.load()?;
        let optimum = found.problems.iter().find(|p| p.task == task && p.l2 == L2).map_or(f64::NAN, |p| p.optimum);
        let mut on_cpu: Option<RunRecord> = None;
        for (device, kind, there) in devices {
            if !there {
                continue;
            }
            let config = TrainConfig {
                task: Some(task.name().into()),
                l2: L2,
                liars: 4,
                stragglers: 1,
                inject_liars: 4,
                inject_slow: 1,
                attack: "sign-flip".into(),
                precision: Some(Precision::F32),
                device: kind,
                tolerance: 1e-4,
                seed: args.seed,
                ..TrainConfig::default()
            };
            let trained = Training::new(config).command("reproduce byzantine-devices").run(data.clone())?;
            if let Some(error) = trained.error {
                return Err(error);
            }
            let record = trained.record;
            let reference = on_cpu.get_or_insert_with(|| record.clone());
            let end = &record.end;
            let naming = end.naming.unwrap_or_default();
            let row = Row {
                set,
                task: task.name(),
                device,
                fleet: record.fleet.clone(),
                status: end.status.clone(),
                iterations: end.iterations,
                rounds: end.rounds,
                objective: end.objective,
                difference: ((end.objective - reference.end.objective) / reference.end.objective).abs(),
                relative_gap: (end.objective - optimum) / optimum,
                other_liars: other_liars(reference, &record),
                missed: naming.misses,
                accused: naming.innocents_accused,
                seconds: end.wall_seconds,
            };
            line(
                args,
                format!(
                    "{:14} {:9} {:13} {:12} {:5} {:6} {:16.12} {:10.1e} {:8.1e} {:11} {:6} {:7} {:7.2}  {}",
                    row.set,
                    row.task,
                    row.device,
                    row.status,
                    row.iterations,
                    row.rounds,
                    row.objective,
                    row.difference,
                    row.relative_gap,
                    row.other_liars,
                    row.missed,
                    row.accused,
                    row.seconds,
                    if row.holds() { &row.fleet } else { "DOES NOT HOLD" },
                ),
            );
            rows.push(row);
        }
    }
    if args.json {
        output::json(&rows)?;
    }
    Ok(u8::from(rows.iter().any(|r| !r.holds())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use steadfast::trace::IterationRecord;

    #[test]
    fn records_are_compared_iteration_by_iteration() {
        let record = |liars: &[&[usize]]| RunRecord {
            iterations: liars
                .iter()
                .map(|l| IterationRecord { liars: l.to_vec(), ..IterationRecord::default() })
                .collect(),
            ..RunRecord::default()
        };
        let one = record(&[&[1, 2], &[3], &[4]]);
        assert_eq!(other_liars(&one, &one.clone()), 0);
        assert_eq!(other_liars(&one, &record(&[&[1, 2], &[5], &[4]])), 1);
        assert_eq!(other_liars(&record(&[&[1, 2]]), &one), 2);
    }

    #[test]
    fn software_and_hardware_are_told_apart() {
        let adapter =
            |software| DeviceInfo { kind: "gpu".into(), name: String::new(), detail: String::new(), software };
        let there = |adapters: &[DeviceInfo]| candidates(adapters).map(|(.., there)| there);
        assert_eq!(there(&[]), [true, false, false]);
        assert_eq!(there(&[adapter(true)]), [true, true, false]);
        assert_eq!(there(&[adapter(false), adapter(true)]), [true, true, true]);
    }
}
