#!/usr/bin/env python3
"""Do we train as PyTorch does? The DL1 shape 72-57-60-48-36-24-12-6 from 20 random starts, in both, on the same rows:
the means of the final validation losses must agree within three standard errors of their difference.

Every start draws its own initial weights (glorot uniform, biases 0) and its own order of the rows; all else is the same:
Adam 1e-3, batch 500, as many epochs. The sample is made here, written as CSV and brought in by `coxswain import`, so
that both see the same float32 numbers. Needs PyTorch and numpy.

usage: seeds_vs_torch.py [--seeds 20] [--epochs 15] [--rows 40000] [--coxswain FILE] [--work DIR]
"""
import argparse
import csv
import json
import math
import pathlib
import shutil
import subprocess
import sys

try:
    import numpy as np
    import torch
except ImportError as missing:
    print(f"SKIP seeds_vs_torch.py: {missing.name} is missing: apt-get install python3-torch python3-numpy, or run this "
          "script with the python of a virtual environment that has them")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parent.parent
INPUTS, CLASSES, HIDDEN = 44, 3, (72, 57, 60, 48, 36, 24, 12, 6)
BATCH, RATE = 500, 1e-3

STUDY = """
study = { name = "seeds"; metric = "val_loss"; trials = %(seeds)d; };
space = { start = { low = 1; high = %(seeds)d; }; };   // used nowhere: every trial draws its own numbers
sampler = { name = "grid"; };
data = {
  files = ("train.h5"); split = "files"; validation_files = ("validation.h5"); scale = "none";
  classes = { a = 0; b = 1; c = 2; };
};
model = { hidden = (72, 57, 60, 48, 36, 24, 12, 6); };
train = { epochs = %(epochs)d; batch = %(batch)d; optimizer = "adam"; lr = %(rate)g; value = "last"; };
"""


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--rows", type=int, default=40000, help="training rows; as many for validation")
    parser.add_argument("--coxswain", type=pathlib.Path, default=ROOT / "build" / "coxswain")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / "seeds_vs_torch")
    return parser.parse_args()


def sample(rows, seed):
    """Three classes whose log-odds are smooth in the inputs: a task that no network gets wholly right."""
    rng, maps = np.random.default_rng(seed), np.random.default_rng(0)
    x = rng.standard_normal((rows, INPUTS)).astype(np.float32)
    inner = np.tanh(x @ maps.standard_normal((INPUTS, 16)) / 3)
    logits = 2 * inner @ maps.standard_normal((16, CLASSES))
    gumbel = rng.gumbel(size=(rows, CLASSES))
    return x, (logits + gumbel).argmax(axis=1)


def write_csv(path, x, y):
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow([f"x{i + 1}" for i in range(INPUTS)] + ["label"])
        out.writerows([*(f"{v:.9g}" for v in row), int(label)] for row, label in zip(x, y))


def call(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed ({done.returncode}):\n{done.stderr[-3000:]}")
    return done.stdout


def losses_of_coxswain(options, parts):
    work = options.work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for name, (x, y) in parts.items():
        write_csv(work / f"{name}.csv", x, y)
        call([options.coxswain, "import", work / f"{name}.csv", "-o", work / f"{name}.h5", "--label", "label"])
    study = work / "seeds.cfg"
    study.write_text(STUDY % {"seeds": options.seeds, "epochs": options.epochs, "batch": BATCH, "rate": RATE})
    call([options.coxswain, "run", study, "--out", work / "study", "--quiet"])
    text = call([options.coxswain, "export", work / "study", "--format", "csv"])
    rows = list(csv.DictReader(text.splitlines()))
    return np.array([float(row["value"]) for row in rows])


def network():
    layers, width = [], INPUTS
    for out in (*HIDDEN, CLASSES):
        layer = torch.nn.Linear(width, out)
        torch.nn.init.xavier_uniform_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
        layers += [layer, torch.nn.ReLU()]
        width = out
    return torch.nn.Sequential(*layers[:-1])


def loss_of_torch(seed, epochs, train, validation):
    torch.manual_seed(seed)
    (x, y), model = train, network()
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    for _ in range(epochs):
        order = torch.randperm(len(y))
        for first in range(0, len(y), BATCH):
            pick = order[first:first + BATCH]
            optimizer.zero_grad(set_to_none=True)
            torch.nn.functional.cross_entropy(model(x[pick]), y[pick]).backward()
            optimizer.step()
    with torch.no_grad():
        return torch.nn.functional.cross_entropy(model(validation[0]), validation[1]).item()


def main():
    options = parse()
    if not options.coxswain.exists():
        sys.exit(f"seeds_vs_torch.py: {options.coxswain} is not there: build first")
    torch.set_num_threads(1)
    parts = {"train": sample(options.rows, 1), "validation": sample(options.rows, 2)}
    ours = losses_of_coxswain(options, parts)
    tensors = {name: (torch.from_numpy(x), torch.from_numpy(y)) for name, (x, y) in parts.items()}
    theirs = np.array([loss_of_torch(seed, options.epochs, tensors["train"], tensors["validation"])
                       for seed in range(options.seeds)])
    error = math.hypot(ours.std(ddof=1), theirs.std(ddof=1)) / math.sqrt(options.seeds)
    off = abs(ours.mean() - theirs.mean()) / error
    print(json.dumps({"seeds": len(ours), "ours": round(ours.mean(), 5), "ours_spread": round(ours.std(ddof=1), 5),
                      "torch": round(theirs.mean(), 5), "torch_spread": round(theirs.std(ddof=1), 5),
                      "difference_in_errors": round(off, 2), "version": torch.__version__}))
    if len(ours) != options.seeds or not off < 3:
        sys.exit(f"the means differ by {off:.1f} standard errors over {len(ours)} and {options.seeds} starts")


if __name__ == "__main__":
    main()
