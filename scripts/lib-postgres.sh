# shellcheck shell=bash
# The private PostgreSQL server: unpacking, starting, adopting, stopping.
# Sourced by scripts/postgres.

PG_MAJOR=17
PG_STAMP=1 # raise it when the way of unpacking changes
PG_PROGRAMS=(postgres initdb pg_ctl psql pg_dump pg_restore pg_isready createdb)
PG_USER=opsconductor
PG_DATABASE=opsconductor

# Of what the server package depends on, only what the programs above load.
PG_KEEP='^(postgresql(-client)?-17|postgresql-17-timescaledb|lib.*)$'
PG_DROP='^(libllvm|libperl|libdebconf|libz3|libdb5|libgdbm|libapt|libcdebconf)|-perl$'

pg_prefix() { printf '%s/timescaledb-%s\n' "$(opsc_cache)" "$PG_MAJOR"; }

# pg_home: the folder that holds bin/postgres; OPSC_PG_HOME names one's own.
pg_home() {
    if [ -n "${OPSC_PG_HOME:-}" ]; then
        [ -x "$OPSC_PG_HOME/bin/postgres" ] ||
            die "OPSC_PG_HOME=$OPSC_PG_HOME" "there is no bin/postgres in it" "unset OPSC_PG_HOME, or name a PostgreSQL folder"
        printf '%s\n' "$OPSC_PG_HOME"
    else
        printf '%s/usr/lib/postgresql/%s\n' "$(pg_prefix)" "$PG_MAJOR"
    fi
}

# ---------------------------------------------------------------- installation

# pg_wrap BIN PREFIX: each program runs through the prefix's own loader and
# libraries, so that the host's may be of any age. Paths are relative to the
# wrapper: the prefix can be moved.
pg_wrap() {
    local bin=$1 prefix=$2 loader libs program
    loader=$(find "$prefix" -name 'ld-linux-*.so.*' | head -n 1)
    [ -n "$loader" ] || return 1
    loader=$(realpath --relative-to="$bin" "$loader")
    # shellcheck disable=SC2016 # expanded by the wrapper
    libs='$d/'$(dirname "$loader")
    for program in "${PG_PROGRAMS[@]}"; do
        mv "$bin/$program" "$bin/$program.elf" || return 1
        cat >"$bin/$program" <<WRAPPER
#!/bin/sh
d=\${0%/*}
exec "\$d/$loader" --library-path "$libs" --argv0 "\$0" "\$d/$program.elf" "\$@"
WRAPPER
        chmod 755 "$bin/$program"
    done
}

pg_unpack() {
    local prefix=$1 new=$1.new
    rm -rf "$new"
    APT_KEEP=$PG_KEEP APT_DROP=$PG_DROP \
        apt_unpack "$new" trixie "postgresql-$PG_MAJOR-timescaledb" || return 1
    pg_wrap "$new/usr/lib/postgresql/$PG_MAJOR/bin" "$new" || return 1
    rm -rf "$new"/usr/share/{doc,man,locale,lintian,bug} "$new/usr/share/postgresql/$PG_MAJOR/man" \
        "$new/usr/lib/postgresql/$PG_MAJOR/lib/bitcode" "${new:?}/etc" "${new:?}/var"
    find "$new" -type d -exec chmod a+rx {} +
    "$new/usr/lib/postgresql/$PG_MAJOR/bin/postgres" --version >/dev/null || return 1
    printf '%s\n' "$PG_STAMP" >"$new/.stamp"
    rm -rf "$prefix"
    mv "$new" "$prefix"
}

pg_installed() {
    [ -n "${OPSC_PG_HOME:-}" ] || [ "$(cat "$(pg_prefix)/.stamp" 2>/dev/null)" = "$PG_STAMP" ]
}

pg_install_locked() {
    pg_installed && return # another start was faster
    apt_can_unpack ||
        die "database" "this is no Debian with apt, so TimescaleDB cannot be unpacked here" \
            "DATABASE_URL=postgres://user:password@host/database make run   (or OPSC_PG_HOME=/usr/lib/postgresql/17)"
    say "database: unpacking PostgreSQL $PG_MAJOR with TimescaleDB into $(pg_prefix) (once, about 45 MB)"
    (umask 022 && pg_unpack "$(pg_prefix)") ||
        die "database, $(pg_prefix)" "PostgreSQL could not be fetched or unpacked (see above)" \
            "fix the network or apt and try again, or set DATABASE_URL"
}

pg_install() {
    pg_installed && return
    local cache
    cache=$(make_cache_dir)
    locked "$cache/postgres.lock" pg_install_locked
}

# ---------------------------------------------------------------- one server

# Data that an ordinary user's start has made stays that user's under root too.
pg_adopt_owner() {
    local owner
    is_root && [ -e "$1/data/PG_VERSION" ] || return 0
    owner=$(stat -L -c %U "$1/data")
    [ "$owner" = root ] || [ "$owner" = UNKNOWN ] || SERVICE_USER=$owner
}

# Root's checkout may lie where nobody cannot reach (a 0700 home): then the data
# goes below /var/lib and DIR/data is a link to it.
pg_data_home() {
    local dir=$1 elsewhere
    if ! is_root || as_service test -x "$dir"; then
        printf '%s\n' "$dir/data"
        return
    fi
    elsewhere=/var/lib/opsconductor/postgres-$(printf '%s' "$dir" | sha_short)
    (umask 022 && mkdir -p "$elsewhere")
    printf '%s\n' "$elsewhere/data"
}

pg_running_pid() {
    local data pid=
    data=$(readlink -f "$1/data" 2>/dev/null) || return 1
    read -r pid 2>/dev/null <"$data/postmaster.pid" || return 1
    pid_in_dir "$pid" "$data" && printf '%s\n' "$pid"
}

# pg_ctl DIR ARGS...: stdout to stderr, for ours is read by programs.
pg_ctl() {
    local data
    data=$(readlink -f "$1/data")
    shift
    as_service "$(pg_home)/bin/pg_ctl" -s -D "$data" "$@" >&2 9>&-
}

pg_sql() {
    local dir=$1
    shift
    PGPASSWORD=$(cat "$dir/superuser.password") as_service "$(pg_home)/bin/psql" -XqAt -v ON_ERROR_STOP=1 \
        -h 127.0.0.1 -p "$(cat "$dir/port")" -U postgres "$@"
}

# pg_settings DIR PORT [NAME=VALUE...]: written at every start, so that old data
# folders get new settings too.
pg_settings() {
    local dir=$1 port=$2 setting compression=on
    shift 2
    # One's own PostgreSQL may be built without lz4.
    [[ $(pg_home) != "$(pg_prefix)"/* ]] || compression=lz4
    cat <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = ''
max_connections = 200
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
# The log is bounded: a file a day of the week, each overwritten after a week.
logging_collector = on
log_directory = 'log'
log_filename = 'postgres-%a.log'
log_rotation_age = 1d
log_rotation_size = 0
log_truncate_on_rotation = on
# Fewer, smaller page images in the write-ahead log.
wal_compression = $compression
# Rarely: each writes a page per series and index, changed a little or much, and then
# each of them goes to the log as a whole. After a crash 512 MB are replayed at most.
checkpoint_timeout = 6h
max_wal_size = 512MB
CONF
    if [ -e "$(pg_home)/lib/timescaledb.so" ]; then
        printf '%s\n' "shared_preload_libraries = 'timescaledb'" "timescaledb.telemetry_level = off"
    fi
    for setting in "$@"; do
        printf "%s = '%s'\n" "${setting%%=*}" "${setting#*=}"
    done
}

# pg_write FILE: stdin into a file of the server's user.
pg_write() { as_service tee "$1" >/dev/null; }

pg_initdb() {
    local dir=$1 data password
    data=$(pg_data_home "$dir")
    rm -rf "$data" "$data.new"
    if is_root; then
        install -d -o "$SERVICE_USER" -g "$(id -gn "$SERVICE_USER")" -m 700 "$data.new"
    else
        install -d -m 700 "$data.new"
    fi
    for password in password superuser.password; do
        (umask 077 && random_word >"$dir/$password")
    done
    pg_initdb_fill "$dir" "$data.new" >&2 ||
        die "database $data" "initdb failed (see above)" "see that the disk has room, then try again"
    mv "$data.new" "$data"
    [ "$data" = "$dir/data" ] || ln -sfn "$data" "$dir/data"
}

# The password goes through a file of the server's user, gone right after.
pg_initdb_fill() {
    local dir=$1 data=$2 pw
    pw=$(as_service mktemp /tmp/opsc-initdb.XXXXXX)
    pg_write "$pw" <"$dir/superuser.password"
    as_service "$(pg_home)/bin/initdb" -D "$data" -U postgres --pwfile "$pw" -A scram-sha-256 \
        -E UTF8 --locale=C.UTF-8 >"$dir/initdb.log" 2>&1 || {
        tail -n 5 "$dir/initdb.log"
        rm -f "$pw"
        return 1
    }
    rm -f "$pw"
    printf "include_if_exists = 'opsconductor.conf'\n" | as_service tee -a "$data/postgresql.conf" >/dev/null
}

# A role that may make databases and nothing more, and its database. Repeated
# until the mark is there: a kill between initdb and here does no harm.
pg_role() {
    local dir=$1
    [ -e "$dir/.role" ] && return
    pg_sql "$dir" -d postgres <<SQL
SELECT 'CREATE ROLE $PG_USER LOGIN CREATEDB' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$PG_USER') \\gexec
ALTER ROLE $PG_USER PASSWORD '$(cat "$dir/password")';
SELECT 'CREATE DATABASE $PG_DATABASE OWNER $PG_USER' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '$PG_DATABASE') \\gexec
SQL
    : >"$dir/.role"
}

# A lock file left by kill -9 is PostgreSQL's own matter as long as its number is
# nobody's: it also looks whether old backends still hold the shared memory. Only
# an empty file, or a number that a stranger has by now, is cleared away, and
# only when no process works in the data folder.
pg_clear_stale_lock() {
    local data=$1 pid='' cwd
    [ -e "$data/postmaster.pid" ] || return 0
    read -r pid <"$data/postmaster.pid" || true
    [ -z "$pid" ] || [ -e "/proc/$pid" ] || return 0
    for cwd in /proc/[0-9]*/cwd; do
        [ "$(readlink "$cwd" 2>/dev/null)" != "$data" ] || return 0
    done
    rm -f "$data/postmaster.pid"
}

# After a kill -9 the old backends need a moment to notice: try again.
pg_launch() {
    local dir=$1 data try
    data=$(readlink -f "$dir/data")
    : | pg_write "$data/startup.log"
    for try in 1 2 3 4 5; do
        pg_clear_stale_lock "$data"
        pg_ctl "$dir" start -w -t 120 -l "$data/startup.log" 2>/dev/null && return
        grep -q 'shared memory block' "$data/startup.log" || break
        [ "$try" -lt 5 ] || break
        sleep 1
    done
    tail -n 8 "$data/startup.log" "$data"/log/*.log >&2 || true
    die "database $dir" "PostgreSQL did not start (its last words are above)" "see $data/log"
}

pg_start_locked() {
    local dir=$1 wanted=$2 port
    shift 2
    if pg_running_pid "$dir" >/dev/null; then
        # It may still be recovering.
        pg_ctl "$dir" start -w -t 120 2>/dev/null || true
        pg_wait_ready "$dir"
        return
    fi
    [ -e "$dir/data/PG_VERSION" ] || { rm -f "$dir/.role"; pg_initdb "$dir"; }
    [ ! -s "$dir/port" ] || wanted=$(cat "$dir/port")
    port=$(free_port "$wanted")
    [ "$port" = "$wanted" ] || say "database: port $wanted is taken, using $port"
    printf '%s\n' "$port" >"$dir/port"
    pg_settings "$dir" "$port" "$@" | pg_write "$(readlink -f "$dir/data")/opsconductor.conf"
    pg_launch "$dir"
    pg_wait_ready "$dir"
}

pg_wait_ready() {
    local dir=$1 tries=600
    until as_service "$(pg_home)/bin/pg_isready" -q -h 127.0.0.1 -p "$(cat "$dir/port")" 9>&-; do
        ((tries-- > 0)) || die "database $dir" "it does not answer after a minute" "see $dir/data/log"
        sleep 0.1
    done
    pg_role "$dir"
}

# pg_start DIR PORT [NAME=VALUE...]
pg_start() {
    local dir
    pg_install
    (umask 022 && mkdir -p "$1") || die "database $1" "the folder cannot be made" "choose another folder"
    dir=$(readlink -f "$1")
    shift
    pg_adopt_owner "$dir"
    locked "$dir/lock" pg_start_locked "$dir" "$@"
}

pg_stop() {
    local dir pid
    dir=$(readlink -f "$1") || return 0
    pid=$(pg_running_pid "$dir") || return 0
    pg_adopt_owner "$dir"
    pg_ctl "$dir" stop -m fast -w -t 60 || pg_ctl "$dir" stop -m immediate -w -t 30 ||
        die "database $dir" "process $pid does not end" "kill -9 $pid"
}

pg_status() {
    local pid
    if pid=$(pg_running_pid "$1"); then
        printf 'running, process %s, port %s\n' "$pid" "$(cat "$1/port")"
    else
        printf 'stopped\n'
        return 3
    fi
}

pg_url() {
    [ -s "$1/password" ] || die "database $1" "there is none" "scripts/postgres start $1 5433"
    printf 'postgres://%s:%s@127.0.0.1:%s/%s\n' "$PG_USER" "$(cat "$1/password")" "$(cat "$1/port")" "$PG_DATABASE"
}

pg_psql() {
    local dir=$1
    shift
    PGPASSWORD=$(cat "$dir/password") "$(pg_home)/bin/psql" -h 127.0.0.1 -p "$(cat "$dir/port")" \
        -U "$PG_USER" -d "$PG_DATABASE" "$@"
}

pg_remove() {
    local dir data
    [ -d "$1" ] || return 0
    dir=$(readlink -f "$1")
    pg_stop "$dir"
    data=$(readlink -f "$dir/data" || true)
    case $data in
    /var/lib/opsconductor/postgres-*/data) rm -rf "$(dirname "$data")" ;;
    esac
    rm -rf "$dir"
}
