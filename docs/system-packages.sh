#!/bin/sh
# What only the system's package manager has, for the browser tests and the JavaScript peers.
missing=""
command -v chromium >/dev/null || [ -n "$WAQTOR_CHROMIUM" ] || missing="$missing chromium"
command -v node >/dev/null || missing="$missing nodejs"
# Node 22 brings a WebSocket of its own; older ones need the package.
node -e 'process.exit(globalThis.WebSocket ? 0 : 1)' 2>/dev/null || [ -e /usr/share/nodejs/ws ] || missing="$missing node-ws"
[ -n "$missing" ] || exit 0
line="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing$missing …"
  { apt-get update -q && $line; } >/dev/null 2>&1 && exit 0
fi
echo "Missing$missing: the tests that need them will fail. Type: sudo $line"
