# shellcheck shell=bash
# What every script here shares: where things lie, how a person learns what is
# wrong, and how processes and ports are looked at. Sourced, never run.

OPSC_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export OPSC_ROOT
[ -n "${HOME:-}" ] || HOME=$(getent passwd "$(id -u)" | cut -d: -f6)
export HOME

# Progress goes to stderr: stdout is for what another program reads.
say() { printf '%s\n' "$*" >&2; }

# die PLACE WHAT FIX: every error names the place and the line that fixes it.
die() {
    printf '%s: %s\n    fix: %s\n' "$1" "$2" "$3" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

is_root() { [ "$(id -u)" -eq 0 ]; }

# Downloads lie outside the checkout, so that clones share them. As root that is
# not below /root: servers that refuse to run as root must reach it too.
opsc_cache() {
    if [ -n "${OPSC_CACHE:-}" ]; then
        realpath -m "$OPSC_CACHE"
    elif is_root; then
        printf '%s\n' /var/cache/opsconductor
    else
        printf '%s\n' "${XDG_CACHE_HOME:-$HOME/.cache}/opsconductor"
    fi
}

state_dir() { realpath -m "${OPSC_STATE_DIR:-$OPSC_ROOT/.state}"; }

# make_cache_dir: creates the cache folder and prints it.
make_cache_dir() {
    local dir
    dir=$(opsc_cache)
    # Others must be able to read it when root filled it; nothing in it is secret.
    (umask 022 && mkdir -p "$dir") 2>/dev/null || true
    [ -w "$dir" ] || die "cache $dir" "the folder cannot be written" "OPSC_CACHE=/a/folder/you/own $0 ..."
    printf '%s\n' "$dir"
}

# as_service COMMAND...: as root, runs it as SERVICE_USER, because PostgreSQL
# refuses root; otherwise as it is. The environment is emptied: it may hold secrets.
SERVICE_USER=nobody
as_service() {
    # The caller's folder may be closed to that user.
    local -a keep=(env -i --chdir=/ "PATH=$PATH" LANG=C.UTF-8 LC_ALL=C.UTF-8 TZ=UTC
        "OPSC_RUN_ID=${OPSC_RUN_ID:-}" "PGPASSWORD=${PGPASSWORD:-}")
    if is_root; then
        setpriv --reuid "$SERVICE_USER" --regid "$(id -gn "$SERVICE_USER")" --clear-groups "${keep[@]}" "$@"
    else
        "${keep[@]}" "$@"
    fi
}

# database_given STATE: the person has named a database.
database_given() {
    [ -n "${DATABASE_URL:-}${OPSC__DATABASE__URL:-}" ] ||
        awk '/^\[/ { here = ($0 ~ /^\[database\]/) } here && /^ *url *= *"[^"]/ { found = 1 } END { exit !found }' \
            "$1/config.toml" 2>/dev/null
}

# port_open PORT: something on this machine accepts connections there.
port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port PORT: the first port from PORT on where nothing listens.
free_port() {
    local port
    for ((port = $1; port < $1 + 100 && port < 65536; port++)); do
        if ! port_open "$port"; then
            printf '%s\n' "$port"
            return
        fi
    done
    die "port $1" "no free port in the hundred from there on" "choose another start port"
}

# pid_in_dir PID DIR: PID lives and works in DIR. A number in a stale file may
# by now belong to a stranger; the working folder shows.
pid_in_dir() {
    [ -n "$1" ] && [ "$(readlink "/proc/$1/cwd" 2>/dev/null)" = "$2" ]
}

# wait_gone PID SECONDS: true once the process has ended.
wait_gone() {
    local tenths=$(($2 * 10))
    while [ -e "/proc/$1" ] && ((tenths-- > 0)); do
        sleep 0.1
    done
    [ ! -e "/proc/$1" ]
}

# locked FILE COMMAND...: one at a time. Daemons must be started with 9>&-, or
# they would hold the lock for as long as they live.
locked() {
    local file=$1
    shift
    (
        flock -w 900 9 || die "lock $file" "another start has held it for 15 minutes" "end that start, then try again"
        "$@"
    ) 9>"$file"
}

# random_word: 32 letters and digits for a generated password.
random_word() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

sha_short() { sha256sum | cut -c1-16; }
