#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# OTLP says whose the samples are: services as the processes declare them, and nothing else of
# their environment.
. "${0%/*}/tap.sh"
need go jq
: "${EO_OTLP_CHECK:?}"
cd "$tmp" || exit 1

start env -u OTEL_RESOURCE_ATTRIBUTES OTEL_SERVICE_NAME=shop SECRET=hunter2 "$EO_SPIN" hot >/dev/null
shop=$pid
start env -u OTEL_SERVICE_NAME OTEL_RESOURCE_ATTRIBUTES='service.name=cart%20one,team=a,process.pid=1' \
	"$EO_SPIN" hot >/dev/null
cart=$pid
start env -u OTEL_SERVICE_NAME -u OTEL_RESOURCE_ATTRIBUTES "$EO_SPIN" hot >/dev/null
nobody=$pid
for each in "$shop" "$cart" "$nobody"; do
	spinning "$each" spin
done

# attribute PID KEY, of that process's resource
attribute()
{
	jq -r --arg pid "$1" --arg key "$2" '[.resourceProfiles[].resource.attributes
		| map({key, value: (.value | to_entries[0].value)}) | from_entries
		| select(."process.pid" == $pid)] | .[0][$key]' live.json
}

run "$EO_BIN" profile -F 199 -d 2 -p "$shop,$cart,$nobody" -o live.json --stats=live.stats
is "a run" "$rc" 0
is "each process has a resource" "$(jq '.resourceProfiles | length' live.json)" 3
is "a service by its name" "$(attribute "$shop" service.name)" shop
is "a service by its attributes, decoded" "$(attribute "$cart" service.name)" "cart one"
is "with its other attributes" "$(attribute "$cart" team)" a
unit=$(sed -n 's|^0::.*/\([^/]*\)\.service$|\1|p' "/proc/$nobody/cgroup")
is "a process that says nothing" "$(attribute "$nobody" service.name)" "${unit:-unknown_service:spin}"
is "the executable's name" "$(attribute "$shop" process.executable.name)" spin
is "the executable" "$(attribute "$shop" process.executable.path)" "$(readlink -f "$EO_SPIN")"
is "the host" "$(attribute "$shop" host.name)" "$(uname -n)"
is "on every resource" "$(jq '[.resourceProfiles[].resource.attributes[] | select(.key == "os.type")] | length' live.json)" 3
lacks "no instance is made up" live.json 'service\.instance\.id|process\.creation\.time'
lacks "other variables stay out" live.json hunter2
run "$EO_BIN" convert live.json -o live.otlp
is "it converts" "$rc" 0
ok "it is sound" "$EO_OTLP_CHECK" live.otlp live.json

run "$EO_BIN" convert live.json -o live.pb.gz
is "the samples are all there" "$(count live.pb.gz 1)" "$(stat_of live.stats .profile.samples)"
between "and have their pids" "$(count live.pb.gz "\$2 == $shop && \$3 == \"spin\"")" 20 600

run "$EO_BIN" profile -F 199 -d 1 -p "$shop" --timestamps -o moments.json
is "the resource of single samples" "$(jq -r '[.resourceProfiles[].resource.attributes[]
	| select(.key == "service.name").value.stringValue] | join(" ")' moments.json)" shop

run "$EO_BIN" profile -F 199 -d 1 -p "$shop" -o plain.pb.gz
is "pprof" "$rc" 0
pprof -raw plain.pb.gz >plain.raw 2>/dev/null
lacks "has no place for them" plain.raw 'shop|service\.name|host\.name'

run "$EO_BIN" profile -F 99 -d 2 --interval 1s -p "$shop" -o 'cut-%S.json'
is "intervals" "$(cat cut-*.json | jq -r '.resourceProfiles[].resource.attributes[]
	| select(.key == "service.name").value.stringValue' | sort -u)" shop
finish
