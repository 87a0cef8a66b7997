#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# net_latency.sh EBPFOTEL [SECONDS]
# How long requests take, as a client measures it (nginx, wrk) and as `trace net --events=http` tells it
# of both sides in the same seconds: medians, and their ratio to the client's. wrk counts from before it
# sends; with several connections it waits for its turn to read, which is in its figure and not in ours.
set -u
bin=${1:-build/cli/ebpfotel} seconds=${2:-2}
. "${0%/*}/common.sh"
need_root
need nginx wrk openssl jq unshare
tmp=$(mktemp -d) || exit 1
nginx=''
trap '[ -z "$nginx" ] || kill -KILL $nginx; rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
case $bin in /*) ;; *) bin=$OLDPWD/$bin ;; esac
serve_web "$tmp" 2 127.0.0.1:25281 "127.0.0.1:25282 ssl"

us() { awk '{ n = $1 + 0; print /us$/ ? n : /ms$/ ? n * 1000 : n * 1000000 }'; }
median() { jq -r 'select(.data.role == "'"$1"'") | .data.duration_ns' events.jsonl | sort -n |
	awk '{ v[NR] = $1 } END { print NR ? v[int((NR + 1) / 2)] / 1000 : 0 }'; }

printf '%-22s %10s %10s %10s %8s %8s\n' requests wrk client server client/wrk told
for scheme in http:25281 https:25282; do
	for connections in 1 8; do
		"$bin" trace net -q --events=http --port="${scheme#*:}" -f jsonl -o events.jsonl &
		tracer=$!
		sleep 3
		wrk -t1 -c$connections -d"${seconds}s" --latency "${scheme%:*}://127.0.0.1:${scheme#*:}/" >wrk.txt
		kill -TERM $tracer 2>/dev/null
		wait $tracer
		printf '%s %s %s %s %s %s\n' "${scheme%:*},_$connections" "$(sed -n 's/^ *50%//p' wrk.txt | us)" "$(median client)" \
			"$(median server)" "$(sed -n 's/^ *\([0-9]*\) requests in .*/\1/p' wrk.txt)" \
			"$(jq -r 'select(.data.role == "client") | 1' events.jsonl | wc -l)"
	done
done | awk '{ printf "%-22s %7.0f us %7.1f us %7.1f us %8.2f %8s of %s\n", $1, $2, $3, $4, $3 / $2, $6, $5 }'
