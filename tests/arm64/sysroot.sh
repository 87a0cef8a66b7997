#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# sysroot.sh CACHE: get the arm64 libraries and headers that the build wants, and print the folder
# they are in, a tree as of a root file system. Status 77 with a reason on stderr when they are out
# of reach.
#
# The packages come from a private view of apt, which knows arm64 alone and thinks that nothing is
# installed: neither the architectures nor the packages of this system change. They are the ones of
# the system's own release, so that tools of both sides fit each other.
set -eu

cache=$1
days=30 # a younger tree is not made again
packages="libc6-dev linux-libc-dev libstdc++-12-dev libbpf-dev libelf-dev libdw-dev libprotobuf-c-dev
	libunwind-dev libjansson-dev zlib1g-dev liblzma-dev libiberty-dev libseccomp-dev"

out_of_reach() {
	printf '%s\n' "$*" >&2
	exit 77
}

list=$(printf '%s' "$packages" | tr -s ' \t\n' '\n' | sort | tr '\n' ' ')
if [ -n "$(find "$cache/tree/packages" -mtime -"$days" 2>/dev/null)" ] &&
	[ "$(cat "$cache/tree/packages")" = "$list" ]; then
	printf '%s\n' "$cache/tree"
	exit 0
fi
for tool in apt-get dpkg-deb; do
	command -v "$tool" >/dev/null || out_of_reach "$tool is missing"
done
# shellcheck disable=SC2016 # the names in $() are apt's
targets=$(apt-get indextargets --format '$(LABEL) $(REPO_URI) $(SUITE)' 'Created-By: Packages' 2>/dev/null |
	grep -E '^Debian(-Security)? ' | sort -u)
[ -n "$targets" ] || out_of_reach "apt knows no mirror of Debian"

view=$cache/apt
work=$cache/new
trap 'rm -rf "$work"' EXIT
rm -rf "$work"
mkdir -p "$view/parts" "$view/lists/partial" "$view/cache/archives/partial" "$work/tree"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keys" ] && signed=",signed-by=$keys" || signed=
signed=$(printf '%s' "$signed" | tr ',' ' ')
printf '%s\n' "$targets" | while read -r _ address suite; do
	printf 'deb [arch=arm64%s] %s %s main\n' "$signed" "$address" "$suite"
done >"$view/sources.list"
: >"$view/status" # nothing is installed

apt() {
	timeout -s KILL 300 apt-get -q -o Dir::Etc::sourcelist="$view/sources.list" \
		-o Dir::Etc::sourceparts="$view/parts" -o Dir::State::lists="$view/lists" \
		-o Dir::State::status="$view/status" -o Dir::Cache="$view/cache" -o APT::Sandbox::User=root \
		-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Debug::NoLocking=true "$@"
}

apt -o APT::Update::Error-Mode=any update >"$work/log" 2>&1 ||
	out_of_reach "apt-get update: $(tail -n 1 "$work/log")"
rm -f "$view"/cache/archives/*.deb
# shellcheck disable=SC2086 # several names
apt install --yes --download-only --no-install-recommends $packages >"$work/log" 2>&1 ||
	out_of_reach "apt-get install --download-only: $(tail -n 1 "$work/log")"
for deb in "$view"/cache/archives/*.deb; do
	dpkg-deb -x "$deb" "$work/tree"
done
rm -f "$view"/cache/archives/*.deb

# Links that begin at the root would lead to this system's own files.
find "$work/tree" -type l -lname '/*' | while read -r link; do
	ln -sfnr "$work/tree$(readlink "$link")" "$link"
done
printf '%s' "$list" >"$work/tree/packages"
rm -rf "${cache:?}/tree"
mv "$work/tree" "$cache/tree"
printf '%s\n' "$cache/tree"
