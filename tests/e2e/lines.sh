#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# --lines: file, line and inlined functions, as Go's pprof shows them, of programs by several
# compilers, and of stripped ones whose debug files lie elsewhere.
. "${0%/*}/tap.sh"
need go g++ objcopy strip readelf
cd "$tmp" || exit 1
source=$here/workloads/inlined.cpp
line_of() { grep -n "// $1\$" "$source" | cut -d : -f 1; }
innermost="chain::innermost(long) $source:$(line_of innermost)"
middle="chain::Middle::run(long) $source:$(line_of middle)"
outermost="chain::outermost(long) $source:$(line_of outermost)"

# build NAME COMPILER FLAGS...: with frame pointers, so that callers are seen
build()
{
	name=$1
	shift
	"$@" -O2 -fno-omit-frame-pointer -fno-optimize-sibling-calls -Wl,--build-id=sha1 -o "$name" "$source" 2>build.log
}

# sampled PROGRAM OPTION...: its profile, as text in raw
sampled()
{
	program=$1
	shift
	run "$EO_BIN" profile -F 499 -U "$@" -o p.pb.gz -- "./$program" 500
	[ "$rc" = 0 ] && pprof -raw p.pb.gz >raw 2>pprof.err
}

# Locations as lines: the functions with file and line, innermost first, tabs between.
locations()
{
	awk '
		/^Locations$/ { on = 1; next }
		/^Mappings$/ { on = 0 }
		on {
			if ($1 ~ /:$/) { if (text != "") print text; text = "" }
			sub(/^ *([0-9]+: )?(0x[0-9a-f]+ )?(M=[0-9]+ )?(\[F\] )?/, "")
			sub(/^ */, "")
			if (match($0, /:[0-9]+ s=[0-9]+(\(.*\))?$/))
				text = text (text == "" ? "" : "\t") substr($0, 1, RSTART - 1)
		}
		END { if (text != "") print text }' raw
}

# what_pprof_shows CLAIM
has_chain()
{
	locations >found
	if grep -Fqx "$(printf '%s\t%s\t%s' "$innermost" "$middle" "$outermost")" found; then
		pass "$1: lines and inlined functions"
	else
		fail "$1: lines and inlined functions" "$(head -n 8 found)"
	fi
	# A call is the line that it stands in, not where it returns to.
	has "$1: the line of a call" found "^main $source:$(line_of main)\$"
	has "$1: the mapping says so" raw "/$program [0-9a-f]* (\[FN\])?\[FL\]\[LN\]\[IN\]"
}

for compiler in g++ clang++; do
	for version in 4 5; do
		what="$compiler, DWARF $version"
		if ! command -v "$compiler" >/dev/null; then
			skip "$what" "needs $compiler"
		elif build program "$compiler" -g "-gdwarf-$version" && sampled program --lines; then
			has_chain "$what"
		else
			fail "$what: builds and runs" "$(cat build.log)"
		fi
	done
done

build full g++ -g
cp full program
sampled program
is "without --lines there are none" "$(locations | grep -c "inlined.cpp")" 0
lacks "nor inlined functions" raw 'chain::innermost'
has "but names" raw 'chain::outermost'

run "$EO_BIN" profile -F 499 -U --lines -f folded -- ./program 300
has "folded stacks have the inlined functions as frames" out ';main;chain::outermost\(long\);chain::Middle::run\(long\);chain::innermost\(long\) [0-9]+$'

cp full stripped
strip -g stripped
sampled stripped --lines
is "a stripped program has no lines" "$(locations | grep -c "inlined.cpp")" 0
has "but names" raw 'chain::outermost'

objcopy --only-keep-debug full stripped.debug
objcopy --add-gnu-debuglink=stripped.debug stripped
sampled stripped --lines
has_chain "debuglink"
rm stripped.debug

id=$(readelf -n full | sed -n 's/.*Build ID: //p')
dir=/usr/lib/debug/.build-id/$(echo "$id" | cut -c 1-2)
file=$dir/$(echo "$id" | cut -c 3-).debug
undo() # only what was not there
{
	rm -f "$file"
	rmdir -p "$dir" 2>/dev/null
}
if [ -n "$id" ] && ! [ -e "$file" ] && mkdir -p "$dir" && objcopy --only-keep-debug full "$file"; then
	cp full stripped
	strip stripped
	sampled stripped --lines
	has_chain "build id"
	objcopy --only-keep-debug -R .note.gnu.build-id "$EO_WORKLOADS/shop" "$file"
	sampled stripped --lines
	is "another program's debug file gives no lines" "$(locations | grep -c "inlined.cpp")" 0
else
	skip "build id" "cannot write below /usr/lib/debug"
fi

# Addresses are looked up once; later intervals know them.
program=full
run "$EO_BIN" profile -F 499 -U --lines --interval=1s -o p-%H%M%S.pb.gz -- ./full 2300
is "intervals" "$rc" 0
number=0
for file in p-*.pb.gz; do
	pprof -raw "$file" >raw 2>pprof.err
	number=$((number + 1))
	[ $number -gt 2 ] || has_chain "interval $number"
done
between "intervals have a file each" $number 2 60

run "$EO_BIN" profile -F 499 -U --lines -o p.pb.gz -- sh -c 'cp full gone && ./gone 300; rm gone'
pprof -raw p.pb.gz >raw 2>pprof.err
program='gone( \(deleted\))?'
has_chain "a program that has ended and was removed"
finish
