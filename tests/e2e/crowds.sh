#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Machines that are crowded: thousands of processes and threads, bombs of forks, chains of execs.
# Calls are of known number, so that nobody in a crowd can go missing.
. "${0%/*}/tap.sh"
need jq
cd "$tmp" || exit 1
crowd=$EO_WORKLOADS/crowd

# summed CLAIM OPTIONS... : trace's table of the calls, in out; its figures add up
summed()
{
	claim=$1
	shift
	run "$EO_BIN" trace syscall -q -c -f jsonl -e getppid --stats=stats.json "$@"
	is "$claim" "$rc" 0
	ok "every call is one of the statistics" adds_up stats.json \
		'.events_emitted == 0 and ([.lost[]] | add) == 0'
}
calls() { jq -s 'map(.data.count) | add' "$1"; }
ready() { grep -qx ready "$1"; }

summed "a bomb of 2047 processes" -- "$crowd" bomb 10 7
is "each process made its calls" "$(calls out)" $((2047 * 7))
summed "a chain of 300 execs" -- "$crowd" execs 300 11
is "each program made its calls" "$(calls out)" $((301 * 11))
run "$EO_BIN" trace syscall -q -e getppid -o bomb.jsonl --stats=stats.json -- "$crowd" bomb 9 5
is "a bomb, call by call" "$rc" 0
is "each process made its calls" "$(grep -c '"event_type":"syscall"' bomb.jsonl)" $((1023 * 5))
is "and there are as many of them" \
	"$(jq -r 'select(.event_type == "syscall") | .pid' bomb.jsonl | sort -u | wc -l)" 1023
run "$EO_BIN" profile -q -F 997 -o bomb.folded --stats=stats.json -- "$crowd" bomb 8 2000
is "a bomb is profiled" "$rc" 0
ok "whose samples add up" adds_up stats.json '.events_seen > 50'

# Crowds that are there before us: released when the capture runs.
for kind in "processes 10000" "threads 1000"; do
	members=${kind#* }
	rm -f go
	mkfifo go
	start sh -c "exec \"\$0\" $kind 13 <go >crowd.out" "$crowd"
	host=$pid
	exec 4>go
	until_true ready crowd.out
	if ! kill -0 "$host" 2>/dev/null || ! ready crowd.out; then
		exec 4>&-
		skip "$kind" "this machine does not take so many"
		continue
	fi
	start "$EO_BIN" trace syscall -q -c -f jsonl -e getppid --comm=crowd -d 60 -o sum.jsonl --stats=sum.json
	tracer=$pid
	start "$EO_BIN" profile -q -F 997 --comm=crowd -d 60 -o crowd.folded --stats=profile.json
	profiler=$pid
	capturing "$tracer"
	capturing "$profiler"
	echo >&4 # closing alone would not do: those who were started since have it as well
	exec 4>&-
	await "$host"
	is "$kind end" "$rc" 0
	kill -INT "$tracer" "$profiler"
	await "$tracer"
	is "trace ends well" "$rc" 0
	await "$profiler"
	is "profile ends well" "$rc" 0
	is "each of $kind made its calls" "$(calls sum.jsonl)" $((members * 13))
	ok "nothing is lost" jq -e '([.lost[]] | add) == 0' sum.json
	ok "samples add up" adds_up profile.json
	between "peak memory in MB" "$(jq '.overhead.rss_bytes / 1048576' profile.json)" 1 120
done
finish
