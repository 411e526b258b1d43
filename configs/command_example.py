"""A program as a study's evaluator, in plain Python: logistic regression by gradient descent on points of two classes.
Five things make it one: it takes its hyperparameters, goes on from its checkpoint, stops where it is told to, prints
its loss as it goes, and saves."""
import json
import math
import os
import random

with open(os.environ["COXSWAIN_PARAMS"]) as f:  # or from argv, or COXSWAIN_P_lr, ...
    p = json.load(f)
until = int(os.environ["COXSWAIN_UNTIL"])
checkpoint = os.path.join(os.environ["COXSWAIN_CHECKPOINT"], "state.json")


def sample(n, seed):
    """Points (x, y) around (-1, 0) and (1, 1), and which of the two."""
    r = random.Random(seed)
    labels = [r.randrange(2) for _ in range(n)]
    return [((2 * c - 1 + r.gauss(0, 1), c + r.gauss(0, 1)), c) for c in labels]


def probability(w, x):
    return 1 / (1 + math.exp(-max(-30, min(30, w[0] * x[0] + w[1] * x[1] + w[2]))))


def loss(w, points):
    return -sum(math.log(probability(w, x) if c else 1 - probability(w, x)) for x, c in points) / len(points)


training, validation = sample(500, 1), sample(500, 2)
state = {"epoch": 0, "w": [0.0, 0.0, 0.0], "v": [0.0, 0.0, 0.0]}
if os.path.exists(checkpoint):
    with open(checkpoint) as f:
        state = json.load(f)

while state["epoch"] < until:
    w, v = state["w"], state["v"]
    for x, c in training:
        error = probability(w, x) - c
        for i, xi in enumerate((x[0], x[1], 1.0)):
            v[i] = p["momentum"] * v[i] - p["lr"] * (error * xi + p["decay"] * w[i])
            w[i] += v[i]
    state["epoch"] += 1
    print(json.dumps({"step": state["epoch"], "loss": loss(w, validation)}), flush=True)
    with open(checkpoint + ".new", "w") as f:
        json.dump(state, f)
    os.replace(checkpoint + ".new", checkpoint)  # a whole checkpoint or the one before it, whenever we are killed

right = sum((probability(state["w"], x) > 0.5) == bool(c) for x, c in validation)
print(json.dumps({"loss": loss(state["w"], validation), "accuracy": right / len(validation)}))
