#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What check --json says has the shape that ebpfotel-check(1) promises, with and without privileges.
. "${0%/*}/tap.sh"
not_for_coverage
need jq setpriv
cd "$tmp" || exit 1
cp "$EO_BIN" ebpfotel && chmod 755 ebpfotel || exit 1
page=$EO_SOURCE/man/ebpfotel-check.1.scd
objects=${EO_SPIN%/*}

of_shape='
def text: type == "string" and length > 0;
def only($keys): (keys - $keys) == [];
(keys == ["kernel", "probes", "tools", "version"]) and (.version | text)
and (.kernel | keys == ["machine", "release"] and all(.[]; text))
and ([.probes[] | only(["state", "detail", "hint"]) and (.state | IN("yes", "no", "denied", "info"))
	and all(.[]; text)] | all)
and (.tools | keys == ["profile", "trace mem", "trace net", "trace syscall"])
and ([.tools[] | only(["state", "why", "hint"]) and (.state | IN("ready", "degraded", "unavailable"))
	and (has("why") == (.state != "ready")) and all(.[]; text)] | all)'
of_object='
def text: type == "string" and length > 0;
def only($keys): (keys - $keys) == [];
(keys == ["kernel", "objects", "version"])
and ([.objects[] | only(["object", "accepted", "error", "programs"]) and (.object | text)
	and (.accepted | type == "boolean") and (has("error") != .accepted)
	and ([(.programs // [])[] | only(["program", "type", "accepted", "instructions", "verified", "load_ns", "log"])
		and (.program | text) and (.type | text) and (.instructions | type == "number")
		and (has("log") != .accepted) and (has("load_ns") == .accepted)] | all)] | all)'

run "$EO_BIN" check --json
is "root" "$rc" 0
ok "the object is as described" jq -e "$of_shape" out
jq -r '.probes | keys[]' out >probes
# The paragraph that lists them.
sed -n '/^Probes are:/,/^$/p' "$page" | grep -o '_[a-z\\_]*[a-z]_' | tr -d '\\' | sed 's/^_//; s/_$//' | sort >told
is "the page names each probe, and no other" "$(sort probes | diff - told)" ""
run setpriv --reuid=65534 --regid=65534 --clear-groups ./ebpfotel check --json
is "nobody" "$rc" 4
ok "has the same shape" jq -e "$of_shape" out
is "and the same probes" "$(jq -r '.probes | keys[]' out | diff - probes)" ""
ok "tools that lack a privilege have a hint" jq -e '[.tools[] | .state == "unavailable" and has("hint")] | all' out

run "$EO_BIN" check --json "$objects/good.bpf.o" "$objects/bad.bpf.o" /etc/passwd "$tmp/absent"
is "objects" "$rc" 1
ok "are as described" jq -e "$of_object" out
is "all of them" "$(jq '.objects | length' out)" 4
is "with the good one alone accepted" "$(jq -c '[.objects[].accepted]' out)" '[true,false,false,false]'
finish
