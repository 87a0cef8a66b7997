#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""bpf_stack.py OBJECT...: does every BPF program keep to the kernel's 512 bytes of stack?

Kernels before 6.13 add up the frames of a program and of all that it calls, deepest path, each
rounded up to 32 bytes; later ones give each function a stack of its own, so that the machine one
develops on may accept what others refuse. Says TAP, one test an object."""
import struct
import sys

LIMIT = 512
ROUND = 32
FRAME = 10  # the register that points to the frame's upper end
EXECUTABLE = 4
MOV_REG, ADD_IMM, CALL, LOAD_64 = 0xBF, 0x07, 0x85, 0x18


class Object:
    def __init__(self, path):
        self.data = open(path, "rb").read()
        if self.data[:6] != b"\x7fELF\x02\x01":
            raise ValueError("not a little-endian 64-bit ELF file")
        start, = struct.unpack_from("<Q", self.data, 40)
        count, names = struct.unpack_from("<HH", self.data, 60)
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", self.data, start + 64 * i) for i in range(count)]
        self.symbols = []
        for section in self.sections:
            if section[1] == 2:
                strings = self.sections[section[6]][4]
                for at in range(section[4], section[4] + section[5], 24):
                    name, info, _, index, value, size = struct.unpack_from("<IBBHQQ", self.data, at)
                    end = self.data.index(b"\0", strings + name)
                    self.symbols.append((self.data[strings + name:end].decode(), info & 15, index, value, size))

    def code(self, index):
        return self.sections[index][4]

    def relocations(self, index):
        """Offset in the section -> symbol."""
        found = {}
        for section in self.sections:
            if section[1] == 9 and section[7] == index:
                for at in range(section[4], section[4] + section[5], 16):
                    offset, info = struct.unpack_from("<QQ", self.data, at)
                    found[offset] = self.symbols[info >> 32]
        return found

    def functions(self):
        """(section, offset) -> (name, size)"""
        return {(index, value): (name, size) for name, kind, index, value, size in self.symbols
                if kind == 2 and self.sections[index][2] & EXECUTABLE}


def look_into(elf, index, begin, size, relocations):
    """Bytes of the frame, and the functions that are called or handed on."""
    lowest, calls, pointers, skip = 0, set(), {}, False
    for offset in range(begin, begin + size, 8):
        if skip:
            skip = False
            continue
        code, registers, off, imm = struct.unpack_from("<BBhi", elf.data, elf.code(index) + offset)
        to, source, kind = registers & 15, registers >> 4, code & 7
        symbol = relocations.get(offset)
        if code == CALL:
            # What is not defined here is a function of the kernel's, on a stack of its own.
            if source == 1 and not (symbol and symbol[2] == 0):
                section, value = (symbol[2], symbol[3]) if symbol else (index, offset)
                calls.add((section, value + 8 * (imm + 1)))
            pointers = {r: at for r, at in pointers.items() if r > 5}
            continue
        if code == LOAD_64:
            if symbol and elf.sections[symbol[2]][2] & EXECUTABLE:
                calls.add((symbol[2], symbol[3] + imm))
            pointers.pop(to, None)
            skip = True
            continue
        pointers[FRAME] = 0
        base = source if kind == 1 else to
        if kind in (1, 2, 3) and base in pointers:
            lowest = min(lowest, pointers[base] + off)
        if code == MOV_REG and source in pointers:
            pointers[to] = pointers[source]
        elif code == ADD_IMM and to in pointers:
            pointers[to] += imm
            lowest = min(lowest, pointers[to])
        elif kind in (0, 1, 4, 7):
            pointers.pop(to, None)
    return -lowest, calls


def deepest(frames, function):
    """(bytes, path) of the deepest chain from a function on."""
    name, bytes_here, calls = frames[function]
    below, path = max((deepest(frames, callee) for callee in calls), default=(0, []))
    return below + -(-max(bytes_here, 1) // ROUND) * ROUND, [f"{name} {bytes_here}"] + path


def check(path):
    elf = Object(path)
    functions = elf.functions()
    tables = {index: elf.relocations(index) for index, _ in functions}
    frames = {}
    for (index, begin), (name, size) in functions.items():
        frames[index, begin] = (name, *look_into(elf, index, begin, size, tables[index]))
    return sorted((deepest(frames, function) for function in functions), reverse=True)


def main(paths):
    print(f"1..{len(paths)}")
    failed = False
    for number, path in enumerate(paths, 1):
        chains = check(path)
        name = path.rsplit("/", 1)[-1]
        good = bool(chains) and chains[0][0] <= LIMIT
        failed |= not good
        most = chains[0][0] if chains else 0
        print(f"{'ok' if good else 'not ok'} {number} - {name}: {most} bytes of {LIMIT}")
        for depth, chain in chains:
            if depth > LIMIT:
                print(f"# {depth}: {' > '.join(chain)}")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
