# Everything a person types. Paths are relative, so that a checkout may live in a path with spaces.
PYTHON ?= python3
PY := PYTHONPATH=.:gen:clients/python/src .venv/bin/python
SLOWEST := --durations 10 --durations-min 2 --tb short
MEKONG := exec env PYTHONPATH=.:gen .venv/bin/python -m local

.DEFAULT_GOAL := help
.PHONY: help run demo up status test lint types contracts protos generate docs chart sbom audit sure faults fuzz mailbox bench setup setup-dev clean lock

help: ## show this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

run: setup ## start everything, run the main job, stay up until Ctrl-C (FILE=people.csv for your own)
	@$(MEKONG) run $(if $(FILE),--file "$(FILE)")

demo: setup ## the same from nothing, and exit 0 only if every sum holds
	@$(MEKONG) demo $(if $(FILE),--file "$(FILE)")

up: setup ## start everything without the main job
	@$(MEKONG) up

status: setup ## print the addresses, process ids and logs of the running house, as JSON
	@$(MEKONG) status

test: setup-dev ## every test; those that break processes in their short form
	@# What needs a house runs beside the rest, since each waits for its processes much of the time;
	@# what it said comes at its end.
	@mkdir -p .local; \
		{ $(PY) -m pytest $(SLOWEST) tests/e2e; e2e=$$?; $(PY) -m pytest $(SLOWEST) tests/faults; exit $$((e2e ? e2e : $$?)); } \
			>.local/houses.log 2>&1 & houses=$$!; \
		$(PY) -m pytest -n 2 --dist loadfile $(SLOWEST) --ignore tests/e2e --ignore tests/faults tests; rest=$$?; \
		wait $$houses; code=$$?; cat .local/houses.log; exit $$((rest ? rest : code))

faults: setup-dev ## break real processes many times and prove that nothing is lost or doubled
	@# Two houses at once, since each mostly waits for its processes. In the order of the files:
	@# otherwise those of one long test come last, and one of the two has nothing to do.
	@MEKONG_FAULTS=long $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -v --tb native --durations 20 tests/faults

fuzz: setup-dev ## send each operation of the REST API 50 requests made from its description
	@MEKONG_EXAMPLES=50 $(PY) -m pytest -v --tb short tests/e2e/attack/test_schema.py

mailbox: setup-dev ## send a campaign through a real Postfix into a mailbox (root, Debian's postfix)
	@MEKONG_MAILBOX=1 $(PY) -m pytest -v tests/e2e/test_postfix.py

lint: setup-dev ## ruff's rules and format
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

types: setup-dev ## mypy, strict
	@$(PY) -m mypy $(wildcard chassis services local bench deploy clients) protos/generate.py tests/conftest.py tests/faults

contracts: setup-dev ## who may import whom
	@$(PY) -c 'from importlinter.cli import lint_imports_command as c; c()'

protos: setup-dev ## buf's rules, what would break a client, and whether gen/ is up to date
	@.venv/bin/buf lint protos
	@.venv/bin/buf breaking protos --against protos/baseline.binpb
	@rm -rf .local/gen && mkdir -p .local && $(PY) protos/generate.py .local/gen
	@diff -r -x __pycache__ gen .local/gen || { echo "gen/ is old: run make generate"; exit 1; }

generate: setup-dev ## make anew what is made from contracts and settings: gen/, and lists in docs
	@$(PY) protos/generate.py
	@$(PY) docs/generate.py

docs: setup-dev ## every setting and event is documented, every link leads somewhere
	@$(PY) -m pytest -q tests/docs

chart: setup-dev ## the Dockerfile and the chart, against three Kubernetes versions
	@$(PY) deploy/check.py

sbom: setup-dev ## what is in each image, as CycloneDX, into .local/sbom
	@$(PY) -m deploy.sbom .local/sbom

audit: setup-dev ## compare what is in the images with advisories, where they can be reached
	@$(PY) -m deploy.audit

sure: setup-dev ## all that must hold before a change lands
	@# Each of these has one thread; tests come last and have the machine for themselves.
	@$(MAKE) --no-print-directory -j 2 --output-sync lint types contracts protos docs chart
	@$(MAKE) --no-print-directory test

bench: setup-dev ## measure and print one table (JSON=file writes it too, ONLY=part,part)
	@$(PY) -m bench $(if $(JSON),--json "$(JSON)") $(if $(ONLY),--only "$(ONLY)")

setup: ## install what it takes to run
	@$(PYTHON) local/setup.py run

setup-dev: ## install what it takes to change it
	@$(PYTHON) local/setup.py dev

clean: ## remove the data of make run and make demo
	@$(PYTHON) local/setup.py clean

LOCK := .venv/bin/python -m uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11

lock: setup-dev ## pin every dependency of pyproject.toml anew, with hashes
	@echo uv | $(LOCK) --no-annotate - -o requirements/uv.txt
	@$(LOCK) --group dev -o requirements/dev.txt
	@for group in accounts campaigns gateway interactions leads local notifier; do \
		$(LOCK) -c requirements/dev.txt --group $$group -o requirements/$$group.txt || exit 1; \
	done
