#!/usr/bin/env bash
# clients.sh FRESHET [PEERS_CLIENTS [JUDGE...]]: programs we did not write judge a node of its own: Kafka's own tools, Streams and Connect, clients and their test suites, psql, psycopg, node-postgres.
# PEERS_CLIENTS is a folder with all.sh, which installs and runs some; without it, or without a program, a judge is skipped.
# KAFKA=HOST:PORT judges a broker that runs already, a real Kafka for example, and FULL=1 is the long form of every judge.
# One line a judge, then "N passed, N failed, N skipped"; logs stay in a temporary directory when something failed.
set -uo pipefail
[ $# -gt 0 ] || { sed -n 2,5p "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
. "$here/judges/lib.sh"
freshet=$1 peers=${2:-} running=${KAFKA:-}
shift $(($# < 2 ? $# : 2))
extra=
[ "$FULL" != 1 ] || extra=smoke
[ $# -gt 0 ] || set -- kafkapython kafkapython2 kafkajs confluent seed connect java_tools kgo sarama decode differ dumplog streams restarts $extra kcat psql psycopg node_pg
work=$(mktemp -d) passed=0 failed=0 skipped=0 gaps=0

# Seconds a Java tool may take, on a machine that does other things too.
export TMO=${TMO:-90}

# Steps each judge of PEERS_CLIENTS has at least: one that dies half-way must not pass.
declare -A steps=([kafkapython]=18 [kafkapython2]=18 [kafkajs]=25 [confluent]=34 [seed]=4 [connect]=1 [java_tools]=44 [kgo]=44 [decode]=41 [differ]=60 [dumplog]=8 [streams]=2 [sarama]=60 [restarts]=4)

stop() {
  stop_node
  if [ "$failed" -eq 0 ]; then rm -rf "$work"; else echo "logs: $work"; fi
}
trap stop EXIT

# What the judges take for granted of a broker: heartbeats of the new group protocol are quick, groups wait for nobody.
node_options=(--broker-config group.consumer.min.heartbeat.interval.ms=1000 --broker-config group.consumer.heartbeat.interval.ms=1000 --broker-config group.initial.rebalance.delay.ms=0)

known() { # the known gaps of a judge, one step a line; a broker that ran already has none
  [ -n "$running" ] || sed -n "s/^$1: \(.*\): [^:]*\$/\1/p" "$here/known-gaps.txt"
}

verdict() { # JUDGE LOG RC SECONDS: judges the OK and FAIL lines of a log
  local judge=$1 log=$2 rc=$3 took=$4 ok bad new=() gone=() step line hit
  ok=$(grep -c '^OK' "$log"); bad=$(grep -c '^FAIL ' "$log")
  while IFS= read -r line; do
    hit=
    while IFS= read -r step; do [ -n "$step" ] && [[ "$line" == "FAIL $step"* ]] && hit=1; done < <(known "$judge")
    [ -n "$hit" ] || new+=("$line")
  done < <(grep '^FAIL ' "$log")
  while IFS= read -r step; do
    grep -qF -- "FAIL $step" "$log" || gone+=("$step")
  done < <(known "$judge")
  if [ "$rc" -ne 0 ] && [ "$bad" -eq 0 ]; then new+=("exit $rc: $(tail -1 "$log")"); fi
  if [ "$rc" -eq 124 ] || [ "$rc" -eq 137 ]; then new+=("took too long"); fi
  if [ $((ok + bad)) -lt "${steps[$judge]:-1}" ]; then new+=("only $((ok + bad)) of ${steps[$judge]:-1} steps ran"); fi
  if [ ${#new[@]} -eq 0 ] && [ ${#gone[@]} -eq 0 ]; then
    passed=$((passed + 1)) gaps=$((gaps + bad))
    printf 'OK   %-13s %d steps, %d passed, %d known gaps, %d s\n' "$judge" $((ok + bad)) "$ok" "$bad" "$took"
    return
  fi
  failed=$((failed + 1))
  cp "$log" "$work/$judge.log" 2>/dev/null
  printf 'FAIL %-13s %d steps, %d passed, %d s\n' "$judge" $((ok + bad)) "$ok" "$took"
  for line in "${new[@]}"; do echo "     $line" | cut -c1-200; done
  for step in "${gone[@]}"; do echo "     known gap passes now, take it off known-gaps.txt: $step"; done
}

skip() { # JUDGE WHY
  skipped=$((skipped + 1))
  printf 'SKIP %-13s %s\n' "$1" "$2"
}

stock() { # a judge of PEERS_CLIENTS
  local judge=$1 start=$SECONDS out log rc
  if [ ! -x "$peers/all.sh" ]; then skip "$judge" "no all.sh in ${peers:-a folder that was not named}"; return; fi
  log=$CLIENTS_CACHE/log-$judge-${KAFKA##*:}.txt
  out=$("$peers/all.sh" "$KAFKA" "$judge" 2>&1)
  if grep -q "^SKIP $judge" <<<"$out"; then skip "$judge" "$(sed -n "s/^SKIP $judge: //p" <<<"$out")"; return; fi
  rc=$(sed -n "s/^FAIL $judge .*exit \([0-9]*\),.*/\1/p" <<<"$out")
  [ -s "$log" ] || { log=$work/$judge.out; echo "$out" >"$log"; }
  verdict "$judge" "$log" "${rc:-0}" $((SECONDS - start))
}

ours() { # JUDGE PROGRAMS COMMAND: a judge of this file or of the folder judges
  local judge=$1 program start=$SECONDS rc
  if [ -n "$running" ] && [[ " psql psycopg node_pg dumplog differ " = *" $judge "* ]]; then skip "$judge" "$running is no node of ours"; return; fi
  for program in $2; do command -v "$program" >/dev/null || { skip "$judge" "no $program"; return; }; done
  mkdir -p "$work/$judge"
  WORK=$work/$judge "$3" >"$work/$judge.txt" 2>&1
  rc=$?
  verdict "$judge" "$work/$judge.txt" $rc $((SECONDS - start))
}

kcat_codec() { # CODEC: two thousand keyed records there and back
  local topic=kcat-$1
  seq 2000 | sed 's/.*/k&:value number & of the records that go there and back/' >"$work/$topic.in"
  kcat -b "$KAFKA" -P -t "$topic" -K: -z "$1" -X acks=all <"$work/$topic.in" || return 1
  timeout 30 kcat -b "$KAFKA" -C -t "$topic" -K: -o beginning -e -q >"$work/$topic.out" || return 1
  cmp "$work/$topic.in" "$work/$topic.out"
}

kcat_group() { # a group reads a topic and commits where it is
  timeout 60 kcat -b "$KAFKA" -G kcat-group -X auto.offset.reset=earliest -c 2000 -q kcat-none >"$work/group.out" || return 1
  [ "$(wc -l <"$work/group.out")" -eq 2000 ]
}

judge_kcat() {
  local codec
  for codec in none gzip snappy lz4 zstd; do step "$codec" kcat_codec "$codec"; done
  step "metadata" kcat -b "$KAFKA" -L -J
  step "offset by time" kcat -b "$KAFKA" -Q -t kcat-none:0:0
  step "group" kcat_group
}

sql() { psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$PGPORT" -U judge -d freshet "$@"; }

judge_psql() {
  step "create" sql -c "CREATE TABLE psql_items (id INT PRIMARY KEY, name TEXT)" -c "INSERT INTO psql_items VALUES (1, 'one'), (2, 'two')"
  step "select" sql -c "SELECT * FROM psql_items WHERE id = 2"
  step "variables" sql -v n=1 -c "SHOW server_version"
  step '\d' sql -c '\d'
  step '\d NAME' sql -c '\d psql_items'
  step '\dt' sql -c '\dt'
  step '\dv' sql -c '\dv'
  step '\l' sql -c '\l'
  step '\copy' sql -c "\\copy (SELECT * FROM psql_items) TO '$work/items.csv' CSV"
  step "FETCH_COUNT" sql -v FETCH_COUNT=1 -c "SELECT * FROM psql_items EMIT CHANGES LIMIT 2"
  step "transaction" sql -1 -c "INSERT INTO psql_items VALUES (3, 'three')" -c "SELECT 1"
}

judge_psycopg() {
  local name=psycopg-$psycopg_version
  installed "$name" python3 -m pip install -q "psycopg[binary]==$psycopg_version" --target || return 1
  PYTHONPATH=$CLIENTS_CACHE/$name PGPORT=$PGPORT timeout 60 python3 "$here/../pg/psycopg_judge.py"
}

judge_node_pg() {
  local name=node-pg-$pg_version
  installed "$name" npm install --silent "pg@$pg_version" --prefix || return 1
  NODE_PATH=$CLIENTS_CACHE/$name/node_modules PGPORT=$PGPORT timeout 60 node "$here/../pg/node_pg_judge.js"
}

if [ -z "$running" ]; then
  start_node "$work" "${node_options[@]}" || exit 1
  export FRESHET=$freshet
fi
export KAFKA
for judge; do
  case $judge in
    kcat) ours kcat kcat judge_kcat ;;
    psql) ours psql psql judge_psql ;;
    psycopg) ours psycopg python3 judge_psycopg ;;
    node_pg) ours node_pg "node npm" judge_node_pg ;;
    kgo | sarama) ours "$judge" go "$here/judges/$judge.sh" ;;
    decode | differ | dumplog) ours "$judge" "go java mvn" "$here/judges/$judge.sh" ;;
    streams | smoke | restarts) ours "$judge" "java mvn curl" "$here/judges/$judge.sh" ;;
    *) stock "$judge" ;;
  esac
done
if [ -n "$node" ] && ! kill -0 "$node" 2>/dev/null; then
  failed=$((failed + 1))
  echo "FAIL node          ended while it was judged:"; tail -5 "$work/node.log"; cp "$work/node.log" "$work/node-died.log"
fi
echo "$gaps steps are known gaps (tests/kafka/known-gaps.txt)"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
