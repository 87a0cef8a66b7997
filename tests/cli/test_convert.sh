#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# test_convert.sh EBPFOTEL SOURCE-ROOT OTLP-CHECK
# convert, as it is typed: what is refused, what comes out of each pair of formats, counted by
# readers that are not ours, and what becomes of damaged inputs. Prints TAP.
set -u
bin=$(realpath "$1") || exit 1
root=$2
otlp_check=$(realpath "$3") || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
LC_ALL=C
export LC_ALL
unset ARGP_HELP_FMT OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE
mkdir "$tmp/in" "$tmp/cwd" || exit 1
cp "$root"/tests/data/profiles/*.pprof "$root"/tests/data/events/*.jsonl "$tmp/in" || exit 1
cd "$tmp/cwd" || exit 1
in=$tmp/in
printf 'main;a;b 3\nmain;c 4\n' >"$in/a.folded"
count=0

result() { # STATUS NAME
	count=$((count + 1))
	claim=$(printf '%s' "$2" | tr -s '\n\t' '  ' | sed "s|$tmp/||g" | cut -c 1-160)
	if [ "$1" = 0 ]; then
		echo "ok $count - $claim"
	else
		echo "not ok $count - $claim"
		[ ! -s "$tmp/err" ] || head -n 8 "$tmp/err" | sed 's/^/# /'
	fi
}

is() { # NAME GOT EXPECTED
	[ "$2" = "$3" ]
	result $? "$1"
	[ "$2" = "$3" ] || printf 'got: %s\nexpected: %s\n' "$2" "$3" | head -n 20 | sed 's/^/# /'
}

skip() { # NAME WHY
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

run() {
	"$bin" convert "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
}

# One line, at most one hint behind it, nothing on stdout, no file.
refused() { # STATUS TEXT-OF-THE-LINE
	[ "$status" = "$1" ] && [ ! -s "$tmp/out" ] && [ -z "$(ls -A .)" ] &&
		[ "$(grep -vc '^hint: ' "$tmp/err")" = 1 ] && [ "$(grep -c '^hint: ' "$tmp/err")" -le 1 ] &&
		head -n 1 "$tmp/err" | grep -q '^ebpfotel: ' && head -n 1 "$tmp/err" | grep -qF -e "$2"
}

refuse() { # TEXT-OF-THE-LINE WORD...
	expected=$1
	shift
	run "$@"
	refused 2 "$expected"
	result $? "refused: convert $* ($expected)"
	rm -rf ./* ./.[!.]*
}

# --- what is typed wrong ----------------------------------------------------------------------

p=$in/cpu.pprof
refuse "no format given" "$p"
refuse "no format given" "$p" -o -
refuse "'x.bin'" "$p" -o x.bin
refuse "'x'" "$p" -o x
refuse "-f wants" "$p" -f ''
refuse "'fold'; the nearest is 'folded'" "$p" -f fold
refuse "--to wants pprof, otlp, otlp-json, folded, flamegraph, top or jsonl, not 'svg'" "$p" --to=svg
refuse "not 'perf-script'" "$p" -f perf-script
refuse "'pprf'; the nearest is 'pprof'" "$p" --from=pprf -f top
refuse "not 'flamegraph'" "$p" --from flamegraph -f top
refuse "'--sampletype'; the nearest is '--sample-type'" "$p" --sampletype=cpu
refuse "'-x'" "$p" -x
refuse "-f wants a value" "$p" -f
refuse "not empty" "$p" -o '' -f top
refuse "not empty" "$p" -f top --sample-type=
refuse "not empty" "$p" -f top --diff-base ''
refuse "an input wants a name" '' -f top
refuse "once" - - -f top
refuse "-o http://localhost:4318 is not built yet" "$p" -o http://localhost:4318
refuse "-o https://x is not built yet" "$p" -o https://x -f otlp
refuse "--output otlp: is not built yet" "$p" --output otlp:
for word in x -1 '' 1.5 1000001; do
	refuse "--top wants a number of rows from 0 to 1000000, not '$word'" "$p" -f top "--top=$word"
done
for word in x =x ''; do
	refuse "--resource wants KEY=VALUE, not '$word'" "$p" -f otlp "--resource=$word"
done
refuse "keep or now, not 'then'" "$p" -f otlp --time=then
refuse "traces, metrics or logs, not 'trace'" "$in/bare.jsonl" -f otlp --signals=metrics,trace
refuse "not ''" "$in/bare.jsonl" -f otlp --signals=traces,
refuse "{signal} in its name, not 'x.otlp'" "$in/bare.jsonl" -o x.otlp --signals=traces,logs
refuse "{signal} in its name, not '-'" "$in/bare.jsonl" -f otlp --signals=traces,logs
for format in pprof otlp otlp-json; do
	refuse "--sample-type wants the format folded, flamegraph or top, not '$format'" "$p" -f $format --sample-type=cpu
done
for format in otlp otlp-json jsonl; do
	refuse "--diff-base wants the format pprof, folded, flamegraph or top, not '$format'" "$p" -f $format --diff-base="$p"
done
refuse "--top wants the format top, not 'folded'" "$p" -o x.folded --top=3
refuse "--signals wants the format otlp or otlp-json, not 'jsonl'" "$in/bare.jsonl" -o x.jsonl --signals=logs
refuse "--signals is for events, and this is pprof" "$p" -o x.otlp --signals=logs
refuse "--resource wants the format otlp or otlp-json, not 'pprof'" "$p" -o x.pb.gz --resource=a=b
refuse "there is only samples, cpu" "$p" -o x.folded --sample-type=nanoseconds
refuse "to jsonl: pprof becomes pprof, otlp, otlp-json, folded, flamegraph or top" "$p" -o x.jsonl
refuse "to jsonl: folded becomes pprof" "$in/a.folded" -f jsonl
refuse "which is folded, with" "$p" "$in/a.folded" -o x.folded
refuse "which is jsonl, with" "$p" "$in/bare.jsonl" -f otlp
refuse "a file holds one signal" "$in/examples.jsonl" -o x.otlp
refuse "wants a file" - -f jsonl --from=jsonl --time=now
if command -v script >/dev/null; then
	(cd "$tmp" && script -qec "'$bin' convert '$p' -f otlp; echo \$?" /dev/null </dev/null >"$tmp/terminal" 2>&1)
	grep -q 'not for a terminal' "$tmp/terminal" && tail -n 1 "$tmp/terminal" | grep -q '^2'
	result $? "binary output is refused on a terminal"
	(cd "$tmp" && script -qec "'$bin' convert -f top; echo \$?" /dev/null </dev/null >"$tmp/terminal" 2>&1)
	grep -q 'no input given' "$tmp/terminal"
	result $? "without an input a terminal is not read"
else
	skip "terminals" "needs script"
fi

# --- profiles to every format, by other readers -----------------------------------------------

pprof=
if command -v go >/dev/null; then
	pprof=$(go tool -n pprof 2>/dev/null) || pprof=
fi
[ -x "$pprof" ] || pprof=

raw() { "$pprof" -symbolize=none -raw "$1" 2>>"$tmp/pprof.err"; }

# "TYPE TOTAL" a line, in the file's order
totals_of_pprof() {
	raw "$1" | awk '
		/^Samples:$/ { section = 1; next }
		/^Locations$/ { section = 3 }
		section == 1 { n = split($0, types, " "); section = 2; next }
		section == 2 && /^ *-?[0-9][-0-9 ]*:/ { for (i = 1; i <= n; i++) { sub(/:$/, "", $i); total[i] += $i } }
		END { for (i = 1; i <= n; i++) { sub(/\/.*/, "", types[i]); printf "%s %.0f\n", types[i], total[i] } }'
}

# Of what OTLP says. A CPU profile is one Profile of samples, cpu is their number times the period.
totals_of_json() {
	jq -r '.dictionary.stringTable as $s | [.resourceProfiles[].scopeProfiles[].profiles[] |
		([.samples[]? | if .values then .values[] | tonumber else .timestampsUnixNano | length end] | add // 0) as $n |
		{type: $s[.sampleType.typeStrindex // 0], n: $n},
		if .period and $s[.periodType.typeStrindex // 0] == "cpu" then {type: "cpu", n: ($n * (.period | tonumber)), derived: true}
			else empty end] | group_by(.type) |
		map((map(select(.derived | not)) | if . == [] then null else . end) // .) |
		.[] | "\(.[0].type) \(map(.n) | add)"' "$1"
}

# The number behind a type; and that of several types in one line
of() { awk -v type="$2" '$1 == type { print $2 }' "$1"; }

totals_of_page() {
	sed -n '/<script id="data"/,/<\/script>/p' "$1" | sed 's/^.*<script id="data"[^>]*>//; s/<\/script>.*//' |
		jq -r '.types[] | "\(.type) \((.self | add // 0) * .scale)"'
}

# Three samples at a place of which nothing is known
printf '\n\004\010\001\020\002\022\006\n\001\001\022\001\003"\002\010\0012\0002\007samples2\005count' >"$in/nowhere.pprof"

for file in "$in"/*.pprof; do
	name=${file##*/}
	name=${name%.pprof}
	for format in pprof otlp otlp-json folded flamegraph top; do
		run "$file" -f $format -o "$tmp/$name.$format"
		[ "$status" = 0 ] && [ -s "$tmp/$name.$format" ] && [ ! -s "$tmp/out" ]
		result $? "$name becomes $format"
		"$bin" convert -q - -f $format <"$file" >"$tmp/out" 2>"$tmp/err" && cmp -s "$tmp/out" "$tmp/$name.$format"
		result $? "$name becomes the same $format through pipes"
	done
	"$otlp_check" "$tmp/$name.otlp" "$tmp/$name.otlp-json" >"$tmp/err" 2>&1
	result $? "$name: OTLP is sound, and JSON says the same"
	for format in otlp otlp-json; do
		run "$tmp/$name.$format" -f pprof -o "$tmp/$name.$format.pprof"
		is "$name: pprof from $format" "$status" 0
	done
	run "$tmp/$name.otlp" -f otlp-json -o "$tmp/$name.again"
	cmp -s "$tmp/$name.otlp-json" "$tmp/$name.again"
	result $? "$name: from protobuf to JSON"
	if ! [ "$pprof" ]; then
		skip "$name: totals" "needs Go's pprof"
		continue
	fi
	totals_of_pprof "$file" >"$tmp/totals"
	[ -s "$tmp/totals" ]
	result $? "$name has totals"
	is "$name: totals of pprof" "$(totals_of_pprof "$tmp/$name.pprof")" "$(cat "$tmp/totals")"
	if command -v jq >/dev/null; then
		totals_of_json "$tmp/$name.otlp-json" | awk '{ printf "%s %.0f\n", $1, $2 }' >"$tmp/json"
		totals_of_page "$tmp/$name.flamegraph" | awk '{ printf "%s %.0f\n", $1, $2 }' >"$tmp/page"
		while read -r type total; do
			is "$name: total of $type in OTLP/JSON" "$(of "$tmp/json" "$type")" "$total"
			is "$name: total of $type in the flame graph" "$(of "$tmp/page" "$type")" "$total"
		done <"$tmp/totals"
	else
		skip "$name: totals of OTLP/JSON and flame graph" "needs jq"
	fi
	while read -r type total; do
		run "$file" -f folded --sample-type="$type"
		is "$name: total of $type in folded" "$(awk '{ n += $NF } END { printf "%.0f", n }' "$tmp/out")" "$total"
		run "$file" -f top --sample-type="$type"
		is "$name: top shows $type" "$(sed -n 's/^Type: //p' "$tmp/out")" "$type"
	done <"$tmp/totals"
	"$pprof" -symbolize=none -top "$tmp/$name.otlp.pprof" >"$tmp/top" 2>"$tmp/err" && grep -q 'flat%' "$tmp/top"
	result $? "$name: go tool pprof -top reads what comes back"

	# Ids are ours to choose and labels are a set; all else comes back, but for bytes that are no
	# text, which no format may hold.
	[ "$name" != bad_utf8 ] || continue
	raw "$file" | python3 "$root/tests/canonical_pprof.py" --raw >"$tmp/before"
	for format in pprof otlp.pprof otlp-json.pprof; do
		raw "$tmp/$name.$format" | python3 "$root/tests/canonical_pprof.py" --raw >"$tmp/after"
		[ -s "$tmp/before" ] && cmp -s "$tmp/before" "$tmp/after"
		result $? "$name: $format says what the file said"
		diff "$tmp/before" "$tmp/after" | head -n 5 | sed 's/^/# /'
	done
done

# --- several inputs, differences, times, resources --------------------------------------------

run "$in/a.folded" "$in/a.folded" -f folded
is "two inputs are added" "$(cat "$tmp/out")" "$(printf 'main;a;b 6\nmain;c 8')"
cp "$in/a.folded" same.folded
run same.folded same.folded -o same.folded
is "an input can be replaced by the output" "$(cat same.folded)" "$(printf 'main;a;b 6\nmain;c 8')"
rm -f same.folded
if [ "$pprof" ]; then
	for format in pprof otlp otlp-json; do
		run "$tmp/cpu.$format" "$tmp/cpu.$format" -f pprof -o "$tmp/merged.pb.gz"
		is "two of $format have twice the totals" "$(totals_of_pprof "$tmp/merged.pb.gz")" \
			"$(totals_of_pprof "$in/cpu.pprof" | awk '{ printf "%s %.0f\n", $1, 2 * $2 }')"
	done
	run "$tmp/cpu.otlp" "$tmp/cpu.otlp-json" -f pprof -o "$tmp/merged.pb.gz"
	is "OTLP is one kind, in protobuf and in JSON" "$(totals_of_pprof "$tmp/merged.pb.gz")" \
		"$(totals_of_pprof "$in/cpu.pprof" | awk '{ printf "%s %.0f\n", $1, 2 * $2 }')"
	run "$in/cpu.pprof" --diff-base="$tmp/cpu.otlp" -o "$tmp/difference.pb.gz"
	is "a difference in pprof adds up to nothing" "$(totals_of_pprof "$tmp/difference.pb.gz" | awk '{ print $2 }' | sort -u)" 0
fi
run "$in/cpu.pprof" "$in/heap.pprof" -f top
refused 1 heap.pprof
result $? "inputs with other values are an error that names the file"
run "$in/cpu.pprof" --diff-base="$in/heap.pprof" -f top
refused 2 alloc_space
result $? "so is a base with other values"

run "$in/cpu.pprof" --diff-base="$in/cpu.pprof" -f folded
[ "$status" = 0 ] && [ ! -s "$tmp/out" ]
result $? "nothing is left of a profile without itself, folded"
run "$in/cpu.pprof" --diff-base="$in/cpu.pprof" -f top
[ "$status" = 0 ] && awk '/flat%/ { on = 1; next } on && ($1 != 0 || $4 != 0) { bad = 1 } END { exit bad || !on }' "$tmp/out"
result $? "nothing but zeros, top"
printf 'main;a;b 5\nmain;c 4\nmain;d 2\n' >"$in/b.folded"
run "$in/b.folded" --diff-base="$in/a.folded" -f folded
is "a difference" "$(cat "$tmp/out")" "$(printf 'main;a;b 2\nmain;d 2')"
run "$in/a.folded" --diff-base="$in/b.folded" -f folded
is "and the other way round" "$(cat "$tmp/out")" "$(printf 'main;a;b -2\nmain;d -2')"
run "$in/a.folded" --diff-base="$in/b.folded" -f top
awk '$NF == "d" && $1 == -2 { found = 1 } END { exit !found }' "$tmp/out"
result $? "with signs in top"
run "$in/cpu.pprof" -f top --top=2
is "--top=2" "$(awk 'on { n++ } /flat%/ { on = 1 } END { print n + 0 }' "$tmp/out")" 2
run "$tmp/cpu.folded" -f top --top=0
is "--top=0 is all" "$(awk 'on { n++ } /flat%/ { on = 1 } END { print (n > 2) }' "$tmp/out")" 1

if command -v jq >/dev/null; then
	run "$in/cpu.pprof" -f otlp-json --resource=service.name=shop --resource a=1 --resource=a= --resource=b=x=y
	is "attributes of the resource" "$(jq -c '[.resourceProfiles[].resource.attributes[] | [.key, .value.stringValue]] | sort | unique' "$tmp/out")" \
		'[["a",""],["b","x=y"],["service.name","shop"]]'
	is "each once" "$(jq '[.resourceProfiles[] | .resource.attributes | (map(.key) | unique | length) == length] | all' "$tmp/out")" true
	cp "$tmp/out" "$tmp/shop.json"
	run "$tmp/shop.json" -f otlp-json --resource=service.name=store
	is "a given attribute wins over one that is there" \
		"$(jq -c '[.resourceProfiles[].resource.attributes[] | select(.key == "service.name").value.stringValue] | unique' "$tmp/out")" '["store"]'

	window() { jq -r '.resourceProfiles[0].scopeProfiles[0].profiles[0] | "\(.timeUnixNano) \(.durationNano)"' "$1"; }
	run "$in/cpu.pprof" -f otlp-json --time=keep
	is "--time=keep keeps it" "$(window "$tmp/out")" "$(window "$tmp/cpu.otlp-json")"
	before=$(date +%s)
	run "$in/cpu.pprof" -f otlp-json --time=now
	after=$(date +%s)
	window "$tmp/out" | awk -v before="$before" -v after="$after" '{ end = ($1 + $2) / 1e9; exit !(end >= before && end < after + 1) }'
	result $? "--time=now ends now"
	is "and takes as long" "$(window "$tmp/out" | cut -d ' ' -f 2)" "$(window "$tmp/cpu.otlp-json" | cut -d ' ' -f 2)"
	jq -c '.resourceProfiles[0].scopeProfiles[0].profiles[0] |= (.timeUnixNano = "1000000000000000000" | .durationNano = "10000000000"
		| .samples = [.samples[0], .samples[1] | del(.values)]
		| .samples[0].timestampsUnixNano = ["1000000001000000000", "1000000003000000000"]
		| .samples[1].timestampsUnixNano = ["1000000002000000000"])' "$tmp/cpu.otlp-json" >"$tmp/moments.json"
	run "$tmp/moments.json" -f otlp-json --time=now
	is "timestamps are shifted alike" "$(jq -c '.resourceProfiles[0].scopeProfiles[0].profiles[0] | (.timeUnixNano | tonumber) as $t |
		[.samples[].timestampsUnixNano[] | (tonumber - $t) / 1e6 | round] | sort' "$tmp/out")" '[1000,2000,3000]'
	run "$in/a.folded" -f otlp-json --time=now
	window "$tmp/out" | awk -v before="$before" '{ exit !($1 / 1e9 >= before) }'
	result $? "what had no time has one then"
fi

# --- events -------------------------------------------------------------------------------------

run "$in/examples.jsonl" -f jsonl
cmp -s "$tmp/out" "$in/examples.jsonl"
result $? "our own lines come out as they were"
gzip -c "$in/examples.jsonl" >"$in/examples.gz"
run "$in/examples.gz" -o "$tmp/again.jsonl"
cmp -s "$tmp/again.jsonl" "$in/examples.jsonl"
result $? "packed ones too, into a file"
run "$in/examples.jsonl" "$in/bare.jsonl" -f jsonl
cat "$in/examples.jsonl" "$in/bare.jsonl" | cmp -s - "$tmp/out"
result $? "two streams, one behind the other"
head -c 300 "$in/examples.jsonl" >"$in/cut.jsonl"
run "$in/cut.jsonl" -o cut-{signal}.otlp
refused 1 "line 1"
result $? "a line cut off is an error that names it, and leaves no file"

messages() { # FILE: how many messages behind their lengths, or what is wrong
	python3 -c '
import sys
data = open(sys.argv[1], "rb").read()
at = n = 0
while at < len(data):
    size = int.from_bytes(data[at:at + 4], "big")
    at += 4 + size
    n += 1
print(n if at == len(data) and n else "cut")' "$1"
}

run "$in/examples.jsonl" -o s-{signal}.otlp --signals=traces,metrics,logs
is "a file for each signal" "$status $(echo s-*)" "0 s-logs.otlp s-metrics.otlp s-traces.otlp"
for signal in logs metrics traces; do
	is "$signal: messages behind their lengths" "$(messages s-$signal.otlp)" 1
	run "$in/examples.jsonl" -f otlp --signals=$signal
	cmp -s "$tmp/out" s-$signal.otlp
	result $? "$signal alone: the same on stdout"
done
rm -f s-*
run "$in/examples.jsonl" -o n-{signal}.json
is "of network events traces and metrics" "$status $(echo n-*)" "0 n-metrics.json n-traces.json"
rm -f n-*
if command -v jq >/dev/null; then
	for pair in traces:resourceSpans metrics:resourceMetrics logs:resourceLogs; do
		run "$in/examples.jsonl" -f otlp-json --signals="${pair%:*}" --resource=service.name=shop
		is "${pair%:*}: one request object a line" "$(jq -c keys "$tmp/out" | sort -u)" "[\"${pair#*:}\"]"
		is "${pair%:*}: the resource has what was given" \
			"$(jq -c "[.${pair#*:}[].resource.attributes[] | select(.key == \"service.name\").value.stringValue] | unique" "$tmp/out")" '["shop"]'
	done
	run "$in/examples.jsonl" -f otlp-json --signals=traces
	cp "$tmp/out" "$tmp/ids"
	run "$in/examples.jsonl" -f otlp-json --signals=traces
	cmp -s "$tmp/out" "$tmp/ids"
	result $? "the same events give the same ids"
	grep -v '"start"' "$in/examples.jsonl" >"$in/other.jsonl"
	run "$in/other.jsonl" -f otlp-json --signals=traces
	jq -r '.. | .traceId? // empty' "$tmp/ids" | sort -u >"$tmp/a"
	jq -r '.. | .traceId? // empty' "$tmp/out" | sort -u >"$tmp/b"
	# but for what a traceparent says
	[ -s "$tmp/a" ] && [ -s "$tmp/b" ] && comm -12 "$tmp/a" "$tmp/b" | while read -r id; do
		grep -q "$id" "$in/examples.jsonl" || exit 1
	done
	result $? "those of another run differ"
	before=$(date +%s)
	run "$in/examples.jsonl" -f jsonl --time=now
	jq -r '.timestamp | sub("\\.[0-9]*Z$"; "Z") | fromdateiso8601' "$tmp/out" | sort -n | tail -n 1 |
		awk -v before="$before" '{ exit !($1 >= before - 5 && $1 <= before + 5) }'
	result $? "events are shifted to end now"
	is "all of them alike" "$(jq .elapsed_ns "$tmp/out")" "$(jq .elapsed_ns "$in/examples.jsonl")"
	for format in pprof folded flamegraph top; do
		jq -c 'select(.data.stack | not)' "$in/examples.jsonl" >"$in/flat.jsonl"
		run "$in/flat.jsonl" -f $format
		[ "$status" = 1 ] && grep -q stack "$tmp/err" && [ ! -s "$tmp/out" ]
		result $? "events without stacks do not become $format"
	done
	jq -c 'select(.data.stack and .event_type == "cpu_sample")' "$in/examples.jsonl" >"$in/deep.jsonl"
	run "$in/deep.jsonl" -f folded
	[ "$status" = 0 ] && [ -s "$tmp/out" ] && grep -q "$(jq -r '.data.stack[0].function' "$in/deep.jsonl" | head -n 1)" "$tmp/out"
	result $? "those with stacks do"
fi

# --- damaged inputs -------------------------------------------------------------------------------

fails() { # TEXT WORD...
	expected=$1
	shift
	for format in pprof otlp; do
		run "$@" -f $format -o broken.$format
		refused 1 "$expected"
		result $? "fails: convert $* -f $format ($expected)"
		rm -rf ./* ./.[!.]*
	done
}

fails "absent" "$in/absent"
fails "directory" "$in"
: >"$in/empty"
fails "empty" "$in/empty"
printf '\211PNG\r\n\032\n\000\000\000\rIHDR\000\000' >"$in/picture.png"
fails "picture.png" "$in/picture.png"
gzip -c "$in/empty" >"$in/empty.gz"
fails "empty" "$in/empty.gz"
gzip -c "$in/cpu.pprof" >"$in/cpu.gz"
size=$(stat -c %s "$in/cpu.gz")
for part in 1 2 5 9; do
	head -c $((size * part / 10)) "$in/cpu.gz" >"$in/cut.gz"
	fails "cut.gz" "$in/cut.gz"
done
(head -c 200 "$in/cpu.gz" && printf 'damaged' && tail -c +208 "$in/cpu.gz") >"$in/damaged.gz"
fails "damaged.gz" "$in/damaged.gz"
(cat "$in/cpu.gz" && printf 'more') >"$in/more.gz"
fails "more.gz" "$in/more.gz"
if gzip -t "$in/cpu.pprof" 2>/dev/null; then gzip -dc "$in/cpu.pprof"; else cat "$in/cpu.pprof"; fi >"$in/plain"
size=$(stat -c %s "$in/plain")
for part in 3 6 9; do
	head -c $((size * part / 10)) "$in/plain" >"$in/cut.plain"
	fails "cut.plain" "$in/cut.plain" --from=pprof
done
size=$(stat -c %s "$tmp/cpu.otlp")
head -c $((size / 2)) "$tmp/cpu.otlp" >"$in/cut.otlp"
fails "cut.otlp" "$in/cut.otlp" --from=otlp
head -c 3000 "$tmp/cpu.otlp-json" >"$in/cut.json"
fails "cut.json" "$in/cut.json"
awk 'BEGIN { printf "{\"resourceProfiles\":"; for (i = 0; i < 100000; i++) printf "["; print "}" }' >"$in/deep.json"
fails "deep.json" "$in/deep.json"
echo '{"resourceProfiles":[{"scopeProfiles":[{"profiles":[{"period":NaN}]}]}],"dictionary":{}}' >"$in/nan.json"
fails "nan.json" "$in/nan.json"
printf 'main;a nine\nmain;b 1\n' >"$in/words.folded"
fails "words.folded" "$in/words.folded" --from=folded
fails "a.folded" "$in/a.folded" --from=pprof
ln -s "$in/cpu.pprof" "$in/link"
run "$in/link" -f folded
cmp -s "$tmp/out" "$tmp/cpu.folded"
result $? "a link is read"

echo earlier >kept.otlp
run "$in/cut.gz" -o kept.otlp
is "an earlier file stays when the conversion fails" "$status $(cat kept.otlp) $(ls -A)" "1 earlier kept.otlp"
rm -f kept.otlp
run "$in/cpu.pprof" -o absent/x.otlp
refused 1 "absent/x.otlp"
result $? "an output that cannot be made is an error"
"$bin" convert "$in/cpu.pprof" -f folded >/dev/full 2>"$tmp/err"
[ $? = 1 ] && grep -q 'No space left' "$tmp/err"
result $? "a full output is an error"
"$bin" convert "$in/examples.jsonl" -f jsonl >/dev/full 2>"$tmp/err"
[ $? = 1 ] && grep -q 'No space left' "$tmp/err"
result $? "of events too"
(
	"$bin" convert "$in/cpu.pprof" -f folded 2>"$tmp/err"
	echo $? >"$tmp/status"
) | :
is "a reader that leaves is no error" "$(cat "$tmp/status") $(cat "$tmp/err")" "0 "

# More than a pipe and our buffers hold, and which does not pack well.
awk 'BEGIN { srand(1); for (i = 0; i < 60000; i++) printf "main;f%d;g%d %d\n", 1e9 * rand(), 1e9 * rand(), 1 + i % 7 }' >"$in/large.folded"
for format in pprof otlp otlp-json folded flamegraph; do
	(
		"$bin" convert "$in/large.folded" -f $format 2>"$tmp/err"
		echo $? >"$tmp/status"
	) | head -c 1 >/dev/null
	is "nor while much $format is written" "$(cat "$tmp/status") $(cat "$tmp/err")" "0 "
	"$bin" convert "$in/large.folded" -f $format >/dev/full 2>"$tmp/err"
	is "when $format fills the output it is named" "$? $(cat "$tmp/err")" "1 ebpfotel: write stdout: No space left on device"
done

# --- words -----------------------------------------------------------------------------------------

run -v "$in/cpu.pprof" -o x.folded
grep -q 'cpu.pprof: pprof$' "$tmp/err" && grep -q '^ebpfotel: wrote x.folded' "$tmp/err"
result $? "-v tells what the input was taken for"
run -q "$in/cpu.pprof" -o x.folded
is "-q says nothing" "$status $(cat "$tmp/err")" "0 "
rm -f x.folded

# --- interrupted -------------------------------------------------------------------------------------

mkfifo "$tmp/fifo"
until_true() { # COMMAND...
	tries=200
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.05
	done
}
blocked() { grep -q pipe_read "/proc/$1/wchan" 2>/dev/null || [ "$(cut -d ' ' -f 3 "/proc/$1/stat")" = S ]; }
lines() { awk -v n="$1" '{ line[NR] = $0 } END { while (n--) print line[1 + n % NR] }' "$in/bare.jsonl"; }

"$bin" convert "$tmp/fifo" -f folded -o x.folded 2>"$tmp/err" &
pid=$!
exec 9>"$tmp/fifo"
echo 'main;a 1' >&9
until_true blocked $pid
kill -TERM $pid
wait $pid
is "a reading that is ended leaves nothing" "$? $(ls -A)" "143 "
exec 9>&-

"$bin" convert "$tmp/fifo" -f jsonl -o x.jsonl 2>"$tmp/err" &
pid=$!
exec 9>"$tmp/fifo"
lines 1000 >&9
until_true blocked $pid
kill -TERM $pid
ended() { ! kill -0 $pid 2>/dev/null || [ "$(cut -d ' ' -f 3 "/proc/$pid/stat")" = Z ]; }
until_true ended
result $? "a stream is ended while nothing comes"
exec 9>&-
wait $pid
is "it is closed with what came before" "$? $(grep -c '' x.jsonl) $(ls -A) $(tail -c 1 x.jsonl | od -An -tx1)" "0 1000 x.jsonl  0a"
rm -f x.jsonl
echo "1..$count"
