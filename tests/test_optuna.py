#!/usr/bin/env python3
"""Does Optuna see in a journal what Coxswain says is there?

test_optuna.py JOURNAL EXPECTED.json ...    pairs of them

EXPECTED.json is what `coxswain export DIR --format json` writes: study, direction, and for each trial number, state,
value, params, intermediate_values and attributes. Exit code 0: all equal; 1: the differences are printed; 77: this Python has no
Optuna with journals."""

import json
import sys
import warnings

warnings.filterwarnings("ignore")


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(77)


try:
    import optuna
except ImportError as error:
    skip(f"{sys.executable}: {error}")

optuna.logging.set_verbosity(optuna.logging.ERROR)


def open_storage(path):
    """Optuna 4 renamed the class."""
    try:
        from optuna.storages.journal import JournalFileBackend

        return optuna.storages.JournalStorage(JournalFileBackend(path))
    except ImportError:
        pass
    try:
        return optuna.storages.JournalStorage(optuna.storages.JournalFileStorage(path))
    except AttributeError:
        skip(f"Optuna {optuna.__version__} has no journals")


class Differences:
    def __init__(self):
        self.count = 0

    def check(self, what, ours, theirs):
        if ours == theirs and type_of(ours) == type_of(theirs):
            return
        self.count += 1
        if self.count <= 20:
            print(f"{what}: Coxswain says {ours!r}, Optuna {theirs!r}")


def type_of(x):
    """True is not 1 here; a float and an int of the same value are equal."""
    return bool if isinstance(x, bool) else float if isinstance(x, (int, float)) else type(x)


def compare_params(differences, where, ours, theirs):
    differences.check(f"{where} params", sorted(ours), sorted(theirs))
    for name in ours:
        differences.check(f"{where} {name}", ours[name], theirs.get(name))


def compare_trial(differences, ours, theirs):
    where = f"trial {ours['number']}"
    differences.check(f"{where} number", ours["number"], theirs.number)
    differences.check(f"{where} state", ours["state"], theirs.state.name.lower())
    differences.check(f"{where} value", ours["value"], theirs.value)
    compare_params(differences, where, ours["params"], theirs.params)
    reports = {int(step): value for step, value in ours["intermediate_values"].items()}
    differences.check(f"{where} intermediate values", reports, theirs.intermediate_values)
    for key, value in ours["attributes"].items():
        if key not in theirs.system_attrs:
            differences.check(f"{where} attribute {key}", value, theirs.user_attrs.get(key))
    differences.check(f"{where} over and dated", theirs.state.is_finished(), theirs.datetime_complete is not None)
    if theirs.state.is_finished():
        differences.check(f"{where} time passes", True, theirs.datetime_complete >= theirs.datetime_start)


def expected_best(expected):
    """The best complete trial; of equals the first."""
    complete = [t for t in expected["trials"] if t["state"] == "complete"]
    sign = -1 if expected["direction"] == "maximize" else 1
    return min(complete, key=lambda t: sign * t["value"], default=None)


def compare_best(differences, expected, study):
    best = expected_best(expected)
    try:
        differences.check("best trial", best and best["number"], study.best_trial.number)
        differences.check("best value", best and best["value"], study.best_value)
    except ValueError:  # Optuna's way to say that there is none
        differences.check("best trial", best, None)


def use_tools(study):
    """What people do with a study must not raise."""
    if not study.trials:
        return
    study.trials_dataframe() if has("pandas") else None
    if has("plotly"):
        import optuna.visualization as vis

        vis.plot_optimization_history(study)
        vis.plot_intermediate_values(study)


def has(module):
    try:
        __import__(module)
        return True
    except ImportError:
        return False


def main(journal, expected_path):
    with open(expected_path, encoding="utf-8") as file:
        expected = json.load(file)
    with open(journal, "rb") as file:
        before = file.read()
    storage = open_storage(journal)
    study = optuna.load_study(study_name=expected["study"], storage=storage)
    differences = Differences()
    differences.check("direction", expected["direction"], study.direction.name.lower())
    trials = study.get_trials(deepcopy=False)
    differences.check("number of trials", len(expected["trials"]), len(trials))
    for ours, theirs in zip(expected["trials"], trials):
        compare_trial(differences, ours, theirs)
    compare_best(differences, expected, study)
    use_tools(study)
    with open(journal, "rb") as file:
        differences.check("journal untouched", True, file.read() == before)
    if differences.count:
        print(f"Optuna {optuna.__version__}: {differences.count} differences")
        return 1
    states = {}
    for trial in trials:
        states[trial.state.name.lower()] = states.get(trial.state.name.lower(), 0) + 1
    print(f"Optuna {optuna.__version__} agrees: {journal}: {len(trials)} trials, {states}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 3 or len(sys.argv) % 2 == 0:
        sys.exit(__doc__)
    sys.exit(max(main(journal, expected) for journal, expected in zip(sys.argv[1::2], sys.argv[2::2])))
