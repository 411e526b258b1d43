#!/usr/bin/env python3
"""What PyTorch computes in 20 steps of small networks, for tests/test_optim.c.

    torch_reference.py write FILE   writes losses, learning rates, final weights and statistics of every case as JSON
    torch_reference.py check FILE   computes them again and compares with the file; exit 77 where there is no PyTorch

Data, initial weights and event weights come from formulas that both sides know (pattern below), so the file holds
results only.
"""
import json
import math
import sys

try:
    import torch
except ImportError:
    print("SKIP: PyTorch is not there (python3-torch)")
    sys.exit(77)

torch.set_num_threads(1)
ROWS, INPUTS, STEPS, BATCH = 96, 5, 20, 24  # 4 batches an epoch, 5 epochs

ACTIVATIONS = {
    "relu": torch.nn.ReLU, "leaky_relu": torch.nn.LeakyReLU, "elu": torch.nn.ELU, "selu": torch.nn.SELU,
    "tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid, "swish": torch.nn.SiLU, "gelu": torch.nn.GELU,
    "linear": torch.nn.Identity,
}


def pattern(n, salt):
    """n numbers in [-1, 1) that look random: the same in C."""
    return [((i * 7919 + salt * 104729 + i * i * 31) % 10007) / 10007 * 2 - 1 for i in range(n)]


def tensor(values):
    return torch.tensor(values, dtype=torch.float64).float()


def build(case):
    layers, width = [], INPUTS
    for units, activation in case["hidden"]:
        layers.append(torch.nn.Linear(width, units))
        if case["batch_norm"]:
            layers.append(torch.nn.BatchNorm1d(units))
        layers.append(ACTIVATIONS[activation]())
        width = units
    layers.append(torch.nn.Linear(width, 3 if case["loss"] == "softmax" else 1))
    model = torch.nn.Sequential(*layers)
    parameters = torch.nn.utils.parameters_to_vector(model.parameters())
    start = tensor(pattern(len(parameters), 1)) * 0.7
    torch.nn.utils.vector_to_parameters(start, model.parameters())
    for layer in model:
        if isinstance(layer, torch.nn.BatchNorm1d):
            layer.weight.data.add_(1)
    if case["batch_norm"] and case["optimizer"] != "sgd":
        # The bias before a batch norm has gradient 0 but for rounding, which Adam blows up to steps of size lr.
        for layer, following in zip(model, list(model)[1:]):
            if isinstance(following, torch.nn.BatchNorm1d):
                layer.bias.requires_grad_(False)
    return model


def optimizer_of(case, parameters):
    lr, decay = case["lr"], case["weight_decay"]
    if case["optimizer"] == "sgd":
        return torch.optim.SGD(parameters, lr, momentum=case["momentum"], nesterov=case["nesterov"], weight_decay=decay)
    if case["optimizer"] == "rmsprop":
        return torch.optim.RMSprop(parameters, lr, alpha=case["rho"], eps=case["epsilon"], weight_decay=decay,
                                   momentum=case["momentum"])
    kind = torch.optim.Adam if case["optimizer"] == "adam" else torch.optim.AdamW
    return kind(parameters, lr, betas=(case["beta1"], case["beta2"]), eps=case["epsilon"], weight_decay=decay)


def schedule_of(case, optimizer):
    """(stepped every batch, stepped every epoch with its mean loss)"""
    per_epoch, rates = ROWS // BATCH, torch.optim.lr_scheduler
    if case["rate"] == "step":
        return None, rates.StepLR(optimizer, case["lr_every"], case["lr_factor"])
    if case["rate"] == "exponential":
        return rates.ExponentialLR(optimizer, case["lr_factor"] ** (1 / per_epoch)), None
    if case["rate"] == "cosine":
        return rates.CosineAnnealingLR(optimizer, STEPS, case["lr_min"]), None
    if case["rate"] == "plateau":
        p = case["plateau"]
        return None, rates.ReduceLROnPlateau(optimizer, factor=p["factor"], patience=p["patience"],
                                             cooldown=p["cooldown"], min_lr=p["minimum"], threshold=p["threshold"])
    if case["warmup"]:
        n = case["warmup"] * per_epoch
        return rates.LinearLR(optimizer, 1 / n, 1, n - 1), None
    return None, None


def losses_of(case, outputs, label, target):
    """Of each row, times its class weight; and the class weights."""
    if case["loss"] == "softmax":
        weight = tensor(case["class_weights"])
        return torch.nn.functional.cross_entropy(outputs, label, weight=weight, reduction="none"), weight[label]
    one = torch.ones(len(label))
    if case["loss"] == "sigmoid":
        return torch.nn.functional.binary_cross_entropy_with_logits(outputs[:, 0], (label > 0).float(),
                                                                    reduction="none"), one
    if case["loss"] == "mse":
        return (outputs[:, 0] - target) ** 2, one
    return (outputs[:, 0] - target).abs(), one


def batch_loss(case, outputs, label, target, weight):
    """sum w l / sum w with w = event weight x class weight: torch's own weighted mean where there are no events weights."""
    if case["loss"] == "softmax" and not case["event_weights"]:
        return torch.nn.CrossEntropyLoss(weight=tensor(case["class_weights"]))(outputs, label)
    loss, class_weight = losses_of(case, outputs, label, target)
    return (weight * loss).sum() / (weight * class_weight).sum()


def run(case):
    x = tensor(pattern(ROWS * INPUTS, 2)).reshape(ROWS, INPUTS) * 1.5
    target = tensor(pattern(ROWS, 3))
    label = torch.tensor([(i * 31 + i * i) % 7 % 3 for i in range(ROWS)])
    weight = tensor(pattern(ROWS, 4)) * 0.5 + 1 if case["event_weights"] else torch.ones(ROWS)
    model = build(case)
    optimizer = optimizer_of(case, [p for p in model.parameters() if p.requires_grad])
    by_batch, by_epoch = schedule_of(case, optimizer)
    losses, lrs, epoch_sums = [], [], [0.0, 0.0]
    for step in range(STEPS):
        rows = slice(step * BATCH % ROWS, step * BATCH % ROWS + BATCH)
        optimizer.zero_grad()
        loss = batch_loss(case, model(x[rows]), label[rows], target[rows], weight[rows])
        loss.backward()
        if case["clip"]:
            torch.nn.utils.clip_grad_norm_(model.parameters(), case["clip"])
        lrs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        losses.append(loss.item())
        cw = tensor(case["class_weights"])[label[rows]] if case["loss"] == "softmax" else torch.ones(BATCH)
        share = (weight[rows] * cw).sum().item()
        epoch_sums[0] += share * losses[-1]
        epoch_sums[1] += share
        if by_batch:
            by_batch.step()
        if (step + 1) * BATCH % ROWS == 0:
            if by_epoch:
                by_epoch.step(*([epoch_sums[0] / epoch_sums[1]] if case["rate"] == "plateau" else []))
            epoch_sums = [0.0, 0.0]
    norms = [layer for layer in model if isinstance(layer, torch.nn.BatchNorm1d)]
    return {
        "losses": losses, "lrs": lrs,
        "weights": torch.nn.utils.parameters_to_vector(model.parameters()).tolist(),
        "statistics": [v for n in norms for v in n.running_mean.tolist() + n.running_var.tolist()],
    }


DEFAULTS = {
    "hidden": [[8, "relu"], [6, "relu"]], "batch_norm": False, "loss": "softmax", "optimizer": "adam", "lr": 0.01,
    "momentum": 0.0, "nesterov": False, "beta1": 0.9, "beta2": 0.999, "rho": 0.99, "epsilon": 1e-8,
    "weight_decay": 0.0, "clip": 0.0, "rate": "constant", "lr_factor": 0.5, "lr_every": 2, "lr_min": 0.0,
    "warmup": 0, "event_weights": True, "class_weights": [1.0, 1.0, 1.0],
    "plateau": {"factor": 0.5, "patience": 0, "cooldown": 1, "minimum": 1e-3, "threshold": 0.05},
}


def of(*activations):
    return [[width, a] for width, a in zip((8, 6, 7), activations)]


CASES = {
    "sgd": {"optimizer": "sgd", "lr": 0.2},
    "sgd, momentum, decay": {"optimizer": "sgd", "lr": 0.05, "momentum": 0.9, "weight_decay": 0.01,
                             "hidden": of("tanh", "sigmoid")},
    "sgd, nesterov": {"optimizer": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True, "hidden": of("elu", "selu")},
    "sgd, nesterov, decay, clip": {"optimizer": "sgd", "lr": 0.3, "momentum": 0.8, "nesterov": True,
                                   "weight_decay": 0.02, "clip": 0.1},
    "adam": {"hidden": of("swish", "gelu")},
    "adam, torch's weighted mean": {"event_weights": False, "class_weights": [0.5, 2.0, 1.25]},
    "adam, decay, clip": {"weight_decay": 0.05, "clip": 0.05, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-5,
                          "hidden": of("leaky_relu", "linear")},
    "adamw": {"optimizer": "adamw", "weight_decay": 0.1, "class_weights": [2.0, 0.5, 1.0], "hidden": of("gelu", "tanh")},
    "rmsprop": {"optimizer": "rmsprop", "hidden": of("sigmoid", "swish")},
    "rmsprop, momentum, decay": {"optimizer": "rmsprop", "lr": 0.003, "rho": 0.9, "momentum": 0.7,
                                 "weight_decay": 0.01, "epsilon": 1e-6},
    "three layers": {"hidden": of("relu", "tanh", "gelu"), "lr": 0.02},
    "no hidden layer": {"hidden": [], "lr": 0.05},
    "batch norm, adam": {"batch_norm": True},
    "batch norm, sgd, decay": {"batch_norm": True, "optimizer": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 0.01,
                               "hidden": of("gelu", "swish")},
    "batch norm, sgd, three layers": {"batch_norm": True, "optimizer": "sgd", "lr": 0.1,
                                      "hidden": of("elu", "sigmoid", "selu")},
    "sigmoid": {"loss": "sigmoid"},
    "mse": {"loss": "mse", "hidden": of("tanh", "elu")},
    "mae": {"loss": "mae", "optimizer": "sgd", "lr": 0.05, "hidden": of("tanh", "swish")},
    "step": {"rate": "step", "lr": 0.03},
    "exponential": {"rate": "exponential", "lr_factor": 0.6, "lr": 0.03},
    "cosine": {"rate": "cosine", "lr_min": 0.001, "lr": 0.03},
    "plateau": {"rate": "plateau", "lr": 0.05, "optimizer": "sgd"},
    "warm-up": {"warmup": 2, "optimizer": "sgd", "lr": 0.1},
}


def plateau_series():
    """A long series of monitors with noise, and the learning rates that follow from it."""
    monitors = [1 / (1 + 0.1 * i) + 0.05 * v for i, v in enumerate(pattern(120, 5))]
    series = []
    for factor, patience, cooldown, minimum, threshold in ((0.8, 3, 5, 1e-3, 1e-4), (0.5, 0, 0, 2e-3, 0.0),
                                                           (0.1, 2, 0, 0.0, 0.05), (0.3, 10, 2, 0.0, 1e-4)):
        w = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([w], 0.01)
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=factor, patience=patience,
                                                             cooldown=cooldown, min_lr=minimum, threshold=threshold)
        lrs = []
        for m in monitors:
            plateau.step(m)
            lrs.append(optimizer.param_groups[0]["lr"])
        series.append({"factor": factor, "patience": patience, "cooldown": cooldown, "minimum": minimum,
                       "threshold": threshold, "monitors": monitors, "lrs": lrs})
    return series


def everything():
    cases = []
    for name, changes in CASES.items():
        case = {"name": name, **DEFAULTS, **changes}
        cases.append({**case, **run(case)})
    return {"torch": torch.__version__, "rows": ROWS, "inputs": INPUTS, "steps": STEPS, "batch": BATCH,
            "cases": cases, "plateau": plateau_series()}


def rounded(x):
    if isinstance(x, float):
        return float(f"{x:.9g}")
    if isinstance(x, list):
        return [rounded(v) for v in x]
    return {k: rounded(v) for k, v in x.items()} if isinstance(x, dict) else x


def differences(a, b, where):
    if isinstance(a, dict):
        return [d for k in a if k != "torch" for d in differences(a[k], b.get(k), f"{where}.{k}")]
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return [d for i, (u, v) in enumerate(zip(a, b)) for d in differences(u, v, f"{where}[{i}]")]
    if isinstance(a, float) and isinstance(b, (int, float)):
        return [] if math.isclose(a, b, rel_tol=2e-4, abs_tol=5e-5) else [f"{where}: {a} now, {b} in the file"]
    return [] if a == b else [f"{where}: {a!r} now, {b!r} in the file"]


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("write", "check"):
        sys.exit(__doc__)
    now = rounded(everything())
    if sys.argv[1] == "write":
        with open(sys.argv[2], "w") as f:
            cases = ",\n".join(json.dumps(c) for c in now.pop("cases"))
            f.write(json.dumps(now)[:-1] + ', "cases": [\n' + cases + "\n]}\n")
        return
    with open(sys.argv[2]) as f:
        bad = differences(now, json.load(f), "")
    print("\n".join(bad) or f"PyTorch {torch.__version__} agrees with the stored numbers")
    sys.exit(1 if bad else 0)


main()
