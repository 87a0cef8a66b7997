#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# guest.sh TOP [ONLY]: run by tests/vm/init as the guest's first process, on the host's root. What is
# written to the second serial port is what the host counts: tests/results.py. ONLY: names of what is
# to be run, with blanks between, or "short": the least of each tracer, in less than a minute.
top=$1
only=${2:-}
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
build=$top/build
export EO_CALLS="$build/tests/kernel/calls"
export EO_DEEP="$build/tests/kernel/deep" EO_SPIN="$build/tests/kernel/spin" EO_PROGRAMS="$build/tests/kernel" \
	EO_EBPFOTEL="$build/cli/ebpfotel" EO_HEAP="$build/tests/kernel/heap" \
	EO_HEAP_STATIC="$build/tests/kernel/heap_static" EO_PAGES="$build/tests/kernel/pages" \
	EO_DECLARES="$build/tests/kernel/declares" EO_GO_STACKS="$build/tests/kernel/stacks_go" \
	CRITERION_VERBOSITY_LEVEL=1
EO_BPFTOOL=$(command -v bpftool)
export EO_BPFTOOL

results=/dev/ttyS1
stty raw -F "$results"
exec >"$results" 2>&1 </dev/null
cd /tmp || exit

# A test that fails leaves its workload behind, which would take its time from all others.
end_leftovers() {
	for process in /proc/[0-9]*; do
		pid=${process#/proc/}
		[ "$pid" -gt 1 ] && [ -n "$(readlink "$process/exe")" ] && kill -s KILL "$pid" 2>/dev/null
	done
}

# Tests that are quick even here, and go the whole way from the kernel to an event.
short_filter() { # NAME
	case $1 in
	cpu_profiler) echo cpu_profiler/every_sample_seen_is_in_the_profile ;;
	syscall_tracer) echo syscall_tracer/errors_are_told_apart ;;
	mem_tracer) echo mem_tracer/each_call_is_an_event ;;
	net_failures) echo net_failures/each_failure_has_its_errno ;;
	support | loader) echo '*/*' ;;
	*) return 1 ;;
	esac
}

run() { # NAME SECONDS COMMAND...
	name=$1
	seconds=$2
	shift 2
	if [ "$only" = short ] && [ "$name" != check ]; then
		filter=$(short_filter "$name") || return
		set -- "$@" --filter "$filter"
	fi
	case " $only " in
	"  " | " short " | *" $name "*) ;;
	*) return ;;
	esac
	echo "BEGIN $name"
	timeout -s KILL "$seconds" "$@"
	status=$?
	echo
	echo "END $name $status"
	end_leftovers
}

echo "START $(uname -r)"
[ "$only" != short ] || echo SHORT
# Its status tells that trace mem cannot be had there.
case $(uname -r) in 5.10.*) status=3 ;; *) status=0 ;; esac
# shellcheck disable=SC2016 # for the inner shell
run check 60 sh -c '"$EO_EBPFOTEL" check; [ $? = "$1" ]' sh "$status"
# Left out: what counts on more stacks than one emulated CPU can go through.
run loader 200 "$build/tests/kernel/test_loader" --jobs 1 --color=never
run support 200 "$build/tests/kernel/test_support" --jobs 1 --color=never
run cpu_profiler 400 "$build/tests/kernel/test_cpu_profiler" --jobs 1 --color=never \
	--filter 'cpu_profiler/!(a_flood_*)'
run cpu_targets 400 "$build/tests/kernel/test_cpu_targets" --jobs 1 --color=never
for program in "$build"/tests/kernel/test_unwind*; do
	[ ! -f "$program" ] || run "${program##*/test_}" 200 "$program" --jobs 1 --color=never
done
# Millions of calls are minutes here.
export EO_MANY=30011
run syscall_tracer 400 "$build/tests/kernel/test_syscall_tracer" --jobs 1 --color=never
run syscall_captures 200 "$build/tests/kernel/test_syscall_captures" --jobs 1 --color=never
run syscall_summary 200 "$build/tests/kernel/test_syscall_summary" --jobs 1 --color=never
for name in mem_tracer mem_life mem_sampling mem_sources \
	net_tracer net_failures net_messages net_packets net_http net_tls net_sockets net_stacks; do
	run "$name" 400 "$build/tests/kernel/test_$name" --jobs 1 --color=never
done
# Left out: fifty thousand sockets that wait at once.
run net_garbage 200 "$build/tests/kernel/test_net_garbage" --jobs 1 --color=never --filter 'net_garbage/!(a_flood_*)'
# shellcheck disable=SC2016 # for the inner shell
run profile 100 sh -c '"$EO_SPIN" hot >/dev/null & exec "$EO_EBPFOTEL" profile -d 2 -f top -o -'
echo "DONE"
sync
exec busybox poweroff -f
