#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# test_options.sh EBPFOTEL SOURCE-ROOT
# What --help says, the man pages and the completions say, and nothing else. Prints TAP.
set -u
bin=$1 root=$2
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
LC_ALL=C
export LC_ALL
count=0

result() { # STATUS NAME
	count=$((count + 1))
	if [ "$1" = 0 ]; then echo "ok $count - $2"; else echo "not ok $count - $2"; fi
}

# argp's list: two blanks or more before an option, and two between it and its text.
options_of_help() { # COMMAND-OR-EMPTY
	# shellcheck disable=SC2086
	"$bin" $1 --help >"$tmp/help" 2>"$tmp/help.err" || return 1
	sed -n 's/^ \{2,8\}\(-.*\)$/\1/p' "$tmp/help" | sed 's/   *.*//' | sed 's/, -/\n-/g' |
		sed 's/[[ =].*//' | grep -v '^--$' | sort -u
}

# The terms of definition lists: lines whose next one is indented.
options_of_man() { # PAGE
	awk '/^\t/ && term { print term } { term = /^\*-/ ? $0 : "" }' "$root/man/$1.1.scd" | grep -o '\*-[^*]*\*' | tr -d '*' | grep -v '^--$' | sort -u
}

options_of_bash() { # COMMAND-OR-EMPTY
	bash -c '. "$1" && _ebpfotel_options "$2"' x "$root/completions/ebpfotel.bash" "$1" |
		tr -s ' \t' '\n' | grep '^-' | sed 's/=$//' | sort -u
}

# What stands before the [ of each specification in the function, and in the common ones.
options_of_zsh() { # COMMAND-OR-EMPTY
	sed -n -e '/^_ebpfotel_common=/,/^)/p' -e "/^_ebpfotel_${1:-none}()/,/^}/p" "$root/completions/_ebpfotel" |
		grep "^	*'" | grep '\[' | sed 's/\[.*//' | sed "s/^[^{]*{\(.*\)}'\$/\1/" |
		sed "s/^[	']*\(([^)]*)\)*[*]*//" | tr ',' '\n' | sed 's/[+=]*$//; s/\\//g' | sort -u
}

options_of_fish() { # COMMAND-OR-EMPTY
	grep '^complete -c ebpfotel' "$root/completions/ebpfotel.fish" |
		grep -e '^complete -c ebpfotel -[sl] ' -e "seen_subcommand_from ${1:-none}'" |
		sed "s/ -d '.*//; s/ -n '[^']*'//" | grep -o -e ' -[sl] [^ ]*' |
		sed "s/'//g; s/^ -s /-/; s/^ -l /--/" | sort -u
}

compare() { # NAME FILE-OF-HELP FILE-OF-OTHER
	comm -3 "$2" "$3" >"$tmp/difference"
	[ -s "$2" ] && [ ! -s "$tmp/difference" ]
	result $? "$1"
	sed -e 's/^	\(.*\)/# \1 is not in --help/' -e '/^#/!s/^\(.*\)$/# \1 is in --help alone/' "$tmp/difference"
}

echo "1..36"
for command in '' check profile trace convert; do
	page=ebpfotel${command:+-$command}
	title=${command:-ebpfotel}
	options_of_help "$command" >"$tmp/options" && [ -s "$tmp/options" ]
	result $? "$title --help lists options on stdout and ends with 0"
	for where in man bash zsh fish; do
		case $where in
		man) options_of_man "$page" ;;
		*) "options_of_$where" "$command" ;;
		esac >"$tmp/$where"
		compare "$title: options of --help and of $where are the same" "$tmp/options" "$tmp/$where"
	done
done

"$bin" --help 2>&1 | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p' | sort -u >"$tmp/commands"
grep '^\*[a-z]*\*$' "$root/man/ebpfotel.1.scd" | tr -d '*' | sort -u >"$tmp/man"
compare "the commands of --help and of the man page are the same" "$tmp/commands" "$tmp/man"

offered() { # WORD...
	bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ebpfotel
		printf "%s\n" "${COMPREPLY[@]}"' x "$root/completions/ebpfotel.bash" "$@" 2>&1 | sort | tr '\n' ' '
}

[ "$(offered ebpfotel profile --fr)" = '--frequency= ' ] && [ "$(offered ebpfotel -v pro)" = 'profile ' ]
result $? "bash completes an option and a command"

values=$(offered ebpfotel profile --env = '')
accepted=0
for env in $values; do
	"$bin" profile --env="$env" --dry-run >/dev/null 2>&1 || accepted=1
done
[ "$accepted" = 0 ] && [ "$values" = 'debug development production staging ' ]
result $? "every value that bash offers for --env is taken"

accepted=0
formats=$(offered ebpfotel profile -f '')
for format in $formats; do
	"$bin" profile -f "$format" --dry-run >/dev/null 2>&1 || accepted=1
done
[ "$accepted" = 0 ] && [ -n "$formats" ]
result $? "every value that bash offers for -f is taken"

accepted=0
methods=$(offered ebpfotel profile --unwind = '')
for method in $methods; do
	"$bin" profile --unwind="$method" --dry-run >/dev/null 2>&1 || accepted=1
done
[ "$accepted" = 0 ] && [ -n "$methods" ]
result $? "every value that bash offers for --unwind is taken"

# A pair of words that fit nothing else ends with 1, for want of the file; a wrong one with 2.
accepted=0
formats=$(offered ebpfotel convert -f '')
for format in $formats; do
	"$bin" convert -f "$format" "$tmp/absent" >/dev/null 2>&1
	[ $? = 1 ] || accepted=1
	"$bin" convert --help | grep -qwe "$format" || accepted=1
done
[ "$accepted" = 0 ] && [ "$(echo "$formats" | wc -w)" = 7 ]
result $? "every value that bash offers for convert -f is taken, and told of in --help"

accepted=0
for option in --from --to --signals --time; do
	for value in $(offered ebpfotel convert "$option" ''); do
		"$bin" convert --format=otlp "$option=$value" "$tmp/absent" >/dev/null 2>"$tmp/words"
		[ $? = 2 ] && grep -q "$option" "$tmp/words" && accepted=1
	done
done
[ "$accepted" = 0 ]
result $? "every value that bash offers for --from, --to, --signals and --time is taken"

accepted=0
formats=$(offered ebpfotel trace -f '')
for format in $formats; do
	"$bin" trace mem -a -f "$format" --dry-run >/dev/null 2>&1 || accepted=1
	"$bin" trace --help | grep -qwe "$format" || accepted=1
done
[ "$accepted" = 0 ] && [ "$(echo "$formats" | wc -w)" = 8 ]
result $? "every value that bash offers for trace -f is taken, and told of in --help"

accepted=0
for key in $(offered ebpfotel trace --sort ''); do
	"$bin" trace syscall -c --sort="$key" --dry-run >/dev/null 2>&1 || accepted=1
done
for class in $(offered ebpfotel trace -e ''); do
	"$bin" trace syscall -e "$class" --dry-run >/dev/null 2>&1 || accepted=1
done
for when in $(offered ebpfotel trace --envelope ''); do
	"$bin" trace syscall --envelope="$when" -f jsonl --dry-run >/dev/null 2>&1 || accepted=1
done
[ "$accepted" = 0 ] && [ -n "$key$class$when" ]
result $? "every value that bash offers for --sort, -e and --envelope is taken"

accepted=0
for tracer in $(offered ebpfotel trace ''); do
	"$bin" trace "$tracer" -a --dry-run >/dev/null 2>&1 || accepted=1
done
[ "$accepted" = 0 ] && [ -n "$tracer" ]
result $? "every tracer that bash offers works"

key=
for by in $(offered ebpfotel trace --by ''); do
	"$bin" trace syscall -c --by="$by" --dry-run >/dev/null 2>"$tmp/words" || grep -q 'has no rows by' "$tmp/words" || key=$by
done
[ -z "$key" ]
result $? "every value that bash offers for --by is known"
