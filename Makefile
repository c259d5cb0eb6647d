# All targets: `make help`.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

TARGET := x86_64-unknown-linux-gnu
STATIC := RUSTFLAGS="-Ctarget-feature=+crt-static -Crelocation-model=static"

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 14

.PHONY: run
run: ## Run the example that creates a PipelineResource from a step's digest
	cargo run --quiet -- run -f examples/build-and-push.yaml

.PHONY: test
test: fmt prose lint rustdoc deny docs chart-readme chart-lint package workflows sizes image-check release-check suites ## Run all checks and tests that must pass before a merge

.PHONY: suites
suites: ## Run all tests; builds kube-apiserver on the first run
	cargo test --workspace --no-fail-fast

.PHONY: fmt
fmt: ## Check the formatting
	cargo fmt --all --check

.PHONY: lint
lint: ## Run Clippy, with warnings as errors
	cargo clippy --workspace --all-targets --quiet -- -D warnings

.PHONY: prose
prose: ## Find unidiomatic expressions and empty openings in comments, messages and documents
	@scripts/prose --check

.PHONY: docs
docs: ## Build the documentation site in target/book; check its links, and compare the reference with the code
	@scripts/reference --check
	@scripts/book || { code=$$?; [ $$code = 3 ] || exit $$code; echo 'SKIPPED: the site, mdBook cannot be built, see above' >&2; }

.PHONY: rustdoc
rustdoc: ## Build the API documentation, with warnings as errors
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --quiet

.PHONY: package
package: ## Check that the crates contain all files and can be published
	cargo package --workspace --exclude gleaner-tests --exclude gleaner-testkit --no-verify --allow-dirty --quiet

.PHONY: workflows
workflows: ## Check the GitHub workflows
	@if command -v go >/dev/null; then \
		go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 -shellcheck= -pyflakes=; \
	else \
		echo 'SKIPPED: checking the workflows needs Go, which is not installed' >&2; \
	fi

.PHONY: chart-lint
chart-lint: ## Check the chart with Helm
	@helm="$$(tests/rig/assets.sh helm)" || { code=$$?; [ $$code = 3 ] || exit $$code; echo 'SKIPPED: Helm is not available, see above' >&2; exit 0; }; \
	"$$helm/helm" lint charts/gleaner --strict --quiet --set image.repository=localhost/gleaner && \
	"$$helm/helm" lint charts/gleaner --strict --quiet \
	  --set metrics.serviceMonitor.enabled=true,metrics.prometheusRule.enabled=true,metrics.dashboard.enabled=true

.PHONY: deny
deny: ## Check the licenses, bans and sources of dependencies
	@if cargo deny --version >/dev/null 2>&1; then \
		cargo deny --log-level error check bans licenses sources; \
	else \
		echo 'SKIPPED: cargo-deny is not installed (cargo install cargo-deny)' >&2; \
	fi

.PHONY: advisories
advisories: ## Check for known vulnerabilities; needs the advisory database
	cargo deny check advisories

.PHONY: static
static: ## Build static binaries for pods
	$(STATIC) cargo build --profile redirector --target $(TARGET) -p gleaner-redirector
	$(STATIC) cargo build --profile sidecar --target $(TARGET) -p gleaner-sidecar
	$(STATIC) cargo build --profile injector --target $(TARGET) -p gleaner-injector

.PHONY: sizes
sizes: static ## Check that the binaries are static, and check their sizes
	@scripts/sizes $(TARGET)

.PHONY: image
image: static ## Write Gleaner's image to dist/gleaner.tar as an OCI archive, without a container engine
	scripts/image --name localhost/gleaner/gleaner:dev dist/gleaner.tar

.PHONY: image-check
image-check: static ## Check that buildah builds the same image from the Dockerfile
	@scripts/image-check || { code=$$?; [ $$code = 3 ] || exit $$code; echo 'SKIPPED: building the image with buildah, see above' >&2; }

.PHONY: release-check
release-check: ## Build the release files for this machine's platform in target/dist, and check them
	@if cargo cyclonedx --version >/dev/null 2>&1; then \
		rm -rf target/dist && scripts/release --dry-run target/dist >/dev/null && scripts/release-check target/dist; \
	else \
		echo 'SKIPPED: the check of the release files, because cargo-cyclonedx is not installed (cargo install cargo-cyclonedx)' >&2; \
	fi

.PHONY: chart-readme
chart-readme: ## Check that the chart's README is up to date
	@scripts/chart-readme --check

.PHONY: cluster
cluster: ## Start a real cluster with Tekton and Gleaner on this machine; print the variables to set
	@tests/cluster/up
	@tests/cluster/install

.PHONY: cluster-load
cluster-load: ## Run 100 TaskRuns in sequence and 50 in parallel on that cluster; check that all succeed and leave nothing behind
	@tests/cluster/up >/dev/null
	@tests/cluster/install >/dev/null
	@tests/cluster/load

.PHONY: bench
bench: ## Run each benchmark with its baseline
	cargo bench --workspace

.PHONY: load
load: ## Send 1,000 reviews a second to the injector for a minute, during rotations and with large reviews and slow clients: RATE=1000 SECONDS=60
	GLEANER_LOAD=$(or $(RATE),1000),$(or $(SECONDS),60) cargo test --release -p gleaner-injector --test webhook load:: -- --nocapture

.PHONY: chaos
chaos: ## Execute random runs with faults, kills, full and slow disks: SEEDS=100 sets the number, FROM=1 the first seed
	GLEANER_CHAOS_SEEDS=$(or $(FROM),1)..$$(( $(or $(FROM),1) + $(or $(SEEDS),100) - 1 )) cargo test -p gleaner-tests --test chaos

.PHONY: fuzz
fuzz: ## Fuzz each parser of external input for a minute
	scripts/fuzz 60

.PHONY: fuzz-short
fuzz-short: ## Fuzz each parser for 20 s; part of every CI run
	@scripts/fuzz 20 || { code=$$?; [ $$code = 3 ] || exit $$code; echo 'SKIPPED, NOT TESTED: the fuzz targets, see above' >&2; }
