#!/bin/sh
# Starts the course on Linux: sh start.sh
cd "$(dirname "$0")" || exit 1
for python in python3.13 python3.12 python3.11 python3.14 python3; do
    if command -v "$python" >/dev/null 2>&1 && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        exec "$python" begin.py "$@"
    fi
done
echo "Python 3.11 or newer is needed, and none was found. On Debian and Ubuntu: sudo apt install python3 python3-venv" >&2
exit 1
