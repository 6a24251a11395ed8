#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the autograder: an environment with the pinned packages.
set -euo pipefail
root="${AUTOGRADER_ROOT:-/autograder}"

export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends bubblewrap python3 python3-venv
python=python3
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  apt-get install -y --no-install-recommends python3.11 python3.11-venv
  python=python3.11
fi

"$python" -m venv "$root/venv"
"$root/venv/bin/python" -m pip install --no-cache-dir --constraint "$root/source/constraints.txt" --requirement "$root/source/requirements.txt"
