#!/usr/bin/env bash
# Builds and starts docker/compose.dev.yaml, waits until a session could begin, and says where everything is.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! docker compose version >/dev/null 2>&1; then
  echo "start-dev.sh needs docker with its compose plugin (docker compose version), and a docker engine that runs" >&2
  exit 1
fi
BOIFI_PREFECT_LOGIN=${BOIFI_PREFECT_LOGIN:-boifi:$(head -c 24 /dev/urandom | base64 | tr +/ -_)}
export BOIFI_PREFECT_LOGIN
compose=(docker compose -f docker/compose.dev.yaml)
"${compose[@]}" up --build --detach --wait --wait-timeout 600
for ((tries = 60; ; tries--)); do
  "${compose[@]}" exec -T facade python -IS /opt/entry/answers.py http://127.0.0.1:8000/ready && break
  ((tries)) || exit 1
  sleep 1
done
cat <<END
facade         http://127.0.0.1:8000/docs
prefect        http://127.0.0.1:4200/enter#$BOIFI_PREFECT_LOGIN
mock-executor  http://127.0.0.1:9090   (in a session: "executor_endpoint": "http://mock-executor:9090")

A first session stands in docs/deployment.md. To end all: docker compose -f docker/compose.dev.yaml down
END
