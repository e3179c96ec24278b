# shellcheck shell=bash
# Programs that tests need. Sourced by scripts/tools.

# program: the Debian package that brings it, and where it lies in that package.
declare -A TOOL_PACKAGE=(
    [snmpd]=snmpd [snmpget]=snmp [snmpset]=snmp [snmpwalk]=snmp [snmpbulkwalk]=snmp [snmptrap]=snmp
    [chromium]=chromium [shellcheck]=shellcheck [promtool]=prometheus
)
declare -A TOOL_PATH=([snmpd]=usr/sbin/snmpd [chromium]=usr/lib/chromium/chromium)

tools_dir() {
    local release
    release=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-$ID}")
    printf '%s/tools-1-%s\n' "$(opsc_cache)" "$release"
}

# An ordinary user's path leaves out the folders where servers lie.
system_program() { PATH=$PATH:/usr/sbin:/sbin type -P "$1"; }

# shellcheck disable=SC2016 # the wrapper expands those itself
# tool_wrap DIR PROGRAM: DIR/bin/PROGRAM runs the unpacked program with the
# libraries unpacked beside it; those of the system still serve where it has them.
tool_wrap() {
    local dir=$1 program=$2 root=$1/root wrapper=$1/bin/$2
    {
        printf '#!/bin/sh\n'
        printf 'export LD_LIBRARY_PATH="%s${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"\n' "$(libs_of "$root")"
        case $program in
        snmp*) printf 'export MIBDIRS="${MIBDIRS:-%s}"\n' "$root/usr/share/snmp/mibs" ;;
        chromium)
            printf 'export FONTCONFIG_FILE="%s" CHROME_WRAPPER="%s"\n' "$dir/fonts.conf" "$wrapper"
            printf 'export XDG_DATA_DIRS="%s:${XDG_DATA_DIRS:-/usr/local/share:/usr/share}"\n' "$root/usr/share"
            ;;
        esac
        printf 'exec "%s" "$@"\n' "$root/${TOOL_PATH[$program]:-usr/bin/$program}"
    } >"$wrapper.new"
    chmod 755 "$wrapper.new"
    mv "$wrapper.new" "$wrapper"
}

# The browser needs at least one font; the system's are used too.
tools_fonts() {
    cat >"$1/fonts.conf" <<CONF
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>$1/root/usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
CONF
}

# tool_works DIR PROGRAM: it starts, so it found all its libraries.
tool_works() {
    case $2 in
    snmp*) "$1/bin/$2" --version ;;
    *) timeout 60 "$1/bin/$2" --version ;;
    esac >"$1/$2.log" 2>&1
}

tools_programs_locked() {
    local dir program found packages='' missing=()
    dir=$(tools_dir)
    mkdir -p "$dir/bin"
    for program in "${!TOOL_PACKAGE[@]}"; do
        # Looked at each time: a library of the system may have gone since.
        if [ -x "$dir/bin/$program" ] && tool_works "$dir" "$program"; then continue; fi
        if [ ! -e "$dir/bin/$program" ] && found=$(system_program "$program"); then
            ln -sfn "$found" "$dir/bin/$program"
        else
            missing+=("$program")
            packages+=" ${TOOL_PACKAGE[$program]}"
        fi
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    apt_can_unpack || die "tools for the tests" "missing on this machine: ${missing[*]}" \
        "install them with the system's package manager (Debian's packages are called:$packages)"
    say "tools for the tests: unpacking ${missing[*]} into $dir (once, up to 250 MB)"
    # shellcheck disable=SC2086 # a list of names; Prometheus's web interface is not needed
    APT_DROP='^(libc6|libjs-.*|fonts-glyphicons.*)$' apt_unpack "$dir/root" host $packages fonts-dejavu-core ||
        die "tools for the tests, $dir" "the packages could not be fetched or unpacked (see above)" \
            "apt-get install$packages"
    tools_fonts "$dir"
    for program in "${missing[@]}"; do
        tool_wrap "$dir" "$program"
        tool_works "$dir" "$program" || {
            tail -n 5 "$dir/$program.log" >&2
            rm -f "$dir/bin/$program"
            die "tools for the tests" "$program was unpacked but does not start (see above)" \
                "apt-get install ${TOOL_PACKAGE[$program]}"
        }
    done
}

# ---------------------------------------------------------------- faketime

# faketime_library: preloaded into a program, it gives that program another wall clock.
faketime_library() {
    find "$(tools_dir)/faketime" /usr/lib/*/faketime /usr/lib/faketime -name 'libfaketimeMT.so.1' 2>/dev/null | head -n 1
}

# Another loader's library may not load here: looked at by a program that says what time it is.
faketime_works() {
    local library
    library=$(faketime_library)
    [ -n "$library" ] && [ "$(LD_PRELOAD=$library FAKETIME='@2001-01-01 00:00:00' date +%Y 2>/dev/null)" = 2001 ]
}

faketime_install_locked() {
    ! faketime_works || return 0
    apt_can_unpack || die "tools for the tests" "libfaketime is missing on this machine" \
        "install it with the system's package manager (Debian's package is called libfaketime)"
    APT_DROP='^libc6$' apt_unpack "$(tools_dir)/faketime" host libfaketime ||
        die "tools for the tests, libfaketime" "it could not be fetched or unpacked (see above)" "apt-get install libfaketime"
    faketime_works || die "tools for the tests" "libfaketime was unpacked but does not work" "apt-get install libfaketime"
}

# ---------------------------------------------------------------- Python

python_dir() {
    local version
    version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    printf '%s/python-%s-%s\n' "$(opsc_cache)" "$version" "$(sha_short <"$OPSC_ROOT/scripts/requirements.txt" | cut -c1-6)"
}

# python_make DIR. Debian's python3 may come without pip's installer; then pip
# runs from its wheel.
python_make() {
    local dir=$1 wheel
    rm -rf "$dir"
    if python3 -c 'import ensurepip' 2>/dev/null; then
        python3 -m venv "$dir" && "$dir/bin/python" -m pip install -q -r "$OPSC_ROOT/scripts/requirements.txt"
        return
    fi
    python3 -m venv --without-pip "$dir" && apt_can_unpack &&
        apt_unpack "$dir/debian" host python3-pip-whl || return 1
    wheel=$(find "$dir/debian" /usr/share/python-wheels -name 'pip-*.whl' 2>/dev/null | head -n 1)
    [ -n "$wheel" ] && "$dir/bin/python" "$wheel/pip" install -q -r "$OPSC_ROOT/scripts/requirements.txt"
}

python_install_locked() {
    local dir
    dir=$(python_dir)
    [ ! -e "$dir/.stamp" ] || return 0
    say "tools for the tests: a Python with confluent-kafka and schemathesis in $dir (once)"
    python_make "$dir" >&2 || die "tools for the tests, Python" "$dir could not be filled (see above)" \
        "apt-get install python3-venv, or fix the network, then try again"
    "$dir/bin/python" -c 'from confluent_kafka.schema_registry.avro import AvroDeserializer' ||
        die "tools for the tests, Python" "confluent-kafka does not load" "rm -rf $dir and try again"
    "$dir/bin/st" --version >&2 ||
        die "tools for the tests, Python" "schemathesis does not start" "rm -rf $dir and try again"
    : >"$dir/.stamp"
}

# ---------------------------------------------------------------- all

tools_install() {
    local cache
    cache=$(make_cache_dir)
    have python3 || die "tools for the tests" "python3 is missing" "apt-get install python3 python3-venv"
    locked "$cache/tools.lock" tools_programs_locked
    faketime_works || locked "$cache/tools.lock" faketime_install_locked
    [ -e "$(python_dir)/.stamp" ] || locked "$cache/python.lock" python_install_locked
    "$OPSC_ROOT/scripts/kafka" install
    "$OPSC_ROOT/scripts/postgres" install
}

tools_env() {
    local dir
    dir=$(tools_dir)
    cat <<ENV
export OPSC_SNMP_BIN_DIR='$dir/bin'
export OPSC_CHROMIUM='$dir/bin/chromium'
export OPSC_SHELLCHECK='$dir/bin/shellcheck'
export OPSC_PROMTOOL='$dir/bin/promtool'
export OPSC_FAKETIME='$(faketime_library)'
export OPSC_PYTHON='$(python_dir)/bin/python'
export OPSC_KAFKA_HOME='$("$OPSC_ROOT/scripts/kafka" home)'
export OPSC_PG_HOME='$("$OPSC_ROOT/scripts/postgres" home)'
ENV
}
