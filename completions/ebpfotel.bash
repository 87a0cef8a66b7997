# SPDX-License-Identifier: BSD-2-Clause
# bash completion for ebpfotel; needs nothing but bash. An option that ends in = takes a value.

_ebpfotel_options() { # COMMAND
	local common='-v --verbose -q --quiet -h --help --usage -V --version'

	case $1 in
	check) echo "$common --json" ;;
	profile)
		echo "$common -F --frequency= -d --duration= --env= --max-samples=
			-p --pid= -t --tid= --no-follow --comm= --uid= --cgroup= --container= --pod=
			-a --all --user= -C --cpu=
			-K --kernel-only -U --user-only --unwind= --table-memory= --call-graph= -g --per-thread
			--no-symbols --lines --timestamps
			-o --output= -f --format= --interval= --keep= --stats= --strict --no-sandbox --dry-run"
		;;
	trace)
		echo "$common -c --summary --by= --sort= --top= -k --stack --max-events= --redact --envelope= --signals=
			--events= --proto= --port= --local-port= --peer-port= --host= --interface= --no-loopback
			--http-query --http-spans=
			-e --syscall= -Z --failed --errno= --min-duration= -s --string-limit= -y --payload
			--source= --leaks --min-age= --min-size= --sample-bytes= --library= --max-live= --max-overhead=
			-p --pid= -t --tid= --no-follow --comm= --uid= --cgroup= --container= --pod=
			-a --all --user= -d --duration= --env=
			-o --output= -f --format= --interval= --keep= --stats= --strict --no-sandbox --dry-run"
		;;
	convert)
		echo "$common --from= --diff-base= -f --format= --to= -o --output= --sample-type= --top=
			--signals= --resource= --time="
		;;
	*) echo "$common" ;;
	esac
}

# What the value of an option can be. Returns 1 for an option without value, or one not known.
_ebpfotel_values() { # OPTION CURRENT-WORD COMMAND
	local IFS=$'\n' formats=$'pprof\notlp\notlp-json\nfolded\nflamegraph\ntop'

	[[ $3 != convert ]] || formats+=$'\njsonl'
	[[ $3 != trace ]] || formats=$'jsonl\ntext\notlp\notlp-json\npprof\nfolded\nflamegraph\ntop'

	case $1 in
	--env) COMPREPLY=($(compgen -W $'production\nstaging\ndevelopment\ndebug' -- "$2")) ;;
	-f | --format | --to) COMPREPLY=($(compgen -W "$formats" -- "$2")) ;;
	--from) COMPREPLY=($(compgen -W $'pprof\notlp\notlp-json\nfolded\nperf-script\njsonl' -- "$2")) ;;
	--signals) COMPREPLY=($(compgen -W $'traces\nmetrics\nlogs' -- "$2")) ;;
	--by) COMPREPLY=($(compgen -W $'comm\npid\ncgroup\ncontainer\npeer\nstack' -- "$2")) ;;
	--sort) COMPREPLY=($(compgen -W $'name\ncount\nerrors\ntotal_ns\nmean_ns\np99_ns\nmax_ns' -- "$2")) ;;
	--envelope) COMPREPLY=($(compgen -W $'auto\nyes\nno' -- "$2")) ;;
	--events) COMPREPLY=($(compgen -W $'connection\nudp\ndns\nhttp\npacket\nretransmit' -- "$2")) ;;
	--proto) COMPREPLY=($(compgen -W $'tcp\nudp' -- "$2")) ;;
	--http-spans) COMPREPLY=($(compgen -W $'auto\nall\nnone' -- "$2")) ;;
	-e | --syscall)
		COMPREPLY=($(compgen -W $'%file\n%desc\n%network\n%process\n%memory\n%signal\n%ipc' -- "$2"))
		;;
	--source) COMPREPLY=($(compgen -W $'libc\nmmap\nfaults\nkernel' -- "$2")) ;;
	--time) COMPREPLY=($(compgen -W $'now\nkeep' -- "$2")) ;;
	--unwind) COMPREPLY=($(compgen -W $'auto\nfp\ndwarf\nsnapshot' -- "$2")) ;;
	--call-graph) COMPREPLY=($(compgen -W 'fp' -- "$2")) ;;
	-o | --output | --stats | --diff-base | --library)
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -f -- "$2"))
		;;
	--cgroup)
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -d -- "${2:-/sys/fs/cgroup/}"))
		;;
	--user) COMPREPLY=($(compgen -u -- "$2")) ;;
	-p | --pid) COMPREPLY=($(cd /proc && compgen -G "${2:-[0-9]}*" | grep -x '[0-9]*')) ;;
	-F | --frequency | -d | --duration | --max-samples | -t | --tid | --comm | --uid | --container | \
		--pod | -C | --cpu | --interval | --keep | --sample-type | --top | --resource | --max-events | \
		--errno | --min-duration | -s | --string-limit | --min-age | --min-size | --sample-bytes | --max-live | --max-overhead) COMPREPLY=() ;;
	*) return 1 ;;
	esac
}

_ebpfotel() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command= word i

	COMPREPLY=()
	# "=" is a word of its own where COMP_WORDBREAKS has it
	if [[ $cur == = ]]; then
		cur=
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi

	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $word == -- ]]; then # the command to run, then its arguments
			compopt -o filenames 2>/dev/null
			if ((i == COMP_CWORD - 1)); then
				COMPREPLY=($(compgen -c -- "$cur"))
			else
				COMPREPLY=($(compgen -f -- "$cur"))
			fi
			return
		fi
		[[ -n $command || $word == -* ]] || command=$word
	done

	[[ $prev == -* ]] && _ebpfotel_values "$prev" "$cur" "$command" && return
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$(_ebpfotel_options "$command")" -- "$cur"))
		[[ ${COMPREPLY[*]} == *= ]] && compopt -o nospace 2>/dev/null
	elif [[ -z $command ]]; then
		COMPREPLY=($(compgen -W 'check profile trace convert' -- "$cur"))
	elif [[ $command == trace ]]; then
		COMPREPLY=($(compgen -W $'net\nsyscall\nmem' -- "$cur"))
	elif [[ $command == check || $command == convert ]]; then
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -f -- "$cur"))
	fi
	return 0
}

complete -F _ebpfotel ebpfotel
