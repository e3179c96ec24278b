# shellcheck shell=bash
# A few words for testing scripts. Sourced by the tests here.

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib.sh
. "$scripts/lib.sh"

ok=0 bad=0
work=$(mktemp -d "${TMPDIR:-/tmp}/opsc-scripts.XXXXXX")
chmod 711 "$work"

# check WHAT COMMAND...: passes when the command succeeds.
check() {
    local what=$1
    shift
    if "$@" >"$work/out" 2>&1; then
        ok=$((ok + 1))
        printf 'ok    %s\n' "$what"
    else
        bad=$((bad + 1))
        printf 'FAIL  %s: %s\n' "$what" "$*"
        sed 's/^/      /' "$work/out"
    fi
}

# refuses WORDS COMMAND...: fails, and says these words.
refuses() {
    local words=$1 said
    shift
    if said=$("$@" 2>&1); then return 1; fi
    printf '%s\n' "$said"
    grep -qF -- "$words" <<<"$said"
}

# says WORDS COMMAND...: succeeds, and says these words.
says() {
    local words=$1 said
    shift
    said=$("$@" 2>&1) || return 1
    printf '%s\n' "$said"
    grep -qF -- "$words" <<<"$said"
}

# within SECONDS COMMAND...: succeeds before long.
within() {
    local tenths=$(($1 * 10))
    shift
    until "$@"; do
        ((tenths-- > 0)) || return 1
        sleep 0.1
    done
}

gone() { [ ! -e "/proc/$1" ]; }

# finish: closes a test with its sum.
finish() {
    rm -rf "$work"
    printf '%s passed, %s failed\n' "$ok" "$bad"
    [ "$bad" -eq 0 ]
}
