# shellcheck shell=bash
# Apache Kafka in KRaft mode on loopback. Sourced by scripts/kafka.

KAFKA_POM=$OPSC_ROOT/scripts/kafka-pom.xml

# The folder is named after the pom: another version is another folder.
kafka_home() {
    local version
    version=$(sed -n 's|.*<kafka.version>\(.*\)</kafka.version>.*|\1|p' "$KAFKA_POM")
    printf '%s/kafka-%s-%s\n' "$(opsc_cache)" "$version" "$(sha_short <"$KAFKA_POM" | cut -c1-6)"
}

kafka_install_locked() {
    local home
    home=$(kafka_home)
    [ ! -e "$home/.stamp" ] || return 0
    have java || die "Kafka" "java is missing" "apt-get install openjdk-17-jre-headless"
    have mvn || die "Kafka" "Maven (mvn) is missing" "apt-get install maven"
    say "Kafka: fetching its jars into $home (once, about 55 MB)"
    rm -rf "$home.new"
    (umask 022 && mvn -q -B -Dstyle.color=never -f "$KAFKA_POM" dependency:copy-dependencies \
        -DincludeScope=runtime "-DoutputDirectory=$home.new/libs" >&2) ||
        die "Kafka" "Maven could not fetch it (see above)" "fix the network or Maven's settings, then try again"
    : >"$home.new/.stamp"
    rm -rf "$home"
    mv "$home.new" "$home"
}

kafka_install() {
    local cache
    [ ! -e "$(kafka_home)/.stamp" ] || return 0
    cache=$(make_cache_dir)
    locked "$cache/kafka.lock" kafka_install_locked
}

# Short runs: the quick compiler is enough.
kafka_java() {
    kafka_install
    java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.level=ERROR -cp "$(kafka_home)/libs/*" "$@"
}

kafka_tool() {
    local class=$1
    shift
    kafka_java "org.apache.kafka.tools.$class" "$@"
}

# ---------------------------------------------------------------- nodes

kafka_nodes() { find "$1" -maxdepth 1 -name 'node-*' -printf '%f\n' | sed 's/node-//' | sort -n; }
kafka_broker_port() { printf '%s\n' $(($(cat "$1/port") + 2 * ($2 - 1))); }

kafka_pid() {
    local pid=
    read -r pid 2>/dev/null <"$1/node-$2/pid" || return 1
    pid_in_dir "$pid" "$1/node-$2" && printf '%s\n' "$pid"
}

# kafka_free_base PORT COUNT: COUNT free ports in a row from PORT on or later.
kafka_free_base() {
    local base=$1 port
    while :; do
        for ((port = base; port < base + $2; port++)); do
            if port_open "$port"; then
                base=$(free_port $((port + 1)))
                continue 2
            fi
        done
        printf '%s\n' "$base"
        return
    done
}

kafka_properties() {
    local dir=$1 node=$2 count=$3 base voters=() replicas i
    shift 3
    base=$(cat "$dir/port")
    for ((i = 1; i <= count; i++)); do
        voters+=("$i@127.0.0.1:$((base + 2 * i - 1))")
    done
    replicas=$((count < 3 ? 1 : 3))
    cat <<PROPERTIES
process.roles=broker,controller
node.id=$node
controller.quorum.voters=$(IFS=,; printf '%s' "${voters[*]}")
listeners=PLAINTEXT://127.0.0.1:$((base + 2 * node - 2)),CONTROLLER://127.0.0.1:$((base + 2 * node - 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$(($(cat "$dir/advertise") + 2 * node - 2))
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$dir/node-$node/data
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=4
offsets.topic.replication.factor=$replicas
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=$((replicas < 3 ? 1 : 2))
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=$replicas
share.coordinator.state.topic.min.isr=1
default.replication.factor=$replicas
min.insync.replicas=$((replicas < 3 ? 1 : 2))
# A broker that died is back once its old session has run out (9 s by default).
broker.session.timeout.ms=5000
broker.heartbeat.interval.ms=1000
num.network.threads=2
num.io.threads=4
PROPERTIES
    # The last of two equal names counts.
    kafka_secure_properties "$dir" $((base + 2 * node - 2)) $((base + 2 * node - 1))
    [ $# -eq 0 ] || printf '%s\n' "$@"
}

kafka_format() {
    local dir=$1 node=$2 users
    [ ! -e "$dir/node-$node/data/meta.properties" ] || return 0
    mapfile -t users < <(kafka_secure_format "$dir")
    kafka_java kafka.tools.StorageTool format -t "$(cat "$dir/cluster-id")" \
        -c "$dir/node-$node/server.properties" "${users[@]}" >"$dir/node-$node/format.log" 2>&1 || {
        tail -n 5 "$dir/node-$node/format.log" >&2
        die "Kafka $dir/node-$node" "its data folder could not be formatted" "see that the disk has room"
    }
}

kafka_launch() {
    local dir=$1 node=$2 log
    kafka_pid "$dir" "$node" >/dev/null && return
    log=$dir/node-$node/kafka.log
    # In its folder before it is a process of its own: pid_in_dir looks at once.
    (
        cd "$dir/node-$node" || exit
        # shellcheck disable=SC2094 # the pid file is no input of the broker
        setsid java "-Xms64m" "-Xmx${OPSC_KAFKA_HEAP:-512m}" -XX:+UseSerialGC "-Dlog4j2.level=${OPSC_KAFKA_LOG:-WARN}" \
            -cp "$(kafka_home)/libs/*" kafka.Kafka server.properties >>"$log" 2>&1 </dev/null 9>&- &
        printf '%s\n' $! >"$dir/node-$node/pid"
    )
}

# kafka_brokers_seen PORT: asks the broker for the cluster (Metadata, version 1,
# no topics) and prints how many live brokers it knows; nothing if it is not up.
kafka_brokers_seen() {
    {
        exec 8<>"/dev/tcp/127.0.0.1/$1" || return 0
        printf '\0\0\0\016\0\003\0\001\0\0\0\001\377\377\0\0\0\0' >&8
        # size, correlation id, then the count of brokers
        timeout 5 head -c 12 <&8 | od -An -tu1 -j 11 | tr -d ' \n'
        exec 8>&-
    } 2>/dev/null
}

# kafka_is_up DIR PORT COUNT: a broker that asks for a user is not asked for the others.
kafka_is_up() {
    if kafka_is_secure "$1"; then
        kafka_tls_answers "$1" "$2"
    else
        [ "$(kafka_brokers_seen "$2")" = "$3" ]
    fi
}

# What is left of a node's process: its number, and where it works if it lives.
kafka_trace() {
    local pid
    pid=$(cat "$1/node-$2/pid" 2>&1)
    printf 'process %s in %s' "$pid" "$(readlink "/proc/$pid/cwd" 2>&1 || echo nowhere)"
}

kafka_wait() {
    local dir=$1 count=$2 node tries=1500 port why
    for node in $(kafka_nodes "$dir"); do
        port=$(kafka_broker_port "$dir" "$node")
        until kafka_is_up "$dir" "$port" "$count"; do
            why=
            kafka_pid "$dir" "$node" >/dev/null || why="has ended ($(kafka_trace "$dir" "$node"))"
            ((tries-- > 0)) || why="has not come up for minutes"
            if [ -n "$why" ]; then
                tail -n 15 "$dir/node-$node/kafka.log" >&2
                die "Kafka $dir/node-$node" "the broker on port $port $why; its last words are above" \
                    "see $dir/node-$node/kafka.log"
            fi
            sleep 0.1
        done
    done
}

kafka_start_locked() {
    local dir=$1 count=$2 node jobs=() job
    shift 2
    [ -s "$dir/cluster-id" ] || head -c 16 /dev/urandom | base64 | tr '+/' 'Ab' | tr -d = >"$dir/cluster-id"
    for ((node = 1; node <= count; node++)); do
        mkdir -p "$dir/node-$node"
        kafka_properties "$dir" "$node" "$count" "$@" >"$dir/node-$node/server.properties"
        kafka_format "$dir" "$node" &
        jobs+=($!)
    done
    for job in "${jobs[@]}"; do wait "$job"; done
    for ((node = 1; node <= count; node++)); do
        kafka_launch "$dir" "$node"
    done
    kafka_wait "$dir" "$count"
}

kafka_any_runs() {
    local node
    for node in $(kafka_nodes "$1"); do
        kafka_pid "$1" "$node" >/dev/null && return 0
    done
    return 1
}

kafka_start() {
    local dir=$1 port=$2 count=1 sets=() secure='' advertise=
    shift 2
    while [ $# -gt 0 ]; do
        case $1 in
        --secure) secure=1 && shift && continue ;;
        --nodes) count=${2-} ;;
        --advertise) advertise=${2-} ;;
        --set) sets+=("${2-}") ;;
        *) usage ;;
        esac
        shift 2 || usage
    done
    kafka_install
    mkdir -p "$dir"
    dir=$(readlink -f "$dir")
    [ -z "$secure" ] || kafka_secure "$dir"
    if ! kafka_any_runs "$dir"; then
        [ ! -s "$dir/port" ] || port=$(cat "$dir/port")
        kafka_free_base "$port" $((2 * count)) >"$dir/port.new"
        mv "$dir/port.new" "$dir/port"
    fi
    printf '%s\n' "${advertise:-$(cat "$dir/port")}" >"$dir/advertise"
    locked "$dir/lock" kafka_start_locked "$dir" "$count" "${sets[@]}"
}

kafka_bootstrap() {
    local node list=()
    [ -s "$1/port" ] || die "Kafka $1" "there is none" "scripts/kafka start $1 9092"
    for node in $(kafka_nodes "$1"); do
        list+=("127.0.0.1:$(kafka_broker_port "$1" "$node")")
    done
    (IFS=,; printf '%s\n' "${list[*]}")
}

kafka_status() {
    local dir node pid status=0
    dir=$(readlink -f "$1")
    for node in $(kafka_nodes "$dir"); do
        if pid=$(kafka_pid "$dir" "$node"); then
            printf 'node %s: running, process %s, port %s\n' "$node" "$pid" "$(kafka_broker_port "$dir" "$node")"
        else
            printf 'node %s: stopped\n' "$node"
            status=3
        fi
    done
    return "$status"
}

# kafka_end stop|kill DIR [NODE]. A stop that takes longer than 30 s (three
# controllers stopped at once lose their quorum) ends in a kill: Kafka is safe
# against that.
kafka_end() {
    local how=$1 dir node pid pids=()
    dir=$(readlink -f "$2") || return 0
    for node in ${3:-$(kafka_nodes "$dir")}; do
        pid=$(kafka_pid "$dir" "$node") && pids+=("$pid")
    done
    for pid in "${pids[@]}"; do
        if [ "$how" = stop ]; then kill "$pid"; else kill -9 "$pid"; fi
    done
    for pid in "${pids[@]}"; do
        wait_gone "$pid" 30 || { kill -9 "$pid" && wait_gone "$pid" 10; }
    done
}
