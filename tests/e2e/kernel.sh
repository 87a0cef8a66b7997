#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A process that is nearly always in the kernel, seen through every filter at once.
. "${0%/*}/tap.sh"
need go jq
cd "$tmp" || exit 1

start dd if=/dev/zero of=/dev/null bs=1 2>/dev/null
dd=$pid
start "$EO_SPIN" hot >/dev/null # somebody whom the filters must keep out
other=$pid
start "$EO_SPIN" threads >/dev/null
threads=$pid
spinning "$dd" dd
spinning "$other" spin
spinning "$threads" spin
tid=$(ls "/proc/$threads/task" | sed -n 2p)

# name OPTION...: a run in the background, into name.pb.gz
profilers=
profile()
{
	name=$1
	shift
	start "$EO_BIN" profile -F 997 -d 2 -o "$name.pb.gz" --stats="$name.json" "$@" 2>"$name.err"
	profilers="$profilers $pid"
}
profile pid -p "$dd"
profile kernel -p "$dd" -K
profile user -p "$dd" -U
profile comm --comm=dd
profile both --comm=spin --uid=0 -p "$dd,$other"
profile tid -t "$tid" --per-thread
profile nobody --uid=54321
start "$EO_BIN" profile -F 997 -d 2 -f folded -p "$dd" >folded 2>folded.err
profilers="$profilers $pid"
statuses=
for profiler in $profilers; do
	await "$profiler"
	statuses="$statuses$rc"
done
is "eight profilers at once end well" "$statuses" 00000000

samples pid.pb.gz | cut -f 4- | tr '\t' '\n' | sort -u >frames
known=$(grep -Ec '^(ksys_read|vfs_read|read_zero|read_iter_zero|ksys_write|vfs_write|write_null|__x64_sys_read|__x64_sys_write|x64_sys_call|do_syscall_64|entry_SYSCALL_64[a-z_]*|rw_verify_area|__rcu_read_lock|fdget_pos|__fdget_pos)@\[' frames)
between "kernel functions have their names ($known known)" "$known" 3 99
between "and dd has samples" "$(count pid.pb.gz '$1')" 50 4000
is "a filter by process lets nothing else in" "$(count pid.pb.gz "\$2 != $dd")" 0
is "every sample is dd's by name" "$(count pid.pb.gz '$3 != "dd"')" 0

has "folded stacks mark what is in the kernel" folded '_\[k\]'
lacks "folded stacks are all dd's" folded '^([^d]|d[^d]|dd[^;])'
lacks "user frames come before those of the kernel" folded '_\[k\];.*[^]] [0-9]+$'
lacks "folded lines end with a number" folded '[^0-9]$'

is "-K leaves no user frame" "$(count kernel.pb.gz '/@\//')" 0
between "-K keeps the kernel's" "$(count kernel.pb.gz '/@\[kernel/')" 50 4000
is "-U leaves no frame of the kernel" "$(count user.pb.gz '/@\[kernel/')" 0
between "-U tells what it left out, or keeps the user half" \
	"$(stat_of user.json '.events_filtered + .events_aggregated + .events_emitted')" 50 4000

is "--comm lets nothing else in" "$(count comm.pb.gz '$3 != "dd"')" 0
between "--comm lets dd in" "$(count comm.pb.gz "\$2 == $dd")" 50 4000
is "filters of different kinds must all hold" "$(count both.pb.gz "\$2 != $other")" 0
between "and let in who meets them" "$(count both.pb.gz "\$2 == $other")" 50 4000
is "-t lets in one thread of its process" "$(pprof -raw tid.pb.gz 2>/dev/null |
	grep -o 'tid:\[[0-9]*\]' | sort -u)" "tid:[$tid]"
has "--per-thread gives the thread's name" tid.err . # the file exists; the labels are below
is "the thread's label" "$(pprof -raw tid.pb.gz 2>/dev/null | grep -o 'thread:\[[a-z]*\]' | sort -u)" \
	"thread:[$(cat "/proc/$threads/task/$tid/comm")]"
is "a user who runs nothing has no samples" "$(stat_of nobody.json .events_seen)" 0
ok "and an empty profile is a valid one" valid nobody.pb.gz
finish
