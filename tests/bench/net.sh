#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# net.sh EBPFOTEL [ROUNDS [SECONDS]]
# What `trace net` costs: throughput of a copy over loopback (iperf3) and requests per second of a
# web server (nginx, wrk), without it and with it, in turns, so that a slow minute of the machine
# hits all alike; with tcpdump as well. Prints the median of each, and that of its ratios to the bare
# run before it.
set -u
bin=${1:-build/cli/ebpfotel} rounds=${2:-5} seconds=${3:-3}
. "${0%/*}/common.sh"
need_root
need iperf3 nginx wrk tcpdump unshare
tmp=$(mktemp -d) || exit 1
server='' nginx=''
trap '[ -z "$server" ] || kill $server; [ -z "$nginx" ] || kill -KILL $nginx; rm -rf "$tmp"' EXIT

iperf3 -s -p 25201 >/dev/null 2>&1 &
server=$!
serve_web "$tmp" 127.0.0.1:25280

copy() { # Gbit/s
	iperf3 -c 127.0.0.1 -p 25201 -t "$seconds" -J 2>/dev/null |
		sed -n '/"sum_received"/,/}/s/.*"bits_per_second":[^0-9]*\([0-9.e+]*\).*/\1/p' | awk '{ print $1 / 1e9 }'
}

requests() { # a second
	wrk -t1 -c8 -d"${seconds}s" http://127.0.0.1:25280/ | sed -n 's/^Requests.sec: *//p'
}

# name, measured by, command beside it
cases() {
	cat <<END
copy-default copy $bin trace net -q --events=connection,udp,dns
copy-packets copy $bin trace net -q --events=packet -c
copy-http copy $bin trace net -q --events=connection,udp,dns,http
copy-tcpdump copy tcpdump -i lo -s 96 -w - port 25201
web-default requests $bin trace net -q --events=connection,udp,dns
web-rows requests $bin trace net -q --events=http -c
web-http requests $bin trace net -q --events=connection,udp,dns,http
web-server requests $bin trace net -q --events=connection,udp,dns,http --comm=nginx
web-tcpdump requests tcpdump -i lo -s 512 -w - port 25280
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
		with=$($measure </dev/null)
		kill -INT $tracer
		wait $tracer
		grep -v '^tcpdump:\|packets ' "$tmp/err" >&2
		echo "$bare $with" >>"$tmp/$name"
	done
	round=$((round + 1))
done

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
cases | while read -r name _; do
	printf '%-14s %12.2f  %6.1f %% of bare\n' "$name" "$(awk '{ print $2 }' "$tmp/$name" | median)" \
		"$(awk '{ print 100 * $2 / $1 }' "$tmp/$name" | median)"
done
