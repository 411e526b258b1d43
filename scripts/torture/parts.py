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
    """goal: how many are promised. each: what a pass is worth of a driver that does not count; it is repeated then. parallel:
    the driver does `count` of several things in one go, and each of them has the goal."""

    def __init__(self, name, promise, what, goal, script, *arguments, each=None, parallel=False):
        self.name, self.promise, self.what, self.goal, self.script = name, promise, what, goal, script
        self.arguments, self.each, self.parallel = arguments, each, parallel

    def missing(self, source):
        """Why it cannot run, or None."""
        path = os.path.join(source, self.script)
        return None if os.path.exists(path) else f"{self.script} is not there"

    def command(self, source, count, seed, place):
        values = {"count": count, "seed": seed, "place": place}
        return [os.path.join(source, self.script), *(a.format(**values) for a in self.arguments)]

    def reached(self, counts):
        """Of {what: (ok, failed)}: what counts towards the goal."""
        done = [ok for ok, _ in counts.values()] or [0]
        return min(done) if self.parallel else sum(done)


PARTS = [
    Part("kills", "R1", "kills", 1000, "tests/torture_kills.py",
         "--count", "{count}", "--seed", "{seed}", "--seconds", "1e9", "--place", "{place}"),
    Part("cut", "R2", "cuts", 10000, "tests/torture_cut.py", "--count", "{count}", "--seed", "{seed}"),
    Part("damage", "R3", "flipped bits, and a tenth of it of each other damage", 10000, "tests/run_damaged.sh", "{count}"),
    Part("calls", "R4", "failing calls", 1, "tests/run_faults.py", "--all"),
    Part("disk", "R4", "full disks", 10, "tests/run_full_disk.sh", each=1),
    Part("slurm", "R5", "short jobs in each of three chains", 20, "tests/slurm_chain.sh", "{count}", each="count"),
    Part("nodes", "R6", "passes of nodes and daemons that die", 5, "tests/slurm_nodes.sh", each=1),
    Part("lock", "R6", "passes of second copies and old owners", 10, "tests/run_lock.sh", each=1),
    Part("walltime", "R5", "passes of runs that are told to leave", 5, "tests/run_stopped.sh", each=1),
    Part("limits", "R5", "passes of time limits of batch systems", 5, "tests/run_walltime.sh", each=1),
    Part("ranks", "R7", "passes of runs that lose ranks", 10, "tests/run_gone.sh", each=1),
    Part("teams", "R7", "passes of teams that lose a member", 10, "tests/run_team.sh", each=1),
    Part("silent", "R8", "passes of runs with ranks that fall silent", 10, "tests/run_lost.sh", each=1),
    Part("payloads", "R9", "bad programs", 200, "tests/run_command_bad.sh", each=1),
    Part("command", "R9", "kills of studies of programs", 50, "tests/run_command.sh", "{count}"),
    Part("fuzz", "R11", "random inputs", 10000000, "scripts/fuzz.sh", "all", "{count}", "{seed}", parallel=True),
    Part("snapshot", "R10", "passes of long journals with snapshots", 3, "tests/run_snapshot.sh", each=1),
    Part("gpu", "R12", "passes without a GPU", 3, "tests/run_no_gpu.sh", each=1),
    Part("bad-settings", "R11", "bad configurations", 500, "tests/bad_settings.sh", "--all"),
]


def by_name(name):
    return next((p for p in PARTS if p.name == name), None)
