#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Runs that end early, pause, or have nowhere to write.
# A mount namespace of our own, for a disk that is full.
[ "${EO_PRIVATE-}" ] || [ "$(id -u)" != 0 ] ||
	EO_PRIVATE=yes exec unshare --mount --propagation private sh "$0" "$@"
. "${0%/*}/tap.sh"
need go jq taskset unshare script bpftool
cd "$tmp" || exit 1
mkdir out.d full
undo() { umount "$tmp/full" 2>/dev/null; }

start "$EO_SPIN" stacks >/dev/null
spin=$pid
spinning "$spin" spin

for signal in INT TERM HUP; do
	echo earlier >out.d/p.pb.gz
	start "$EO_BIN" -q profile -F 499 -d 0 -p "$spin" -o out.d/p.pb.gz 2>err
	sampling "$pid"
	sleep 0.3
	is "until SIG$signal an earlier file stays" "$(head -c 7 out.d/p.pb.gz)" earlier
	kill -$signal "$pid"
	await "$pid"
	is "SIG$signal ends a run well" "$rc" 0
	between "and what was collected is written" "$(count out.d/p.pb.gz 1)" 20 1000
done

# Two and a half seconds, one and a half of them paused. Ticks of the one CPU tell how long was sampled. It is
# kept busy: a virtual CPU that sleeps misses a third of them.
start taskset -c 0 "$EO_SPIN" hot >/dev/null
busy=$pid
spinning "$busy" spin
started=$(date +%s%N)
start "$EO_BIN" -q profile -F 499 -C 0 -d 0 -o out.d/p.pb.gz --stats=p.json 2>err
sampling "$pid"
sleep 0.5
kill -USR1 "$pid"
sleep 1.5
kill -USR2 "$pid"
sleep 0.5
kill -INT "$pid"
await "$pid"
is "a run with a pause" "$rc" 0
passed=$(($(date +%s%N) - started))
duration=$(stat_of p.json .duration_ns)
between "paused time is not profiled time" "$duration" 800000000 $((passed - 1300000000))
between "nor sampled" "$(stat_of p.json '.events_seen + .profile.idle')" \
	$((duration / 1000000 * 499 / 1000 * 85 / 100)) $((duration / 1000000 * 499 / 1000 * 115 / 100))
stop "$busy"
is "the profile says the same duration" "$(gzip -dc out.d/p.pb.gz |
	protoc -I "$EO_SOURCE/lib/proto" --decode=perftools.profiles.Profile pprof.proto |
	sed -n 's/^duration_nanos: //p')" "$duration"

start "$EO_BIN" -q profile -d 1 -C 0 -o out.d/p.pb.gz --stats=p.json 2>err
sampling "$pid"
# Signals that wait together come in no order, so each has its time.
for signal in USR2 USR1 USR1; do # not paused, and paused already: no harm
	kill -$signal "$pid"
	sleep 0.2
done
sleep 1.5
ok "-d waits while paused" kill -0 "$pid"
kill -USR2 "$pid"
await "$pid"
is "and ends after its own time" "$rc" 0
between "of sampling" "$(stat_of p.json .duration_ns)" 900000000 1300000000
start "$EO_BIN" -q profile -d 0 -C 0 -o out.d/p.pb.gz 2>err
sampling "$pid"
kill -USR1 "$pid"
sleep 0.2
kill -INT "$pid"
await "$pid"
is "SIGINT ends a paused run" "$rc" 0
ok "with a valid file" valid out.d/p.pb.gz

if mount -t tmpfs -o size=16k none full; then
	echo earlier >full/p.pb.gz
	head -c 12288 /dev/zero >full/filler
	run "$EO_BIN" -q profile -F 997 -d 1 -p "$spin" -o full/p.pb.gz
	is "a full disk is a failure" "$rc" 1
	is "told in one line" "$(grep -vc '^hint: ' err)" 1
	has "which names the file and the reason" err '^ebpfotel: .*full/p\.pb\.gz.*: No space left on device$'
	is "the earlier file stays" "$(cat full/p.pb.gz)" earlier
	is "and nothing else is left" "$(ls -A full | tr '\n' ' ')" "filler p.pb.gz "
	run "$EO_BIN" -q profile -F 997 -d 1 -p "$spin" -o out.d/p.pb.gz --stats=/dev/full
	is "neither can statistics be lost in silence" "$rc" 1
	run "$EO_BIN" -q profile -F 997 -d 1 -p "$spin" -o full/p.pb.gz -- sh -c 'exit 3'
	is "-p and a command exclude each other" "$rc" 2
	run "$EO_BIN" -q profile -F 997 -d 1 -a -o full/p.pb.gz -- sh -c 'sleep 1; exit 3'
	is "with a command, a full disk is 125" "$rc" 125
else
	skip "a full disk" "cannot mount a tmpfs"
fi
"$EO_BIN" -q profile -F 997 -d 1 -f folded -p "$spin" >/dev/full 2>err
is "stdout that takes nothing is a failure" "$?" 1

{
	timeout 20 "$EO_BIN" profile -d 0 -p "$spin" -f folded -o - 2>err
	echo $? >status
} | head -c 0
is "a reader that leaves ends a run" "$(cat status)" 0
is "without a word" "$(cat err)" ""
{
	sleep 1
	timeout 20 "$EO_BIN" -q profile -F 997 -d 1 -p "$spin" -f folded -o - 2>err
	echo $? >status
} | :
is "one that has left already too" "$(cat status)" 0
{
	timeout 20 "$EO_BIN" -q profile -F 997 -d 1 -p "$spin" -f folded -o - 2>err
	echo $? >status
} | head -n 1 >line
is "one that wants a single line gets it" "$(cat status) $(grep -c '^spin;' line)" "0 1"

script -qec "'$EO_BIN' profile -d 0.1 -f pprof -o -" typed </dev/null >/dev/null 2>&1
is "no pprof on a terminal" "$?" 2
has "but a line that says so" typed 'ebpfotel: .*terminal'
script -qec "'$EO_BIN' -q profile -d 0.2 -a -f top" typed </dev/null >/dev/null 2>&1
is "a table goes to a terminal" "$?" 0
has "as text" typed 'flat%'

ls -R /sys/fs/bpf >pinned 2>/dev/null
programs() { bpftool prog show -j | jq -r '.[].id' | sort; }
programs >before
echo earlier >out.d/p.pb.gz
start "$EO_BIN" -q profile -d 0 -o out.d/p.pb.gz 2>err
sampling "$pid"
programs | comm -13 before - >ours
ok "a run has BPF programs" test -s ours
stop "$pid"
programs_gone()
{
	programs >now
	! comm -12 ours now | grep -q .
}
ok "after SIGKILL they are gone" until_true programs_gone
is "nothing is pinned" "$(ls -R /sys/fs/bpf 2>/dev/null)" "$(cat pinned)"
is "an earlier file is as it was" "$(cat out.d/p.pb.gz)" earlier
run "$EO_BIN" -q profile -d 0.3 -p "$spin" -o out.d/p.pb.gz
is "and a later run works" "$rc" 0

stop "$spin"
start "$EO_SPIN" hot >/dev/null
spin=$pid
spinning "$spin" spin
start "$EO_BIN" -q profile -d 60 -F 499 -p "$spin" -o out.d/p.pb.gz --stats=p.json 2>err
profiler=$pid
sampling "$profiler"
sleep 0.3
stop "$spin"
await "$profiler"
is "the end of its target ends a run" "$rc" 0
between "with what there was" "$(count out.d/p.pb.gz '$4 ~ /^hot_a@/')" 20 400
between "long before its time" "$(stat_of p.json .duration_ns)" 1 20000000000
finish
