# SPDX-License-Identifier: BSD-2-Clause
# What the scripts share: claims in TAP, a directory of their own, and workloads that end with
# them. Source it first, call finish last.
#
#   EO_BIN        the program under test
#   EO_SPIN       the spinning workload of tests/kernel
#   EO_WORKLOADS  directory of our own workloads
#   EO_SOURCE     top of the source tree
set -u
: "${EO_BIN:?}" "${EO_SPIN:?}" "${EO_WORKLOADS:?}" "${EO_SOURCE:?}"
here=$EO_SOURCE/tests/e2e
LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
unset NO_COLOR
export LC_ALL PATH

skip_all()
{
	finished=yes
	echo "1..0 # SKIP $*"
	exit 0
}

# Skip everything unless we are root and have these tools.
need()
{
	[ "$(id -u)" = 0 ] || skip_all "needs root to load BPF programs"
	for tool; do
		command -v "$tool" >/dev/null || skip_all "needs $tool"
	done
}

# For what is off where the program counts its own lines: it allocates, calls and writes more than it does.
not_for_coverage()
{
	[ ! "${EO_COVERAGE-}" ] || skip_all "the build is one that counts lines"
}

claims=0
failures=0
background=
finished=
tmp=$(mktemp -d) || exit 1
chmod 755 "$tmp" # some runs are those of other users

undo() { :; } # a script that changes the system says here how to change it back

cleanup()
{
	trap - EXIT
	for pid in $background; do
		kill -KILL "$pid" 2>/dev/null
	done
	wait
	undo
	rm -rf "$tmp"
	[ "$finished" ] || echo "Bail out! ended early"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

finish()
{
	finished=yes
	echo "1..$claims"
	exit $((failures > 0))
}

pass()
{
	claims=$((claims + 1))
	echo "ok $claims - $1"
}

# fail CLAIM [WHAT WAS FOUND]
fail()
{
	claims=$((claims + 1))
	failures=$((failures + 1))
	echo "not ok $claims - $1"
	shift
	[ $# = 0 ] || echo "$*" | head -n 20 | sed 's/^/#   /'
	[ -s "$tmp/err" ] && head -n 6 "$tmp/err" | sed 's/^/#   stderr: /'
	return 0
}

skip()
{
	claims=$((claims + 1))
	echo "ok $claims - $1 # SKIP $2"
}

# ok CLAIM COMMAND...: it succeeds
ok()
{
	claim=$1
	shift
	if found=$("$@" 2>&1); then pass "$claim"; else fail "$claim" "$*: $found"; fi
}

# is CLAIM GOT EXPECTED
is()
{
	if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "got '$2', expected '$3'"; fi
}

# between CLAIM GOT LOW HIGH: numbers, fractions too
between()
{
	if awk -v got="$2" -v low="$3" -v high="$4" \
		'BEGIN { exit !(got ~ /^-?[0-9.]+(e[+-]?[0-9]+)?$/ && got >= low + 0 && got <= high + 0) }'; then
		pass "$1"
	else
		fail "$1" "got '$2', expected $3 to $4"
	fi
}

# has CLAIM FILE REGEX, and its opposite
has()
{
	if grep -Eq -e "$3" "$2"; then
		pass "$1"
	else
		fail "$1" "no /$3/ in: $(head -c 2000 "$2")"
	fi
}

lacks()
{
	if ! [ -e "$2" ]; then
		fail "$1" "$2 is missing"
	elif grep -Eq -e "$3" "$2"; then
		fail "$1" "found: $(grep -Ee "$3" "$2" | head -n 3)"
	else
		pass "$1"
	fi
}

# Run to the end: status in $rc, words in $tmp/out and $tmp/err.
run()
{
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	rc=$?
}

# Start and forget until the end of the script: pid in $pid. Without job control a shell lets
# background commands ignore SIGINT, and nohup(1) SIGHUP, which is not what we want to test.
start()
{
	env --default-signal=INT,QUIT,HUP "$@" </dev/null &
	pid=$!
	background="$background $pid"
}

# The status of a started process, which has ended or will by itself, in $rc.
await()
{
	wait "$1"
	rc=$?
	forget "$1"
}

forget()
{
	kept=
	for each in $background; do
		[ "$each" = "$1" ] || kept="$kept $each"
	done
	background=$kept
}

# End started processes.
stop()
{
	for victim; do
		kill -KILL "$victim" 2>/dev/null
		wait "$victim" 2>/dev/null
		forget "$victim"
	done
}

# until_true COMMAND...: tried for 10 s
until_true()
{
	tries=200
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.05
	done
}

has_perf_events()
{
	ls -l "/proc/$1/fd" | grep -q perf_event
}

# Until the profiler with this pid samples.
sampling()
{
	until_true has_perf_events "$1" || fail "the profiler starts to sample"
}

# Until the capture with this pid is attached, which is when it gives up rights.
capturing()
{
	until_true grep -q '^NoNewPrivs:.*1$' "/proc/$1/status" || fail "the capture starts"
}

# Until the spinning workload with this pid works, and not the shell or env that became it.
spinning()
{
	until_true grep -qx "$2" "/proc/$1/comm" || fail "the workload $2 starts"
	sleep 0.1
}

pprof()
{
	if ! [ "${pprof_program-}" ]; then
		pprof_program=$(go tool -n pprof 2>/dev/null)
		[ -x "$pprof_program" ] || pprof_program=
	fi
	if [ "$pprof_program" ]; then
		"$pprof_program" -symbolize=none "$@"
	else
		go tool pprof -symbolize=none "$@"
	fi
}

# The samples of a pprof file, one a line, tabs between: COUNT PID COMM and the frames from the
# leaf on, each NAME@FILE.
samples()
{
	pprof -raw "$1" 2>"$tmp/pprof.err" | awk -f "$here/samples.awk"
}

# count FILE AWK-CONDITION: how many samples meet it. $1 count, $2 pid, $3 comm, $4 leaf, $5 …
count()
{
	samples "$1" | awk -F '\t' "$2 { n += \$1 } END { print n + 0 }"
}

valid()
{
	pprof -raw "$1" >"$tmp/raw" 2>"$tmp/pprof.err" && grep -q '^samples/count' "$tmp/raw"
}

# stat FILE JQ-EXPRESSION
stat_of()
{
	jq -r "$2" "$1"
}

# adds_up FILE [JQ-EXPRESSION]: statistics account for all that was seen, and are what the expression says
adds_up()
{
	jq -e '.events_seen == .events_emitted + .events_aggregated + .events_filtered + ([.lost[]] | add)
		and ('"${2:-true}"')' "$1"
}

# strict FILE [TYPE]: every line is JSON for a strict reader; prints how many records of TYPE there are
strict()
{
	python3 "$here/strict_json.py" "$@"
}

# told_by COMMAND...: the claims of a program, "ok CLAIM" or "not ok CLAIM" a line
told_by()
{
	"$@" >"$tmp/claims" 2>"$tmp/claims.err"
	is "the reader came to its end" "$?$(cat "$tmp/claims.err")" 0
	while read -r line; do
		case $line in
		"ok "*) pass "${line#ok }" ;;
		*) fail "${line#not ok }" ;;
		esac
	done <"$tmp/claims"
}
