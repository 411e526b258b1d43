# shellcheck shell=bash
# What the whole-run tests of programs as evaluators share: sourced after lib.sh.
command -v pgrep >/dev/null || skip "no pgrep"

# shellcheck disable=SC2154 # place, of lib.sh
# Whatever is started from here carries this in its environment, and whoever still has it is not gone.
export COXSWAIN_TEST_MARK=$place.$$
marked() {
  python3 - "$1" <<'EOF'
import os, sys
mark = f"COXSWAIN_TEST_MARK={os.environ['COXSWAIN_TEST_MARK']}".encode()
ours = {os.getpid(), os.getppid()}
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        environment = open(f"/proc/{pid}/environ", "rb").read().split(b"\0")
        command = open(f"/proc/{pid}/cmdline", "rb").read().replace(b"\0", b" ").decode(errors="replace")
        state = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0]
    except OSError:
        continue
    if mark in environment and int(pid) not in ours and state not in "ZX" and sys.argv[1] in command:
        print(pid, command)
EOF
}
none_left() {
  [ -z "$(marked "$1")" ]
}
