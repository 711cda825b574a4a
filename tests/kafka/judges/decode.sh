#!/usr/bin/env bash
# Every API at every version the broker advertises, its answers read with the classes of Kafka's own clients.
. "$(dirname "$0")/lib.sh"
kafka_jars || exit 1
compiled decode "$judges/../decode/Decode.java" || exit 1
(cd "$judges/../../.." && go run ./tests/kafka/decode -broker "$KAFKA") >"$WORK/answers.txt" || { echo "FAIL ask"; exit 1; }
# kafka-4.3.1.codes was recorded on a freshly started Kafka: "decode.sh --record" with KAFKA naming it.
if [ "${1:-}" != --record ]; then set -- "$judges/../decode/kafka-$kafka_version.codes"; fi
EXTRA_CLASSES=$WORK/decode java_tool Decode "$1" <"$WORK/answers.txt"
