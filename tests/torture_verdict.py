"""What must hold of a study that was killed and is over: values, search, best, weights, the next ask."""
import json
import os
import shutil
import subprocess

from history_checker import compare
from torture_lib import PATIENCE
from torture_studies import same_search


def of(cycle, history):
    """Complaints."""
    known = cycle.references.values(cycle.shape, cycle.study_seed(), history.trials)
    found = history.incomplete() + list(compare(history, known))
    found += best_complaints(cycle, history)
    found += folder_complaints(cycle)
    if not cycle.busy and (cycle.shape.full or cycle.shape.ordered):
        found += search_complaints(cycle, history)
    if len(history.trials) < cycle.shape.trials:
        found.append(f"{len(history.trials)} trials, not {cycle.shape.trials}")
    if not found:  # last: it asks copies of the study
        found += ask_complaints(cycle, history)
    return found


def coxswain(cycle, *arguments, code=0):
    done = subprocess.run([cycle.program, *arguments], cwd=cycle.folder, capture_output=True, text=True, timeout=PATIENCE,
                          stdin=subprocess.DEVNULL)
    if done.returncode != code:
        raise AssertionError(f"coxswain {' '.join(arguments)} ended with {done.returncode}, not {code}: {done.stderr[-600:]}")
    return done.stdout


def best_complaints(cycle, history):
    """The best is what the journal says it is, in every command, and its weights are there."""
    coxswain(cycle, "status", "study", "--exit-code")
    best, said = history.best(), json.loads(coxswain(cycle, "best", "study", "--json", "-n", "3"))
    if (said[0]["number"], said[0]["value"]) != (best.number, best.value):
        yield f"the best is trial {best.number} with {best.value}, and `best` says {said[0]['number']}, {said[0]['value']}"
    if json.loads(coxswain(cycle, "status", "study", "--json"))["best"]["number"] != best.number:
        yield "status and best say different things"
    for t in said if cycle.shape.trains else []:
        told, path = history.trials[t["number"]].told, t["weights"] or ""
        if not told and not (path.startswith("best/") and os.path.exists(os.path.join(cycle.study, path))):
            yield f"the weights of trial {t['number']}, one of the best, are not there: {t['weights']}"


def folder_complaints(cycle):
    """Nothing half written, no request that nobody took. Whoever is killed while it takes the lock leaves its own record of that,
    which others must not remove: they cannot know that it will not go on. What preflight leaves goes after ten minutes."""
    for folder, _, names in os.walk(cycle.study):
        for name in names:
            if name.startswith(("journal.lock.", ".preflight-")):
                continue
            if os.path.basename(folder) == "cache" and name.endswith(".tmp"):  # its process number may be in use again
                continue
            if ".tmp" in name or (folder.endswith("inbox") and name.endswith(".json")):
                yield f"{os.path.join(folder, name)} was left behind"


def search_complaints(cycle, history):
    """Nobody interfered: it is the search that an undisturbed run makes, to the weights."""
    other, folder = cycle.references.search(cycle.shape, cycle.study_seed())
    yield from same_search(history, other)
    name = f"trial-{history.best().number:06d}"
    paths = [os.path.join(f, "best", name + ".h5") for f in (cycle.study, folder)]
    if cycle.shape.trains and shutil.which("h5diff") and all(os.path.exists(p) for p in paths):
        done = subprocess.run(["h5diff", "-q", *paths, f"{name}/weights"], capture_output=True, timeout=PATIENCE)
        if done.returncode != 0:
            yield f"the weights of {name} differ from those of an undisturbed run"


def ask_complaints(cycle, history):
    """A prefix of the journal asks what the study asked next, each time. The samplers here need no history, so any trial will
    do that was asked for first in its group."""
    data, first, made = cycle.bytes(), [], 0
    for group in history.groups:
        creates = sum(op["op_code"] == 4 for _, op in group.ops)
        if creates and made < cycle.shape.trials and not history.trials[made].enqueued:
            first.append((made, group.start))
        made += creates
    for number, end in cycle.rng.sample(first[1:], min(4, len(first) - 1)):
        trial = history.trials[number]
        for copy in ("prefix-1", "prefix-2"):
            folder = os.path.join(cycle.folder, copy)
            os.makedirs(folder)
            shutil.copy(os.path.join(cycle.study, "study.cfg"), folder)
            with open(os.path.join(folder, "journal.log"), "wb") as f:
                f.write(data[:end])
            points = json.loads(coxswain(cycle, "ask", copy))
            shutil.rmtree(folder)
            if [(p["trial"], p["params"]) for p in points] != [(number, trial.point())]:
                yield f"trial {number} was {trial.point()}, and its prefix of the journal asks {points}"
