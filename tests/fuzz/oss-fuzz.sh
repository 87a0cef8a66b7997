#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Builds the fuzz targets the way OSS-Fuzz asks for: with $CC, $CFLAGS and $LIB_FUZZING_ENGINE from the
# environment, each target alone in $OUT with its seeds as NAME_seed_corpus.zip, and the libraries that
# it needs in $OUT/lib. Without these it is a build for libFuzzer on this machine:
#
#   OUT=/somewhere sh tests/fuzz/oss-fuzz.sh
set -eu
: "${OUT:?where the targets go}"
: "${CC:=clang}" "${CFLAGS:=-fsanitize=address,fuzzer-no-link}" "${LIB_FUZZING_ENGINE:=-fsanitize=fuzzer}"
export CC CFLAGS
top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
work=${WORK:-$(mktemp -d)}/build
mkdir -p "$OUT/lib"

# The sanitizers are in CFLAGS, and meson links with them as well. What it compiles for itself must not
# have them: BPF programs get their own flags.
rm -rf "$work"
meson setup "$work" "$top" -Dfuzz=true "-Dfuzz_engine=$LIB_FUZZING_ENGINE" -Db_lundef=false -Dtests=disabled \
	-Ddocs=disabled "-Dc_link_args=$CFLAGS -Wl,-rpath,\$ORIGIN/lib"
targets=$(sed -n "s/^  '\(.*\)',$/tests\/fuzz\/fuzz_\1/p" "$top/tests/fuzz/meson.build")
# The names are meant to be split into words.
# shellcheck disable=SC2086
ninja -C "$work" $targets
for target in $targets; do
	name=${target##*/fuzz_}
	cp "$work/$target" "$OUT/"
	# The C library and what comes with the compiler are those of the machine that runs it.
	ldd "$work/$target" | awk '$3 ~ /^\// && $1 !~ /^(libc|libm|libpthread|libdl|librt|libgcc_s)\./ { print $3 }' |
		while read -r library; do cp -L "$library" "$OUT/lib/"; done
	seeds=$top/tests/data/fuzz/$name
	[ ! -d "$seeds" ] || python3 -m zipfile -c "$OUT/fuzz_${name}_seed_corpus.zip" "$seeds"/*
done
