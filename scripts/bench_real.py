#!/usr/bin/env python3
"""Scans of 30 points on real data, against scikit-learn on the same events.

For each of 5 fixed splits a quarter of the events is put aside as the test file. `coxswain run` searches on the other
three quarters (configs/higgs_scan.cfg, configs/magic_scan.cfg), choosing on its validation part, and the test area
under the ROC curve of its best point is compared with scikit-learn's MLPClassifier((64, 64)), which trains on all of
the three quarters, as it comes and with its early stopping (the better of the two counts), and with gradient boosting.
MNIST is one run of configs/mnist.cfg.

A set whose files are not in --data is skipped, and says so. Needs numpy and scikit-learn.

usage: bench_real.py [--data DIR] [--sets higgs,magic,mnist] [--splits 1,2,3,4,5] [--ranks 2] [--coxswain FILE]
                     [--work DIR] [--json FILE]
"""
import argparse
import csv
import gzip
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import warnings

try:
    import numpy as np
    import sklearn
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.neural_network import MLPClassifier
    from sklearn.preprocessing import StandardScaler
except ImportError as missing:
    sys.exit(f"bench_real.py: {missing.name} is missing: apt-get install python3-sklearn, or pip install scikit-learn "
             "in a virtual environment and run this script with its python")

ROOT = pathlib.Path(__file__).resolve().parent.parent

SETS = {
    "higgs": {"file": "higgs_atlas/atlas_higgs_2014_part.csv.gz", "label": "Label", "positive": "s", "classes": "b,s",
              "drop": ["EventId", "Weight", "KaggleSet", "KaggleWeight"], "missing": -999.0,
              "config": "higgs_scan.cfg"},
    "magic": {"file": "magic/magic04.csv.gz", "label": "class", "positive": "g", "classes": "h,g", "drop": [], "missing": None,
              "config": "magic_scan.cfg"},
}
MNIST = ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
         "t10k-labels-idx1-ubyte.gz"]


def words(text):
    return text.split(",")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--sets", type=words, default=["higgs", "magic", "mnist"])
    parser.add_argument("--splits", type=lambda text: [int(s) for s in words(text)], default=[1, 2, 3, 4, 5])
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--coxswain", type=pathlib.Path, default=ROOT / "build" / "coxswain")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / "bench_real")
    parser.add_argument("--json", type=pathlib.Path, help="append every figure to this file")
    return parser.parse_args()


def call(command):
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                       OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed ({done.returncode}):\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def coxswain_run(options, config, out, sets):
    """Runs a study from the beginning; its best trial and how long it took."""
    shutil.rmtree(out, ignore_errors=True)
    command = [options.coxswain, "run", config, "--out", out, "--quiet"]
    for key, value in sets.items():
        command += ["--set", f"{key}={value}"]
    if options.ranks > 1:
        command = ["mpirun", "-n", options.ranks, "--oversubscribe", "--bind-to", "none", *command]
    start = time.time()
    call(command)
    best = json.loads(call([options.coxswain, "best", out, "--json"]))
    return best, time.time() - start


def metric(best, name):
    """The metric of the best trial, wherever it stands in the answer."""
    if isinstance(best, dict):
        if name in best:
            return best[name]
        best = list(best.values())
    for part in best if isinstance(best, list) else []:
        found = metric(part, name)
        if found is not None:
            return found
    return None


def split_rows(rows, seed):
    order = np.random.default_rng(seed).permutation(len(rows))
    quarter = len(rows) // 4
    return [rows[i] for i in order[quarter:]], [rows[i] for i in order[:quarter]]


def arrays(head, rows, about):
    inputs = [i for i, name in enumerate(head) if name != about["label"] and name not in about["drop"]]
    x = np.array([[float(row[i]) for i in inputs] for row in rows])
    y = np.array([row[head.index(about["label"])] == about["positive"] for row in rows])
    return x, y


def peers(head, train, test, about):
    """Areas on the test quarter. The -999 stay in the MLP's inputs, where they do better than means."""
    x, y = arrays(head, train, about)
    x_test, y_test = arrays(head, test, about)
    scale = StandardScaler().fit(x)
    areas = {}
    for name, options in (("mlp", {}), ("mlp early stop", {"early_stopping": True})):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = MLPClassifier((64, 64), random_state=0, **options).fit(scale.transform(x), y)
        areas[name] = roc_auc_score(y_test, model.predict_proba(scale.transform(x_test))[:, 1])
    trees = HistGradientBoostingClassifier(random_state=0).fit(x, y)
    areas["boosted trees"] = roc_auc_score(y_test, trees.predict_proba(x_test)[:, 1])
    return areas


def import_csv(options, about, head, rows, path):
    text = path.with_suffix(".csv")
    with text.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    command = [options.coxswain, "import", text, "-o", path, "--label", about["label"],
               "--classes", about["classes"]]
    if about["drop"]:
        command += ["--drop", ",".join(about["drop"])]
    call(command)


def one_split(options, name, about, head, rows, seed):
    folder = options.work / f"{name}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    train, test = split_rows(rows, seed)
    import_csv(options, about, head, train, folder / "train.h5")
    import_csv(options, about, head, test, folder / "test.h5")
    best, seconds = coxswain_run(options, ROOT / "configs" / about["config"], folder / "study", {
        "data.files": f'("{folder}/train.h5")', "data.split": '"files"', "data.seed": seed,
        "data.test_files.quarter": f'("{folder}/test.h5")', "data.validation": 0.2})
    return {"set": name, "split": seed, "coxswain": metric(best, "test_quarter_auc"), "seconds": round(seconds, 1),
            **peers(head, train, test, about)}


def report(name, results):
    ours = np.array([r["coxswain"] for r in results])
    mlp = np.array([max(r["mlp"], r["mlp early stop"]) for r in results])
    trees = np.array([r["boosted trees"] for r in results])
    print(f"{name}: mean {ours.mean():.4f} against {mlp.mean():.4f} of the better MLP ({(ours > mlp).sum()} of "
          f"{len(ours)} splits won) and {trees.mean():.4f} of boosted trees ({(ours > trees).sum()} won)\n", flush=True)
    return ours.mean() > mlp.mean() and (ours > mlp).sum() >= 0.8 * len(ours)


def keep(options, result):
    if options.json:
        with options.json.open("a") as file:
            file.write(json.dumps({**result, "scikit-learn": sklearn.__version__}) + "\n")


def scan(options, name):
    about = SETS[name]
    path = options.data / about["file"]
    if not path.exists():
        print(f"SKIP {name}: {path} is not there")
        return True
    with gzip.open(path, "rt") as file:
        head, *rows = csv.reader(file)
    columns = ["coxswain", "mlp", "mlp early stop", "boosted trees"]
    print(f"{name}, test AUC (scikit-learn {sklearn.__version__})\nsplit  " + "".join(f"{c:>16}" for c in columns) +
          f"{'seconds':>10}", flush=True)
    results = []
    for seed in options.splits:
        result = one_split(options, name, about, head, rows, seed)
        print(f"{seed:5d}  " + "".join(f"{result[c]:16.4f}" for c in columns) + f"{result['seconds']:10.1f}", flush=True)
        keep(options, result)
        results.append(result)
    return report(name, results)


def mnist(options):
    folder = options.data / "mnist"
    missing = [name for name in MNIST if not (folder / name).exists()]
    if missing:
        print(f"SKIP mnist: {folder / missing[0]} is not there")
        return True
    work = options.work / "mnist"
    work.mkdir(parents=True, exist_ok=True)
    train, test = ([folder / name for name in MNIST[i:i + 2]] for i in (0, 2))
    call([options.coxswain, "import", "--idx", *train, "--idx-test", *test, "-o", work / "mnist.h5"])
    best, seconds = coxswain_run(options, ROOT / "configs" / "mnist.cfg", work / "study", {
        "data.files": f'("{work}/mnist.h5")', "data.test_files.t10k": f'("{work}/mnist_test.h5")'})
    accuracy = metric(best, "test_t10k_accuracy")
    print(f"mnist: {100 * accuracy:.2f} % of the test digits, one hidden layer, {seconds:.0f} s")
    keep(options, {"set": "mnist", "accuracy": accuracy, "seconds": round(seconds, 1)})
    return accuracy >= 0.98


def main():
    options = parse()
    options.work = options.work.resolve()
    if not options.coxswain.exists():
        sys.exit(f"bench_real.py: {options.coxswain} is not there: build first (cmake -S . -B build && cmake --build build)")
    good = [mnist(options) if name == "mnist" else scan(options, name) for name in options.sets]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
