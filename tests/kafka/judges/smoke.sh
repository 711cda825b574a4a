#!/usr/bin/env bash
# The smoke test of Kafka Streams itself, with exactly_once_v2: two processes of two threads, a driver that checks every aggregate.
. "$(dirname "$0")/lib.sh"
kafka_jars || exit 1
run=$RANDOM apps=
trap 'for pid in $apps; do kill -9 "$pid" 2>/dev/null; done' EXIT

for topic in data echo max min min-suppressed min-raw dif sum sws-raw sws-suppressed cnt avg tagg fk; do
  (java_tool org.apache.kafka.tools.TopicCommand --bootstrap-server "$KAFKA" --delete --if-exists --topic "$topic") >/dev/null 2>&1
done
for topic in data echo max min min-suppressed min-raw dif sum sws-raw sws-suppressed cnt avg tagg fk; do
  for _ in 1 2 3 4 5; do
    (java_tool org.apache.kafka.tools.TopicCommand --bootstrap-server "$KAFKA" --create --topic "$topic" --partitions 5 --replication-factor 1) >>"$WORK/topics.log" 2>&1 && break
  done
done
for i in 1 2; do
  cat >"$WORK/$i.properties" <<E1
bootstrap.servers=$KAFKA
application.id=SmokeTest-$run
state.dir=$WORK/state-$i
processing.guarantee=exactly_once_v2
num.stream.threads=2
replication.factor=1
session.timeout.ms=10000
E1
  (HEAP=384m java_tool org.apache.kafka.streams.tests.StreamsSmokeTest "$WORK/$i.properties" process) >"$WORK/process-$i.log" 2>&1 &
  apps+=" $!"
done
(HEAP=384m timeout 480 java -Xmx384m -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$jars" org.apache.kafka.streams.tests.StreamsSmokeTest "$WORK/1.properties" run) >"$WORK/driver.log" 2>&1
rc=$?
if grep -q '^SUCCESS' "$WORK/driver.log" && [ "$rc" = 0 ]; then echo "OK   smoke test"; else echo "FAIL smoke test exit $rc: $(grep -m1 -E 'FAIL|Exception|fail' "$WORK/driver.log")"; fi
