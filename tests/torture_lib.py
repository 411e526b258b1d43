"""What torture drivers share: the program alone or under mpirun in a job shell, who of it is alive, who is killed.

Processes are held by descriptors (pidfd), so that a number that comes again can never be mistaken for one of ours.
"""
import os
import signal
import subprocess
import sys
import time

PATIENCE = 120  # seconds for what must happen on the slowest machine


class Process:
    """One process of a run. The descriptor stays that process's, whatever becomes of its number."""

    def __init__(self, pid, parent, name):
        self.pid, self.parent, self.name = pid, parent, name
        self.fd = os.pidfd_open(pid)

    def __del__(self):
        if hasattr(self, "fd"):
            os.close(self.fd)

    def kill(self):
        try:
            signal.pidfd_send_signal(self.fd, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it ended by itself

    def rank(self):
        try:
            with open(f"/proc/{self.pid}/environ", "rb") as f:
                for item in f.read().split(b"\0"):
                    if item.startswith(b"OMPI_COMM_WORLD_RANK="):
                        return int(item.partition(b"=")[2])
        except (OSError, ValueError):
            pass
        return None  # not yet, or not any more


def stat_of(pid):
    """(name, state, parent, session), or None if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            text = f.read()
    except OSError:
        return None
    name, rest = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
    return name, rest[0], int(rest[1]), int(rest[3])


def session_members(session):
    members = []
    for entry in os.listdir("/proc"):
        stat = stat_of(entry) if entry.isdigit() else None
        if not stat or stat[3] != session or stat[1] in "ZX":
            continue
        try:
            p = Process(int(entry), stat[2], stat[0])
        except OSError:
            continue
        if (stat_of(entry) or stat)[3] == session:  # still the one we looked at, or gone: then the descriptor knows
            members.append(p)
    return members


class Run:
    """The program, started once in a session of its own. ranks = 0: alone; else mpirun, started by a job shell."""

    def __init__(self, program, folder, ranks, arguments, said, recovery=False):
        self.ranks, self.started, self.said = ranks, time.monotonic(), said
        command = [program, *arguments]
        if ranks:
            options = ["--oversubscribe", "--bind-to", "none"] + (["--enable-recovery"] if recovery else [])
            command = ["bash", "-c", '"$@" & wait $!', "job", "mpirun", "-n", str(ranks), *options, *command]
        with open(said, "wb") as out:
            self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            env=environment(folder), start_new_session=True)
        self.session = self.process.pid

    def seconds(self):
        return time.monotonic() - self.started

    def code(self):
        """Exit code once it has ended, else None."""
        return self.process.poll()

    def members(self):
        return session_members(self.session)

    def shell(self, members):
        return [p for p in members if p.pid == self.session]

    def mpirun(self, members):
        return [p for p in members if p.name in ("mpirun", "orterun", "prterun")]

    def programs(self, members):
        return [p for p in members if p.name.startswith("coxswain")]

    def gone(self):
        self.process.poll()
        return not self.members()

    def wait_until_gone(self, seconds=PATIENCE):
        end = time.monotonic() + seconds
        while not self.gone():
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True

    def destroy(self):
        for _ in range(100):
            members = self.members()
            for p in members:
                p.kill()
            self.process.poll()
            if not members:
                return
            time.sleep(0.02)

    def text(self):
        with open(self.said, errors="replace") as f:
            return f.read()


def environment(folder):
    """Root may run mpirun; what killed ranks leave behind stays in the folder."""
    tmp = os.path.join(folder, "tmp")
    return os.environ | {
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
        "OMPI_MCA_btl_vader_backing_directory": tmp,
        "OMPI_MCA_orte_tmpdir_base": tmp,
    }


class Command:
    """A short command beside a run; `then(code, stdout, stderr)` is called when it has ended."""

    def __init__(self, program, folder, arguments, number, then):
        self.arguments, self.then, self.started = arguments, then, time.monotonic()
        self.paths = [os.path.join(folder, f"command-{number}.{end}") for end in ("out", "err")]
        with open(self.paths[0], "wb") as out, open(self.paths[1], "wb") as err:
            self.process = subprocess.Popen([program, *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=err, env=environment(folder))

    def over(self):
        if self.process.poll() is None:
            return False
        texts = []
        for path in self.paths:
            with open(path, errors="replace") as f:
                texts.append(f.read())
            os.remove(path)
        self.then(self.process.returncode, *texts)
        return True

    def destroy(self):
        self.process.kill()
        self.process.wait()



def program_to_test():
    path = os.environ.get("COXSWAIN")
    if not path or not os.access(path, os.X_OK):
        sys.exit("COXSWAIN must name the program to test, for example COXSWAIN=$PWD/build/coxswain")
    return os.path.realpath(path)


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def can_hold_processes():
    try:
        os.close(os.pidfd_open(os.getpid()))
        return True
    except (AttributeError, OSError):
        return False
