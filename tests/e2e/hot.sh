#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Three profilers at once look at two spinning processes, one on each of two CPUs: shares are what
# the program says they are, and no tick is missing. A share of 990 samples is off by 3 % now and then, so the
# one that looks at one of them looks more often.
. "${0%/*}/tap.sh"
need go jq taskset
{ taskset -c 0 true && taskset -c 1 true; } 2>/dev/null || skip_all "needs CPUs 0 and 1"

start taskset -c 0 "$EO_SPIN" hot >/dev/null
first=$pid
start taskset -c 1 "$EO_SPIN" hot >/dev/null
second=$pid
spinning "$first" spin
spinning "$second" spin

cd "$tmp" || exit 1
start "$EO_BIN" profile -F 499 -d 10 -o pid.pb.gz --stats=pid.json -p "$first" 2>pid.err
by_pid=$pid
start "$EO_BIN" profile -F 99 -d 10 -o cpu.pb.gz --stats=cpu.json -C 0 2>cpu.err
by_cpu=$pid
start "$EO_BIN" profile -F 99 -d 10 -o all.pb.gz --stats=all.json 2>all.err
system_wide=$pid
for profiler in "$by_pid" "$by_cpu" "$system_wide"; do
	await "$profiler"
	is "a profiler among three ends well" "$rc" 0
done

# flat% of a function in the table of pprof's own
share()
{
	pprof -top "$1" 2>/dev/null | awk -v name="$2" '$NF == name { sub(/%/, "", $2); print $2 }'
}
between "hot_a is 70 % of its process" "$(share pid.pb.gz hot_a)" 65 75
between "hot_b is 20 % of its process" "$(share pid.pb.gz hot_b)" 15 25
between "hot_c is 10 % of its process" "$(share pid.pb.gz hot_c)" 5 15

# The spinners of a whole-system profile, as shares of their own samples
in_spinners()
{
	count all.pb.gz "(\$2 == $first || \$2 == $second) && (\$4 ~ /^$1@/)"
}
all=$(in_spinners '.*')
between "hot_a is 70 % when everything is sampled" $(($(in_spinners hot_a) * 100 / (all + !all))) 65 75
between "hot_b is 20 % when everything is sampled" $(($(in_spinners hot_b) * 100 / (all + !all))) 15 25
between "hot_c is 10 % when everything is sampled" $(($(in_spinners hot_c) * 100 / (all + !all))) 5 15

between "99 Hz for 10 s are 990 ticks on one CPU" \
	"$(stat_of cpu.json '.events_seen + .profile.idle')" 940 1040
between "and twice that on two" \
	"$(stat_of all.json '(.events_seen + .profile.idle) / '"$(getconf _NPROCESSORS_ONLN)")" 940 1040
is "a filter by process lets nothing else in" "$(count pid.pb.gz "\$2 != $first")" 0
is "nothing is lost" "$(stat_of all.json '[.lost[]] | add')" 0
finish
