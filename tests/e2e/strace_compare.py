#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""strace_compare.py STRACE-OUTPUT JSON-LINES: do both tell the same of two runs of
workloads/variety.c? Compares what lies between the first and the last getppid: names, results,
errors, texts, names of flags, numbers. Addresses differ from run to run, and process ids do.
Prints each difference, then how many calls there were and of how many kinds."""

import json
import re
import sys

LINE = re.compile(r'^(\d+) +(\w+)\((.*)\) += (.*)$')
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"(?:\.\.\.)?')
ESCAPE = re.compile(r'\\([0-7]{1,3}|.)')
SIMPLE = {'n': '\n', 't': '\t', 'r': '\r', 'v': '\v', 'f': '\f', '"': '"', '\\': '\\'}
WORD = re.compile(r'\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*\b')
NUMBER = re.compile(r'(?<![\w.])-?(?:0x[0-9a-f]+|\d+)\b')
# Two ways to say one thing.
SAME = {'FUTEX_WAKE_PRIVATE': {'FUTEX_WAKE', 'FUTEX_PRIVATE_FLAG'}, 'AT_STATX_SYNC_AS_STAT': set(), 'NULL': set()}

# What only strace looks at.
UNSEEN = {'sigaltstack': {'SS_DISABLE'}}


def unescape(text):
    """What strace quotes, as the bytes that it was."""
    whole = ESCAPE.sub(lambda m: SIMPLE.get(m[1]) or chr(int(m[1], 8)), text)
    return whole.encode('latin-1')


def number(text):
    base = 16 if 'x' in text else 8 if re.match(r'0\d', text) else 10
    return int(text, base)


def words_of(text):
    found = set()
    for word in WORD.findall(text):
        found |= SAME.get(word, {word})
    return found


def between(calls):
    marks = [i for i, call in enumerate(calls) if call['name'] == 'getppid']
    return calls[marks[0]:marks[-1] + 1]


def read_strace(path):
    calls = []
    # Bytes beyond ASCII come as octal escapes.
    for line in open(path, encoding='ascii'):
        match = LINE.match(line)
        if not match:
            continue
        pid, name, args, result = match.groups()
        # What stands between iovec's braces is not told by the other.
        args = re.sub(r'/\*.*?\*/', '', re.sub(r'\[\{iov_base=.*\}\]', '[]', args))
        words = result.split()
        bare = STRING.sub(' ', args)
        calls.append({
            'name': name, 'pid': int(pid),
            'strings': [unescape(m[1]) for m in STRING.finditer(args)],
            'words': (words_of(bare) | words_of(result[result.find('('):] if '([' in result else '')) - UNSEEN.get(name, set()),
            'bare': bare,
            'address': len(words[0]) > 8 and words[0].startswith('0x'),
            'ret': None if words[0] == '?' else number(words[0]),
            'error': words[1] if words[0] == '-1' and len(words) > 1 else None,
        })
    return between(calls)


def walk(value, key=''):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from walk(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner, key)
    else:
        yield key, value


def read_ours(path):
    calls = []
    for line in open(path, encoding='utf-8', errors='strict'):
        event = json.loads(line)
        if event['event_type'] != 'syscall':
            continue
        data = event['data']
        calls.append({
            'name': data['name'], 'pid': event['pid'], 'at': event['elapsed_ns'],
            'address': 'ret_address' in data, 'ret': data.get('ret'), 'error': data.get('error'),
            'args': data['args'],
        })
    return between(sorted(calls, key=lambda call: call['at']))


def differences(theirs, ours):
    """What one call is told differently."""
    if theirs['name'] != ours['name']:
        yield f"{theirs['name']} and {ours['name']}"
        return
    if theirs['address'] != ours['address'] or theirs['error'] != ours['error']:
        yield f"results {theirs['error']} and {ours['error']}"
    elif theirs['name'] == 'getpid':
        if (theirs['ret'], ours['ret']) != (theirs['pid'], ours['pid']):
            yield 'the pid is another'
    # -1 is how strace says that it failed.
    elif not theirs['error'] and not theirs['address'] and theirs['name'] != 'getppid' and theirs['ret'] != ours['ret']:
        yield f"results {theirs['ret']} and {ours['ret']}"
    strings, words, numbers = [], set(), []
    for key, value in walk(ours['args']):
        if isinstance(value, bool):
            continue
        if isinstance(value, int):
            numbers.append((key, value))
        elif key.endswith('_hex'):
            strings.append(bytes.fromhex(value))
        elif any(s.decode('utf-8', 'replace') == value for s in theirs['strings']):
            strings.append(next(s for s in theirs['strings'] if s.decode('utf-8', 'replace') == value))
        elif key == 'family' and value.islower():
            words.add('AF_' + value.upper())
        elif not re.fullmatch(r'0x[0-9a-f]+', value):
            words |= words_of(value)
            if not re.fullmatch(r'[A-Z0-9_|\[\] x]*', value):
                yield f'{key} {value!r}, which strace has not'
    if strings != theirs['strings']:
        yield f"texts {theirs['strings']} and {strings}"
    known = {number(n) for n in NUMBER.findall(theirs['bare'])}
    known |= {-100} if 'AT_FDCWD' in theirs['words'] else set()
    for key, value in numbers:
        if key.endswith('_ns') or (theirs['name'] in ('readv', 'writev') and key in ('bytes', 'count')):
            continue
        if value != ours['pid'] and value not in known:
            yield f'{key} {value}, which strace has not'
    lacking = theirs['words'] - words - {'AT_FDCWD'}
    if lacking or words - theirs['words']:
        yield f"names {sorted(theirs['words'])} and {sorted(words)}"


def main():
    theirs, ours = read_strace(sys.argv[1]), read_ours(sys.argv[2])
    found = 0
    for i, (a, b) in enumerate(zip(theirs, ours)):
        for difference in differences(a, b):
            found += 1
            print(f"call {i}, {a['name']}({a['bare']}): {difference}; {b['args']}")
    if len(theirs) != len(ours):
        found += 1
        print(f'{len(theirs)} calls and {len(ours)}')
    print(f"compared {len(ours)} {len({call['name'] for call in ours})}")
    return 1 if found else 0


sys.exit(main())
