#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# trace as people run it: into files, pipes that are read, slowly read, not read and closed; as
# OpenTelemetry; with a command. System calls of known number come from dd and sh.
. "${0%/*}/tap.sh"
need jq python3 dd
cd "$tmp" || exit 1

# 10007 reads and as many writes of one byte.
flood='dd if=/dev/zero of=/dev/null bs=1 count=10007'

# shellcheck disable=SC2086 # words
run "$EO_BIN" trace syscall -o calls.jsonl --stats=stats.json -- $flood
is "a command into a file" "$rc" 0
is "every line is JSON, and events are those of the statistics" \
	"$(strict calls.jsonl syscall)" "$(stat_of stats.json .events_emitted)"
is "nothing is lost" "$(stat_of stats.json '[.lost[]] | add')" 0
is "one start" "$(strict calls.jsonl start)" 1
is "one end, the last line" "$(tail -n 1 calls.jsonl | jq -r .event_type)" end
is "jq reads all of it" "$(jq -c . calls.jsonl | wc -l)" "$(wc -l <calls.jsonl)"
is "each write of the command" \
	"$(jq -c 'select(.comm == "dd" and .data.name == "write" and .data.args.fd == 1 and .data.ret == 1)' calls.jsonl | wc -l)" 10007
is "the process is told" "$(jq -c 'select(.event_type == "process" and .comm == "dd") | 1' calls.jsonl | sort -u)" 1
ok "the statistics add up" adds_up stats.json
is "those of the end record are the same" \
	"$(tail -n 1 calls.jsonl | jq -S '.data | del(.overhead)')" "$(jq -S 'del(.overhead)' stats.json)"
# Who has ended already when its first call is read has no executable any more.
run "$EO_BIN" trace syscall -q -o told.jsonl -- sleep 1
is "and what it executes" "$(jq -r 'select(.event_type == "process" and .comm == "sleep") | .data.exe' told.jsonl | tail -n 1)" \
	"$(readlink -f "$(command -v sleep)")"
is "the file is private" "$(stat -c %a calls.jsonl)" 600

descriptors() { find "/proc/$1/fd" 2>/dev/null | wc -l; }
start "$EO_BIN" trace syscall,net -q -o /dev/null --stats=stats.json
tracer=$pid
start sh -c 'while :; do :; sleep 0.01; done'
load=$pid
capturing "$tracer"
sleep 1
early=$(descriptors "$tracer")
sleep 2
between "descriptors stay as many" "$(descriptors "$tracer")" 20 $((early + 2))
kill -INT "$tracer"
await "$tracer"
is "until the end" "$rc" 0
between "of a run that was not idle" "$(stat_of stats.json .events_seen)" 500 1e9
kill "$load"
await "$load"

# shellcheck disable=SC2086
run "$EO_BIN" trace syscall -q -- sh -c 'exit 23'
is "the status is the command's" "$rc" 23
is "a pipe has no envelope" "$(strict out start)$(strict out end)" 00
has "but events" out '"name":"exit_group"'

# shellcheck disable=SC2086
run "$EO_BIN" trace syscall -q --max-events=1009 --stats=stats.json -- $flood
is "--max-events is exact" "$(strict out syscall)" 1009
is "in the statistics as well" "$(stat_of stats.json .events_emitted)" 1009
ok "what is too much is filtered" adds_up stats.json

run "$EO_BIN" trace syscall -q -e getppid,uname -- sh -c 'uname -s >/dev/null; uname -n >/dev/null'
is "-e leaves the rest out" "$(jq -r .data.name out | sort -u | tr '\n' ' ')" "getppid uname "
run "$EO_BIN" trace syscall -q -e %file --errno=ENOENT -- ls ./absent
is "--errno" "$(jq -r .data.error out | sort -u)" ENOENT
has "with the path" out '"path":"[^"]*/absent"|"filename":"./absent"'

# --- readers

start $flood count=100000000 2>/dev/null
noisy=$pid
start sleep 60
sleeper=$pid

before=$(date +%s%N)
("$EO_BIN" trace syscall -d 2 -q --stats=stats.json; echo $? >status) | (sleep 6; cat >got.jsonl)
is "a stopped reader does not hold up the end" "$(cat status)" 0
is "what it finds is whole records, as many as were emitted" \
	"$(strict got.jsonl syscall)" "$(stat_of stats.json .events_emitted)"
ok "and what it missed is counted to the unit" adds_up stats.json
ok "there was a flood" jq -e '.events_seen > 10000' stats.json

mkfifo stalled
sleep 8 <stalled &
reader=$!
before=$(date +%s%N)
run "$EO_BIN" trace syscall -d 2 -q -o stalled
took=$((($(date +%s%N) - before) / 1000000))
kill "$reader" 2>/dev/null
wait "$reader" 2>/dev/null
between "-d 2 with a stopped reader ends in time (ms)" "$took" 2000 6500

("$EO_BIN" trace syscall 2>closed.err; echo $? >status) | head -n 3 >few.jsonl
is "a closed pipe ends the run" "$(cat status)$(cat closed.err)" 0
is "quietly, with the lines that were read" "$(strict few.jsonl syscall)" 3
("$EO_BIN" trace syscall -p $sleeper 2>closed.err; echo $? >status) | :
is "also when no event comes" "$(cat status)$(cat closed.err)" 0

run "$EO_BIN" trace syscall -d 5 -q -o /dev/full
is "a full disk is an error" "$rc" 1
has "that says so" err 'write /dev/full: No space left'

# A line that nothing follows.
mkfifo lines
start "$EO_BIN" trace syscall -q -p $sleeper -o lines
tracer=$pid
exec 3<lines
kill -CONT "$sleeper" # restarts its call: an event, and then none for long
sleep 0.5
exec 3<&-
until_true sh -c "! kill -0 $tracer"
await "$tracer"
is "the reader of a quiet trace goes away" "$rc" 0

stop "$noisy"

start "$EO_BIN" trace syscall -q -o int.jsonl
tracer=$pid
until_true test -s int.jsonl
kill -INT "$tracer"
await "$tracer"
is "SIGINT ends the trace" "$rc" 0
is "with its end record" "$(tail -n 1 int.jsonl | jq -r .event_type)" end

# --- OpenTelemetry

TRACEPARENT=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
export TRACEPARENT
run "$EO_BIN" trace syscall -q -e openat,uname -f otlp-json --signals=traces,metrics -o 'direct-{signal}.json' -- uname
is "spans and metrics at once" "$rc" 0
unset TRACEPARENT
ok "spans are requests, one a line" jq -e '.resourceSpans[].scopeSpans[].spans[] | .name and .startTimeUnixNano <= .endTimeUnixNano' direct-traces.json
ok "metrics as well" jq -e '.resourceMetrics[].scopeMetrics[].metrics[] | .name and .unit' direct-metrics.json
has "under the caller's span" direct-traces.json '"traceId":"4bf92f3577b34da6a3ce929d0e0e4736"'
has "with the histogram of calls" direct-metrics.json '"ebpfotel.syscall.duration"'
run "$EO_BIN" trace syscall -q -o calls.otlp -- uname
ok "protobuf stands behind its length" python3 -c '
import struct
data = open("calls.otlp", "rb").read()
at = 0
while at < len(data):
    at += 4 + struct.unpack(">I", data[at:at + 4])[0]
assert at == len(data) > 100'
run "$EO_BIN" convert calls.jsonl -f otlp-json --signals=traces -o converted.json
is "a saved trace converts, each call to a span" \
	"$(jq '.resourceSpans[].scopeSpans[].spans[] | select(.name == "uname" or .name == "write") | .name' converted.json | wc -l)" \
	"$(jq -c 'select(.data.name == "uname" or .data.name == "write")' calls.jsonl | wc -l)"

# --- tables

# shellcheck disable=SC2086
run "$EO_BIN" trace syscall -c --stats=stats.json -- $flood
is "a summary" "$rc" 0
has "counts the calls" out '^write +10,0[0-9][0-9] '
ok "whose statistics add up" adds_up stats.json
is "all is aggregated" "$(stat_of stats.json .events_emitted)" 0
# shellcheck disable=SC2086
run "$EO_BIN" trace syscall -c -f jsonl --sort=count --top=1 -e write -q -- $flood
is "one row" "$(wc -l <out)" 1
between "with the count" "$(jq .data.count out)" 10007 10020
is "as many in the buckets" "$(jq '.data | .count - (.buckets | add)' out)" 0

run "$EO_BIN" trace syscall -q --interval=1 --keep=2 -d 3.5 -o 'cut-%H%M%S.jsonl'
is "files of an interval" "$(find . -name 'cut-*' | wc -l)" 2
for file in cut-*; do
	is "each begins with a start record" "$(head -n 1 "$file" | jq -r .event_type)" start
	ok "each converts alone" "$EO_BIN" convert "$file" -f otlp-json -o one.json
done

if command -v script >/dev/null; then
	# shellcheck disable=SC2086
	script -qec "$EO_BIN trace syscall -q -e uname -- uname" typescript >/dev/null 2>&1 </dev/null
	has "text on a terminal" typescript 'uname\[[0-9]+\] +uname\('
fi
# A name that would drive a terminal.
cp "$(command -v sleep)" "$(printf 'x\033[31m"\n\377')"
run "$EO_BIN" trace syscall -q -f text -- ./x* 0
lacks "text has no escapes" out "$(printf '\033')"
run "$EO_BIN" trace syscall -q -- ./x* 0
between "and JSON is JSON" "$(strict out syscall)" 10 1000
finish
