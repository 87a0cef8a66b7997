#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A hundred C++ processes that live 20 ms each: gone before anybody could read their /proc, and
# named nevertheless.
. "${0%/*}/tap.sh"
need go jq
[ -x "$EO_WORKLOADS/shop" ] || skip_all "needs a C++ compiler"
cd "$tmp" || exit 1

run "$EO_BIN" profile -F 997 -o short.pb.gz --stats=short.json -- \
	sh -c 'i=0; while [ $i -lt 100 ]; do "$0" 20; i=$((i + 1)); done' "$EO_WORKLOADS/shop"
is "the run ends with the status of its command" "$rc" 0
samples short.pb.gz >samples

is "every process is there" "$(awk -F '\t' '$3 == "shop" { print $2 }' samples | sort -u | wc -l)" 100
user=$(awk -F '\t' '$4 !~ /@\[kernel/ { n += $1 } END { print n + 0 }' samples)
mapped=$(awk -F '\t' '$4 ~ /@(\/|\[vdso\])/ { n += $1 } END { print n + 0 }' samples)
between "2 s of work are samples" "$user" 1000 4000
between "of $user user samples 90 % land in a mapping with a name" $((mapped * 100 / (user + !user))) 90 100
own=$(awk -F '\t' '$4 ~ /@.*\/shop$/ { n += $1 } END { print n + 0 }' samples)
named=$(awk -F '\t' '$4 ~ /^.+@.*\/shop$/ { n += $1 } END { print n + 0 }' samples)
# The others are in its procedure linkage table, which has no symbols.
between "of $own samples in the program itself 85 % have a function" $((named * 100 / (own + !own))) 85 100

cut -f 4- samples | tr '\t' '\n' | sort -u >frames
has "functions are demangled" frames '^shop::Basket::(add\(|total\(\) const)'
lacks "no mangled name is left" frames '^_Z'
has "the C++ library has names" frames '^std::.*@.*/libstdc\+\+'
is "samples add up" "$(awk '{ n += $1 } END { print n + 0 }' samples)" "$(stat_of short.json '.events_aggregated + .events_emitted')"
finish
