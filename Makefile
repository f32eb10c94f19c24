# A thin front for meson. `make` lists the targets.
#   BUILD=debug|release|asan|tsan|fault|coverage   kind of build, each in build/<kind>
#   SLUICE_CACHE=DIR                               what deps fetches (default ~/.cache/sluice)
#   PREFIX=/usr/local DESTDIR=                     where install puts things
.DEFAULT_GOAL := help
.PHONY: help deps build demo test test-all check lint format bench fuzz coverage docs install clean
.NOTPARALLEL:

BUILD ?= debug
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 30
BENCH_ROWS ?= 1000000
export SLUICE_CACHE ?= $(HOME)/.cache/sluice
duckdb := $(SLUICE_CACHE)/duckdb-1.5.5
program := src/sluice
sources = $(shell git ls-files -co --exclude-standard 'src/*.[ch]' 'tests/*.[ch]')

options_debug := --buildtype=debug
options_release := --buildtype=release -Db_lto=true -Dtests=false
options_asan := --buildtype=debug -Db_sanitize=address,undefined
options_tsan := --buildtype=debug -Db_sanitize=thread
options_fault := --buildtype=debug -Dfault=true
options_coverage := --buildtype=debug -Db_coverage=true
options_fuzz := --buildtype=debugoptimized -Dfuzz=true -Dwerror=false -Dc_args=-w -Dtests=false -Db_sanitize=address,undefined -Db_lundef=false

say = @printf '\033[1m==> %s\033[0m\n' "$(1)"
ifdef NO_COLOR
say = @printf '==> %s\n' "$(1)"
endif

help: ## list the targets
	@sed -n 's/^#   \(.*\)/  \1/p' Makefile
	@echo
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

deps: ## install packages (apt) and fetch DuckDB into the cache
	$(call say,installing what the build needs)
	@tools/deps.sh build

build: deps build/$(BUILD)/build.ninja ## build the program: build/<kind>/src/sluice
	$(call say,building $(BUILD))
	@ninja -C build/$(BUILD) --quiet $(if $(NEEDED),$(needed_$(BUILD)))

build/%/build.ninja:
	$(call say,setting up build/$*)
	@meson setup build/$* $(options_$*) -Dduckdb_home=$(duckdb) >build.log 2>&1 || { cat build.log; rm -f build.log; exit 1; }
	@rm -f build.log

demo: ## install, build and run the demo: 336,776 flights from CSV to trusted tables
	@tools/deps.sh demo
	@$(MAKE) --no-print-directory build BUILD=release
	$(call say,running examples/flights)
	@SLUICE_BIN=$(CURDIR)/build/release/$(program) examples/flights/demo.sh build/demo

test: ## install, build and run the tests, unless nothing has changed since they passed (FORCE=1 runs them anyway)
	@tools/deps.sh build test demo
	@FORCE='$(FORCE)' tools/once.sh make --no-print-directory run-tests KINDS='$(KINDS)' MARK='not heavy'

test-all: ## always run the tests, and the heavy ones: thread sanitizer, Spark reads our tables, large inputs
	@tools/deps.sh heavy
	@$(MAKE) --no-print-directory run-tests KINDS='debug asan tsan'

# asan has all that fault has for unit tests, the arena of single blocks too; the fault program is for the end-to-end tests.
KINDS = debug asan
needed_fault = src/sluice
needed_tsan = $$(tools/test.py --targets tsan)
.PHONY: run-tests
run-tests:
	@tools/deps.sh test demo $(if $(LINT),lint)
	@for kind in $(sort debug fault $(filter-out asan tsan,$(KINDS))); do $(MAKE) --no-print-directory build BUILD=$$kind NEEDED=$(if $(filter fault,$(KINDS)),,1) || exit 1; done
	$(call say,testing)
	@tools/test.py --pytest --mark '$(MARK)' $(if $(LINT),--lint) $(KINDS)

check: ## lint, unit, golden and fault tests, in a minute
	@$(MAKE) --no-print-directory lint
	@for kind in debug fault; do $(MAKE) --no-print-directory build BUILD=$$kind || exit 1; done
	@tools/test.py debug fault

lint: build/debug/build.ninja ## format, layers, sizes, cppcheck, clang-tidy
	@tools/deps.sh build lint
	$(call say,linting)
	@tools/lint/run.sh

format: ## let clang-format rewrite the C files
	@tools/deps.sh lint
	$(call say,formatting)
	@clang-format-14 -i $(sources)

bench: ## time sluice against hand-written SQL (BENCH_ROWS=1000000)
	@tools/deps.sh test bench
	@$(MAKE) --no-print-directory build BUILD=release
	$(call say,benchmark with $(BENCH_ROWS) orders)
	@SLUICE_BIN=$(CURDIR)/build/release/$(program) $(SLUICE_CACHE)/venv-test/bin/python bench/run.py --rows $(BENCH_ROWS)

fuzz: ## run every fuzz target for FUZZ_SECONDS=30
	@tools/deps.sh build fuzz
	@[ -e build/fuzz/build.ninja ] || CC=clang-14 $(MAKE) --no-print-directory build/fuzz/build.ninja
	$(call say,fuzzing)
	@ninja -C build/fuzz --quiet fuzz
	@tools/fuzz.sh build/fuzz $(FUZZ_SECONDS)

coverage: ## run the unit tests and print the coverage of src/
	@tools/deps.sh coverage
	@$(MAKE) --no-print-directory build BUILD=coverage
	@meson test -C build/coverage --quiet
	@gcovr --root . --filter src/ --print-summary --html-details build/coverage/index.html build/coverage

docs: build ## write the man page and the reference pages out of the option tables
	$(call say,writing docs/reference)
	@build/$(BUILD)/$(program) docs docs/reference

install: ## install program, library, extensions, man page, completions and units of systemd
	@$(MAKE) --no-print-directory build BUILD=release
	$(call say,installing below $(DESTDIR)$(PREFIX))
	@bindir='$(PREFIX)/bin' tools/install.sh build/release/$(program) $(duckdb) "$(DESTDIR)$(PREFIX)"

clean: ## remove build/
	$(call say,removing build)
	@rm -rf build
