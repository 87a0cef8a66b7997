#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Requests of curl to nginx, plain and inside of TLS, as spans and metrics, decoded by a reader that
# shares no line with us, and as rows of a summary.
. "${0%/*}/tap.sh"
need jq nginx curl openssl
: "${EO_NODE_MODULES:?}"
cd "$tmp" || exit 1

port=27183 tls_port=27184 traced=23 plain=17
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=lab 2>/dev/null
cat >nginx.conf <<-END
	worker_processes 2; daemon off; pid pid; error_log log;
	events { worker_connections 128; }
	http { access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f;
	uwsgi_temp_path u; scgi_temp_path s;
	server { listen 127.0.0.1:$port; listen 127.0.0.1:$tls_port ssl;
	ssl_certificate cert.pem; ssl_certificate_key key.pem;
	location / { return 200 "hello\n"; } } }
END
start unshare --pid --fork --kill-child nginx -p . -c nginx.conf 2>/dev/null
nginx=$pid
until_true curl -s -o /dev/null "http://127.0.0.1:$port/"

ask()
{
	i=0
	while [ $i -lt $traced ]; do
		i=$((i + 1))
		url=http://127.0.0.1:$port/traced/$i end=
		[ $((i % 3)) -gt 0 ] || url=https://127.0.0.1:$tls_port/traced/$i end=/tls
		curl -sk -o /dev/null -H 'Cookie: secret=1' "$url$end?secret=$i" \
			-H "traceparent: 00-abc$(printf %029x $i)-def$(printf %013x $i)-01"
	done
	curl -s "http://127.0.0.1:$port/plain/[1-11]?secret=x" >/dev/null
	curl -sk "https://127.0.0.1:$tls_port/plain/[12-$plain]/tls?secret=x" >/dev/null
}

if command -v node >/dev/null && [ -d "$EO_NODE_MODULES/@opentelemetry/otlp-transformer" ]; then
	start "$EO_BIN" trace net -q --events=http --port=$port,$tls_port -f otlp --signals=traces,metrics \
		-o 'live-{signal}.otlp' --stats=live.stats
	live=$pid
	start "$EO_BIN" trace net -q --events=http --port=$port,$tls_port -o saved.jsonl
	saved=$pid
	capturing "$live"
	capturing "$saved"
	ask
	sleep 1
	kill -TERM "$live" "$saved"
	await "$live"
	is "a run with spans and metrics" "$rc" 0
	await "$saved"
	is "one that is saved" "$rc" 0
	is "nothing is lost" "$(stat_of live.stats '[.lost[]] | add')" 0
	is "no plaintext without its connection" "$(stat_of live.stats .degraded.tls_unbound)" 0
	run "$EO_BIN" convert saved.jsonl -f otlp --signals=traces -o converted-traces.otlp
	is "what was saved becomes spans" "$rc" 0
	told_by node "$EO_SOURCE/tests/js/net.js" "$EO_NODE_MODULES" . $traced $plain
else
	skip "an independent decoder reads it" "needs node and @opentelemetry/otlp-transformer: ./dev setup --tests"
fi

# --- which requests become spans

spans() # WHICH
{
	start "$EO_BIN" trace net -q --events=http --port=$port,$tls_port --signals=traces -f otlp-json \
		--http-spans="$1" -o "$1.json"
	tracers="$tracers $pid"
	capturing "$pid"
}
tracers=
spans all
spans none
ask
sleep 1
for tracer in $tracers; do
	kill -TERM "$tracer"
	await "$tracer"
	is "a run with --http-spans" "$rc" 0
done
spans_in() { jq '.resourceSpans[].scopeSpans[].spans[].spanId' "$1" | wc -l; }
is "with all each request is one of the client and one of the server" "$(spans_in all.json)" $((2 * (traced + plain)))
is "with none there is none" "$(spans_in none.json)" 0

# --- stacks

# Workers of this nginx alone, which know their tables before the first request.
workers=$(pgrep -d, -P "$(pgrep -P "$nginx")")
start "$EO_BIN" trace net -q -k --events=http --port=$port,$tls_port -p "$workers" -o stacks.jsonl --stats=stacks.stats
stacks=$pid
until_true test -s stacks.jsonl
sleep 1
ask
sleep 1
kill -TERM "$stacks"
await "$stacks"
is "a run with stacks" "$rc" 0
from() # SCHEME FUNCTION
{
	jq -s --arg scheme "$1" --arg function "$2" 'map(select(.event_type == "http_request" and
		.data.scheme == $scheme and any(.data.stack[]?; .kind != "kernel" and
		.function == $function))) | length' stacks.jsonl
}
is "requests have that of the call that received them" "$(from http recv)" $((traced + plain - traced / 3 - 6))
is "and inside of TLS that of the library's function" "$(from https SSL_read)" $((traced / 3 + 6))
is "nothing of that is lost" "$(stat_of stacks.stats '[.lost[]] | add')" 0
ok "they make a flame graph" "$EO_BIN" convert stacks.jsonl -f folded -o stacks.folded
is "with each request" "$(awk '{ sum += $NF } END { print sum }' stacks.folded)" $((traced + plain))

# --- rows

start "$EO_BIN" trace net -c -q --events=connection,http --port=$port,$tls_port -f jsonl -o rows.jsonl --stats=rows.stats
rows=$pid
capturing "$rows"
ask
sleep 1
kill -TERM "$rows"
await "$rows"
is "a summary" "$rc" 0
row() # FILTER VALUE
{
	jq -s '[.[] | select(.event_type == "net_summary") | .data | select('"$1"')] | map('"$2"') | add' rows.jsonl
}
is "has the requests of servers by path" "$(row '.proto == "http" and .role == "server" and .path == "/traced/1"' .count)" 1
is "each of them" "$(row '.proto == "http" and .role == "server" and (.path | startswith("/"))' .count)" $((traced + plain))
is "and of clients" "$(row '.proto == "http" and .role == "client" and .comm == "curl"' .count)" $((traced + plain))
is "by host" "$(row '.proto == "http" and .role == "server" and .host == "127.0.0.1:'$tls_port'"' .count)" $((traced / 3 + 6))
is "with bytes of bodies" "$(row '.proto == "http" and .role == "server"' .tx_bytes)" $((6 * (traced + plain)))
is "with as many durations as requests" "$(row '.proto == "http"' '(.buckets | add)')" $((2 * (traced + plain)))
is "and without errors" "$(row '.proto == "http"' .errors)" 0
is "connections have rows of their own" "$(row '.proto == "tcp" and .role == "client"' .count)" $((traced + 2))
is "whose bytes the other side received" "$(row '.proto == "tcp" and .role == "client"' .tx_bytes)" \
	"$(row '.proto == "tcp" and .role == "server"' .rx_bytes)"
ok "the statistics add up" adds_up rows.stats
is "nothing was told one by one" "$(stat_of rows.stats .events_emitted)" 0
finish
