#!/bin/sh
# Writes the passwords that compose.yaml mounts, once each: what is there stays.
set -eu
dir="${1:-"$(cd "$(dirname "$0")" && pwd)/secrets"}"
mkdir -p "$dir"
for name in errata_password reader_password triage_password grafana_password; do
  [ ! -s "$dir/$name" ] || continue
  # Hex alone: Grafana reads a dollar sign as a variable, XML an ampersand.
  LC_ALL=C od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$dir/$name"
  # Readable by the users in the containers: Compose mounts files as they are.
  chmod 644 "$dir/$name"
done
chmod 700 "$dir" # Nobody else of this machine gets past the folder.
echo "passwords are in $dir"
