#!/usr/bin/env bash
# Installs Comfy Watch from the action's own folder: the packages that requirements/plain.txt pins, checked against its
# hashes, then the program. A second use in one job takes what the first has installed.
set -euo pipefail

action="${GITHUB_ACTION_PATH:?}"
program="${RUNNER_TEMP:?}/comfy-watch-program"
if printf '%s' "${action}" | cmp --silent - "${program}/installed"; then
    exit 0
fi
python -m venv --clear "${program}"
pip=("${program}/bin/python" -m pip --disable-pip-version-check --no-input install --quiet)
"${pip[@]}" --require-hashes --only-binary :all: --requirement "${action}/requirements/plain.txt"
"${pip[@]}" --no-deps --no-build-isolation "${action}"
printf '%s' "${action}" >"${program}/installed"
