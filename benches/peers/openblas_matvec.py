"""Best time of numpy's X @ w (OpenBLAS, one thread), for the shard sizes named on the command line.

    python3 benches/peers/openblas_matvec.py 770x250 20x10000
    STEADFAST_BENCH_BEST=0.3 cargo bench --bench kernels -- 770x250 20x10000

Without sizes: all shards of paper 002's two experiments, (10,000 x 250) with 1 to 7 liars of 15 workers and (20,000 x 22,000)
with 1 to 6. BENCH_SECONDS (0.3) is the time spent on each size.
"""

import os
import sys
import time

os.environ["OPENBLAS_NUM_THREADS"] = "1"
# Some shells name an older processor here, which halves OpenBLAS's speed.
os.environ.pop("OPENBLAS_CORETYPE", None)

import numpy as np  # noqa: E402  (the environment must be set first)


def paper_sizes():
    sizes = []
    for rows, cols, most_liars in ((10_000, 250, 7), (20_000, 22_000, 6)):
        for liars in range(1, most_liars + 1):
            q = 15 - 2 * liars
            sizes += [(-(-rows // q), cols), (-(-cols // q), rows)]
    return sizes


def best(rows, cols, dtype, seconds):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, cols), dtype=np.float32).astype(dtype)
    w = rng.standard_normal(cols, dtype=np.float32).astype(dtype)
    shortest, runs = float("inf"), 0
    end = time.perf_counter() + seconds
    while runs < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        x @ w
        shortest = min(shortest, time.perf_counter() - start)
        runs += 1
    return shortest, x.nbytes


def main():
    sizes = [tuple(map(int, size.split("x"))) for size in sys.argv[1:]] or paper_sizes()
    seconds = float(os.environ.get("BENCH_SECONDS", "0.3"))
    for rows, cols in sizes:
        for name, dtype in (("f32", np.float32), ("f64", np.float64)):
            time_of_one, size = best(rows, cols, dtype, seconds)
            print(f"numpy {name} {rows}x{cols} {time_of_one * 1e6:.2f} us {size / time_of_one * 1e-9:.1f} GB/s", flush=True)


if __name__ == "__main__":
    main()
