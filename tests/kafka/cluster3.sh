#!/usr/bin/env bash
# Apache Kafka with three brokers (replication factor 3, min.insync.replicas 2) as the log, while its brokers are killed with SIGKILL and come back.
# usage: tests/kafka/cluster3.sh run [PEERS [FRESHET]]   the client's conformance suite, at rest and in the storm, then tests/crash in the storm
#        tests/kafka/cluster3.sh start|stop [PEERS]      only the cluster; start tells its addresses
#        tests/kafka/cluster3.sh storm ROUNDS            kills brokers of a cluster that was started, and starts them again
# env: KPORT (29300; controllers listen 100 higher), KDATA (its folder), ROUNDS (8: of the storm under tests/crash), KILLS (20: of the node), SEED
set -euo pipefail
cd "$(dirname "$0")/../.."
export KPORT=${KPORT:-29300} KHEAP=${KHEAP:-300m}
export KDATA=${KDATA:-/tmp/freshet-cluster3-$KPORT}
export EXTRA='default.replication.factor=3
min.insync.replicas=2
num.partitions=3
broker.session.timeout.ms=6000'
nodes=3
command=${1:-run}
[ $# -eq 0 ] || shift
addresses=127.0.0.1:$KPORT,127.0.0.1:$((KPORT + 1)),127.0.0.1:$((KPORT + 2))

find_kafka() { # where kafka.sh is; without it, or without java, there is nothing to do
  peers=${1:-../shared/peers}
  [ -s "$HOME/.cache/realpeers/kafka/cp.txt" ] && peers=$HOME/.cache/realpeers
  [ -x "$peers/kafka/kafka.sh" ] && command -v java > /dev/null && return
  echo "test-cluster: no Kafka at $peers/kafka/kafka.sh or no java here, skipped"
  exit 0
}

start() { # starts the brokers and notes their command lines, by which the storm starts them again; leaves none behind when one does not start
  "$peers/kafka/kafka.sh" start $nodes || { "$peers/kafka/kafka.sh" stop; exit 1; }
  local i
  for i in $(seq 1 $nodes); do cat "/proc/$(cat "$KDATA/n$i/pid")/cmdline" > "$KDATA/n$i/cmdline"; done
}

revive() { # NODE
  local args
  mapfile -d '' -t args < "$KDATA/n$1/cmdline"
  # Nothing of ours stays open in it: whoever waits for the end of the storm would wait for the broker's.
  (trap '' HUP; exec < /dev/null > "$KDATA/n$1/log" 2>&1; "${args[@]}" & echo $! > "$KDATA/n$1/pid")
}

opens() { # NODE: waits until it takes connections
  local _
  for _ in $(seq 1 600); do
    (exec 3<> "/dev/tcp/127.0.0.1/$((KPORT + $1 - 1))") 2> /dev/null && return
    sleep 0.2
  done
  echo "storm: broker $1 did not come back, see $KDATA/n$1/log" >&2
  return 1
}

storm() { # ROUNDS: one broker a round, every third time two, which leaves too few in sync and no quorum for a while
  local round victims i
  RANDOM=${SEED:-$$}
  for round in $(seq 1 "$1"); do
    victims=$((RANDOM % nodes + 1))
    [ $((round % 3)) -ne 0 ] || victims="$victims $((victims % nodes + 1))"
    echo "# storm, round $round of $1: kill -9 of broker $victims"
    for i in $victims; do kill -9 "$(cat "$KDATA/n$i/pid")"; done
    sleep $((1 + RANDOM % 9)) # before the session ends, or after leaders have moved
    for i in $victims; do revive "$i"; done
    for i in $victims; do opens "$i"; done
    sleep $((1 + RANDOM % 6)) # not always enough to be in sync again
  done
}

conformance() { # [go test's arguments]
  FRESHET_TEST_KAFKA=$addresses go test -count=1 -timeout 20m -run 'TestRemoteClientOnKafka' "$@" ./broker
}

run() {
  local stormy
  find_kafka "${1:-}"
  freshet=${2:-bin/freshet}
  start
  trap '"$peers/kafka/kafka.sh" stop' EXIT
  echo "== conformance, at rest"
  conformance
  echo "== conformance, in the storm"
  storm 4 &
  stormy=$!
  conformance
  wait $stormy
  echo "== crash, in the storm"
  go run ./tests/crash -freshet "$freshet" -bootstrap "$addresses" -kills "${KILLS:-20}" -seed "${SEED:-0}" -meanwhile "$0 storm ${ROUNDS:-8}"
}

case $command in
  run) run "$@" ;;
  start) find_kafka "${1:-}"; start; echo "$addresses" ;;
  storm) storm "$1" ;;
  stop) find_kafka "${1:-}"; "$peers/kafka/kafka.sh" stop ;;
  *) sed -n 2,6p "$0" >&2; exit 2 ;;
esac
