#!/usr/bin/env bash
# Checks what the plugin calls against the API of each Grafana that it claims.
# Usage: compatible.sh, in the plugin's folder.
set -euo pipefail
cd "$(dirname "$0")/.."
for version in ${GRAFANA_VERSIONS:-10.4.1 11.6.0 13.1.1 13.2.2}; do
  for module in src/module.ts src/datasource/module.ts src/panel/module.ts; do
    echo "== Grafana $version, $module"
    npx --yes @grafana/levitate@0.17.2 is-compatible --path "$module" --target "@grafana/data@$version,@grafana/ui@$version,@grafana/runtime@$version"
  done
done
