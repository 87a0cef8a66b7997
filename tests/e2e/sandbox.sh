#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What rights are left while a capture runs: in all threads, and never taken from the command.
. "${0%/*}/tap.sh"
need jq
cd "$tmp" || exit 1

# bits of CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_CHECKPOINT_RESTORE
wanted=$(printf '%d' $((1 << 39 | 1 << 38 | 1 << 19 | 1 << 2 | 1 << 40)))

# Whether all threads of $1 have lost what is not in $2
confined()
{
	for status in /proc/"$1"/task/*/status; do
		has=$(awk '/^CapPrm:/ { print $2 }' "$status") || return 1
		[ $((0x$has & ~$2)) = 0 ] || return 1
		[ "$(awk '/^NoNewPrivs:/ { print $2 }' "$status")" = 1 ] || return 1
	done
}
# end CLAIM: the run that was started ends well when it is told to
end()
{
	kill -INT "$pid"
	await "$pid"
	is "$1" "$rc" 0
}

start "$EO_BIN" profile -q -F 49 -d 60 -o p.pb.gz
ok "profile keeps only what a running capture needs" until_true confined "$pid" "$wanted"
if [ "$(awk '/^Seccomp:/ { print $2 }' "/proc/$pid/status")" = 2 ]; then
	pass "and has a filter of its system calls"
else
	skip "a filter of its system calls" "built without libseccomp"
fi
end "it ends well"
ok "and its file is there" test -s p.pb.gz

start "$EO_BIN" trace syscall -q -d 60 -o t.jsonl
ok "trace keeps no more" until_true confined "$pid" "$wanted"
end "it ends well, too"
ok "with whole lines" jq -e .event_type t.jsonl

run "$EO_BIN" trace syscall -q -c --by=cgroup -f jsonl -- ls
is "a summary by cgroup" "$rc" 0
ok "knows their names within" jq -se 'map(select(.event_type == "syscall_summary").data.cgroup) | length > 0 and all(startswith("/"))' out

own=$(awk '/^CapPrm:/ { print $2 }' /proc/self/status)
start "$EO_BIN" profile -q -F 49 -d 60 --no-sandbox -o p.pb.gz
sampling "$pid"
sleep 0.3
is "--no-sandbox keeps everything" "$(awk '/^CapPrm:/ { print $2 }' "/proc/$pid/status")" "$own"
end "and makes no difference otherwise"

# shellcheck disable=SC2016 # for awk
run "$EO_BIN" profile -q -F 49 -o p.pb.gz -- awk '/^CapPrm:|^NoNewPrivs:|^Seccomp:/ { print $2 }' /proc/self/status
is "the command keeps what is its own" "$(tr '\n' ' ' <out)" "$own 0 0 "

mkdir theirs
chown 65534:65534 theirs
run "$EO_BIN" profile -q -F 49 -d 0.3 -o theirs/p.pb.gz
is "a file goes into somebody else's directory" "$rc" 0
ok "and is there" test -s theirs/p.pb.gz
run "$EO_BIN" profile -q -F 49 --interval 1s -d 1.5 -o 'theirs/%s.pb.gz'
is "or many do" "$rc" 0

for file in old.pb.gz old.json theirs/old.pb.gz; do
	echo old >$file
	chown 65534:65533 $file
	chmod 640 $file
done
run "$EO_BIN" profile -q -F 49 -d 0.3 -o old.pb.gz --stats=old.json
is "files of another user are replaced" "$rc $(stat -c %s old.pb.gz old.json | grep -c '^4$')" "0 0"
is "and stay that user's" "$(stat -c '%u %g %a' old.pb.gz old.json | sort -u)" "65534 65533 640"
run "$EO_BIN" profile -q -F 49 -d 0.3 -o theirs/old.pb.gz
is "in that user's directory, too" "$rc $(stat -c '%u %g %a' theirs/old.pb.gz)" "0 65534 65533 640"
ln -s theirs/old.pb.gz link.pb.gz
run "$EO_BIN" profile -q -F 49 -d 0.3 -o link.pb.gz
is "or through a link into it" "$rc $(stat -L -c '%u %g %a' link.pb.gz)" "0 65534 65533 640"
is "nothing else is left" "$(find . -name '.?*')" ""
finish
