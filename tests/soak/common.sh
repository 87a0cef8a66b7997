# SPDX-License-Identifier: BSD-2-Clause
# For the scripts beside it: load that a machine has, figures of a process, claims.
# shellcheck shell=sh

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

need() { # COMMAND...
	[ "$(id -u)" = 0 ] || die "needs root"
	for tool; do
		command -v "$tool" >/dev/null || die "$tool is missing"
	done
}

# The compiler over and over, with its output thrown away; it ends where a file does not compile.
compile_again() { # SOURCE FOLDER [PAUSE]
	while :; do
		for file in "$1"/tests/e2e/workloads/*.c "$1"/tests/kernel/workloads/calls.c; do
			[ "${file##*/}" != reused.c ] || continue # wants to be told its names
			cc -D_GNU_SOURCE -O1 -c "$file" -o "$2/out.o"
		done
		[ -z "${3-}" ] || sleep "$3"
	done
}

# Files over HTTP, in $server, on $port.
serve() { # FOLDER
	mkdir "$1/files"
	head -c 10000 /dev/zero >"$1/files/zeros"
	python3 -u -m http.server --protocol HTTP/1.1 --bind 127.0.0.1 --directory "$1/files" 0 \
		>"$1/server.log" 2>/dev/null &
	server=$!
	until port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$1/server.log") && [ "$port" ]; do
		sleep 0.1
	done
}

# Ten files a connection, until the server is gone.
ask_again() { # PORT [PAUSE]
	while curl -sf -o /dev/null "http://127.0.0.1:$1/zeros?[0-9]"; do
		[ -z "${2-}" ] || sleep "$2"
	done
}

# Anonymous memory in kB, descriptors, kB of maps of the process $1; fails when it is gone.
figures() {
	rss=$(awk '/^RssAnon/ { print $2 }' "/proc/$1/status" 2>/dev/null)
	[ "$rss" ] || return 1
	echo "$rss $(find "/proc/$1/fd" | wc -l)" \
		"$(cat "/proc/$1/fdinfo"/* 2>/dev/null | awk '/^memlock/ { sum += $2 } END { print int(sum / 1024) }')"
}

failures=0
claim() { # CLAIM AWK-CONDITION
	if awk "BEGIN { exit !($2) }"; then
		echo "ok - $1"
	else
		echo "not ok - $1: $2"
		failures=$((failures + 1))
	fi
}

# until_the_end PID WHAT: what gave work was there as long as it was wanted
until_the_end() {
	claim "the $2 worked until the end" "$(kill -0 "$1" && echo 1 || echo 0)"
}

# What the closing statistics $1 leave unexplained; 0 where they add up.
unexplained() {
	jq '.events_seen - .events_emitted - .events_aggregated - .events_filtered - ([.lost[]] | add)' "$1"
}
