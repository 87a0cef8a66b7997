#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""embed.py HTML CSS JS... OUTPUT: puts style and script into the page and writes it as a C source.

The page's policy allows this style and this script by their hashes and nothing else, so that
whatever a profile contains can neither run nor load anything."""

import base64
import hashlib
import sys


def digest(text):
    return 'sha256-' + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def literal(text):
    """A C string, a line of it for each line of the text. \\ooo cannot swallow what follows."""
    lines = []
    for line in text.splitlines(keepends=True):
        lines.append('\t"' + ''.join(
            chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f'\\{byte:03o}'
            for byte in line.encode()) + '"')
    return '\n'.join(lines)


def read(name):
    with open(name, encoding='utf-8') as file:
        return file.read()


def main(html, css, *scripts, output):
    page, style, script = read(html), read(css), '\n'.join(map(read, scripts))
    for marker, text in (('@STYLE_HASH@', digest(style)), ('@SCRIPT_HASH@', digest(script)),
                         ('@STYLE@', style), ('@SCRIPT@', script)):
        if page.count(marker) != 1:
            sys.exit(f'{html}: {marker} must stand in it once')
        page = page.replace(marker, text)
    if '</script' in script.lower() or '</style' in style.lower():
        sys.exit(f'{html}: its script or style would end early')
    head, title, rest = page.partition('@TITLE@')
    middle, data, tail = rest.partition('@DATA@')
    if not title or not data:
        sys.exit(f'{html}: @TITLE@ and @DATA@ must stand in it, in this order')
    with open(output, 'w', encoding='ascii') as out:
        out.write('/* Made by embed.py. */\n#include "format/flamegraph_page.h"\n\n'
                  'const char *const eo_flamegraph_page[EO_FLAMEGRAPH_PAGE_PARTS] = {\n')
        for part in (head, middle, tail):
            out.write(literal(part) + ',\n')
        out.write('};\n')


if __name__ == '__main__':
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    main(*sys.argv[1:-1], output=sys.argv[-1])
