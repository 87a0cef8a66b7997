#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Targets that are not what they seem or do not stay what they were: broken and huge programs,
# absurd symbol files, cgroups and mount namespaces that go away, a /proc that hides, and we
# ourselves stopped in the middle.
# A mount namespace of our own, for file systems that come and go.
[ "${EO_PRIVATE-}" ] || [ "$(id -u)" != 0 ] ||
	EO_PRIVATE=yes exec unshare --mount --propagation private sh "$0" "$@"
. "${0%/*}/tap.sh"
need go jq unshare setpriv python3 bpftool
cd "$tmp" || exit 1
group=
undo()
{
	umount "$tmp/gone" 2>/dev/null
	[ ! "$group" ] || rmdir "$group" 2>/dev/null
}
mkdir gone
mount -t tmpfs none gone || skip_all "cannot mount a tmpfs"

# --- programs that still run, but whose files make no sense

# broken NAME PYTHON: a copy of spin, changed by statements about `data` (a bytearray) and `f`
broken()
{
	cp "$EO_SPIN" "$1"
	python3 - "$1" <<-END
		import struct, sys
		f = open(sys.argv[1], 'r+b')
		data = bytearray(f.read())
		shoff, = struct.unpack_from('<Q', data, 40)
		shentsize, shnum, shstrndx = struct.unpack_from('<HHH', data, 58)
		section = lambda i: shoff + i * shentsize
		def put(at, format, value): struct.pack_into(format, data, at, value)
		$2
		f.seek(0)
		f.write(data)
	END
	start "./$1" hot >/dev/null
	spinning "$pid" "$1"
	victims="$victims $pid"
}
victims=
broken nosections 'put(40, "<Q", 1 << 62)'
broken manysections 'put(60, "<H", 0xfff0); put(62, "<H", 0xffef)'
broken liesaboutsize '[put(section(i) + 32, "<Q", (1 << 64) - 1) for i in range(shnum)]'
broken selflinks '[put(section(i) + 40, "<I", i) for i in range(shnum)]'
broken noise '[put(section(i) + 24, "<Q", (i * 2654435761) % len(data)) for i in range(shnum)]'
broken huge 'f.truncate(9 << 30); put(40, "<Q", (9 << 30) - 64)'
# Symbols and call frame information of garbage, where both are looked for.
broken garbage 'import random; random.seed(7)
for i in range(shnum):
    kind, = struct.unpack_from("<I", data, section(i) + 4)
    at, size = struct.unpack_from("<QQ", data, section(i) + 24)
    flags, = struct.unpack_from("<Q", data, section(i) + 8)
    if kind in (2, 3) and not flags & 2:
        data[at:at + size] = random.randbytes(size)'

# Names of JITs, as a file of 20 GB that holds nothing, of one line without end, and as a directory.
absurd=
for kind in sparse line directory; do
	start "$EO_SPIN" hot >/dev/null
	spinning "$pid" spin
	absurd="$absurd $pid"
	rm -rf "/tmp/perf-$pid.map"
	case $kind in
	sparse) truncate -s 20G "/tmp/perf-$pid.map" ;;
	line) head -c 100000000 /dev/zero | tr '\0' a >"/tmp/perf-$pid.map" ;;
	directory) mkdir "/tmp/perf-$pid.map" ;;
	esac
done
undo_maps() { for pid in $absurd; do rm -rf "/tmp/perf-$pid.map"; done; }

pids=$(echo $victims $absurd | tr ' ' ,)
run timeout 60 "$EO_BIN" profile -F 199 -d 3 -p "$pids" -o broken.pb.gz --stats=broken.json
undo_maps
is "programs whose files make no sense are no failure" "$rc" 0
ok "their samples add up" adds_up broken.json
for pid in $victims; do
	between "$(cat "/proc/$pid/comm") has samples" "$(count broken.pb.gz "\$2 == $pid")" 5 700
done
between "peak memory in MB" "$(jq '.overhead.rss_bytes / 1048576' broken.json)" 1 150
for pid in $absurd; do
	between "names beside an absurd file of them" "$(count broken.pb.gz "\$2 == $pid && \$4 ~ /^hot_[abc]@/")" 5 700
done
# shellcheck disable=SC2086 # words
stop $victims $absurd

# --- what a target lives in goes away

v2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
if [ "$v2" ] && mkdir "$v2/ebpfotel-test-$$" 2>/dev/null; then
	group=$v2/ebpfotel-test-$$
	start "$EO_SPIN" hot >/dev/null
	spin=$pid
	spinning "$spin" spin
	echo "$spin" >"$group/cgroup.procs"
	start "$EO_BIN" profile -q -F 199 -d 0 --cgroup="$group" -o group.pb.gz --stats=group.json
	profiler=$pid
	capturing "$profiler"
	sleep 0.7
	stop "$spin"
	ok "a cgroup that is filtered by can be removed" until_true rmdir "$group"
	[ -d "$group" ] || group=
	kill -INT "$profiler"
	await "$profiler"
	is "and the run ends well" "$rc" 0
	between "with what there was" "$(count group.pb.gz "\$2 == $spin")" 20 700
	ok "which adds up" adds_up group.json
else
	skip "a cgroup that is removed" "no cgroup v2 to make one in"
fi

cp "$EO_SPIN" gone/spin
start unshare --mount --propagation private sh -c "umount '$tmp/gone' 2>/dev/null; mount -t tmpfs none '$tmp/gone' &&
	cp '$EO_SPIN' '$tmp/gone/inner' && exec '$tmp/gone/inner' hot" >/dev/null
inner=$pid
spinning "$inner" inner
start "$EO_BIN" profile -q -F 199 -d 0 --comm=inner -o inner.pb.gz --stats=inner.json
profiler=$pid
capturing "$profiler"
sleep 0.7
stop "$inner" # the namespace ends with it, and the only mount of its file
kill -INT "$profiler"
await "$profiler"
is "a mount namespace that ends is no failure" "$rc" 0
between "its program had a name" "$(count inner.pb.gz "\$2 == $inner && \$4 ~ /^hot_[abc]@.*inner/")" 20 700

start ./gone/spin hot >/dev/null
lazy=$pid
spinning "$lazy" spin
umount -l gone
start "$EO_BIN" profile -q -F 199 -d 1 -p "$lazy" -o lazy.pb.gz
await "$pid"
is "nor is a program of a file system that is mounted nowhere" "$rc" 0
between "which has a name" "$(count lazy.pb.gz "\$2 == $lazy && \$4 ~ /^hot_[abc]@/")" 20 700
stop "$lazy"

# --- a thread that becomes a program

# It takes over the number of its process.
mkfifo become
start python3 -c '
import os, sys, threading, time
def become():
	with open("tid", "w") as file: file.write(str(threading.get_native_id()))
	open("become").read()
	os.execv(sys.argv[1], [sys.argv[1], "hot"])
threading.Thread(target=become).start()
time.sleep(60)' "$EO_SPIN" >/dev/null
thread=$pid
ok "a thread is there" until_true test -s tid
start "$EO_BIN" profile -q -F 199 -d 0 -t "$(cat tid)" --unwind=fp -o become.pb.gz
profiler=$pid
capturing "$profiler"
echo >become
spinning "$thread" spin
sleep 0.7
stop "$thread"
ok "the profile of a thread ends with the program that it has become" \
	until_true sh -c "! grep -qs '^State:.[RSD]' /proc/$profiler/status"
kill -INT "$profiler" 2>/dev/null
await "$profiler"
is "and ends well" "$rc" 0
between "with its samples" "$(count become.pb.gz "\$2 == $thread")" 20 700

# --- /proc shows nobody else

start setpriv --reuid=12345 --regid=12345 --clear-groups "$EO_SPIN" hot >/dev/null
theirs=$pid
spinning "$theirs" spin
mkdir nobody.d && chown 65534:65534 nobody.d
cp "$EO_BIN" ebpfotel && chmod 755 ebpfotel
hidden()
{
	unshare --mount --propagation private sh -c 'mount -o remount,hidepid=invisible /proc && exec "$@"' sh \
		setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all,+bpf,+perfmon --ambient-caps=-all,+bpf,+perfmon \
		"$@"
}
if hidden true 2>/dev/null; then
	is "here it is hidden" "$(hidden ls /proc | grep -cx "$theirs")" 0
	run hidden ./ebpfotel profile -F 199 -d 1 -o nobody.d/p.pb.gz --stats=nobody.d/p.json
	is "a /proc that hides is no failure" "$rc" 0
	between "who is hidden has samples" "$(count nobody.d/p.pb.gz "\$2 == $theirs")" 20 700
	ok "which add up" adds_up nobody.d/p.json
	run hidden ./ebpfotel profile -F 199 -d 1 -p "$theirs" -o nobody.d/p.pb.gz
	is "who is hidden can be named" "$rc" 0
	between "and is no target that has ended" "$(count nobody.d/p.pb.gz "\$2 == $theirs")" 30 700
	run hidden ./ebpfotel check
	between "check works" "$rc" 0 4
else
	skip "a /proc that hides" "it cannot be remounted"
fi
stop "$theirs"

# --- we ourselves

start "$EO_SPIN" hot >/dev/null
spin=$pid
spinning "$spin" spin
start "$EO_BIN" profile -q -F 199 -d 0 -p "$spin" -o stopped.pb.gz --stats=stopped.json
profiler=$pid
mkfifo go
start sh -c "exec '$EO_WORKLOADS/crowd' threads 7 9973 <go >/dev/null"
crowd=$pid
exec 4>go
start "$EO_BIN" trace syscall -q -e getppid -p "$crowd" -o stopped.jsonl --stats=stopped_trace.json
tracer=$pid
start "$EO_BIN" trace syscall -q -c -f jsonl -e getppid -p "$crowd" -o stopped_sum.jsonl
summary=$pid
for pid in $profiler $tracer $summary; do capturing "$pid"; done
kill -STOP "$profiler" "$tracer" "$summary"
echo >&4 # closing alone would not do: those who were started since have it as well
exec 4>&-
sleep 2.5
kill -CONT "$profiler" "$tracer" "$summary"
await "$crowd"
await "$tracer"
is "a trace that was stopped ends well" "$rc" 0
is "and what it has or lost is all there was" "$(jq '.events_emitted + ([.lost[]] | add)' stopped_trace.json)" $((7 * 9973))
is "with as many lines as it says" "$(grep -c '"event_type":"syscall"' stopped.jsonl)" "$(jq .events_emitted stopped_trace.json)"
await "$summary"
is "a summary lost nothing meanwhile" "$(jq 'select(.event_type == "syscall_summary") | .data.count' stopped_sum.jsonl)" $((7 * 9973))
kill -INT "$profiler"
await "$profiler"
is "a profile that was stopped ends well" "$rc" 0
between "and sampled on" "$(count stopped.pb.gz "\$2 == $spin")" 100 5000
ok "without a sample missing" adds_up stopped.json

# What the kernel gives us nobody else can take: links go with their descriptors alone.
start "$EO_BIN" profile -q -F 199 -d 2 -p "$spin" -o links.pb.gz --stats=links.json
profiler=$pid
capturing "$profiler"
bpftool link show -j | jq -r ".[] | select(any(.pids[]?; .pid == $profiler)) | .id" >links
refused=0
while read -r link; do
	bpftool link detach id "$link" >/dev/null 2>&1 || refused=$((refused + 1))
done <links
is "no link of a run can be detached by others" "$refused" "$(wc -l <links)"
await "$profiler"
is "and it ends well" "$rc" 0
between "with all its samples" "$(count links.pb.gz "\$2 == $spin")" 100 700
finish
