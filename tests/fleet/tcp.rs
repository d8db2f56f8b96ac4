//! Real worker processes on the loopback interface, killed, stopped and lied to; and workers in threads of this process
//! where the process does not matter.

use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use steadfast::data::{Matrix, Operand};
use steadfast::device::{Batch, Device, DeviceInfo};
use steadfast::fleet::tcp::{DeviceFactory, Invitation, Served, serve_worker};
use steadfast::fleet::{Attack, Clock, FaultPlan, Faults, Fleet, Gather, Round, TcpFleet, TcpOptions};
use steadfast::scalar::Element;
use steadfast::seed::Seed;
use steadfast::{Error, Result};

use crate::device::{Log, PlainDevice, load, reply, run_product, simulated};

/// Milliseconds that a worker process thinks about each request.
const THINKS: &str = "STEADFAST_TEST_THINKS_MS";

/// Plain devices that take their time.
pub struct Plain(pub Duration);

struct Thoughtful<T>(PlainDevice<T>, Duration);

impl<T: Element> Device<T> for Thoughtful<T> {
    fn info(&self) -> DeviceInfo {
        self.0.info()
    }

    fn upload(&mut self, worker: usize, operand: Operand, shard: Matrix<T>) -> Result<()> {
        self.0.upload(worker, operand, shard)
    }

    fn shape(&self, worker: usize, operand: Operand) -> Option<(usize, usize)> {
        self.0.shape(worker, operand)
    }

    fn run(&mut self, batch: &Batch<'_>, broadcast: &[T::Acc], replies: &mut [T::Acc]) -> Result<()> {
        std::thread::sleep(self.1);
        self.0.run(batch, broadcast, replies)
    }
}

impl DeviceFactory for Plain {
    fn make<T: Element>(&self) -> Result<Box<dyn Device<T>>> {
        Ok(Box::new(Thoughtful(PlainDevice::<T>::new(Log::default()), self.0)))
    }
}

/// Not a test of its own: what a worker process of the tests below runs.
#[test]
#[ignore = "started by other tests as a worker process"]
fn worker_process() {
    let Some(invitation) = Invitation::from_env().unwrap() else { return };
    let thinks = std::env::var(THINKS).map_or(0, |ms| ms.parse().unwrap());
    serve_worker(&invitation, &Plain(Duration::from_millis(thinks))).unwrap();
}

fn child(invitation: &Invitation, thinks: u64) -> std::io::Result<Option<Child>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--exact", "tcp::worker_process", "--ignored"]).env(THINKS, thinks.to_string());
    command.stdout(Stdio::null());
    invitation.give(&mut command).spawn().map(Some)
}

/// A loaded fleet of child processes.
fn processes<T: Element>(faults: Faults, options: TcpOptions, thinks: u64) -> TcpFleet<T> {
    let workers = faults.workers();
    let mut fleet = TcpFleet::start(faults, options, &mut |invitation| child(invitation, thinks)).unwrap();
    load(&mut fleet, workers);
    fleet
}

/// A loaded fleet of threads; the receiver gets how each ended.
fn threads<T: Element>(faults: Faults, options: TcpOptions) -> (TcpFleet<T>, mpsc::Receiver<(usize, Result<Served>)>) {
    let (send, ended) = mpsc::channel();
    let workers = faults.workers();
    let mut fleet = TcpFleet::start(faults, options, &mut |invitation| {
        let (invitation, send) = (invitation.clone(), send.clone());
        std::thread::spawn(move || {
            let served = serve_worker(&invitation, &Plain(Duration::ZERO));
            let _ = send.send((invitation.worker(), served));
        });
        Ok(None)
    })
    .unwrap();
    load(&mut fleet, workers);
    (fleet, ended)
}

pub fn patient() -> TcpOptions {
    TcpOptions::default()
}

pub fn deadline(ms: u64) -> TcpOptions {
    TcpOptions { deadline: Duration::from_millis(ms), ..TcpOptions::default() }
}

fn signal(name: &str, process: u32) -> bool {
    let status = Command::new("kill").args([name, &process.to_string()]).stderr(Stdio::null()).status();
    status.is_ok_and(|s| s.success())
}

/// What the simulated fleet holds after the same round, whoever is missing.
pub fn assert_same_as_simulated<T: Element>(round: &Round, number: u64, plan: &FaultPlan) {
    let (mut fleet, _) = simulated::<T>(plan.clone().split().unwrap().0, Clock::default());
    let mut truth = Round::new(round.workers());
    // From the start, as some attacks remember.
    for number in 0..=number {
        run_product(&mut fleet, &mut truth, number, Gather::All).unwrap();
    }
    for worker in (0..round.workers()).filter(|&w| round.present()[w]) {
        let (got, want) = (reply(round, worker), reply(&truth, worker));
        assert!(got.iter().zip(want).all(|(a, b)| a.to_bits() == b.to_bits()), "round {number}, worker {worker}");
    }
}

#[test]
fn processes_send_the_bits_that_simulated_workers_send() {
    let attacks = ["gaussian", "replay", "collude"];
    for (attack, changing) in attacks.into_iter().zip([true, true, false]) {
        let plan = FaultPlan::new(5, Seed(6)).liars(2, Attack::parse(attack).unwrap()).changing(changing);
        let (faults, witness) = plan.clone().split().unwrap();
        let mut fleet = processes::<f64>(faults, patient(), 0);
        let (faults, expected) = plan.clone().split().unwrap();
        let (mut other, _) = simulated::<f64>(faults, Clock::default());
        let (mut round, mut truth) = (Round::new(5), Round::new(5));
        for number in 0..4 {
            run_product(&mut fleet, &mut round, number, Gather::All).unwrap();
            run_product(&mut other, &mut truth, number, Gather::All).unwrap();
            assert!(round.missing().is_empty());
            assert_same_as_simulated::<f64>(&round, number, &plan);
            assert_eq!(witness.take(), expected.take(), "{attack}");
        }
        assert_eq!(fleet.counters(), other.counters());
    }
}

#[test]
fn every_precision_goes_over_the_wire() {
    fn all<T: Element>() {
        let plan = FaultPlan::new(3, Seed(6)).liars(1, Attack::Gaussian { sigma: 1.0 });
        let (mut fleet, ended) = threads::<T>(plan.clone().split().unwrap().0, patient());
        let mut round = Round::new(3);
        for number in 0..2 {
            run_product(&mut fleet, &mut round, number, Gather::All).unwrap();
            assert!(round.missing().is_empty());
            assert_same_as_simulated::<T>(&round, number, &plan);
        }
        drop(fleet);
        assert!(ended.iter().all(|(_, served)| served.unwrap() == Served::Stopped));
    }
    all::<f64>();
    all::<f32>();
    all::<half::f16>();
}

#[test]
fn a_worker_killed_in_the_middle_of_a_round_is_an_erasure() {
    let plan = FaultPlan::new(4, Seed(1));
    let mut fleet = processes::<f64>(Faults::none(4), patient(), 300);
    let mut round = Round::new(4);
    run_product(&mut fleet, &mut round, 0, Gather::All).unwrap();
    assert!(round.missing().is_empty());
    let victim = fleet.process_ids()[2];
    let killer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        assert!(signal("-KILL", victim));
    });
    run_product(&mut fleet, &mut round, 1, Gather::All).unwrap();
    killer.join().unwrap();
    assert_eq!(round.missing(), [2]);
    assert_same_as_simulated::<f64>(&round, 1, &plan);
    // It did not take the deadline of 60 s to notice, and the others go on.
    assert!(round.seconds() < 30.0);
    run_product(&mut fleet, &mut round, 2, Gather::First(3)).unwrap();
    assert_eq!(round.missing(), [2]);
    assert_same_as_simulated::<f64>(&round, 2, &plan);
    assert_eq!(fleet.lost().map(|(w, _)| w).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_stopped_worker_is_an_erasure_until_it_goes_on() {
    let plan = FaultPlan::new(3, Seed(1));
    let mut fleet = processes::<f64>(Faults::none(3), deadline(3000), 0);
    let mut round = Round::new(3);
    run_product(&mut fleet, &mut round, 0, Gather::All).unwrap();
    assert!(round.missing().is_empty());
    let stopped = fleet.process_ids()[1];
    assert!(signal("-STOP", stopped));
    // The signal is delivered when the process is next scheduled: on a busy machine it could answer once more before.
    while !std::fs::read_to_string(format!("/proc/{stopped}/stat")).unwrap().contains(") T ") {
        std::thread::sleep(Duration::from_millis(5));
    }
    // Two rounds wait for it until the deadline; after that its window is full and nobody waits.
    for number in 1..=4 {
        run_product(&mut fleet, &mut round, number, Gather::All).unwrap();
        assert_eq!(round.missing(), [1], "round {number}");
        assert_eq!(round.seconds() >= 3.0, number <= 2, "round {number}: {} s", round.seconds());
        assert_same_as_simulated::<f64>(&round, number, &plan);
    }
    let before = fleet.counters();
    assert!(signal("-CONT", stopped));
    // A round that needs all three waits for it, although it was behind when the round began.
    run_product(&mut fleet, &mut round, 5, Gather::First(3)).unwrap();
    assert!(round.missing().is_empty());
    assert_same_as_simulated::<f64>(&round, 5, &plan);
    // Its two late answers were read and counted: three replies of the others and itself, and those two.
    assert_eq!(fleet.counters().floats_up - before.floats_up, 5 * round.reply_len() as u64);
    assert_eq!(fleet.lost().count(), 0);
}

#[test]
fn dropping_the_fleet_leaves_no_process_behind() {
    let fleet = processes::<f32>(Faults::none(3), TcpOptions { grace: Duration::from_millis(300), ..patient() }, 0);
    let processes = fleet.process_ids();
    assert!(processes.iter().all(|&p| signal("-0", p)));
    // One of them can't end by itself.
    assert!(signal("-STOP", processes[0]));
    drop(fleet);
    assert!(processes.iter().all(|&p| !signal("-0", p)));
}

#[test]
fn planned_faults_happen_in_the_workers_own_process() {
    let plan = FaultPlan::new(5, Seed(4)).dead(1).slow(1).slow_by(1.0, 0.5).liars(1, Attack::Zero);
    let (faults, witness) = plan.clone().split().unwrap();
    let (mut fleet, ended) = threads::<f64>(faults, patient());
    let mut round = Round::new(5);
    run_product(&mut fleet, &mut round, 0, Gather::First(3)).unwrap();
    assert_same_as_simulated::<f64>(&round, 0, &plan);
    let injected = witness.take();
    let mut missing = [injected.slow.clone(), injected.dead.clone()].concat();
    missing.sort_unstable();
    assert_eq!((injected.slow.len(), injected.dead.len()), (1, 1));
    assert_eq!(round.missing(), missing);
    assert_eq!(injected.heard, injected.liars);
    assert!(reply(&round, injected.liars[0]).iter().all(|&x| x == 0.0));
    // The slow one does answer.
    run_product(&mut fleet, &mut round, 1, Gather::All).unwrap();
    assert_eq!(round.missing(), injected.dead);
    assert!(round.seconds() >= 0.5);
    let (dead, served) = ended.recv().unwrap();
    assert_eq!((dead, served.unwrap()), (injected.dead[0], Served::Died));
}

#[test]
fn a_fleet_that_does_not_come_together_is_an_error() {
    let error = |start, launch: &mut dyn FnMut(&Invitation) -> std::io::Result<Option<Child>>| {
        let began = Instant::now();
        let options = TcpOptions { start: Duration::from_millis(start), ..patient() };
        let error = TcpFleet::<f64>::start(Faults::none(2), options, launch).map(drop).unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(20));
        error.to_string()
    };
    assert!(error(200, &mut |_| Ok(None)).contains("[0, 1] did not join within 0.2 s"));
    let ended = error(30_000, &mut |_| Command::new("false").spawn().map(Some));
    assert!(ended.contains("ended before it joined"), "{ended}");
    let missing = error(200, &mut |_| Command::new("/nonexistent/worker").spawn().map(Some));
    assert!(missing.contains("can't start worker 0"), "{missing}");
}

#[test]
fn a_worker_that_hears_nothing_ends_by_itself() {
    let options = TcpOptions { idle: Duration::from_secs(1), ..patient() };
    let (mut fleet, ended) = threads::<f64>(Faults::none(2), options);
    for _ in 0..2 {
        assert_eq!(ended.recv_timeout(Duration::from_secs(20)).unwrap().1.unwrap(), Served::Idle);
    }
    let mut round = Round::new(2);
    let error = loop {
        // The master notices when it reads the ends of the connections.
        match run_product(&mut fleet, &mut round, 0, Gather::All) {
            Ok(()) => assert_eq!(round.missing(), [0, 1]),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("no worker is left"), "{error}");
}

/// Devices that can't be made.
struct NoDevice;

impl DeviceFactory for NoDevice {
    fn make<T: Element>(&self) -> Result<Box<dyn Device<T>>> {
        Err(Error::Device { device: "none".into(), message: "out of memory".into() })
    }
}

#[test]
fn a_worker_that_fails_is_an_erasure_with_a_reason() {
    // Its word comes while shards are on their way, or has long been there.
    for pause in [Duration::ZERO, Duration::from_millis(300)] {
        let mut fleet = TcpFleet::<f64>::start(Faults::none(3), patient(), &mut |invitation| {
            let invitation = invitation.clone();
            std::thread::spawn(move || match invitation.worker() {
                1 => serve_worker(&invitation, &NoDevice),
                _ => serve_worker(&invitation, &Plain(Duration::ZERO)),
            });
            Ok(None)
        })
        .unwrap();
        std::thread::sleep(pause);
        load(&mut fleet, 3);
        let mut round = Round::new(3);
        run_product(&mut fleet, &mut round, 0, Gather::All).unwrap();
        assert_eq!(round.missing(), [1]);
        let lost: Vec<_> = fleet.lost().collect();
        assert_eq!(lost.len(), 1);
        assert!(lost[0].1.contains("out of memory"), "{lost:?}");
    }
}
