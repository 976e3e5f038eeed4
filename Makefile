# Errata: every verb of the project. `make help` lists them.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BIN     := bin/errata
CACHE   := .cache
CHDB    := $(CACHE)/chdb
LINT    := $(CACHE)/bin/golangci-lint
VENV    := $(CACHE)/venv
PLUGIN  := grafana-plugin

GOLANGCI_VERSION := v2.15.0

export CGO_ENABLED ?= 0
FUZZTIME ?= 30s
FUZZ ?= .
# What reads bytes of strangers: keys, forms, envelopes, events, OTLP, every encoding, every stack parser.
FUZZ_EDGE := ^ingest(/(credential|form|node|sentry|otlp|inflate|stack(/[a-z]+)?|scrub|route))?(/envelope|/native|/tree|/decode)? 
ARGS ?=
# The profile from which the compiler learns what is hot (docs/adr/016); PGO=off
# builds in two thirds of the time, sharing what the tests have compiled.
PGO ?= deploy/bench/errata.pgo

.PHONY: help
help: ## List the verbs
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  \1|\2/' | column -t -s '|'

.PHONY: build
build: ## Build bin/errata
	go build -trimpath -pgo=$(PGO) -o $(BIN) .

.PHONY: clickhouse
clickhouse: ## Fetch the embedded ClickHouse library (once, 570 MB on disk)
	@deploy/local/clickhouse/npm/fetch.sh $(CHDB)

.PHONY: run
run: clickhouse build ## Build and start the whole store; ARGS="--http 127.0.0.1:8080" passes arguments on
	@exec $(BIN) up $(ARGS)

.PHONY: test
test: clickhouse lint unit race fuzz-edge integration plugin-test e2e ## All that proves the promises of README

.PHONY: unit
unit: clickhouse ## Tests of the parts
	go test -timeout 20m ./...

.PHONY: race
race: clickhouse ## Tests of the concurrent parts under the race detector
	CGO_ENABLED=1 go test -race -short -timeout 20m ./consumer/... ./ingest ./ingest/refusal ./ingest/directory/... ./ingest/topic/... ./ingest/quota/... ./deploy/local/broker ./deploy/local/clickhouse ./deploy/local/supervise

.PHONY: integration
integration: clickhouse ## The pipeline against a real Apache Kafka, and the schema and the catalog on two shards, started and stopped by the tests
	ERRATA_INTEGRATION=1 go test -count=1 -p 1 -timeout 20m -run 'ApacheKafka|TestCluster$$' ./deploy/... ./consumer/... ./ingest/...

.PHONY: e2e
e2e: clickhouse build venv node-clients ## Real SDKs through the whole store, kill -9 at random moments included
	ERRATA_E2E=1 ERRATA_BINARY=$(CURDIR)/$(BIN) ERRATA_PYTHON=$(CURDIR)/$(VENV)/bin/python go test -count=1 -v -p 1 -timeout 30m ./deploy/e2e/...

.PHONY: chaos
chaos: clickhouse build ## 100 kills of the store and its ClickHouse under load, poison and duplicates among the records; the same of edge, two consumers, Apache Kafka and ClickHouse apart; KILLS=n
	ERRATA_CHAOS_KILLS=$(or $(KILLS),100) ERRATA_INTEGRATION=1 go test -count=1 -v -timeout 60m -run TestChaos ./consumer
	ERRATA_E2E=1 ERRATA_INTEGRATION=1 ERRATA_BINARY=$(CURDIR)/$(BIN) ERRATA_CHAOS_ROUNDS=$(or $(KILLS),100) ERRATA_CHAOS_KILLS=$(or $(KILLS),100) go test -count=1 -v -timeout 120m -run TestChaos ./deploy/e2e

.PHONY: venv
venv: $(VENV)/.stamp
$(VENV)/.stamp: deploy/e2e/requirements.txt
	@if ! command -v python3 >/dev/null; then \
	  [ "$${CI:-}" != true ] || { echo "python3 is missing"; exit 1; }; \
	  echo "python3 is missing: tests of Python clients will be skipped"; exit 0; \
	fi; \
	python3 -m venv $(VENV) && $(VENV)/bin/pip install -q --disable-pip-version-check -r $< && touch $@

PLUGIN_TARGETS ?= $(shell go env GOOS)/$(shell go env GOARCH)

.PHONY: node-clients
node-clients: $(CACHE)/clients/.stamp
$(CACHE)/clients/.stamp: deploy/e2e/node/package-lock.json
	@if ! command -v npm >/dev/null; then \
	  [ "$${CI:-}" != true ] || { echo "npm is missing"; exit 1; }; \
	  echo "npm is missing: tests of JavaScript clients will be skipped"; exit 0; \
	fi; \
	mkdir -p $(@D) && cp deploy/e2e/node/package.json $< $(@D)/ && npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --loglevel=error && touch $@

.PHONY: plugin
plugin: ## Type check, test, build and pack the Grafana plugin; PLUGIN_TARGETS="linux/amd64 linux/arm64" for others
	@[ -d $(PLUGIN)/node_modules ] || npm ci --prefix $(PLUGIN) --no-audit --no-fund --loglevel=error
	npm run --prefix $(PLUGIN) typecheck && npm run --prefix $(PLUGIN) test && npm run --prefix $(PLUGIN) build
	@rm -f $(PLUGIN)/dist/datasource/gpx_errata_*
	@for t in $(PLUGIN_TARGETS); do \
	  os=$${t%/*}; arch=$${t#*/}; out=$(PLUGIN)/dist/datasource/gpx_errata_$${os}_$${arch}; [ "$$os" != windows ] || out=$$out.exe; \
	  echo "$$out"; GOOS=$$os GOARCH=$$arch CGO_ENABLED=0 go build -trimpath -tags arrow_json_stdlib -ldflags '-s -w' -o "$$out" ./$(PLUGIN)/pkg; \
	done
	go run ./$(PLUGIN)/pack $(PLUGIN)/dist bin

.PHONY: plugin-test
plugin-test: clickhouse build plugin ## The plugin in a page that hosts it as Grafana does, React 18 and 19, against the real store; and against older Grafana's API
	@[ -d $(PLUGIN)/host/node_modules ] || npm ci --prefix $(PLUGIN)/host --no-audit --no-fund --loglevel=error
	@[ -d $(PLUGIN)/e2e/node_modules ] || npm ci --prefix $(PLUGIN)/e2e --ignore-scripts --no-audit --no-fund --loglevel=error
	npm run --prefix $(PLUGIN)/e2e typecheck
	$(PLUGIN)/host/compatible.sh
	ERRATA_HOST=1 ERRATA_BINARY=$(CURDIR)/$(BIN) go test -count=1 -timeout 30m ./$(PLUGIN)/host/...

.PHONY: lint
lint: $(LINT) ## gofmt, golangci-lint with the import rules, sizes of files
	@bad=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$bad" ] || { echo "gofmt: $$bad"; exit 1; }
	$(LINT) run --allow-parallel-runners --timeout 15m ./...

$(LINT): Makefile
	GOBIN=$(CURDIR)/$(CACHE)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@touch $@

.PHONY: fuzz
fuzz: ## Every fuzz target for FUZZTIME (30s), two at once; FUZZ="ingest/stack/python" for some
	@.ci/fuzz $(FUZZTIME) '$(FUZZ)'

.PHONY: fuzz-edge
fuzz-edge: ## The fuzz targets of what the edge reads, FUZZTIME each: part of make test
	@.ci/fuzz $(FUZZTIME) '$(FUZZ_EDGE)'

.PHONY: bench-queries
bench-queries: clickhouse build ## Ask the catalog on 20 million events in ./errata-bench (once 10 minutes and 4 GB); ARGS="--events 2000000"
	go run ./deploy/bench/catalog $(ARGS)

.PHONY: bench
bench: ## Benchmarks of the hot paths, and a load on a running store: ARGS="--rate 3000 --verify"
	go test -run '^$$' -bench . -benchmem ./schema/... ./ingest/... ./consumer/...
	@if [ -f errata-data/addresses.json ]; then go run . bench $(ARGS); else echo "No store runs on ./errata-data: start one with make run to load it."; fi

.PHONY: pgo
pgo: clickhouse ## Renew the profile that builds are optimized by (a minute of load; commit it)
	go build -trimpath -pgo=off -o bin/errata-plain .
	deploy/bench/pgo.sh bin/errata-plain deploy/bench/errata.pgo

.PHONY: clean
clean: ## Remove what was built; the fetched parts in .cache and the data stay
	rm -rf bin
