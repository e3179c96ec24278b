# shellcheck shell=bash
# Debian packages unpacked into a private folder: no root, nothing in the system
# is touched. Packages are asked for by name; the mirror is the machine's own.

APT_TRUST=/usr/share/keyrings/debian-archive-keyring.gpg

# apt_mirror: the address of the Debian archive this machine is set up with.
apt_mirror() {
    if [ -n "${OPSC_DEBIAN_MIRROR:-}" ]; then
        printf '%s\n' "$OPSC_DEBIAN_MIRROR"
        return
    fi
    # The main archive has a plain suite name; security and updates have a dash.
    # shellcheck disable=SC2016 # $(...) is apt's own template language
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 2>/dev/null |
        awk '$2 !~ /-/ { print $1; exit }'
}

# apt_can_unpack: this machine has what apt_unpack needs.
apt_can_unpack() {
    have apt-get && have dpkg && [ -r "$APT_TRUST" ] && [ -n "$(apt_mirror)" ]
}

# apt_private_root WORK SUITE: writes WORK/apt.conf. SUITE `host` means the
# machine's own sources and what it has installed already; any other suite is
# resolved as if nothing were installed.
apt_private_root() {
    local work=$1 suite=$2
    mkdir -p "$work"/{lists/partial,cache/archives/partial,debs}
    cat >"$work/apt.conf" <<CONF
Dir::State::lists "$work/lists";
Dir::Cache "$work/cache";
APT::Sandbox::User "";
Acquire::Retries "3";
Acquire::http::Timeout "60";
CONF
    if [ "$suite" != host ]; then
        : >"$work/status"
        printf 'deb [signed-by=%s] %s %s main\n' "$APT_TRUST" "$(apt_mirror)" "$suite" >"$work/sources.list"
        cat >>"$work/apt.conf" <<CONF
Dir::State::status "$work/status";
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
CONF
    fi
}

# apt_fetch_into WORK PREFIX PACKAGES...: see apt_unpack.
apt_fetch_into() {
    local work=$1 prefix=$2 deb
    shift 2
    export APT_CONFIG=$work/apt.conf
    apt-get -qq update >"$work/log" 2>&1 &&
        apt-get -qq -s install --no-install-recommends "$@" >"$work/plan" 2>>"$work/log" || return 1
    awk '$1 == "Inst" { print $2 }' "$work/plan" |
        { grep -E "${APT_KEEP:-.}" || true; } |
        { grep -Ev "${APT_DROP:-^$}" || true; } >"$work/names"
    (cd "$work/debs" && xargs -r apt-get -qq download <"$work/names") >>"$work/log" 2>&1 || return 1
    mkdir -p "$prefix"
    for deb in "$work"/debs/*.deb; do
        [ -e "$deb" ] || continue
        dpkg -x "$deb" "$prefix" || return 1
    done
}

# apt_unpack PREFIX SUITE PACKAGES...: unpacks the packages and what they need.
# APT_KEEP and APT_DROP are regular expressions on package names that narrow the
# dependencies. No maintainer script runs.
apt_unpack() {
    local prefix=$1 suite=$2 work status=0
    shift 2
    mkdir -p "$(dirname "$prefix")"
    work=$(mktemp -d "$prefix.apt.XXXXXX")
    apt_private_root "$work" "$suite"
    (apt_fetch_into "$work" "$prefix" "$@") || status=$?
    if [ "$status" -ne 0 ]; then
        tail -n 5 "$work/log" >&2 || true
        rm -rf "$work"
        return 1
    fi
    rm -rf "$work"
}

# libs_of PREFIX: the library folders inside a prefix, joined by colons.
libs_of() {
    local dir joined=
    for dir in "$1"/usr/lib/*-linux-gnu "$1"/lib/*-linux-gnu "$1"/usr/lib/*-linux-gnu/*/; do
        compgen -G "$dir/*.so*" >/dev/null && joined+="${joined:+:}${dir%/}"
    done
    printf '%s\n' "$joined"
}
