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

# The stamps lie in node_modules: who deletes that gets a fresh build.
ui_packages() {
    local stamp=$UI/node_modules/.opsc-packages wanted
    wanted=$(cat "$UI/package-lock.json" <(node --version) | sha_short)
    [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0
    say "UI: installing its packages"
    (cd "$UI" && npm ci --no-audit --no-fund --loglevel=error) >&2 ||
        die "UI, $UI" "npm could not install its packages (see above)" "mend the network or package-lock.json, then try again"
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

build_binary() {
    (cd "$OPSC_ROOT" && cargo build --release --locked -p pipeline) >&2 ||
        die "build" "the program does not compile (see above)" "cargo build --release -p pipeline"
}
