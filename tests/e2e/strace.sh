#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# One program under strace and under trace syscall: both tell the same calls in the same order, with
# the same results, errors, texts and names.
. "${0%/*}/tap.sh"
not_for_coverage
need strace python3 jq
cd "$tmp" || exit 1
mkdir theirs ours pinned || exit 1

compare() # STRACE JSONL
{
	python3 "$here/strace_compare.py" "$1" "$2" >compared
	is "nothing is told differently" "$(sed '$d' compared | cut -c 1-400)" ""
	read -r word calls kinds <<-END
		$(tail -n 1 compared)
	END
	is "the comparison came to its end" "$word" compared
	between "over so many calls" "$calls" 160 1000
	between "of so many kinds" "$kinds" 100 300
}

(cd theirs && exec strace -f -s 256 -o ../strace.out "$EO_WORKLOADS/variety") >/dev/null 2>strace.err
[ -s strace.out ] || skip_all "strace cannot trace here: $(head -n 1 strace.err)"

cd ours || exit 1
run "$EO_BIN" trace syscall --payload -s 256 -q -o ../ours.jsonl --stats=../stats.json -- "$EO_WORKLOADS/variety"
cd ..
is "the program under trace syscall" "$rc" 0
is "nothing is lost" "$(stat_of stats.json '[.lost[]] | add')" 0
compare strace.out ours.jsonl

# On one CPU there is one ring, and the order of the lines is that of the calls.
cd pinned || exit 1
run taskset -c 0 "$EO_BIN" trace syscall --payload -s 256 -q -o ../pinned.jsonl -- taskset -c 0 "$EO_WORKLOADS/variety"
cd ..
compare strace.out pinned.jsonl
is "calls of one thread on one CPU come in their order" \
	"$(jq -sc '[.[] | select(.event_type == "syscall" and .comm == "variety") | .elapsed_ns] | . == sort' pinned.jsonl)" true

strace -c -f -o summary.out "$EO_WORKLOADS/variety" >/dev/null 2>&1
run "$EO_BIN" trace syscall -c -q -f jsonl -- "$EO_WORKLOADS/variety"
is "strace -c and trace syscall -c count the same" \
	"$(jq -r '.data | select(.name | test("^(exit_group|execve)$") | not) | [.name, .count, .errors // 0] | join(" ")' out | sort)" \
	"$(awk '$NF == "total" { exit } $4 ~ /^[0-9]+$/ && $NF !~ /^(exit_group|execve)$/ {
		print $NF, $4, NF == 6 ? $5 : 0 }' summary.out | sort)"
finish
