#!/usr/bin/env bash
# The checks and the tests, and before them whatever they need from outside. Run as `./run.sh test [pytest's arguments]`;
# with arguments just those tests run. What cannot be had is named, and then the run fails: nothing is left out quietly.
set -uo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." || exit 1
PATH=$PWD/.venv/bin:$PATH:/usr/sbin:/sbin # servers are where only root looks
amiss=()

# The program that a test starts, or the module of one, and the Debian package that has it.
programs=(
    chromium:chromium certutil:libnss3-tools curl:curl openssl:openssl h2load:nghttp2-client node:nodejs npm:npm
    nginx:nginx apache2:apache2-bin haproxy:haproxy caddy:caddy nft:nftables ip:iproute2 unshare:util-linux
    /usr/lib/nginx/modules/ngx_http_js_module.so:libnginx-mod-http-js
    /usr/lib/apache2/modules/mod_oauth2.so:libapache2-mod-oauth2
)

packages_wanted() { # Debian packages whose program is not here, a line each
    local pair
    for pair in "${programs[@]}"; do
        command -v "${pair%%:*}" >/dev/null || [[ -f ${pair%%:*} ]] || printf '%s\n' "${pair##*:}" # a module is no program
    done
}

apt() {
    local as=()
    ((EUID == 0)) || as=(sudo -n)
    "${as[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq -o DPkg::Lock::Timeout=120 "$@" </dev/null >&2
}

debian_packages() {
    local wanted
    mapfile -t wanted < <(packages_wanted)
    ((${#wanted[@]})) || return 0
    echo "test: installing ${wanted[*]}" >&2
    apt install -y --no-install-recommends "${wanted[@]}" || { apt update && apt install -y --no-install-recommends "${wanted[@]}"; }
    mapfile -t wanted < <(packages_wanted)
    ((${#wanted[@]} == 0)) || amiss+=("not installed, and not to be had by apt-get here: ${wanted[*]}")
}

npm_packages() {
    local lock=tests/npm/package-lock.json stamp=tests/npm/node_modules/.installed
    cmp -s "$lock" "$stamp" && return
    echo "test: installing the npm packages of tests/npm" >&2
    (cd tests/npm && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error </dev/null >&2) && cp "$lock" "$stamp" ||
        amiss+=("not installed, and not to be had by npm here: the packages of tests/npm")
}

client_packages() { # of clients that nobody here wrote: each lock has all it needs, and an environment of its own
    local lock venv
    for lock in tests/clients/*.lock; do
        venv=${lock##*/}
        venv=.venv/clients/${venv%.lock}
        cmp -s "$lock" "$venv/.installed" && continue
        echo "test: installing the packages of $lock" >&2
        rm -rf -- "$venv" && python -m venv -- "$venv" &&
            "$venv/bin/python" -m pip install --require-hashes --no-deps --only-binary :all: --no-input -qq \
                --disable-pip-version-check -r "$lock" </dev/null >&2 && cp -- "$lock" "$venv/.installed" ||
            amiss+=("not installed, and not to be had by pip here: the packages of $lock")
    done
}

debian_packages
npm_packages
client_packages
if ((${#amiss[@]})); then printf 'test: %s\n' "${amiss[@]}" >&2; fi

# Hypothesis's own "ci" profile: the same examples every time, and no deadlines.
if (($#)); then
    python -m pytest --hypothesis-profile=ci "$@"
else
    bash tests/house/lint.sh || amiss+=("the checks of ./run.sh lint found something (above)")
    # On both front ends, which is the default of --front. In the order of tests/conftest.py: xdist's own, by the number
    # of a file's tests, has the long journeys last, and one core waits.
    python -m pytest --hypothesis-profile=ci -q -n 3 --dist loadscope --no-loadscope-reorder
fi
status=$?

if ((${#amiss[@]})); then
    printf 'test: FAILED, %s\n' "${amiss[@]}" >&2
    ((status)) || status=1
fi
exit "$status"
