# One target per verb. `make` alone lists them; the list is made from the `##` comments.
# Works with the make 3.81 of macOS. The environment .venv is made on first use and renewed when the lock changes.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
COVERAGE_WHOLE := 95
COVERAGE_DOMAIN := 100
# The tests that reach every branch of what decides. With coverage all tests would take more than ten minutes.
DECIDING := tests/broker/domain tests/broker/test_machines.py tests/broker/test_limits.py \
  tests/broker/test_claims_only.py tests/broker/adapters/registers/test_claims.py \
  tests/broker/adapters/bearer/test_rules.py tests/broker/web/test_sessions.py

# The first Python of at least 3.11: `python3` when it is one, else a versioned name (macOS ships an older python3).
OLDEST := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$name >/dev/null 2>&1 && $$name -c '$(OLDEST)' && { echo $$name; exit; }; done)

.DEFAULT_GOAL := help
.PHONY: help demo test coverage check bench lock clean packages

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1|/' | awk -F'|' '{printf "%-14s %s\n", $$1, $$2}'

demo: $(STAMP) ## start the whole chain on this machine and print where to click (Ctrl-C stops all of it)
	@$(BIN)/inkom demo

test: packages $(STAMP) ## run every test, the browser's included
	$(BIN)/pytest -n 3 --no-loadscope-reorder -m "not serial"
	$(BIN)/pytest -m serial
	$(BIN)/coverage erase
	$(BIN)/pytest -n 2 -q $(DECIDING) --cov=broker.domain --cov-report=
	$(BIN)/coverage report --include='broker/domain/*' --fail-under=$(COVERAGE_DOMAIN)

coverage: packages $(STAMP) ## the same with coverage of everything, which takes half as long again
	$(BIN)/coverage erase
	$(BIN)/pytest -n 2 --no-loadscope-reorder -m "not serial" --cov --cov-report=
	$(BIN)/pytest -m serial --cov --cov-append --cov-report=
	$(BIN)/coverage report --fail-under=$(COVERAGE_WHOLE)

check: $(STAMP) ## format, lint, types, import rules, policy files, configuration, compose file
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/inkom policy test
	$(BIN)/inkom demo --prepare-only
	$(BIN)/inkom check --config inkom.yaml
	.ci/compose-config

bench: $(STAMP) ## the measurements of bench/, ratios in one table (SECONDS=2: the short form)
	@$(BIN)/python -m bench --seconds $(or $(SECONDS),5)

lock: ## compile both lock files anew from pyproject.toml (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/" >&2; exit 1; }
	uv pip compile pyproject.toml --universal --python-version 3.11 --extra dev --generate-hashes \
		--no-header --no-strip-extras --no-emit-index-url --no-emit-find-links --no-annotate \
		--output-file requirements.lock
	uv pip compile pyproject.toml --universal --python-version 3.11 --extra demo --constraints requirements.lock \
		--generate-hashes --no-header --no-strip-extras --no-emit-index-url --no-emit-find-links --no-annotate \
		--output-file deploy/requirements.lock

clean: ## remove the environment, caches and everything the demo and the tests made
	rm -rf $(VENV) .demo .coverage .coverage.* htmlcov build dist *.egg-info tests/artefacts
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache tests/conformance/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

packages:
	@.ci/packages

# setuptools comes with the lock, so that building our own package fetches nothing outside it.
$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed; found: $$(python3 --version 2>&1)." >&2; \
		echo "On Debian: apt-get install python3 python3-venv. On macOS: brew install python." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make a virtual environment. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "installing into $(VENV) (again only when requirements.lock or pyproject.toml changes)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)
