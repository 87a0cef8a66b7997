#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# boot.sh KERNEL-FOLDER TOP RESULTS: boot the kernel in qemu on the host's root, read-only, and run
# tests/vm/guest.sh there. RESULTS is what the guest wrote; a last line of ours, ERROR or SKIPPED
# and a reason, says why there is less of it than there should be. The console goes to
# RESULTS.console. EO_VM_ROOT=overlay makes the guest's root writable by an overlay; EO_VM_ONLY names the
# programs to run, all of them by default; "short" stands for the least of each tracer.
set -eu

kernel=$1
top=$2
results=$3
boot_seconds=60
run_seconds=1200
memory=1024M

skip() {
	printf 'SKIPPED %s\n' "$*" >>"$results"
	exit 0
}

work=$(mktemp -d)
qemu='' share=''
# TERM reaches the child through timeout, KILL would orphan it.
clean() {
	for pid in $qemu $share; do
		kill "$pid" 2>/dev/null || :
	done
	rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

: >"$results"
[ "$(id -u)" = 0 ] || skip "needs root to share the root file system with the guest"
for tool in qemu-system-x86_64 busybox cpio; do
	command -v "$tool" >/dev/null || skip "$tool is missing"
done
for virtiofsd in /usr/lib/qemu/virtiofsd /usr/libexec/virtiofsd none; do
	[ ! -x "$virtiofsd" ] || break
done
[ "$virtiofsd" != none ] || skip "virtiofsd is missing"

mkdir -p "$work/init/bin" "$work/init/modules" "$work/init/dev"
cp "$(command -v busybox)" "$work/init/bin/busybox"
for applet in sh mkdir mount insmod poweroff ip switch_root; do
	ln -s busybox "$work/init/bin/$applet"
done
for module in "$kernel"/modules/*.ko; do
	[ ! -e "$module" ] || cp "$module" "$work/init/modules/"
done
cp "$top/tests/vm/init" "$work/init/init"
chmod +x "$work/init/init"
printf '%s\n' "$top" >"$work/init/top"
printf '%s\n' "${EO_VM_ROOT:-bind}" >"$work/init/root_kind"
printf '%s\n' "${EO_VM_ONLY:-}" >"$work/init/only"
(cd "$work/init" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/initrd"

# /dev/kvm alone means little: there are hosts where it opens and guests do not run.
accelerator=tcg
! grep -qwE 'vmx|svm' /proc/cpuinfo || accelerator=kvm:tcg
# A second vCPU crashes guests under multi-threaded TCG whenever a tracepoint is patched.
timeout -s KILL $((run_seconds + 60)) "$virtiofsd" --socket-path="$work/share" \
	-o source=/ -o sandbox=chroot -o cache=always >"$work/share.log" 2>&1 </dev/null &
share=$!
waited=0
while [ ! -S "$work/share" ] && [ "$waited" -lt 50 ]; do
	sleep 0.1
	waited=$((waited + 1))
done
timeout -s KILL "$run_seconds" qemu-system-x86_64 -machine "q35,accel=$accelerator" -cpu max -smp 1 -m "$memory" \
	-nodefaults -no-user-config -display none -no-reboot \
	-serial "file:$results.console" -serial "file:$results" \
	-object "memory-backend-memfd,id=mem,size=$memory,share=on" -numa node,memdev=mem \
	-chardev "socket,id=share,path=$work/share" \
	-device vhost-user-fs-pci,chardev=share,tag=hostroot,queue-size=1024 \
	-kernel "$kernel/vmlinuz" -initrd "$work/initrd" \
	-append "console=ttyS0 panic=-1 quiet lsm=lockdown,capability,yama,apparmor,bpf" \
	>"$work/qemu.log" 2>&1 </dev/null &
qemu=$!
waited=0
while ! grep -aqs '^START ' "$results" && kill -0 "$qemu" 2>/dev/null && [ "$waited" -lt "$boot_seconds" ]; do
	sleep 1
	waited=$((waited + 1))
done
if ! grep -aqs '^START ' "$results"; then
	kill "$qemu" 2>/dev/null || :
	wait "$qemu" || :
	reason=$(tail -n 1 "$work/qemu.log" "$work/share.log" | tr -d '\r' | grep -v '^==>' | tail -n 1)
	printf 'ERROR the guest did not start within %d s: %s\n' "$boot_seconds" \
		"${reason:-see $results.console}" >>"$results"
	exit 0
fi
status=0
wait "$qemu" || status=$?
qemu=
grep -aq '^DONE' "$results" || printf '\nERROR the guest ended too early, qemu with status %d; see %s\n' \
	"$status" "$results.console" >>"$results"
