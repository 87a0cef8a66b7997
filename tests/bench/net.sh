#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# net.sh EBPFOTEL EMPTY_PROBES [ROUNDS [SECONDS]]
# What `trace net` costs: throughput of a copy over loopback (iperf3), requests per second of a web
# server that does nothing else (nginx, wrk) and of one that runs somebody's program (node), without it
# and with it, in turns, so that a slow minute of the machine hits all alike; with tcpdump as well, and
# with programs on the same hooks that do nothing, which is the least that it could cost. Prints the
# median of each, that of its ratios to the bare run before it, and what a request cost: CPU time of the
# command, and of its programs in the kernel, where it tells.
set -u
bin=$1 empty_probes=$2 rounds=${3:-5} seconds=${4:-3}
. "${0%/*}/common.sh"
need_root
need iperf3 jq nginx node taskset wrk tcpdump unshare
tmp=$(mktemp -d) || exit 1
server='' node='' nginx=''
trap 'kill $server $node 2>/dev/null; [ -z "$nginx" ] || kill -KILL $nginx; rm -rf "$tmp"' EXIT

iperf3 -s -p 25201 >/dev/null 2>&1 &
server=$!
node -e '
	const rows = Array.from({ length: 100 }, (_, id) => ({ id, name: `row ${id}`, tags: ["some", "more"] }));
	const page = () => JSON.stringify(rows.map((row) => ({ ...row, at: new Date() })));
	require("http").createServer((_, to) => to.end(page())).listen(25281, "127.0.0.1")' &
node=$!
last=$(($(nproc) - 1))
# One worker, on another CPU than its client: how two share the connections, and who runs beside whom,
# would make more of a difference than all that is measured.
serve_web "$tmp" "1; worker_cpu_affinity auto" 127.0.0.1:25280

copy() { # Gbit/s
	iperf3 -c 127.0.0.1 -p 25201 -A "$last,0" -t "$seconds" -J 2>/dev/null |
		sed -n '/"sum_received"/,/}/s/.*"bits_per_second":[^0-9]*\([0-9.e+]*\).*/\1/p' | awk '{ print $1 / 1e9 }'
}

load() { # PORT: requests a second
	taskset -c "$last" wrk -t1 -c8 -d"${seconds}s" "http://127.0.0.1:$1/" |
		sed -n 's/^Requests.sec: *//p'
}
requests() { load 25280; }
programs() { load 25281; }

# Of a process, user and system, so far.
spent_us() { awk -v hertz="$(getconf CLK_TCK)" '{ print ($14 + $15) * 1e6 / hertz }' "/proc/$1/stat"; }

# name, measured by, command beside it
cases() {
	trace="$bin trace net -q --stats=$tmp/stats"
	empty="$empty_probes net sleep $((seconds + 2))"
	cat <<END
copy-empty copy $empty
copy-default copy $trace --events=connection,udp,dns
copy-packets copy $trace --events=packet -c
copy-http copy $trace --events=connection,udp,dns,http
copy-tcpdump copy tcpdump -i lo -s 96 -w - port 25201
web-empty requests $empty
web-default requests $trace --events=connection,udp,dns
web-rows requests $trace --events=http -c
web-http requests $trace --events=connection,udp,dns,http
web-server requests $trace --events=connection,udp,dns,http --comm=nginx
web-tcpdump requests tcpdump -i lo -s 512 -w - port 25280
app-empty programs $empty
app-default programs $trace --events=connection,udp,dns
app-http programs $trace --events=connection,udp,dns,http
app-server programs $trace --events=connection,udp,dns,http --comm=node
END
}

# Each is measured right after a run without it, and compared with that.
round=0
while [ $round -lt "$rounds" ]; do
	cases | while read -r name measure command; do
		bare=$($measure </dev/null)
		$command >/dev/null 2>"$tmp/err" </dev/null &
		tracer=$!
		sleep 1.5
		before=$(spent_us $tracer)
		with=$($measure </dev/null)
		after=$(spent_us $tracer)
		rm -f "$tmp/stats"
		kill -INT $tracer
		wait $tracer
		grep -v '^tcpdump:\|packets ' "$tmp/err" >&2
		inside=$(jq '.overhead.bpf_ns / 1000' "$tmp/stats" 2>/dev/null || echo 0)
		echo "$bare $with $before $after $inside" >>"$tmp/$name"
	done
	round=$((round + 1))
done

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
cases | while read -r name measure _; do
	printf '%-14s %12.2f  %6.1f %% of bare' "$name" "$(awk '{ print $2 }' "$tmp/$name" | median)" \
		"$(awk '{ print 100 * $2 / $1 }' "$tmp/$name" | median)"
	[ "$measure" = copy ] || printf '  %5.2f us a request' \
		"$(awk -v seconds="$seconds" '{ print ($4 - $3 + $5) / ($2 * seconds) }' "$tmp/$name" | median)"
	echo
done
