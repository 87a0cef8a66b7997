#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Where output goes and input comes from fails: disks that are full or broken in the middle of a run,
# files that cannot be read, terminals that hang up; and runs that are killed leave nothing behind.
# A mount namespace of our own, for a disk that is full.
[ "${EO_PRIVATE-}" ] || [ "$(id -u)" != 0 ] ||
	EO_PRIVATE=yes exec unshare --mount --propagation private sh "$0" "$@"
. "${0%/*}/tap.sh"
need jq unshare bpftool python3
cd "$tmp" || exit 1
mkdir small
undo() { umount "$tmp/small" 2>/dev/null; }
flood='dd if=/dev/zero of=/dev/null bs=1 count=20011'

# --- full: a stream is whole records up to there

if mount -t tmpfs -o size=64k none small; then
	# shellcheck disable=SC2086 # words
	run "$EO_BIN" trace syscall -q -o small/t.jsonl -- $flood
	is "a disk that fills while a command is traced is 125" "$rc" 125
	has "with a line that says so" err '^ebpfotel: write small/t\.jsonl: No space left on device$'
	ok "what is there is whole records" jq -e .event_type small/t.jsonl
	between "and many" "$(wc -l <small/t.jsonl)" 10 100000
	rm small/t.jsonl
	# shellcheck disable=SC2086
	run "$EO_BIN" trace syscall -q -f otlp --signals=logs -o small/t.otlp -- $flood
	is "the same for protobuf" "$rc" 125
	ok "messages are whole" python3 -c '
import struct
data = open("small/t.otlp", "rb").read()
at = 0
while at < len(data):
    at += 4 + struct.unpack(">I", data[at:at + 4])[0]
assert at == len(data)'
	rm small/t.otlp
	"$EO_BIN" convert -q "$EO_SOURCE/tests/data/profiles/cpu.pprof" -f flamegraph -o page.html
	echo earlier >small/page.html
	head -c 60000 /dev/zero >small/filler 2>/dev/null
	run "$EO_BIN" convert -q "$EO_SOURCE/tests/data/profiles/cpu.pprof" -o small/page.html
	is "a conversion that finds no room" "$rc" 1
	is "leaves the earlier file" "$(cat small/page.html)" earlier
	is "and nothing else" "$(ls -A small | tr '\n' ' ')" "filler page.html "
else
	skip "a disk that fills" "cannot mount a tmpfs"
fi

# --- broken

for command in "convert -f top" check; do
	# What is at address 0 of a process cannot be read: EIO.
	# shellcheck disable=SC2086
	run timeout -k 1 20 "$EO_BIN" $command /proc/self/mem
	is "$command: input that cannot be read" "$rc" 1
	has "says why" err '^ebpfotel: .*/proc/self/mem.*: Input/output error$'
done
# A machine that idles would have nothing to write.
start sh -c "while :; do $flood; done" 2>/dev/null
load=$pid
for at in 1 2 5; do
	# shellcheck disable=SC2086
	run env EO_FAIL_WRITE_AT=$at LD_PRELOAD="$EO_WORKLOADS/failing.so" "$EO_BIN" trace syscall -q -d 5 -a -o broken.jsonl
	is "write $at of a trace fails" "$rc" 1
	has "which is said" err '^ebpfotel: write broken\.jsonl: Input/output error$'
	[ $at = 1 ] || ok "what went before is whole" jq -e .event_type broken.jsonl
done
echo earlier >broken.html
run env EO_FAIL_WRITE_AT=1 LD_PRELOAD="$EO_WORKLOADS/failing.so" "$EO_BIN" convert -q \
	"$EO_SOURCE/tests/data/profiles/cpu.pprof" -o broken.html
is "the write of a profile fails" "$rc" 1
has "which is said" err '^ebpfotel: .*broken\.html: Input/output error$'
is "and leaves the earlier one" "$(cat broken.html)" earlier

# --- a terminal that hangs up

python3 - "$EO_BIN" >hangup 2>&1 <<-'END'
	import os, pty, select, subprocess, sys
	master, slave = pty.openpty()
	tracer = subprocess.Popen([sys.argv[1], 'trace', 'syscall', '-q', '-o', os.ttyname(slave)], stdin=subprocess.DEVNULL)
	assert select.select([master], [], [], 20)[0], 'nothing is written'
	os.close(slave)
	os.close(master)
	print('status', tracer.wait(timeout=20))
END
has "a terminal that hangs up ends a run" hangup '^status [01]$'
kill "$load"
await "$load"

# --- killed, at any time

ls -R /sys/fs/bpf >pinned 2>/dev/null
programs() { bpftool prog show -j | jq -r '.[].id' | sort; }
mkdir out.d
echo earlier >out.d/p.pb.gz
programs >before
for delay in 0.01 0.03 0.05 0.07 0.09 0.11 0.13 0.17 0.19 0.23 0.29 0.31 0.37; do
	start "$EO_BIN" -q profile -d 0 -o out.d/p.pb.gz 2>/dev/null
	profiler=$pid
	start "$EO_BIN" -q trace syscall,mem -p $$ -d 0 -o out.d/t.jsonl 2>/dev/null
	tracer=$pid
	sleep $delay
	stop "$profiler" "$tracer"
done
only_before()
{
	programs >now
	! comm -13 before now | grep -q .
}
ok "after SIGKILL at any time no program is left" until_true only_before
is "nothing is pinned" "$(ls -R /sys/fs/bpf 2>/dev/null)" "$(cat pinned)"
is "the earlier file is as it was" "$(cat out.d/p.pb.gz)" earlier
if python3 -c 'import os; os.open("out.d", os.O_TMPFILE | os.O_WRONLY)' 2>/dev/null; then
	is "and no temporary file is beside it" "$(find out.d -name '.*' -type f)" ""
else
	skip "no temporary file is left" "this file system has no files without names"
fi
run "$EO_BIN" -q profile -d 0.3 -p $$ -o out.d/p.pb.gz
is "the next run works" "$rc" 0
ok "and replaces it" sh -c '! grep -qx earlier out.d/p.pb.gz'
finish
