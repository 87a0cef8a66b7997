#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The closing statistics: sums that hold exactly, and costs that others measure the same.
. "${0%/*}/tap.sh"
need go jq bpftool sysctl
[ -x /usr/bin/time ] || skip_all "needs /usr/bin/time"
cd "$tmp" || exit 1
old=$(sysctl -n kernel.bpf_stats_enabled) || skip_all "needs kernel.bpf_stats_enabled"
undo() { sysctl -qw kernel.bpf_stats_enabled="$old"; }
sysctl -qw kernel.bpf_stats_enabled=1 || exit 1

start "$EO_SPIN" stacks >/dev/null
spinning "$pid" spin
start "$EO_SPIN" kernel >/dev/null
spinning "$pid" spin

bpftool prog show -j | jq '[.[].id]' >before
start /usr/bin/time -o time -f '%U %S %M' "$EO_BIN" profile -F 997 -d 4 -o p.pb.gz --stats=p.json 2>err
timer=$pid
profiler()
{
	profiler=$(cat "/proc/$timer/task/$timer/children") && [ "$profiler" ]
}
until_true profiler || fail "the profiler starts"
sampling $profiler
began=$(date +%s%N)
while [ $(($(date +%s%N) - began)) -lt 3600000000 ]; do
	sleep 0.1
done
bpftool prog show -j | jq --slurpfile before before \
	'[.[] | select(.id as $id | $before[0] | index($id) | not) | .run_time_ns // 0] | add' >bpf_ns
passed=$(($(date +%s%N) - began))
await "$timer"
is "a run" "$rc" 0
read -r user system rss <time

ok "one JSON object" jq -e 'type == "object"' p.json
is "one line" "$(wc -l <p.json)" 1
is "seen is emitted, aggregated, filtered and lost" \
	"$(stat_of p.json '.events_seen - .events_emitted - .events_aggregated - .events_filtered - ([.lost[]] | add)')" 0
is "what was delivered is what the profile holds" "$(stat_of p.json '.events_aggregated + .events_emitted')" "$(count p.pb.gz 1)"
is "so are its samples" "$(stat_of p.json .profile.samples)" "$(count p.pb.gz 1)"
is "user halves add up to the samples" \
	"$(stat_of p.json '.profile.samples - ([.profile.unwind[]] | add)')" 0
go tool pprof -comments p.pb.gz 2>/dev/null | sed -n 's/^user stacks: //p' >walks
is "the profile's own word on them adds up too" \
	"$(tr -d '\n' <walks | awk 'BEGIN { RS = "," } { sum += $1 } END { print sum }')" "$(stat_of p.json .profile.samples)"
is "and says the same" "$(sed -n 's/\([0-9]*\) complete\(,.*\)*$/\1/p' walks)" "$(stat_of p.json .profile.unwind.complete)"
between "hundreds of distinct stacks" "$(stat_of p.json .profile.stacks)" 200 20000
is "our own process is not a sample" "$(count p.pb.gz "\$2 == $profiler")" 0
between "duration" "$(stat_of p.json .duration_ns)" 3900000000 4600000000

bpf_share=$(awk -v ns="$(cat bpf_ns)" -v passed="$passed" 'BEGIN { print 100 * ns / passed }')
between "BPF time as the kernel measures it, within a factor of 2" \
	"$(stat_of p.json .overhead.bpf_percent)" \
	"$(awk "BEGIN { print $bpf_share / 2 }")" "$(awk "BEGIN { print $bpf_share * 2 }")"
has "and said to be measured or estimated" p.json '"bpf_time":"(measured|estimated)"'
# From the start of sampling on: less than the whole process, by about what loading costs.
own_ms=$(stat_of p.json '.overhead.own_cpu_percent * .duration_ns / 100 / 1000000')
whole_ms=$(awk "BEGIN { print ($user + $system) * 1000 }")
between "own CPU time as the kernel accounts it ($whole_ms ms)" "$own_ms" \
	"$(awk "BEGIN { a = $whole_ms / 2; b = $whole_ms - 20; print (a < b ? a : b) }")" \
	"$(awk "BEGIN { a = $whole_ms * 1.5; b = $whole_ms + 20; print (a > b ? a : b) }")"
between "peak memory as the kernel accounts it ($rss KB)" "$(stat_of p.json '.overhead.rss_bytes / 1024')" \
	$((rss * 3 / 4)) $((rss + 512))
is "memory is the sum of its parts" \
	"$(stat_of p.json '.overhead | .memory_bytes - .rss_bytes - .map_bytes')" 0
between "the sum of the CPU's parts" \
	"$(stat_of p.json '.overhead | .cpu_percent - .own_cpu_percent - .bpf_percent')" -0.01 0.01
ok "delays are ordered" jq -e '.overhead | .event_latency_us > 0 and .event_latency_us <= .event_latency_p99_us' p.json
has "the table for people says how many" err 'samples +[0-9,]+ in [0-9,]+ stacks'

run "$EO_BIN" profile -F 997 -d 1 --max-samples=10 -o limited.pb.gz --stats=limited.json
is "few distinct stacks" "$rc" 0
is "and yet no sample is lost" "$(stat_of limited.json '.events_seen - .events_aggregated - .events_emitted')" 0
between "the rest stands under one frame" "$(count limited.pb.gz '$4 ~ /^\[stack limit\]/')" 100 4000
is "and is told" "$(stat_of limited.json .profile.stack_limit)" "$(count limited.pb.gz '$4 ~ /^\[stack limit\]/')"
run "$EO_BIN" -q profile -d 0.2 -o quiet.pb.gz
is "-q is quiet" "$rc$(cat err)" 0
finish
