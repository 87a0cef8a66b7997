#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Reads what `meson test` wrote into its testlog.json and counts tests, not programs.

  results.py count LOG      print "PASSED FAILED SKIPPED", name the failures on stderr
  results.py sanitized LOG  print the number of failures of a sanitizer run: failed tests, and
                            programs that a sanitizer complained about although they "passed"
  results.py canary LOG     succeed if each canary was noticed
  results.py vm LOG...      the same for what tests/vm/boot.sh wrote, one LOG for each kernel: a table
                            of passed/failed/skipped on stderr, the counts as with "count" on stdout

Shell tests speak TAP; criterion programs are run verbosely and end with a Synthesis line; any
other program is one test, by its exit status (77: skipped)."""

import json
import os
import re
import sys

SYNTHESIS = re.compile(r'Synthesis: Tested: (\d+) \| Passing: (\d+) \| Failing: (\d+)')
CRITERION = re.compile(r'^\[(PASS|FAIL|SKIP)\] ([^:\s]+::[^:\s]+)(?:: (.*))?$', re.M)
TAP_PLAN = re.compile(r'^1\.\.(\d+)', re.M)
TAP_LINE = re.compile(r'^(not )?ok\b[ \t]*\d*[ \t]*-?[ \t]*(.*?)(?:[ \t]*#[ \t]*(SKIP)\b[ \t]*(.*))?$', re.M | re.I)
COMPLAINT = re.compile(r'(?:ERROR: (?:Address|Leak)Sanitizer|AddressSanitizer:DEADLYSIGNAL|runtime error:'
                       r'|LeakSanitizer has encountered a fatal error).*')
REASON = re.compile(r'^(?:\[----\]|#  ).*\S.*', re.M)
REASONS_MAX = 12
GUEST_PROGRAM = re.compile(r'^BEGIN (\S+)\n(.*?)(?:^END \1 (\d+)$|\Z)', re.M | re.S)
GUEST_END = re.compile(r'^(SKIPPED|ERROR) (.*)', re.M)
GUEST_WORDS = re.compile(r'^  (?:user stacks|samples|lost|degraded|own cost) .*', re.M)
GOOD = ('OK', 'EXPECTEDFAIL', 'SKIP')


def entries(path):
    if not os.path.exists(path):  # meson writes none when it knows no test
        return []
    with open(path, encoding='utf-8', errors='replace') as log:
        return [json.loads(line) for line in log if line.strip()]


def output(entry):
    return (entry.get('stdout') or '') + '\n' + (entry.get('stderr') or '')


def outcome(entry):
    """(passed, failures, skips) of one program; the last two are lists of names."""
    text, result = output(entry), entry['result']
    synthesis = SYNTHESIS.search(text)
    plan = TAP_PLAN.search(text)
    if synthesis or CRITERION.search(text):
        lines = CRITERION.findall(text)
        passed = sum(1 for what, _, _ in lines if what == 'PASS')
        failures = [name for what, name, _ in lines if what == 'FAIL']
        skips = [f'{name}: {why}' for what, name, why in lines if what == 'SKIP']
        if synthesis and int(synthesis[1]) != passed + len(failures):
            failures.append(f'its own count is {synthesis[0]!r}, its lines say {passed} and {len(failures)}')
        elif not synthesis:
            failures.append('ended before its last test')
    elif plan:
        passed, failures, skips = 0, [], []
        for bad, name, skip, why in TAP_LINE.findall(text):
            if skip:
                skips.append(f'{name}: {why}')
            elif bad:
                failures.append(name)
            else:
                passed += 1
        if plan[1] == '0':
            skips.append('all of it')
        elif int(plan[1]) != passed + len(failures) + len(skips):
            failures.append(f'planned {plan[1]} tests, showed {passed + len(failures) + len(skips)}')
    else:
        passed = 1 if result in ('OK', 'EXPECTEDFAIL') else 0
        failures, skips = [], [text.strip().split('\n')[-1]] if result == 'SKIP' else []
    if result not in GOOD and not failures:
        failures.append(f'{result.lower()}, status {entry.get("returncode")}')
    return passed, failures, skips


def reasons(entry):
    """What the tests of a program said of their failures; the last words of one that never ended."""
    found = REASON.findall(output(entry))[:REASONS_MAX]
    return found or output(entry).strip().split('\n')[-3:]


def count(path):
    passed = failed = skipped = 0
    for entry in entries(path):
        good, failures, skips = outcome(entry)
        passed, failed, skipped = passed + good, failed + len(failures), skipped + len(skips)
        for name in failures:
            print(f'FAILED: {entry["name"]}: {name}', file=sys.stderr)
        for line in reasons(entry) if failures else []:
            print(f'    {line}', file=sys.stderr)
        for name in skips:
            print(f'skipped: {entry["name"]}: {name}', file=sys.stderr)
    print(passed, failed, skipped)
    return 0


def sanitized(path):
    found = entries(path)
    failed = 0
    if not found:
        print('FAILED under sanitizers: no test ran', file=sys.stderr)
        failed = 1
    for entry in found:
        failures = outcome(entry)[1]
        complaints = COMPLAINT.findall(output(entry))
        for text in complaints + failures:
            print(f'FAILED under sanitizers: {entry["name"]}: {text}', file=sys.stderr)
        if complaints:
            print(output(entry), file=sys.stderr)
        failed += len(complaints) or len(failures)
    print(failed)
    return 0


def canary(path):
    """The canary program must have been run, and both complaints must stand in its output."""
    found = [entry for entry in entries(path) if 'canary' in entry['name']]
    text = ''.join(map(output, found))
    complaints = COMPLAINT.findall(text)
    wanted = {
        'a leak': any('LeakSanitizer: detected memory leaks' in c for c in complaints),
        'undefined behaviour': any(c.startswith('runtime error: signed integer overflow') for c in complaints),
        'a use after free': any('heap-use-after-free' in c for c in complaints),
        'all three canaries ran': len(CRITERION.findall(text)) == 3,
    }
    for what, noticed in wanted.items():
        if not noticed:
            print(f'canary: not noticed: {what}', file=sys.stderr)
    return 0 if all(wanted.values()) else 1


def guest(path):
    """What happened in one guest: {program: (passed, failures, skips)} and its statistics."""
    with open(path, encoding='utf-8', errors='replace') as log:
        text = log.read().replace('\r', '')
    programs = {}
    is_short = re.search('^SHORT$', text, re.M)
    for name, out, status in GUEST_PROGRAM.findall(text):
        result = 'OK' if status == '0' else 'FAIL'
        passed, failures, skips = outcome({'stdout': out, 'result': result, 'returncode': status or 'unknown'})
        if is_short:  # what was not asked for did not skip
            skips = [what for what in skips if not what.endswith(': Test is disabled')]
        programs[name] = passed, failures, skips
    for what, why in GUEST_END.findall(text):
        programs['guest'] = (0, [], [why]) if what == 'SKIPPED' else (0, [why], [])
    if not programs:
        programs['guest'] = (0, ['it wrote nothing'], [])
    return programs, GUEST_WORDS.findall(text.partition('BEGIN profile')[2])


def vm(paths):
    guests = {os.path.basename(path).removesuffix('.log'): guest(path) for path in paths}
    columns = list(dict.fromkeys(name for programs, _ in guests.values() for name in programs))
    print('{:9}'.format('kernel') + ''.join(f'{name:>14}' for name in columns), file=sys.stderr)
    sums = [0, 0, 0]
    for kernel, (programs, _) in guests.items():
        cells = []
        for name in columns:
            counts = programs.get(name)
            counts = counts and (counts[0], len(counts[1]), len(counts[2]))
            cells.append('{}/{}/{}'.format(*counts) if counts else '-')
            sums = [a + b for a, b in zip(sums, counts or (0, 0, 0))]
        print(f'{kernel:9}' + ''.join(f'{cell:>14}' for cell in cells), file=sys.stderr)
    for kernel, (programs, words) in guests.items():
        for name, (_, failures, skips) in programs.items():
            for what in failures:
                print(f'FAILED: {kernel}: {name}: {what}', file=sys.stderr)
            for what in skips:
                print(f'skipped: {kernel}: {name}: {what}', file=sys.stderr)
        for line in words:
            print(f'{kernel}: profile:{line}', file=sys.stderr)
    print(*sums)
    return 0


if __name__ == '__main__':
    if len(sys.argv) > 2 and sys.argv[1] == 'vm':
        sys.exit(vm(sys.argv[2:]))
    if len(sys.argv) != 3 or sys.argv[1] not in ('count', 'sanitized', 'canary'):
        sys.exit(__doc__)
    sys.exit({'count': count, 'sanitized': sanitized, 'canary': canary}[sys.argv[1]](sys.argv[2]))
