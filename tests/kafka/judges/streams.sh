#!/usr/bin/env bash
# Kafka Streams with exactly_once_v2, two instances killed and restarted again and again.
. "$(dirname "$0")/lib.sh"
kafka_jars || exit 1
compiled classes "$judges/../streams-eos/ExactlyOnce.java" || exit 1
records=10000 kills=3
[ "$FULL" != 1 ] || records=200000 kills=40
mkdir -p "$WORK/state"
EXTRA_CLASSES=$WORK/classes java_tool ExactlyOnce "$KAFKA" "$WORK/state" "${RECORDS:-$records}" "${KILLS:-$kills}" "${SEED:-$RANDOM}"
