#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# guest.sh TOP: run by tests/vm/init as the guest's first process, on the host's root. What is
# written to the second serial port is what the host counts: tests/results.py.
top=$1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
build=$top/build
export EO_DEEP="$build/tests/kernel/deep" EO_SPIN="$build/tests/kernel/spin" EO_PROGRAMS="$build/tests/kernel" \
	EO_EBPFOTEL="$build/cli/ebpfotel" CRITERION_VERBOSITY_LEVEL=1
EO_BPFTOOL=$(command -v bpftool)
export EO_BPFTOOL

results=/dev/ttyS1
stty raw -F "$results"
exec >"$results" 2>&1 </dev/null
cd /tmp || exit

run() { # NAME SECONDS COMMAND...
	name=$1
	seconds=$2
	shift 2
	echo "BEGIN $name"
	# Through a pipe: a terminal would get colours. timeout has to stay in our process group.
	{
		timeout -s KILL "$seconds" "$@"
		echo $? >/tmp/status
	} 2>&1 | cat
	echo "END $name $(cat /tmp/status)"
}

echo "START $(uname -r)"
run check 60 "$EO_EBPFOTEL" check
for name in loader support cpu_profiler unwind; do
	program=$build/tests/kernel/test_$name
	[ ! -x "$program" ] || run "$name" 400 "$program" --jobs 1 --color=never
done
run profile 60 sh -c '"$EO_SPIN" hot >/dev/null & "$EO_EBPFOTEL" profile -d 2 -f top -o -; status=$?; kill $!; exit $status'
echo "DONE"
sync
exec busybox poweroff -f
