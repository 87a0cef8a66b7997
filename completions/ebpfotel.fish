# SPDX-License-Identifier: BSD-2-Clause
# fish completion for ebpfotel

function __ebpfotel_needs_command
	not __fish_seen_subcommand_from check profile convert
end

complete -c ebpfotel -f
complete -c ebpfotel -n __ebpfotel_needs_command -a check -d 'What this kernel and these privileges make possible'
complete -c ebpfotel -n __ebpfotel_needs_command -a profile -d 'Sample CPU stacks'
complete -c ebpfotel -n __ebpfotel_needs_command -a convert -d 'Turn saved profiles and events into other formats'

complete -c ebpfotel -s v -l verbose -d 'Show the log of libbpf'
complete -c ebpfotel -s q -l quiet -d 'Print errors only'
complete -c ebpfotel -s h -l help -d 'Print the options'
complete -c ebpfotel -l usage -d 'Print the options in short'
complete -c ebpfotel -s V -l version -d 'Print the version'

complete -c ebpfotel -n '__fish_seen_subcommand_from check' -l json -d 'One JSON object instead of the table'
complete -c ebpfotel -n '__fish_seen_subcommand_from check' -F

complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -s F -l frequency -x -d 'Samples per second and CPU, 1 to 1000'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -s d -l duration -x -d 'How long: 10s, 500ms, 5m; 0 is until interrupted'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l env -x -a 'production staging development debug' -d 'Rate and duration by environment'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l max-samples -x -d 'Distinct stacks held'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -s p -l pid -x -a '(__fish_complete_pids)' -d 'These processes'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -s t -l tid -x -d 'These threads'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l no-follow -d 'Leave out what the targets create'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l comm -x -d 'Processes of this name'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l uid -x -d 'Processes of these users'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l cgroup -x -a '(__fish_complete_directories)' -d 'Processes of this cgroup'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l container -x -d 'Processes of this container'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l pod -x -d 'Processes of this pod'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -s a -l all -d 'The whole machine, also with a command'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l user -x -a '(__fish_complete_users)' -d 'Run the command as this user'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -s C -l cpu -x -d 'Only these CPUs: 0-3,6'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -s K -l kernel-only -d 'Leave user stacks out'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -s U -l user-only -d 'Leave kernel stacks out'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l table-memory -x -d 'Memory for unwinding tables'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l unwind -x -a 'auto fp dwarf snapshot' -d 'How user stacks are walked'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l call-graph -x -a fp -d 'How user stacks are walked'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -s g -d 'Changes nothing'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l per-thread -d 'One stack per thread'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l no-symbols -d 'Addresses and build ids only'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l lines -d 'File and line, and inlined functions'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l timestamps -d 'The time of each sample, in OTLP'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -s o -l output -r -F -d 'Where to; - is stdout'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -s f -l format -x -a 'pprof otlp otlp-json folded flamegraph top' -d 'What comes out'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l interval -x -d 'One profile every so often'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l keep -x -d 'With --interval, keep the newest files'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l stats -r -F -d 'Statistics as JSON'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l strict -d 'Fail if anything was lost'
complete -c ebpfotel -n '__fish_seen_subcommand_from profile' -l dry-run -d 'Print the configuration, load nothing'

complete -c ebpfotel -n '__fish_seen_subcommand_from convert' -l from -x -a 'pprof otlp otlp-json folded perf-script jsonl' -d 'Take the inputs for this format'
complete -c ebpfotel -n '__fish_seen_subcommand_from convert' -l diff-base -r -F -d 'Subtract this profile'
complete -c ebpfotel -n '__fish_seen_subcommand_from convert' -s f -l format -x -a 'pprof otlp otlp-json folded flamegraph top jsonl' -d 'What comes out'
complete -c ebpfotel -n '__fish_seen_subcommand_from convert' -l to -x -a 'pprof otlp otlp-json folded flamegraph top jsonl' -d 'What comes out'
complete -c ebpfotel -n '__fish_seen_subcommand_from convert' -s o -l output -r -F -d 'Where to; - is stdout'
complete -c ebpfotel -n '__fish_seen_subcommand_from convert' -l sample-type -x -a 'samples cpu alloc_objects alloc_space inuse_objects inuse_space' -d 'Which value is shown'
complete -c ebpfotel -n '__fish_seen_subcommand_from convert' -l top -x -d 'Rows of top'
complete -c ebpfotel -n '__fish_seen_subcommand_from convert' -l signals -x -a 'traces metrics logs' -d 'Of events in OTLP'
complete -c ebpfotel -n '__fish_seen_subcommand_from convert' -l resource -x -d 'An attribute of every OTLP resource'
complete -c ebpfotel -n '__fish_seen_subcommand_from convert' -l time -x -a 'now keep' -d 'Shift all times to end now'
complete -c ebpfotel -n '__fish_seen_subcommand_from convert' -F
