# SPDX-License-Identifier: BSD-2-Clause
# From `pprof -raw` to one line a sample: COUNT, PID, COMM, then NAME@FILE for each frame, leaf
# first, separated by tabs. Inlined functions are frames as well.
/^Samples:$/ { section = "samples"; next }
/^Locations$/ { section = "locations"; next }
/^Mappings$/ { section = "mappings"; next }

section == "samples" && /^ *[0-9]+ +[0-9]+: / {
	n++
	count[n] = $1
	sub(/^[^:]*: */, "")
	stack[n] = $0
	next
}
section == "samples" && /^ *[a-z_]+:\[/ {
	if (match($0, /comm:\[[^\]]*\]/))
		comm[n] = substr($0, RSTART + 6, RLENGTH - 7)
	if (match($0, /pid:\[[0-9]+/))
		pid[n] = substr($0, RSTART + 5, RLENGTH - 5)
	next
}

# "  12: 0x4011 M=3 NAME FILE:LINE:COLUMN s=0", further lines of the location below it.
function add_line(text)
{
	if (text !~ /s=[0-9]+(\(.*\))?$/)
		return
	sub(/ s=[0-9]+(\(.*\))?$/, "", text)
	sub(/ [^ ]*:[0-9]+:[0-9]+$/, "", text)
	lines[id] = lines[id] (lines[id] == "" ? "" : "\t") text "@\001" mapping[id] "\001"
}
section == "locations" && /^ *[0-9]+: 0x/ {
	id = $1 + 0
	mapping[id] = 0
	text = $0
	sub(/^ *[0-9]+: 0x[0-9a-f]+ */, "", text)
	if (match(text, /^M=[0-9]+ */)) {
		mapping[id] = substr(text, 3, RLENGTH - 2) + 0
		text = substr(text, RLENGTH + 1)
	}
	sub(/^\[F\] */, "", text)
	lines[id] = ""
	add_line(text)
	if (lines[id] == "")
		lines[id] = "@\001" mapping[id] "\001"
	next
}
section == "locations" {
	text = $0
	sub(/^ +/, "", text)
	add_line(text)
	next
}

# "3: 0x400000/0x401000/0x0 FILE BUILDID [FN]"
section == "mappings" && /^[0-9]+: 0x/ {
	id = $1 + 0
	text = $0
	sub(/^[0-9]+: [^ ]+ /, "", text)
	sub(/ (\[F[NL]\]|\[LN\]|\[IN\])+$/, "", text)
	sub(/ *$/, "", text)
	sub(/ [0-9a-f]*$/, "", text)
	file[id] = text
}

END {
	for (i = 1; i <= n; i++) {
		line = count[i] "\t" pid[i] "\t" comm[i]
		frames = split(stack[i], ids, " ")
		for (j = 1; j <= frames; j++)
			line = line "\t" lines[ids[j]]
		while (match(line, /\001[0-9]+\001/))
			line = substr(line, 1, RSTART - 1) file[substr(line, RSTART + 1, RLENGTH - 2)] \
				substr(line, RSTART + RLENGTH)
		print line
	}
}
