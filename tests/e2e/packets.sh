#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Packets of a known transfer are those that tcpdump and the interface count. In a network of our own,
# where nobody else says anything.
[ "${EO_PRIVATE-}" ] || [ "$(id -u)" != 0 ] || EO_PRIVATE=yes exec unshare --net sh "$0" "$@"
. "${0%/*}/tap.sh"
need jq tcpdump python3 ip
cd "$tmp" || exit 1
ip link set lo up
port=27647 size=1000003 datagrams=211

start tcpdump --immediate-mode -i lo -s 96 -U -w dump port $port 2>said
dump=$pid
until_true grep -q listening said || fail "tcpdump listens" "$(cat said)"
start "$EO_BIN" trace net -q --events=packet --port=$port --interface=lo -f jsonl -o packets.jsonl --stats=stats 2>err
tracer=$pid
capturing "$tracer"
before=$(cat /proc/net/dev)
python3 - $port $size $datagrams <<-'END'
	import socket, sys, threading
	port, size, datagrams = map(int, sys.argv[1:])
	listener = socket.create_server(('127.0.0.1', port))

	def answer():
	    peer = listener.accept()[0]
	    left = size
	    while left:
	        left -= len(peer.recv(65536))
	    peer.sendall(bytes(size))
	    peer.close()

	threading.Thread(target=answer).start()
	client = socket.create_connection(('127.0.0.1', port))
	client.sendall(bytes(size))
	while client.recv(65536):
	    pass
	client.close()
	one, two = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
	one.bind(('127.0.0.1', port))
	for i in range(datagrams):
	    two.sendto(bytes(i), ('127.0.0.1', port))
	    one.recv(65536)
END
after=$(cat /proc/net/dev)
seen() { [ "$(wc -l <packets.jsonl)" -ge "$(counted 3)" ]; }
counted() # COLUMN: what the interface has counted meanwhile, as it was received
{
	printf '%s\n%s\n' "$before" "$after" | awk -v column="$1" '$1 == "lo:" { v[n++] = $column } END { print v[1] - v[0] }'
}
until_true seen
dumped() # packets and bytes that tcpdump has written so far
{
	python3 - dump <<-'END'
		import struct, sys
		data = open(sys.argv[1], 'rb').read()
		at, count, total = 24, 0, 0
		while at + 16 <= len(data):
		    captured, length = struct.unpack_from('<II', data, at + 8)
		    at, count, total = at + 16 + captured, count + 1, total + length
		print(count, total)
	END
}
dumped_all() { [ "$(dumped | cut -d' ' -f1)" = "$(counted 3)" ]; }
until_true dumped_all
kill -INT "$tracer" "$dump"
await "$tracer"
is "the trace ends well" "$rc" 0
await "$dump"
packets=$(stat_of stats .net.packets_captured)
bytes=$(stat_of stats .net.bytes_captured)
between "the transfer is all there" "$bytes" $((2 * size + datagrams * (datagrams - 1) / 2)) 4000000
is "as many packets and bytes as tcpdump has" "$packets $((bytes + 14 * packets))" "$(dumped)"
# The loopback's own figure is without link headers.
is "and as the interface has counted" "$packets $bytes" "$(counted 3) $(counted 2)"
is "each is an event" "$(jq -r 'select(.event_type == "network_packet") | 1' packets.jsonl | wc -l)" "$packets"
is "of the same bytes" "$(jq -s 'map(select(.event_type == "network_packet") | .data.length_bytes) | add' packets.jsonl)" "$bytes"
is "nothing was lost" "$(stat_of stats '[.lost[]] | add')" 0
finish
