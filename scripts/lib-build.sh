# shellcheck shell=bash
# Building the UI and the binary that embeds it. Sourced.

TARGET_DIR=${CARGO_TARGET_DIR:-$OPSC_ROOT/target}
# shellcheck disable=SC2034 # read by the scripts that source this
BINARY=$TARGET_DIR/release/opsconductor
UI=$OPSC_ROOT/frontend

# ui_hash: changes when anything changes that the UI is built from.
ui_hash() {
    (
        cd "$UI" || exit
        find . \( -name node_modules -o -name dist -o -name test-results \) -prune -o -type f -print0 |
            sort -z | xargs -0 sha256sum
    ) | sha_short
}

# npm_lock_holes LOG: all that npm ci complained about are optional packages for
# other systems that the registry did not have (their version is empty).
npm_lock_holes() {
    grep -q 'Missing: .*@ from lock file' "$1" &&
        ! grep -E '(Missing|Invalid): ' "$1" | grep -qv 'Missing: .*@ from lock file'
}

# npm 11 makes a lock file with such holes and then refuses it in npm ci. Plain
# install still keeps to the lock, and --no-save leaves it as it is.
npm_install() {
    local log
    log=$(mktemp "${TMPDIR:-/tmp}/opsc-npm.XXXXXX")
    if (cd "$UI" && npm ci --no-audit --no-fund --loglevel=error) >"$log" 2>&1; then
        rm -f "$log"
        return
    fi
    if npm_lock_holes "$log" && (cd "$UI" && npm install --no-save --no-audit --no-fund --loglevel=error) >"$log" 2>&1; then
        rm -f "$log"
        return
    fi
    head -n 20 "$log" >&2
    rm -f "$log"
    return 1
}

# The stamps lie in node_modules: who deletes that gets a fresh build.
ui_packages() {
    local stamp=$UI/node_modules/.opsc-packages wanted
    wanted=$(cat "$UI/package-lock.json" <(node --version) | sha_short)
    [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0
    say "UI: installing its packages"
    npm_install ||
        die "UI, $UI" "npm could not install its packages (see above)" "fix the network or package-lock.json, then try again"
    printf '%s\n' "$wanted" >"$stamp"
}

build_ui() {
    local stamp=$UI/node_modules/.opsc-built wanted
    ui_packages
    wanted=$(ui_hash)
    if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && [ -e "$UI/dist/index.html" ]; then return; fi
    say "UI: building"
    (cd "$UI" && npm run --silent build) >&2 || die "UI, $UI" "it does not build (see above)" "cd frontend && npm run build"
    # What the build itself writes into the sources (generated types) counts as built.
    ui_hash >"$stamp"
}

# With one small test beside it: then cargo unites the features of the tests' dependencies with the
# program's, as `cargo test --workspace` does, and nothing is compiled twice between the two.
build_binary() {
    (cd "$OPSC_ROOT" && cargo build --release --locked --workspace --bin opsconductor --test crates) >&2 ||
        die "build" "the program does not compile (see above)" "cargo build --release -p pipeline"
}
