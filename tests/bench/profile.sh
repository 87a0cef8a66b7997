#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# profile.sh EBPFOTEL
# What `ebpfotel profile` and `perf record` cost on the same two busy CPUs, in turns, because machines
# are noisy. Needs root. ROUNDS (3) and SECONDS_EACH (10) can be given in the environment.
set -eu
bin=$1
rounds=${ROUNDS:-3}
seconds=${SECONDS_EACH:-10}
rate=99
die() {
	echo "profile.sh: $*" >&2
	exit 1
}
[ "$(id -u)" = 0 ] || die "needs root"
[ "$seconds" -ge 5 ] || die "SECONDS_EACH must be 5 or more: the BPF time is read twice in between"
for tool in perf bpftool jq cc python3 /usr/bin/time; do
	command -v "$tool" >/dev/null || die "$tool is missing; ./dev setup --bench installs it"
done

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

cat >"$tmp/work.c" <<'END'
/* Some twenty stacks of up to a dozen frames, forever. */
#include <stdint.h>
static volatile uint64_t sink;
__attribute__((noinline)) static void spin(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		sink += i * i;
}
__attribute__((noinline)) static void left(int depth, uint64_t n);
__attribute__((noinline)) static void right(int depth, uint64_t n)
{
	spin(n);
	if (depth)
		left(depth - 1, n + 1);
	sink++;
}
__attribute__((noinline)) static void left(int depth, uint64_t n)
{
	spin(n * 2);
	if (depth)
		right(depth - 1, n + 1);
	sink++;
}
int main(void)
{
	for (uint64_t i = 0;; i++)
		left((int)(i % 10), 20000);
}
END
cc -O1 -g -fno-omit-frame-pointer -fno-optimize-sibling-calls -o "$tmp/work" "$tmp/work.c"
cat >"$tmp/work.py" <<'END'
import json
def inner(n):
    return sum(i * i for i in range(n))
def middle(n):
    return [inner(n), len(json.dumps(list(range(n))))]
while True:
    middle(2000)
END
"$tmp/work" &
workers=$!
python3 "$tmp/work.py" &
workers="$workers $!"
sysctl -qw kernel.bpf_stats_enabled=1

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

run_ebpfotel() {
	ids=$(programs '[.[].id]')
	/usr/bin/time -o "$tmp/time" -f '%U %S %M' "$bin" profile -q -F "$rate" -d "$seconds" \
		--stats="$tmp/stats" -o "$tmp/out.pb.gz" &
	pid=$!
	sleep 2
	ns1=$(run_time_ns "$ids") t1=$(date +%s%N)
	sleep $((seconds - 4))
	ns2=$(run_time_ns "$ids") t2=$(date +%s%N)
	wait "$pid"
	figures_of_time ebpfotel "$tmp/time"
	figure ebpfotel "BPF time, % (its own figure)" "$(jq .overhead.bpf_percent "$tmp/stats")"
	figure ebpfotel "BPF time, % (bpftool)" "$(awk -v n="$((ns2 - ns1))" -v t="$((t2 - t1))" 'BEGIN { print n * 100 / t }')"
	figure ebpfotel "own CPU, % (its own figure)" "$(jq .overhead.own_cpu_percent "$tmp/stats")"
	figure ebpfotel "BPF maps, MB" "$(jq '.overhead.map_bytes / 1048576' "$tmp/stats")"
	figure ebpfotel "data written, kB" "$(awk -v n="$(stat -c %s "$tmp/out.pb.gz")" 'BEGIN { print n / 1024 }')"
	figure ebpfotel "samples" "$(jq .events_seen "$tmp/stats")"
	figure ebpfotel "lost" "$(jq '[.lost[]] | add' "$tmp/stats")"
}

# perf's work in the kernel is charged to whom it interrupts and is in no figure; naming the stacks,
# which ebpfotel has done by now, is a second command.
run_perf() {
	/usr/bin/time -o "$tmp/time" -f '%U %S %M' \
		perf record -q -F "$rate" -a -g -o "$tmp/perf.data" -- sleep "$seconds" >/dev/null 2>&1
	figures_of_time perf "$tmp/time"
	figure perf "data written, kB" "$(awk -v n="$(stat -c %s "$tmp/perf.data")" 'BEGIN { print n / 1024 }')"
	/usr/bin/time -o "$tmp/time" -f '%U %S %M' perf script -i "$tmp/perf.data" >"$tmp/script" 2>/dev/null
	figure perf "perf script after it, CPU s" "$(awk 'NF == 3 { print $1 + $2 }' "$tmp/time")"
	figure perf "samples" "$(perf script -i "$tmp/perf.data" -G -F comm 2>/dev/null | grep -vc '^ *swapper')"
}

: >"$tmp/figures"
round=0
while [ "$round" -lt "$rounds" ]; do
	round=$((round + 1))
	echo "round $round of $rounds" >&2
	run_ebpfotel
	run_perf
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
function ratio(metric) {
	if (median("ebpfotel|" metric) > 0)
		printf "perf / ebpfotel, %-24s %10.2f\n", metric, median("perf|" metric) / median("ebpfotel|" metric)
}
END {
	for (i = 1; i <= keys; i++) {
		key = order[i]
		sorted(key)
		split(key, part, "|")
		printf "%-10s %-30s %10.2f %10.2f %10.2f\n", part[1], part[2], values[key, 1], median(key), values[key, n[key]]
	}
	ratio("own CPU, s")
	ratio("peak RSS, MB")
	ratio("data written, kB")
	ratio("samples")
}' "$tmp/figures"
