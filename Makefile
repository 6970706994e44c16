# Every command that CI runs. `make test` does it all on a fresh Debian machine: what is missing it installs, and what
# it cannot install it names.

CARGO ?= cargo
NPM ?= npm
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
COMPAT := tests/compat
SNIPPETS := tests/snippets
CLIENT := client-js
# The themes of tests/ that end in seconds.
QUICK := docs config auth

.PHONY: help build test quick fmt lint features doc unit by-tls tools client compat chaos snippets release cargo-deb install-check bench bench-cluster bench-drops bench-freeze bench-hub bench-feeds microbench fuzz autobahn deny clean

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

build: ## Build the binary as users get it
	$(CARGO) build --release --locked

# The release build uses one core for minutes, and tests wait most of the time: two commands run at once. The one with `nice`
# uses only what the other leaves, so that no test starves.
test: fmt ## Everything
	@scripts/side-by-side '$(MAKE) lint doc unit' 'nice -n 19 $(MAKE) tools build cargo-deb client install-check'
	@$(MAKE) snippets compat

# The targets of cargo are those of `lint` and `unit`, so that no dependency is built with other features.
quick: fmt ## The edit loop: format, lints of the library, documentation, unit tests, the fast themes
	$(CARGO) clippy --lib --test docs --locked -- -D warnings
	@$(MAKE) doc
	$(CARGO) test --locked --lib $(addprefix --test ,$(QUICK))

fmt: ## Check the format
	$(CARGO) fmt --check

lint: ## Lint everything, also the library without features; a warning is an error
	$(CARGO) clippy --all-targets --locked -- -D warnings
	@CARGO="$(CARGO)" scripts/check-features none

features: ## Lint with no feature, with each one alone, and with all but each one
	@CARGO="$(CARGO)" scripts/check-features

# With the examples the dependencies have the features that `lint` built them with; without them jemalloc and others are
# built once more.
doc: ## Build the documentation; a broken link is an error
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --lib --bins --examples --locked --quiet

# Tests wait for processes and for timers most of the time: four at once on two cores.
unit: tools ## Unit, property and black-box tests
	RUST_TEST_THREADS=$$(($$(nproc) * 2)) $(CARGO) test --locked

by-tls: ## The black-box tests of the transports once more, through TLS
	BY_TLS=1 $(CARGO) test --locked --test protocol --test transport -- --skip unsubscribe:: $(addsuffix ::,http transports \
	  mailbox guarantees ping drain compressed upgrade hostile garbage overflow backlog connect publish subscribe disconnect expiry)

tools: ## Install what the tests with browsers, proxies, Redis and other languages need
	@scripts/test-tools

client: tools ## The JavaScript client: types, tests, that dist/ is built, the package
	cd $(CLIENT) && $(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error
	cd $(CLIENT) && $(NPM) run typecheck && $(NPM) test && $(NPM) run check-built && $(NPM) run package-check

compat: build tools ## The official clients, several nodes, and the comparison with Faye side by side
	cd $(COMPAT) && $(NPM) ci --no-audit --no-fund --loglevel=error
	cd $(COMPAT) && $(NPM) test

chaos: build tools ## Faults against clusters, drawn from seeds (SEED=0 ROUNDS=20 REPEAT=1 JOBS=1); what fails is kept in target/chaos
	cd $(COMPAT) && $(NPM) ci --no-audit --no-fund --loglevel=error
	@nice node scripts/chaos.mjs

snippets: build tools ## The code blocks of the documents, and that their runner finds wrong ones
	cd $(SNIPPETS) && $(NPM) ci --no-audit --no-fund --loglevel=error
	cd $(SNIPPETS) && $(NPM) test && $(NPM) run --silent snippets

release: ## Build the files of a release into dist/ (see docs/install.md)
	@scripts/release

cargo-deb: ## Install cargo-deb, which packs the Debian package
	@command -v cargo-deb >/dev/null || $(CARGO) install cargo-deb --debug --locked --version 3.8.0 --quiet

install-check: build tools cargo-deb ## Pack a release and check it: contents, the tarball, the Debian package and the image in roots of their own
	ALLOW_DIRTY=1 BINARY=target/release/faye OUT=target/install/dist scripts/release
	node --test tests/install/*.test.mjs

bench: build ## Measure the floor, npm Faye and this server, and write docs/performance.md (ROUNDS=1: quickly)
	@command -v node >/dev/null || { echo "Node is missing: npm Faye needs it." >&2; exit 1; }
	cd $(COMPAT) && $(NPM) ci --no-audit --no-fund --loglevel=error
	@scripts/bench

bench-cluster: build tools ## Measure what it costs to be joined by Redis
	cd $(COMPAT) && $(NPM) ci --no-audit --no-fund --loglevel=error
	@node scripts/bench-cluster.mjs

bench-drops: build tools ## Measure what clients miss when connections are cut and an instance is killed (ROUNDS=3: medians)
	cd $(COMPAT) && $(NPM) ci --no-audit --no-fund --loglevel=error
	@node scripts/bench-drops.mjs

bench-freeze: build tools ## Measure a freeze of an instance with 500,000 sessions (SESSIONS=50000: fewer)
	cd $(COMPAT) && $(NPM) ci --no-audit --no-fund --loglevel=error
	@node scripts/bench-freeze.mjs

bench-hub: ## Measure the WebSub hub next to a bare loop (STEADY=0: without the ten minutes of memory)
	@command -v node >/dev/null || { echo "Node is missing: the script needs it." >&2; exit 1; }
	$(CARGO) build --release --locked --bin faye --example callbacks
	@node scripts/bench-hub.mjs

bench-feeds: ## Measure feeds: from a ping to the browser, entries a second, memory of 10,000 feeds, a poll round
	@command -v node >/dev/null || { echo "Node is missing: the script needs it." >&2; exit 1; }
	$(CARGO) build --release --locked --bin faye
	cd $(COMPAT) && $(NPM) ci --no-audit --no-fund --loglevel=error
	@node scripts/bench-feeds.mjs

microbench: ## Measure parts without sockets: parse, trie, deliver, encode, compress
	$(CARGO) bench --locked --bench micro

fuzz: ## Fuzz the parsers, a minute each (needs cargo-fuzz: cargo install cargo-fuzz)
	for target in chunked cluster decoder head parser; do \
	  RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run $$target -- -max_total_time=60; \
	done

autobahn: ## Judge the WebSocket codec by the Autobahn|Testsuite and write docs/autobahn.md (needs Node, Python 2.7)
	@command -v node >/dev/null || { echo "Node is missing: the script needs it." >&2; exit 1; }
	@scripts/autobahn install
	$(CARGO) build --release --locked --bin faye --example echo
	@scripts/autobahn

deny: ## Check licences, sources and doubled crates (needs cargo-deny: cargo install cargo-deny)
	$(CARGO) deny check bans licenses sources

clean: ## Remove what was built
	$(CARGO) clean
	rm -rf $(COMPAT)/node_modules $(SNIPPETS)/node_modules $(CLIENT)/node_modules
