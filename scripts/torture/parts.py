"""The promises, and the drivers that try to break them.

A driver is a test that takes a count. It says `torture: PART WHAT COUNT ok` (or `failed`, with the seed and the folder) for
what it has done since the last such line; one that says nothing counts as `each` when it ends with 0. Exit code 77: it
cannot run here, its last line says why.
"""
import os

PROMISES = {  # in plain words, for the README
    "R1": "SIGKILL of the steering rank, a worker, mpirun or the job at any moment, then a resume: no acknowledged result is "
          "lost or counted twice, each trial has the bits of an undisturbed run",
    "R2": "a journal cut at any byte: readable, goes on, also in Optuna",
    "R3": "flipped bits, cuts, zeroed pages in checkpoints: never a silent error or a crash, the older generation is taken",
    "R4": "any write, fsync, rename or open fails, or the disk is full: a clear message, and nothing that was saved is lost",
    "R5": "short jobs in a chain on a real Slurm, with and without a signal: no finished trial is lost",
    "R6": "a job is requeued, a node dies, a second copy starts: goes on alone, the second copy is refused",
    "R7": "ranks die under mpirun: the others finish; a trial that takes its worker with it is given up after 3 tries",
    "R8": "a trial or a rank that hangs is found, its late result is ignored",
    "R9": "bad external programs (NaN, garbage, a gigabyte of output, SEGV, out of memory, children left behind, ...): each "
          "named, nothing left running",
    "R10": "very many workers and trials: a journal of a million trials reopens in a minute cold",
    "R11": "garbage as configuration, JSON, journal or CSV: no crash, no hang; each bad configuration named with its line",
    "R12": "a GPU asked for that cannot be used: an error within seconds that says why, never the CPU instead",
}


class Part:
    """goal: how many are promised. each: what one pass of a driver without counts is worth; it is repeated then."""

    def __init__(self, name, promise, what, goal, script, *arguments, each=None):
        self.name, self.promise, self.what, self.goal, self.script = name, promise, what, goal, script
        self.arguments, self.each = arguments, each

    def missing(self, source):
        """Why it cannot run, or None."""
        path = os.path.join(source, self.script)
        return None if os.path.exists(path) else f"{self.script} is not there"

    def command(self, source, count, seed, place):
        values = {"count": count, "seed": seed, "place": place}
        return [os.path.join(source, self.script), *(a.format(**values) for a in self.arguments)]


PARTS = [
    Part("kills", "R1", "kills", 1000, "tests/torture_kills.py",
         "--count", "{count}", "--seed", "{seed}", "--seconds", "1e9", "--place", "{place}"),
    Part("cut", "R2", "cuts", 2000, "tests/torture_cut.py", "--count", "{count}", "--seed", "{seed}"),
    Part("faults", "R4", "failing calls", 1, "tests/run_faults.py", "--all"),
    Part("disk", "R4", "full disks", 3, "tests/run_full_disk.sh", each=1),
    Part("ranks", "R7", "runs with dead ranks", 10, "tests/run_gone.sh", each=1),
    Part("lost", "R8", "runs with silent ranks", 10, "tests/run_lost.sh", each=1),
    Part("teams", "R7", "runs with broken teams", 10, "tests/run_team.sh", each=1),
    Part("payloads", "R9", "passes of all bad programs", 3, "tests/run_command.sh", each=1),
    Part("walltime", "R5", "runs that were told to leave", 5, "tests/run_stopped.sh", each=1),
]


def by_name(name):
    return next((p for p in PARTS if p.name == name), None)
