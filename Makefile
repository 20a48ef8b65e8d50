# Every target does its own set-up: a fresh machine needs Python 3.11 to 3.13 with venv, and a package index.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready

# Tests open reports in a real browser. Where none is, Debian and Ubuntu install one (root or sudo).
CHROMIUM = $(firstword $(shell command -v chromium chromium-browser google-chrome))

SECONDS ?= 60
CORPUS ?= .fuzz

BUILDER = $(firstword $(shell command -v buildah podman docker))
IMAGE ?= ganmill:$(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
IMAGE_BASE ?= docker.io/library/python:3.11-slim-bookworm
IMAGE_EXTRAS ?=

.PHONY: help setup browser demo check test lint fuzz deploy-test evidence benchmarks classifiers lock audit image release clean

help:
	@echo "make demo        prepare digits, train a few minutes, show where to look"
	@echo "make check       lint, types and the tests that need no TensorFlow: two minutes"
	@echo "make test        the same and all other tests (needs a Chromium: make browser)"
	@echo "make fuzz        let every reader read broken files, SECONDS=60 for each of them"
	@echo "make evidence    long runs and long matrices that prove what the README claims"
	@echo "make deploy-test clusters of several hosts on this machine, as root: Dask and Flink"
	@echo "make benchmarks  measured comparisons, printed as ratios"
	@echo "make classifiers train the packaged classifiers again"
	@echo "make lock        resolve requirements.lock anew"
	@echo "make audit       look the pinned packages up in the index of known vulnerabilities"
	@echo "make image       the container image, by buildah, podman or docker"
	@echo "make release     wheel, sdist, bill of materials and checksums of this commit, in dist/"

setup: $(READY)

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"error: Python {v[0]}.{v[1]} found, 3.11 to 3.13 needed; name one with: make PYTHON=python3.11 ...")'
	@echo "Setting up $(VENV) from requirements.lock (a few minutes the first time)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --constraint requirements.lock --editable '.[dev]'
	@touch $(READY)

browser:
ifeq ($(CHROMIUM),)
	@command -v apt-get > /dev/null || { echo "error: no Chromium found, which the tests of reports open; install it, then: make test"; exit 1; }
	@echo "Installing Chromium, which the tests of reports open"
	@$(if $(filter 0,$(shell id -u)),,sudo) sh -c 'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium' > /dev/null
endif

# All ten digits, where the recipe was made for one class; why these options: docs/measurements.md
demo: $(READY)
	$(BIN)/gan-pipeline prepare mnist --source sample -o data/digits
	$(BIN)/gan-train run mnist-dcgan --data data/digits -o runs/demo \
		--steps 1200 --set batch_size=64 --set snapshot_every=200 --set checkpoint_every=200 --set generator.batch_norm.momentum=0.9
	$(BIN)/gan-train evaluate runs/demo --data data/digits --count 2000
	$(BIN)/gan-train report runs/demo
	@echo
	@echo "The digits it learned:  runs/demo/samples/step-00001200.png   (real ones: runs/demo/reals.png)"
	@echo "How it went:            runs/demo/losses.png"
	@echo "Try next:"
	@echo "  $(BIN)/gan-train sample runs/demo -o more.png --count 64 --seed 7"
	@echo "  $(BIN)/gan-pipeline inspect data/digits"
	@echo "  $(BIN)/gan-train run mnist-gan --data data/digits -o runs/mnist-gan    (hours on a CPU; Ctrl-C and go on any time)"
	@echo
	@echo "open runs/demo/report.html"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p gan_core -p gan_pipeline -p gan_train

check: lint
	$(BIN)/pytest -n 2 --dist loadfile -m quick

test: check browser
	$(BIN)/pytest -n 2 --dist worksteal -m 'not quick and not evidence and not alone and not deploy'
	$(BIN)/pytest -m alone

# What breaks a reader is left in tests/data/fuzz, where `make test` reads it; the other targets are tried all the same.
fuzz: $(READY)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --constraint requirements.lock --editable '.[fuzz]'
	@mkdir -p $(CORPUS)
	@targets=$$($(BIN)/python -m fuzz.targets) || exit 1; status=0; \
	for target in $$targets; do \
		echo "$$target: $(SECONDS) s"; \
		if $(BIN)/python -m fuzz $$target $(SECONDS) $(CORPUS) 2> $(CORPUS)/log; \
		then grep "^Done" $(CORPUS)/log; \
		else tail -n 40 $(CORPUS)/log; status=1; fi; \
	done; exit $$status

# Hosts in network namespaces on this machine: as root, with iproute2, nftables, Java 17 and Maven.
deploy-test: $(READY)
	@for tool in ip nft java mvn; do command -v $$tool > /dev/null || { echo "error: $$tool not found; apt-get install iproute2 nftables default-jre-headless maven"; exit 1; }; done
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --constraint requirements.lock --editable '.[cluster]'
	mvn -B -q -f deploy/flink/pom.xml dependency:copy-dependencies
	GANMILL_FLINK_JARS=$(CURDIR)/deploy/flink/target/jars $(BIN)/pytest -m deploy -s

evidence: $(READY)
	$(BIN)/pytest -m evidence -s

benchmarks: $(READY)
	$(BIN)/python benchmarks/prepare.py
	$(BIN)/python benchmarks/images.py
	$(BIN)/python benchmarks/train_step.py
	$(BIN)/python benchmarks/replicas.py
	$(BIN)/python benchmarks/evaluate.py
	$(BIN)/python benchmarks/translation.py --set generator.merge=add --recipe horse2zebra-cyclegan
	$(BIN)/python benchmarks/translation.py --recipe maps-pix2pix
	$(BIN)/python benchmarks/memory.py --recipe cifar10-gan --set batch_size=256
	$(BIN)/python benchmarks/memory.py --set batch_size=4 --set image.shape=[64,64,3]

# A few minutes each; Fashion-MNIST is found as `gan-pipeline prepare fashion_mnist` finds it.
classifiers: $(READY)
	$(BIN)/python scripts/classifiers.py

# uv resolves for every supported Python and platform at once, which pip cannot.
lock:
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --no-annotate --quiet \
		--custom-compile-command "make lock" --output-file requirements.lock

# Fails where the index of advisories cannot be reached, so that silence never means safety.
audit: $(READY)
	$(BIN)/pip-audit --strict --no-deps --disable-pip --requirement requirements.lock

# The version is that of pyproject.toml; IMAGE_OPTIONS are passed to the builder, such as --network=host.
image:
	@test -n "$(BUILDER)" || { echo "error: no buildah, podman or docker found; install one, such as: apt-get install buildah"; exit 1; }
	$(BUILDER) build --file deploy/Containerfile --tag $(IMAGE) --build-arg BASE=$(IMAGE_BASE) --build-arg EXTRAS=$(IMAGE_EXTRAS) \
		$(IMAGE_OPTIONS) .

release: $(READY)
	$(BIN)/python scripts/release.py dist

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
