//! Once warm, a simulated round allocates nothing. On its own, because it counts the allocations of its process's thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use steadfast::data::{Dense, Matrix, Operand, ShardSink};
use steadfast::device::{Batch, Device, DeviceInfo};
use steadfast::fleet::{Attack, Clock, Delay, FaultPlan, Fleet, Gather, Opcode, Request, Round, SimulatedFleet};
use steadfast::seed::Seed;

thread_local!(static COUNT: Cell<u64> = const { Cell::new(0) });

struct Counting;

// SAFETY: everything is passed on to the system's allocator; counting touches a thread-local number without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise about `layout` is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `alloc` above with the same `layout`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const M: usize = 12;
const ROWS: usize = 50;
const COLS: usize = 7;

/// Replies with the sum of the broadcast.
struct Sums;

impl Device<f32> for Sums {
    fn info(&self) -> DeviceInfo {
        DeviceInfo { kind: "cpu".into(), name: "sums".into(), detail: String::new(), software: false }
    }

    fn upload(&mut self, _: usize, _: Operand, _: Matrix<f32>) -> steadfast::Result<()> {
        Ok(())
    }

    fn shape(&self, _: usize, _: Operand) -> Option<(usize, usize)> {
        Some((ROWS, COLS))
    }

    fn run(&mut self, _: &Batch<'_>, broadcast: &[f32], replies: &mut [f32]) -> steadfast::Result<()> {
        replies.fill(broadcast.iter().sum());
        Ok(())
    }
}

#[test]
fn a_warm_round_allocates_nothing() {
    for attack in ["gaussian", "sign-flip", "replay", "collude", "nan"] {
        let plan = FaultPlan::new(M, Seed(3)).liars(3, Attack::parse(attack).unwrap()).changing(true).slow(2).dead(1);
        let (faults, witness) = plan.split().unwrap();
        let clock = Clock { delay: Delay::parse("lambda").unwrap(), ..Clock::default() };
        let mut fleet = SimulatedFleet::new(Box::new(Sums), faults, clock);
        for worker in 0..M {
            let shard = Matrix::Dense(Dense::new(ROWS, COLS, vec![1.0; ROWS * COLS]).unwrap());
            fleet.accept(worker, Operand::ROWS, shard).unwrap();
        }
        let (mut round, caps) = (Round::new(M), [f64::INFINITY; M]);
        let (mut weights, mut residuals) = ([0.0; COLS], [0.0; ROWS]);
        let mut run = |number: u64| {
            weights.fill(number as f64);
            residuals.fill(number as f64);
            let before = COUNT.with(Cell::get);
            let (opcode, payload, reply_len) = match number % 2 {
                0 => (Opcode::Product, &weights[..], ROWS),
                _ => (Opcode::TransposedProduct, &residuals[..], COLS),
            };
            let request = Request { round: number, opcode, operand: Operand::ROWS, vectors: 1 };
            round.begin(&request, reply_len, Gather::First(8), &caps).unwrap();
            fleet.run(&request, payload, &mut round, &|_, _| false).unwrap();
            COUNT.with(Cell::get) - before
        };
        // Warm once every worker has lied, with both shapes: 3 of 11 lie, and a worker is missed by 2 x 100 draws with a
        // chance of (8/11)^100 = 1e-14.
        let cold: u64 = (0..200).map(&mut run).sum();
        assert!(cold > 0, "the allocator does not count");
        let warm: u64 = (200..300).map(&mut run).sum();
        assert_eq!(warm, 0, "{attack}");
        assert_eq!(witness.take().liars.len(), M - 1);
    }
}
