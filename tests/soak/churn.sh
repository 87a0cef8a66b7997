#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# churn.sh EBPFOTEL FOLDER-OF-CHURN [SECONDS]
# One long run of `ebpfotel profile` over programs that come, exec, load libraries and go, by default
# for an hour: what tests/kernel/test_churn.c does for 20 seconds. Each part of the output is searched
# for stacks with functions of another program; memory, descriptors and maps are written down every
# 30 seconds, and what they grow after a tenth of the time is held against a bound. Needs root.
set -eu
bin=$1
folder=$(cd "$2" && pwd)
seconds=${3:-3600}
part=30
. "${0%/*}/common.sh"
need jq
[ "$seconds" -ge 300 ] || die "SECONDS must be 300 or more, for the first tenth is warm-up"

tmp=$(mktemp -d)
profiler='' driver=''
cleanup() {
	# shellcheck disable=SC2086
	kill $profiler $driver 2>/dev/null || :
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

mkdir "$tmp/parts"
nice -n 10 "$folder/churn_apple" drive "$((seconds + 5))" "$folder/churn_apple" "$folder/churn_pear" >"$tmp/driven" &
driver=$!
"$bin" profile -q -F 199 -d "$seconds" --comm=churn_apple,churn_pear --interval="${part}s" --stats="$tmp/stats" \
	-o "$tmp/parts/%H%M%S.folded" &
profiler=$!

# Each part once: how many samples, and how many of them with a frame of the other program.
look() { # FILE...
	for file; do
		[ -f "$file" ] || continue
		awk '
		{
			comm = $0
			sub(/;.*/, "", comm)
			sub(/^churn_/, "", comm)
			all += $NF
			if ((comm != "apple" && /;apple_/) || (comm != "pear" && /;pear_/)) {
				strange += $NF
				print > "/dev/stderr"
			}
		}
		END { print all + 0, strange + 0 }' "$file" >>"$tmp/counts"
		rm "$file"
	done
}

echo "seconds  own memory, kB  descriptors  BPF maps, kB"
: >"$tmp/growth"
began=$(date +%s)
while kill -0 "$profiler" 2>/dev/null; do
	sleep "$part"
	passed=$(($(date +%s) - began))
	[ "$passed" -lt "$seconds" ] || break
	line=$(figures "$profiler") || break
	echo "$passed $line" >>"$tmp/growth"
	tail -n 1 "$tmp/growth"
	look "$tmp/parts"/*.folded # each appears complete
done
status=0
wait "$profiler" || status=$?
profiler=
wait "$driver" || :
driver=
look "$tmp/parts"/*.folded
cat "$tmp/driven"
[ "$status" = 0 ] || die "ebpfotel ended with status $status"

jq -c '{events_seen, lost, degraded, unwind: .profile.unwind, tables: .profile.tables, overhead}' "$tmp/stats"
awk '{ all += $1; strange += $2 } END { print all " samples, " strange " with a stranger"; exit strange > 0 || !all }' \
	"$tmp/counts" || die "a stack has functions of another program, or there is none"
[ "$(unexplained "$tmp/stats")" = 0 ] || die "samples are missing"
awk -v warm="$((seconds / 10))" '
$1 >= warm && !first { first = $2; fds = $3; maps = $4 }
$1 >= warm { last = $2; last_fds = $3; last_maps = $4 }
END {
	printf "from %d s on: memory %d -> %d kB, descriptors %d -> %d, maps %d -> %d kB\n",
		warm, first, last, fds, last_fds, maps, last_maps
	exit last > first * 1.1 + 2048 || last_fds > fds + 8 || last_maps > maps + 1024
}' "$tmp/growth" || die "something grows"
