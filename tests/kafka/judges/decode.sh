#!/usr/bin/env bash
# Every API at every version the broker advertises, its answers read with the classes of Kafka's own clients.
. "$(dirname "$0")/lib.sh"
kafka_jars || exit 1
compiled decode "$judges/../decode/Decode.java" || exit 1
(cd "$judges/../../.." && go run ./tests/kafka/decode -broker "$KAFKA") >"$WORK/answers.txt" || { echo "FAIL ask"; exit 1; }
EXTRA_CLASSES=$WORK/decode java_tool Decode <"$WORK/answers.txt"
