# Two commands matter: `make demo` and `make check`. Both set up their own .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROTOS := $(wildcard protos/impasto/v1/*.proto)

.DEFAULT_GOAL := help
.PHONY: help install demo check lint types floors contract test soak wheel-check protos bench release-contract clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Impasto needs Python 3.11 or newer; name one with PYTHON=python3.11.")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

install: $(VENV)/.installed ## make .venv with everything in it

demo: install ## paint the example shot from a key and with a style, and draw a contact sheet
	$(BIN)/impasto demo --out out/demo

check: lint types floors contract test ## everything that must hold

lint: install ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install ## mypy --strict
	$(BIN)/mypy

floors: install ## which room may know which
	$(BIN)/lint-imports

contract: install ## the protos: style, and nothing broken since the last release
	$(BIN)/buf lint
	$(BIN)/buf breaking --against protos/released.binpb

test: install ## the tests
	$(BIN)/python -m pytest -n 2 --dist loadgroup

soak: install ## the tests that take long; their figures stand in a table at the end
	$(BIN)/python -m pytest -m soak

wheel-check: install ## build the wheel, install it in a clean environment, import and run it
	$(BIN)/python tests/wheel/check.py

bench: install ## side by side with peers: flow, stability, looks
	$(BIN)/python benchmarks/flow.py
	$(BIN)/python benchmarks/temporal.py
	$(BIN)/python benchmarks/keys.py
	$(BIN)/python benchmarks/style.py

protos: ## generate the contract's Python (in an environment of its own: its tools want another protobuf)
	test -x .venv-protos/bin/python || $(PYTHON) -m venv .venv-protos
	.venv-protos/bin/python -m pip install --quiet grpcio-tools==1.80.1
	.venv-protos/bin/python -m grpc_tools.protoc -Iprotos --python_out=protos --pyi_out=protos --grpc_python_out=protos $(PROTOS)

release-contract: install ## keep the contract as released, to compare later changes with
	$(BIN)/buf build --output protos/released.binpb

clean: ## remove what the commands above made
	rm -rf $(VENV) .venv-protos out dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: nuke-gizmos nuke-pictures nuke-package

nuke-gizmos: install ## write the gizmos anew from what the command offers
	$(BIN)/python tools/nuke/make_gizmos.py --refresh
	$(BIN)/python tools/nuke/make_examples.py

nuke-pictures: install ## draw the nodes' graphs and panels for the guides
	$(BIN)/python tools/nuke/draw.py
	$(BIN)/python tools/nuke/icon.py

nuke-package: install ## the nodes for Nuke in one zip: dist/impasto-nuke-*.zip
	$(BIN)/python tools/nuke/package.py
