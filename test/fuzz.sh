#!/usr/bin/env bash
# Runs every fuzz target of the tree for a while ($1, 10s), one after another.
set -u
for=${1:-10s}
failed=0
for pkg in $(grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u); do
  for target in $(grep -hoE '^func (Fuzz[A-Za-z0-9_]+)' "$pkg"/*_test.go | awk '{print $2}' | sort -u); do
    printf '%-60s' "$pkg $target"
    if out=$(go test -run '^$' -fuzz "^$target\$" -fuzztime "$for" -fuzzminimizetime 10x "$pkg" 2>&1); then
      echo ok
    else
      echo FAILED
      echo "$out" | tail -20
      failed=1
    fi
  done
done
exit $failed
