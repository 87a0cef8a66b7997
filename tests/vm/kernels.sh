#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# kernels.sh KERNEL CACHE: get a distribution's kernel and print the folder it is in: its version,
# vmlinuz, and modules/, named in the order in which they go in. KERNEL is a series (6.1) or
# "newest". Status 77 with a reason on stderr when it is out of reach.
#
# The packages come from a private view of apt: nothing is installed, and the system's own lists
# stay as they are. The mirror is the one that the system uses.
set -eu

kernel=$1
cache=$2
days=7 # a younger kernel is not looked for again
# For the root file system, and for the cable and the lost packets of network tests.
modules="virtio_pci virtiofs overlay veth nf_tables nft_numgen nft_reject_inet"

# What the kernel, the archive and the suite are called. Older series leave the archive.
suite() {
	case $kernel in
	5.10) echo Debian-Security bullseye-security ;;
	6.1) echo Debian-Security bookworm-security ;;
	6.12) echo Debian-Security trixie-security ;;
	newest) echo Debian trixie-backports ;;
	*) return 1 ;;
	esac
}

out_of_reach() {
	if [ -e "$cache/$kernel/version" ]; then
		printf 'vm: %s; taking the one from %s\n' "$*" "$(date -r "$cache/$kernel/version" +%F)" >&2
		printf '%s\n' "$cache/$kernel"
		exit 0
	fi
	printf '%s\n' "$*" >&2
	exit 77
}

[ "$(cat "$cache/$kernel/asked" 2>/dev/null)" != "$modules" ] ||
	[ -z "$(find "$cache/$kernel/version" -mtime -"$days" 2>/dev/null)" ] || {
	printf '%s\n' "$cache/$kernel"
	exit 0
}
[ "$(uname -m)" = x86_64 ] || out_of_reach "kernels are known for x86_64 only"
for tool in apt-get apt-cache dpkg-deb depmod modprobe; do
	command -v "$tool" >/dev/null || out_of_reach "$tool is missing"
done
names=$(suite) || out_of_reach "no suite is known for kernel $kernel"
# shellcheck disable=SC2016 # the names in $() are apt's
mirror=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
	sed -n "s/^${names% *} //p" | head -n 1)
[ -n "$mirror" ] || out_of_reach "apt knows no mirror of ${names% *}"

view=$cache/apt-$kernel
work=$cache/new-$kernel
trap 'rm -rf "$work"' EXIT
rm -rf "$work"
mkdir -p "$view/parts" "$view/lists/partial" "$view/cache/archives/partial" "$work/packages" "$work/tree"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keys" ] && signed="[signed-by=$keys] " || signed=
printf 'deb %s%s %s main\n' "$signed" "$mirror" "${names#* }" >"$view/sources.list"

apt() { # TOOL ARG...
	tool=$1
	shift
	timeout -s KILL 300 "$tool" -q -o Dir::Etc::sourcelist="$view/sources.list" \
		-o Dir::Etc::sourceparts="$view/parts" -o Dir::State::lists="$view/lists" \
		-o Dir::Cache="$view/cache" -o APT::Sandbox::User=root "$@"
}

apt apt-get -o APT::Update::Error-Mode=any update >"$work/log" 2>&1 || out_of_reach "apt-get update: $(tail -n 1 "$work/log")"
series='[0-9]+\.[0-9]+\.'
[ "$kernel" = newest ] || series=$(printf '%s' "$kernel" | sed 's/\./\\./g')'\.'
# Since 6.19 linux-image is an empty shell around linux-binary and linux-modules.
apt apt-cache search --names-only "^linux-(image|binary|modules)-$series.*-cloud-amd64\$" |
	cut -d' ' -f1 >"$work/names"
version=$(sed 's/^linux-[a-z]*-//' "$work/names" | sort -Vu | tail -n 1)
[ -n "$version" ] || out_of_reach "${names#* } has no kernel $kernel"
packages=linux-image-$version
! grep -qxF "linux-binary-$version" "$work/names" || packages="linux-binary-$version linux-modules-$version"
# shellcheck disable=SC2086 # several names
(cd "$work/packages" && apt apt-get download $packages) >"$work/log" 2>&1 ||
	out_of_reach "apt-get download: $(tail -n 1 "$work/log")"
for deb in "$work"/packages/*.deb; do
	dpkg-deb -x "$deb" "$work/tree"
done

# What is needed and not built in.
[ -e "$work/tree/lib/modules" ] || { mkdir -p "$work/tree/lib" && ln -s ../usr/lib/modules "$work/tree/lib/modules"; }
mkdir -p "$work/out/modules"
find "$work/tree" -name 'vmlinuz*' -exec cp {} "$work/out/vmlinuz" \;
[ -e "$work/out/vmlinuz" ] || out_of_reach "$packages: no vmlinuz inside"
depmod -b "$work/tree" "$version" 2>/dev/null
for module in $modules; do
	modprobe -d "$work/tree" -S "$version" --show-depends "$module" 2>/dev/null || :
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$work/order"
number=10
while read -r file; do
	name=$number-${file##*/}
	case $file in
	*.xz) xz -dc "$file" >"$work/out/modules/${name%.xz}" ;;
	*) cp "$file" "$work/out/modules/$name" ;;
	esac
	number=$((number + 1))
done <"$work/order"
printf '%s\n' "$modules" >"$work/out/asked"
printf '%s\n' "$version" >"$work/out/version"
rm -rf "${cache:?}/$kernel"
mv "$work/out" "$cache/$kernel"
printf '%s\n' "$cache/$kernel"
