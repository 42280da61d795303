# For the scripts beside this one, which source it: go to the project and see to its .venv.
# All that has to be there is Python 3.11 or newer, with venv and pip.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

is_usable() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    local name
    for name in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if is_usable "$name"; then
            echo "$name"
            return
        fi
    done
    echo "Neither python3 nor python3.11 to python3.14 is a Python 3.11 or newer with venv and pip." >&2
    echo "Install one (Debian, Ubuntu: apt install python3-venv) and start this script again." >&2
    return 1
}

# install_once NAME PIP-ARGUMENTS...: install, unless that was done here for this pyproject.toml.
install_once() {
    local stamp=.venv/$1.installed done_for
    done_for="$root $(cksum <pyproject.toml)"
    if [[ ! -f $stamp || $(<"$stamp") != "$done_for" ]]; then
        echo "Installing $1 into .venv"
        # --group came with pip 25.1.
        .venv/bin/python -m pip install -qq "pip>=25.1"
        .venv/bin/python -m pip install -qq "${@:2}"
        echo "$done_for" >"$stamp"
    fi
}

if ! is_usable .venv/bin/python; then
    python=$(find_python)
    echo "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi
