#!/usr/bin/env python3
"""Prints the reference numbers stored in tests/test_metric.c, computed by scikit-learn (and numpy for rejections) on a
small sample made by the same formula as there. Needs numpy and scikit-learn.

usage: metric_reference.py
"""
import numpy as np
import sklearn
from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score, root_mean_squared_error

N = 200
i = np.arange(N)


def sample(n_classes):
    """Labels, logits on a coarse grid (so that there are ties) and weights; every value is exact in float32."""
    label = (i * 7 + i // 3) % n_classes
    k = np.arange(n_classes)[None, :]
    logit = ((i[:, None] * 37 + k * 11 + i[:, None] ** 2 * 3) % 29 - 14) * 0.25
    logit[i, label] += 1.5
    weight = 0.25 * (i % 5)  # every fifth row weighs nothing
    return label, logit, weight


def probabilities(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def rejection(label, p, weight, signal, background, share, percent):
    """The cut is the highest one that `percent` % of the signal weight passes; rows on the cut pass."""
    rest = sum(share[k] * p[:, k] for k in range(p.shape[1]) if k != signal)
    d = np.log((p[:, signal] + 1e-10) / (rest + 1e-10))
    def passing(cls, cut):
        return weight[(label == cls) & (d >= cut)].sum() / weight[label == cls].sum()
    cut = max(c for c in d if passing(signal, c) * 100 >= percent)
    return 1 / passing(background, cut)


def show(name, value):
    print(f"  {name:28s} {value:.15g}")


print(f"scikit-learn {sklearn.__version__}, numpy {np.__version__}")
for n_classes in (2, 3):
    label, logit, weight = sample(n_classes)
    p = probabilities(logit)
    for w, what in ((None, "unweighted"), (weight, "weighted")):
        print(f"{n_classes} classes, {what}")
        show("loss", log_loss(label, p, sample_weight=w))
        show("accuracy", accuracy_score(label, p.argmax(axis=1), sample_weight=w))
        if n_classes == 2:
            score = logit[:, 1] - logit[:, 0]
            show("auc", roc_auc_score(label, score, sample_weight=w))
        else:
            # one against the rest by log-odds, which is what the probability's order is without rounding
            areas = []
            for c in range(n_classes):
                others = [k for k in range(n_classes) if k != c]
                odds = logit[:, c] - np.log(np.exp(logit[:, others]).sum(axis=1))
                areas.append(roc_auc_score(label == c, np.round(odds, 12), sample_weight=w))
            show("auc", np.mean(areas))
        if n_classes == 3:
            weights = np.ones(N) if w is None else w
            for b, f_c, percent in ((0, 0.018, 77), (1, 0.018, 60)):
                show(f"class {b} rejection at {percent} %", rejection(label, p, weights, 2, b, [1 - f_c, f_c, 0], percent))
truth = (i * 13 % 31) * 0.5
answer = truth + ((i * 17 % 23) - 11) * 0.125
weight = 0.25 * (i % 5)
print("numbers, weighted")
show("rmse", root_mean_squared_error(truth, answer, sample_weight=weight))
show("r2", r2_score(truth, answer, sample_weight=weight))
show("mae", np.average(np.abs(truth - answer), weights=weight))
