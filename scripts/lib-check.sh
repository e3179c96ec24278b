# shellcheck shell=bash
# What a machine must have. Sourced by scripts/check-machine.

MIN_RUST=1.95
MIN_NODE=20.19
MIN_NPM=10
MIN_JAVA=17
# Brings npm along; Debian's own is older.
NODE_FIX="curl -fsSL https://deb.nodesource.com/setup_22.x | bash - && apt-get install -y nodejs"
DISK_RUN_GB=6
DISK_TEST_GB=10

missing=()  # one line each: what, and the line that fixes it
packages=() # Debian packages that would fix some of it

# lack WHAT FIX [PACKAGE...]
lack() {
    missing+=("$1"$'\n'"      $2")
    shift 2
    packages+=("$@")
}

# at_least WANTED FOUND: both dotted numbers.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# number TEXT: the first dotted number in it.
number() { grep -oE '[0-9]+(\.[0-9]+)*' <<<"$1" | head -n 1 || true; }

check_rust() {
    local version
    if ! have cargo && [ -x "${CARGO_HOME:-${HOME:-/}/.cargo}/bin/cargo" ]; then
        lack "cargo is installed but not on PATH" ". \"\${CARGO_HOME:-\$HOME/.cargo}/env\""
        return
    fi
    version=$(number "$(cargo --version 2>/dev/null || true)")
    if [ -z "$version" ]; then
        lack "Rust (cargo $MIN_RUST or newer) is missing or has no toolchain" \
            "curl --proto '=https' -sSf https://sh.rustup.rs | sh -s -- -y && . \"\$HOME/.cargo/env\""
        return
    elif ! at_least "$MIN_RUST" "$version"; then
        lack "Rust is $version, $MIN_RUST is needed" "rustup update stable"
    fi
    [ "$1" = run ] || cargo fmt --version >/dev/null 2>&1 ||
        lack "rustfmt is missing" "rustup component add rustfmt"
    [ "$1" = run ] || cargo clippy --version >/dev/null 2>&1 ||
        lack "clippy is missing" "rustup component add clippy"
}

# The Kafka client and its TLS are built from source.
check_compilers() {
    have cc || lack "a C compiler (cc) is missing" "apt-get install gcc libc6-dev" gcc libc6-dev
    have c++ || lack "a C++ compiler (c++) is missing" "apt-get install g++" g++
    have make || lack "make is missing" "apt-get install make" make
    have cmake || lack "cmake is missing" "apt-get install cmake" cmake
    perl -MFile::Compare -MIPC::Cmd -e 1 2>/dev/null ||
        lack "perl with its standard modules is missing (OpenSSL is built with it)" "apt-get install perl" perl
}

check_node() {
    local version
    version=$(number "$(node --version 2>/dev/null || true)")
    if [ -z "$version" ]; then
        lack "Node.js ($MIN_NODE or newer) is missing" "$NODE_FIX"
        return
    fi
    at_least "$MIN_NODE" "$version" || lack "Node.js is $version, $MIN_NODE is needed" "$NODE_FIX"
    # npm takes a third of a second to say its version: its own file is quicker.
    version=$(npm_version)
    if [ -z "$version" ]; then
        # Debian's own is older.
        lack "npm ($MIN_NPM or newer) is missing" "curl -fsSL https://www.npmjs.com/install.sh | npm_install=$MIN_NPM sh"
    elif ! at_least "$MIN_NPM" "$version"; then
        lack "npm is $version, $MIN_NPM is needed" "npm install -g npm@$MIN_NPM"
    fi
}

npm_version() {
    local program manifest
    program=$(type -P npm) || return 0
    manifest=$(dirname "$(readlink -f "$program")")/../package.json
    if grep -q '"name": "npm"' "$manifest" 2>/dev/null; then
        number "$(grep -m 1 '"version":' "$manifest")"
    else
        number "$(npm --version 2>/dev/null || true)"
    fi
}

check_basics() {
    local program
    for program in flock setsid sha256sum xargs awk readlink; do
        have "$program" || lack "$program is missing" "apt-get install util-linux coreutils findutils gawk" \
            util-linux coreutils findutils gawk
    done
    if is_root && ! have setpriv; then
        lack "setpriv is missing (PostgreSQL must not run as root)" "apt-get install util-linux" util-linux
    fi
}

# A database is either given, already unpacked, or can be unpacked.
check_database() {
    if [ "$1" = run ] && database_given "$(state_dir)"; then return; fi
    "$OPSC_ROOT/scripts/postgres" installed && return
    apt_can_unpack ||
        lack "no PostgreSQL with TimescaleDB can be unpacked here (no Debian with apt)" \
            "set DATABASE_URL=postgres://user:password@host/database (tests: OPSC_PG_HOME=/folder/with/bin/postgres)"
}

check_test_tools() {
    local version
    have curl || lack "curl is missing" "apt-get install curl" curl
    have pgrep || lack "pgrep is missing" "apt-get install procps" procps
    have git || lack "git is missing" "apt-get install git" git
    version=''
    ! have java || version=$(number "$(java -version 2>&1 | head -n 1)")
    if [ -z "$version" ]; then
        lack "a Java runtime ($MIN_JAVA or newer) is missing" "apt-get install openjdk-17-jre-headless" default-jre-headless
    elif ! at_least "$MIN_JAVA" "$version"; then
        lack "Java is $version, $MIN_JAVA is needed" "apt-get install openjdk-17-jre-headless"
    fi
    have mvn || [ -e "$("$OPSC_ROOT/scripts/kafka" home)/.stamp" ] ||
        lack "Maven (mvn) is missing" "apt-get install maven" maven
    python3 -c 'import venv' 2>/dev/null ||
        lack "python3 with venv is missing" "apt-get install python3 python3-venv" python3 python3-venv
}

# check_disk FOLDER GB: where it will lie, the folder itself may not exist yet.
check_disk() {
    local folder=$1 free
    until [ -d "$folder" ]; do folder=$(dirname "$folder"); done
    free=$(df -Pk "$folder" | awk 'NR == 2 { print int($4 / 1048576) }')
    [ "$free" -ge "$2" ] || lack "$folder has $free GB free, $2 GB are needed" "free some space there"
    [ -w "$folder" ] || lack "$folder cannot be written" "chown it, or choose another folder (OPSC_CACHE, OPSC_STATE_DIR)"
}

# The port of the UI and the API; a config file may name another one, then the
# program itself looks.
check_port() {
    local listen=${OPSC_LISTEN:-${OPSC__API__LISTEN:-127.0.0.1:5000}} port
    port=${listen##*:}
    if [ -z "${OPSC_LISTEN:-}${OPSC__API__LISTEN:-}" ] && [ -e "$(state_dir)/config.toml" ]; then return; fi
    ! port_open "$port" || lack "port $port is taken by another program" "OPSC_LISTEN=127.0.0.1:$((port + 1)) make run"
}

# The demo network's devices have one port, each at an address of its own in 127.10.0.0/24; a config
# file may name another one, then the program itself looks.
check_demo_port() {
    local port=${OPSC__DEMO__PORT:-1161} pattern
    [ "${OPSC_DEMO:-0}" = 1 ] || return 0
    if [ -z "${OPSC__DEMO__PORT:-}" ] && [ -e "$(state_dir)/config.toml" ]; then return; fi
    # As the kernel writes an address: the last octet first.
    printf -v pattern '^ *[0-9]+: (00000000|[0-9A-F]{2}000A7F):%04X ' "$port"
    ! grep -qsE "$pattern" /proc/net/udp ||
        lack "UDP port $port of the demo network is taken by another program" "OPSC__DEMO__PORT=$((port + 1)) make run"
}

# Notes stop nothing.
check_icmp() {
    local low high group
    ! is_root || return 0
    read -r low high </proc/sys/net/ipv4/ping_group_range 2>/dev/null || return 0
    for group in $(id -G); do
        if ((group >= low && group <= high)); then return 0; fi
    done
    say "note: this user may not send pings, so ICMP will show \"not permitted\""
    say "      sudo sysctl -w net.ipv4.ping_group_range='0 2147483647'"
}

check_all() {
    local what=$1
    missing=()
    packages=()
    check_basics
    if [ "$what" = test ] || [ -z "${OPSC_BINARY:-}" ]; then
        check_rust "$what"
        check_compilers
        check_node
    fi
    check_database "$what"
    if [ "$what" = test ]; then
        check_test_tools
        check_disk "$OPSC_ROOT" "$DISK_TEST_GB"
        check_disk "$(opsc_cache)" 1
        return
    fi
    [ -n "${OPSC_BINARY:-}" ] || check_disk "$OPSC_ROOT" "$DISK_RUN_GB"
    check_disk "$(state_dir)" 1
    database_given "$(state_dir)" || "$OPSC_ROOT/scripts/postgres" installed || check_disk "$(opsc_cache)" 1
    check_port
    check_demo_port
}

check_machine() {
    check_all "$1"
    if [ ${#packages[@]} -gt 0 ] && is_root && have apt-get; then
        say "installing what is missing: ${packages[*]}"
        if (apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
            "${packages[@]}") >/dev/null 2>&1; then
            check_all "$1"
        else
            say "apt-get could not install them"
        fi
    fi
    if [ ${#missing[@]} -gt 0 ]; then
        say "this machine lacks something for \"make $1\":"
        printf '  - %s\n' "${missing[@]}" >&2
        exit 1
    fi
    check_icmp
}
