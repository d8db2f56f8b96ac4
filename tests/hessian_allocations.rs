//! Once warm, Hessian blocks allocate nothing of their own. On its own, because it counts the allocations of a thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::borrow::Cow;
use std::cell::Cell;

use steadfast::data::{Csr, Dense, Matrix};
use steadfast::device::{CpuHessian, HessianDevice, HessianScratch, sketch_rows};
use steadfast::kernel::{Curvature, SketchBlock, SketchKind};

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

const ROWS: usize = 700;
const COLS: usize = 20;

/// Allocations of the third of three calls, in a pool of one thread.
fn third(mut call: impl FnMut(u64) + Send) -> u64 {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        call(0);
        call(1);
        let before = COUNT.get();
        call(2);
        COUNT.get() - before
    })
}

fn matrices() -> [Matrix<f32>; 2] {
    let values = (0..ROWS * COLS).map(|i| (i % 17) as f32).collect();
    let dense = Matrix::Dense(Dense::new(ROWS, COLS, values).unwrap());
    let columns = (0..ROWS as u32).map(|i| i % COLS as u32).collect();
    [dense, Matrix::Csr(Csr::new(ROWS, COLS, (0..=ROWS).collect(), columns, vec![1.0; ROWS]).unwrap())]
}

fn block(iteration: u64) -> SketchBlock {
    SketchBlock { kind: SketchKind::CountSketch, seed: 1, iteration, block: 0, buckets: 60 }
}

#[test]
fn warm_hessian_blocks_allocate_nothing() {
    let roots = vec![0.5; ROWS];
    let curvature = Curvature::Scalar(&roots);
    for matrix in matrices() {
        let mut scratch = HessianScratch::default();
        let mut rows = vec![0.0; 60 * COLS];
        let allocated = third(|iteration| {
            sketch_rows(&matrix, &curvature, &block(iteration), &mut scratch, &mut rows).unwrap();
        });
        assert_eq!(allocated, 0, "sketch_rows");

        let mut device = CpuHessian::new(Cow::Borrowed(&matrix));
        let mut out = vec![0.0; COLS * COLS];
        let allocated = third(|iteration| {
            device.sketched_gram(&curvature, &[block(iteration)], &mut |_, block| out.copy_from_slice(block)).unwrap();
        });
        assert_eq!(allocated, 0, "sketched_gram");
        let allocated = third(|_| device.exact_gram(&curvature, 0..ROWS, &mut out).unwrap());
        assert_eq!(allocated, 0, "exact_gram");
    }
}
