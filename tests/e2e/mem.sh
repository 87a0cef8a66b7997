#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What programs of other makes hold, under load, and every source in every format.
. "${0%/*}/tap.sh"
need jq cc
cd "$tmp" || exit 1
pages=${EO_SPIN%/*}/pages
more= # options
sources=$here/workloads
nothing_lost='([.lost[]] | add) == 0'

# Blocks or bytes in rows with a frame whose name matches.
held() # ROWS REGEX KEY
{
	jq -s --arg re "$2" 'map(select(.event_type == "mem_summary" and
		any(.data.stack[]?; (.function // "") | test($re))) | .data.'"$3"') | add // 0' "$1"
}

leaks() # COMMAND...: into rows.jsonl
{
	# shellcheck disable=SC2086 # none, or one
	run "$EO_BIN" trace mem --leaks -q -f jsonl -o rows.jsonl --stats=stats $more -- "$@"
	is "$1 ends as it likes" "$rc" 0
	ok "the figures of $1 add up" adds_up stats "$nothing_lost"
}

# --- programs of other makes: known blocks are held at exit, among many that come and go

leaks python3 -c '
import os
held = [bytearray(65521) for _ in range(1009)]
for i in range(20011):
    s = bytearray(700 + i % 97)
os._exit(0)'
between "python3: what it holds, to the block" "$(held rows.jsonl '[Bb]yte[Aa]rray' active_allocations)" 1009 1011
between "and to the byte" "$(held rows.jsonl '[Bb]yte[Aa]rray' active_bytes)" $((1009 * 65522)) $((1009 * 65522 + 4096))
between "and all that came and went" "$(stat_of stats .mem.allocations)" 21020 10000000

if command -v node >/dev/null; then
	leaks node -e '
const held = [];
for (let i = 0; i < 503; i++) held.push(Buffer.allocUnsafeSlow(65521).fill(1));
for (let i = 0; i < 10007; i++) Buffer.allocUnsafeSlow(9000 + i % 97);
process.reallyExit(0);'
	between "node: its buffers" "$(held rows.jsonl 'ArrayBuffer' active_bytes)" $((503 * 65521)) 200000000
else
	skip "node: its buffers" "needs node"
fi

if command -v rustc >/dev/null && rustc -O -o rusty "$sources/held.rs" 2>err; then
	leaks ./rusty
	is "Rust: what it leaks, to the block" "$(held rows.jsonl 'leak_here' active_allocations)" 211
	is "and to the byte" "$(held rows.jsonl 'leak_here' active_bytes)" $((211 * 4099))
	between "four threads come and go" "$(stat_of stats .mem.frees)" 400000 500000
else
	skip "Rust: what it leaks" "needs rustc"
fi

cc -O1 -fno-builtin -o plain "$sources/held.c" || fail "the C program is built"
leaks ./plain
is "C: what it holds" "$(held rows.jsonl 'keep_some' active_bytes)" $((307 * 1009))
if cc -O1 -fno-builtin -o jemalloc "$sources/held.c" -ljemalloc 2>err; then
	more=--library=$(ldd ./jemalloc | awk '/libjemalloc/ { print $3 }')
	leaks ./jemalloc
	more=
	is "linked with jemalloc: the same" "$(held rows.jsonl 'keep_some' active_bytes)" $((307 * 1009))
	has "by jemalloc's own malloc()" rows.jsonl '"function":"malloc","module":"libjemalloc'
else
	skip "linked with jemalloc: the same" "needs libjemalloc"
fi
cc -O1 -fno-builtin -static -o static "$sources/held.c" || fail "the static program is built"
leaks ./static
is "linked statically: the same" "$(held rows.jsonl 'keep_some' active_bytes)" $((307 * 1009))

# --- every source in every format

run "$EO_BIN" trace mem --leaks -q -- true
is "who gives all back is told so" "$rc $(cat out)" "0 mem: nothing is held of what was taken meanwhile"

# A value of a profile, over all samples.
value() # PROFILE NAME
{
	pprof -raw "$1" 2>"$tmp/pprof.err" | awk -v name="$2/" '
		/^Samples:/ { getline; for (i = 1; i <= NF; i++) if (index($i, name) == 1) at = i; go = 1; next }
		/^Locations/ { go = 0 }
		go && $0 ~ /: / { split($0, half, ":"); split(half[1], n, " "); sum += n[at] }
		END { printf "%d\n", sum }'
}

valued() # CLAIM PROFILE NAME EXPECTED
{
	if command -v go >/dev/null; then
		is "$1" "$(value "$2" "$3")" "$4"
	else
		skip "$1" "needs go"
	fi
}

traced() # SOURCE OPTION...: a run over mappings of known number
{
	source=$1
	shift
	printf xx | "$EO_BIN" trace mem -q --source="$source" --stats=stats "$@" -- "$pages" map >out 2>err
}

for source in mmap faults kernel; do
	if ! traced "$source" -c -f jsonl -o rows.jsonl; then
		if grep -q "needs Linux 6.1" err; then
			skip "$source" "needs Linux 6.1"
			continue
		fi
		fail "$source: a run" "$(cat err)"
	fi
	name=${source%s}
	frame='main|_start'
	[ "$source" != kernel ] || frame='_\[k]'
	is "$source: rows say where from" "$(jq -r 'select(.event_type == "mem_summary") | .data.source' rows.jsonl | sort -u)" "$name"
	is "$source: rows are all" "$(jq -s '[.[] | select(.event_type == "mem_summary") | .data.count] | add' rows.jsonl)" \
		"$(stat_of stats .mem.allocations)"
	ok "$source: the figures add up" adds_up stats "$nothing_lost"
	traced "$source" -k -o events.jsonl || fail "$source: events" "$(cat err)"
	is "$source: events are all" "$(jq -r 'select(.event_type == "memory_alloc" and (.data.error | not)) | 1' events.jsonl | wc -l)" \
		"$(stat_of stats .mem.allocations)"
	is "$source: bytes as well" "$(jq -s '[.[] | select(.event_type == "memory_alloc" and (.data.error | not)) | .data.size_bytes] | add' events.jsonl)" \
		"$(stat_of stats .mem.total_allocated)"
	is "$source: each allocation has a stack" \
		"$(jq -r 'select(.event_type == "memory_alloc" and (.data.error | not) and (.data.stack | not)) | 1' events.jsonl | wc -l)" 0
	run "$EO_BIN" convert events.jsonl -o converted.pb.gz
	is "$source: events become a profile" "$rc" 0
	valued "$source: it has all bytes" converted.pb.gz alloc_space "$(stat_of stats .mem.total_allocated)"
	traced "$source" -f text -o events.txt || fail "$source: text" "$(cat err)"
	has "$source: text" events.txt "memory_alloc.*source=$name"
	traced "$source" -o heap.pb.gz || fail "$source: a profile" "$(cat err)"
	valued "$source: pprof has all bytes" heap.pb.gz alloc_space "$(stat_of stats .mem.total_allocated)"
	traced "$source" -o heap.folded || fail "$source: folded" "$(cat err)"
	has "$source: folded stacks" heap.folded "pages;.*($frame)"
	traced "$source" -o heap.html || fail "$source: a flame graph" "$(cat err)"
	has "$source: a flame graph" heap.html '</html>'
	traced "$source" -o metrics.json || fail "$source: OTLP" "$(cat err)"
	is "$source: metrics" "$(jq -r '.. | objects | select(.name? == "ebpfotel.memory.allocated") | .sum.dataPoints[].attributes[] |
		select(.key == "ebpfotel.memory.source") | .value.stringValue' metrics.json | sort -u)" "$name"
	traced "$source" -c -o metrics.json || fail "$source: OTLP of rows" "$(cat err)"
	is "$source: metrics of rows" "$(jq -s '[.. | objects | select(.name? == "ebpfotel.memory.allocated")] | last |
		.sum.dataPoints[0].asInt | tonumber' metrics.json)" "$(stat_of stats .mem.total_allocated)"
done
traced mmap -o heap.pb.gz
valued "address space in use at exit" heap.pb.gz inuse_space "$(stat_of stats '.mem.total_allocated - .mem.total_freed')"
is "none is left after it" "$(stat_of stats .mem.active_bytes)" 0
traced faults -c -o rows.txt
is "no page is left after the exit" "$(stat_of stats .mem.active_bytes)" 0
finish
