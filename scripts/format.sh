#!/usr/bin/env bash
# Formats the C sources as .clang-format says.
#
#   scripts/format.sh          writes the files
#   scripts/format.sh --check  changes nothing and fails if a file would change
#
# Version 14 (Debian 12) is the one that counts: others break lines differently.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

case ${1:-} in
'') mode=(-i) ;;
--check) mode=(--dry-run -Werror) ;;
-h | --help) show_help && exit 0 ;;
*) show_help >&2 && die "unknown option $1" ;;
esac
for program in clang-format-14 clang-format ''; do
  [ -n "$program" ] || die "clang-format is missing: scripts/setup.sh --lint"
  command -v "$program" >/dev/null && break
done
version=$("$program" --version | grep -o 'version [0-9]*' | cut -d' ' -f2)
[ "$version" = 14 ] || say "format: clang-format $version here, 14 is the one that counts"

find src tests -name '*.[ch]' -print0 | xargs -0 "$program" "${mode[@]}"
