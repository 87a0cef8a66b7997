#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# together.sh EBPFOTEL SOURCE [SECONDS]
# Profile and the three tracers at once beside a compiler and a server, by default for an hour. Each
# accounts for every event; its memory, descriptors and maps are written down every 15 seconds, and
# those of the last tenth of the time are held against those of the second one. Needs root.
set -eu
bin=$1
source=$2
seconds=${3:-3600}
part=15
. "${0%/*}/common.sh"
need cc curl jq python3
[ "$seconds" -ge 300 ] || die "SECONDS must be 300 or more, for the first tenth is warm-up"

tmp=$(mktemp -d)
busy='' client='' server='' runs=''
undo() {
	# shellcheck disable=SC2086
	kill $busy $client $server $runs 2>/dev/null || :
	wait
	rm -rf "$tmp"
}
trap undo EXIT
trap 'exit 130' HUP INT TERM

compile_again "$source" "$tmp" 0.2 &
busy=$!
serve "$tmp"
ask_again "$port" 0.02 &
client=$!

run() { # NAME COMMAND OPTION...
	name=$1
	shift
	"$bin" "$@" -q -d "$seconds" --stats="$tmp/$name.json" &
	runs="$runs $!"
	echo "$! $name" >>"$tmp/runs"
}
mkdir "$tmp/parts"
run profile profile --interval=1m --keep=3 -o "$tmp/parts/%H%M%S.pb.gz"
run net,syscall trace net,syscall -o /dev/null
run mem trace mem -p "$server" -o /dev/null

echo "seconds  run  own memory, kB  descriptors  BPF maps, kB"
began=$(date +%s)
while sleep "$part" && passed=$(($(date +%s) - began)) && [ "$passed" -lt "$seconds" ]; do
	while read -r pid name; do
		line=$(figures "$pid") || die "$name has ended"
		echo "$passed $name $line" >>"$tmp/growth"
	done <"$tmp/runs"
	tail -n 3 "$tmp/growth"
done
status=0
for pid in $runs; do
	wait "$pid" || status=$?
done
runs=
claim "all ended well (status)" "$status == 0"
until_the_end "$busy" compiler
until_the_end "$client" server

grown() { # RUN COLUMN: by how much the least of the last tenth is more than that of the second
	awk -v run="$1" -v column="$2" -v tenth="$((seconds / 10))" '
	$2 != run { next }
	$1 >= tenth && $1 < 2 * tenth && (!early || $column < early) { early = $column }
	$1 >= 9 * tenth && (!late || $column < late) { late = $column }
	END { print late - early }' "$tmp/growth"
}
for name in profile net,syscall mem; do
	jq -c "{run: \"$name\", events_seen, events_emitted, lost, degraded, overhead}" "$tmp/$name.json"
	claim "$name: something happened" "$(jq .events_seen "$tmp/$name.json") > 1000"
	claim "$name: every event is accounted for" "$(unexplained "$tmp/$name.json") == 0"
	claim "$name: memory grows by 1 MB at most (kB)" "$(grown "$name" 3) <= 1024"
	claim "$name: descriptors do not grow" "$(grown "$name" 4) <= 4"
	claim "$name: maps do not grow (kB)" "$(grown "$name" 5) <= 1024"
done
claim "the last three parts are kept" "$(find "$tmp/parts" -name '*.pb.gz' | wc -l) == 3"
exit $((failures > 0))
