# Each target is one line a person would type; each sets up what it needs (.venv, package, MEEP).

# The matrices are small: threads would only stand in each other's way.
export OPENBLAS_NUM_THREADS ?= 1
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := demo
.PHONY: setup demo test quick lint types bench layouts notebooks docs clean python

setup:  # .venv, the package and MEEP; nothing when they are there
	@.ci/setup

python:
	@.ci/setup python

demo: setup  # design the reference device, check it against MEEP, write the report
	mkdir -p build
	.venv/bin/dfb design examples/reference.toml -o build/reference-designed.toml
	.venv/bin/dfb report build/reference-designed.toml -o build/report.html

test:  # the whole suite; a skipped test of MEEP or Chromium is a failure here
	@.ci/setup test
	DFBDESIGN_REQUIRE_MEEP=1 .venv/bin/pytest --numprocesses 2 --dist loadfile

quick: python  # what one runs at every save
	.venv/bin/pytest -m "not meep and not browser" --numprocesses 2 --dist loadfile

lint: python
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/lint-imports

types: python
	.venv/bin/mypy

bench: setup
	.venv/bin/python -m pip install --quiet --editable '.[bench]'
	set -e; for script in benchmarks/*.py; do .venv/bin/python $$script; done

layouts: python  # the GDS files of layouts/
	set -e; for chip in layouts/*.toml; do .venv/bin/dfb layout $$chip -o $${chip%.toml}.gds; done

notebooks: setup  # run the notebooks of examples/ and store what they show
	.venv/bin/python tests/notebooks.py

docs: python  # site/: README, theory, gallery, troubleshooting and API, all without a network
	.venv/bin/python .ci/docs site
	.venv/bin/jupyter nbconvert --log-level ERROR --to html --output-dir site/examples \
		--HTMLExporter.mathjax_url= --HTMLExporter.require_js_url= examples/*.ipynb

clean:  # what the other targets made, but for .venv
	rm -rf build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.import_linter_cache
