#!/usr/bin/env bash
# The whole set-up, then glassgate: finds a Python, makes .venv from the lock file, hands its arguments on.
# `./run.sh test` and `./run.sh lint` add what the tests need. PYTHON=/path/to/python chooses the Python.
set -euo pipefail
unset CDPATH PYTHONHOME

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
venv=$root/.venv
python=

say() { printf 'glassgate: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

# --- Finding a Python: the ones that the tests run on first, then newer ones ---------------------------------------

candidates() { # a line each, best first; they need not exist
    local minor folder uv
    for minor in 13 12 14; do printf 'python3.%s\n' "$minor"; done
    printf 'python3\npython\n'
    for minor in 13 12 14; do
        for folder in "${PYENV_ROOT:-${HOME:-}/.pyenv}/versions/3.$minor."*; do printf '%s/bin/python\n' "$folder"; done
    done
    for uv in uv "${HOME:-}/.local/bin/uv" "${HOME:-}/.cargo/bin/uv"; do
        if command -v "$uv" >/dev/null; then "$uv" --no-config python find --no-project '>=3.12' 2>/dev/null || true; fi
    done
}

# Prints "good", or what is amiss with this Python; prints nothing where it is no Python at all.
judge() {
    "$1" -c '
import sys
version = "%d.%d" % sys.version_info[:2]
if sys.version_info < (3, 12):
    amiss = version + " is too old"
elif sys.version_info.releaselevel != "final":
    amiss = version + " is not released yet"
else:
    try:
        import ctypes, ensurepip, sqlite3, ssl, venv
        amiss = ""
    except ImportError as error:
        amiss = version + " has no module " + str(error.name)
print(amiss or "good")
' </dev/null 2>/dev/null || true
}

find_python() { # sets $python
    local candidate verdict met=
    [[ -z $python ]] || return 0
    if [[ -n ${PYTHON:-} ]]; then
        python=$PYTHON verdict=$(judge "$PYTHON")
        [[ $verdict == good ]] ||
            fail "PYTHON=$PYTHON cannot be used: ${verdict:-it does not run}. Set it to a Python 3.12 or newer, or unset it."
        return
    fi
    while IFS= read -r candidate; do
        verdict=$(judge "$candidate")
        if [[ $verdict == good ]]; then python=$candidate; return; fi
        if [[ -n $verdict ]]; then met+="; $candidate: $verdict"; fi
    done < <(candidates)
    fail "no Python 3.12 or newer here$met. Install one (apt install python3 python3-venv, brew install python@3.13, pyenv install 3.13 or uv python install 3.13), or say where it is: PYTHON=/path/to/python ./run.sh"
}

# --- .venv: ready when its stamp says from which lock file, for which folder, it was made --------------------------

stamp() { printf '%s\n' "$root"; cat -- "$root/$1"; }

ready() { # ready LOCK: is .venv made from this lock file?
    [[ -x $venv/bin/python ]] && stamp "$1" | cmp -s - "$venv/$1.stamp"
}

wanted() { # with PYTHON set: is .venv of that version?
    [[ -z ${PYTHON:-} || ! -x $venv/bin/python ]] && return
    local version='import sys; print(sys.version_info[:3])'
    [[ $("$PYTHON" -c "$version" 2>&1) == "$("$venv/bin/python" -c "$version")" ]]
}

install() { # install LOCK: adds its packages to .venv, and leaves the stamp when all went well
    local log=$venv/install.log
    "$venv/bin/python" -m pip install --require-hashes --only-binary :all: --no-input --no-user --no-warn-script-location \
        --disable-pip-version-check -r "$root/$1" >"$log" 2>&1 </dev/null || {
        tail -n 8 -- "$log" >&2
        fail "the packages of $1 could not be installed (pip's last lines are above; all of them: $log). Once the network and the disk are well, run this again."
    }
    stamp "$1" >"$venv/$1.stamp"
}

make_venv() {
    find_python
    say "making .venv with $("$python" -V) ($(command -v -- "$python")); once, half a minute or so"
    rm -rf -- "$venv" 2>/dev/null && mkdir -- "$venv" 2>/dev/null ||
        fail "$venv cannot be written. Make its folder writable for you, or clone into one that is."
    local said site
    said=$("$python" -m venv -- "$venv" 2>&1) ||
        fail "$python could not make $venv: ${said##*$'\n'}. Look for a full disk, then run this again."
    site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    printf '%s\n' "$root/addon" >"$site/glassgate.pth"
    cat >"$venv/bin/glassgate" <<'SCRIPT'
#!/bin/sh
exec "$(dirname -- "$(readlink -f -- "$0")")/python" -P -m glassgate "$@"
SCRIPT
    chmod +x "$venv/bin/glassgate"
    install requirements.lock
}

# One at a time: the lock is on an open file, so it ends with the processes that hold it, however they end.
alone() {
    find_python
    "$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)' 2>/dev/null && return
    say "another ./run.sh is setting up; waiting for it"
    "$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
}

set_up() { # set_up LOCK...
    local lock missing=0
    for lock; do ready "$lock" || missing=1; done
    if ((!missing)) && wanted; then return; fi
    exec 9<"$root/requirements.lock"
    alone
    if ! ready requirements.lock || ! wanted; then make_venv; fi
    for lock; do ready "$lock" || install "$lock"; done
    exec 9<&-
}

case ${1:-} in
    test | lint)
        set_up requirements.lock requirements-dev.lock
        script=$root/tests/house/$1.sh
        shift
        exec bash "$script" "$@"
        ;;
    serve) # deployment: checks never hang on `assert`, and without them Python is faster
        set_up requirements.lock
        exec "$venv/bin/python" -O -P -m glassgate "$@"
        ;;
    *)
        set_up requirements.lock
        exec "$venv/bin/python" -P -m glassgate "$@"
        ;;
esac
