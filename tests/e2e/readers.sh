#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What other programs make of our files: Go's pprof, and protoc with the schema of the format.
. "${0%/*}/tap.sh"
need go jq protoc readelf
[ -x "$EO_WORKLOADS/shop" ] || skip_all "needs a C++ compiler"
cd "$tmp" || exit 1

start "$EO_BIN" profile -F 499 -o bare.pb.gz --no-symbols -- "$EO_WORKLOADS/shop" 600 2>bare.err
bare=$pid
start dd if=/dev/zero of=/dev/null bs=1M 2>/dev/null # who is in the kernel, while all others are idle
run "$EO_BIN" profile -a -F 499 -o p.pb.gz --stats=p.json -- "$EO_WORKLOADS/shop" 600
is "a run" "$rc" 0
await "$bare"
is "a run without symbols" "$rc" 0

ok "pprof reads it" valid p.pb.gz
is "without a word of complaint" "$(cat pprof.err)" ""
gzip -dc p.pb.gz | protoc -I "$EO_SOURCE/lib/proto" --decode=perftools.profiles.Profile pprof.proto >decoded 2>protoc.err
is "protoc reads it" "$(cat protoc.err)" ""
lacks "and knows every field" decoded '^ *[0-9]+[:{ ]'
has "period" decoded '^period: 2004008$'
has "duration" decoded '^duration_nanos: [1-9][0-9]{8,}$'
has "time" decoded '^time_nanos: [1-9][0-9]{18}$'
has "comments" raw '^Comment: .*ebpfotel'
has "type of the period" raw '^PeriodType: cpu nanoseconds'
has "sample types" raw '^samples/count cpu/nanoseconds'
is "cpu is count times period" "$(awk '/^ *[0-9]+ +[0-9]+: / { c += $1; t += $2 } END { printf "%d", t - c * 2004008 }' raw)" 0

# FILE BUILDID of the mapping whose file name ends so
mapping() { sed -n "s|^[0-9]*: 0x[^ ]* \([^ ]*$1\) \([0-9a-f]*\) .*|\1 \2|p" raw; }
build_id() { readelf -n "$1" 2>/dev/null | sed -n 's/.*Build ID: //p'; }
for name in 'libc[^ /]*' 'shop'; do
	mapping "/$name" >found
	read -r file id <found
	is "one mapping of $name" "$(wc -l <found)" 1
	is "build id of $name" "$id" "$(build_id "$file")"
done
kernel=$(sed -n 's/^[0-9]*: .* \[kernel.kallsyms\] \([0-9a-f]*\).*/\1/p' raw)
is "one mapping of the kernel, with a build id" "$(echo "$kernel" | grep -Ec '^[0-9a-f]{16,}$')" 1

# Names against another reader of the same file. Without its debug information that one looks at
# symbols as well, and our addresses are those of the file.
if command -v addr2line >/dev/null && objcopy -g "$EO_WORKLOADS/shop" symbols; then
	number=$(sed -n 's|^\([0-9]*\): .*/shop .*|\1|p' raw)
	sed -n "s/^ *[0-9]*: \(0x[0-9a-f]*\) M=$number \(.*\) [^ ]*:0:0 s=0.*/\1 \2/p" raw >named
	cut -d ' ' -f 1 named | addr2line -fCe symbols | sed -n 'p;n' >theirs
	between "there are names to compare" "$(wc -l <named)" 20 10000
	is "addr2line gives every address the same" "$(cut -d ' ' -f 2- named)" "$(cat theirs)"
else
	skip "addr2line gives every address the same" "needs binutils"
fi

awk '
	/^Mappings$/ { section = "m"; next }
	/^Locations$/ { section = "l"; next }
	section == "l" && match($0, /0x[0-9a-f]+ M=[0-9]+/) { split(substr($0, RSTART), at, /[ =]/); print "l", at[1], at[3] }
	section == "m" { sub(/:/, " "); split($2, range, "/"); print "m", range[1], range[2], $1 }' raw >addresses
# 64-bit comparisons are those of equally long hexadecimal texts.
outside=$(awk '
	function wide(hex) { sub(/^0x/, "", hex); while (length(hex) < 16) hex = "0" hex; return "x" hex }
	$1 == "m" { low[$4] = wide($2); high[$4] = wide($3) }
	$1 == "l" { address[++n] = wide($2); mapping[n] = $3 }
	END { for (i = 1; i <= n; i++) if (address[i] < low[mapping[i]] || address[i] >= high[mapping[i]]) bad++; print bad + 0 }' addresses)
is "every address is inside its mapping" "$outside" 0

pprof -raw bare.pb.gz >raw 2>pprof.err
is "--no-symbols leaves the names out" "$(grep -c ' s=[0-9]' raw)" 0
read -r file id <<-END
	$(mapping /shop)
END
is "but not the build ids" "$id" "$(build_id "$EO_WORKLOADS/shop")"
run "$EO_BIN" profile -F 499 -d 0.3 -f top -a
is "-f top is a table on stdout" "$rc" 0
has "with the columns of pprof" out 'flat +flat% +sum% +cum +cum%'
run "$EO_BIN" profile -F 499 -d 0.2 -a -o -
is "stdout takes pprof when it is no terminal" "$rc" 0
cp out stdout.pb.gz
ok "which pprof reads as well" valid stdout.pb.gz
finish
