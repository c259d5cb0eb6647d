# All targets: `make help`.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

TARGET := x86_64-unknown-linux-gnu
STATIC := RUSTFLAGS="-Ctarget-feature=+crt-static -Crelocation-model=static"

.PHONY: help
help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 14

.PHONY: run
run: ## Runs the example: a step's digest becomes a PipelineResource
	cargo run --quiet -- run -f examples/build-and-push.yaml

.PHONY: test
test: fmt prose lint rustdoc deny docs chart-readme chart-lint package workflows sizes image-check release-check suites ## Everything that must pass before a change lands

.PHONY: suites
suites: ## Runs all tests; those that need a real kube-apiserver build it once
	cargo test --workspace --no-fail-fast

.PHONY: fmt
fmt: ## Checks formatting
	cargo fmt --all --check

.PHONY: lint
lint: ## Runs Clippy, warnings are errors
	cargo clippy --workspace --all-targets --quiet -- -D warnings

.PHONY: prose
prose: ## Finds idioms and empty doc comments in comments, messages and documents
	@scripts/prose --check

.PHONY: docs
docs: ## Builds the documentation as a site, target/book; checks its links, and its reference against the code
	@scripts/reference --check
	@scripts/book || { code=$$?; [ $$code = 3 ] || exit $$code; echo 'SKIPPED: the site, mdBook cannot be built, see above' >&2; }

.PHONY: rustdoc
rustdoc: ## Builds the API documentation, warnings are errors
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --quiet

.PHONY: package
package: ## Checks that the crates can be published, with all their files
	cargo package --workspace --exclude gleaner-tests --exclude gleaner-testkit --no-verify --allow-dirty --quiet

.PHONY: workflows
workflows: ## Checks GitHub's workflows
	@if command -v go >/dev/null; then \
		go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 -shellcheck= -pyflakes=; \
	else \
		echo 'SKIPPED: checking the workflows needs Go, which is not installed' >&2; \
	fi

.PHONY: chart-lint
chart-lint: ## Checks the chart with Helm
	@helm="$$(tests/rig/assets.sh helm)" || { code=$$?; [ $$code = 3 ] || exit $$code; echo 'SKIPPED: Helm is not available, see above' >&2; exit 0; }; \
	"$$helm/helm" lint charts/gleaner --strict --quiet --set image.repository=localhost/gleaner && \
	"$$helm/helm" lint charts/gleaner --strict --quiet \
	  --set metrics.serviceMonitor.enabled=true,metrics.prometheusRule.enabled=true,metrics.dashboard.enabled=true

.PHONY: deny
deny: ## Checks the dependencies' licenses, bans and sources
	@if cargo deny --version >/dev/null 2>&1; then \
		cargo deny --log-level error check bans licenses sources; \
	else \
		echo 'SKIPPED: cargo-deny is not installed (cargo install cargo-deny)' >&2; \
	fi

.PHONY: advisories
advisories: ## Checks for known vulnerabilities; needs the advisory database
	cargo deny check advisories

.PHONY: static
static: ## Builds static binaries for pods
	$(STATIC) cargo build --profile redirector --target $(TARGET) -p gleaner-redirector
	$(STATIC) cargo build --profile sidecar --target $(TARGET) -p gleaner-sidecar
	$(STATIC) cargo build --profile injector --target $(TARGET) -p gleaner-injector

.PHONY: sizes
sizes: static ## Checks that these binaries are static, and their sizes
	@scripts/sizes $(TARGET)

.PHONY: image
image: static ## Writes Gleaner's image as an OCI archive, without a container engine: dist/gleaner.tar
	scripts/image --name localhost/gleaner/gleaner:dev dist/gleaner.tar

.PHONY: image-check
image-check: static ## Checks that buildah builds the same image from the Dockerfile
	@scripts/image-check || { code=$$?; [ $$code = 3 ] || exit $$code; echo 'SKIPPED: building the image with buildah, see above' >&2; }

.PHONY: release-check
release-check: ## Makes the files of a release for this machine's platform in target/dist, and checks them
	@if cargo cyclonedx --version >/dev/null 2>&1; then \
		rm -rf target/dist && scripts/release --dry-run target/dist >/dev/null && scripts/release-check target/dist; \
	else \
		echo 'SKIPPED: the files of a release, cargo-cyclonedx is not installed (cargo install cargo-cyclonedx)' >&2; \
	fi

.PHONY: chart-readme
chart-readme: ## Checks that the chart's README is up to date
	@scripts/chart-readme --check

.PHONY: cluster
cluster: ## Starts a real cluster with Tekton and Gleaner on this machine; prints the variables to set
	@tests/cluster/up
	@tests/cluster/install

.PHONY: cluster-load
cluster-load: ## Runs 100 TaskRuns one after another and 50 in parallel on that cluster; checks that all succeed and nothing remains
	@tests/cluster/up >/dev/null
	@tests/cluster/install >/dev/null
	@tests/cluster/load

.PHONY: bench
bench: ## Runs the benchmarks, each with its baseline
	cargo bench --workspace

.PHONY: load
load: ## Sends 1,000 reviews a second to the injector for a minute, with rotations, large reviews and slow clients: RATE=1000 SECONDS=60
	GLEANER_LOAD=$(or $(RATE),1000),$(or $(SECONDS),60) cargo test --release -p gleaner-injector --test webhook load:: -- --nocapture

.PHONY: chaos
chaos: ## Runs random runs with faults, kills, full and slow disks: SEEDS=1000 runs, from FROM=1 on
	GLEANER_CHAOS_SEEDS=$(or $(FROM),1)..$$(( $(or $(FROM),1) + $(or $(SEEDS),100) - 1 )) cargo test -p gleaner-tests --test chaos

.PHONY: fuzz
fuzz: ## Fuzzes every parser of external input for a minute each
	scripts/fuzz 60

.PHONY: fuzz-short
fuzz-short: ## Same for 20 s each; part of every CI run
	@scripts/fuzz 20 || { code=$$?; [ $$code = 3 ] || exit $$code; echo 'SKIPPED, NOT TESTED: the fuzz targets, see above' >&2; }
