# Bare `make` lists the targets with their times on two cores: nothing cached / everything cached.
# One set of flags for every target, so that nothing is compiled twice.
export GOFLAGS ?= -trimpath
export GOTOOLCHAIN ?= local
export CGO_ENABLED ?= 0
SHARED ?= ../shared
BIN := $(CURDIR)/bin
LDFLAGS := -s -w

.DEFAULT_GOAL := help
.PHONY: help build demo test race lint arch parse fuzz stress bench bench-peers test-clients test-clients-full test-bootstrap test-cluster crash generate tools vuln tidy ci

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

build: ## the binary, bin/freshet (2 min / 1 s)
	go build -ldflags '$(LDFLAGS)' -o $(BIN)/freshet ./cli/freshet

demo: build ## a node, made-up auction bids, a live view in your terminal (2 min / 1 s)
	$(BIN)/freshet demo

test: ## every test that needs nothing but Go (4 min / 30 s)
	go test ./...

race: ## the concurrent packages under the race detector (6 min / 1 min)
	CGO_ENABLED=1 go test -race -short ./storage/... ./broker/... ./executor/... ./server/...

arch: ## the house's plan against the code (1 s)
	go test -count=1 ./tests/arch

lint: tools ## gofumpt, import order, golangci-lint (3 min / 10 s)
	$(BIN)/golangci-lint run ./...

parse: ## statements of a corpus through the parser: make parse DIR=… (5 s)
	go run ./tests/parse $(DIR)

FUZZTIME ?= 10s
fuzz: ## every fuzz target, FUZZTIME each (10 s a target)
	@tests/fuzz.sh $(FUZZTIME)

stress: ## one test a hundred times under the race detector: make stress T=TestName P=./storage/log
	CGO_ENABLED=1 go test -race -count=100 -run '$(T)' $(P)

JOBS ?= q1,q2,tumble,produce,consume,point
bench: build ## the engine and the log on a running node: make bench JOBS=q1,q2 (3 min)
	go run ./tests/bench -freshet $(BIN)/freshet -peers $(SHARED)/peers -jobs $(JOBS)

bench-peers: build ## the same jobs on Kafka and Kafka Streams in the same run, with ratios (15 min)
	go run ./tests/bench -freshet $(BIN)/freshet -peers $(SHARED)/peers -jobs $(JOBS) -against-peers

test-clients: build ## stock Kafka clients and their own tests as judges; installs them (9 min)
	tests/kafka/clients.sh $(BIN)/freshet $(SHARED)/peers/clients

test-clients-full: build ## the same in their long forms, and the smoke test of Kafka Streams (1 h)
	FULL=1 tests/kafka/clients.sh $(BIN)/freshet $(SHARED)/peers/clients

test-bootstrap: ## the SQL suite with Apache Kafka as the log, one with ACLs (2 min)
	tests/bootstrap.sh $(SHARED)/peers

test-cluster: build ## three Kafka brokers as the log, killed one after the other, under tests/crash (15 min)
	tests/kafka/cluster3.sh run $(SHARED)/peers $(BIN)/freshet

KILLS ?= 30
SEED ?= 0
crash: build ## kill -9 in a loop under a running query, then count: make crash KILLS=30 SEED=n (2 min)
	go run ./tests/crash -freshet $(BIN)/freshet -kills $(KILLS) -seed $(SEED)

generate: ## reference pages from the registries (10 s)
	go generate ./...

tools: $(BIN)/golangci-lint ## the pinned tools, into bin/ (2 min / 0 s)
$(BIN)/golangci-lint: tests/tools/go.mod tests/tools/go.sum
	GOBIN=$(BIN) go install -C tests/tools tool
	@touch $@

vuln: tools ## known vulnerabilities, where the database can be reached (30 s)
	@out=$$($(BIN)/govulncheck ./... 2>&1); rc=$$?; case "$$out" in *"fetching vulnerabilities"*) echo "govulncheck: no database here, skipped";; *) echo "$$out"; exit $$rc;; esac

tidy: ## go.mod is what the code needs (5 s)
	go mod tidy -diff

ci: ## what .ci/run runs (20 min)
	.ci/run
