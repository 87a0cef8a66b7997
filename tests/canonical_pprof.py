#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a pprof file says, without ids and in one order, so that two files can be compared.

canonical_pprof.py FILE       decodes the file itself
canonical_pprof.py --raw      takes the output of `go tool pprof -raw` from stdin
"""
import collections
import gzip
import re
import sys

STRINGS = {"sample_type": (1, 2), "label": (1, 2, 4), "mapping": (5, 6), "function": (2, 3, 4)}


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        else:
            assert tag & 7 == 2, tag
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        yield tag >> 3, value


def message(data):
    ret = collections.defaultdict(list)
    for number, value in fields(data):
        ret[number].append(value)
    return ret


def integers(values):
    ret = []
    for value in values:
        if isinstance(value, int):
            ret.append(value)
            continue
        at = 0
        while at < len(value):
            number, at = varint(value, at)
            ret.append(number)
    return ret


def signed(number):
    return number - (1 << 64) if number >> 63 else number


def one(msg, number):
    return msg[number][-1] if msg[number] else 0


def canonical(path):
    data = open(path, "rb").read()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    top = message(data)
    strings = top[6]

    def record(kind, msg, numbers):
        return tuple(strings[one(msg, n)] if n in STRINGS.get(kind, ()) else signed(one(msg, n))
                     for n in numbers)

    def table(number, kind, numbers):
        return {one(m, 1): record(kind, m, numbers) for m in map(message, top[number])}

    mappings = table(3, "mapping", range(2, 11))
    functions = table(5, "function", range(2, 6))
    locations = {}
    for loc in map(message, top[4]):
        lines = [(functions[one(line, 1)], signed(one(line, 2)), signed(one(line, 3)))
                 for line in map(message, loc[4])]
        locations[one(loc, 1)] = (mappings.get(one(loc, 2)), one(loc, 3), lines, one(loc, 5))

    types = [record("sample_type", message(t), (1, 2)) for t in top[1]]
    sums = {}
    for sample in map(message, top[2]):
        key = repr(([locations[i] for i in integers(sample[1])],
                    sorted(record("label", message(label), (1, 2, 3, 4)) for label in sample[3])))
        values = [signed(v) for v in integers(sample[2])]
        sums[key] = [a + b for a, b in zip(sums.get(key, [0] * len(types)), values)]

    print("types", types)
    for number, name in ((7, "drop"), (8, "keep"), (14, "default"), (15, "doc")):
        print(name, strings[one(top, number)])
    for number, name in ((9, "time"), (10, "duration"), (12, "period")):
        print(name, signed(one(top, number)))
    print("period type", [record("sample_type", message(t), (1, 2)) for t in top[11]])
    print("comments", [strings[i] for i in integers(top[13])])
    for key in sorted(sums):
        print("sample", sums[key], key)


def canonical_raw(text):
    head, _, rest = text.partition("\nLocations\n")
    location_text, _, mapping_text = rest.partition("\nMappings\n")
    head, _, sample_text = head.partition("\nSamples:\n")
    mappings = dict(line.split(": ", 1) for line in mapping_text.splitlines() if ": " in line)
    locations, last = {}, None
    for line in location_text.splitlines():
        found = re.match(r" *(\d+): (.*)", line) if re.match(r" {0,5}\d+: 0x", line) else None
        if found:
            last = found.group(1)
            body = re.sub(r"M=(\d+)", lambda m: "M=" + mappings[m.group(1)], found.group(2))
            locations[last] = body
        else:
            locations[last] += "|" + line.strip()
    print(head)
    samples = []
    lines = sample_text.splitlines()
    print(lines[0] if lines else "")
    for line in lines[1:]:
        found = re.match(r" *((?:-?\d+ *)+): ([\d ]*)$", line)
        if found:
            stack = [locations[i] for i in found.group(2).split()]
            samples.append([found.group(1).split(), stack])
        else:
            samples[-1].append(line.strip())
    merged = {}
    for values, *key in samples:
        key = repr(key)
        merged[key] = [a + int(b) for a, b in zip(merged.get(key, [0] * len(values)), values)]
    for key in sorted(merged):
        print(merged[key], key)


if sys.argv[1] == "--raw":
    canonical_raw(sys.stdin.read())
else:
    canonical(sys.argv[1])
