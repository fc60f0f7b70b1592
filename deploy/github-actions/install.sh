#!/usr/bin/env bash
# Installs Comfy Watch from the repository of the action: the packages that requirements/plain.txt pins, checked against
# its hashes, then the program. A second use in one job takes what the first has installed, also by the other action.
set -euo pipefail

repository="$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd -P)"
program="${RUNNER_TEMP:?}/comfy-watch-program"
if printf '%s' "${repository}" | cmp --silent - "${program}/installed"; then
    exit 0
fi
python -m venv --clear "${program}"
pip=("${program}/bin/python" -m pip --disable-pip-version-check --no-input install --quiet)
"${pip[@]}" --require-hashes --only-binary :all: --requirement "${repository}/requirements/plain.txt"
"${pip[@]}" --no-deps --no-build-isolation "${repository}"
printf '%s' "${repository}" >"${program}/installed"
