#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The table of privileges in ebpfotel(1), row by row: each command works with what stands there, and
# not with less. What names take is in privileges.sh.
. "${0%/*}/tap.sh"
need jq setpriv capsh
cd "$tmp" || exit 1
cp "$EO_BIN" ebpfotel && cp "$EO_SPIN" spin && chmod 755 ebpfotel spin || exit 1
mkdir nobody.d && chown 65534:65534 nobody.d
cp "$EO_SOURCE/tests/data/profiles/cpu.pprof" cpu.pprof && chmod 644 cpu.pprof

# as CAPS COMMAND...: nobody with these capabilities and none to be had
as()
{
	caps=$1
	shift
	rm -f nobody.d/*
	run setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all"$caps" --inh-caps=-all"$caps" \
		--ambient-caps=-all"$caps" "$@"
}

start setpriv --reuid=12345 --regid=12345 --clear-groups ./spin kernel >/dev/null
theirs=$pid
spinning "$theirs" spin

as '' ./ebpfotel convert -q cpu.pprof -f top
is "convert needs nothing" "$rc" 0
as '' ./ebpfotel check
is "check asks without any, and says what is missing" "$rc" 4
has "by name" out 'CAP_BPF'
as '' ./ebpfotel --version
is "nor does --version" "$rc" 0

for command in "profile -F 199" "trace syscall" "trace syscall -c" "trace net" "trace mem"; do
	for caps in '' ,+bpf ,+perfmon; do
		# shellcheck disable=SC2086 # words
		as "$caps" ./ebpfotel $command -q -d 0.3 -p "$theirs" -o nobody.d/out.txt
		is "$command with '${caps#,}' alone" "$rc" 4
	done
	# shellcheck disable=SC2086
	as ,+bpf,+perfmon ./ebpfotel $command -q -d 0.5 -p "$theirs" -o nobody.d/out.txt
	is "$command with both" "$rc" 0
	case $command in
	profile* | *syscall*) ok "tells something" test -s nobody.d/out.txt ;;
	esac
done
# The same by another tool, which sets what a file would have: inheritable and ambient.
run capsh --caps=cap_bpf,cap_perfmon,cap_setuid,cap_setgid,cap_setpcap+eip --keep=1 --gid=65534 --uid=65534 \
	--addamb=cap_bpf --addamb=cap_perfmon -- \
	-c './ebpfotel trace syscall -q -d 0.3 -p '"$theirs"' -o nobody.d/out.txt'
is "capsh gives them as well" "$rc" 0

as ,+bpf,+perfmon ./ebpfotel profile -q -F 199 -d 0.2 --user=daemon -- id -un
is "--user without CAP_SETUID and CAP_SETGID" "$rc" 125
as ,+bpf,+perfmon,+setuid,+setgid ./ebpfotel profile -q -F 199 --user=daemon -o nobody.d/p.pb.gz -- id -un
is "--user with them" "$rc $(cat out)" "0 daemon"

mkdir -m 755 roots.d
as ,+bpf,+perfmon ./ebpfotel profile -q -F 199 -d 0.2 -p "$theirs" -o roots.d/p.pb.gz
is "a file in somebody else's directory" "$rc" 1
as ,+bpf,+perfmon,+dac_override ./ebpfotel profile -q -F 199 -d 0.2 -p "$theirs" -o roots.d/p.pb.gz
is "takes CAP_DAC_OVERRIDE" "$rc" 0

as ,+bpf,+perfmon ./ebpfotel trace syscall -q -d 0.3 -p "$theirs" -o nobody.d/p.jsonl
is "what is written is for its owner alone" "$(stat -c '%a %u' nobody.d/p.jsonl)" "600 65534"
finish
