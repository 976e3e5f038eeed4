#!/usr/bin/env bash
# Checks what the plugin calls against the API of each Grafana that it claims;
# the packages of each come from the registry, some minutes apiece.
set -euo pipefail
cd "$(dirname "$0")/.."
# Changed in its declaration only: the same type, exported since.
known='PanelPlugin.setPanelOptions'
failed=0
for version in ${GRAFANA_VERSIONS:-10.4.1 11.6.0 13.1.1 13.2.2}; do
  said=$(npx --yes @grafana/levitate@0.17.2 is-compatible --path src/test/all.ts --target "@grafana/data@$version,@grafana/ui@$version,@grafana/runtime@$version" 2>&1) && ok=1 || ok=0
  found=$(grep -E '^[0-9]+\) ' <<<"$said" || true)
  other=$(grep -v "$known" <<<"$found" | grep -v '^$' || true)
  if [ "$ok" = 1 ] || { [ -n "$found" ] && [ -z "$other" ]; }; then
    echo "Grafana $version: compatible${found:+ (a change of declaration only: $known)}"
  else
    echo "Grafana $version: NOT compatible"
    echo "$said"
    failed=1
  fi
done
exit $failed
