#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run.sh TOP BUILD [--short]: what clang-tidy, cppcheck and gcc's analyzer have to say about lib/ and
# cli/, without what stands in exceptions.txt. --short leaves out the checkers that walk paths
# through functions, which take minutes. Status 1 when something is left.
set -eu
top=$1
build=$2
short=${3-}
here=$top/tests/analyze
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$top"

# FILE CHECK LINE MESSAGE, relative to the top
: >"$work/found"

tidy() { # CLANG-TIDY-OPTION...
	find lib cli -name '*.c' | sort | xargs -n 8 -P "$(nproc)" clang-tidy -quiet -p "$build" "$@" 2>/dev/null |
		sed -nE "s|^(/.*/\.\./\|\.\./\|$top/)?((lib\|cli)/[^:]*):([0-9]+):[0-9]+: [a-z]+: (.*) \[([a-z][A-Za-z.0-9-]*).*\]\$|\2 \6 \4 \5|p"
}
if [ "$short" ]; then
	tidy --checks='-clang-analyzer-*' >>"$work/found"
else
	tidy >>"$work/found"
fi

# Its parser does not know the macro with which libbpf's options are made.
cppcheck -q -j "$(nproc)" --enable=warning,performance,portability --std=c11 -D_GNU_SOURCE -D__x86_64__ \
	-DEO_VERSION='"0"' -DEO_HAVE_SECCOMP '-DLIBBPF_OPTS(type,name,...)=struct type name' '-Dbpf_object__for_each_program(program,object)=while (1)' \
	'-Dbpf_object__for_each_map(map,object)=while (1)' -Ilib -Ibpf -Icli \
	--suppress=missingInclude --suppress=memleak --template='{file} {id} {line} {message}' \
	lib cli >>"$work/found" 2>&1

if [ ! "$short" ]; then
	[ -f "$top/build-analyze/build.ninja" ] ||
		meson setup "$top/build-analyze" "$top" -Ddocs=disabled -Dtests=disabled \
			-Dc_args='-fanalyzer -Wno-analyzer-malloc-leak' >/dev/null
	# Warnings come with compiling, so all is compiled anew.
	ninja -C "$top/build-analyze" -t clean >/dev/null
	CCACHE_DISABLE=1 ninja -C "$top/build-analyze" lib/libebpfotel.a cli/libebpfotel_cli.a >"$work/gcc" 2>&1 ||
		{ tail -n 20 "$work/gcc"; exit 1; }
	sed -nE 's|^[./]*((lib\|cli)/[^:]*):([0-9]+):[0-9]+: warning: (.*) \[-W([a-z-]*).*\]$|\1 \5 \3 \4|p' \
		"$work/gcc" >>"$work/found"
fi

sort -u "$work/found" | awk -v known="$here/exceptions.txt" '
	BEGIN {
		while ((getline line < known) > 0) {
			if (line ~ /^#/ || split(line, word, " ") < 3) continue
			fine[word[1] " " word[2]] = 1
		}
	}
	($1 " " $2) in fine { next }
	{ message = $0; sub(/^[^ ]+ [^ ]+ [^ ]+ /, "", message); printf "%s:%s: %s [%s]\n", $1, $3, message, $2; bad = 1 }
	END { exit bad }'
