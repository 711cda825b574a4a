# Sourced by clients.sh and by the judges of this folder.
#
# A judge is a program that is given a running broker and prints a line a step, "OK NAME …" or "FAIL NAME …". In its environment:
#   KAFKA          HOST:PORT of the broker
#   CLIENTS_CACHE  where programs are installed, once, each in a folder with its version in the name
#   WORK           a directory of its own for scratch files
#   FULL           1 for the long form of a judge, else the one CI has time for
#   FRESHET        the binary, for a judge that needs a node of its own; not set when the broker is a foreign one
kafka_version=4.3.1
franz_version=v1.22.2
sarama_version=v1.61.0
psycopg_version=3.2.13
pg_version=8.16.3
judges=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export CLIENTS_CACHE=${CLIENTS_CACHE:-$HOME/.cache/freshet-clients} FULL=${FULL:-0}

installed() ( # NAME COMMAND...: COMMAND fills the folder $1.part, which becomes $CLIENTS_CACHE/NAME when it succeeds; one installer at a time
  dir=$CLIENTS_CACHE/$1
  shift
  mkdir -p "$CLIENTS_CACHE"
  exec 9>"$CLIENTS_CACHE/lock"
  flock 9
  [ -d "$dir" ] && exit 0
  rm -rf "$dir.part"
  mkdir "$dir.part"
  if "$@" "$dir.part" >"$dir.log" 2>&1; then mv "$dir.part" "$dir"; else
    echo "FAIL install of ${dir##*/}: $(tail -1 "$dir.log")"
    exit 1
  fi
)

free_ports() { # three ports nobody listens on
  local port found=()
  while [ ${#found[@]} -lt 3 ]; do
    port=$((20000 + RANDOM % 8000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || found+=("$port")
  done
  echo "${found[@]}"
}

node=
start_node() { # DIRECTORY OPTION...: $FRESHET as a node, ready, with its data and its log in the directory; sets node, KAFKA and PGPORT
  local dir=$1 kafka postgres http
  shift
  for _ in 1 2 3; do
    read -r kafka postgres http <<<"$(free_ports)"
    run_node "$dir" "$kafka" "$postgres" "$http" "$@" && return
  done
  echo "FAIL the node does not start:"
  cat "$dir/node.log"
  return 1
}

run_node() { # DIRECTORY KAFKA_PORT POSTGRES_PORT HTTP_PORT OPTION...
  local dir=$1 kafka=$2 postgres=$3 http=$4
  shift 4
  "${freshet:-$FRESHET}" serve --data-dir "$dir/data" --kafka "127.0.0.1:$kafka" --postgres "127.0.0.1:$postgres" --http "127.0.0.1:$http" "$@" >"$dir/node.log" 2>&1 &
  node=$!
  for _ in $(seq 300); do
    grep -q '^freshet is ready' "$dir/node.log" && { KAFKA=127.0.0.1:$kafka PGPORT=$postgres; return; }
    kill -0 "$node" 2>/dev/null || break
    sleep 0.1
  done
  return 1
}

stop_node() { # [SIGNAL]
  [ -z "$node" ] || { kill "-${1:-TERM}" "$node" 2>/dev/null && wait "$node" 2>/dev/null; }
  node=
}

step() { # NAME COMMAND...: one OK or FAIL line
  local name=$1 out
  shift
  if out=$("$@" 2>&1); then echo "OK   $name"; else echo "FAIL $name $(grep -m1 -i error <<<"$out" || tail -1 <<<"$out")"; fi
}

# Kafka's own programs, as Maven resolves them; $jars is a Java class path.
jars=$CLIENTS_CACHE/kafka-$kafka_version/*
kafka_jars() { installed "kafka-$kafka_version" copy_jars; }
copy_jars() { mvn -q -B -f "$judges/pom.xml" -Dkafka="$kafka_version" dependency:copy-dependencies -DoutputDirectory="$1"; }

# java_tool CLASS [ARG...]: a small JVM that only complains. It becomes the JVM, so that its process id is the JVM's.
java_tool() {
  exec java -Xmx"${HEAP:-256m}" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel="${LOG:-error}" -cp "$jars${EXTRA_CLASSES:+:$EXTRA_CLASSES}" "$@"
}

compiled() { # NAME FILE.java...: classes for $jars in $WORK/NAME
  local out=$WORK/$1
  shift
  mkdir -p "$out" && javac -nowarn -proc:none -cp "$jars" -d "$out" "$@"
}

# go_module FOLDER PATH VERSION: a writable copy of a Go module, tests and all, as its proxy has it.
go_module() {
  local info
  info=$(cd "$1" && go mod download -json "$2@$3") || { echo "$info"; return 1; }
  cp -r "$(sed -n 's/.*"Dir": "\(.*\)".*/\1/p' <<<"$info")/." "$1" && chmod -R u+w "$1"
}

# go_steps NAME: reads "go test -v" from standard input, writes a line a test and subtest. A test that skips itself failed, unless its name
# matches the pattern $may_skip: a broker that lacks an API must not pass for that.
go_steps() {
  awk -v may="${may_skip:-^$}" '
    /^ *--- PASS: / { print "OK   " $3 " " $4; fflush(); next }
    /^ *--- FAIL: / { print "FAIL " $3 " " $4 " " last; fflush(); next }
    /^ *--- SKIP: / { if ($3 !~ may) print "FAIL " $3 " skipped itself"; next }
    /^panic: /      { print "FAIL " $0; next }
    /^ok|^PASS|^FAIL|^===/ { next }
    NF              { last = $0 }'
}
