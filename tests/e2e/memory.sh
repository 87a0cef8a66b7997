#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Memory runs out at every point, once, and at random, in the program and in its libraries: it may end
# with an error that says so, or go on without a nicety, but not crash, not hang, and not write a
# result that is another one.
. "${0%/*}/tap.sh"
not_for_coverage
need jq cmp
cd "$tmp" || exit 1
failing=$EO_WORKLOADS/failing.so
data=$EO_SOURCE/tests/data
most=31 # runs of one kind; all points where there are fewer

# failed_well RC ERR: an exit status of ours, with words
failed_well()
{
	case $1 in
	1 | 2 | 3 | 4 | 125) [ -s "$2" ] || [ -s out ] ;; # a table that says it, of check
	*) return 1 ;;
	esac
}

# sweep CLAIM OUT COMMAND...: OUT is what it writes; "" when that differs from run to run
sweep()
{
	claim=$1 result=$2
	shift 2
	rm -f "$result" count
	EO_FAIL_COUNT=count LD_PRELOAD=$failing "$@" >out 2>err </dev/null
	rc=$?
	points=$(cat count 2>/dev/null)
	[ $rc = 0 ] && [ "$points" ] || { fail "$claim" "it does not work with memory either: $rc"; return; }
	[ ! "$result" ] || mv "$result" right
	at=1 tried=0 refused=0 bad=
	while [ "$at" -le "$points" ]; do
		[ ! "$result" ] || rm -f "$result"
		EO_FAIL_AT=$at LD_PRELOAD=$failing timeout -k 1 20 "$@" >out 2>err </dev/null
		rc=$?
		tried=$((tried + 1))
		if [ $rc = 0 ]; then
			[ ! "$result" ] || cmp -s "$result" right || bad="$bad $at:differs"
		elif failed_well $rc err; then
			refused=$((refused + 1))
			[ ! "$result" ] || [ ! -e "$result" ] || bad="$bad $at:$rc-and-a-file"
		else
			bad="$bad $at:$rc"
		fi
		at=$((at + 1 + points / most))
	done
	is "$claim ($tried of $points, $refused refused)" "$bad" ""
	# A capture may do without most of what it allocates: names, lines, tables.
	[ ! "$result" ] || between "and most are noticed" "$refused" $((tried / 2)) "$tried"
}

# shaken CLAIM RATE COMMAND...: one of RATE fails, at random, 11 times
shaken()
{
	claim=$1 rate=$2 seed=0 bad=
	shift 2
	while [ $seed -lt 11 ]; do
		seed=$((seed + 1))
		EO_FAIL_RATE=$rate EO_FAIL_SEED=$seed LD_PRELOAD=$failing timeout -k 1 20 "$@" >out 2>err </dev/null
		rc=$?
		[ $rc = 0 ] || failed_well $rc err || bad="$bad $seed:$rc"
	done
	is "$claim, one of $rate at random" "$bad" ""
}

for format in pprof folded otlp otlp-json flamegraph top; do
	sweep "pprof to $format" "out.$format" "$EO_BIN" convert -q "$data/profiles/cpu.pprof" -f $format -o "out.$format"
done
"$EO_BIN" convert -q "$data/profiles/cpu.pprof" -f otlp -o in.otlp
"$EO_BIN" convert -q "$data/profiles/cpu.pprof" -f otlp-json -o in.json
"$EO_BIN" convert -q "$data/profiles/cpu.pprof" -f folded -o in.folded
for from in in.otlp in.json in.folded; do
	sweep "$from to pprof" out.pprof "$EO_BIN" convert -q $from -f pprof --time=keep -o out.pprof
done
sweep "two merged" out.folded "$EO_BIN" convert -q "$data/profiles/cpu.pprof" "$data/profiles/cpu.pprof" -f folded -o out.folded
for signals in traces metrics logs; do
	sweep "events to $signals" out.json "$EO_BIN" convert -q "$data/events/examples.jsonl" -f otlp-json \
		--signals=$signals -o out.json
done
shaken "conversion" 40 "$EO_BIN" convert -q "$data/events/examples.jsonl" -f otlp -o out.otlp --signals=logs
sweep "--dry-run" "" "$EO_BIN" profile --dry-run -F 49 --comm=a,b

# With the kernel: what is attached goes when we end, however we end.
start "$EO_SPIN" hot >/dev/null
spin=$pid
spinning "$spin" spin
most=${EO_MEMORY_POINTS:-23} # of hundreds to thousands: each run takes tenths of a second
sweep "check" "" "$EO_BIN" check
sweep "profile" "" "$EO_BIN" profile -q -F 199 -d 0.1 -p "$spin" -o p.pb.gz
sweep "profile by lines, for OpenTelemetry" "" "$EO_BIN" profile -q --lines -F 199 -d 0.1 -p "$spin" -o p.otlp
sweep "trace syscall" "" "$EO_BIN" trace syscall -q -y -k -d 0.1 -p $$ -o t.jsonl
sweep "a summary of calls" "" "$EO_BIN" trace syscall -q -c -d 0.1 -o t.txt
sweep "trace mem" "" "$EO_BIN" trace mem -q -d 0.1 -p "$spin" -o t.jsonl
sweep "trace net" "" "$EO_BIN" trace net -q -d 0.1 -p "$spin" -o t.jsonl
for rate in 10 100 1000; do
	shaken "profile" $rate "$EO_BIN" profile -q -F 199 -d 0.1 -p "$spin" -o p.pb.gz
	shaken "trace" $rate "$EO_BIN" trace syscall,mem -q -k -d 0.1 -p "$spin" -o t.jsonl
done
is "no temporary file is left" "$(ls -A | grep -c '^\..*\.[A-Za-z0-9]*$')" 0
finish
