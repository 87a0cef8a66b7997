#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tables.py CALLS NUMBERS LISTS TABLES.c LISTS.h: system calls and names of numbers, as C tables.

The lists say what is in them; tables.h says what becomes of it."""

import re
import sys

INTERFACES = ['x86_64', 'i386', 'x32', 'arm64', 'arm']
MACHINES = ['x86', 'arm']
NARROW = ('i386', 'arm')
FAR = 1024  # numbers beyond are too few for a table with holes
CLASSES = ['file', 'desc', 'network', 'process', 'memory', 'signal', 'ipc']
ARG = re.compile(r'(\w+):(\w+)(>?)(?:\[(\*?)(\w+)\])?$')


def lines(name):
    """The words of each line that says something, and where it stands."""
    with open(name, encoding='ascii') as file:
        for number, line in enumerate(file, 1):
            words = line.split('#')[0].split()
            if words:
                yield f'{name}:{number}', words


def read_lists(name):
    """{list: (is_flags, {machine: [(name, value, mask)]})}, in the order of the file."""
    lists, rows = {}, None
    for where, words in lines(name):
        if words[0] in ('enum', 'flags'):
            is_flags, machines = words[0] == 'flags', words[2:] or MACHINES
            entry = lists.setdefault(words[1], (is_flags, {}))
            if entry[0] != is_flags or any(m in entry[1] or m not in MACHINES for m in machines):
                sys.exit(f'{where}: {words[1]} was there before')
            rows = []
            for machine in machines:
                entry[1][machine] = rows
            continue
        value, _, mask = words[1].partition('/')
        value = number(where, value)
        mask = number(where, mask) if mask else value
        if value & ~mask or not mask and is_flags:
            sys.exit(f'{where}: {words[0]} can never be found')
        rows.append((words[0], value, mask))
    for key, (is_flags, machines) in lists.items():
        if set(machines) != set(MACHINES):
            sys.exit(f'{name}: {key} is not there for each machine')
        for machine, rows in machines.items():
            if not is_flags:
                first = {}
                for row in rows:
                    first.setdefault(row[1], row)
                machines[machine] = sorted(first.values(), key=lambda row: row[1])
    return lists


def number(where, text):
    try:
        return int(text, 8 if re.fullmatch('0[0-7]+', text) else 0)
    except ValueError:
        sys.exit(f'{where}: {text} is no number')


def read_calls(name, lists):
    """[(call, interface or None, C initialiser)]"""
    calls = []
    for where, words in lines(name):
        head = re.fullmatch(r'(\w+)(?:@(\w+))?(=ptr)?', words[0])
        classes = words[1].split(',') if words[1] != '-' else []
        if not head or any(c not in CLASSES for c in classes) or len(words) > 8:
            sys.exit(f'{where}: {words[0]} is not understood')
        args = [ARG.match(word) for word in words[2:]]
        if not all(args):
            sys.exit(f'{where}: {words[2 + args.index(None)]} is not understood')
        calls.append((head[1], head[2], initialiser(where, head, classes, args, lists)))
    return calls


def initialiser(where, head, classes, args, lists):
    names = [arg[1] for arg in args]
    out = []
    for name, kind, at_exit, pointer, length in (arg.groups() for arg in args):
        fields = [f'"{name}"', f'"{name}_ptr"']
        if kind in lists:
            fields += ['EO_ARG_FLAGS' if lists[kind][0] else 'EO_ARG_ENUM', f'EO_LIST_{kind.upper()}']
        else:
            fields += [f'EO_ARG_{kind.upper()}', '0']
        if length == 'ret':
            fields += ['EO_LENGTH_RET', '0']
        elif length in names:
            fields += ['EO_LENGTH_ARG_PTR' if pointer else 'EO_LENGTH_ARG', str(names.index(length))]
        elif length:
            sys.exit(f'{where}: {length} is no argument')
        else:
            fields += ['EO_LENGTH_NONE', '0']
        fields.append('true' if at_exit else 'false')
        out.append('\t\t{ ' + ', '.join(fields) + ' },\n')
    bits = ' | '.join(f'1 << EO_CLASS_{c.upper()}' for c in classes) or '0'
    return (f'\t{{ "{head[1]}", {bits}, {len(args)}, {"true" if head[3] else "false"}, {{\n'
            + ''.join(out) + '\t} },\n')


def read_numbers(name):
    """{interface: {number: call}}"""
    numbers = {interface: {} for interface in INTERFACES}
    for where, words in lines(name):
        if len(words) != 1 + len(INTERFACES):
            sys.exit(f'{where}: {len(INTERFACES)} numbers, please')
        for interface, text in zip(INTERFACES, words[1:]):
            if text == '-':
                continue
            if int(text) in numbers[interface]:
                sys.exit(f'{where}: {text} is taken')
            numbers[interface][int(text)] = words[0]
    own = set(numbers['x32'].values())
    for nr, call in numbers['x86_64'].items():
        if call not in own:
            numbers['x32'][nr] = call
    return numbers


def choose(calls, name, interface):
    """The line that holds for this interface; a call without one is added."""
    lines_of = {place: index for index, (call, place, _) in enumerate(calls) if call == name}
    for place in (interface, '32' if interface in NARROW else interface, None):
        if place in lines_of:
            return lines_of[place]
    args = ''.join(f'\t\t{{ "arg{i}", NULL, EO_ARG_HEX, 0, EO_LENGTH_NONE, 0, false }},\n' for i in range(1, 7))
    calls.append((name, None, f'\t{{ "{name}", 0, 6, false, {{\n{args}\t}} }},\n'))
    return len(calls) - 1


def write_interface(out, interface, numbers, calls):
    index = {nr: choose(calls, name, interface) for nr, name in numbers.items()}
    near = max(nr for nr in index if nr < FAR) + 1
    out.append(f'static const uint16_t {interface}_calls[] = {{\n'
               + ''.join(f'\t{index.get(nr, "EO_NO_CALL")},\n' for nr in range(near)) + '};\n')
    far = sorted(nr for nr in index if nr >= FAR)
    if far:
        out.append(f'static const struct eo_far_call {interface}_far[] = {{\n'
                   + ''.join(f'\t{{ {nr}, {index[nr]} }},\n' for nr in far) + '};\n')
    out.append(f'static const uint32_t {interface}_by_name[] = {{\n'
               + ''.join(f'\t{nr}, /* {numbers[nr]} */\n' for nr in sorted(numbers, key=numbers.get))
               + '};\n')
    return (f'\t[EO_INTERFACE_{interface.upper()}] = {{ {interface}_calls, {near}, {len(far)}, '
            f'{interface + "_far" if far else "NULL"}, {interface}_by_name, {len(numbers)} }},\n')


def write_lists(out, lists):
    rows = {machine: '' for machine in MACHINES}
    for key, (is_flags, machines) in lists.items():
        for machine, names in machines.items():
            table = f'{key}_{machine}'
            out.append(f'static const struct eo_name {table}[] = {{\n'
                       + ''.join(f'\t{{ "{n}", {v:#x}, {m:#x} }},\n' for n, v, m in names) + '};\n')
            rows[machine] += (f'\t[EO_LIST_{key.upper()}] = {{ "{key}", '
                              f'{"true" if is_flags else "false"}, {len(names)}, {table} }},\n')
    for machine in MACHINES:
        out.append(f'static const struct eo_name_list lists_{machine}[] = {{\n{rows[machine]}}};\n')
    out.append('const struct eo_name_list *const eo_name_lists[EO_MACHINE_COUNT] = {\n'
               + ''.join(f'\t[EO_MACHINE_{m.upper()}] = lists_{m},\n' for m in MACHINES) + '};\n'
               f'const uint32_t eo_name_list_count = {len(lists)};\n')


def main(calls_name, numbers_name, lists_name, tables, header):
    lists = read_lists(lists_name)
    calls = read_calls(calls_name, lists)
    numbers = read_numbers(numbers_name)
    known = {name for interface in numbers.values() for name in interface.values()}
    for name, _, _ in calls:
        if name not in known:
            sys.exit(f'{calls_name}: {name} has no number')
    out = ['/* Made by tables.py. */\n#include "syscall/tables.h"\n#include "syscall/lists.h"\n\n']
    write_lists(out, lists)
    interfaces = ''.join(write_interface(out, i, numbers[i], calls) for i in INTERFACES)
    out.append('const struct eo_call eo_calls[] = {\n' + ''.join(c[2] for c in calls) + '};\n')
    out.append('const struct eo_call_interface eo_call_interfaces[EO_INTERFACE_COUNT] = {\n'
               + interfaces + '};\n')
    with open(tables, 'w', encoding='ascii') as file:
        file.write(''.join(out))
    with open(header, 'w', encoding='ascii') as file:
        file.write('/* Made by tables.py. */\n#ifndef EO_SYSCALL_LISTS_H\n#define EO_SYSCALL_LISTS_H\n\n'
                   'enum eo_name_list_id {\n' + ''.join(f'\tEO_LIST_{key.upper()},\n' for key in lists)
                   + '};\n\n#endif\n')


if __name__ == '__main__':
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
