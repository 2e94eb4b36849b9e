# make demo: installs binner into a virtual environment of its own and bins the small metagenome of benchmarks/demo.
# make test: the same environment with the tools for testing, and the tests.
# make man: manual pages, into build/man; MANPATH=build/man: man binner-run
# Another interpreter, environment or torch: make demo PYTHON=python3.12 VENV=/tmp/venv
#   TORCH="torch --index-url https://download.pytorch.org/whl/cpu"   the CPU build, where pip would take CUDA's
PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0
JOBS ?= auto
PACKAGE := setup.cfg pyproject.toml

.PHONY: demo test man clean

demo: $(VENV)/installed
	$(VENV)/bin/binner run benchmarks/demo/contigs.fa.gz -b benchmarks/demo/*.bam -o demo_binner
	@expand -t 14 demo_binner/bins.tsv

test: $(VENV)/tested
	$(VENV)/bin/python -m pytest -n $(JOBS)

man: $(VENV)/tested
	$(VENV)/bin/python docs/man.py build/man/man1

$(VENV)/installed: $(PACKAGE)
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { echo "binner needs Python 3.11 or newer"; exit 1; }
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -c "import torch" 2>/dev/null || $(VENV)/bin/python -m pip install $(TORCH)
	$(VENV)/bin/python -m pip install -e .
	touch $@

$(VENV)/tested: $(VENV)/installed
	$(VENV)/bin/python -m pip install -e ".[test]"
	touch $@

clean:
	rm -rf .venv demo_binner build binner.egg-info
