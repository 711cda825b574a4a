#!/usr/bin/env bash
# dumplog.sh [KAFKA_SH [DIR...]]: Kafka's own dump tool reads our partitions: batches and records (--deep-iteration), indexes against them,
# producer snapshots and aborted transactions. KAFKA_SH is a script whose "ktool dump-log ARGS" runs the tool; without it, or
# without java, everything is skipped. DIRs are partitions of a node that was stopped; without any, the log's own test
# writes two, one of them compacted. One line a file kind and partition, then "N passed, N failed, N skipped".
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kafka=${1:-$HOME/.cache/realpeers/kafka/kafka.sh}
shift $(($# < 1 ? $# : 1))
if [ ! -f "$kafka" ] || ! command -v java >/dev/null; then
  echo "SKIP dump-log: no java, or no $kafka"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
fi
work=$(mktemp -d) passed=0 failed=0
trap 'rm -rf "$work"' EXIT
if [ $# -eq 0 ]; then
  (cd "$here/../.." && go test -count=1 ./storage/log -run '^TestDumpSample$' -dump "$work") >"$work/go.log" 2>&1 || { cat "$work/go.log"; exit 1; }
  set -- "$work/written-0" "$work/compacted-0"
fi

# What the tool says about files that are not well; what is not consecutive in a compacted log is none of it.
bad='isvalid: false|[Mm]ismatch|out of order|[Ee]xception|[Ee]rror|corrupt|sanity check failed|does not exist|[Cc]ould not|Unable'

dump() { # NAME FILES OPTION...: runs the tool over the files and looks for complaints
  local name=$1 files=$2
  shift 2
  [ -n "$files" ] || return 0
  if bash "$kafka" ktool dump-log "$@" --files "$files" >"$work/out" 2>&1 && ! grep -Eq "$bad" "$work/out"; then
    echo "OK $name"
    passed=$((passed + 1))
  else
    echo "FAIL $name"
    grep -E -m 5 "$bad" "$work/out" || tail -5 "$work/out"
    failed=$((failed + 1))
  fi
}

list() { # DIR SUFFIX...: the files, with commas
  local dir=$1 suffix
  shift
  for suffix; do find "$dir" -name "*$suffix" -size +0; done | sort | paste -sd,
}

for dir; do
  name=$(basename "$dir")
  dump "$name records" "$(list "$dir" .log)" --deep-iteration
  dump "$name indexes" "$(list "$dir" .index .timeindex)" --verify-index-only
  dump "$name index sanity" "$(list "$dir" .index .timeindex)" --index-sanity-check
  dump "$name transactions and producers" "$(list "$dir" .txnindex .snapshot)"
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
