#!/usr/bin/env bash
# Writes both lock files anew from pyproject.toml, for every Python and platform at once, with hashes and without
# addresses. Needs uv. With --upgrade, takes newer versions; without it, keeps what still fits.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."

compile() {
    uv --no-config pip compile --universal --python-version 3.12 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header --quiet "$@"
}

compile "$@" pyproject.toml -o requirements.lock
compile "$@" pyproject.toml --group pyproject.toml:test --group pyproject.toml:lint -c requirements.lock -o requirements-dev.lock
