#!/usr/bin/env bash
# Writes the lock files anew, from pyproject.toml and tests/clients/*.in, for every Python and platform at once, with
# hashes and without addresses. Needs uv. With --upgrade, takes newer versions; without it, keeps what still fits.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."

compile() {
    uv --no-config pip compile --universal --python-version 3.12 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header --quiet "$@"
}

compile "$@" pyproject.toml -o requirements.lock
compile "$@" pyproject.toml --group pyproject.toml:test --group pyproject.toml:lint -c requirements.lock -o requirements-dev.lock
for client in tests/clients/*.in; do
    compile "$@" --override tests/clients/overrides.txt "$client" -o "${client%.in}.lock"
done
