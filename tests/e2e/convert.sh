#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The other formats as they come from a live machine, and a live profile in all of them: every
# sample that the statistics tell of is in each.
. "${0%/*}/tap.sh"
need go jq
: "${EO_OTLP_CHECK:?}"
cd "$tmp" || exit 1
start "$EO_SPIN" hot >/dev/null
spun=$pid
spinning "$spun" spin

shots() { # FILE of OTLP/JSON: its samples
	jq '[.resourceProfiles[].scopeProfiles[].profiles[].samples[] |
		if .values then .values[] | tonumber else .timestampsUnixNano | length end] | add' "$1"
}
in_page() { # FILE TYPE
	sed -n '/<script id="data"/,/<\/script>/p' "$1" | sed 's/^.*<script id="data"[^>]*>//; s/<\/script>.*//' |
		jq --arg type "$2" '.types[] | select(.type == $type) | (.self | add) * .scale'
}

run "$EO_BIN" profile -F 499 -d 1 -p "$spun" -f otlp --stats=otlp.stats
is "-f otlp" "$rc" 0
ok "which goes to profile.otlp and is sound" "$EO_OTLP_CHECK" profile.otlp
run "$EO_BIN" convert profile.otlp -o otlp.pb.gz
is "becomes pprof" "$rc" 0
ok "which pprof reads" valid otlp.pb.gz
is "every sample is there" "$(count otlp.pb.gz 1)" "$(stat_of otlp.stats .profile.samples)"
between "with names: hot_a" "$(count otlp.pb.gz "\$2 == $spun && \$3 == \"spin\" && \$4 ~ /^hot_a@/")" 5 600
is "cpu is count times period" "$(awk '/^ *[0-9]+ +[0-9]+: / { c += $1; t += $2 } END { printf "%d", t - c * 2004008 }' raw)" 0

run "$EO_BIN" profile -F 499 -d 1 -p "$spun" -o live.json --stats=json.stats
is "-o FILE.json is OTLP/JSON" "$rc" 0
is "every sample is there" "$(shots live.json)" "$(stat_of json.stats .profile.samples)"
run "$EO_BIN" convert live.json -o json.otlp
ok "it is sound" "$EO_OTLP_CHECK" json.otlp live.json

run "$EO_BIN" profile -F 499 -d 1 -p "$spun" -f flamegraph --stats=page.stats
is "-f flamegraph" "$rc" 0
has "which goes to profile.html" profile.html '<script id="data"'
is "every sample is there" "$(in_page profile.html samples)" "$(stat_of page.stats .profile.samples)"

run "$EO_BIN" profile -F 199 -d 2 -p "$spun" -f otlp-json -o moments.json --timestamps --stats=moments.stats
is "--timestamps" "$rc" 0
is "samples are emitted" "$(stat_of moments.stats '[.events_aggregated, .events_emitted > 0]' | jq -c .)" "[0,true]"
is "seen is emitted, filtered and lost" \
	"$(stat_of moments.stats '.events_seen - .events_emitted - .events_filtered - ([.lost[]] | add)')" 0
is "one timestamp for each" "$(shots moments.json)" "$(stat_of moments.stats .events_emitted)"
is "and no values" "$(jq '[.. | .samples? // empty | .[].values // empty] | length' moments.json)" 0
# 19 digits are too many for jq's numbers, and of equal length: texts compare as well.
is "all of them within the profile" "$(jq -c '.resourceProfiles[].scopeProfiles[].profiles[] | .timeUnixNano as $from |
	[.samples[].timestampsUnixNano[] | select(length != 19 or . < $from)] | length' moments.json)" 0
between "spread over the run" "$(jq '[.. | .timestampsUnixNano? // empty | .[][0:13] | tonumber] | (max - min)' moments.json)" 500 3000
run "$EO_BIN" convert moments.json -o moments.otlp
ok "they are sound" "$EO_OTLP_CHECK" moments.otlp moments.json
run "$EO_BIN" convert moments.json -o moments.pb.gz
is "counted again in pprof" "$(count moments.pb.gz 1)" "$(stat_of moments.stats .events_emitted)"
run "$EO_BIN" convert moments.json -f otlp-json -o shifted.json --time=now
is "moved to now, none is lost" "$(shots shifted.json)" "$(shots moments.json)"
between "and the last is some seconds old at most" "$(($(date +%s%3N) - $(jq '[.. | .timestampsUnixNano? // empty | .[][0:13] | tonumber] | max' shifted.json)))" 0 20000
run "$EO_BIN" profile -F 499 -d 1 -p "$spun" --max-samples=20 -f otlp-json -o few.json --timestamps --stats=few.stats
is "--max-samples limits them" "$(shots few.json) $(stat_of few.stats .events_emitted)" "20 20"
is "the others are counted" "$(stat_of few.stats '.lost.map_full > 0 and
	.events_seen == .events_emitted + .events_filtered + ([.lost[]] | add)')" true

run "$EO_BIN" profile -F 499 -d 2 -a -o all.pb.gz --stats=all.stats
is "a profile of the whole system" "$rc" 0
samples=$(stat_of all.stats .profile.samples)
for format in pprof otlp otlp-json folded flamegraph top; do
	run "$EO_BIN" convert all.pb.gz -f $format -o all.$format
	is "becomes $format" "$rc" 0
done
is "every sample in pprof" "$(cp all.pprof again.pb.gz && count again.pb.gz 1)" "$samples"
is "in OTLP/JSON" "$(shots all.otlp-json)" "$samples"
is "in folded" "$(awk '{ n += $NF } END { print n + 0 }' all.folded)" "$samples"
is "in the flame graph" "$(in_page all.flamegraph samples)" "$samples"
ok "OTLP is sound" "$EO_OTLP_CHECK" all.otlp all.otlp-json
pprof -raw all.pb.gz 2>/dev/null | grep -v '^ *\(Time\|Duration\)' | sort >before
for format in otlp otlp-json; do
	run "$EO_BIN" convert all.$format -f pprof -o back.pb.gz
	pprof -raw back.pb.gz 2>/dev/null | grep -v '^ *\(Time\|Duration\)' | sort >after
	ok "pprof from $format says what pprof said, line by line" cmp before after
done
run "$EO_BIN" convert all.pb.gz --diff-base=all.otlp -f folded
is "nothing is left without itself" "$rc $(wc -c <out)" "0 0"

if command -v perf >/dev/null && perf record -q -F 199 -g -o perf.data -p "$spun" -- sleep 1 >/dev/null 2>&1; then
	perf script -i perf.data >perf.txt 2>/dev/null
	run "$EO_BIN" convert perf.txt -f folded
	is "the text of perf script" "$(awk '{ n += $NF } END { print n + 0 }' out)" "$(perf script -i perf.data -F comm -G 2>/dev/null | grep -c spin)"
	has "with its names" out 'spin;.*hot_a'
else
	skip "the text of perf script" "perf cannot record here"
fi
stop "$spun"
finish
