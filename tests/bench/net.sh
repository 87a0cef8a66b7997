#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# net.sh EBPFOTEL [ROUNDS [SECONDS]]
# What `trace net` costs: throughput of a copy over loopback (iperf3) and requests per second of a
# web server (nginx, wrk), without it and with it, in turns, so that a slow minute of the machine
# hits all alike. Prints the median of each and its ratio to the bare one.
set -u
bin=${1:-build/cli/ebpfotel} rounds=${2:-5} seconds=${3:-3}
tmp=$(mktemp -d) || exit 1
server='' nginx=''
trap 'kill $server $nginx 2>/dev/null; rm -rf "$tmp"' EXIT
for program in iperf3 nginx wrk; do
	command -v $program >/dev/null || { echo "net.sh: needs $program" >&2; exit 77; }
done

iperf3 -s -p 25201 >/dev/null 2>&1 &
server=$!
cat >"$tmp/nginx.conf" <<END
worker_processes 2; daemon off; pid $tmp/pid; error_log $tmp/log;
events { worker_connections 512; }
http { access_log off; keepalive_requests 10000000; client_body_temp_path $tmp/b; proxy_temp_path $tmp/p;
fastcgi_temp_path $tmp/f; uwsgi_temp_path $tmp/u; scgi_temp_path $tmp/s;
server { listen 127.0.0.1:25280; location / { return 200 "hello\n"; } } }
END
nginx -c "$tmp/nginx.conf" &
nginx=$!
sleep 1

copy() { # Gbit/s
	iperf3 -c 127.0.0.1 -p 25201 -t "$seconds" -J 2>/dev/null |
		sed -n '/"sum_received"/,/}/s/.*"bits_per_second":[^0-9]*\([0-9.e+]*\).*/\1/p' | awk '{ print $1 / 1e9 }'
}

requests() { # a second
	wrk -t1 -c8 -d"${seconds}s" http://127.0.0.1:25280/ | sed -n 's/^Requests.sec: *//p'
}

# name, measured by, options of the tracer; bare ones have none
cases() {
	cat <<END
copy-bare copy
copy-default copy --events=connection,udp,dns
copy-packets copy --events=packet -c
copy-http copy --events=connection,udp,dns,http
web-bare requests
web-default requests --events=connection,udp,dns
web-http requests --events=connection,udp,dns,http
END
}

round=0
while [ $round -lt "$rounds" ]; do
	cases | while read -r name measure options; do
		tracer=''
		if [ -n "$options" ]; then
			# shellcheck disable=SC2086
			"$bin" trace net -q $options -f jsonl >/dev/null 2>"$tmp/err" </dev/null &
			tracer=$!
			sleep 1.5
		fi
		$measure </dev/null >>"$tmp/$name"
		[ -z "$tracer" ] || { kill -INT $tracer; wait $tracer; cat "$tmp/err" >&2; }
	done
	round=$((round + 1))
done

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
cases | while read -r name _; do
	printf '%s %s %s\n' "$name" "$(median "$tmp/$name")" "$(median "$tmp/${name%%-*}-bare")"
done | awk '{ printf "%-14s %12.2f  %6.1f %% of bare\n", $1, $2, 100 * $2 / $3 }'
