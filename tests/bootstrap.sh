#!/usr/bin/env bash
# The SQL suite and the client's conformance suite on Apache Kafka as the log: starts one from the peers' scripts, stops it at the end.
# usage: tests/bootstrap.sh PEERS    env: KPORT (31092), KAFKA (the address of one that runs already)
set -euo pipefail
cd "$(dirname "$0")/.."
peers=${1:-../shared/peers}
[ -s "$HOME/.cache/realpeers/kafka/cp.txt" ] && peers=$HOME/.cache/realpeers
kafka=${KAFKA:-}
if [ -z "$kafka" ]; then
  if [ ! -x "$peers/kafka/kafka.sh" ] || ! command -v java > /dev/null; then
    echo "test-bootstrap: no Kafka at $peers/kafka/kafka.sh or no java here, skipped"
    exit 0
  fi
  export KPORT=${KPORT:-31092}
  "$peers/kafka/kafka.sh" start
  trap '"$peers/kafka/kafka.sh" stop' EXIT
  kafka=127.0.0.1:$KPORT
fi
FRESHET_TEST_KAFKA=$kafka go test -count=1 -run 'TestRemoteClientOnKafka' ./broker
FRESHET_TEST_BOOTSTRAP=$kafka go test -count=1 ./tests/logic ./tests/pg
