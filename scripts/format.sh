#!/usr/bin/env bash
# Formats the C sources as .clang-format says.
#
#   scripts/format.sh          writes the files
#   scripts/format.sh --check  changes nothing and fails if a file would change
#
# Version 14 (Debian 12) is the one that counts: others break lines differently.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

check=no
case ${1:-} in
'') ;;
--check) check=yes ;;
-h | --help) show_help && exit 0 ;;
*) show_help >&2 && die "unknown option $1" ;;
esac
for program in clang-format-14 clang-format ''; do
  [ -n "$program" ] || die "clang-format is missing: scripts/setup.sh --lint"
  command -v "$program" >/dev/null && break
done
version=$("$program" --version | grep -o 'version [0-9]*' | cut -d' ' -f2)
[ "$version" = 14 ] || say "format: clang-format $version here, 14 is the one that counts"

formatted=$(mktemp "${TMPDIR:-/tmp}/coxswain-format.XXXXXX")
trap 'rm -f "$formatted"' EXIT
changed=0
while read -r file; do
  # Under the name of a .c file: from the text of a header it guesses the language, and takes a[i](x) for Objective-C.
  "$program" --assume-filename="${file%.*}.c" <"$file" >"$formatted"
  cmp -s "$file" "$formatted" && continue
  changed=$((changed + 1))
  if [ $check = yes ]; then
    diff -u --label "$file" --label "$file, formatted" "$file" "$formatted" | head -n 20 || true
  else
    cat "$formatted" >"$file"
    say "format: $file"
  fi
done < <(find src tests -name '*.[ch]' | sort)
[ $check = no ] || [ $changed -eq 0 ] || die "$changed files are not formatted: scripts/format.sh"
