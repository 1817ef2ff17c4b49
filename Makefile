# Each target makes the environment that it needs under .venv; nothing else is touched.
#
#   make demo    run the main job: a simulated coadd in, a table of quasars out
#   make test    run the tests
#     WITH=train         extras of setup.cfg beside the tests' own (here TensorFlow)
#     NUMPY='numpy<2'    another NumPy
#     INSTALL=.          the package as users get it, in place of an editable one
#     ARGS='-k qso'      words for pytest, to run some tests only
#     LESS='--ignore=test/faults'    all tests but some
#   make lint    style;   make format  puts it right
#   make doc     the documents, as HTML in doc/_build/html
#   make bench   speed and memory against peers
#   make integration   desispec's programs and redrock as they are, with ours inside; and picca
#                      with our catalogue
#   make clean   remove all of it
PYTHON ?= python3
WITH ?=
NUMPY ?= numpy
INSTALL ?= -e .
ARGS ?=
LESS ?=
export DESINN_REFERENCE_DIR ?= $(abspath ../shared/reference)
unexport PYTHONPATH

named = .venv/$(shell echo "$(1)" | tr -cs 'A-Za-z0-9.\n' '-' | sed 's/-*$$//')
TEST := $(call named,test $(shell $(PYTHON) -c "import sys; print(sys.version.split()[0])") $(WITH) $(filter-out numpy,$(NUMPY)) $(if $(filter-out -e .,$(INSTALL)),,$(if $(filter -e,$(INSTALL)),,installed)))
DEMO := .venv/demo
CARE := .venv/care
BENCH := .venv/bench
INTEGRATION := .venv/integration
PICCA := .venv/picca

# All tests, on all cores; those of a file stay together, for they share what they make.
ALL := -n auto --dist loadfile --cov --cov-fail-under=90

.PHONY: demo test lint format doc bench integration clean

demo: $(DEMO)/ready
	PATH="$(CURDIR)/$(DEMO)/bin:$$PATH" etc/demo

test: $(TEST)/ready
	$(if $(filter .,$(INSTALL)),$(TEST)/bin/python -m pip install -q --no-deps --force-reinstall .)
	$(TEST)/bin/python -m pytest $(if $(ARGS),$(ARGS),$(ALL) $(LESS))

lint: $(CARE)/ready
	$(CARE)/bin/ruff check
	$(CARE)/bin/ruff format --check

format: $(CARE)/ready
	$(CARE)/bin/ruff check --fix
	$(CARE)/bin/ruff format

doc: $(CARE)/ready
	$(CARE)/bin/python -m sphinx -q -W --keep-going -b html doc doc/_build/html

bench: $(BENCH)/ready
	$(BENCH)/bin/python test/benchmarks/run.py $(ARGS)

integration: $(INTEGRATION)/ready $(PICCA)/ready
	$(INTEGRATION)/bin/python -m pytest test/integration test/hosts test/io $(ARGS)
	$(PICCA)/bin/python -m pytest test/integration $(ARGS)

clean:
	rm -rf .venv build doc/_build demo .coverage .pytest_cache .ruff_cache .hypothesis
	find . -name '*.egg-info' -o -name __pycache__ | xargs rm -rf

$(TEST)/ready: EXTRAS = test$(if $(WITH),$(comma)$(WITH))
$(DEMO)/ready: EXTRAS = plot
$(CARE)/ready: EXTRAS = lint,doc
$(BENCH)/ready: EXTRAS = bench
comma := ,

# The first of $(PYTHON) and the second argument's of which the first argument is true.
python_with = $(firstword $(foreach p,$(PYTHON) $(2),$(shell \
	$(p) -c "import sys; $(1) and print('$(p)')" 2>/dev/null)) $(PYTHON))

# desispec and redrock want a NumPy below 2, which wants a Python below 3.13.
HOSTS := 'numpy<2' desispec==0.70.0 redrock==0.21.0 desitarget speclite fastspecfit==3.6.1
HOSTS_PYTHON = $(call python_with,sys.version_info.minor < 12,python3.11 python3.10)
# picca wants NumPy 2, and a Python from 3.11 on.
PICCA_PYTHON = $(call python_with,sys.version_info.minor > 10,python3.11 python3.12 python3.13)

$(INTEGRATION)/ready: setup.cfg
	$(HOSTS_PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install -q --disable-pip-version-check -e '.[test]' $(HOSTS)
	touch $@

$(PICCA)/ready: setup.cfg
	$(PICCA_PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install -q --disable-pip-version-check -e '.[test]' picca==9.21.7
	touch $@

%/ready: setup.cfg
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install -q --disable-pip-version-check $(patsubst .,'.[$(EXTRAS)]',$(INSTALL)) '$(NUMPY)'
	touch $@
