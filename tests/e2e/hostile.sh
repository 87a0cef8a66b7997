#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Names that programs give themselves, their threads and files: whatever they are, JSON is JSON, UTF-8
# is UTF-8, and no byte of a text drives a terminal.
. "${0%/*}/tap.sh"
need jq python3
cd "$tmp" || exit 1

# FILE has no control characters but newlines: neither as bytes nor, U+0080 to U+009F, as UTF-8
harmless()
{
	python3 - "$1" <<-'END'
		import sys, unicodedata
		data = open(sys.argv[1], 'rb').read()
		text = data.decode('utf-8', 'strict')
		bad = [c for c in text if c != '\n' and unicodedata.category(c) == 'Cc']
		assert text and not bad, bad[:9]
	END
}

# The names themselves, as JSON says them, are what the program said.
faithful()
{
	python3 - "$1" <<-'END'
		import json, sys
		names = [b'new\nline', b'"quo\'te\\', b'\xff\xfe\x80\xc3', b'\x1b[31mred\x1b[0m', b'\x1b]0;title\x07', b'\x9b31mc1',
		         b'\xc2\x9b31m', b'\x7f\b\b\r\t\v\f', b'\xed\xa0\x80\xf4\x90\x80\x80', b'\xc0\xaf\xe0\x80\xaf',
		         b'cut short here\xe2\x82\xac', b'\xe2\x80\xaertl', b'%s%n{}', b'</hosts>', b'\x01\x02\x03\x1f', b' ']
		shown = lambda b: b.decode('utf-8', 'replace')
		calls = [json.loads(line) for line in open(sys.argv[1], encoding='utf-8')]
		calls = sorted((c for c in calls if c['event_type'] == 'syscall'), key=lambda c: c['elapsed_ns'])
		opened = [c['data']['args']['filename'] for c in calls if c['data']['name'] == 'openat'
		          and c['data']['args']['flags'] == 'O_RDONLY' and c['data'].get('error') == 'ENOENT'
		          and not c['data']['args']['filename'].startswith(('/lib', '/etc', '/usr'))]
		assert opened == [shown(n) for n in names], opened
		asked = [c for c in calls if c['data']['name'] == 'getppid']
		assert len(asked) == 2 * len(names), len(asked)
		for i, name in enumerate(names):
		    own, other = asked[2 * i], asked[2 * i + 1]
		    assert own['comm'] == shown(name[:15]) and 'thread' not in own, (own, name)
		    assert other['comm'] == shown(name[:15]), (other, name)
		    thread = names[len(names) - 1 - i]
		    assert other['thread'] == shown(thread[:15]), (other, thread)
	END
}

run "$EO_BIN" trace syscall -y --payload -f jsonl -o calls.jsonl --stats=stats.json -- "$EO_WORKLOADS/hostile"
is "a program of many names" "$rc" 0
ok "every line is strict JSON in UTF-8" strict calls.jsonl
ok "without control characters" harmless calls.jsonl
is "jq reads all of it" "$(jq -c . calls.jsonl | wc -l)" "$(wc -l <calls.jsonl)"
ok "names are those that it gave, bad UTF-8 replaced" faithful calls.jsonl
is "nothing is lost" "$(stat_of stats.json '[.lost[]] | add')" 0
ok "the words on stderr drive no terminal" harmless err

for options in "-f text" "-f text -y --payload" "-f text -k" "-c" "-c --by=comm"; do
	# shellcheck disable=SC2086 # words
	run "$EO_BIN" trace syscall $options -- "$EO_WORKLOADS/hostile"
	is "trace syscall $options" "$rc" 0
	ok "drives no terminal" harmless out
done
run "$EO_BIN" trace syscall -c --by=comm -f jsonl -q -- "$EO_WORKLOADS/hostile"
ok "rows by name are JSON" strict out
run "$EO_BIN" trace mem -f text -q -- "$EO_WORKLOADS/hostile"
ok "blocks of memory as text drive no terminal" harmless out
run "$EO_BIN" trace mem -f jsonl -q -- "$EO_WORKLOADS/hostile"
ok "and are JSON" strict out

for signal in traces metrics logs; do
	run "$EO_BIN" trace syscall -q -f otlp-json --signals=$signal -o $signal.json -- "$EO_WORKLOADS/hostile"
	ok "$signal are strict JSON" strict $signal.json
	run "$EO_BIN" convert calls.jsonl -f otlp-json --signals=$signal -o $signal.json
	ok "converted as well" strict $signal.json
	ok "and without control characters" harmless $signal.json
done

# Programs and folders of such names are in the envelope.
odd=$(printf 'x\033[31m"\n\\\302\233\377')
mkdir "$odd" && cp "$EO_WORKLOADS/hostile" "$odd/$odd" || exit 1
run "$EO_BIN" trace syscall -y -o path.jsonl -- "$tmp/$odd/$odd"
ok "a program of such a path" strict path.jsonl
ok "and the words about it" harmless err
run "$EO_BIN" trace syscall -y -f text -- "$tmp/$odd/$odd"
ok "as text" harmless out
run "$EO_BIN" trace syscall -- "$tmp/absent/$odd"
is "a program that is not there" "$rc" 127
ok "is told without driving the terminal" harmless err
finish
