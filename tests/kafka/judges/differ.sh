#!/usr/bin/env bash
# differ.sh [OPTION...]: a Freshet and an Apache Kafka of its own are asked the same, and what they answer is compared. Options are those of
# tests/kafka/differ, "-only groups/" for example. KEEP=1 leaves both running and says where.
. "$(dirname "$0")/lib.sh"
kafka_jars || exit 1
kafka_pid=
end() {
  stop_node
  [ -z "$kafka_pid" ] || { kill "$kafka_pid" 2>/dev/null && wait "$kafka_pid" 2>/dev/null; }
}
trap end EXIT

# What both are told. Each says little of itself otherwise, so that defaults are compared as well.
settings=(group.consumer.min.heartbeat.interval.ms=500 group.consumer.heartbeat.interval.ms=1000 group.initial.rebalance.delay.ms=0
  group.consumer.min.session.timeout.ms=2000 group.min.session.timeout.ms=1000)

start_kafka() { # DIRECTORY: Kafka in one process, every client a super user; sets kafka
  local dir=$1 broker controller rest
  mkdir -p "$dir"
  read -r broker controller rest <<<"$(free_ports)"
  kafka=127.0.0.1:$broker
  cat >"$dir/server.properties" <<P
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://$kafka,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://$kafka
log.dirs=$dir/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=16
transaction.state.log.num.partitions=16
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.consumer.assignment.interval.ms=0
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
$(printf '%s\n' "${settings[@]}")
P
  (HEAP=256m java_tool kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qk -c "$dir/server.properties") >"$dir/log" 2>&1 || return 1
  (HEAP=600m LOG=warn java_tool kafka.Kafka "$dir/server.properties") >"$dir/log" 2>&1 &
  kafka_pid=$!
  for _ in $(seq 300); do
    (exec 3<>"/dev/tcp/127.0.0.1/$broker") 2>/dev/null && return
    kill -0 "$kafka_pid" 2>/dev/null || return 1
    sleep 0.2
  done
  return 1
}

start_kafka "$WORK/kafka" || { echo "FAIL Kafka does not start: $(tail -1 "$WORK/kafka/log")"; exit 1; }
options=()
for s in "${settings[@]}"; do options+=(--broker-config "$s"); done
mkdir -p "$WORK/freshet"
start_node "$WORK/freshet" "${options[@]}" || exit 1
# The long form looks for what nobody has seen yet; the short one says whether something got worse.
made_up=(-random 40 -seed 1795398014369706494)
[ "$FULL" != 1 ] || made_up=(-random 400)
set -- -kafka "$kafka" -freshet "$KAFKA" "${made_up[@]}" "$@"
if [ -n "${KEEP:-}" ]; then
  echo "$@"
  wait
fi
cd "$judges/../../.." && go run ./tests/kafka/differ "$@"
