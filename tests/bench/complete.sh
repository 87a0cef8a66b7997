#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# complete.sh EBPFOTEL DEEP
# How many user stacks are complete to the bottom, and how the others end: programs that run steadily,
# after their first second, and compilers that live 25 ms, from the beginning. Needs root. SECONDS_EACH
# (8) and RATE (199) can be given in the environment. What is not installed is left out.
set -eu
bin=$1
deep=$2
seconds=${SECONDS_EACH:-8}
rate=${RATE:-199}
. "${0%/*}/common.sh"
need_root
need jq

tmp=$(mktemp -d)
worker=''
cleanup() {
	[ -z "$worker" ] || kill "$worker" 2>/dev/null || :
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
cd "$tmp"

# Each profile says how its user stacks ended. Sum that up over all but the first $1 profiles.
walks() { # SKIP FILE...
	skip=$1
	shift
	for file; do
		[ "$skip" -gt 0 ] || jq -r '.dictionary.attributeTable[].value.arrayValue.values[]?.stringValue
			| select(startswith("user stacks: ")) | ltrimstr("user stacks: ")' "$file" | tr ',' '\n'
		skip=$((skip - 1))
	done | sed 's/^ *//'
}

# "12 complete" lines become a row. What was cut at the greatest depth is as long as it can be; what has
# no user half is none.
row() { # NAME
	awk -v name="$1" '
	{
		count = $1
		sub(/^[0-9]+ /, "")
		if ($0 != "none") {
			sum[$0] += count
			all += count
		}
	}
	END {
		whole = sum["complete"] + sum["complete by snapshot"]
		printf "%-22s %7d %8.2f %8.2f %8.2f ", name, all, all ? whole * 100 / all : 0,
			all ? sum["complete by snapshot"] * 100 / all : 0, all ? sum["cut"] * 100 / all : 0
		for (what in sum)
			if (what !~ /^(complete|complete by snapshot|cut)$/)
				printf " %s %.2f", what, sum[what] * 100 / all
		printf "\n"
	}'
}

there() { command -v "$1" >/dev/null 2>&1; }

steady() { # NAME COMMAND...
	name=$1
	shift
	if ! there "$1"; then
		printf '%-22s left out: no %s\n' "$name" "$1"
		return 0
	fi
	"$@" >/dev/null 2>"$tmp/errors" &
	worker=$!
	sleep 1
	rm -f part-*
	"$bin" profile -q -F "$rate" -d "$((seconds + 1))" -p "$worker" --interval=1s -f otlp-json \
		-o "$tmp/part-%s.json" || cat "$tmp/errors" >&2
	kill "$worker" 2>/dev/null || :
	wait "$worker" 2>/dev/null || :
	worker=''
	# One a second: their names are times.
	walks 1 part-*.json | row "$name"
}

# All processes that COMMAND starts, from the first one on.
children() { # NAME SKIP COMMAND...
	name=$1 skip=$2
	shift 2
	there "$1" || {
		printf '%-22s left out: no %s\n' "$name" "$1"
		return 0
	}
	rm -f part-*
	"$bin" profile -q -F "$rate" -d 0 --interval=1s -f otlp-json -o "$tmp/part-%s.json" -- \
		timeout "$((seconds + 1))" sh -c 'while "$@"; do :; done' sh "$@" 2>"$tmp/errors" || :
	walks "$skip" part-*.json | row "$name"
}

cat >work.py <<'END_OF_FILE'
import json, os
def inner(n):
    return sum(i * i for i in range(n))
while True:
    inner(2000); json.dumps(list(range(2000))); sorted(str(i) for i in range(500)); os.stat("/")
END_OF_FILE
cat >work.js <<'END_OF_FILE'
function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
for (;;) {
	fib(20);
	const list = Array.from({ length: 1000 }, (_, i) => String(i * 7919 % 1000));
	list.sort();
	JSON.parse(JSON.stringify(list));
	/(a+)+b/.test("aaaaaaaaaaaaaaa");
}
END_OF_FILE
cat >work.pl <<'END_OF_FILE'
sub fib { my $n = shift; return $n < 2 ? $n : fib($n - 1) + fib($n - 2); }
while (1) {
	fib(15);
	my %h = map { $_ => $_ * 7919 % 1000 } 1 .. 1000;
	my @s = sort { $h{$a} <=> $h{$b} } keys %h;
	my $t = join ',', @s;
	$t =~ s/(\d+),(\d+)/$2,$1/g;
}
END_OF_FILE
cat >work.rs <<'END_OF_FILE'
use std::collections::HashMap;
fn depth(n: u32, map: &mut HashMap<String, u32>) -> u32 {
    if n == 0 {
        for i in 0..50u32 {
            *map.entry(format!("{}", i.wrapping_mul(7919) % 1000)).or_insert(0) += 1;
        }
        return 1;
    }
    depth(n - 1, map).wrapping_add(std::hint::black_box(n))
}
fn main() {
    let mut map = HashMap::new();
    loop {
        for n in 0..40 {
            depth(n, &mut map);
        }
        let mut list: Vec<String> = (0..500).map(|i| (i * 7919 % 1000).to_string()).collect();
        list.sort();
        std::hint::black_box(list);
    }
}
END_OF_FILE
cat >work.go <<'END_OF_FILE'
package main

import (
	"fmt"
	"sort"
)

func depth(n int) int {
	if n == 0 {
		list := make([]string, 0, 100)
		for i := 0; i < 100; i++ {
			list = append(list, fmt.Sprint(i*7919%1000))
		}
		sort.Strings(list)
		return len(list)
	}
	return depth(n-1) + n
}

func main() {
	go func() {
		for {
			depth(5)
		}
	}()
	for {
		depth(30)
	}
}
END_OF_FILE
cat >Work.java <<'END_OF_FILE'
import java.util.*;
public class Work {
	static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
	public static void main(String[] args) {
		long sum = 0;
		for (;;) {
			sum += fib(20);
			Map<String, Integer> map = new TreeMap<>();
			for (int i = 0; i < 1000; i++)
				map.merge(Integer.toString(i * 7919 % 1000), 1, Integer::sum);
			sum += map.size();
			if (sum == 42) System.out.println(sum);
		}
	}
}
END_OF_FILE
cat >large.cpp <<'END_OF_FILE'
#include <algorithm>
#include <functional>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>
int work(const std::string &text)
{
	std::map<std::string, std::vector<int>> words;
	std::regex pattern("([a-z]+)=([0-9]+)");
	for (std::sregex_iterator i(text.begin(), text.end(), pattern), end; i != end; ++i)
		words[(*i)[1]].push_back(std::stoi((*i)[2]));
	std::ostringstream out;
	for (auto &w : words) {
		std::sort(w.second.begin(), w.second.end(), std::greater<int>());
		out << w.first << w.second.size();
	}
	return (int)out.str().size();
}
END_OF_FILE
cat >small.c <<'END_OF_FILE'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		printf("%zu\n", strlen(argv[i]));
	return 0;
}
END_OF_FILE
if there rustc; then rustc -O -o work-rust work.rs 2>errors || cat errors >&2; fi
if there go; then GOFLAGS=-mod=mod GOCACHE="$tmp/go" go build -o work-go work.go 2>errors || cat errors >&2; fi
if there javac; then javac Work.java 2>errors || cat errors >&2; fi

echo "$(uname -sr), $rate Hz, $seconds s each; of the samples with a user half, in %"
printf '%-22s %7s %8s %8s %8s  others\n' '' samples complete snapshot 'too deep'
steady "C++" "$deep"
steady python3 python3 work.py
steady node node work.js
steady perl perl work.pl
steady Rust ./work-rust
steady Go ./work-go
steady "dd (system calls)" dd if=/dev/zero of=/dev/null bs=1
steady "java, frame pointers" java -XX:+PreserveFramePointer Work
children "g++ -O2, in a loop" 1 g++ -O2 -c -o large.o large.cpp

# The first of them is when its files are seen for the first time.
if there gcc; then
	gcc -c -o small.o small.c
	# shellcheck disable=SC2016 # for the inner shell
	for name in cc1 as ld; do
		rm -f part-*
		"$bin" profile -q -F 499 -f otlp-json -o "$tmp/part-1.json" --comm=$name -- \
			sh -c 'i=0; while [ $i -lt 60 ]; do gcc -o small small.c; i=$((i + 1)); done'
		walks 0 part-1.json | row "60 runs of gcc: $name"
	done
fi
