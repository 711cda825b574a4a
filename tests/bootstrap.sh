#!/usr/bin/env bash
# The SQL suite and the client's conformance suite on Apache Kafka as the log: starts one from the peers' scripts, stops it at the end.
# usage: tests/bootstrap.sh PEERS    env: KPORT (31092; KPORT+50 is a listener with names, KPORT+100 the controller's), KAFKA (the address of one that runs already)
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
  # Nothing makes topics by itself, ACLs are in force, and a second listener asks for a name: who comes by it is no super user.
  named=$((KPORT + 50))
  export ACL=1 EXTRA="auto.create.topics.enable=false
listeners=PLAINTEXT://127.0.0.1:$KPORT,CONTROLLER://127.0.0.1:$((KPORT + 100)),NAMED://127.0.0.1:$named
advertised.listeners=PLAINTEXT://127.0.0.1:$KPORT,NAMED://127.0.0.1:$named
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,NAMED:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.named.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_freshet=\"secret\";"
  export FRESHET_TEST_ACL=127.0.0.1:$named FRESHET_TEST_ACL_USER=freshet:secret
  "$peers/kafka/kafka.sh" start
  trap '"$peers/kafka/kafka.sh" stop' EXIT
  kafka=127.0.0.1:$KPORT
fi
FRESHET_TEST_KAFKA=$kafka go test -count=1 -run 'TestRemoteClientOnKafka' ./broker
FRESHET_TEST_BOOTSTRAP=$kafka go test -count=1 ./tests/logic ./tests/pg
