#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# test_usage.sh EBPFOTEL
# Wrong command lines end with 2 and one line that names the word at fault; help, version and
# --dry-run need no privileges and leave nothing behind. Prints TAP.
set -u
bin=$(realpath "$1") || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/cwd" && cd "$tmp/cwd" || exit 1
LC_ALL=C
export LC_ALL
unset ARGP_HELP_FMT
count=0

result() { # STATUS NAME
	count=$((count + 1))
	name=$(printf '%s' "$2" | tr -s '\n\t' '  ' | cut -c 1-160)
	if [ "$1" = 0 ]; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		sed 's/^/# /' "$tmp/err"
	fi
}

run() {
	"$bin" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
}

# One line of error, at most one hint behind it, nothing on stdout, no file.
is_refusal() {
	[ "$status" = 2 ] && [ ! -s "$tmp/out" ] && [ -z "$(ls -A .)" ] &&
		[ "$(grep -c '' "$tmp/err")" = "$(($(grep -c '^hint: ' "$tmp/err") + 1))" ] &&
		[ "$(grep -c '^hint: ' "$tmp/err")" -le 1 ] &&
		head -n 1 "$tmp/err" | grep -q '^ebpfotel: '
}

refuse() { # TEXT-OF-THE-LINE WORD...
	expected=$1
	shift
	run "$@"
	is_refusal && head -n 1 "$tmp/err" | grep -qF -e "$expected"
	result $? "refused: ebpfotel $* ($expected)"
}

hint() { # TEXT-OF-THE-HINT WORD...
	expected=$1
	shift
	run "$@"
	is_refusal && grep '^hint: ' "$tmp/err" | grep -qF -e "$expected"
	result $? "hint: ebpfotel $* ($expected)"
}

# A process that has ended just now; its number is not given out again soon.
sh -c 'exit 0' &
gone=$!
wait "$gone"

# commands
refuse "no command"
refuse "no command" -q
refuse "'frobnicate'" frobnicate
refuse "'prof'; the nearest is 'profile'" prof
refuse "'profiel'; the nearest is 'profile'" -v profiel
refuse "'--verbos'; the nearest is '--verbose'" --verbos profile
refuse "'-x'" -x
refuse "'ch\x0aeck'" 'ch
eck'

# options
refuse "'--freq'; the nearest is '--frequency'" profile --freq=3
refuse "'--duratoin'; the nearest is '--duration'" profile --duratoin 3
refuse "'--frobnicate'" profile --frobnicate
refuse "'-k'; the nearest is '-K'" profile -k
refuse "'-k'" profile -Uk
refuse "'-z'" profile -z
refuse "--per-thread takes no value, not '1'" profile --per-thread=1
refuse "--quiet takes no value, not ''" profile --quiet=
refuse "-d wants a value" profile -d
refuse "-d wants a value" profile -Kd
refuse "--output wants a value" profile --output
refuse "unexpected argument 'sleep'" profile sleep 5
hint "behind --" profile sleep 5
refuse "wants a command" profile --
refuse "wants a command" profile -- ''

# values
for word in 10x 0 1001 -1 '' 1.5 ' 1' 99999999999999999999999; do
	refuse "-F wants a whole number of Hz from 1 to 1000, not '$word'" profile -F "$word"
done
refuse "--frequency wants a whole number of Hz from 1 to 1000, not '10x'" profile --frequency=10x
refuse "-F wants a whole number of Hz from 1 to 1000, not '10x'" profile -KF10x
for word in abc 1x -1 '' 1..2 1h30m 1us 99999999999999h; do
	refuse "not '$word'" profile -d "$word"
done
refuse "--max-samples wants a number of stacks from 1 to 10000000, not '10000001'" profile --max-samples 10000001
refuse "--max-samples wants" profile --max-samples=0
refuse "-p wants process ids from 1 to 4194304, not '0'" profile -p 0
refuse "-p wants process ids from 1 to 4194304, not '12x'" profile -p 1,12x
refuse "not ''" profile -p 1,,2
refuse "not '4194305'" profile --pid=4194305
refuse "-t wants thread ids" profile -t 0
refuse " $gone: No such process" profile -p "$gone"
refuse " $gone: No such process" profile -t "$gone"
refuse "at most" profile -p "$(seq -s , 1 5000)"
refuse "15 bytes" profile --comm abcdefghijklmnop
refuse "not ''" profile --comm ''
refuse "not 'no-such-user'" profile --uid 0,no-such-user
refuse "not '4294967295'" profile --uid 4294967295
refuse "not '0-x'" profile -C 0-x
refuse "not '3-1'" profile -C 3-1
refuse "not '65535'" profile -C 65535
refuse "production, staging, development or debug, not 'live'" profile --env=live
refuse "auto, fp, dwarf or snapshot, not 'dwarv'; the nearest is 'dwarf'" profile --unwind=dwarv
refuse "fp or dwarf, not 'lbr'" profile --call-graph lbr
refuse "'fold'; the nearest is 'folded'" profile -f fold
refuse "not 'svg'" profile -f svg
hint "children are followed" profile -f -p 1
refuse "not '50ms'" profile --interval=50ms -o x-%S
refuse "not '0'" profile --interval=0 -o x-%S
refuse "from 1 to 100000, not '0'" profile --keep=0
refuse "'/does/not/exist'" profile --env /does/not/exist
refuse "/does/not/exist: No such file" profile --cgroup=/does/not/exist
refuse "/tmp: it is no cgroup" profile --cgroup=/tmp
refuse "'web'" profile --output=x --format=web
refuse "container web" profile --container web
refuse "pod web" profile --pod=web
refuse "not empty" profile -o ''
refuse "not empty" profile --stats=
v1=$(awk '$3 == "cgroup" { print $2; exit }' /proc/mounts)
if [ -n "$v1" ]; then
	hint "cgroup v2" profile --cgroup="$v1"
fi

# pairs
refuse "-K and -U" profile -KU
refuse "-p and a command" profile -p 1 -- true
refuse "-t and a command" profile -t 1 -- true
refuse "-a and -p" profile -a -p 1
refuse "--user wants a command" profile --user root
refuse "'no-such-user'" profile --user no-such-user -- true
refuse "--keep wants --interval" profile --keep=3
refuse "template" profile --interval=1
refuse "template" profile --interval=1 -o x.pb.gz
refuse "'x-%H'" profile --interval=1 -o x-%H
refuse "'profile.pb.gz'" profile --stats=profile.pb.gz
refuse "'-'" profile --stats=- -o -
for format in pprof folded flamegraph top; do
	refuse "--timestamps wants -f otlp or otlp-json, not '$format'" profile --timestamps -f "$format"
done
refuse "--timestamps wants" profile --timestamps
refuse "not 'pprof'" profile --timestamps -o x.pprof

# not built yet: never ignored
for word in http://localhost:4318 https://x otlp:; do
	refuse "-o $word is not built yet" profile -o "$word"
done
refuse "--lines and --no-symbols exclude each other" profile --lines --no-symbols

# help and version
for words in '--help' '-h' '--usage' '--version' '-V' '-q --help' 'profile --help' 'profile --usage' 'profile --version' \
	'check --help' 'convert --help' 'convert --usage' 'profile -F10x --help' 'profile --help --frobnicate'; do
	# shellcheck disable=SC2086
	run $words
	[ "$status" = 0 ] && [ -s "$tmp/out" ] && [ ! -s "$tmp/err" ] && [ "$(wc -L <"$tmp/out")" -le 100 ]
	result $? "stdout, no wide lines and 0: ebpfotel $words"
done
run --version
grep -qE '^ebpfotel [0-9.]+ \(libbpf [0-9.]+\)$' "$tmp/out"
result $? "--version tells both versions"
run profile --help
for text in 'Usage: ebpfotel profile [OPTION...] [-- CMD [ARG...]]' 'Examples:' '-F, --frequency=HZ'; do
	grep -qF -e "$text" "$tmp/out"
	result $? "profile --help says '$text'"
done
"$bin" --help >/dev/full 2>"$tmp/err"
[ $? = 1 ] && grep -q 'No space left' "$tmp/err"
result $? "a full stdout is an error of --help"

# --dry-run
if ! command -v jq >/dev/null; then
	echo "1..$count"
	echo "# no jq: --dry-run was not looked at"
	exit 0
fi

shows() { # JQ-CONDITION WORD...
	condition=$1
	shift
	run profile --dry-run "$@"
	[ "$status" = 0 ] && [ ! -s "$tmp/err" ] && [ -z "$(ls -A .)" ] && jq -e "$condition" "$tmp/out" >/dev/null
	result $? "--dry-run $*: $condition"
}

shows '[.enable_cpu_profiling, .enable_network_tracing, .enable_syscall_tracing, .enable_memory_tracing]
	== [true, false, false, false]'
shows '[.sample_rate_hz, .duration_ns, .max_samples] == [99, 60000000000, 100000]'
shows '[.env, .format, .output, .unwind] == ["development", "pprof", "profile.pb.gz", "auto"]'
shows '[.["kernel-only", "user-only", "per-thread", "no-symbols", "lines", "no-follow"], .all, .strict] | any | not'
shows 'has("pid") or has("command") or has("interval") | not'
shows '[.env, .sample_rate_hz, .duration_ns] == ["production", 19, 300000000000]' --env=prod
shows '[.sample_rate_hz, .duration_ns] == [49, 120000000000]' --env staging
shows '[.sample_rate_hz, .duration_ns] == [199, 30000000000]' --env=debug
shows '[.sample_rate_hz, .duration_ns] == [7, 500000000]' -F7 -d 500ms --env=prod
shows '[.sample_rate_hz, .duration_ns] == [7, 0]' --env=prod --frequency 7 --duration=0
shows '.pid == [1, '$$']' -p "1,$$,1"
shows '.uid == [0, 65534, 7]' --uid=root,65534 --uid 7
shows '.comm == ["a b", "c"]' --comm 'a b,c'
shows '.command == ["make", "-j4", "--", "-p"]' -a -- make -j4 -- -p
shows '.all and .duration_ns == 0' -a -- make
shows '.duration_ns == 5000000000' -d5 -- make
shows '[.interval, .keep, .output] == [1.5, 3, "x-%H%M%S"]' --interval=1.5 --keep 3 -o x-%H%M%S
shows '[.cpu, ."kernel-only", ."per-thread", ."no-symbols"] == [[0], true, true, true]' -C 0 -K --per-thread --no-symbols
shows '.lines and (."no-symbols" | not)' --lines
shows '[.format, .output, .stats, .strict] == ["folded", "-", "s.json", true]' -f folded --stats=s.json --strict
shows '.format == "folded"' -o x.folded
shows '[.format, .output, .timestamps] == ["otlp", "profile.otlp", true]' -f otlp --timestamps
shows '[.format, .output, .timestamps] == ["otlp-json", "profile.json", false]' -f otlp-json
shows '[.format, .output] == ["flamegraph", "profile.html"]' -f flamegraph
shows '[.format, .timestamps] == ["otlp-json", true]' -o x.json --timestamps
shows '.unwind == "fp"' --call-graph fp -g
shows '.output == "\u00ffx"' -o "$(printf '\377x')"

# trace
refuse "which tracer?" trace
refuse "which tracer?" trace -d 1
refuse "not 'syscal'; the nearest is 'syscall'" trace syscal
refuse "a tracer is net, syscall or mem, not ''" trace syscall,
refuse "syscall is named twice" trace syscall,syscall
refuse "unexpected argument 'ls'" trace syscall ls
refuse "-- wants a command behind it" trace syscall --
refuse "-e: no system call 'opeat'" trace syscall -e opeat
hint "names, numbers and" trace syscall -e %nothing
refuse "--errno: no error 'ENOENTT'" trace syscall --errno=ENOENTT
refuse "-s wants a number of bytes from 0 to 4096, not '4097'" trace syscall -s 4097
refuse "--min-duration wants a time" trace syscall --min-duration=fast
refuse "-f wants jsonl, text, otlp or otlp-json, not 'pprof'" trace syscall -f pprof
hint "children are followed" trace syscall -f -p 1
refuse "--by wants comm" trace syscall -c --by=colour
refuse "syscall has no rows by peer" trace syscall -c --by=comm,peer
refuse "--by wants -c" trace syscall --by=comm
refuse "--sort wants -c" trace syscall --sort=count
refuse "--sort wants name" trace syscall -c --sort=size
refuse "--top wants -c" trace syscall --top=3
refuse "--top wants a number of rows" trace syscall -c --top=many
refuse "-c and --max-events exclude each other" trace syscall -c --max-events=3
refuse "-c and -k exclude each other" trace syscall -c -k
refuse "--max-events wants a number of events from 1" trace syscall --max-events=0
refuse "--envelope wants auto, yes or no, not 'maybe'" trace syscall --envelope=maybe
refuse "--envelope wants the format jsonl" trace syscall -f text --envelope=yes
refuse "--signals wants the format otlp or otlp-json, not 'jsonl'" trace syscall --signals=traces
refuse "--signals wants traces, metrics or logs, not 'spans'" trace syscall --signals=spans
refuse "several signals want -o FILE with {signal}" trace syscall -f otlp --signals=traces,logs -o x.otlp
refuse "--interval wants -o FILE with a template" trace syscall --interval=5
refuse "--interval wants -o FILE with a template" trace syscall --interval=5 -o x.jsonl
refuse "would give several intervals one name" trace syscall --interval=500ms -o x-%S.jsonl
refuse "--keep wants --interval" trace syscall --keep=3
refuse "--keep wants -o FILE" trace syscall -c --interval=1 --keep=5
refuse "--keep wants -o FILE" trace syscall -f otlp --signals=traces --interval=1 --keep=5
refuse "--stats and the events would both go to one output" trace syscall --stats=-
refuse "-p and a command behind -- exclude each other" trace syscall -p 1 -- ls
refuse "--sample-bytes wants a number of bytes from 1 to 1073741824, not '0'" trace mem -c -p 1 --sample-bytes=0
refuse "--sample-bytes wants -c, --leaks or a heap profile" trace mem -p 1 --sample-bytes=1009
refuse "--source wants libc, mmap, faults or kernel, not 'fault'" trace mem -p 1 --source=libc,fault
refuse "--source is an option of mem, not of syscall" trace syscall --source=mmap
refuse "--library is for --source=libc" trace mem -p 1 --source=mmap --library=/dev/null
refuse "--sample-bytes: faults are all counted" trace mem -c -p 1 --source=faults --sample-bytes=1009
refuse "--leaks: pages do not say who brought them in" trace mem -p 1 --source=faults --leaks
hint "-c --by=stack or a profile" trace mem -p 1 --source=mmap,faults --leaks
refuse "a heap profile wants one --source" trace mem -p 1 --source=libc,mmap -f pprof -o x.pb.gz
refuse "find process $gone" trace syscall -p "$gone"
refuse "OTLP export" trace syscall -o http://localhost:4318

shown() { # JQ WORD...
	expected=$1
	shift
	run trace --dry-run "$@"
	if command -v jq >/dev/null; then
		[ "$status" = 0 ] && jq -e "$expected" "$tmp/out" >"$tmp/err" 2>&1
		result $? "trace $*: $expected"
	fi
}
shown '.tracers == ["syscall"] and .format == "jsonl" and .output == "-" and .duration_ns == 0' syscall
shown '.duration_ns == 0 and .env == "debug"' syscall --env=debug
shown '.["sample-bytes"] == 1009 and .leaks' mem --leaks -p 1 --sample-bytes=1009
shown '.source == ["libc"] and .["max-live"] == 1000000' mem -p 1
shown '.source == ["mmap", "kernel"]' mem -p 1 --source=kernel,mmap
shown '.source == ["kernel"] and .["max-live"] == 131072 and .format == "pprof"' mem -p 1 --source=kernel -o x.pb.gz
shown '.duration_ns == 1500000000' syscall --env=debug -d 1.5
shown '.enable_syscall_tracing and (.enable_cpu_profiling | not) and (.enable_network_tracing | not)' syscall
shown '.format == "text" and .summary' syscall -c
shown '.format == "jsonl" and .summary' syscall -c -o x.jsonl
shown '.format == "text"' syscall -o x.txt
shown '.format == "otlp"' syscall -o x.otlp
shown '.format == "otlp-json" and .signals == ["traces"]' syscall -o x.json --signals=traces
shown '.format == "jsonl" and .envelope' syscall -o x.what
shown '.envelope | not' syscall
shown '.envelope' syscall --envelope=yes
shown '.envelope | not' syscall -o x.jsonl --envelope=no
shown '.syscall == ["!%file"] and .failed and .errno == ["ENOENT"] and ."string-limit" == 7' syscall -e '!%file' -Z --errno=ENOENT -s 7
shown '.syscall == ["!%file", "open,close"] and .errno == ["EPERM", "EACCES"]' \
	syscall -e '!%file' -e open,close --errno=EPERM --errno=EACCES
shown '.events == ["connection,udp,dns"] and (has("proto") or has("port") or has("host") | not)' net
shown '.events == ["dns", "http,udp"] and .proto == ["tcp", "udp"] and .port == ["80,443", "8080"]' \
	net --events=dns --events=http,udp --proto=udp --proto=tcp --port=80,443 --port=8080
shown '.host == ["10.0.0.0/8", "::1"] and ."local-port" == ["1"] and ."peer-port" == ["2", "3"]' \
	net --host=10.0.0.0/8 --host=::1 --local-port=1 --peer-port=2 --peer-port=3
shown '."max-events" == 1009 and .stack == false' syscall --max-events=1009
shown '.command == ["ls", "-l"]' syscall -- ls -l
shown '.interval == 60 and .summary' syscall -c --interval=1m
echo "1..$count"
