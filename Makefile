# The commands of the project. `make` alone prints them.
# Belongs here: one line of wiring each. What a command does stands in scripts/ or in the `reos` program.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo ui stop test lint docs gates gates-long bench clean

REOS := .venv/bin/reos
PYTHON := .venv/bin/python
ONLY ?=

help:  ## Print this list
	@printf 'Real Estate OS. On Debian or Ubuntu nothing need be installed first.\n\n'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

demo:  ## Install what is missing, start Postgres, load the demo tenants and build everything
	@scripts/bootstrap.sh
	@$(REOS) demo

ui:  ## Start Dagster's webserver and daemon in the background and print the address
	@scripts/bootstrap.sh
	@$(REOS) ui

stop:  ## Stop what this clone started (webserver, daemon, Postgres), and nothing else
	@if [ -x $(REOS) ]; then $(REOS) down; else echo 'Nothing of this clone was running'; fi

test:  ## Run all tests with coverage, on a throwaway Postgres
	@scripts/bootstrap.sh --group dev
	@scripts/test.sh

lint:  ## Formatting, types, import rules, SQL, secrets, licences
	@scripts/bootstrap.sh --group dev
	@scripts/lint.sh

docs:  ## Write the documentation of the warehouse's models (dbt docs)
	@scripts/bootstrap.sh
	@$(REOS) docs

gates:  ## Check everything the project promises and write gates.json; ONLY=<prefix> for a part
	@scripts/bootstrap.sh --group dev
	@$(PYTHON) -m benchmarks.gates --only '$(ONLY)'

gates-long:  ## The gates that take longer than some minutes
	@scripts/bootstrap.sh --group dev --group bench
	@$(PYTHON) -m benchmarks.gates --long --only '$(ONLY)'

bench:  ## Measure against named peers and write bench.json; ONLY=<prefix> for a part
	@scripts/bootstrap.sh --group dev --group bench
	@$(PYTHON) -m benchmarks --only '$(ONLY)'

clean:  ## Stop everything and delete this clone's data; YES=1 to not be asked
	@if [ -x $(REOS) ]; then $(REOS) down --destroy $(if $(YES),--yes); else rm -rf .reos; fi
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.* dbt_project/target dbt_project/logs
