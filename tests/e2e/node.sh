#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Code that a JIT made, named by the perf map that its process keeps: in our own /tmp, and in one
# that only a container sees, where the process also has another pid.
. "${0%/*}/tap.sh"
need go node unshare
cd "$tmp" || exit 1
script=$(cat "$here/workloads/fibonacci.js")

start node --perf-basic-prof -e "$script"
outside=$pid
undo() { rm -f "/tmp/perf-$outside.map"; }

start unshare --mount --pid --fork --kill-child --mount-proc --propagation private \
	sh -c 'mount -t tmpfs none /tmp && exec "$@"' sh node --perf-basic-prof -e "$script"
container=$pid
contained()
{
	inside=$(cat "/proc/$container/task/$container/children") &&
		grep -q 'fibonacciForTest' "/proc/${inside% }/root/tmp/perf-1.map"
}
until_true contained || fail "node runs in a container"
inside=${inside% }
until_true grep -q fibonacciForTest "/tmp/perf-$outside.map" || fail "node runs"
ok "the container's map is not in our /tmp" test ! -e "/tmp/perf-$inside.map"

run "$EO_BIN" profile -F 199 -d 3 -o p.pb.gz -p "$outside,$inside"
is "a run" "$rc" 0
pprof -top p.pb.gz >top 2>/dev/null
has "pprof shows the function's name" top fibonacciForTest
named()
{
	echo $(($(count p.pb.gz "\$2 == $1 && \$4 ~ /fibonacciForTest/") * 100 / ($(count p.pb.gz "\$2 == $1") + 1)))
}
between "most of its samples are in that function" "$(named "$outside")" 70 100
between "in a container as well" "$(named "$inside")" 70 100
finish
