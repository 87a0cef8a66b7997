#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""list_checks.py LISTS MACHINE: a check of each name of lists.txt that is a macro of the headers."""

import sys


def main(lists, machine):
    list_name, wanted = None, False
    with open(lists, encoding='ascii') as file:
        for line in file:
            words = line.split('#')[0].split()
            if not words:
                continue
            if words[0] in ('enum', 'flags'):
                list_name, wanted = words[1], len(words) == 2 or machine in words[2:]
            elif wanted and not words[0][0].isdigit():
                print(f'#ifdef {words[0]}\nCHECK("{list_name}", "{words[0]}", {words[0]})\n#endif')


if __name__ == '__main__':
    main(*sys.argv[1:])
