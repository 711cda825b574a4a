#!/usr/bin/env bash
# Runs every fuzz target of the module for a while each: tests/fuzz.sh 10s
set -euo pipefail
time=${1:-10s}
passed=0 failed=0
while IFS=: read -r file _ line; do
  name=$(sed -E 's/.*func (Fuzz[A-Za-z0-9_]+).*/\1/' <<<"$line")
  if go test "./$(dirname "$file")" -run '^$' -fuzz "^$name\$" -fuzztime "$time"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done < <(grep -rn --include='*_test.go' '^func Fuzz' .)
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
