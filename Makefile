.DEFAULT_GOAL := help
TOOL := go tool -modfile=tools/go.mod

.PHONY: gen
gen: ## Write the generated files again: templ, island bundle, style sheet
	$(TOOL) templ generate -path internal
	go run -C tools ./assets

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
