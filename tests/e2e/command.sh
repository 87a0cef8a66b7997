#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What stands behind --: its status, its streams, its children and its first instruction.
. "${0%/*}/tap.sh"
need go jq
cd "$tmp" || exit 1
mkdir out.d

# status EXPECTED CLAIM CMD...
status()
{
	expected=$1
	claim=$2
	shift 2
	run "$EO_BIN" -q profile -o out.d/p.pb.gz -- "$@"
	is "$claim" "$rc" "$expected"
}
status 0 "a command that succeeds" true
status 3 "a command that fails" sh -c 'exit 3'
status 137 "a command that is killed" sh -c 'kill -9 $$'
status 143 "a command that is terminated" sh -c 'kill $$'
ok "a file comes out in any case" valid out.d/p.pb.gz
rm out.d/p.pb.gz
status 127 "a command that is not found" no-such-command-here
has "is named in a line" err "^ebpfotel: .*no-such-command-here"
status 127 "a path that is not found" ./no-such-file
: >plain
status 126 "a file that is not executable" ./plain
has "is named in a line" err '^ebpfotel: .*plain'
status 126 "a directory" ./out.d
ok "commands that never ran leave no file" test -z "$(ls -A out.d)"
run "$EO_BIN" profile -p 1 -o out.d/p.pb.gz -- true
is "-p and a command together are a usage error" "$rc" 2

run "$EO_BIN" -q profile --user=nobody -o out.d/p.pb.gz -- sh -c 'echo $(id -u) $(id -g) $(id -G)'
is "--user runs it as that user, with that user's groups" "$(cat out)" \
	"$(id -u nobody) $(id -g nobody) $(id -G nobody)"
is "the profile is ours" "$(stat -c %u:%a out.d/p.pb.gz)" 0:600
run "$EO_BIN" -q profile --user=nosuchuser -o out.d/p.pb.gz -- true
is "an unknown user is a usage error" "$rc" 2

# What we change for ourselves, the command must not see.
sh -c 'grep -E "^Sig(Blk|Ign)" /proc/self/status; ulimit -n; ls -l /proc/self/fd | grep -c " -> "' </dev/null >plain 2>plain.err
run "$EO_BIN" -q profile -o out.d/p.pb.gz -- \
	sh -c 'grep -E "^Sig(Blk|Ign)" /proc/self/status; ulimit -n; ls -l /proc/self/fd | grep -c " -> "'
is "signals, limits and descriptors are as without us" "$(cat out)" "$(cat plain)"
is "it has our stdin" "$(echo word | "$EO_BIN" -q profile -o out.d/p.pb.gz -- cat)" word
run "$EO_BIN" -q profile -o out.d/p.pb.gz -- sh -c 'echo word'
is "and stdout, when our data goes elsewhere" "$(cat out)" word
run "$EO_BIN" -q profile -F 997 -f folded -o - -- sh -c "echo word; '$EO_WORKLOADS/shop' 100"
has "data on stdout is data only" out '^shop;'
lacks "the command's words are not in it" out word
has "they go to stderr" err '^word$'

run "$EO_BIN" -q profile -F 997 -o out.d/p.pb.gz --stats=p.json -- "$EO_WORKLOADS/first"
is "30 ms before any library is ready" "$rc" 0
between "are in the profile" "$(count out.d/p.pb.gz '$4 ~ /^first_instructions@/')" 20 60
is "together with nothing else" "$(count out.d/p.pb.gz '$3 != "first"')" 0

run "$EO_BIN" -q profile -F 997 -o out.d/p.pb.gz -- sh -c '"$0" 100 & "$0" 100; wait' "$EO_WORKLOADS/shop"
is "children are followed" "$(samples out.d/p.pb.gz | awk -F '\t' '$3 == "shop" { print $2 }' | sort -u | wc -l)" 2
is "our own part before exec is not" "$(count out.d/p.pb.gz '$3 == "ebpfotel"')" 0

start "$EO_SPIN" hot >/dev/null
spin=$pid
spinning "$spin" spin
run "$EO_BIN" -q profile -o out.d/p.pb.gz -- sleep 0.3
is "others are left out" "$(count out.d/p.pb.gz "\$2 == $spin")" 0
run "$EO_BIN" -q profile -F 997 -a -o out.d/p.pb.gz -- sleep 0.5
between "-a lets them in" "$(count out.d/p.pb.gz "\$2 == $spin")" 20 600
stop "$spin"

# The capture ends before the command.
rm -f out.d/*
start "$EO_BIN" -q profile -d 0.3 -o out.d/p.pb.gz -- sh -c 'until [ -e go ]; do sleep 0.05; done; exit 5' 2>err
profiler=$pid
ok "-d ends the capture and writes it" until_true test -s out.d/p.pb.gz
ok "the command goes on" kill -0 "$profiler"
: >go
await "$profiler"
is "and its status is passed on" "$rc" 5
rm go

# Signals. The loop below answers with a status of its own.
loop='trap "exit 9" TERM; trap "exit 8" INT; : >ready; while :; do sleep 0.05; done'
for signal in TERM:9 INT:8; do
	rm -f ready out.d/*
	start "$EO_BIN" -q profile -o out.d/p.pb.gz -- sh -c "$loop" 2>err
	until_true test -e ready || fail "the command starts"
	kill -"${signal%:*}" "$pid"
	await "$pid"
	is "SIG${signal%:*} is passed on to the command" "$rc" "${signal#*:}"
	ok "and the capture is written" valid out.d/p.pb.gz
done
start "$EO_BIN" -q profile -o out.d/p.pb.gz -- sleep 60 2>err
sampling "$pid"
sleep 0.2
kill -TERM "$pid"
await "$pid"
is "a command that dies of it" "$rc" 143

run "$EO_BIN" -q profile -o missing/p.pb.gz -- sh -c ': >ran'
is "with a command, failures of ours are 125" "$rc" 125
ok "and it does not run when there is nowhere to write" test ! -e ran
run "$EO_BIN" profile -q -o out.d/p.pb.gz --frequenzy=3 -- true
is "usage errors stay 2" "$rc" 2
is "no temporary file is left" "$(ls -A out.d)" p.pb.gz
finish
