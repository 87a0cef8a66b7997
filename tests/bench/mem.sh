#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# mem.sh EBPFOTEL EMPTY_PROBES
# What malloc() and free() cost under `ebpfotel trace mem` and under other tools, beside probes that do
# nothing; and what mapping and touching pages costs under its other sources. Each tool in turn, round
# after round, because machines are noisy; the cheapest round of each counts. Tools that are not there
# are left out. Needs root. ROUNDS (5) and CALLS (300000) can be given in the environment.
set -eu
bin=$1
empty=$2
rounds=${ROUNDS:-5}
calls=${CALLS:-300000}
. "${0%/*}/common.sh"
need_root
need jq cc

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

cat >"$tmp/loop.c" <<'END'
/* loop WHAT CALLS FILE: appends the CPU time and the time that each took, in ns. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#define PAGES 256
static double now(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}
static void *map(size_t pages)
{
	return mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static void one(char what)
{
	void *volatile p;
	if (what == 'h') {
		p = malloc(64);
		free(p);
		return;
	}
	p = map(1);
	munmap(p, 4096);
}
static void touch(void)
{
	volatile char *p = map(PAGES);
	for (int i = 0; i < PAGES; i++)
		p[i * 4096] = 1;
	munmap((void *)p, PAGES * 4096);
}
int main(int argc, char **argv)
{
	long calls = atol(argv[2]);
	double cpu, wall;
	FILE *out = argc > 3 ? fopen(argv[3], "a") : NULL;
	cpu = now(CLOCK_PROCESS_CPUTIME_ID), wall = now(CLOCK_MONOTONIC);
	if (*argv[1] == 't')
		for (long i = 0; i < calls / PAGES; i++)
			touch();
	else
		for (long i = 0; i < calls; i++)
			one(*argv[1]);
	cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall = now(CLOCK_MONOTONIC) - wall;
	if (!out)
		return 1;
	fprintf(out, "%.1f %.1f\n", cpu / (double)calls, wall / (double)calls);
	return fclose(out);
}
END
cc -O1 -fno-builtin -o "$tmp/loop" "$tmp/loop.c"
libc=$(ldd "$tmp/loop" | awk '/libc\.so/ { print $3 }')

# WHAT NAME CALLS COMMAND...: COMMAND gets the loop as its last words. What stops the loop at each
# call is given fewer of them.
run() {
	what=$1 name=$2 n=$3
	shift 3
	command -v "$1" >/dev/null 2>&1 || return 0
	"$@" "$tmp/loop" "$what" "$n" "$tmp/$what.$name" >/dev/null 2>"$tmp/log" || {
		tail -3 "$tmp/log" >&2
		die "$name: $1 failed"
	}
}
traced() { # WHAT NAME OPTION...
	what=$1 name=$2
	shift 2
	run "$what" "$name" "$calls" "$bin" trace mem -q --max-overhead=0 --stats="$tmp/stats.$what.$name" "$@" --
}

# What memleak does: sizes and stacks of what is held.
leaks="uprobe:$libc:malloc { @size[tid] = arg0; }
uretprobe:$libc:malloc /@size[tid]/ {
	@bytes[pid, retval] = @size[tid]; @stacks[pid, retval] = ustack; delete(@size[tid]);
}
uprobe:$libc:free { delete(@bytes[pid, arg0]); delete(@stacks[pid, arg0]); }"

many=$((calls * 20))
round=0
while [ "$round" -lt "$rounds" ]; do
	round=$((round + 1))
	echo "round $round of $rounds" >&2
	run heap bare "$many" env
	run heap empty "$calls" "$empty" "$libc"
	traced heap counting -c
	traced heap sampling -c --sample-bytes=524288
	traced heap stacks -c --by=stack
	traced heap events -f jsonl -o /dev/null
	run heap heaptrack "$many" heaptrack -o "$tmp/heaptrack"
	rm -f "$tmp"/heaptrack*
	# It compiles against the kernel's headers, which are not everywhere: then the loop runs bare.
	if [ -d "/lib/modules/$(uname -r)/build" ] && command -v memleak-bpfcc >/dev/null; then
		memleak-bpfcc -c "$tmp/loop heap $calls $tmp/heap.memleak" 1000 1 >/dev/null 2>&1 || :
	fi
	if command -v bpftrace >/dev/null; then
		bpftrace -q -e "$leaks" -c "$tmp/loop heap $calls $tmp/heap.bpftrace" >/dev/null 2>&1 || :
	fi
	run map bare "$calls" env
	traced map counting -c --source=mmap
	traced map stacks -c --by=stack --source=mmap
	traced map kernel -c --source=kernel
	run touch bare "$calls" env
	traced touch counting -c --source=faults
	traced touch stacks -c --by=stack --source=faults
done

table() { # WHAT WORDS BASE NAME...
	what=$1 base=$3
	printf '%-22s %10s %8s %8s %12s\n' "$2" 'CPU ns' "of bare" "of $base" 'elapsed ns'
	shift 3
	for name; do
		[ -s "$tmp/$what.$name" ] || continue
		awk -v name="$name" -v cpu="$(best "$tmp/$what.$name")" -v bare="$(best "$tmp/$what.bare")" \
			-v base="$(best "$tmp/$what.$base")" -v wall="$(fastest "$tmp/$what.$name")" \
			'BEGIN { printf "%-22s %10.1f %7.2fx %7.2fx %12.1f\n", name, cpu, cpu / bare, cpu / base, wall }'
	done
	echo
}
table heap "malloc() and free()" empty bare empty counting sampling stacks events memleak bpftrace heaptrack
table map "mmap() and munmap()" counting bare counting stacks kernel
table touch "a page touched" counting bare counting stacks
for stats in "$tmp"/stats.heap.*; do
	jq -r --arg name "${stats##*.}" '"\($name): \(.events_seen) calls seen, \([.lost[]] | add) lost"' "$stats"
done
