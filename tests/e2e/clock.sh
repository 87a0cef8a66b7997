#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The wall clock is set, by an hour to and fro, and the machine sleeps, all of it during runs. What is in
# one file tells one time of day, from where the clock was when it began: moments keep order and distances.
. "${0%/*}/tap.sh"
need jq python3
cd "$tmp" || exit 1
hour=3600

# Numbers have fixed places, so that no reader finds half of them.
clock_is() { printf '%8d %8d\n' "$1" "$2" 1<>clock; }
stepped() { start env LD_PRELOAD="$EO_WORKLOADS/stepped.so" EO_CLOCK="$tmp/clock" "$@"; }

# The target makes as many calls as it reads, and says so.
mkfifo go answers
start sh -c 'exec python3 -c "$1" <go >answers' sh '
import os, sys
for line in iter(sys.stdin.readline, ""):
    for i in range(int(line)):
        os.getppid()
    print(line, end="", flush=True)'
target=$pid
exec 4>go 5<answers
calls()
{
	echo "$1" >&4
	read -r _ <&5
}
# What is kept by the second has had its turn.
pause() { sleep 1.8; }

start "$EO_SPIN" hot >/dev/null
spin=$pid
spinning "$spin" spin
clock_is 0 0
begun=$(date +%s)
stepped "$EO_BIN" trace syscall -q -e getppid -p "$target" -o one.jsonl --stats=one.json
one=$pid
stepped "$EO_BIN" trace syscall -q -e getppid -p "$target" --interval=1s -o 'part-%s.jsonl' --stats=parts.json
parts=$pid
stepped env OTEL_METRIC_EXPORT_INTERVAL=500 "$EO_BIN" trace syscall -q -e getppid -p "$target" -f otlp-json \
	--signals=traces,metrics -o 'otlp-{signal}.json'
otlp=$pid
stepped "$EO_BIN" profile -q -F 199 -p "$spin" -d 60 -f otlp-json --timestamps -o profile.json
profile=$pid
for pid in "$one" "$parts" "$otlp" "$profile"; do capturing "$pid"; done
calls 7
for set in "$hour 11" "-$hour 13" "0 17"; do
	clock_is "${set% *}" 0
	pause
	calls "${set#* }"
done
clock_is $hour 0
kill -INT "$otlp" "$profile"
for pid in "$otlp" "$profile"; do
	await "$pid"
	is "a run whose clock was set ends well" "$rc" 0
done
clock_is 0 600
pause
calls 19
kill -INT "$one" "$parts"
for pid in "$one" "$parts"; do
	await "$pid"
	is "a run whose machine has slept ends well" "$rc" 0
done
ended=$(date +%s)
exec 4>&- 5<&-

# Each event as ELAPSED DURATION MAPPING: how far its time of day is ahead of elapsed_ns, in seconds since
# the test began and in nanoseconds, which a number of JSON could not hold in one.
moments()
{
	jq -r --argjson begun "$begun" 'select(.event_type == "syscall") |
		(((.timestamp[:19] + "Z" | fromdate) - $begun) * 1000000000 + (.timestamp[20:29] | tonumber)) as $wall |
		"\(.elapsed_ns) \(.data.duration_ns) \($wall - .elapsed_ns)"' "$1" | sort -n
}
moments one.jsonl >one.times
is "every call is an event" "$(wc -l <one.times)" 67
is "no duration is negative" "$(awk '$2 < 0' one.times | wc -l)" 0
is "whatever the clock is set to, there is one time of day" "$(head -n 48 one.times | cut -d' ' -f3 | sort -u | wc -l)" 1
between "which is that of the beginning, in seconds" "$(head -n 1 one.times | awk '{ print $3 / 1e9 }')" -1 $((ended - begun + 1))
is "what the machine slept is in it" "$(cut -d' ' -f3 one.times | uniq | awk 'NR > 1 { printf "%.0f ", ($1 - last) / 1e9 } { last = $1 }')" "600 "
is "no event is before an earlier one" "$(awk 'NR > 1 && $1 + $3 < last { n++ } { last = $1 + $3 } END { print n + 0 }' one.times)" 0
is "a process has begun before its calls" "$(jq -s --argjson begun "$begun" 'map(select(.event_type == "process") |
	(.data.start_time[:19] + "Z" | fromdate) - $begun | . > -60 and . < 60) | unique | @json' one.jsonl)" '"[true]"'
ok "all is accounted for" jq -e '.events_emitted == 67 and ([.lost[]] | add) == 0' one.json

# A file that begins goes by the clock of then; its name counts on.
for file in part-*.jsonl; do
	moments "$file" >"$file.times"
	cut -d' ' -f3 "$file.times" | uniq | awk -v file="$file" '{ print file, $1 }'
done >mappings
is "in intervals no call is missing either" "$(cat part-*.times | wc -l)" 67
is "a file tells one time of day" "$(awk '$2 < 300e9' mappings | cut -d' ' -f1 | uniq -d | wc -l)" 0
is "and the next one that of its clock" "$(awk '{ print int(($2 / 1e9 + 5400) / 3600) - 1 }' mappings | uniq | tr '\n' ' ')" "0 1 -1 0 "
is "names go on meanwhile" "$(ls part-*.jsonl | sed 's/[^0-9]//g' | awk -v begun="$begun" -v ended="$ended" '$1 < begun - 1 || $1 > ended + 1 { n++ } END { print n + 0 }')" 0

# OTLP: times are text, of as many digits all of them.
cat otlp-*.json >otlp.json
python3 - otlp.json profile.json "$begun" "$ended" >otlp.found <<-'END'
	import json, sys
	begun, ended = int(sys.argv[3]) - 2, int(sys.argv[4]) + 2
	spans = starts = wrong = 0
	sums = set()
	def walk(node):
	    global spans, wrong
	    if isinstance(node, list):
	        for each in node:
	            walk(each)
	    elif isinstance(node, dict):
	        if 'spanId' in node and 'endTimeUnixNano' in node:
	            spans += node.get('name') == 'getppid'
	            wrong += int(node['endTimeUnixNano']) < int(node['startTimeUnixNano'])
	        elif 'startTimeUnixNano' in node:
	            sums.add(node['startTimeUnixNano'])
	            wrong += int(node['timeUnixNano']) < int(node['startTimeUnixNano'])
	        for key, value in node.items():
	            if key.endswith('TimeUnixNano') or key == 'timeUnixNano':
	                wrong += not (value == '0' or begun <= int(value) / 1e9 <= ended)
	            walk(value)
	for line in open(sys.argv[1]):
	    walk(json.loads(line))
	print(spans, len(sums), wrong)
	samples = outside = 0
	for line in open(sys.argv[2]):
	    for resource in json.loads(line)['resourceProfiles']:
	        for scope in resource['scopeProfiles']:
	            for profile in scope['profiles']:
	                begin = int(profile['timeUnixNano'])
	                end = begin + int(profile['durationNano'])
	                for sample in profile['samples']:
	                    for moment in map(int, sample['timestampsUnixNano']):
	                        samples += 1
	                        outside += not (begin - 10**9 <= moment <= end + 10**9 and begun <= moment / 1e9 <= ended)
	print(samples > 20, outside)
END
is "spans of all calls, one beginning for all sums, no wrong time" "$(sed -n 1p otlp.found)" "48 1 0"
is "samples are within the time of their profile" "$(sed -n 2p otlp.found)" "True 0"
finish
