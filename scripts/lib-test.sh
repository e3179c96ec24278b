# shellcheck shell=bash
# One run of all tests: steps, their sum, and nothing left behind. Sourced by
# scripts/test.

# scripts/test sets these two folders.
logs='' scratch=''
passed=0 failed=0 skipped=0
failures=()
STEP_LIMIT=${OPSC_STEP_LIMIT:-4500} # seconds; a step that hangs fails by itself

only=() # the steps asked for; none means all
known=() # the names of all there are
aside='' aside_worker='' aside_began=''

wanted() {
    local one
    known+=("$1")
    [ ${#only[@]} -gt 0 ] || return 0
    for one in "${only[@]}"; do
        if [ "$one" = "$1" ]; then return 0; fi
    done
    return 1
}

# A name that no step has fails: a run that does nothing must not pass.
refuse_unknown() {
    local one
    for one in "${only[@]}"; do
        [[ " ${known[*]} " != *" $one "* ]] || continue
        failed=$((failed + 1))
        failures+=("$one: there is no such step; there are: ${known[*]}")
    done
}

# step NAME COMMAND...: runs it, shows and keeps its output, and adds up its
# tests. A step that names no tests counts as one.
step() {
    local log=$logs/$1.log began=$SECONDS worker
    wanted "$1" || return 0
    printf '\n== %s\n' "$1"
    launch "$@"
    # Shown from the file, not through a pipe: a daemon that a test forgot would
    # hold a pipe open for ever.
    tail -n +1 -s 0.2 -f --pid="$worker" "$log" &
    reap "$1" "$worker" "$began"
}

# aside NAME COMMAND...: a step that mostly waits, beside those that follow, until
# `rejoin`, which shows its output.
aside() {
    local worker
    wanted "$1" || return 0
    launch "$@"
    aside=$1 aside_worker=$worker aside_began=$SECONDS
}

rejoin() {
    [ -n "$aside" ] || return 0
    printf '\n== %s\n' "$aside"
    tail -n +1 -s 0.2 -f --pid="$aside_worker" "$logs/$aside.log" &
    reap "$aside" "$aside_worker" "$aside_began"
    aside=''
}

launch() {
    local log=$logs/$1.log
    shift
    : >"$log"
    timeout -k 10 "$STEP_LIMIT" "$@" </dev/null >"$log" 2>&1 &
    worker=$!
}

# reap NAME PID BEGAN: the last job is what shows its log.
reap() {
    local name=$1 log=$logs/$1.log status=0 shown=$! counts p f s
    wait "$2" || status=$?
    wait "$shown" || true
    [ "$status" -ne 124 ] || printf '%s: still not done after %s s, ended\n' "$name" "$STEP_LIMIT"
    counts=$("$OPSC_ROOT/scripts/count-tests" <"$log")
    read -r p f s <<<"${counts:-0 0 0}"
    [ -n "$counts" ] || [ "$status" -ne 0 ] || p=1
    [ "$status" -eq 0 ] || [ "$f" -gt 0 ] || f=1
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    [ "$f" -eq 0 ] || failures+=("$name: see $log")
    printf -- '-- %s: %s s, exit code %s\n' "$name" $((SECONDS - $3)) "$status"
}

# npm_step SCRIPT: when the UI offers that script.
npm_step() {
    if grep -q "^ *\"$1\":" "$OPSC_ROOT/frontend/package.json"; then
        step "ui-$1" npm --prefix "$OPSC_ROOT/frontend" run --silent "$1"
    fi
}

# Every process of this run carries its mark in the environment; so does the
# search itself, which is over when its findings are looked at.
marked_pids() {
    local file found
    found=$(grep -lsz "^OPSC_RUN_ID=$OPSC_RUN_ID\$" /proc/[0-9]*/environ || true)
    for file in $found; do
        file=${file%/environ}
        if [ -e "$file" ] && [ "$file" != "/proc/$$" ]; then printf '%s\n' "${file#/proc/}"; fi
    done
}

describe() { printf '%s %s\n' "$1" "$(tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | cut -c1-100)"; }

end_marked() {
    local pid pids tries=50
    mapfile -t pids < <(marked_pids)
    [ ${#pids[@]} -gt 0 ] || return 0
    say "still running, ended now:"
    for pid in "${pids[@]}"; do
        [ ! -e "/proc/$pid" ] || say "    $(describe "$pid")"
        kill "$pid" 2>/dev/null || true
    done
    while ((tries-- > 0)) && [ -n "$(marked_pids)" ]; do sleep 0.1; done
    for pid in $(marked_pids); do kill -9 "$pid" 2>/dev/null || true; done
}

# shellcheck disable=SC2317 # called by a trap
end_run() {
    trap '' INT TERM HUP
    "$OPSC_ROOT/scripts/postgres" stop "$scratch/postgres" || true
    end_marked || true
    rm -rf "$scratch"
}

# The last line of all is for machines: N passed, N failed[, N skipped].
summary() {
    local failure
    printf '\n== all, %s min\n' $((SECONDS / 60))
    for failure in "${failures[@]}"; do printf 'failed: %s\n' "$failure"; done
    printf '%s passed, %s failed' "$passed" "$failed"
    [ "$skipped" -eq 0 ] || printf ', %s skipped' "$skipped"
    printf '\n'
}
