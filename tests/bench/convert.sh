#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# convert.sh EBPFOTEL MAKE_PROFILE
# How fast `ebpfotel convert` reads a large pprof and writes OTLP, and with how much memory; in turns
# with `go tool pprof -proto`, which reads the same file and writes it again. No root needed.
# Files by other programs have their samples in any order, which is slower: "shuffled".
# ROUNDS (5) and SAMPLES (1000000) can be given in the environment. MB are 10^6 bytes of unpacked
# pprof; time is what the processes had of the CPUs, because others use them too.
set -eu
bin=$1
make_profile=$2
rounds=${ROUNDS:-5}
samples=${SAMPLES:-1000000}
. "${0%/*}/common.sh"
need gzip /usr/bin/time
# The tool itself: `go tool` would add its own start.
pprof=
if command -v go >/dev/null; then
	pprof=$(go tool -n pprof 2>/dev/null) || pprof=
	[ -x "$pprof" ] || pprof=
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
"$make_profile" "$samples" >"$tmp/large.pb.gz"
gzip -dc "$tmp/large.pb.gz" >"$tmp/large.pprof"
"$make_profile" "$samples" shuffled | gzip -dc >"$tmp/shuffled.pprof"
"$make_profile" 20 >"$tmp/small.pb.gz"
size=$(stat -c %s "$tmp/large.pprof")

measure() { # NAME OUTPUT COMMAND...
	name=$1
	output=$2
	shift 2
	/usr/bin/time -o "$tmp/time" -f '%U %S %e %M' "$@" 2>"$tmp/err" >/dev/null || die "$name failed: $(cat "$tmp/err")"
	tail -n 1 "$tmp/time" | awk -v name="$name" -v size="$size" '{
		cpu = $1 + $2
		if (cpu <= 0) cpu = 0.01
		printf "%s|CPU, s|%f\n%s|elapsed, s|%f\n%s|MB/s of CPU time|%f\n", name, cpu, name, $3, name, size / 1e6 / cpu
		printf "%s|MB/s elapsed|%f\n%s|peak memory, times the input|%f\n", name, size / 1e6 / $3, name, $4 * 1024 / size
	}' >>"$tmp/figures"
	echo "$name|output, MB|$(stat -c %s "$output")" | awk -F'|' '{ printf "%s|%s|%f\n", $1, $2, $3 / 1e6 }' >>"$tmp/figures"
}

started() { # a small file, from the shell's point of view
	before=$(date +%s%N)
	"$bin" convert -q "$tmp/small.pb.gz" -o "$tmp/small.otlp"
	after=$(date +%s%N)
	echo "a small file|elapsed, ms|$(((after - before) / 1000)).0" | awk -F'|' '{ printf "%s|%s|%f\n", $1, $2, $3 / 1000 }' >>"$tmp/figures"
}

: >"$tmp/figures"
round=0
while [ "$round" -lt "$rounds" ]; do
	round=$((round + 1))
	echo "round $round of $rounds" >&2
	measure "ebpfotel, unpacked" "$tmp/out.otlp" "$bin" convert -q "$tmp/large.pprof" -o "$tmp/out.otlp"
	measure "ebpfotel, shuffled" "$tmp/out.otlp" "$bin" convert -q "$tmp/shuffled.pprof" -o "$tmp/out.otlp"
	measure "ebpfotel, gzip" "$tmp/out.otlp" "$bin" convert -q "$tmp/large.pb.gz" -o "$tmp/out.otlp"
	measure "ebpfotel, to pprof" "$tmp/out.pb.gz" "$bin" convert -q "$tmp/large.pb.gz" -o "$tmp/out.pb.gz"
	[ -z "$pprof" ] || measure "go tool pprof" "$tmp/out.pb.gz" "$pprof" -symbolize=none -proto -output="$tmp/out.pb.gz" "$tmp/large.pb.gz"
	started
done

echo "$(uname -sr), $(nproc) CPUs, $samples samples, $((size / 1000000)) MB of pprof unpacked," \
	"$(($(stat -c %s "$tmp/large.pb.gz") / 1000000)) MB packed, $rounds rounds; min, median, max"
[ "$pprof" ] || echo "no Go here: nothing to compare with"
awk -F'|' '
{
	key = $1 "|" $2
	if (!(key in n))
		order[++keys] = key
	values[key, ++n[key]] = $3
}
function sorted(key,   i, j, t) {
	for (i = 2; i <= n[key]; i++)
		for (j = i; j > 1 && values[key, j - 1] + 0 > values[key, j] + 0; j--) {
			t = values[key, j]; values[key, j] = values[key, j - 1]; values[key, j - 1] = t
		}
}
function median(key) {
	return n[key] % 2 ? values[key, (n[key] + 1) / 2] : (values[key, n[key] / 2] + values[key, n[key] / 2 + 1]) / 2
}
# Is WHAT at least LEAST, or at most -LEAST?
function wanted(what, value, least) {
	good = (least > 0 ? value >= least : value <= -least)
	printf("%-52s %8.2f  wanted: %s %g, %s\n", what, value, (least > 0 ? "at least" : "at most"), \
		(least > 0 ? least : -least), (good ? "good" : "MISSED"))
}
function ratio(ours, metric) {
	return median("go tool pprof|" metric) / median(ours "|" metric)
}
END {
	for (i = 1; i <= keys; i++) {
		key = order[i]
		sorted(key)
		split(key, part, "|")
		printf "%-20s %-30s %8.2f %8.2f %8.2f\n", part[1], part[2], values[key, 1], median(key), values[key, n[key]]
	}
	print ""
	wanted("pprof to OTLP, MB/s of CPU time", median("ebpfotel, unpacked|MB/s of CPU time"), 100)
	wanted("pprof to OTLP, peak memory, times the input", median("ebpfotel, gzip|peak memory, times the input"), -4)
	if (!(("go tool pprof|CPU, s") in n))
		exit
	wanted("CPU time of go tool pprof -proto, times that to OTLP", ratio("ebpfotel, gzip", "CPU, s"), 3)
	wanted("the same, times that to pprof", ratio("ebpfotel, to pprof", "CPU, s"), 3)
	wanted("pprof that we write, times that of Go", 1 / ratio("ebpfotel, to pprof", "output, MB"), -1)
}' "$tmp/figures"
