#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# busy.sh EBPFOTEL SOURCE [SECONDS]: all system calls of the machine into a file, while it compiles
# and a server answers a client.
# Memory stays as it is, nothing is lost, lines are JSON, and what the statistics say of our own
# cost is what the kernel and time(1) say. Needs root; switches kernel.bpf_stats_enabled on for so long.
set -eu

ebpfotel=$1
source=$2
seconds=${3:-300}

. "${0%/*}/common.sh"
need cc curl jq awk python3 /usr/bin/time
tmp=$(mktemp -d)
was=$(sysctl -n kernel.bpf_stats_enabled)
tracer='' busy='' server='' client=''
undo() {
	for pid in $busy $client $server $tracer; do
		kill "$pid" 2>/dev/null || :
	done
	wait
	sysctl -qw "kernel.bpf_stats_enabled=$was"
	rm -rf "$tmp"
}
trap undo EXIT
trap 'exit 1' HUP INT TERM
sysctl -qw kernel.bpf_stats_enabled=1

compile_again "$source" "$tmp" &
busy=$!
serve "$tmp"
ask_again "$port" &
client=$!

/usr/bin/time -f '%U %S %M' -o "$tmp/time" "$ebpfotel" trace syscall -q -d "$seconds" -o "$tmp/calls.jsonl" \
	--stats="$tmp/stats.json" &
timed=$!
while :; do
	tracer=$(pgrep -P "$timed" || :)
	[ ! -s "$tmp/calls.jsonl" ] || break
	sleep 0.1
done

# What the kernel says of our programs, and how much of us is in memory, until we are gone.
run_time() { cat "/proc/$tracer"/fdinfo/* 2>/dev/null | awk '/^run_time_ns/ { n += $2 } END { printf "%.0f\n", n }'; }
rss() { awk '/^VmRSS/ { print $2 }' "/proc/$tracer/status" 2>/dev/null || echo 0; }
sleep 10
early=$(rss)
late=$early
kernel_ns=0
while kill -0 "$tracer" 2>/dev/null; do
	now=$(run_time)
	[ "$now" -lt "$kernel_ns" ] || kernel_ns=$now
	now=$(rss)
	[ -z "$now" ] || [ "$now" -le "$late" ] || late=$now
	sleep 0.5
done
tracer=
wait "$timed"
until_the_end "$busy" compiler
until_the_end "$client" server
kill "$busy" "$client" "$server"
wait "$busy" "$client" "$server" 2>/dev/null || :
busy='' client='' server=''

value() { jq -r "$1" "$tmp/stats.json"; }
read -r user system peak <"$tmp/time"
echo "$(value .events_emitted) events in $(value '.duration_ns / 1e9 | round') s, $(wc -c <"$tmp/calls.jsonl") bytes"
claim "every event is a line" \
	"$(grep -c '^{"event_type":"syscall",.*}$' "$tmp/calls.jsonl") == $(value .events_emitted)"
tail -n 100000 "$tmp/calls.jsonl" >"$tmp/last.jsonl"
claim "the last of them are JSON" "$(jq -c 1 "$tmp/last.jsonl" | wc -l) == $(wc -l <"$tmp/last.jsonl")"
claim "nothing is lost at a moderate rate (lost; calls a second)" \
	"$(value '[.lost[]] | add') == 0 || $(value '.events_seen * 1e9 / .duration_ns | floor') > 100000"
claim "the statistics add up" "$(unexplained "$tmp/stats.json") == 0"
claim "memory stays as it is (KB after 10 s, most of all)" "$late <= $early * 1.1 + 2048 && $early > 0"
claim "own CPU time (s) is that of time(1)" \
	"$(value '(.overhead.user_ns + .overhead.system_ns) / 1e9') > ($user + $system) * 0.8 && \
	 $(value '(.overhead.user_ns + .overhead.system_ns) / 1e9') < ($user + $system) * 1.2"
claim "memory (KB) is that of time(1)" \
	"$(value '.overhead.rss_bytes / 1024') > $peak * 0.8 && $(value '.overhead.rss_bytes / 1024') < $peak * 1.2"
claim "time of BPF programs (ns) is that of the kernel" \
	"$(value .overhead.bpf_ns) > $kernel_ns * 0.8 && $(value .overhead.bpf_ns) < $kernel_ns * 1.2"
echo "figures: user+system $(value '(.overhead.user_ns + .overhead.system_ns) / 1e9') and $user + $system s," \
	"rss $(value '.overhead.rss_bytes / 1024 | floor') and $peak KB, $early then at most $late KB," \
	"bpf $(value .overhead.bpf_ns) and $kernel_ns ns, cpu $(value .overhead.cpu_percent) %, lost $(value '[.lost[]] | add')"
exit $((failures > 0))
