#!/usr/bin/env bash
# Times the lint of alert rules: 950 generated ones, and public ones that come with
# modules of the Go proxy. Their files stay in the module cache.
set -euo pipefail
cd "$(dirname "$0")/.."
go test -run '^$' -bench Lint950 -benchtime 5x ./internal/app | grep Benchmark
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/hinoban" ./cmd/hinoban
mkdir -p "$work/public"
for module in github.com/grafana/loki/v3@v3.7.8 github.com/prometheus-operator/prometheus-operator@v0.85.0; do
	dir=$(cd "$work" && go mod download -json "$module" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
	grep -rlE '^groups:|kind: *PrometheusRule' "$dir" --include='*.yaml' --include='*.yml' | while read -r f; do
		cp "$f" "$work/public/$(echo "${f#"$dir"/}" | tr / _)"
	done
done
chmod -R u+w "$work/public"
ls "$work/public" | wc -l | sed 's/$/ public files/'
time "$work/hinoban" alert import "$work/public" | tail -1 || true
