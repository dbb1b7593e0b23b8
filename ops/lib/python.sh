#!/usr/bin/env bash
# Runs one of the scripts beside it with Python 3.11 or newer, which a bare machine may have to install first.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

new_enough() { command -v "$1" >/dev/null && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

if ! new_enough python3 && ! new_enough /usr/bin/python3; then
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "Python 3.11 is missing: install the package python3 as root." >&2; exit 1; }
        as_root=(sudo)
    fi
    echo "Installing python3${as_root:+ through sudo}."
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends python3
fi

python=python3
new_enough python3 || python=/usr/bin/python3
script="$1"
shift
exec "$python" -B -u "$here/$script" "$@"
