# Every command of the project. `make demo` and `make test` need Python >= 3.11 and make, nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
JOBS   ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-kube check format fuzz bench bench-smoke peers image wheel lock clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.runtime: requirements.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@echo "$(CURDIR)/src" > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/fluvial-source.pth"
	@printf '#!%s\nimport sys\nfrom fluvial.cli.entry import main\nsys.exit(main())\n' "$(CURDIR)/$(BIN)/python" > $(BIN)/fluvial && chmod +x $(BIN)/fluvial
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

setup: $(VENV)/.dev ## make the environment in .venv

demo: $(VENV)/.runtime ## a commit reaches a cluster, as it happens, in this process
	@$(BIN)/fluvial demo

test: $(VENV)/.dev ## the fast suite: no root, no Go, no Debian packages
	@$(BIN)/python -m pytest -q -n $(JOBS) -m "not kube and not peers" tests

test-kube: $(VENV)/.dev peers ## the flows and the kubectl tests on a real kube-apiserver; any skip fails
	@FLUVIAL_PEERS="$$(tools/peers/build.sh)" $(BIN)/python -m pytest -q -m "kube or peers" --no-skips tests

check: $(VENV)/.dev ## format, lint, types, floors
	@$(BIN)/ruff format --check -q src tests benchmarks deploy tools
	@$(BIN)/ruff check -q src tests benchmarks deploy tools
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.dev ## rewrite the code in the project's format
	@$(BIN)/ruff format -q src tests benchmarks deploy tools
	@$(BIN)/ruff check -q --fix src tests benchmarks deploy tools

fuzz: $(VENV)/.dev ## the laws with fresh seeds; each failure becomes a vector
	@HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest -q -n $(JOBS) tests/laws

peers: ## build the real peers (Go needed; 6 to 13 minutes when cold)
	@tools/peers/build.sh > /dev/null

bench: $(VENV)/.dev peers ## the numbers of docs/benchmarks.md; run it on a quiet machine
	@FLUVIAL_PEERS="$$(tools/peers/build.sh)" $(BIN)/python -m benchmarks

bench-smoke: $(VENV)/.dev peers ## a short benchmark that fails on request counts and CPU ratios, never on wall times
	@FLUVIAL_PEERS="$$(tools/peers/build.sh)" $(BIN)/python -m benchmarks --smoke

wheel: $(VENV)/.dev ## the wheel, in dist/
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist . > /dev/null

image: wheel ## an OCI image layout in dist/image, made without Docker
	@$(BIN)/python deploy/image.py dist/image

lock: $(VENV)/.dev ## refresh the hash-pinned requirements (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate pyproject.toml -o requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate pyproject.toml --group dev -o requirements-dev.txt

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
