#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The unit for systemd: systemd finds nothing wrong with it, and its user, its capabilities and its
# system calls are enough for what it runs.
. "${0%/*}/tap.sh"
need go jq setpriv
: "${EO_UNIT:?}"
cd "$tmp" || exit 1
value() { sed -n "s/^$1=//p" "$EO_UNIT"; }

caps=$(value CapabilityBoundingSet)
is "what it gives is what may be given" "$(value AmbientCapabilities)" "$caps"
if command -v systemd-analyze >/dev/null; then
	sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|; /^Documentation/d' "$EO_UNIT" >ebpfotel.service
	ok "systemd finds no fault with it" systemd-analyze verify ./ebpfotel.service
	is "not even a word" "$found" ""
	ok "and little exposure" systemd-analyze security --offline=yes --threshold=25 ./ebpfotel.service
else
	skip "what systemd says" "no systemd-analyze"
fi

# The same by hand: its user and capabilities, none to be had beyond, its own directory.
mkdir -m 700 state && chown 65534:65534 state
cp "$EO_BIN" ebpfotel && chmod 755 ebpfotel
list=$(echo "$caps" | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
as_unit="setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs
	--bounding-set=-all,$list --inh-caps=-all,$list --ambient-caps=-all,$list"
# What ExecStart says after the program, but faster, shorter and into our directory.
arguments=$(value ExecStart | sed "s/^[^ ]* //; s/%S/state/; s/%%/%/g; s|'||g; s|state/ebpfotel|state|")
start "$EO_SPIN" hot >/dev/null
spin=$pid
spinning "$spin" spin
start dd if=/dev/zero of=/dev/null bs=1M 2>/dev/null # an idle machine is hardly ever in the kernel
has "it profiles always" "$EO_UNIT" '^ExecStart=.* profile .*-d 0 '
# shellcheck disable=SC2086 # words
run $as_unit ./ebpfotel $arguments -F 199 -d 1.5
is "with just that it runs" "$rc" 0
file=$(find state -name 'cpu-*.pb.gz' | head -n 1)
is "its file is private" "$(stat -c '%a %u' "$file")" "600 65534"
between "programs of other users have names" "$(count "$file" "\$2 == $spin && \$4 ~ /^hot_[abc]@/")" 20 700
between "so has the kernel" "$(count "$file" '$NF ~ /^[a-z_].*@\[kernel/ || $4 ~ /^[a-z_].*@\[kernel/')" 1 100000

# Each call that it makes is one that its filter lets through.
if command -v systemd-analyze >/dev/null && command -v strace >/dev/null; then
	filter() { systemd-analyze syscall-filter "$@" | sed 's/#.*//' | tr -s ' ' '\n' | grep -v '^@known'; }
	expand()
	{
		for name in $1; do
			case $name in
			@*) expand "$(filter "$name" | grep -vx "$name" | tr '\n' ' ')" ;;
			*) echo "$name" ;;
			esac
		done
	}
	(expand "$(value SystemCallFilter | grep -v '^~' | tr '\n' ' ')") | sort -u >given
	(expand "$(value SystemCallFilter | sed -n 's/^~//p' | tr '\n' ' ')") | sort -u >taken
	comm -23 given taken >allowed
	# shellcheck disable=SC2086
	run strace -f -qq -o calls "$EO_BIN" $arguments -F 199 -d 1.5
	is "and under strace" "$rc" 0
	sed -nE 's/^[0-9]+ +([a-z_0-9]+)\(.*/\1/p' calls | sort -u >made
	between "many kinds of calls are made" "$(wc -l <made)" 20 300
	# execve is strace's own, and systemd's before its filter is there; numbers 335 and 336 are made by
	# the kernel's own code where somebody probes a function of ours, and are let through since 6.14.
	is "no call is outside of the filter" \
		"$(comm -23 made allowed | grep -vxE 'execve|u(ret)?probe|syscall_0x(14f|150)' | tr '\n' ' ')" ""
else
	skip "calls against the filter" "needs systemd-analyze and strace"
fi
finish
