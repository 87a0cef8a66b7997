#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# profile.sh EBPFOTEL DEEP
# What `ebpfotel profile` and `perf record` cost on the same two busy CPUs, in turns, because machines
# are noisy: perf with frame pointers, and with copies of 64 KB of stack. The work is Python and
# tests/kernel/workloads/deep.cpp, both without frame pointers. Needs root. In the environment:
# ROUNDS (3), SECONDS_EACH (10), and WHOM=work to look at the work alone instead of the whole system,
# for machines that others use as well.
set -eu
bin=$1
deep=$2
whom=${WHOM:-all}
rounds=${ROUNDS:-3}
seconds=${SECONDS_EACH:-10}
rate=99
. "${0%/*}/common.sh"
need_root
[ "$seconds" -ge 5 ] || die "SECONDS_EACH must be 5 or more: the BPF time is read twice in between"
need perf bpftool jq python3 /usr/bin/time

tmp=$(mktemp -d)
workers=
stats_before=$(sysctl -n kernel.bpf_stats_enabled)
cleanup() {
	# shellcheck disable=SC2086
	[ -z "$workers" ] || kill $workers 2>/dev/null || :
	sysctl -qw kernel.bpf_stats_enabled="$stats_before"
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

cat >"$tmp/work.py" <<'END'
import json
def inner(n):
    return sum(i * i for i in range(n))
def middle(n):
    return [inner(n), len(json.dumps(list(range(n))))]
while True:
    middle(2000)
END
"$deep" >/dev/null &
workers=$!
python3 "$tmp/work.py" &
workers="$workers $!"
sleep 1 # Python has its modules then
sysctl -qw kernel.bpf_stats_enabled=1
case $whom in
all) ours='' perfs=-a ;;
work)
	ours=-p$(echo "$workers" | tr ' ' ',')
	perfs=$ours
	;;
*) die "WHOM is all or work, not '$whom'" ;;
esac

figure() { # TOOL METRIC VALUE
	echo "$1|$2|$3" >>"$tmp/figures"
}

# user + system seconds and peak kB, as time(1) has them
figures_of_time() { # TOOL FILE
	figure "$1" "own CPU, s" "$(awk 'NF == 3 { print $1 + $2 }' "$2")"
	figure "$1" "own CPU, % of one" "$(awk -v d="$seconds" 'NF == 3 { print ($1 + $2) * 100 / d }' "$2")"
	figure "$1" "peak RSS, MB" "$(awk 'NF == 3 { print $3 / 1024 }' "$2")"
}

programs() { bpftool prog show --json | jq -c "$1"; }
run_time_ns() { # IDS-BEFORE: of all programs that came since
	programs "[.[] | select(.id as \$id | $1 | index(\$id) | not) | .run_time_ns // 0] | add // 0"
}

# CPU time of a process so far, of all its threads that live: its workers live as long as it does.
cpu_ns() { cat "/proc/$1/task"/*/schedstat | awk '{ sum += $1 } END { printf "%d\n", sum }'; }

# What was done before the second second, and behind the last one, is start and end.
run_ebpfotel() {
	ids=$(programs '[.[].id]')
	# shellcheck disable=SC2086 # none or one
	/usr/bin/time -o "$tmp/time" -f '%U %S %M' "$bin" profile -q -F "$rate" -d "$seconds" $ours \
		--stats="$tmp/stats" -o "$tmp/out.pb.gz" &
	pid=$!
	sleep 2
	child=$(cat "/proc/$pid/task/$pid/children")
	child=${child% }
	ns1=$(run_time_ns "$ids") cpu1=$(cpu_ns "$child") t1=$(date +%s%N)
	sleep $((seconds - 4))
	ns2=$(run_time_ns "$ids") cpu2=$(cpu_ns "$child") t2=$(date +%s%N)
	wait "$pid"
	figures_of_time ebpfotel "$tmp/time"
	figure ebpfotel "steady: own CPU, %" "$(awk -v n="$((cpu2 - cpu1))" -v t="$((t2 - t1))" 'BEGIN { print n * 100 / t }')"
	figure ebpfotel "steady: BPF time, % (bpftool)" "$(awk -v n="$((ns2 - ns1))" -v t="$((t2 - t1))" 'BEGIN { print n * 100 / t }')"
	figure ebpfotel "start and end: own CPU, s" "$(awk -v n="$((cpu2 - cpu1))" -v t="$((t2 - t1))" -v d="$seconds" \
		'NF == 3 { print $1 + $2 - n / t * d }' "$tmp/time")"
	figure ebpfotel "BPF time, % (its own figure)" "$(jq .overhead.bpf_percent "$tmp/stats")"
	figure ebpfotel "own CPU, % (its own figure)" "$(jq .overhead.own_cpu_percent "$tmp/stats")"
	figure ebpfotel "BPF maps, MB" "$(jq '.overhead.map_bytes / 1048576' "$tmp/stats")"
	figure ebpfotel "data written, kB" "$(awk -v n="$(stat -c %s "$tmp/out.pb.gz")" 'BEGIN { print n / 1024 }')"
	figure ebpfotel "samples" "$(jq .events_seen "$tmp/stats")"
	figure ebpfotel "lost" "$(jq '[.lost[]] | add' "$tmp/stats")"
	figure ebpfotel "complete, %" "$(jq '.profile.unwind | (.complete + .snapshot) * 100 / (([.[]] | add) - .none)' "$tmp/stats" |
		sed 's/^null$/0/')"
}

# perf's work in the kernel, copies of stacks among it, is charged to whom it interrupts and is in no
# figure; unwinding and naming the stacks, which ebpfotel has done by now, is a second command.
run_perf() { # NAME OPTION
	name=$1
	/usr/bin/time -o "$tmp/time" -f '%U %S %M' \
		perf record -q -F "$rate" "$perfs" "$2" -o "$tmp/perf.data" -- sleep "$seconds" >/dev/null 2>&1
	figures_of_time "$name" "$tmp/time"
	figure "$name" "data written, kB" "$(awk -v n="$(stat -c %s "$tmp/perf.data")" 'BEGIN { print n / 1024 }')"
	/usr/bin/time -o "$tmp/time" -f '%U %S %M' perf script --no-inline -i "$tmp/perf.data" >"$tmp/script" 2>/dev/null
	figure "$name" "perf script after it, CPU s" "$(awk 'NF == 3 { print $1 + $2 }' "$tmp/time")"
	figure "$name" "samples" "$(perf script -i "$tmp/perf.data" -G -F comm 2>/dev/null | grep -vc '^ *swapper')"
	perf script --no-inline -i "$tmp/perf.data" --comms deep,python3 -F comm,ip,sym 2>/dev/null |
		awk 'NF == 1 && !/^[ \t]/ { all++ }
			NF == 0 { whole += last ~ /^(_start|__?clone3?|clone3?)$/; last = "" }
			/^[ \t]/ { last = $2 }
			END { print all ? whole * 100 / all : 0 }' >"$tmp/complete"
	figure "$name" "complete, %" "$(cat "$tmp/complete")"
	rm -f "$tmp/perf.data"
}

: >"$tmp/figures"
round=0
while [ "$round" -lt "$rounds" ]; do
	round=$((round + 1))
	echo "round $round of $rounds" >&2
	run_ebpfotel
	run_perf perf-fp --call-graph=fp
	run_perf perf-dwarf --call-graph=dwarf,65528
done

echo "$(uname -sr), $(nproc) CPUs, $rate Hz, $seconds s, $rounds rounds; min, median, max"
awk -F'|' '
{
	key = $1 "|" $2
	if (!(key in n))
		order[++keys] = key
	values[key, ++n[key]] = $3
}
function sorted(key,   i, j, t) {
	for (i = 2; i <= n[key]; i++)
		for (j = i; j > 1 && values[key, j - 1] + 0 > values[key, j] + 0; j--) {
			t = values[key, j]; values[key, j] = values[key, j - 1]; values[key, j - 1] = t
		}
}
function median(key) {
	return n[key] % 2 ? values[key, (n[key] + 1) / 2] : (values[key, n[key] / 2] + values[key, n[key] / 2 + 1]) / 2
}
function ratio(tool, metric) {
	if (median("ebpfotel|" metric) > 0)
		printf "%s / ebpfotel, %-20s %10.2f\n", tool, metric, median(tool "|" metric) / median("ebpfotel|" metric)
}
END {
	for (i = 1; i <= keys; i++) {
		key = order[i]
		sorted(key)
		split(key, part, "|")
		printf "%-10s %-30s %10.2f %10.2f %10.2f\n", part[1], part[2], values[key, 1], median(key), values[key, n[key]]
	}
	split("perf-fp perf-dwarf", tools, " ")
	for (i = 1; i <= 2; i++) {
		ratio(tools[i], "own CPU, s")
		ratio(tools[i], "peak RSS, MB")
		ratio(tools[i], "data written, kB")
		ratio(tools[i], "samples")
	}
}' "$tmp/figures"
