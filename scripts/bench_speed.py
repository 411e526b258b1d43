#!/usr/bin/env python3
"""The measuring behind scripts/bench.sh: runs ours and PyTorch by turns and prints a table of ratios."""
import argparse
import json
import os
import pathlib
import subprocess
import sys

PEER = pathlib.Path(__file__).parent / "peers" / "torch_mlp.py"


def words(text):
    return text.split(",")


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", required=True, help="the bench_train program")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--nets", type=words, default=["dl1a", "dl1b"])
    parser.add_argument("--batches", type=words, default=["500", "5000", "15000"])
    parser.add_argument("--threads", type=words, default=None, help="default: 1, 2, 4, ... up to the cores")
    parser.add_argument("--norm", choices=("both", "none", "only"), default="both", help="batch normalisation")
    parser.add_argument("--modes", type=words, default=["eager"], help="of PyTorch: eager,compile")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--rows", default="150000")
    parser.add_argument("--epochs", default="5", help="of each measurement; the fastest counts")
    parser.add_argument("--json", type=pathlib.Path, help="append every measurement to this file")
    options = parser.parse_args()
    if options.threads is None:
        cores, n = len(os.sched_getaffinity(0)), 1
        options.threads = []
        while n <= cores:
            options.threads.append(str(n))
            n *= 2
    return options


def run(command, threads):
    """The JSON lines of one program. OpenBLAS reads its thread count before main."""
    environment = dict(os.environ, OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads)
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed ({done.returncode}):\n{done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def measure(options, net, batch, norm):
    """The best measurement of each program."""
    common = ["--nets", net, "--batches", batch, "--rows", options.rows, "--epochs", options.epochs]
    common += ["--bn"] if norm else []
    best = {}
    for _ in range(options.rounds):
        for threads in options.threads:
            lines = run([options.ours, *common, "--threads", threads], "1")
            for mode in options.modes:
                lines += run([options.peer_python, str(PEER), *common, "--threads", threads, "--mode", mode], threads)
            for line in lines:
                if options.json:
                    with options.json.open("a") as file:
                        file.write(json.dumps(line) + "\n")
                kind = "peer" if line.get("program", "").startswith("torch") else "ours"
                if kind not in best or line["msamples_per_s"] > best[kind]["msamples_per_s"]:
                    best[kind] = line
    return best["ours"], best["peer"]


def main():
    options = parse()
    norms = {"both": (False, True), "none": (False,), "only": (True,)}[options.norm]
    print(f"{'net':6} {'norm':5} {'batch':>6} {'ours, M rows/s':>15} {'threads':>8} {'PyTorch':>9} {'threads':>8} {'ratio':>6}")
    ratios, version = [], ""
    for norm in norms:
        for net in options.nets:
            for batch in options.batches:
                ours, peer = measure(options, net, batch, norm)
                ratio = ours["msamples_per_s"] / peer["msamples_per_s"]
                ratios.append(ratio)
                version = f"{peer['program']} {peer['version']}"
                print(f"{net:6} {'yes' if norm else 'no':5} {batch:>6} {ours['msamples_per_s']:15.3f} {ours['threads']:8d} "
                      f"{peer['msamples_per_s']:9.3f} {peer['threads']:8d} {ratio:6.2f}", flush=True)
    print(f"least ratio {min(ratios):.2f}, against {version} at its best of {', '.join(options.threads)} threads")


if __name__ == "__main__":
    main()
