#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_flamegraph.py MAKE_PAGES: flame graphs as somebody with a browser meets them. TAP.

Frames are found where the page is known to draw them: rows are 20 pixels high, and shares of the
test profiles are round numbers. What is under the pointer is what the tooltip says."""

import os
import subprocess
import sys
import tempfile
import traceback

import browser

ROW = 20
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def equal(actual, expected):
    if actual != expected:
        raise AssertionError(f'{actual!r}, expected {expected!r}')


def contains(actual, expected):
    if expected not in actual:
        raise AssertionError(f'{actual!r} does not contain {expected!r}')


class Page:
    """A flame graph in the browser."""

    def __init__(self, chromium, path):
        self.browser = chromium
        self.path = path

    def open(self, name, **more):
        self.browser.open(f'{self.path}/{name}.html', **more)

    def place(self, share, row):
        """Screen position of a share of the width in a row, from the top or with -1 the last."""
        left, top, width, height = self.browser.run(
            '(() => { const r = document.getElementById("graph").getBoundingClientRect();'
            ' return [r.x, r.y, r.width, r.height]; })()')
        return left + share * width, top + (row * ROW if row >= 0 else height + row * ROW) + ROW / 2

    def click(self, share, row):
        self.browser.click(*self.place(share, row))

    def at(self, share, row):
        """The name of the frame there, None where there is none."""
        self.browser.point(1, 1)
        self.browser.point(*self.place(share, row))
        if self.browser.run('document.getElementById("tooltip").hidden'):
            return None
        return self.browser.run('document.querySelector("#tooltip strong, #tooltip .where").textContent')

    def tooltip(self, share, row):
        self.at(share, row)
        return self.browser.run('document.getElementById("tooltip").innerText')

    def search(self, text):
        self.browser.key('/')
        self.browser.type(text)
        return self.browser.text('#matched')

    def status(self):
        return self.browser.text('#status')

    def choose(self, selector, value):
        self.browser.run(f'(() => {{ const s = document.querySelector("{selector}"); s.value = "{value}";'
                         ' s.dispatchEvent(new Event("change", { bubbles: true })); })()')
        self.browser.settle()


@test
def the_head_says_what_it_is(page):
    page.open('known')
    equal(page.browser.run('document.title'), 'app: flame graph')
    equal(page.browser.text('#title'), 'app flame graph')
    equal(page.browser.text('#summary'),
          '100 samples · 4.00 KiB space · in 2.00 s · from 2023-11-14 22:13:20 UTC')
    contains(page.browser.text('#comments'), 'sampled by hand')
    equal(page.browser.text('#comments .lost'), '3 samples were lost')
    contains(page.browser.text('#legend'), 'native70.0%')
    contains(page.browser.text('#legend'), 'kernel30.0%')


@test
def frames_stand_where_their_shares_put_them(page):
    page.open('known')
    equal([page.at(0.5, row) for row in range(4)], ['all', 'app', 'main', 'work'])
    equal([page.at(0.2, row) for row in range(4, 7)], ['hash', None, None])
    equal([page.at(0.5, row) for row in range(4, 7)], ['work', 'hash', None])
    equal([page.at(share, 3) for share in (0.01, 0.59, 0.61, 0.89, 0.91, 0.99)],
          ['work', 'work', 'read', 'read', 'idle', 'idle'])
    equal(page.at(0.87, 5), None)
    contains(page.tooltip(0.7, 4), 'vfs_read')
    contains(page.tooltip(0.7, 4), 'kernel · [kernel.kallsyms]')
    contains(page.tooltip(0.7, 4), 'total\t30 samples\t30.0%')
    contains(page.tooltip(0.7, 4), 'self\t5 samples\t5.00%')


@test
def a_click_zooms_and_reset_goes_back(page):
    page.open('known')
    equal(page.browser.run('document.getElementById("reset").disabled'), True)
    page.click(0.7, 3)
    equal([page.at(0.01, row) for row in range(6)], ['all', 'app', 'main', 'read', 'vfs_read', 'copy'])
    equal(page.at(0.9, 5), None)
    equal(page.at(0.8, 5), 'copy')
    contains(page.status(), 'Zoomed to read: 30.0%, 30 samples; self 0.00%, 0 samples')
    contains(page.tooltip(0.5, 5), 'of what is zoomed\t\t83.3%')
    page.browser.click_on('#reset')
    equal(page.at(0.01, 3), 'work')
    equal(page.browser.run('document.getElementById("reset").disabled'), True)
    page.click(0.7, 4)
    page.click(0.5, 2)
    contains(page.status(), 'Zoomed to main')
    equal(page.at(0.95, 3), 'idle')


@test
def keys_move_zoom_and_go_back(page):
    page.open('known')
    page.browser.run('document.getElementById("graph").focus()')
    for _ in range(4):
        page.browser.key('ArrowDown')
    contains(page.status(), 'work: 60.0%, 60 samples')
    page.browser.key('ArrowRight')
    contains(page.status(), 'read: 30.0%, 30 samples')
    page.browser.key('ArrowDown')
    contains(page.status(), 'vfs_read: 30.0%')
    page.browser.key('Enter')
    contains(page.status(), 'Zoomed to vfs_read')
    equal(page.at(0.01, 5), 'copy')
    equal(page.at(0.99, 4), 'vfs_read')
    page.browser.key('Backspace')
    equal(page.at(0.99, 3), 'read')
    page.browser.key('Escape')
    equal(page.at(0.01, 3), 'work')
    page.browser.key('ArrowDown')
    page.browser.key('ArrowLeft')
    contains(page.status(), 'all: 100%')
    page.browser.key('ArrowDown')
    page.browser.key('ArrowDown')
    page.browser.key('ArrowUp')
    contains(page.status(), 'app: 100%')


@test
def a_search_tells_its_share(page):
    page.open('known')
    equal(page.search('^work$'), '60.0% (60 samples)')  # recursion counts once
    page.browser.key('Escape')
    equal(page.browser.text('#matched'), '')
    equal(page.search('hash|idle'), '70.0% (70 samples)')
    page.browser.key('Escape')
    equal(page.search('HASH'), 'no match')  # capitals matter when they are there
    page.browser.key('Escape')
    equal(page.search('\\Work'), 'no match')  # no capital: an escape
    page.browser.key('Escape')
    equal(page.search('['), 'not a regular expression')
    page.browser.key('Escape')
    page.browser.key('f', browser.CTRL)
    equal(page.browser.run('document.activeElement.id'), 'search')
    page.browser.type('copy')
    equal(page.browser.text('#matched'), '25.0% (25 samples)')
    page.browser.key('Enter')
    contains(page.status(), 'copy: 25.0%')
    page.click(0.7, 4)
    equal(page.browser.text('#matched'), '25.0% (25 samples), 83.3% of what is zoomed')


def pixel(page, share, row):
    """The color of a frame near its lower edge, where no letter is."""
    x, y = page.place(share, row)
    return tuple(page.browser.run(
        '(() => { const c = document.getElementById("graph"), r = c.getBoundingClientRect();'
        f' return [...c.getContext("2d").getImageData({x} - r.x, {y} + 7 - r.y, 1, 1).data]; }})()')[:3])


@test
def matches_are_highlighted_and_the_rest_is_pale(page):
    page.open('known')
    work, idle = pixel(page, 0.3, 3), pixel(page, 0.95, 3)
    page.search('idle')
    if pixel(page, 0.95, 3) == idle or pixel(page, 0.3, 3) == work:
        raise AssertionError('colors did not change')
    if pixel(page, 0.3, 3) == pixel(page, 0.95, 3):
        raise AssertionError('a match looks like the others')
    page.browser.key('Escape')
    equal(pixel(page, 0.3, 3), work)


@test
def colors_tell_kinds_and_modules(page):
    def hue(color):
        red, _, blue = color
        return 'warm' if red > blue else 'cool'
    page.open('known')
    equal(hue(pixel(page, 0.7, 4)), 'warm')
    equal(hue(pixel(page, 0.3, 3)), 'cool')
    before = pixel(page, 0.3, 3)
    page.choose('#color', 'module')
    if pixel(page, 0.3, 3) == before:
        raise AssertionError('colors did not change')
    equal(pixel(page, 0.3, 3), pixel(page, 0.95, 3))
    contains(page.browser.text('#legend'), 'app70.0%')


@test
def flame_puts_the_root_at_the_bottom(page):
    page.open('known')
    page.browser.click_on('.segments label:nth-child(2)')
    equal([page.at(0.1, -row) for row in range(1, 6)], ['all', 'app', 'main', 'work', 'hash'])
    equal(page.at(0.1, 0), None)
    page.browser.run('document.getElementById("graph").focus()')
    page.browser.key('ArrowUp')
    page.browser.key('ArrowUp')
    contains(page.status(), 'app: 100%')
    page.browser.click_on('.segments label:nth-child(1)')
    equal(page.at(0.1, 0), 'all')


@test
def another_value_type_changes_shares(page):
    page.open('known')
    page.choose('#type', '1')
    equal(page.at(0.1, 3), 'work')
    equal(page.at(0.3, 3), 'idle')
    contains(page.tooltip(0.5, 3), 'total\t3.00 KiB\t75.0%')
    equal(page.search('idle'), '75.0% (3.00 KiB)')
    page.browser.key('Escape')
    page.choose('#type', '0')
    equal(page.at(0.3, 3), 'work')
    # What is zoomed has none of the other value.
    page.click(0.7, 3)
    page.choose('#type', '1')
    equal(page.at(0.5, 3), 'idle')


@test
def a_difference_shows_both_sides(page):
    page.open('difference')
    equal(page.browser.text('#title'), 'app difference')
    contains(page.browser.text('#summary'), '100 samples, base 50 samples (+100%)')
    # Widths are 60 work, 30 read, 10 idle, 10 gone, of 110.
    equal([page.at(share / 110, 3) for share in (30, 75, 95, 105)], ['work', 'read', 'gone', 'idle'])
    contains(page.tooltip(30 / 110, 3), 'total\t60 samples\t30 samples\t+30 samples\t+100%')
    contains(page.tooltip(95 / 110, 3), 'total\t0 samples\t10 samples\t−10 samples\t−100%')
    contains(page.tooltip(75 / 110, 3), 'new')
    red, _, blue = pixel(page, 75 / 110, 3)
    if red <= blue:
        raise AssertionError('what is new is not red')
    red, _, blue = pixel(page, 95 / 110, 3)
    if blue <= red:
        raise AssertionError('what is gone is not blue')
    red, green, blue = pixel(page, 105 / 110, 3)
    if max(red, green, blue) - min(red, green, blue) > 12:
        raise AssertionError('what is the same is not grey')
    page.browser.click_on('#scale')
    # Twice the base: 60 work, 20 of idle and gone each, 30 read, of 130.
    contains(page.tooltip(30 / 130, 3), 'total\t60 samples\t60 samples\t0 samples\t0%')


@test
def negative_totals_are_shown(page):
    page.open('negative')
    contains(page.browser.text('#summary'), '-20 samples')
    equal([page.at(0.7, 3), page.at(0.8, 3)], ['less', 'more'])
    contains(page.tooltip(0.5, 3), 'total\t−30 samples')
    equal(page.browser.complaints(), [])


@test
def narrow_labels_keep_the_end_of_names(page):
    page.open('known')
    for name, expected in (('encoding/json.(*decodeState).object', 'json.(*decodeState).object'),
                           ('json.(*decodeState).object', '(*decodeState).object'),
                           ('(*decodeState).object', 'object'), ('a::b<int, char>::c(int)', 'b<int, char>::c(int)'),
                           ('b<int, char>::c(int)', 'c(int)'), ('<T as core::Any>::type_id', 'type_id'),
                           ('object', ''), ('memcpy.cold', ''), ('runtime.goexit.abi0', 'goexit.abi0'),
                           ('goexit.abi0', ''), ('[libc.so.6]', ''), ('', '')):
        equal(page.browser.run(f'shorter({name!r})'), expected)


@test
def hostile_names_are_text_and_never_run(page):
    page.open('hostile')
    expected = ['all', '</title><script>hacked=3</script>', '<script>hacked=4</script>',
                '</script><script>hacked=5</script>', '<!--<script>',
                '<img src=http://127.0.0.1/x onerror=hacked=6>', '"\'`\\', 'new\\u000aline', '\\u202egnp.exe',
                'שלום', 'bad\ufffd', '${hacked=7}']
    equal([page.at(0.5, row) for row in range(12)], expected)
    for row in range(12):
        page.click(0.5, row)
        contains(page.status() + expected[0], expected[row])
    page.search('hacked')
    equal(page.browser.run('typeof hacked'), 'undefined')
    equal(page.browser.run('document.querySelectorAll("script").length'), 2)
    equal(page.browser.run('document.querySelectorAll("img, b").length'), 0)
    contains(page.browser.text('#comments'), '<img src=x onerror=hacked=2>')
    equal(page.browser.run('document.title'), '</title><script>hacked=3</script>: flame graph')
    equal(page.browser.complaints(), [])
    equal(page.browser.requests(), [])


@test
def the_policy_stops_other_scripts(page):
    page.open('known')
    page.browser.run('(() => { const s = document.createElement("script"); s.textContent = "hacked = 1";'
                     ' document.body.append(s); })()')
    equal(page.browser.run('typeof hacked'), 'undefined')
    equal(page.browser.run('fetch("data:,x").then(() => "loaded", () => "refused")'), 'refused')
    if not page.browser.complaints():
        raise AssertionError('the test would not notice a violation')


@test
def nothing_to_show_is_said(page):
    for name in ('empty', 'typeless'):
        page.open(name)
        equal(page.browser.text('#empty'), 'no samples')
        equal(page.browser.run('document.getElementById("empty").hidden'), False)
        for key in ('ArrowDown', 'Enter', 'Escape', '/', 'x', 'Enter', 'Escape'):
            page.browser.key(key)
        equal(page.browser.complaints(), [])


@test
def deep_stacks_scroll(page):
    page.open('deep')
    equal(page.browser.run('document.getElementById("spacer").clientHeight'), 302 * ROW)
    page.browser.run('document.getElementById("scroller").scrollTop = 1e6')
    page.browser.settle()
    equal(page.at(0.5, -1), 'bottom')
    equal(page.at(0.5, -2), 'recurse')
    equal(page.search('recurse'), '100% (7 samples)')
    page.browser.key('Escape')
    equal(page.search('bottom'), '100% (7 samples)')
    page.browser.run('document.getElementById("scroller").scrollTop = 0')
    page.browser.key('Enter')
    contains(page.status(), 'bottom')
    if page.browser.run('document.getElementById("scroller").scrollTop') == 0:
        raise AssertionError('the match was not scrolled to')
    page.browser.key('Escape')
    page.browser.click_on('.segments label:nth-child(2)')
    equal(page.at(0.5, -1), 'all')


@test
def the_graph_follows_the_window(page):
    page.open('known', width=1200)
    page.browser.call('Emulation.setDeviceMetricsOverride', width=500, height=700, deviceScaleFactor=2, mobile=False)
    page.browser.settle()
    equal(page.browser.run('document.getElementById("graph").getBoundingClientRect().width'), 500 - 32)
    equal(page.browser.run('document.getElementById("graph").width'), 2 * (500 - 32))
    equal([page.at(0.3, 3), page.at(0.95, 3)], ['work', 'idle'])
    equal(page.browser.run('document.documentElement.scrollWidth'), 500)


@test
def light_and_dark_follow_the_system_and_are_readable(page):
    def luminance(color):
        parts = [c / 255 for c in color]
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    def contrast(a, b):
        dark, light = sorted((luminance(a), luminance(b)))
        return (light + 0.05) / (dark + 0.05)
    for is_dark, text in ((False, (0x15, 0x18, 0x1e)), (True, (0xf0, 0xf2, 0xf6))):
        for name in ('known', 'difference'):
            page.open(name, dark=is_dark)
            for share, row in ((0.5, 0), (0.5, 1), (0.5, 2), (0.3, 3), (0.7, 3), (0.7, 4), (0.95, 3)):
                ratio = contrast(pixel(page, share, row), text)
                if ratio < 4.5:
                    raise AssertionError(f'{name}, dark {is_dark}: contrast {ratio:.1f} at {share}, row {row}')


@test
def it_can_be_printed(page):
    page.open('known', dark=True)
    with tempfile.TemporaryDirectory() as directory:
        page.browser.print(directory + '/page.pdf')
        if os.path.getsize(directory + '/page.pdf') < 5000:
            raise AssertionError('nothing was printed')
    equal(page.at(0.3, 3), 'work')
    equal(page.browser.complaints(), [])


@test
def fifty_thousand_stacks_do_not_stall(page):
    page.open('large')
    size = os.path.getsize(page.path + '/large.html')
    paint = page.browser.run('performance.getEntriesByType("paint")[0].startTime')
    nodes = page.browser.run('tree.count')
    drawn = page.browser.run('performance.getEntriesByType("navigation")[0].loadEventStart')
    print(f'# {nodes} nodes, {size / 1e6:.1f} MB, first paint after {paint:.0f} ms, all drawn after {drawn:.0f} ms')
    times = page.browser.run('(() => { const t = []; for (const f of [layout, draw, choose, () => search("1[0-9]+7")])'
                             ' { const s = performance.now(); f(); t.push(Math.round(performance.now() - s)); }'
                             ' return t; })()')
    print('# layout {} ms, drawing {} ms, another value type {} ms, search {} ms'.format(*times))
    boxes = page.browser.run('rows.reduce((sum, row) => sum + row.length, 0)')
    if boxes > 60000:
        raise AssertionError(f'{boxes} boxes are drawn of {nodes} nodes')
    equal(page.at(0.5, 0), 'all')
    page.click(0.3, 10)
    contains(page.status(), 'Zoomed to ns::some_class')
    equal(page.browser.complaints(), [])


@test
def no_page_asks_for_anything(page):
    for name in ('known', 'difference', 'hostile', 'deep'):
        page.open(name)
        page.click(0.5, 3)
        page.browser.key('Escape')
        equal(page.browser.requests(), [])
        equal(page.browser.complaints(), [])


def main(make_pages):
    path = browser.find()
    if not path:
        print('1..0 # SKIP there is no chromium')
        return 0
    failures = 0
    with tempfile.TemporaryDirectory(prefix='eo-pages-') as directory:
        subprocess.run([make_pages, directory], check=True)
        chromium = browser.Browser(path)
        try:
            print(f'1..{len(TESTS)}')
            for number, function in enumerate(TESTS, 1):
                try:
                    function(Page(chromium, directory))
                    result = 'ok'
                except Exception:
                    failures += 1
                    result = 'not ok'
                    print('# ' + traceback.format_exc().rstrip().replace('\n', '\n# '))
                print(f'{result} {number} - {function.__name__}', flush=True)
        finally:
            chromium.close()
    return 1 if failures else 0


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
