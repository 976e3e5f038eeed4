#!/usr/bin/env bash
# Makes deploy/bench/errata.pgo anew: the CPU profile of a store under a mix of
# envelopes, packed envelopes and OTLP, from which the compiler learns what is
# hot. BIN is a build without a profile, so that one does not shape the next.
set -euo pipefail
bin=$1 out=$2
dir=$(mktemp -d) port=${PGO_PORT:-6061}
trap 'kill "$store" 2>/dev/null || true; wait "$store" 2>/dev/null || true; rm -rf "$dir"' EXIT
any=127.0.0.1:0
cp "$bin" "$dir/errata" # Its path is in the profile.
bin=$dir/errata
"$bin" up --data "$dir/data" --addresses "$dir/addresses.json" --profile "127.0.0.1:$port" \
  --http $any --otlp-http $any --otlp-grpc $any --clickhouse $any --clickhouse-http $any --broker $any >"$dir/log" 2>&1 &
store=$!
for _ in $(seq 300); do
  [ ! -f "$dir/addresses.json" ] || break
  kill -0 "$store" 2>/dev/null || { cat "$dir/log"; exit 1; }
  sleep 0.2
done
load() { "$bin" bench --addresses "$dir/addresses.json" --quiet "$@"; }
PPROF_TMPDIR="$dir" go tool pprof -proto -output "$dir/profile" "http://127.0.0.1:$port/debug/pprof/profile?seconds=45" >/dev/null &
profile=$!
load --rate 5000 --callers 64 --duration 15s
load --rate 2500 --callers 64 --duration 6s
load --rate 2000 --callers 64 --duration 7s --gzip
load --mode otlp --rate 1500 --callers 64 --duration 7s
load --mode otlp --rate 2000 --callers 32 --duration 7s --batch 10
wait "$profile"
mv "$dir/profile" "$out"
ls -l "$out"
