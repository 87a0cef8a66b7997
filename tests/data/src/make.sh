#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Makes tests/data/profiles anew. The Go ones differ each time: runtimes do.
set -eu
cd "$(dirname "$0")"
out=$(cd ../profiles && pwd)

go run runtime.go "$out"
for text in *.txtpb; do
	protoc --encode=perftools.profiles.Profile -I../../../lib/proto pprof.proto <"$text" |
		gzip -9n >"$out/${text%.txtpb}.pprof"
done
