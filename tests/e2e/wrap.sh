#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Pids that are given out again at once, as where they wrap around: 202 processes of two programs by turns
# on three pids. Nobody is missing, and nobody carries the name, the functions or the file of another.
. "${0%/*}/tap.sh"
need jq
cd "$tmp" || exit 1
apple=$EO_WORKLOADS/reused_apple
pear=$EO_WORKLOADS/reused_pear
"$apple" drive 1 "$apple" "$pear" 2>err
[ $? != 77 ] || skip_all "pids cannot be chosen here: $(cat err)"

# counted FILTER FILE: how often there is what, one a line
counted() { jq -r "$1" "$2" | sort | uniq -c | sed 's/^ *//'; }
# How many events have a function of the other program.
strangers()
{
	jq -r 'select(.data.stack) | .comm as $comm | .data.stack | map(.function // "" | select(test("^(apple|pear)_")) |
		split("_")[0] != ($comm | ltrimstr("reused_"))) | any | select(.)' "$1" | wc -l
}
files()
{
	jq -r 'select(.event_type == "process" and .data.exe) | [.comm, (.data.exe | split("/")[-1])] |
		select(.[0] | startswith("reused_")) | select(.[0] != .[1]) | @text' "$1" | wc -l
}
whole='([.lost[]] | add) == 0 and .degraded.targets_missed == 0'

run "$EO_BIN" trace syscall -q --stack -e getppid,getpgid -o calls.jsonl --stats=calls.json -- \
	"$apple" drive 101 "$apple" "$pear"
is "calls are traced" "$rc" 0
is "each process's own, and all of them" "$(counted 'select(.event_type == "syscall") | "\(.comm) \(.data.name)"' calls.jsonl)" \
	"$((101 * 7)) reused_apple getppid
$((101 * 11)) reused_pear getpgid"
is "no stack has a stranger" "$(strangers calls.jsonl)" 0
is "no process has a stranger's file" "$(files calls.jsonl)" 0
ok "nothing is lost, nobody was not followed" jq -e "$whole" calls.json

run "$EO_BIN" trace mem -q --stack -o blocks.jsonl --stats=blocks.json -- "$apple" drive 101 "$apple" "$pear"
is "allocations are traced" "$rc" 0
is "no block is another program's" "$(counted 'select(.data.size_bytes == 4801 or .data.size_bytes == 8017) |
	"\(.comm) \(.data.size_bytes)"' blocks.jsonl | cut -d' ' -f2-)" "reused_apple 4801
reused_pear 8017"
is "no stack has a stranger" "$(strangers blocks.jsonl)" 0
is "no process has a stranger's file" "$(files blocks.jsonl)" 0
ok "nothing is lost, nobody was not followed" jq -e "$whole" blocks.json

run "$EO_BIN" profile -q -F 997 -o profile.folded --stats=profile.json -- "$apple" drive 101 "$apple" "$pear"
is "they are profiled" "$rc" 0
is "no sample has a stranger" "$(grep -cE '^reused_apple;.*pear_|^reused_pear;.*apple_' profile.folded)" 0
for name in apple pear; do
	between "samples of $name's own functions" "$(awk -v own="^reused_$name;.*${name}_work" \
		'$0 ~ own { n += $NF } END { print n + 0 }' profile.folded)" 3 500
done
ok "samples add up" jq -e '.events_seen == .events_emitted + .events_aggregated + .events_filtered + ([.lost[]] | add)' profile.json
finish
