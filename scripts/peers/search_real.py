#!/usr/bin/env python3
"""Real training at equal epochs: the best val_loss of a grid, of random points and of models with halving.

A small network on the ATLAS Higgs and MAGIC data of --data. Grid and random train 24 points to the end, 9 epochs; the
others spend the same 216 epochs by halving. A set whose file is not there is skipped, and says so.

usage: search_real.py [--data DIR] [--coxswain FILE] [--work DIR] [--seeds N] [--samplers auto,tpe]
"""
import argparse
import json
import math
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys

EPOCHS, TRIALS = 9, 24
BUDGET = EPOCHS * TRIALS
SETS = {
    "higgs": ("higgs_atlas/atlas_higgs_2014_part.csv.gz",
              ["--label", "Label", "--classes", "b,s", "--drop", "EventId,Weight,KaggleSet,KaggleWeight"],
              "missing = -999.0; fill = \"flag\";"),
    "magic": ("magic/magic04.csv.gz", ["--label", "class", "--classes", "h,g"], ""),
}
STUDY = """
study = {{ name = "{name}"; metric = "val_loss"; seed = {seed}; trials = {trials}; }};
space = {{
  lr           = {{ low = 1e-4; high = 1e-1; log = true; resolution = 3; }};
  width        = {{ low = 16; high = 128; log = true; resolution = 2; }};
  dropout      = {{ low = 0.0; high = 0.5; resolution = 2; }};
  weight_decay = {{ low = 1e-5; high = 1e-1; log = true; resolution = 2; }};
}};
sampler = {{ name = "{sampler}"; }};
schedule = {{ name = "{schedule}"; }};
data = {{ files = ("{file}"); validation = 0.3; test = 0.0; {data} }};
model = {{ hidden = ("@width", "@width"); dropout = "@dropout"; }};
train = {{ epochs = {epochs}; batch = 256; optimizer = "adamw"; lr = "@lr"; weight_decay = "@weight_decay"; }};
"""


def call(command, **options):
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                       OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    done = subprocess.run([str(w) for w in command], capture_output=True, text=True, env=environment, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed ({done.returncode}):\n{done.stderr[-2000:]}")


def best_within(journal):
    """The lowest val_loss among the first BUDGET epochs of the journal."""
    best, spent = math.inf, 0
    for line in journal.open():
        op = json.loads(line)
        if op["op_code"] == 7 and spent < BUDGET:
            spent += 1
            best = min(best, op["intermediate_value"])
    return best, spent


def run(a, name, file, data, sampler, schedule, seed):
    trials = TRIALS if schedule == "full" else 5 * TRIALS
    config, out = a.work / f"{name}.cfg", a.work / "study"
    shutil.rmtree(out, ignore_errors=True)
    config.write_text(STUDY.format(name=name, seed=seed, trials=trials, sampler=sampler, schedule=schedule, file=file,
                                   data=data, epochs=EPOCHS))
    call([a.coxswain, "run", config, "--out", out, "--quiet"])
    best, spent = best_within(out / "journal.log")
    if spent < BUDGET:
        print(f"{name}, {sampler} + {schedule}: only {spent} of {BUDGET} epochs", file=sys.stderr)
    return best


def interval(values, reference):
    """Bootstrap of the mean difference, seed by seed."""
    rng = random.Random(1)
    pairs = [x - y for x, y in zip(values, reference)]
    means = sorted(statistics.fmean(rng.choices(pairs, k=len(pairs))) for _ in range(2000))
    return means[50], means[-51]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../shared/data"))
    ap.add_argument("--coxswain", type=pathlib.Path, default=pathlib.Path("build/coxswain"))
    ap.add_argument("--work", type=pathlib.Path, default=pathlib.Path("build/search_real"))
    ap.add_argument("--seeds", type=int, default=5)
    ap.add_argument("--samplers", default="auto")
    a = ap.parse_args()
    a.work, a.coxswain = a.work.resolve(), a.coxswain.resolve()
    a.work.mkdir(parents=True, exist_ok=True)
    searches = [("grid", "full"), ("random", "full")] + [(s, "halving") for s in a.samplers.split(",")]
    print("| val_loss after 216 epochs | seeds | mean | less than random's, 95 % interval |\n| --- | --- | --- | --- |")
    for name, (path, options, data) in SETS.items():
        if not (a.data / path).exists():
            print(f"SKIP {name}: {a.data / path} is not there", file=sys.stderr)
            continue
        file = a.work / f"{name}.h5"
        call([a.coxswain, "import", a.data / path, "-o", file, *options])
        losses = {s: [run(a, name, file, data, *s, seed) for seed in range(1, a.seeds + 1)] for s in searches}
        for s, values in losses.items():
            low, high = interval(values, losses[("random", "full")])
            print(f"| {name}, {s[0]}{'' if s[1] == 'full' else ' + ' + s[1]} | {len(values)} | {statistics.fmean(values):.4f} | "
                  f"{-high:+.4f} to {-low:+.4f} |", flush=True)


if __name__ == "__main__":
    main()
