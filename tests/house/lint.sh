#!/usr/bin/env bash
# Formatter, linter, types and import rules. Run as `./run.sh lint`; with --fix it also mends what it can.
set -uo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." || exit 1
PATH=$PWD/.venv/bin:$PATH
bad=0

if [[ ${1:-} == --fix ]]; then
    ruff check --fix --quiet .
    ruff format --quiet .
fi
ruff format --check --diff --quiet . || bad=1
ruff check --quiet . || bad=1
mypy --no-error-summary || bad=1
lint-imports --no-cache >/dev/null || { lint-imports --no-cache; bad=1; }

if ((bad)); then echo 'lint: see above' >&2; else echo 'lint: clean'; fi
exit "$bad"
