"""Counts that last: a text file with one JSON object a line, {part, what, count, result, commit, date, seed, folder}."""
import collections
import json
import os

NAME = "torture.ledger"


class Ledger:
    def __init__(self, path):
        self.path, self.entries = path, []
        if os.path.exists(path):
            with open(path) as f:
                self.entries = [json.loads(line) for line in f if line.endswith("\n")]

    def add(self, **entry):
        """On disk before anything else happens, so that whatever ends the run, what was done counts."""
        self.entries.append(entry)
        with open(self.path, "a") as f:
            f.write(json.dumps(entry) + "\n")
            f.flush()
            os.fsync(f.fileno())

    def counts(self, part):
        """{what: (ok, failed)}"""
        counts = collections.defaultdict(lambda: [0, 0])
        for e in self.entries:
            if e["part"] == part:
                counts[e["what"]][e["result"] != "ok"] += e["count"]
        return counts

    def next_seed(self, part):
        seeds = [e["seed"] for e in self.entries if e["part"] == part and e.get("seed") is not None]
        return max(seeds) + 1 if seeds else 0

    def span(self, key):
        values = sorted({e[key] for e in self.entries if e.get(key)})
        return values[0] if len(values) == 1 else f"{values[0]} to {values[-1]}" if values else ""

    def commits(self):
        return list(dict.fromkeys(e["commit"] for e in self.entries if e.get("commit")))

    def failures(self):
        return [e for e in self.entries if e["result"] != "ok"]


def ledger_path(path):
    """The ledger that a user means by a path: it, or the one in that folder."""
    return os.path.join(path, NAME) if os.path.isdir(path) or not path.endswith(".ledger") else path
