#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# test_run.sh EBPFOTEL
# Runs of `profile`: outputs, exit states, signals, commands. Prints TAP; skipped where this
# machine does not let us sample.
set -u
bin=$(realpath "$1") || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/cwd" && cd "$tmp/cwd" || exit 1
LC_ALL=C
export LC_ALL
count=0

"$bin" profile -q -d 1ms -o "$tmp/probe" 2>"$tmp/err"
case $? in
0) ;;
3 | 4)
	echo "1..0 # SKIP $(head -n 1 "$tmp/err")"
	exit 0
	;;
esac

result() { # STATUS NAME
	count=$((count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2 (status $status)"
		sed 's/^/# /' "$tmp/err"
	fi
	find . -mindepth 1 -delete
}

run() {
	timeout -k 5 60 "$bin" profile "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
}

# Wait for what a background run does; the limit is for a broken one only.
until_true() {
	tries=0
	until "$@" 2>/dev/null; do
		tries=$((tries + 1))
		[ "$tries" -lt 300 ] || return 1
		sleep 0.1
	done
}

busy='i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done'

run -d 100ms
[ "$status" = 0 ] && [ "$(ls -A)" = profile.pb.gz ] && gzip -t profile.pb.gz && grep -q '^ebpfotel: wrote profile.pb.gz (' "$tmp/err"
result $? "profile.pb.gz is written, and said to be"

run -q -d 100ms -o x.pprof
[ "$status" = 0 ] && [ ! -s "$tmp/err" ] && [ "$(stat -c %a x.pprof)" = 600 ]
result $? "-q says nothing, and the file is private"

run -q -F 999 -f folded -- sh -c "$busy"
[ "$status" = 0 ] && [ -z "$(ls -A)" ] && grep -qE '^sh;.* [0-9]+$' "$tmp/out"
result $? "folded goes to stdout"

echo old >x.pb.gz
run -o x.pb.gz -- ./no-such-command
[ "$status" = 127 ] && [ "$(cat x.pb.gz)" = old ] && [ "$(ls -A)" = x.pb.gz ] &&
	grep -q './no-such-command: No such file' "$tmp/err"
result $? "a command that is not found is 127 and leaves the old file"

run -- /dev/null
[ "$status" = 126 ] && grep -q '/dev/null: Permission denied' "$tmp/err" && [ -z "$(ls -A)" ]
result $? "a command that cannot run is 126"

run -q -- sh -c 'exit 7'
[ "$status" = 7 ] && [ -s profile.pb.gz ]
result $? "the status is the command's"

run -q -- sh -c 'kill -9 $$'
[ "$status" = 137 ]
result $? "a command that was killed is 128 + signal"

run -q -f folded -- sh -c 'echo said'
[ "$status" = 0 ] && [ "$(cat "$tmp/err")" = said ] && ! grep -q said "$tmp/out"
result $? "a command's stdout is stderr when data goes to stdout"

run -q -o x.pb.gz -- sh -c 'echo said'
[ "$status" = 0 ] && [ "$(cat "$tmp/out")" = said ]
result $? "a command's stdout is its own otherwise"

run -q -o x.pb.gz -- sh -c 'ulimit -Sn; grep -E "^Sig(Blk|Ign)" /proc/self/status'
# shellcheck disable=SC3045 # every sh at hand knows -S
[ "$(head -n 1 "$tmp/out")" = "$(ulimit -Sn)" ] &&
	grep -q '^SigBlk:	0000000000000000$' "$tmp/out" &&
	[ "$(grep SigIgn "$tmp/out")" = "$(timeout 5 grep SigIgn /proc/self/status)" ]
result $? "a command keeps its own limits and signals"

run -q -d 100ms -o x.pb.gz -- sh -c 'while [ ! -e x.pb.gz ]; do sleep 0.1; done; exit 5'
[ "$status" = 5 ]
result $? "a command goes on when -d has expired and the profile is written"

if [ "$(id -u)" = 0 ] && id nobody >/dev/null 2>&1; then
	run -q -o x.pb.gz --user=nobody -- sh -c 'id -un; echo "$USER $LOGNAME"'
	[ "$status" = 0 ] && [ "$(tr '\n' ' ' <"$tmp/out")" = 'nobody nobody nobody ' ]
	result $? "--user runs the command as that user"
fi

run -q -d 100ms -o /does/not/exist/x
[ "$status" = 1 ] && grep -q '/does/not/exist' "$tmp/err"
result $? "an output that cannot be written is 1"

run -q -d 100ms -o /dev/full
[ "$status" = 1 ] && grep -q 'No space left' "$tmp/err"
result $? "a full disk is 1"

"$bin" profile -q -d 100ms -f folded >&- 2>"$tmp/err"
status=$?
[ "$status" = 1 ] && grep -q 'stdout: Bad file descriptor' "$tmp/err" && [ -z "$(ls -A)" ]
result $? "a closed stdout is 1, and no file of ours takes its place"

run -q -o /does/not/exist/x -- sh -c 'echo ran'
[ "$status" = 125 ] && [ ! -s "$tmp/out" ]
result $? "with a command our failure is 125, and the command is not run"

run -q -d 1 --interval=200ms -o 'x-%S.pb.gz'
[ "$status" = 2 ] && [ -z "$(ls -A)" ]
result $? "intervals that would share a name are 2"

run -q -d 4500ms --interval=1 --keep=2 -o 'x-%S.pb.gz'
[ "$status" = 0 ] && [ "$(find . -type f | wc -l)" = 2 ] && gzip -t x-*.pb.gz
result $? "--keep leaves the newest files of --interval"

run -q -d 100ms --stats=- -o x.pb.gz
[ "$status" = 0 ] && [ "$(wc -l <"$tmp/out")" = 1 ] && grep -q '^{"duration_ns":[0-9]' "$tmp/out"
result $? "--stats=- is one line on stdout"

run -d 100ms --stats=s.json -q -- sh -c "$busy"
if command -v jq >/dev/null; then
	jq -e '.events_seen == .events_emitted + .events_aggregated + .events_filtered + ([.lost[]] | add)' s.json >"$tmp/out"
	result $? "the statistics add up"
fi

# Ended by its reader: at once, not after the minute that -d asks for.
( timeout -k 5 50 "$bin" profile -d 60 -f folded 2>"$tmp/err"; echo $? >"$tmp/status" ) | :
until_true test -s "$tmp/status"
status=$(cat "$tmp/status")
[ "$status" = 0 ] && [ ! -s "$tmp/err" ]
result $? "a closed pipe ends the run quietly"

"$bin" profile -q -d 0 -o x.pb.gz 2>"$tmp/err" &
pid=$!
until_true grep -q '^SigBlk:	0000000000004.*' "/proc/$pid/status"
kill -INT "$pid"
wait "$pid"
status=$?
[ "$status" = 0 ] && gzip -t x.pb.gz
result $? "SIGINT ends the run and writes"

"$bin" profile -q -o x.pb.gz -- sh -c 'touch started; while :; do sleep 0.1; done' 2>"$tmp/err" &
pid=$!
until_true test -e started
kill -TERM "$pid"
wait "$pid"
status=$?
[ "$status" = 143 ] && gzip -t x.pb.gz
result $? "SIGTERM is passed on to the command, and the profile is written"

sh -c 'touch started; while [ ! -e finish ]; do sleep 0.1; done' &
target=$!
until_true test -e started
timeout 60 "$bin" profile -q -d 0 -p "$target" -o x.pb.gz 2>"$tmp/err" &
pid=$!
sleep 1
touch finish
wait "$pid"
status=$?
wait "$target"
[ "$status" = 0 ] && gzip -t x.pb.gz
result $? "the run ends when its targets have"

"$bin" profile -q -d 300ms --stats=s.json -o x.pb.gz -- sh -c 'kill -USR1 "$PPID"; sleep 1.5; touch resumed; kill -USR2 "$PPID"; while [ ! -e x.pb.gz ]; do sleep 0.1; done' 2>"$tmp/err"
status=$?
[ "$status" = 0 ] && [ -e resumed ] && ns=$(sed 's/^{"duration_ns":\([0-9]*\),.*/\1/' s.json) && [ "$ns" -lt 1500000000 ]
result $? "paused time does not count"

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$tmp" && mkdir "$tmp/open" && chmod 777 "$tmp/open"
	cp "$bin" "$tmp/ebpfotel"
	(cd "$tmp/open" && setpriv --reuid=65534 --regid=65534 --clear-groups "$tmp/ebpfotel" profile -d 1) 2>"$tmp/err"
	status=$?
	[ "$status" = 4 ] && grep -q '^hint: .*CAP_BPF.*CAP_PERFMON' "$tmp/err" && [ -z "$(ls -A "$tmp/open")" ]
	result $? "without privileges it is 4 with a hint, and nothing is left behind"
fi
echo "1..$count"
