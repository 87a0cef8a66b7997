#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Names in programs of every make: where the linker put them, what strip left of them, and files
# that are no longer what runs.
. "${0%/*}/tap.sh"
need go cc nm objcopy strip xz
cd "$tmp" || exit 1
source=$EO_SOURCE/tests/kernel/workloads/spin.c
build()
{
	out=$1
	shift
	cc -O1 -g -fno-omit-frame-pointer -fno-optimize-sibling-calls -fno-inline -D_GNU_SOURCE \
		"$source" -o "$out" -pthread "$@" 2>>cc.err
}
variants=
# have NAME: it could be built, so it runs
have()
{
	start "./$1" hot >/dev/null
	eval "pid_$1=$pid"
	spinning "$pid" "$1"
	variants="$variants $1"
}

build pie -pie -fPIE && have pie
build fixed -no-pie -fno-pie && have fixed
build staticpie -static-pie -fPIE && have staticpie
build static -static && have static
build nobuildid -Wl,--build-id=none && have nobuildid
build farseg -Wl,-z,max-page-size=0x200000,-z,noseparate-code && have farseg

# What Fedora ships: symbols that are not dynamic, in a compressed section
if build full; then
	nm -D full --format=posix --defined-only | awk '{ print $1 }' | sort >dynamic
	nm full --format=posix --defined-only | awk '$2 ~ /^[Tt]$/ { print $1 }' | sort | comm -13 dynamic - >keep
	objcopy --only-keep-debug full full.debug &&
		objcopy -S --remove-section .comment --keep-symbols=keep full.debug mini &&
		strip --strip-all -o minidebug full && xz -k mini &&
		objcopy --add-section .gnu_debugdata=mini.xz minidebug && have minidebug
	# and what Debian does: a file beside it
	strip --strip-all -o linked full &&
		mkdir -p .debug && cp full.debug .debug/linked.debug &&
		objcopy --add-gnu-debuglink=.debug/linked.debug linked && have linked
fi

build deleted && have deleted && rm deleted
build replaced && have replaced && cp /bin/true other && mv other replaced

# A library that is replaced while a program uses it. The new one has another name at that place.
# Without optimisation, because others leave frame pointers out of leaf functions.
cat >library.c <<'END'
static volatile unsigned long sink;
void FUNCTION(unsigned long count);
void FUNCTION(unsigned long count)
{
	while (count--)
		sink++;
}
END
cat >main.c <<'END'
#include <sys/prctl.h>
void inside_library(unsigned long count);
int main(void)
{
	prctl(PR_SET_PDEATHSIG, 9);
	for (;;)
		inside_library(1000000);
}
END
cc -O0 -fPIC -shared -DFUNCTION=inside_library library.c -o liblong.so &&
	cc -O0 main.c -o user -L. -llong "-Wl,-rpath,$tmp" &&
	start ./user && spinning "$pid" user &&
	cc -O0 -fPIC -shared -DFUNCTION=wrong_library_now library.c -o new.so && mv new.so liblong.so
library=$pid

list=$library
for variant in $variants; do
	eval "list=$list,\$pid_$variant"
done
run "$EO_BIN" profile -F 499 -d 5 -p "$list" -o p.pb.gz --stats=p.json
is "a run" "$rc" 0
samples p.pb.gz >samples
for variant in $variants; do
	eval "pid=\$pid_$variant"
	all=$(awk -F '\t' -v pid="$pid" '$2 == pid && $4 !~ /@\[kernel/ { n += $1 } END { print n + 0 }' samples)
	named=$(awk -F '\t' -v pid="$pid" '$2 == pid && $4 ~ /^hot_[abc]@/ { n += $1 } END { print n + 0 }' samples)
	between "$variant: functions have names ($all samples)" $((named * 100 / (all + !all))) 95 100
	is "$variant: in a mapping of that name" "$(awk -F '\t' -v pid="$pid" \
		'$2 == pid && $4 ~ /^hot_a@/ { sub(/ \(deleted\)$/, "", $4); sub(/.*\//, "", $4); print $4 }' samples | sort -u)" "$variant"
done
between "all variants were built" "$(echo $variants | wc -w)" 10 10
named=$(awk -F '\t' -v pid="$library" '$2 == pid && $4 ~ /^inside_library@/ { n += $1 } END { print n + 0 }' samples)
between "a library that was replaced names its own functions" "$named" 20 3000
is "and not those of its successor" "$(grep -c wrong_library_now samples)" 0
is "callers are named as well" "$(awk -F '\t' -v pid="$library" \
	'$2 == pid && $4 ~ /^inside_library@/ && $5 != "" { sub(/@.*/, "", $5); print $5 }' samples | sort -u)" main
finish
