#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Everything that can be typed wrong: one line that names the word, the right status, and nothing
# left behind.
. "${0%/*}/tap.sh"
need jq
mkdir "$tmp/cwd" "$tmp/cwd/dir" && cd "$tmp/cwd" || exit 1
echo earlier >file
mkfifo fifo
ls -lR . >"$tmp/before"

# bad STATUS WORDS OPTION...: the line must hold WORDS, a fixed text
bad()
{
	expected=$1
	words=$2
	shift 2
	run timeout 20 "$EO_BIN" "$@"
	claim="$(printf '%.60s' "ebpfotel $*")"
	ls -lR . >"$tmp/after"
	if [ "$rc" != "$expected" ]; then
		fail "$claim: status" "got $rc, expected $expected"
	elif [ "$(grep -vc '^hint: ' "$tmp/err")" != 1 ] || ! head -n 1 "$tmp/err" | grep -q '^ebpfotel: '; then
		fail "$claim: one line on stderr"
	elif ! head -n 1 "$tmp/err" | grep -qF -e "$words"; then
		fail "$claim: names '$words'"
	elif [ -s "$tmp/out" ]; then
		fail "$claim: nothing on stdout" "$(cat "$tmp/out")"
	elif ! cmp -s "$tmp/before" "$tmp/after"; then
		fail "$claim: nothing left behind" "$(diff "$tmp/before" "$tmp/after")"
		rm -f profile.* # one claim fails, not all
	else
		pass "$claim"
	fi
}
gone=$(sh -c 'echo $$')

bad 2 command
bad 2 "'profil'" profil
bad 2 profile profil
bad 2 "'--frobnicate'" --frobnicate
for value in 0 1001 10x -5 99.5 '' 99999999999999999999 ' 99' 0x10 1e2; do
	bad 2 "'$value'" profile "--frequency=$value"
done
bad 2 "'0'" profile -F 0
bad 2 "'10x'" profile -F10x
bad 2 "'10x'" profile -F 10x
bad 2 "-F" profile -F
bad 2 "--frequency" profile --frequency
for value in -1 10x '' nan inf 1e99 99999999999999999999 5mm 0.0001ms; do
	bad 2 "'$value'" profile "--duration=$value"
done
bad 2 "'-1'" profile -d -1
for value in 0 -1 abc 1,,2 '1,' '' 4294967297; do
	bad 2 "--pid" profile -d 1 "--pid=$value"
done
bad 2 "'0'" profile -d 1 -p 0
bad 2 "$gone" profile -d 1 -p "$gone"
bad 2 "$gone" profile -d 1 -p "$$,$gone"
bad 2 999999 profile -d 1 -t 999999
bad 2 "'foo'" profile --env foo
bad 2 production profile --env=foo
bad 2 development profile --env=
for value in x 1-0 0- ',' '' -1; do
	bad 2 "--cpu" profile -d 1 "--cpu=$value"
done
bad 2 "'9999'" profile -d 1 --cpu=9999
bad 2 -C profile -d 1 -C 0-9999
for option in max-samples=0 max-samples=10000001 max-samples=x format= unwind=magic \
	call-graph=lbr comm= comm=longer-than-fifteen-bytes uid=nosuchuser uid=-1 cgroup= interval=x keep=0 keep=x; do
	bad 2 "--${option%%=*}" profile -d 1 "--$option"
done
bad 2 "'svg'" profile -d 1 --format=svg
bad 2 /nonexistent profile -d 1 --cgroup=/nonexistent
bad 2 "'--freq'" profile --freq=3
bad 2 --frequency profile --frequenzy=3
bad 2 "'-X'" profile -X
bad 2 "'word'" profile word
bad 2 "--" profile --
bad 2 "--no-symbols" profile --no-symbols=yes
bad 2 -K profile -d 1 -K -U
bad 2 -a profile -d 1 -a -p $$
bad 2 -p profile -d 1 -p $$ -- true
bad 2 --user profile -d 1 --user=nobody
bad 2 --user profile -d 1 --user=nosuchuser -- true
bad 2 --keep profile -d 1 --keep=2 -o '%s.pb.gz'
bad 2 file.pb.gz profile -d 1 --interval=1s -o file.pb.gz
bad 2 OTLP profile -d 1 -o http://localhost:4318
bad 2 OTLP profile -d 1 -o otlp:
bad 2 --timestamps profile -d 1 --timestamps
bad 2 "-f" profile -f -p $$
bad 2 "''" profile -- ''

bad 1 missing/p.pb.gz profile -d 1 -o missing/p.pb.gz
bad 1 dir profile -d 1 -o dir
bad 1 /proc/p.pb.gz profile -d 1 -o /proc/p.pb.gz
bad 1 file/p.pb.gz profile -d 1 -o file/p.pb.gz
bad 1 missing/s.json profile -d 1 -a -o - -f folded --stats=missing/s.json
bad 2 "--output" profile -d 1 --output=
bad 1 "$(printf '%0300d' 0 | cut -c 1-100)" profile -d 1 -o "$(printf '%0300d' 0).pb.gz"

# What is well formed but loads nothing.
dry() { "$EO_BIN" profile --dry-run "$@" | jq -c '[.sample_rate_hz, .duration_ns / 1e9, .max_samples]'; }
is "defaults" "$(dry)" '[99,60,100000]'
is "production" "$(dry --env=production)" '[19,300,100000]'
is "staging" "$(dry --env staging)" '[49,120,100000]'
is "dev" "$(dry --env=dev)" '[99,60,100000]'
is "debug" "$(dry --env=debug)" '[199,30,100000]'
is "options win over the environment" "$(dry -F 7 --env=prod -d 500ms)" '[7,0.5,100000]'
is "until interrupted" "$(dry -d 0 --max-samples=5)" '[99,0,5]'
is "minutes and hours" "$(dry -d 5m | jq '.[1]') $(dry -d 2h | jq '.[1]') $(dry -d 1.5 | jq '.[1]')" "300 7200 1.5"
for word in --help --usage --version; do
	run "$EO_BIN" profile $word
	is "$word succeeds" "$rc" 0
	ok "$word is on stdout alone" test -s "$tmp/out" -a ! -s "$tmp/err"
done
ls -lR . >"$tmp/after"
ok "and leaves nothing behind" cmp -s "$tmp/before" "$tmp/after"
finish
