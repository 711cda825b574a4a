#!/usr/bin/env bash
# sarama's functional tests. They want five brokers behind toxiproxy; here one broker stands behind all five proxies.
. "$(dirname "$0")/lib.sh"
set -o pipefail

# One broker cannot hold three replicas, and that is all that is changed in the tests.
build() { # FOLDER
  go_module "$1" github.com/IBM/sarama "$sarama_version" && cd "$1" &&
    sed -i -E 's/(ReplicationFactor:[[:space:]]*)3,/\11,/; s/len\(partition.Isr\) != 3/len(partition.Isr) != 1/' functional*_test.go &&
    GOFLAGS=-mod=mod GOTOOLCHAIN=local go test -c -tags functional -o functional.test .
}
installed "sarama-$sarama_version" build || exit 1

# Clients must be told to come back through the first proxy; a foreign broker has to be started so.
trap 'kill $toxi 2>/dev/null; stop_node' EXIT
[ -z "${FRESHET:-}" ] || start_node "$WORK" --advertised-listeners PLAINTEXT://127.0.0.1:29091 --auto-create-topics=false || exit 1
(cd "$judges/../../.." && go build -o "$WORK/toxi" ./tests/kafka/toxi) || exit 1
api=127.0.0.1:$((28000 + RANDOM % 1000))
"$WORK/toxi" -broker "$KAFKA" -api "$api" >"$WORK/toxi.out" 2>&1 &
toxi=$!
for _ in $(seq 100); do
  grep -q ready "$WORK/toxi.out" && break
  kill -0 "$toxi" 2>/dev/null || { echo "FAIL toxi $(tail -1 "$WORK/toxi.out")"; exit 1; }
  sleep 0.1
done

# Java's side of the interoperation tests runs in docker; the third always skips itself.
may_skip='^TestJava|^TestFuncJavaInterop|^TestReadOnlyAndAllCommittedMessages'
# What one broker cannot show: tests that stop one broker of several, read a broker's log through docker, count five brokers, or move replicas.
skip='^(TestFuncAdminListConsumerGroupOffsets|TestConsumerFetchFollowerFailover|TestFuncTxnProduceWithBrokerFailure|TestFuncIdempotentBufferedSequence|TestFuncAdminDescribeLogDirs|TestFuncAdminAlterPartitionReassignments'
# The slowest are for the long form: what they show, kgo and the other clients show in less time.
[ "$FULL" = 1 ] || skip+='|TestVersionMatrix.*|TestFuncConsumerGroupFuzzy|TestFuncProducingIdempotentWithBrokerFailure|TestFuncTxnProduceAndCommitOffset'
tests='^(TestFunc|TestConsumerHigh|TestConsumerPartial|TestVersionMatrix|TestReadOnly|TestConsumerGroupDeadlock|TestConsumerFetchFollower|TestInterceptors|TestAsyncProducerRemote)'
cd "$CLIENTS_CACHE/sarama-$sarama_version" &&
  TOXIPROXY_ADDR=http://$api KAFKA_VERSION=$kafka_version timeout -k 5 900 ./functional.test -test.v -test.timeout 880s -test.run "${SARAMA_TESTS:-$tests}" -test.skip "$skip)\$" 2>&1 | tee "$WORK/sarama.out" | go_steps
