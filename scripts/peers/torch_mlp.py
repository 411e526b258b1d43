#!/usr/bin/env python3
"""PyTorch training the networks of scripts/bench.sh, as the peer to beat: one JSON line a measurement.

A row counts when it has been picked from the shuffled sample, gone forward and backward, and moved the weights with
Adam. Each measurement trains --epochs whole epochs after a warm-up epoch and keeps the fastest, so that a busy machine
slows the peer down as little as possible.

--mode eager is what most people run; --mode compile puts the step through torch.compile. --threads takes a list: every
figure is measured for each, and whoever compares takes the best.
"""
import argparse
import json
import sys
import time

try:
    import torch
except ImportError:
    sys.exit("torch_mlp.py: PyTorch is missing: apt-get install python3-torch, or pip install torch in a virtual "
             "environment and name its python in $PYTHON")

HIDDEN = {
    "dl1a": (72, 57, 60, 48, 36, 24, 12, 6),
    "dl1b": (256, 128, 60, 48, 36, 24, 12),
}
INPUTS, CLASSES = 44, 3


def numbers(text):
    return [int(part) for part in text.split(",")]


def words(text):
    return text.split(",")


def network(widths, batch_norm):
    layers, width = [], INPUTS
    for out in widths:
        layers += [torch.nn.Linear(width, out)]
        layers += [torch.nn.BatchNorm1d(out)] if batch_norm else []
        layers += [torch.nn.ReLU()]
        width = out
    return torch.nn.Sequential(*layers, torch.nn.Linear(width, CLASSES))


def sample(rows, device):
    """A task with something to learn, so that no step is trivial; the values do not change the speed."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(rows, INPUTS, generator=generator)
    hidden = torch.tanh(x @ torch.randn(INPUTS, CLASSES, generator=generator) / 4)
    y = (hidden + 0.3 * torch.randn(rows, CLASSES, generator=generator)).argmax(dim=1)
    return x.to(device), y.to(device)


class Trainer:
    def __init__(self, x, y, widths, batch, batch_norm, mode):
        self.x, self.y, self.batch = x, y, batch
        self.device = x.device
        torch.manual_seed(1)
        self.model = network(widths, batch_norm).to(self.device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)
        self.loss_of = self.loss
        if mode == "compile":
            self.loss_of = torch.compile(self.loss)

    def loss(self, x, y):
        return torch.nn.functional.cross_entropy(self.model(x), y)

    def epoch(self):
        """Rows trained, seconds taken, and the last loss."""
        rows = len(self.y)
        start = time.perf_counter()
        order = torch.randperm(rows, device=self.device)
        for first in range(0, rows, self.batch):
            pick = order[first:first + self.batch]
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.loss_of(self.x[pick], self.y[pick])
            loss.backward()
            self.optimizer.step()
        last = loss.item()  # waits for a GPU too
        return rows, time.perf_counter() - start, last


def measure(options, net, batch, threads):
    torch.set_num_threads(threads)
    rows = max(batch, options.rows // batch * batch)
    x, y = sample(rows, options.device)
    trainer = Trainer(x, y, HIDDEN[net], batch, options.bn, options.mode)
    trainer.epoch()
    best = 0.0
    for _ in range(options.epochs):
        done, seconds, loss = trainer.epoch()
        best = max(best, done / seconds)
    return {"program": f"torch {options.mode}", "version": torch.__version__, "device": options.device, "net": net,
            "bn": options.bn, "batch": batch, "threads": threads, "msamples_per_s": round(best / 1e6, 4),
            "us_per_step": round(batch / best * 1e6, 1), "loss": round(loss, 5)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", type=words, default=list(HIDDEN), help="dl1a,dl1b")
    parser.add_argument("--batches", type=numbers, default=[500, 5000, 15000])
    parser.add_argument("--threads", type=numbers, default=[1])
    parser.add_argument("--rows", type=int, default=150000)
    parser.add_argument("--epochs", type=int, default=5, help="the fastest counts; one to warm up comes before")
    parser.add_argument("--bn", action="store_true", help="batch normalisation behind each hidden layer")
    parser.add_argument("--mode", choices=("eager", "compile"), default="eager")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    for net in options.nets:
        for batch in options.batches:
            for threads in options.threads:
                print(json.dumps(measure(options, net, batch, threads)), flush=True)


if __name__ == "__main__":
    main()
