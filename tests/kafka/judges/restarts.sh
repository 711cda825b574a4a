#!/usr/bin/env bash
# Kafka's verifiable producer and a Connect worker with file source (exactly once) and file sink, while consumers, the worker and, where
# it is a node of ours, the broker are killed with SIGKILL and restarted.
. "$(dirname "$0")/lib.sh"
kafka_jars || exit 1
records=10000 lines=6000 rounds=1
[ "$FULL" != 1 ] || records=200000 lines=100000 rounds=15
RANDOM=${SEED:-$$}
rest=$((28000 + RANDOM % 1000)) run=$RANDOM worker= consumer= appender= producer=
tools=org.apache.kafka.tools

end() {
  local pid
  for pid in $worker $consumer $appender $producer; do kill -9 "$pid" 2>/dev/null; done
  stop_node
}
trap end EXIT

if [ -n "${FRESHET:-}" ]; then
  read -r kafka postgres http <<<"$(free_ports)"
  run_node "$WORK" "$kafka" "$postgres" "$http" || { tail -3 "$WORK/node.log"; echo "FAIL start"; exit 1; }
fi

kill_broker() {
  [ -n "${FRESHET:-}" ] || return 0
  stop_node KILL
  run_node "$WORK" "$kafka" "$postgres" "$http" || { tail -3 "$WORK/node.log"; echo "FAIL restart of the broker"; exit 1; }
}

start_worker() {
  (HEAP=384m LOG=warn java_tool org.apache.kafka.connect.cli.ConnectDistributed "$WORK/worker.properties") >>"$WORK/worker.log" 2>&1 &
  worker=$!
}

start_consumer() {
  (java_tool $tools.VerifiableConsumer --bootstrap-server "$KAFKA" --topic "verified-$run" --group-id "verified-$run" --reset-policy earliest --session-timeout 6000 --verbose) >>"$WORK/consumer.out" 2>&1 &
  consumer=$!
}

connector() { # NAME JSON: made, however long the worker takes to be ready
  local code
  for _ in $(seq 60); do
    code=$(curl -s -X PUT -H 'content-type: application/json' "http://127.0.0.1:$rest/connectors/$1/config" -d "$2" -o "$WORK/answer" -w '%{http_code}')
    case $code in 200 | 201) return 0 ;; esac
    sleep 1
  done
  echo "FAIL connector $1: $code $(head -c 200 "$WORK/answer")"
  return 1
}

consumed() { # TOPIC COUNT: a topic's values, read as committed; more than COUNT if there are more. Slow machines get another try.
  for _ in 1 2 3; do
    (java_tool $tools.consumer.ConsoleConsumer --bootstrap-server "$KAFKA" --topic "$1" --from-beginning --isolation-level read_committed --timeout-ms 8000) >"$WORK/$1.out" 2>"$WORK/$1.err"
    [ "$(wc -l <"$WORK/$1.out")" -lt "$2" ] || break
  done
  cat "$WORK/$1.out"
}

cat >"$WORK/worker.properties" <<E1
bootstrap.servers=$KAFKA
group.id=connect-$run
config.storage.topic=connect-$run-config
offset.storage.topic=connect-$run-offset
status.storage.topic=connect-$run-status
config.storage.replication.factor=1
offset.storage.replication.factor=1
status.storage.replication.factor=1
offset.storage.partitions=5
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.storage.StringConverter
listeners=http://127.0.0.1:$rest
exactly.once.source.support=enabled
offset.flush.interval.ms=1000
session.timeout.ms=6000
heartbeat.interval.ms=1000
scheduled.rebalance.max.delay.ms=0
E1
: >"$WORK/in.txt"
(java_tool $tools.TopicCommand --bootstrap-server "$KAFKA" --create --topic "verified-$run" --partitions 3 --replication-factor 1) >/dev/null || { echo "FAIL create topic"; exit 1; }
start_worker
connector "source-$run" '{"connector.class":"FileStreamSource","tasks.max":"1","file":"'"$WORK/in.txt"'","topic":"lines-'"$run"'"}' || exit 1
connector "sink-$run" '{"connector.class":"FileStreamSink","tasks.max":"1","file":"'"$WORK/out.txt"'","topics":"lines-'"$run"'"}' || exit 1

# Lines and records arrive over the time the kills take.
seconds=$((rounds * 16))
(for i in $(seq $((seconds * 10))); do
  seq $(((i - 1) * lines / (seconds * 10) + 1)) $((i * lines / (seconds * 10))) >>"$WORK/in.txt"
  sleep 0.1
done) &
appender=$!
(java_tool $tools.VerifiableProducer --bootstrap-server "$KAFKA" --topic "verified-$run" --max-messages "$records" --throughput $((records / seconds)) --acks -1) >"$WORK/producer.out" 2>&1 &
producer=$!
start_consumer
for _ in $(seq "$rounds"); do
  sleep $((3 + RANDOM % 3))
  kill_broker
  sleep $((3 + RANDOM % 3))
  kill -9 "$consumer" && wait "$consumer" 2>/dev/null
  start_consumer
  sleep 1
  kill -9 "$worker" && wait "$worker" 2>/dev/null
  start_worker
done
wait "$appender" "$producer"
appender='' producer=''

# Everything that was acknowledged is there, once, and the group comes by all of it.
grep -o '"value":"[0-9]*"' <(grep producer_send_success "$WORK/producer.out") | sort -u >"$WORK/acked"
acked=$(wc -l <"$WORK/acked")
for _ in $(seq 60); do
  grep record_data "$WORK/consumer.out" | grep -o '"value":"[0-9]*"' | sort -u >"$WORK/came"
  missing=$(comm -23 "$WORK/acked" "$WORK/came" | wc -l)
  [ "$missing" -gt 0 ] || break
  sleep 1
done
kill "$consumer"
if [ "$missing" = 0 ] && [ "$acked" -gt $((records / 2)) ]; then echo "OK   verifiable clients, $acked acknowledged"; else echo "FAIL verifiable clients $missing of $acked acknowledged did not come by the group"; fi
consumed "verified-$run" "$acked" >"$WORK/verified"
twice=$(sort "$WORK/verified" | uniq -d | wc -l) lost=$(comm -23 <(sed 's/[^0-9]//g' "$WORK/acked" | sort) <(sort -u "$WORK/verified") | wc -l)
if [ "$twice" = 0 ] && [ "$lost" = 0 ]; then echo "OK   verifiable log"; else echo "FAIL verifiable log $lost acknowledged records lost, $twice twice"; fi

# The source is exactly once, the sink at least once.
seq "$lines" >"$WORK/want"
for _ in $(seq 90); do
  [ "$(sort -nu "$WORK/out.txt" 2>/dev/null | wc -l)" -ge "$lines" ] && break
  sleep 1
done
if cmp -s "$WORK/want" <(consumed "lines-$run" "$lines"); then echo "OK   connect source, $lines lines exactly once"; else echo "FAIL connect source: the topic is not the file"; fi
if cmp -s "$WORK/want" <(sort -nu "$WORK/out.txt"); then echo "OK   connect sink"; else echo "FAIL connect sink: $(sort -nu "$WORK/out.txt" | wc -l) of $lines lines"; fi
