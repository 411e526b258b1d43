#!/usr/bin/env python3
"""Optuna on the objectives of bench_search, as the peer to beat: the same space, the same answers.

usage: optuna_search.py --bench build/tests/bench_search --cache DIR [OPTIONS] OBJECTIVE...

  --sampler random | tpe | tpe-mv | gp | cmaes       --pruner none | halving | halving3 (reduction factor 3 instead of 4)
  --trials N (100)  --epochs E  --seeds N (10)  --first-seed K (1)  --at 25,50,100,200
  --latency D:N[,N]  no objective: tell + ask, mean of --calls (20) consecutive ones

A line a checkpoint, as bench_search --csv: objective,sampler,schedule,workers,seed,checkpoint,regret,normalised,ask_ms,
longest_ask_ms. What was measured is kept in DIR, so that a run that was interrupted goes on; --cached measures nothing.
"""
import argparse
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import time
import warnings


def arguments():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--bench")
    ap.add_argument("--cache", default="peer-cache")
    ap.add_argument("--sampler", default="tpe-mv")
    ap.add_argument("--pruner", default="none")
    ap.add_argument("--trials", type=int, default=100)
    ap.add_argument("--epochs", type=int, default=0)
    ap.add_argument("--seeds", type=int, default=10)
    ap.add_argument("--first-seed", type=int, default=1)
    ap.add_argument("--at", default="25,50,100,200")
    ap.add_argument("--latency")
    ap.add_argument("--calls", type=int, default=20)
    ap.add_argument("--cached", action="store_true")
    ap.add_argument("objectives", nargs="*")
    return ap.parse_args()


A = arguments()
os.environ.setdefault("OMP_NUM_THREADS", "1")
warnings.filterwarnings("ignore")
import optuna  # noqa: E402

optuna.logging.set_verbosity(optuna.logging.ERROR)


def peer():
    return f"optuna-{optuna.__version__}-{A.sampler}"


def make_sampler(seed):
    s = optuna.samplers
    if A.sampler == "gp":
        import torch

        torch.set_num_threads(1)
        return s.GPSampler(seed=seed)
    return {
        "random": lambda: s.RandomSampler(seed=seed),
        "tpe": lambda: s.TPESampler(seed=seed),
        "tpe-mv": lambda: s.TPESampler(seed=seed, multivariate=True),
        "cmaes": lambda: s.CmaEsSampler(seed=seed),
    }[A.sampler]()


def make_pruner():
    p = optuna.pruners
    if A.pruner == "none":
        return p.NopPruner()
    return p.SuccessiveHalvingPruner(reduction_factor=3 if A.pruner == "halving3" else 4)


class Served:
    """The objective, answered by bench_search."""

    def __init__(self, spec, seed):
        self.process = subprocess.Popen(
            [A.bench, "--serve", "--first-seed", str(seed), spec], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{A.bench} does not serve {spec}")
        self.space = json.loads(line)

    def answer(self, point):
        self.process.stdin.write(json.dumps(point) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def suggest(trial, space):
    point = {}
    for d in space["dims"]:
        if not all(point.get(parent) in values for parent, values in d["when"].items()):
            continue
        name, a = d["name"], d["distribution"]["attributes"]
        if "choices" in a:
            point[name] = trial.suggest_categorical(name, a["choices"])
        elif d["distribution"]["name"].startswith("Int"):
            point[name] = trial.suggest_int(name, a["low"], a["high"], step=a["step"], log=a["log"])
        else:
            point[name] = trial.suggest_float(name, a["low"], a["high"], step=a["step"], log=a["log"])
    return point


class Progress:
    """The best regret by trials, or by epochs."""

    def __init__(self):
        self.best, self.regret, self.normalised = math.inf, [], []
        self.now = (None, None)

    def see(self, answer, step):
        value = answer["told"][step]
        if value is not None and value < self.best:
            self.best, self.now = value, (answer["regret"][step], answer["normalised"][step])

    def mark(self):
        self.regret.append(self.now[0])
        self.normalised.append(self.now[1])


def train(study, trial, answer, progress):
    """All epochs of a trial, unless it is pruned or fails."""
    state, values = optuna.trial.TrialState.COMPLETE, []
    for step, value in enumerate(answer["told"]):
        progress.see(answer, step)
        if A.epochs:
            progress.mark()
        if value is None:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            return
        values.append(value)
        if len(answer["told"]) > 1:
            trial.report(value, step + 1)
            if trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                return
        if A.epochs and len(progress.regret) >= A.epochs:
            return
    study.tell(trial, min(values), state=state)


def run(spec, seed):
    objective, progress, ask_ms = Served(spec, seed), Progress(), []
    study = optuna.create_study(sampler=make_sampler(seed), pruner=make_pruner())
    while len(ask_ms) < A.trials and not (A.epochs and len(progress.regret) >= A.epochs):
        began = time.perf_counter()
        trial = study.ask()
        point = suggest(trial, objective.space)
        asked = time.perf_counter() - began
        answer = objective.answer(point)
        began = time.perf_counter()
        train(study, trial, answer, progress)
        ask_ms.append(1e3 * (asked + time.perf_counter() - began))
        if not A.epochs:
            progress.mark()
    objective.close()
    return {"regret": progress.regret, "normalised": progress.normalised, "ask_ms": ask_ms, "optuna": optuna.__version__}


def budget():
    return f"{A.epochs}-epochs" if A.epochs else f"{A.trials}-trials"


def label(spec):
    kind, _, rest = spec.partition(":")
    return f"{kind}:{pathlib.Path(rest).name.split('.')[0]}" if "/" in rest else spec


def kept(spec, seed):
    """Of this budget, or of a larger one."""
    folder = pathlib.Path(A.cache) / label(spec).replace(":", "_")
    schedule = "" if A.pruner == "none" else f"+{A.pruner}"
    unit = "epochs" if A.epochs else "trials"
    place = folder / f"{peer()}{schedule}" / budget() / f"seed-{seed}.json"
    found = [place] + sorted(place.parent.parent.glob(f"*-{unit}/seed-{seed}.json"), key=lambda p: -int(p.parent.name.split("-")[0]))
    for p in found:
        if p.exists() and (int(p.parent.name.split("-")[0]) >= (A.epochs or A.trials) or A.cached):
            return p, json.loads(p.read_text())
    return place, None


def one(spec, seed):
    place, result = kept(spec, seed)
    if result is None and not A.cached:
        result = run(spec, seed)
        place.parent.mkdir(parents=True, exist_ok=True)
        half = place.with_suffix(".tmp")
        half.write_text(json.dumps(result))
        os.replace(half, place)
    return result


def show(spec, seed, result):
    asks = result["ask_ms"]
    for mark in (int(m) for m in A.at.split(",")):
        if mark <= len(result["regret"]):
            x = [result[k][mark - 1] for k in ("regret", "normalised")]
            print(label(spec), peer(), "full" if A.pruner == "none" else A.pruner, 1, seed, mark,
                  *("nan" if v is None else repr(v) for v in x), f"{sum(asks) / len(asks):.4f},{max(asks):.4f}", sep=",", flush=True)


def expand(spec):
    """bbob:1-24:1-3:5 and bbob:1,8:1:5, as bench_search does."""
    if not spec.startswith("bbob:"):
        return [spec]
    specs = ["bbob"]
    for field in spec.split(":")[1:]:
        numbers = []
        for piece in field.split(","):
            first, _, last = piece.partition("-")
            numbers += range(int(first), int(last or first) + 1)
        specs = [f"{s}:{n}" for s in specs for n in numbers]
    return specs


def latency(d, n):
    rng = random.Random(1)
    study = optuna.create_study(sampler=make_sampler(1))
    space = {f"x{i + 1}": optuna.distributions.FloatDistribution(0, 1) for i in range(d)}

    def value(p):
        return sum((x - 0.4) ** 2 for x in p.values()) + rng.gauss(0, 0.01)

    for i in range(n):
        spread = 0.15 if i % 4 else 0.5
        p = {k: 0.5 + spread * (2 * rng.random() - 1) for k in space}
        study.add_trial(optuna.trial.create_trial(params=p, distributions=space, value=value(p)))
    times, busy, told = [], [], None
    for _ in range(A.calls + 1):
        began, busy_before = time.perf_counter(), time.process_time()
        if told:
            study.tell(*told)
        trial = study.ask()
        p = {k: trial.suggest_float(k, 0, 1) for k in space}
        times.append(1e3 * (time.perf_counter() - began))
        busy.append(1e3 * (time.process_time() - busy_before))
        told = (trial, value(p))
    first, rest = times[0], times[1:]
    return {"mean_ms": sum(rest) / len(rest), "longest_ms": max(rest), "first_ms": first, "calls": len(rest),
            "cpu_ms": sum(busy[1:]) / len(rest)}


def latencies():
    d, ns = A.latency.split(":")
    for n in (int(x) for x in ns.split(",")):
        place = pathlib.Path(A.cache) / "latency" / f"{peer()}-d{d}-n{n}.json"
        if not place.exists() and not A.cached:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(latency(int(d), n)))
        if place.exists():
            r = json.loads(place.read_text())
            print(f"{peer()} d={d} n={n}: tell+ask {r['mean_ms']:.4f} ms mean of {r['calls']} ({r['cpu_ms']:.4f} ms of CPU), longest {r['longest_ms']:.4f} ms; "
                  f"the first, from nothing, {r['first_ms']:.4f} ms", flush=True)


def main():
    if A.latency:
        latencies()
        return
    for seed in range(A.first_seed, A.first_seed + A.seeds):
        for spec in (s for given in A.objectives for s in expand(given)):
            result = one(spec, seed)
            if result:
                show(spec, seed, result)


if __name__ == "__main__":
    main()
