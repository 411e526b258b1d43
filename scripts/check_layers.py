#!/usr/bin/env python3
"""Checks the shape of the sources: layers, libraries, functions, file sizes.

    scripts/check_layers.py [TREE]        checks TREE/src (default: this project); exit 1 and file:line: what, what to do
    scripts/check_layers.py --self-test   checks that every rule below can fail

The tables at the top are the rules. Whoever adds a folder, a library or a reason for an exception changes a table.
"""

import fnmatch
import re
import sys
import tempfile
from pathlib import Path

# base < conf < {hpo, nn} < store < par < {run, report} < cli. A file includes its own folder or a lower one; folders of
# one height never each other.
LAYERS = [["base"], ["conf"], ["hpo", "nn"], ["store"], ["par"], ["run", "report"], ["cli"]]

# Each library lives in few files, so that it can be replaced there. Header -> files that may include it.
LIBRARIES = {
    "libconfig.h": ["conf/tree.c"],
    "jansson.h": ["base/*.c", "conf/*.c", "nn/*.c", "run/*.c", "report/*.c", "cli/*.c", "hpo/*.c"],
    "zlib.h": ["base/hash.c", "nn/import*.c", "run/function_table.c"],
    "mpi.h": ["par/*.c"],
    "hdf5.h": ["store/*.c", "nn/data_*.c", "nn/import*.c", "nn/generate*.c", "nn/h5*.c"],
    "hdf5_hl.h": [],
    "cblas.h": ["nn/backend_cpu*.c", "hpo/linalg.c"],
}
# The journal has a scanner of its own: a general JSON library takes too long for a million trials.
LIBRARY_EXCEPTIONS = {"jansson.h": ["hpo/journal*.c", "hpo/op*.c"]}

# Functions that src/ does without. Name -> (files that may call it, what to do instead).
_MEMORY = "mem_alloc and its kin in base/mem.h cannot return NULL"
_NUMBERS = "it cannot tell a mistake from 0: use strtol or strtod and look at the end"
_END = "return an enum err; only main, an internal bug, a missing rank or a watchdog ends the process"
_ENDS = ["cli/main.c", "base/mem.c", "base/state.c", "conf/settings_get.c"]
FUNCTIONS = {
    "exit": (_ENDS, _END),
    "abort": (_ENDS, _END),
    "_exit": (_ENDS + ["base/stop.c", "par/*.c", "run/watchdog*.c", "run/launcher*.c"], _END),
    "strcpy": ([], "it cannot see the end of the buffer: snprintf, memcpy or a strbuf"),
    "strcat": ([], "it cannot see the end of the buffer: use a strbuf"),
    "strncpy": ([], "it may leave no final zero: snprintf or memcpy"),
    "sprintf": ([], "it cannot see the end of the buffer: snprintf or a strbuf"),
    "vsprintf": ([], "it cannot see the end of the buffer: vsnprintf or a strbuf"),
    "gets": ([], "it cannot see the end of the buffer: fgets"),
    "strtok": ([], "it keeps a hidden state: strtok_r or a loop over strcspn"),
    "system": ([], "no shell: argv arrays and posix_spawn"),
    "popen": ([], "no shell: argv arrays and posix_spawn"),
    "tmpnam": ([], "another process can take the name first: mkstemp"),
    "mktemp": ([], "another process can take the name first: mkstemp"),
    "rand": ([], "hidden state: base/rng.h"),
    "srand": ([], "hidden state: base/rng.h"),
    "atoi": ([], _NUMBERS),
    "atol": ([], _NUMBERS),
    "atof": ([], _NUMBERS),
    "alloca": ([], "it cannot say that the stack is full: " + _MEMORY),
    "malloc": (["base/mem.c"], _MEMORY),
    "calloc": (["base/mem.c"], _MEMORY),
    "realloc": (["base/mem.c"], _MEMORY),
    "strdup": (["base/mem.c"], _MEMORY),
}

# Variables that outlive a call: the error text, the log sink, the signal flag (and the one empty string that every
# empty strbuf points to). Nothing else is hidden. A text that a function hands out may lie in a buffer per thread.
STATE_ALLOWED = ["base/err.c", "base/log.c", "base/stop.c", "base/strbuf.c"]
TEXT_BUFFER = re.compile(r"static _Thread_local char \w+\[\w+\];")

MAX_LINES = 600

STANDARD = set(
    """assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic
    stdbool stddef stdint stdio stdlib stdnoreturn string strings tgmath threads time uchar wchar wctype
    aio cpuid dirent dlfcn endian fcntl fnmatch ftw getopt glob grp libgen poll pthread pwd regex sched semaphore spawn
    syslog termios unistd utime arpa/inet net/if netdb netinet/in netinet/tcp malloc
    sys/auxv sys/eventfd sys/file sys/ioctl sys/mman sys/param sys/prctl sys/random sys/resource sys/select sys/signalfd
    sys/socket sys/stat sys/statvfs sys/syscall sys/sysinfo sys/time sys/times sys/types sys/uio sys/un sys/utsname
    sys/vfs sys/wait linux/fs linux/limits""".split()
)
# Instruction sets belong to the kernels of the CPU backend; there is always a portable path beside them.
VECTOR_HEADERS = {"immintrin.h", "x86intrin.h", "arm_neon.h", "arm_sve.h", "altivec.h"}
VECTOR_FILES = ["nn/*.c", "nn/*_simd.h"]

HEIGHT = {folder: height for height, folders in enumerate(LAYERS) for folder in folders}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
CALL = re.compile(r"(?<![\w.>])(" + "|".join(sorted(FUNCTIONS)) + r")\s*\(")
OPEN_END = re.compile(r"\b(TODO|FIXME|XXX)\b")


def matches(path, patterns):
    return any(fnmatch.fnmatch(path, p) for p in patterns)


def without_comments(text, keep_strings):
    """Comments (and what stands in quotes) as blanks, so that positions and line numbers stay."""

    def blank(m):
        piece = m.group(0)
        if piece[0] in "\"'":
            return piece if keep_strings else piece[0] + " " * (len(piece) - 2) + piece[-1]
        return re.sub(r"[^\n]", " ", piece)

    token = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(token, blank, text, flags=re.DOTALL)


class Checker:
    def __init__(self, tree):
        self.tree = Path(tree)
        self.found = []

    def say(self, path, line, what):
        self.found.append((path, line, what))

    def check(self):
        src = self.tree / "src"
        files = sorted(p for p in src.rglob("*") if p.suffix in (".c", ".h"))
        if not files:
            self.say("src", 0, f"no .c or .h file below {src}")
        for p in files:
            self.check_file(p.relative_to(src).as_posix(), p.read_text(encoding="utf-8"))
        return self.found

    def check_file(self, path, text):
        folder = path.split("/")[0]
        if folder not in HEIGHT or path.count("/") != 1:
            known = ", ".join(sorted(HEIGHT))
            self.say(path, 1, f"not in one of the folders {known}: put it there, or add its folder to LAYERS")
            return
        lines = text.count("\n")
        if lines > MAX_LINES:
            self.say(path, lines, f"{lines} lines, more than {MAX_LINES}: split it by purpose")
        self.check_includes(path, folder, without_comments(text, keep_strings=True))
        code = without_comments(text, keep_strings=False)
        self.check_calls(path, code)
        self.check_state(path, code)
        for m in OPEN_END.finditer(text):
            self.say(path, line_of(text, m.start()), f"{m.group(1)}: finish it, or write an issue and say what is so today")

    def check_includes(self, path, folder, text):
        for m in INCLUDE.finditer(text):
            line, name = line_of(text, m.start(2)), m.group(2)
            if m.group(1) == '"':
                self.check_own_include(path, folder, line, name)
            else:
                self.check_system_include(path, line, name)

    def check_own_include(self, path, folder, line, name):
        other = name.split("/")[0]
        if "/" not in name or other not in HEIGHT:
            self.say(path, line, f'"{name}": write the folder too, as in "base/err.h"; libraries come in < >')
        elif not (self.tree / "src" / name).is_file():
            self.say(path, line, f'"{name}" does not exist below src/')
        elif other != folder and HEIGHT[other] == HEIGHT[folder]:
            self.say(path, line, f'{folder}/ and {other}/ never include each other ("{name}"): what both need lies lower')
        elif HEIGHT[other] > HEIGHT[folder]:
            self.say(
                path,
                line,
                f'{folder}/ lies below {other}/ and cannot include "{name}": '
                f"declare an interface in {folder}/ or lower and implement it in {other}/",
            )

    def check_system_include(self, path, line, name):
        if name.endswith(".h") and name[:-2] in STANDARD:
            return
        if name in VECTOR_HEADERS:
            if not matches(path, VECTOR_FILES):
                self.say(path, line, f"<{name}> only in {', '.join(VECTOR_FILES)}")
        elif name not in LIBRARIES:
            self.say(path, line, f"<{name}> is no C or POSIX header and no known library: add it to LIBRARIES with its files")
        elif path.endswith(".h"):
            self.say(path, line, f"a header includes <{name}>: declare `struct x;` and include it in the .c file")
        elif not matches(path, LIBRARIES[name]) or matches(path, LIBRARY_EXCEPTIONS.get(name, [])):
            where = ", ".join(LIBRARIES[name]) or "no file"
            self.say(path, line, f"<{name}> only in {where}: go through the functions there")

    def check_calls(self, path, code):
        for m in CALL.finditer(code):
            allowed, instead = FUNCTIONS[m.group(1)]
            if not matches(path, allowed):
                self.say(path, line_of(code, m.start()), f"{m.group(1)}(): {instead}")

    def check_state(self, path, code):
        if matches(path, STATE_ALLOWED):
            return
        for line, statement in statements(code):
            if is_state(statement) and not TEXT_BUFFER.fullmatch(statement):
                short = " ".join(statement.split())[:60]
                self.say(path, line, f"`{short}` outlives the call: no globals; make it const, or hand it on in a struct")


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def statements(code):
    """(line, text, up to its first brace or ;) of what stands outside functions, and of `static` inside them."""
    code = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), code, flags=re.M | re.S)
    depth, start = 0, 0
    for m in re.finditer(r"[{};]", code):
        piece = code[start : m.start()]
        inside = depth > 0
        text = piece.strip()
        if text and (not inside or re.match(r"static\b", text)):
            yield line_of(code, start + len(piece) - len(piece.lstrip())), text + m.group(0)
        if m.group(0) == "{":
            depth += 1
        elif m.group(0) == "}":
            depth -= 1
        start = m.end()


def is_state(statement):
    """Does this declaration make a variable that can change and that lives on?"""
    head = statement.split("=")[0]
    words = re.findall(r"\w+", head)
    if not words or {"typedef", "extern"} & set(words[:2]) or "const" in words or "_Static_assert" in words:
        return False
    if statement.endswith("{") and "=" not in statement:
        return False  # a function or a type
    if re.search(r"\w\s*\(", head):
        return False  # a prototype or a macro call
    plain = [w for w in words if w not in ("static", "_Thread_local", "volatile", "_Alignas", "_Atomic")]
    if plain and plain[0] in ("struct", "union", "enum"):
        return len(plain) > 2
    return len(plain) > 1


CLEAN = {
    "src/base/err.h": "#include <stddef.h>\nstruct comm; /* malloc(3), TRY */\nint err_text(void);\n",
    "src/base/err.c": '#include "base/err.h"\nstatic _Thread_local char text[9];\nint err_text(void) { return text[0]; }\n',
    "src/hpo/space.c": '#include "base/err.h"\nstatic const int table[] = {1, 2};\nenum kind { A };\n'
    "struct x {\n  int a;\n};\nint f(int n) {\n  struct x x = {n};\n  int i = table[x.a];\n  return i + g(\"exit(1)\");\n}\n",
    "src/par/comm_mpi.c": "#include <mpi.h>\n",
    "src/cli/main.c": '#include <stdlib.h>\n#include "hpo/space.h"\nint main(void) { exit(0); }\n',
    "src/hpo/space.h": "int f(int n);\n__extension__ typedef unsigned __int128 u128;\n",
    "src/nn/net.c": "const char *f(void) {\n  static _Thread_local char text[9];\n  return text;\n}\n",
    "src/nn/net.h": "int g(void);\n",
    "src/run/steer.h": "int s(void);\n",
    "src/report/table.h": "int t(void);\n",
}
# One broken file each -> what its message must contain.
BROKEN = [
    ("src/base/low.c", '#include "hpo/space.h"\n', "src/base/low.c:1: base/ lies below hpo/"),
    ("src/hpo/x.c", '\n#include "nn/net.h"\n', "src/hpo/x.c:2: hpo/ and nn/ never include each other"),
    ("src/nn/x.c", '#include "hpo/space.h"\n', "nn/ and hpo/ never include each other"),
    ("src/run/x.c", '#include "report/table.h"\n', "run/ and report/ never"),
    ("src/report/x.c", '#include "run/steer.h"\n', "report/ and run/ never"),
    ("src/conf/x.c", '#include "base/gone.h"\n', "does not exist"),
    ("src/conf/x.c", '#include "err.h"\n', "write the folder too"),
    ("src/par/x.h", "#include <mpi.h>\n", "a header includes <mpi.h>"),
    ("src/run/x.c", "#include <mpi.h>\n", "<mpi.h> only in par/*.c"),
    ("src/run/x.c", "#include <hdf5.h>\n", "<hdf5.h> only in store/*.c"),
    ("src/nn/optim.c", "#include <cblas.h>\n", "<cblas.h> only in nn/backend_cpu*.c"),
    ("src/conf/x.c", "#include <libconfig.h>\n", "<libconfig.h> only in conf/tree.c"),
    ("src/hpo/journal_scan.c", "#include <jansson.h>\n", "<jansson.h> only in"),
    ("src/run/x.c", "#include <curl/curl.h>\n", "no known library"),
    ("src/hpo/x.c", "#include <immintrin.h>\n", "<immintrin.h> only in nn/*.c"),
    ("src/run/x.c", "void f(void) {\n  exit(1);\n}\n", "src/run/x.c:2: exit()"),
    ("src/run/x.c", "void f(void) { abort (); }\n", "abort()"),
    ("src/run/x.c", "void f(char *a) { strcpy(a, a); }\n", "strcpy()"),
    ("src/run/x.c", 'void f(char *a) { sprintf(a, "x"); }\n', "sprintf()"),
    ("src/run/x.c", 'int f(void) { return system("ls"); }\n', "system()"),
    ("src/run/x.c", "void *f(void) { return malloc(3); }\n", "malloc()"),
    ("src/run/x.c", "static int counter;\n", "`static int counter;` outlives"),
    ("src/run/x.c", "int counter = 3;\n", "`int counter = 3;` outlives"),
    ("src/run/x.c", "static struct noun *nouns[4] = {0};\n", "outlives"),
    ("src/run/x.c", "int f(void) {\n  if (1) {\n    static int n = 0;\n    return n;\n  }\n}\n", "src/run/x.c:3: `static int n"),
    ("src/run/x.c", "/* TODO: more */\n", "TODO"),
    ("src/run/x.c", "\n" * 601, "601 lines"),
    ("src/odd/x.c", "\n", "not in one of the folders"),
    ("src/run/deep/x.c", "\n", "not in one of the folders"),
]


def messages(tree):
    return [f"src/{path}:{line}: {what}" for path, line, what in Checker(tree).check()]


def self_test():
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for path, text in CLEAN.items():
            (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).write_text(text)
        for message in messages(folder):
            print(f"self-test: a clean tree gives: {message}")
            failures += 1
        for path, text, expected in BROKEN:
            broken = Path(folder) / path
            broken.parent.mkdir(parents=True, exist_ok=True)
            broken.write_text(text)
            got = messages(folder)
            if len(got) != 1 or expected not in got[0]:
                print(f"self-test: {path} with {text[:60]!r} should give one message with {expected!r}, gives {got}")
                failures += 1
            broken.unlink()
    print(f"self-test: {len(BROKEN)} violations tried, {failures} wrong")
    return 1 if failures else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    if len(arguments) > 1 or any(a.startswith("-") for a in arguments):
        print(__doc__)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    tree = arguments[0] if arguments else Path(__file__).resolve().parent.parent
    found = messages(tree)
    for message in found:
        print(message)
    print(f"check_layers: {len(found)} violations" if found else "check_layers: the layers hold")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
