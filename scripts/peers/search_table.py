#!/usr/bin/env python3
"""A markdown table of searches side by side, from the lines of bench_search --csv and optuna_search.py.

usage: search_table.py [--normalised] [--ours NAME,NAME] FILE.csv...

Mean regret over objectives and seeds, with its 95 % bootstrap interval (seeds are resampled within each objective), at
each checkpoint. Behind it the ratio of the first of --ours to the best peer at that checkpoint, with the interval of
that ratio; where regrets are logarithms of a distance (BBOB) it is their difference instead. Only objectives that all
have are counted.
"""
import argparse
import collections
import csv
import math
import random
import statistics

RESAMPLES = 2000


def arguments():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--normalised", action="store_true", help="(value - best)/(median - best) instead of the usual regret")
    ap.add_argument("--difference", action="store_true", help="compare by difference, not by ratio")
    ap.add_argument("--ours", default="auto,tpe,gp,cmaes,random,sobol,grid")
    ap.add_argument("files", nargs="+")
    return ap.parse_args()


def read(files, column):
    """runs[name][objective][checkpoint] = regrets of the seeds; asks[name] = mean ask in ms of each run."""
    runs = collections.defaultdict(lambda: collections.defaultdict(lambda: collections.defaultdict(list)))
    asks = collections.defaultdict(list)
    for path in files:
        with open(path, newline="") as file:
            for row in csv.reader(file):
                name = row[1] if row[2] == "full" else f"{row[1]} + {row[2]}"
                value = float(row[column])
                runs[name][row[0]][int(row[5])].append(1.0 if math.isnan(value) else value)
                asks[name].append(float(row[8]))
    return runs, asks


def shared_objectives(runs):
    return sorted(set.intersection(*(set(r) for r in runs.values())))


def groups(run, objectives, mark):
    found = [run[o].get(mark, []) for o in objectives]
    return found if all(found) else None


def mean(sample):
    return statistics.fmean(statistics.fmean(g) for g in sample)


def resampled(sample, rng):
    return [mean([rng.choices(g, k=len(g)) for g in sample]) for _ in range(RESAMPLES)]


def interval(values):
    values = sorted(values)
    return values[RESAMPLES // 40], values[-1 - RESAMPLES // 40]


def number(x):
    return f"{x:.2f}" if abs(x) >= 1 else f"{x:.3f}" if abs(x) >= 0.01 else f"{x:.1e}" if x else "0"


def against(ours, peer, difference, rng):
    """Mean and interval of ours / peer, or ours - peer."""
    if difference:
        low, high = interval([a - b for a, b in zip(resampled(ours, rng), resampled(peer, rng))])
        return f"{mean(ours) - mean(peer):+.2f} [{low:+.2f}, {high:+.2f}]"
    if mean(peer) <= 0:
        return "both 0" if mean(ours) <= 0 else "peer is 0"
    low, high = interval([a / b if b > 0 else math.inf for a, b in zip(resampled(ours, rng), resampled(peer, rng))])
    return f"{mean(ours) / mean(peer):.2f} [{low:.2f}, {high:.2f}]"


def main():
    a = arguments()
    runs, asks = read(a.files, 7 if a.normalised else 6)
    objectives = shared_objectives(runs)
    marks = sorted({m for r in runs.values() for o in objectives for m in r[o]})
    ours = [n for n in runs if n.split(" ")[0] in a.ours.split(",")]
    ours.sort(key=lambda n: a.ours.split(",").index(n.split(" ")[0]))
    peers = sorted(n for n in runs if n not in ours)
    rng = random.Random(1)
    seeds = {n: min(len(s) for o in objectives for s in runs[n][o].values()) for n in runs}
    print(f"| {len(objectives)} objectives | seeds | " + " | ".join(f"@{m}" for m in marks) + " | ask, ms |")
    print("| --- " * (len(marks) + 3) + "|")
    for name in ours + peers:
        cells = []
        for m in marks:
            sample = groups(runs[name], objectives, m)
            if sample:
                low, high = interval(resampled(sample, rng))
                cells.append(f"{number(mean(sample))} [{number(low)}, {number(high)}]")
            else:
                cells.append("-")
        print(f"| {name} | {seeds[name]} | " + " | ".join(cells) + f" | {statistics.fmean(asks[name]):.2f} |")
    for name in ours if peers else []:
        if name.split(" ")[0] in ("random", "sobol", "grid"):
            continue
        cells = []
        for m in marks:
            mine = groups(runs[name], objectives, m)
            rivals = [s for s in (groups(runs[p], objectives, m) for p in peers) if s]
            cells.append(against(mine, min(rivals, key=mean), a.difference, rng) if mine and rivals else "-")
        print(f"| {name} {'-' if a.difference else '/'} best peer | | " + " | ".join(cells) + " | |")


if __name__ == "__main__":
    main()
