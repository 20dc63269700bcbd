#!/usr/bin/env bash
# Installs what `make test-system` needs, as far as it is missing: system packages by apt, as root or with sudo, and the
# tracing backends that BOIFI is tested with, which are built or fetched once into a folder of their own.
set -euo pipefail

missing=()
command -v chromium >/dev/null || missing+=(chromium)
# Debian keeps its programs outside of the PATH.
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
command -v buildah >/dev/null || missing+=(buildah)
command -v debootstrap >/dev/null || missing+=(debootstrap)
command -v ip >/dev/null || missing+=(iproute2)
command -v curl >/dev/null || missing+=(curl)
command -v java >/dev/null || missing+=(default-jre-headless)
command -v mvn >/dev/null || missing+=(maven)

if [ "${#missing[@]}" -gt 0 ]; then
  if ! command -v apt-get >/dev/null; then
    echo "install these yourself, then try again: ${missing[*]}" >&2
    exit 1
  fi
  as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

# Tracing backends. Tests find them there (tests/support/real_servers.py names the same versions), and are skipped
# without: what cannot be had is no reason to leave out the others.
servers="${XDG_CACHE_HOME:-$HOME/.cache}/boifi-test-servers"
mkdir -p "$servers"
work=$(mktemp -d "$servers/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

zipkin() {
  mvn -B -q dependency:copy "-Dartifact=io.zipkin:zipkin-server:$1:jar:slim" "-DoutputDirectory=$work" \
    && mv "$work/zipkin-server-$1-slim.jar" "$servers/"
}

# It is an OpenTelemetry collector too: one program for both. Debian's Go is too old for it.
jaeger() {
  mkdir "$work/module" && cd "$work/module" \
    && go mod init servers \
    && go get -tool "github.com/jaegertracing/jaeger/cmd/jaeger@v$1" \
    && go build -trimpath -ldflags "-s -w" -o "$work/jaeger" github.com/jaegertracing/jaeger/cmd/jaeger \
    && mv "$work/jaeger" "$servers/jaeger-$1"
}

without() {
  cat "$work/said" >&2
  echo "$1 cannot be had here: the tests before it will be skipped" >&2
}

if [ ! -f "$servers/zipkin-server-3.5.1-slim.jar" ]; then
  (zipkin 3.5.1) >"$work/said" 2>&1 || without "Zipkin 3.5.1"
fi
if [ ! -x "$servers/jaeger-1.76.0" ]; then
  echo "building Jaeger 1.76.0, once, which takes some minutes"
  (jaeger 1.76.0) >"$work/said" 2>&1 || without "Jaeger 1.76.0, which wants Go 1.25 or newer,"
fi
