.DEFAULT_GOAL := build
SHELL := /bin/bash
TOOL := go tool -modfile=tools/go.mod
VERSION := $(shell git describe --tags --always 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/hinoban/hinoban/internal/cli.Version=$(VERSION)
T ?= 10s

.PHONY: build
build: ## Build ./hinoban
	go build -trimpath -ldflags "$(LDFLAGS)" -o hinoban ./cmd/hinoban

.PHONY: demo
demo: build ## Build, run the product on a shop that breaks, print the address
	./hinoban demo

.PHONY: run
run: demo ## The same as demo

.PHONY: test
test: ## Install what the tests need, and pass them
	@bash test/setup.sh
	@go build -C tools -o ../.bin/testsum ./testsum
	@set -o pipefail; bash test/with-postgres.sh go test -json ./... | .bin/testsum

.PHONY: check
check: fresh lint ## The fast checks: generated files, style, house rules, unit tests
	go vet ./...
	go test -shuffle=on ./internal/... ./client/...

.PHONY: fresh
fresh: gen ## Fail where a generated file is not what its source says
	@git diff --exit-code --stat -- '*_templ.go' internal/platform/webkit/static api docs
	@test -z "$$($(TOOL) gofumpt -l cmd client examples internal test tools | grep -v _templ.go)" || { $(TOOL) gofumpt -l cmd client examples internal test tools; exit 1; }

.PHONY: lint
lint: ## Run the linter
	$(TOOL) golangci-lint run

.PHONY: gen
gen: ## Write the generated files again: pages, islands, style sheet, API, schemas
	$(TOOL) templ generate -path internal
	go run -C tools ./assets
	go run ./cmd/hinoban openapi > api/openapi.json.new && mv api/openapi.json.new api/openapi.json
	go run ./cmd/hinoban schema --dir docs/schema
	go run ./cmd/hinoban manual > docs/manual/en/cli.md.new && mv docs/manual/en/cli.md.new docs/manual/en/cli.md

.PHONY: fuzz
fuzz: ## Run every fuzz target for T (T=30s)
	@bash test/fuzz.sh $(T)

.PHONY: bench-rules
bench-rules: ## Time the lint of 950 rules, and of public ones from the Go proxy
	@bash test/bench-rules.sh

.PHONY: bench
bench: ## Run the benchmarks that the manual quotes
	go test -run '^$$' -bench . -benchmem ./internal/... | tee bench.txt
	HINOBAN_SERIES=1000000 go test -count=1 -timeout 3h -run TestCountsArePromQLs ./test/burn | tee -a bench.txt

.PHONY: figures
figures: build ## Measure the product's figures: start, memory, latency, lists, binary
	HINOBAN_FIGURES=1 go test -count=1 -timeout 30m -run TestFigures -v ./test/e2e | grep FIGURE
	HINOBAN_FIGURES=1 go test -count=1 -run TestFirstPaint -v ./test/browser | grep FIGURE

.PHONY: bench-slo
bench-slo: ## Measure the streaming engine beside PromQL on the same store, and print the table
	HINOBAN_FIGURES=1 HINOBAN_SERIES=1 go test -count=1 -timeout 60m -run 'TestFigures' -v ./test/burn | grep FIGURE | sed 's/.*FIGURE //'
	go test -run '^$$' -bench . -benchmem ./internal/slo/...

.PHONY: bench-judge
bench-judge: ## Live four weekly loops of judging on a seeded noisy corpus, and print the table
	HINOBAN_FIGURES=1 go test -count=1 -run TestFourLoopsMakePagesTrue -v ./internal/alert/score | grep FIGURE | sed "s/.*FIGURE //"
	go test -run "^$$" -bench Board -benchtime 10x ./internal/alert/alertdb

.PHONY: bench-alerts
bench-alerts: ## Measure alerts beside Debian's Alertmanager in the same minutes, kill -9 a thousand times, and print the table
	HINOBAN_FIGURES=1 HINOBAN_CRASHES=1000 go test -count=1 -timeout 60m -run 'TestFigures|TestKillNine|TestAlertmanagersOwn' -v ./test/alerts | grep FIGURE | sed 's/.*FIGURE //'
	go test -run '^$$' -bench . -benchtime 1x ./internal/alert/replay
	$(MAKE) bench-rules bench-judge

.PHONY: bench-oncall
bench-oncall: ## Measure the pager: zones, latency, a thousand people, kill -9 a thousand times, the buddy, memory; print the table
	go test -count=1 -run TestInvariantsInEveryZone -v ./internal/oncall/rota | grep FIGURE | sed "s/.*FIGURE //"
	go test -run "^$$" -bench "On$$|Incidents" -benchmem ./internal/oncall/... | grep "^Benchmark"
	HINOBAN_FIGURES=1 go test -count=1 -timeout 30m -run 'TestFiguresPager|TestFiguresThousand|TestFiguresMemory' -v ./test/e2e | grep FIGURE | sed "s/.*FIGURE //"
	HINOBAN_CRASHES=1000 go test -count=1 -timeout 60m -run TestKillLosesNothing -v ./test/e2e | grep FIGURE | sed "s/.*FIGURE //"
	HINOBAN_FIGURES=1 go test -count=1 -timeout 10m -v ./test/pager | grep FIGURE | sed "s/.*FIGURE //"

.PHONY: bench-mutate
bench-mutate: ## Inject failures into a week with known gaps, and print what was caught or named
	HINOBAN_FIGURES=1 go test -count=1 -run TestMutationNamesEveryPlantedGap -v ./internal/app | grep FIGURE | sed "s/.*FIGURE //"

.PHONY: cover
cover: ## Measure the coverage of the tests
	go test -coverpkg=./internal/... -coverprofile=coverage.out ./internal/... ./test/e2e/... && go tool cover -func=coverage.out | tail -1

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
