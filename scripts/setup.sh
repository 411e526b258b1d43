#!/usr/bin/env bash
# Sets a machine up for Coxswain: installs what is missing with apt where it may, else lists what is missing by name.
#
#   scripts/setup.sh                      what building and running need
#   scripts/setup.sh --tests              and what the tests need
#   scripts/setup.sh --lint               and what the checks of the sources need (clang and its tools, shellcheck)
#   scripts/setup.sh [...] --list         prints the Debian packages and does nothing
#   scripts/setup.sh [...] --download DIR on a machine with network: fetches these packages and all they stand on
#   scripts/setup.sh [...] --offline DIR  on a machine without: installs what is missing from there
#
# Libraries that do not come from Debian packages (a cluster's modules, Spack, conda) are as good: what is found by its
# program, by pkg-config or by CMake is not asked for. Load such modules before. Root, or sudo without a password, is
# needed to install, and nothing else. It can be run again at any time.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

# group    package         where else it may be found      what it is
needs() {
  cat <<'END'
build    build-essential  cmd:cc,make                     a C compiler and make
build    cmake            cmd:cmake                       CMake 3.18 or newer
build    pkg-config       cmd:pkg-config                  pkg-config
build    openmpi-bin      cmd:mpirun|mpiexec|srun|jsrun   an MPI launcher
build    libopenmpi-dev   cmd:mpicc                       an MPI-3.1 library with mpicc
build    libhdf5-dev      cmd:h5cc|h5pcc                  HDF5 1.10 or newer, for C
build    libconfig-dev    pkg:libconfig                   libconfig
build    libjansson-dev   pkg:jansson                     jansson
build    libopenblas-dev  pkg:openblas|flexiblas|blis     OpenBLAS (or another BLAS with cblas.h, and LAPACK)
build    zlib1g-dev       pkg:zlib                        zlib
tests    libcunit1-dev    pkg:cunit                       CUnit
tests    python3          cmd:python3                     Python 3
tests    procps           cmd:pgrep                       pgrep: tests that kill ranks
optional python3-optuna   none                            Optuna: opens our journals in a test
optional python3-numpy    none                            NumPy: for scripts that compare
optional python3-h5py     none                            h5py: opens our files in a test
optional slurmctld        none                            Slurm: job scripts in a test (started by the test only)
optional slurmd           none                            Slurm's daemon of a node
optional slurm-client     none                            sbatch, srun and others
optional slurm-wlm-basic-plugins none                     Slurm's plugins, pmix among them
optional munge            none                            munge: Slurm's authentication
optional iproute2         cmd:ip                          ip: the network of that Slurm
lint     clang-format     cmd:clang-format                clang-format 14
lint     clang-tidy       cmd:clang-tidy                  clang-tidy 14
lint     clang            cmd:clang                       clang: the second compiler
lint     libclang-rt-dev  none                            clang's sanitizers and libFuzzer
lint     shellcheck       cmd:shellcheck                  shellcheck
END
}

groups=" build "
action=install
folder=
while [ $# -gt 0 ]; do
  case $1 in
  --tests) groups+="tests optional " ;;
  --lint) groups+="lint " ;;
  --list) action=list ;;
  --download | --offline)
    action=${1#--}
    [ $# -ge 2 ] || die "$1 needs a folder"
    folder=$(typed_path "$2")
    shift
    ;;
  -h | --help) show_help && exit 0 ;;
  *) show_help >&2 && die "unknown option $1" ;;
  esac
  shift
done
if [ "$action" = offline ]; then
  [ -d "$folder" ] || die "--offline $folder: no such folder"
fi

packages_of() { # GROUPS: the packages of these groups, one a line
  needs | while read -r group package _; do
    case " $1 " in *" $group "*) echo "$package" ;; esac
  done
}
what_is() { needs | awk -v p="$1" '$2 == p { sub(/^[^ ]+ +[^ ]+ +[^ ]+ +/, ""); print }'; }

installed() { # one question to dpkg for all of them
  command -v dpkg-query >/dev/null || return 0
  # shellcheck disable=SC2046
  (dpkg-query -W -f '${Package} ${db:Status-Status}\n' $(needs | awk '{print $2}') 2>/dev/null || true) | awk '$2 == "installed" { print $1 }'
}
found_elsewhere() { # PROBE: cmd:a|b,c = (a or b) and c on the PATH; pkg:a|b = one that pkg-config knows
  local how=${1%%:*} all one some
  [ "$how" = none ] && return 1
  for all in $(tr , ' ' <<<"${1#*:}"); do
    some=no
    for one in $(tr '|' ' ' <<<"$all"); do
      if [ "$how" = cmd ]; then
        command -v "$one" >/dev/null && some=yes
      else
        pkg-config --exists "$one" 2>/dev/null && some=yes
      fi
    done
    [ $some = yes ] || return 1
  done
}
missing_of() { # GROUPS: the packages that are neither installed nor found elsewhere
  local have group package probe
  have=$(installed)
  needs | while read -r group package probe _; do
    case " $1 " in *" $group "*) ;; *) continue ;; esac
    grep -qx "$package" <<<"$have" || found_elsewhere "$probe" || echo "$package"
  done
}

become_root=()
can_install() {
  command -v apt-get >/dev/null || return 1
  [ "$(id -u)" -eq 0 ] && return 0
  become_root=(sudo -n)
  sudo -n true 2>/dev/null
}

work=$(mktemp -d "${TMPDIR:-/tmp}/coxswain-setup.XXXXXX")
trap 'rm -rf "$work"' EXIT
log=$work/log
fresh_lists=no

# apt_install LOG-TAIL PACKAGE...: with the lists at hand; if that fails once more with new ones.
apt_run() { ${become_root[@]+"${become_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1 </dev/null; }
apt_install() {
  apt_run install --no-install-recommends "$@" && return 0
  if [ $fresh_lists = no ]; then
    fresh_lists=yes
    apt_run update || true # one dead source among many is no reason to stop: the install says whether it matters
    apt_run install --no-install-recommends "$@" && return 0
  fi
  return 1
}

cmake_is_content() { # the last word on libraries outside Debian's packages
  command -v cmake >/dev/null && cmake -S . -B "$work/try" -DCOXSWAIN_TESTS=OFF >"$work/cmake.log" 2>&1
}

only_libraries_are_missing() {
  local other=${groups/build/}
  [ -z "$(missing_of "${other/optional/}")" ]
}

say_missing() { # PACKAGE...: names, and the one command
  local package
  printf '\nMissing on this machine:\n' >&2
  for package in "$@"; do
    printf '  %-16s %s\n' "$package" "$(what_is "$package")" >&2
  done
  if command -v apt-get >/dev/null; then
    printf '\nOne command installs them:\n\n  %sapt-get install %s\n\n' "$([ "$(id -u)" -eq 0 ] || echo 'sudo ')" "$*" >&2
    printf 'Without network: scripts/setup.sh --download DIR where there is one, then scripts/setup.sh --offline DIR here.\n' >&2
  else
    printf '\nThese are the names of Debian packages. Load the modules that bring them (module avail), or in a conda environment:\n\n' >&2
    printf '  conda install -c conda-forge c-compiler cmake pkg-config openmpi hdf5 libconfig jansson openblas zlib cunit\n' >&2
  fi
}

install_missing() {
  local names missing package
  names=$(missing_of "${groups/optional/}")
  read -r -a missing <<<"${names//$'\n'/ }"
  if [ ${#missing[@]} -gt 0 ]; then
    if can_install; then
      say "set-up: installing ${missing[*]}"
      if ! apt_install "${missing[@]}"; then
        tail -n 15 "$log" >&2
        say_missing "${missing[@]}"
        die "apt-get could not install them (its last lines are above)"
      fi
    elif only_libraries_are_missing && cmake_is_content; then
      say "set-up: not Debian's ${missing[*]}, but CMake finds all it needs"
    else
      say_missing "${missing[@]}"
      die "not root, and no sudo without a password: ask for them, or load modules that bring them, and run this again"
    fi
  fi
  case $groups in
  *optional*)
    for package in $(missing_of optional); do
      if can_install && apt_install "$package"; then
        say "set-up: installed $package"
      else
        say "set-up: without $package ($(what_is "$package")): such tests are skipped"
      fi
    done
    ;;
  esac
  [ ${#missing[@]} -gt 0 ] || say "set-up: nothing is missing"
}

# shellcheck source=/dev/null
system_name() { (. /etc/os-release && echo "$ID $VERSION_ID $(dpkg --print-architecture)"); }

# The whole closure, as if nothing were installed, with an index that apt can read: the machine without network takes
# from it what it lacks, whatever it has.
download() {
  command -v apt-get >/dev/null || die "--download needs apt-get: use a machine with the Debian release of the other one"
  local names wanted apt deb
  names=$(packages_of "$groups")
  read -r -a wanted <<<"${names//$'\n'/ }"
  mkdir -p "$folder/partial" "$work/lists/partial"
  : >"$work/nothing-installed"
  apt=(apt-get -y -q -o "Dir::State::lists=$work/lists" -o "Dir::Cache::archives=$folder" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
    -o "Dir::State::status=$work/nothing-installed" -o Debug::NoLocking=1 -o APT::Keep-Downloaded-Packages=true -o APT::Sandbox::User="$(id -un)")
  say "download: ${wanted[*]} and all they stand on, for $(system_name), to $folder"
  quietly "$log" "${apt[@]}" update || die "no package lists: is there a network?"
  quietly "$log" "${apt[@]}" install --no-install-recommends --download-only "${wanted[@]}" || die "not everything could be fetched"
  rmdir "$folder/partial" 2>/dev/null || true
  rm -f "$folder/lock"
  for deb in "$folder"/*.deb; do
    dpkg-deb -f "$deb"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "${deb##*/}" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d' ' -f1)"
  done >"$folder/Packages"
  system_name >"$folder/system"
  say "download: $(find "$folder" -name '*.deb' | wc -l) packages, $(du -sh "$folder" | cut -f1); copy the folder, then there: scripts/setup.sh --offline DIR"
}

use_folder_only() { # apt sees nothing but the folder: no network is asked for
  [ -f "$folder/Packages" ] || die "--offline $folder: no file Packages in it; it is made by scripts/setup.sh --download"
  [ "$(cat "$folder/system")" = "$(system_name)" ] ||
    die "--offline $folder: fetched for $(cat "$folder/system"), this is $(system_name): fetch again on a machine like this one"
  mkdir -p "$work/lists/partial" "$work/archives/partial"
  echo "deb [trusted=yes] file:$folder ./" >"$work/sources.list"
  cat >"$work/apt.conf" <<END
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "$work/lists";
Dir::Cache::archives "$work/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT::Sandbox::User "root";
END
  become_root+=(env "APT_CONFIG=$work/apt.conf")
}

case $action in
list) packages_of "$groups" ;;
download) download ;;
offline)
  can_install || die "--offline: not root, and no sudo without a password"
  use_folder_only
  can_install() { true; }
  install_missing
  ;;
install) install_missing ;;
esac
