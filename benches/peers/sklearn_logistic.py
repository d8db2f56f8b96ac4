"""scikit-learn's logistic regression on letter_am_poly3 (20,000 x 968, f64), to the same relative gap as our methods.

    STEADFAST_DATA=FOLDER python3 benches/peers/sklearn_logistic.py
    STEADFAST_DATA=FOLDER STEADFAST_BENCH_FULL=1 cargo bench --bench newton_end_to_end

FOLDER holds letter.svm.xz and reference.json. Where scikit-learn is not installed, it is installed into a virtual environment
under target/peers. Of each solver the time of the loosest tolerance (10^-2, 10^-3, ...) that reaches the gap is printed.
"""

import json
import lzma
import os
import subprocess
import sys
import time
from pathlib import Path

RELATIVE_GAP = 1e-8


def with_sklearn():
    """Runs this script again in an environment that has scikit-learn."""
    environment = Path(__file__).resolve().parents[2] / "target" / "peers" / "sklearn"
    python = environment / "bin" / "python3"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "scikit-learn"], check=True)
    os.execv(python, [python, *sys.argv])


# Some shells name an older processor here, which halves OpenBLAS's speed.
os.environ.pop("OPENBLAS_CORETYPE", None)
try:
    import numpy as np
    import sklearn
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import PolynomialFeatures
except ImportError:
    with_sklearn()


def letter_am_poly3(folder):
    """Monomials of degree 1 to 3 of the 16 columns, standardized; +1 for the letters A to M, else -1."""
    rows, labels = [], []
    with lzma.open(folder / "letter.svm.xz", "rt") as lines:
        for line in lines:
            label, *cells = line.split()
            row = np.zeros(16)
            for cell in cells:
                column, value = cell.split(":")
                row[int(column) - 1] = float(value)
            rows.append(row)
            labels.append(1.0 if float(label) <= 12 else -1.0)
    x = PolynomialFeatures(degree=3, include_bias=False).fit_transform(np.array(rows))
    return (x - x.mean(axis=0)) / x.std(axis=0), np.array(labels)


def objective(x, y, w, l2):
    return np.logaddexp(0.0, -y * (x @ w)).mean() + l2 / 2 * (w @ w)


def main():
    folder = Path(os.environ["STEADFAST_DATA"])
    reference = json.loads((folder / "reference.json").read_text())["sets"]["letter"]["letter_am_poly3"]
    x, y = letter_am_poly3(folder)
    print(f"scikit-learn {sklearn.__version__}, numpy {np.__version__}, {x.shape[0]} x {x.shape[1]}")
    for problem in reference["logistic"]:
        l2, optimum = problem["lambda_"], problem["f"]
        for solver in ("newton-cholesky", "lbfgs"):
            for exponent in range(2, 12):
                model = LogisticRegression(
                    C=1 / (l2 * len(y)), fit_intercept=False, solver=solver, tol=10.0**-exponent, max_iter=5000
                )
                start = time.perf_counter()
                model.fit(x, y)
                seconds = time.perf_counter() - start
                gap = (objective(x, y, model.coef_[0], l2) - optimum) / optimum
                if gap <= RELATIVE_GAP:
                    break
            iterations = model.n_iter_[0]
            print(f"{solver} l2={l2:g}: {seconds:.2f} s, {iterations} iterations, relative gap {gap:.1e}", flush=True)


main()
