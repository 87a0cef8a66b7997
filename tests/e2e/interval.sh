#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Output cut in time: files follow one another without a gap, and only the newest are kept.
. "${0%/*}/tap.sh"
need go jq
cd "$tmp" || exit 1
mkdir kept all

start "$EO_SPIN" hot >/dev/null
spinning "$pid" spin
spin=$pid
start "$EO_BIN" profile -F 199 -d 3.6 -p "$spin" --interval=1s --keep=2 -o 'kept/%Y%m%d-%H%M%S.pb.gz' 2>kept.err
kept=$pid
start "$EO_BIN" profile -F 199 -d 3.6 -p "$spin" --interval=1s -o 'all/p-%s.pb.gz' --stats=all.json 2>all.err
all=$pid
await "$kept"
is "--keep ends well" "$rc" 0
await "$all"
is "--interval ends well" "$rc" 0

is "--keep=2 leaves two files" "$(ls -A kept | wc -l)" 2
is "3.6 s in intervals of one are four files" "$(ls -A all | wc -l)" 4
sum=0
for file in kept/* all/*; do
	ok "a file of an interval is a profile" valid "$file"
	case $file in all/*) sum=$((sum + $(count "$file" 1))) ;; esac
done
is "no sample falls between two files" "$sum" "$(stat_of all.json '.events_aggregated + .events_emitted')"
between "and they are those of 3.6 s" "$sum" 150 800

run "$EO_BIN" profile -d 1 --interval=1s -o plain.pb.gz
is "a name without % is a usage error" "$rc" 2
has "that says so" err '^ebpfotel: .*(--interval|plain\.pb\.gz).*template'
ok "and leaves nothing behind" test ! -e plain.pb.gz
run "$EO_BIN" profile -d 1 --interval=1s -o 'p-%H.pb.gz'
is "names that would repeat are a usage error" "$rc" 2
finish
