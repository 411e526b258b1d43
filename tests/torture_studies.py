"""The studies that are tortured, and what undisturbed runs of them come to."""
import json
import os
import subprocess

from history_checker import History
from torture_lib import PATIENCE, environment

FUNCTION = """
evaluator = "function";
function = {{ name = "curve"; steps = 9; seconds = 0.01; noise = 0.1; }};
study = {{ name = "tortured"; metric = "value"; seed = {seed}; failures = 1.0; }};
space = {{ {space} }};
run = {{ checkpoint = 0.05; quantum = 0.01; }};
"""

TRAIN = """
study = {{ name = "tortured"; metric = "val_loss"; seed = {seed}; failures = 1.0; }};
space = {{ {space} }};
data = {{ generate = "jets"; rows = 2000; classes = {{ light = 0; c = 4; b = 5; }}; }};
model = {{ hidden = ("@width", 8); dropout = "@dropout"; batch_norm = true; }};
train = {{
  epochs = 27; batch = 100; optimizer = "@optimizer"; lr = "@lr"; momentum = "@momentum";
  lr_schedule = "plateau"; plateau = {{ patience = 1; factor = 0.5; }};
}};
run = {{ checkpoint = 0.05; quantum = 0.02; keep = 3; }};
"""

PLANE = 'x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; };'
GRID = 'x = { low = 0; high = 40; }; kind = ("a", "b", "c");'
NETS = """width = { low = 8; high = 32; }; dropout = { low = 0.05; high = 0.3; };
  lr = { low = 1e-3; high = 1e-2; log = true; }; optimizer = ("adam", "sgd", "rmsprop");
  momentum = { low = 0.3; high = 0.9; when = { optimizer = "sgd"; }; };"""


def plane_point(rng):
    return {"x": round(rng.uniform(-1, 1), 9), "y": round(rng.uniform(-1, 1), 9)}


def grid_point(rng):
    return {"x": rng.randint(0, 40), "kind": rng.choice("abc")}


def nets_point(rng):
    point = {"width": rng.randint(8, 32), "dropout": round(rng.uniform(0.05, 0.3), 9),
             "lr": round(rng.uniform(1e-3, 1e-2), 9), "optimizer": rng.choice(("adam", "sgd", "rmsprop"))}
    if point["optimizer"] == "sgd":
        point["momentum"] = round(rng.uniform(0.3, 0.9), 9)
    return point


class Shape:
    """A kind of study and how it is run. ranks 0: one process without mpirun."""

    def __init__(self, name, ranks, text, space, point, trials, *settings, team=1):
        self.name, self.ranks, self.text, self.space, self.point, self.trials = name, ranks, text, space, point, trials
        self.settings, self.team = settings, team
        self.ordered = "run.ordered=true" in settings
        self.full = not any(s.startswith("schedule.") for s in settings)
        self.trains = text is TRAIN

    def values_hang_on(self):
        """Shapes for which this is equal have the same trials, however they are run."""
        kept = [s for s in self.settings if s.startswith(("sampler.", "train.", "run.ranks_per_trial"))]
        return self.text, self.space, self.trials, *kept

    def options(self, more=()):
        out = ["--set", f"study.trials={self.trials}"]
        for s in (*self.settings, *more):
            out += ["--set", s]
        return out

    def write(self, path, seed):
        with open(path, "w") as f:
            f.write(self.text.format(seed=seed, space=self.space))


HALVING, ORDERED, SOBOL = "schedule.name=halving", "run.ordered=true", "sampler.name=sobol"
TEAM = ("run.ranks_per_trial=2", "train.epochs=9")
SHAPES = [
    Shape("one process, full", 0, FUNCTION, PLANE, plane_point, 40),
    Shape("3 ranks, networks, halving", 3, TRAIN, NETS, nets_point, 100, HALVING, "schedule.first=3"),
    Shape("3 ranks, halving, ordered", 3, FUNCTION, PLANE, plane_point, 200, HALVING, ORDERED, "run.in_flight=8"),
    Shape("2 ranks, networks, ordered", 2, TRAIN, NETS, nets_point, 60, ORDERED, SOBOL),
    Shape("one process, networks, 4 slots, halving", 0, TRAIN, NETS, nets_point, 100, HALVING, "run.slots=4"),
    Shape("3 ranks, full", 3, FUNCTION, PLANE, plane_point, 90, SOBOL),
    Shape("team of 2 beside rank 0, networks", 3, TRAIN, NETS, nets_point, 40, *TEAM, "run.steer=dedicated", team=2),
    Shape("3 ranks, halving", 3, FUNCTION, PLANE, plane_point, 250, HALVING),
    Shape("2 ranks, 4 slots, grid", 2, FUNCTION, GRID, grid_point, 100, "sampler.name=grid", "run.slots=4",
          "function.seconds=0.03"),
    Shape("2 ranks, networks, 2 slots, halving, ordered", 2, TRAIN, NETS, nets_point, 100, HALVING, ORDERED,
          "run.slots=2"),
    Shape("3 ranks, networks, full", 3, TRAIN, NETS, nets_point, 100),
    Shape("team of 2, networks, halving, ordered", 2, TRAIN, NETS, nets_point, 40, *TEAM, HALVING, ORDERED, team=2),
]


class References:
    """Undisturbed runs, made when they are first asked for and kept."""

    def __init__(self, program, place):
        self.program, self.place, self.known, self.searches = program, place, {}, {}
        self.extra = 0

    def run(self, shape, seed, folder, options):
        """One undisturbed run; a study of a team needs a team, as sums of floats have an order."""
        os.makedirs(os.path.join(folder, "tmp"))
        shape.write(os.path.join(folder, "study.cfg"), seed)
        mpirun = ["mpirun", "-n", str(shape.team), "--oversubscribe", "--bind-to", "none"] if shape.team > 1 else []
        command = [*mpirun, self.program, "run", "study.cfg", "--out", "study", *options, "--set", "function.seconds=0",
                   "--set", "run.steer=auto"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment(folder),
                              timeout=4 * PATIENCE, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError(f"an undisturbed run ended with {done.returncode}: {' '.join(command)}\n{done.stderr}")
        with open(os.path.join(folder, "study", "journal.log"), "rb") as f:
            return History(f.read())

    def values(self, shape, seed, trials):
        """{identity: trial} for these trials: those of the study as its sampler makes it, and the others by their points."""
        key = shape.values_hang_on(), seed
        if key not in self.known:
            folder = os.path.join(self.place, f"undisturbed-{len(self.known)}")
            history = self.run(shape, seed, folder, [*shape.options(["schedule.name=full"]), "--set", "run.ordered=false"])
            self.known[key] = {t.identity(): t for t in history.trials}
        known = self.known[key]
        others = [{"number": t.key, "params": t.point()} for t in trials if t.identity() not in known and not t.told]
        if others:
            self.extra += 1
            folder = os.path.join(self.place, f"undisturbed-points-{self.extra}")
            os.makedirs(folder)
            with open(os.path.join(folder, "points.json"), "w") as f:
                json.dump(others, f)
            options = shape.options(["schedule.name=full"]) + ["--points", "../points.json"]
            history = self.run(shape, seed, os.path.join(folder, "run"), options)
            known.update({t.identity(): t for t in history.trials})
        return known

    def search(self, shape, seed):
        """The same study in one undisturbed run, where all of the search must be the same; also its folder."""
        key = shape.name, seed
        if key not in self.searches:
            folder = os.path.join(self.place, f"search-{len(self.searches)}")
            history = self.run(shape, seed, folder, shape.options())
            self.searches[key] = history, os.path.join(folder, "study")
        return self.searches[key]


def same_search(history, other):
    """Complaints where two searches are not the same trial by trial."""
    if len(history.trials) != len(other.trials):
        yield f"{len(history.trials)} trials, undisturbed {len(other.trials)}"
    for a, b in zip(history.trials, other.trials):
        for what in ("params", "key", "state", "value", "step", "reports"):
            if getattr(a, what) != getattr(b, what):
                yield f"trial {a.number}: its {what} are {getattr(a, what)}, undisturbed {getattr(b, what)}"
    mine, theirs = history.best(), other.best()
    if not mine or (mine.number, mine.value) != (theirs.number, theirs.value):
        yield f"the best is {mine and mine.value}, undisturbed {theirs.value}"


