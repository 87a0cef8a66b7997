#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Where a profile goes and in what format: endings, links, fifos, and files that are none.
. "${0%/*}/tap.sh"
need go jq
cd "$tmp" || exit 1
mkdir elsewhere

start "$EO_SPIN" hot >/dev/null
spin=$pid
spinning "$spin" spin
profile() { run "$EO_BIN" -q profile -F 499 -d 0.3 -p "$spin" "$@"; }
folded='^spin;.*hot_a [0-9]+$'

profile
is "without -o" "$rc" 0
ok "there is profile.pb.gz" valid profile.pb.gz
is "which is ours to read" "$(stat -c %a profile.pb.gz)" 600
for name in p.pprof p.unknown; do
	profile -o $name
	ok "$name is pprof" valid $name
done
profile -o p.folded
has "p.folded is folded" p.folded "$folded"
profile -o p.txt
has "p.txt is a table" p.txt 'flat +flat% +sum% +cum +cum%'
has "with the function" p.txt '[0-9]% +hot_a'
profile -o p.pb.gz -f folded
has "-f wins over the ending" p.pb.gz "$folded"
profile -f folded
has "folded goes to stdout by default" out "$folded"
lacks "and nothing else does" out '^[^s]|^$'

echo earlier >elsewhere/target
chmod 640 elsewhere/target
ln -s elsewhere/target link.folded
profile -o link.folded
ok "a link stays a link" test -h link.folded
has "its target is replaced" elsewhere/target "$folded"
lacks "as a whole" elsewhere/target earlier
is "with no temporary file left" "$(ls -A elsewhere)" target
ln -s elsewhere/new dangling.folded
profile -o dangling.folded
has "a link to nothing makes its target" elsewhere/new "$folded"

mkfifo fifo
cat fifo >read &
reader=$!
background="$background $reader"
profile -f folded -o fifo
await "$reader"
has "a fifo is written as it is" read "$folded"
ok "and stays one" test -p fifo
profile -o /dev/null
is "so is /dev/null" "$rc $(stat -c %F /dev/null)" "0 character special file"
profile -f folded -o - --stats=s.json
is "statistics beside stdout" "$(jq -r '.events_aggregated + .events_emitted' s.json)" "$(awk '{ n += $NF } END { print n }' out)"
profile -f folded -o s.json --stats=s.json
is "two documents in one file are a usage error" "$rc" 2
profile -o p.pb.gz --strict
is "--strict without loss is a success" "$rc" 0
finish
