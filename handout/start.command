#!/bin/sh
# Starts the course on macOS: double-click it; the first time, right-click it and choose Open.
cd "$(dirname "$0")" || exit 1
PATH="$PATH:/opt/homebrew/bin:/usr/local/bin:/Library/Frameworks/Python.framework/Versions/Current/bin"
export PATH
exec sh start.sh "$@"
