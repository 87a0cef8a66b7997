#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Traces, metrics and logs of a live machine, decoded by a reader that shares no line with us, beside
# the events of the same run, and those of several tracers in one stream.
. "${0%/*}/tap.sh"
need jq
: "${EO_NODE_MODULES:?}"
cd "$tmp" || exit 1

events() { jq -r 'select(.event_type == "'"$2"'") | 1' "$1" | wc -l; } # FILE TYPE

if command -v node >/dev/null && [ -d "$EO_NODE_MODULES/@opentelemetry/otlp-transformer" ]; then
	# Run in an empty folder each, for the same results.
	mkdir saved live wire
	(cd saved && run "$EO_BIN" trace syscall -q -o ../saved.jsonl -- "$EO_WORKLOADS/variety")
	(cd live && run "$EO_BIN" trace syscall -q -f otlp-json --signals=traces,metrics,logs -o '../live-{signal}.json' \
		--stats=../live.stats -- "$EO_WORKLOADS/variety")
	(cd wire && run "$EO_BIN" trace syscall -q -f otlp --signals=traces,metrics,logs -o '../wire-{signal}.otlp' \
		--stats=../wire.stats -- "$EO_WORKLOADS/variety")
	for signal in traces metrics logs; do
		run "$EO_BIN" convert saved.jsonl -f otlp --signals=$signal -o converted-$signal.otlp
		is "a saved run becomes $signal" "$rc" 0
		run "$EO_BIN" convert saved.jsonl -f otlp-json --signals=$signal -o converted-$signal.json
		is "also as JSON" "$rc" 0
	done
	told_by node "$EO_SOURCE/tests/js/trace.js" "$EO_NODE_MODULES" .
else
	skip "an independent decoder reads it" "needs node and @opentelemetry/otlp-transformer: ./dev setup --tests"
fi

# --- several tracers

run "$EO_BIN" trace syscall,mem -o both.jsonl --stats=both.stats -- sh -c 'sort -R /etc/services | head -n 7; ls -l /etc'
is "two tracers in one stream" "$rc" 0
ok "their statistics add up" adds_up both.stats
is "nothing is lost" "$(stat_of both.stats '[.lost[]] | add')" 0
is "one start" "$(events both.jsonl start)" 1
is "which names both" "$(jq -c 'select(.event_type == "start") | [(.data.tracers | sort), (.data.hooks | keys)]' both.jsonl)" \
	'[["mem","syscall"],["mem","syscall"]]'
is "one end, the last line" "$(events both.jsonl end) $(tail -n 1 both.jsonl | jq -r .event_type)" "1 end"
between "calls of the one" "$(events both.jsonl syscall)" 100 100000
is "are those of its statistics" "$(events both.jsonl syscall)" "$(stat_of both.stats .syscall.syscalls_traced)"
between "allocations of the other" "$(events both.jsonl memory_alloc)" 100 1000000
is "as well" "$(events both.jsonl memory_alloc) $(events both.jsonl memory_free)" \
	"$(stat_of both.stats '"\(.mem.allocations + .mem.failed_allocations) \(.mem.frees)"')"
is "together they are all events" \
	"$(($(events both.jsonl syscall) + $(events both.jsonl memory_alloc) + $(events both.jsonl memory_free)))" \
	"$(stat_of both.stats .events_emitted)"
is "the end record has the same figures" "$(tail -n 1 both.jsonl | jq -S '.data | del(.overhead)')" \
	"$(jq -S 'del(.overhead)' both.stats)"
is "a process is told once under each of its names" \
	"$(jq -c 'select(.event_type == "process") | [.pid, .comm]' both.jsonl | sort | uniq -d)" ""

run "$EO_BIN" trace syscall,mem -q -f otlp-json --signals=traces,metrics -o 'both-{signal}.json' --stats=both.stats -- ls -l /etc
is "as OTLP" "$rc" 0
is "metrics of both" "$(jq -r '.. | .name? // empty' both-metrics.json | sed -n 's/^\(ebpfotel\.[a-z]*\.[a-z]*\)$/\1/p' |
	grep -Ex 'ebpfotel\.(syscall\.duration|memory\.(allocations|frees))' | sort -u | tr '\n' ' ')" \
	"ebpfotel.memory.allocations ebpfotel.memory.frees ebpfotel.syscall.duration "
is "each call is a span" "$(jq -r '.resourceSpans[].scopeSpans[].spans[] | select(.attributes[].key == "ebpfotel.syscall.nr") | 1' \
	both-traces.json | wc -l)" "$(stat_of both.stats .syscall.syscalls_traced)"
run "$EO_BIN" trace syscall,mem -c -f jsonl --stats=both.stats -q -- ls -l /etc
is "rows of both" "$(jq -r .event_type out | sort -u | tr '\n' ' ')" "mem_summary syscall_summary "
ok "whose statistics add up" adds_up both.stats
is "calls in rows are those of the statistics" \
	"$(jq -s '[.[] | select(.event_type == "syscall_summary") | .data.count] | add' out)" "$(stat_of both.stats .syscall.syscalls_traced)"
finish
