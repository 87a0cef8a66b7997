#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# syscall.sh EBPFOTEL
# What a system call costs under `ebpfotel trace syscall` and under other tools: a loop of getppid(),
# each tool in turn, round after round, because machines are noisy. The cheapest round of each counts.
# Tools that are not there are left out. Needs root. ROUNDS (5) and CALLS (1000000) can be given in
# the environment.
set -eu
bin=$1
rounds=${ROUNDS:-5}
calls=${CALLS:-1000000}
. "${0%/*}/common.sh"
need_root
need jq cc

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

cat >"$tmp/loop.c" <<'END'
/* loop CALLS FILE: appends the CPU time and the time that a call took, in ns. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static double now(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}
int main(int argc, char **argv)
{
	long calls = atol(argv[1]);
	double cpu = now(CLOCK_PROCESS_CPUTIME_ID), wall = now(CLOCK_MONOTONIC);
	FILE *out;
	for (long i = 0; i < calls; i++)
		syscall(SYS_getppid);
	cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall = now(CLOCK_MONOTONIC) - wall;
	out = argc > 2 ? fopen(argv[2], "a") : NULL;
	if (!out)
		return 1;
	fprintf(out, "%.1f %.1f\n", cpu / (double)calls, wall / (double)calls);
	return fclose(out);
}
END
cc -O2 -o "$tmp/loop" "$tmp/loop.c"

# NAME CALLS COMMAND...: COMMAND gets the loop as its last words. What stops the loop at each call is
# given fewer of them.
run() {
	name=$1 n=$2
	shift 2
	command -v "$1" >/dev/null 2>&1 || return 0
	"$@" "$tmp/loop" "$n" "$tmp/$name" >/dev/null 2>"$tmp/log" || {
		tail -3 "$tmp/log" >&2
		die "$name: $1 failed"
	}
}

few=$((calls / 20))
round=0
while [ "$round" -lt "$rounds" ]; do
	round=$((round + 1))
	echo "round $round of $rounds" >&2
	run bare "$calls" env
	run summary "$calls" "$bin" trace syscall -q -c -o "$tmp/rows" --stats="$tmp/stats.summary" --
	run jsonl "$calls" "$bin" trace syscall -q -f jsonl -o /dev/null --stats="$tmp/stats.$round" --
	run strace "$few" strace -f -o /dev/null
	run strace-c "$few" strace -c -o /dev/null
	run perf-trace-s "$few" perf trace -s -o /dev/null
	if command -v bpftrace >/dev/null; then
		bpftrace -q -e 'tracepoint:raw_syscalls:sys_enter { @[args->id] = count(); }' \
			-c "$tmp/loop $calls $tmp/bpftrace" >/dev/null 2>&1 || :
	fi
done

bare=$(best "$tmp/bare")
bare_wall=$(fastest "$tmp/bare")
printf '%-14s %10s %8s %12s %8s\n' tool 'CPU ns' ratio 'elapsed ns' ratio
for name in bare summary jsonl strace strace-c perf-trace-s bpftrace; do
	[ -s "$tmp/$name" ] || continue
	awk -v name="$name" -v cpu="$(best "$tmp/$name")" -v bare="$bare" -v wall="$(fastest "$tmp/$name")" \
		-v bare_wall="$bare_wall" \
		'BEGIN { printf "%-14s %10.1f %7.2fx %12.1f %7.2fx\n", name, cpu, cpu / bare, wall, wall / bare_wall }'
done
echo
echo "summary: $(jq -r '"\(.events_aggregated) calls counted, \([.lost[]] | add) lost"' "$tmp/stats.summary")"
for stats in "$tmp"/stats.[0-9]*; do
	jq -r '"jsonl: \(.events_emitted) events, \([.lost[]] | add) lost, " +
		"\(.events_emitted * 1000 / (.overhead.user_ns + .overhead.system_ns) * 1000 | floor / 1000) million events a second of our CPU time"' \
		"$stats"
done
