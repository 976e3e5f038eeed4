#!/usr/bin/env bash
# Makes record.pb.go and record_vtproto.pb.go anew from record.proto: `make generate`.
# protoc comes from the PyPI package grpcio-tools, the two plugins from the Go proxy.
set -euo pipefail
cd "$(dirname "$0")"
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
python3 -m venv "$bin/venv"
"$bin/venv/bin/pip" install -q grpcio-tools==1.85.1
GOBIN="$bin" go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
GOBIN="$bin" go install github.com/planetscale/vtprotobuf/cmd/protoc-gen-go-vtproto@v0.6.1-0.20240319094008-0393e58bdf10
# The consumer reads one record after another into the same memory.
pooled=""
for message in Record Event Tag Span SpanEvent SpanLink Measurement Log Receipt Outcome; do
  pooled="$pooled,pool=errata/schema.$message"
done
PATH="$bin:$PATH" "$bin/venv/bin/python" -m grpc_tools.protoc -I. \
  --go_out=.. --go_opt=module=errata \
  --go-vtproto_out=.. --go-vtproto_opt=module=errata,features=marshal+unmarshal+unmarshal_unsafe+size+pool"$pooled" record.proto
