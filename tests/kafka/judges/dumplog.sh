#!/usr/bin/env bash
# dumplog.sh [DIR...]: Kafka's own dump tool reads our partitions: batches and records (--deep-iteration), indexes against them, producer
# snapshots and aborted transactions, and what groups and transactions are kept in. DIRs are partitions of a node that was stopped; without
# any, those the log's own test writes, one of them compacted, and those of a node that had a transaction and a group.
. "$(dirname "$0")/lib.sh"
kafka_jars || exit 1
tools=org.apache.kafka.tools
trap stop_node EXIT

# What the tool says about files that are not well.
bad='isvalid: false|[Mm]ismatch|out of order|[Ee]xception|[Ee]rror|corrupt|sanity check failed|does not exist|[Cc]ould not|Unable|"data":"unknown"'

dump() { # NAME FILES WANTED OPTION...: runs the tool over the files; it must print what is wanted and nothing bad
  local name=$1 files=$2 wanted=$3
  shift 3
  if [ -z "$files" ]; then echo "FAIL $name there are no such files"; return; fi
  if (java_tool $tools.DumpLogSegments "$@" --files "$files") >"$WORK/out" 2>&1 && ! grep -Eq "$bad" "$WORK/out" && grep -Eq "$wanted" "$WORK/out"; then
    echo "OK   $name"
  else
    echo "FAIL $name $(grep -E -m 1 "$bad" "$WORK/out" || tail -1 "$WORK/out")"
  fi
}

list() { # SUFFIX...: the files of the directories, with commas
  local suffix
  for suffix; do find "${dirs[@]}" -name "*$suffix" -size +0; done | sort | paste -sd,
}

read_some() { # GROUP PROTOCOL
  (java_tool $tools.VerifiableConsumer --bootstrap-server "$KAFKA" --topic dumped --group-id "$1" --max-messages 1000 --reset-policy earliest --group-protocol "$2")
}

used_node() { # a node that had a transaction and a group of each protocol, stopped
  start_node "$WORK" || return 1
  { (java_tool $tools.ProducerPerformance --topic dumped --num-records 5000 --record-size 100 --throughput -1 --bootstrap-server "$KAFKA" --transactional-id dumped --transaction-duration-ms 100) &&
    read_some classics classic && read_some moderns consumer; } >"$WORK/used.log" 2>&1 && stop_node
}

if [ $# -gt 0 ]; then dirs=("$@"); else
  (cd "$judges/../../.." && go test -count=1 ./storage/log -run '^TestDumpSample$' -dump "$WORK") >"$WORK/go.log" 2>&1 || { echo "FAIL sample $(tail -1 "$WORK/go.log")"; exit 1; }
  dirs=("$WORK/written-0" "$WORK/compacted-0")
fi
dump records "$(list .log)" 'baseOffset: .* isvalid: true' --deep-iteration
dump indexes "$(list .index .timeindex)" Dumping --verify-index-only
dump "index sanity" "$(list .index .timeindex)" passed --index-sanity-check
dump "transactions and producers" "$(list .txnindex .snapshot)" 'producerId: '
[ $# -eq 0 ] || exit 0
used_node || { echo "FAIL node $(tail -1 "$WORK/used.log")"; exit 1; }
dirs=("$WORK"/data/log/topics/dumped-*)
dump "records of a client" "$(list .log)" 'endTxnMarker: COMMIT' --deep-iteration
dirs=("$WORK"/data/log/topics/__consumer_offsets-*)
dump groups "$(list .log)" '"type":"2","data":{"group":"classics"}} payload: {"version":"3"' --offsets-decoder
dump "groups that the broker assigns" "$(list .log)" '"type":"8","data":{"groupId":"moderns"' --offsets-decoder
dirs=("$WORK"/data/log/topics/__transaction_state-*)
dump "transactions" "$(list .log)" '"transactionalId":"dumped"}} payload: {"version":"1"' --transaction-log-decoder
