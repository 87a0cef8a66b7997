#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# How far each capability leads, from none at all to those that open other users' deleted files.
. "${0%/*}/tap.sh"
need go jq setpriv sysctl
setpriv --list-caps | grep -q '^checkpoint_restore$' || skip_all "needs a setpriv that knows CAP_CHECKPOINT_RESTORE"
old_kptr=$(sysctl -n kernel.kptr_restrict) || skip_all "needs kernel.kptr_restrict"
cd "$tmp" || exit 1
undo() { sysctl -qw kernel.kptr_restrict="$old_kptr"; }
sysctl -qw kernel.kptr_restrict=0 || exit 1

mkdir nobody.d
chown 65534:65534 nobody.d
cp "$EO_BIN" ebpfotel && cp "$EO_SPIN" spin && cp "$EO_SPIN" gone || exit 1
chmod 755 ebpfotel spin gone

# as UID CAPS: the words in front of a command that is to run so
as() { as="setpriv --reuid=$1 --regid=$1 --clear-groups --inh-caps=-all$2 --ambient-caps=-all$2"; }
as 65534 ''
start $as ./spin hot >/dev/null
own=$pid
start $as ./spin kernel >/dev/null
own_kernel=$pid
as 12345 ''
start $as ./spin hot >/dev/null
foreign=$pid
start $as ./gone hot >/dev/null
gone=$pid
for pid in $own $own_kernel $foreign; do
	spinning "$pid" spin
done
spinning "$gone" gone
rm gone

# profile CAPS PIDS: as nobody with these capabilities
profile()
{
	as 65534 "$1"
	rm -f nobody.d/*
	run $as ./ebpfotel profile -F 499 -d 0.7 -p "$2" -o nobody.d/p.pb.gz --stats=nobody.d/p.json
}
hot() { count nobody.d/p.pb.gz "\$2 == $1 && \$4 ~ /^hot_[abc]@/"; }

profile '' "$own"
is "without capabilities: permission denied" "$rc" 4
has "in a line that says what" err '^ebpfotel: .*: (Operation not permitted|Permission denied)$'
has "and a hint which capabilities are missing" err '^hint: .*CAP_BPF.*CAP_PERFMON'
is "nothing is left behind" "$(ls -A nobody.d)" ""
run $as ./ebpfotel profile -o nobody.d/p.pb.gz -- true
is "with a command this is 125" "$rc" 125
run unshare --pid --fork --mount-proc "$EO_BIN" profile -d 1 -o nobody.d/p.pb.gz
is "where pids are not the kernel's nothing is captured" "$rc" 3
has "with a cure" err '^hint: .*--pid=host'
run unshare --pid --fork --mount-proc "$EO_BIN" trace syscall -- true
is "nor with a command" "$rc" 125
run unshare --pid --fork --mount-proc "$EO_BIN" check --json
is "and check says so" "$(jq -c '[.tools[].why] | unique' out)" '["no pids of the host: this container has its own"]'
profile ,+bpf "$own"
is "CAP_BPF alone is not enough" "$rc" 4
has "and the hint stands here too" err '^hint: .*CAP_PERFMON'
profile ,+perfmon "$own"
is "CAP_PERFMON alone is not enough" "$rc" 4
has "and the hint stands here, too" err '^hint: .*CAP_BPF'

profile ,+bpf,+perfmon "$own,$own_kernel,$foreign"
is "both together are" "$rc" 0
between "processes of one's own have names" "$(hot "$own")" 10 400
# Newer kernels show CAP_PERFMON the mappings of all processes, so names are welcome here.
between "those of others have samples" "$(count nobody.d/p.pb.gz "\$2 == $foreign")" 10 400
is "the kernel hides its names" "$(stat_of nobody.d/p.json .profile.kernel_names_hidden)" true
has "and a hint says what opens them" err 'hint: .*(CAP_SYSLOG|kptr_restrict)'
between "its samples are there" "$(count nobody.d/p.pb.gz "\$2 == $own_kernel && \$4 ~ /@\[kernel/")" 10 400
is "without invented names" "$(count nobody.d/p.pb.gz "\$4 ~ /^[^@].*@\\[kernel/")" 0

profile ,+bpf,+perfmon,+syslog "$own_kernel"
is "with CAP_SYSLOG" "$rc" 0
between "kernel functions have names" "$(count nobody.d/p.pb.gz '$4 ~ /^[a-z_].*@\[kernel/')" 10 400
is "and none is hidden" "$(stat_of nobody.d/p.json .profile.kernel_names_hidden)" false

profile ,+bpf,+perfmon,+sys_ptrace "$foreign,$own"
is "with CAP_SYS_PTRACE" "$rc" 0
between "processes of other users have names" "$(hot "$foreign")" 10 400
profile ,+bpf,+perfmon,+sys_ptrace "$gone"
is "a deleted program of another user is no failure" "$rc" 0
between "it has samples" "$(count nobody.d/p.pb.gz "\$2 == $gone")" 10 400
profile ,+bpf,+perfmon,+sys_ptrace,+dac_read_search,+checkpoint_restore "$gone"
is "with CAP_CHECKPOINT_RESTORE and CAP_DAC_READ_SEARCH" "$rc" 0
between "it has names" "$(hot "$gone")" 10 400

for level in 1 2; do
	sysctl -qw kernel.kptr_restrict=$level
	profile ,+bpf,+perfmon "$own_kernel"
	is "kptr_restrict=$level for a user is no failure" "$rc" 0
	has "but a hint" err 'hint: .*(CAP_SYSLOG|kptr_restrict)'
	run "$EO_BIN" profile -F 499 -d 0.7 -p "$own_kernel" -o p.pb.gz --stats=p.json
	is "kptr_restrict=$level for root is no failure" "$rc" 0
	case $level in
	1) between "root sees names" "$(count p.pb.gz '$4 ~ /^[a-z_].*@\[kernel/')" 10 400 ;;
	2)
		is "nobody sees names" "$(stat_of p.json .profile.kernel_names_hidden)" true
		has "and the hint says why" err 'hint: .*kptr_restrict'
		;;
	esac
done
finish
