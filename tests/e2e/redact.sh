#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# --redact: one word stands in folders, names of files, arguments, texts and addresses of programs,
# and must stand in nothing that comes out.
. "${0%/*}/tap.sh"
need jq python3
cd "$tmp" || exit 1
word=Geheimnis
mkdir $word && cp "$(command -v cat)" $word/reader && echo text >$word/$word.txt || exit 1
libc=$(ldd $word/reader | awk '$1 ~ /^libc\.so/ { print $3 }')
cp "$libc" $word/$word.so || exit 1
cat >client.py <<-END
	import os, socket, sys, threading
	word = sys.argv[1]
	server = socket.create_server(('127.0.0.1', 0))
	def serve():
	    connection, _ = server.accept()
	    connection.recv(4096)
	    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
	    connection.close()
	thread = threading.Thread(target=serve)
	thread.start()
	client = socket.create_connection(server.getsockname())
	client.sendall(f'GET /{word}?{word}={word} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n'.encode())
	client.recv(4096)
	thread.join()
	local = socket.socket(socket.AF_UNIX)
	for name in f'/{word}/socket', f'\0{word}':
	    try: local.connect(name)
	    except OSError: pass
	os.chdir(word)
	os.spawnlp(os.P_WAIT, './reader', 'reader', word + '.txt', '/absent/' + word)
	try: os.symlink(word, '/absent/' + word)
	except OSError: pass
END

for format in jsonl text otlp-json; do
	for redact in '' --redact; do
		signals=
		[ $format != otlp-json ] || signals=--signals=traces
		rm -f out.$format
		# shellcheck disable=SC2086 # no word, or one
		run "$EO_BIN" trace syscall -q -y $redact $signals -f $format -o out.$format -- python3 client.py $word
		is "syscall $format $redact" "$rc" 0
		if [ "$redact" ]; then
			lacks "the word is not in it" out.$format $word
			has "but what happened" out.$format openat
			has "and that something is left out" out.$format '\[redacted\]'
		else
			has "without it the word is there" out.$format $word
		fi
	done
done
is "the envelope says so" "$("$EO_BIN" trace syscall -q --redact --envelope=yes -- true |
	jq -c 'select(.event_type == "start") | .data.config.redact // .data.redact')" true
run "$EO_BIN" trace mem -q --redact --library=$word/$word.so -o $word/out.jsonl --stats=$word/stats.json -- true
is "options name files" "$rc" 0
lacks "which the envelope leaves out" $word/out.jsonl $word
has "and tells the rest of them" $word/out.jsonl '"event_type":"start".*"stats":"\[redacted\]"'
run "$EO_BIN" trace syscall -q --redact -e execve -- python3 client.py $word
is "arguments are still counted" \
	"$(jq -c 'select(.data.args.filename and (.data.args.argv | length) == 3 and .data.ret == 0) | .data.args.argv' out | tail -n 1)" \
	'["[redacted]","[redacted]","[redacted]"]'
run "$EO_BIN" trace net -q --events=http --http-query -- python3 client.py $word
has "requests have their paths" out "/$word"
run "$EO_BIN" trace net -q --events=http --http-query --redact -- python3 client.py $word
lacks "or not" out $word
has "with the rest of them" out '"method":"GET","host":"shop","path":"\[redacted\]"'
run "$EO_BIN" trace syscall --redact --payload -- true
is "buffers exclude it" "$rc" 2
finish
