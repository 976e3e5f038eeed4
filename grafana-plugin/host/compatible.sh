#!/usr/bin/env bash
# Checks what the plugin calls against the API of each Grafana that it claims;
# the packages of each come from the registry, some minutes apiece.
set -euo pipefail
cd "$(dirname "$0")/.."
for version in ${GRAFANA_VERSIONS:-10.4.1 11.6.0 13.1.1 13.2.2}; do
  echo "== Grafana $version"
  npx --yes @grafana/levitate@0.17.2 is-compatible --path src/test/all.ts --target "@grafana/data@$version,@grafana/ui@$version,@grafana/runtime@$version"
done
