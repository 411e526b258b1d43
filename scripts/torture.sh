#!/usr/bin/env bash
# Torture: what a study must survive, part by part, with counts that add up over several runs.
#
#   scripts/torture.sh [PART...] [options]
#
#   PART              which parts (default: all); --list says what each does and how often
#   --count N         so many of each part's own units (default: what is promised)
#   --continue PATH   adds to this ledger: the file, or the folder it is in. Without it a new one is begun in
#                     BUILD/torture/. Ctrl-C keeps what was counted
#   --seed S          of the first cycle (default: one that this ledger has not seen); the same seed does the same again,
#                     as far as the machine lets it
#   --build DIR       with the program and the tests (default: build)
#   --list            the parts, and whether they can run here
#   --table [PATH]    only the table of promises with the counts of a ledger, as markdown
#   --readme [PATH]   puts that table into README.md, between its markers
#
#   scripts/torture.sh kills --count 300 --continue long
#   scripts/torture.sh --continue long        all of it: hours
#   scripts/torture.sh --table long
#
# A ledger is a text file, one JSON object a line. A cycle's folder goes when it has passed, and stays, named, when not.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

case " $* " in *" -h "* | *" --help "*) show_help && exit 0 ;; esac
command -v python3 >/dev/null || die "python3 is missing: scripts/setup.sh --tests"
exec python3 scripts/torture/torture.py --called-from "$called_from" "$@"
