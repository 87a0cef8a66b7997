# SPDX-License-Identifier: BSD-2-Clause
"""A headless Chromium, driven over a pipe with the DevTools protocol: nothing but Python's own
library, no port, no driver program. Real key presses and mouse clicks."""

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

NAMES = ('chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome')
TIMEOUT = 60

KEYS = {'Enter': 13, 'Escape': 27, 'Backspace': 8, 'Home': 36, 'Tab': 9,
        'ArrowLeft': 37, 'ArrowUp': 38, 'ArrowRight': 39, 'ArrowDown': 40}
CTRL = 2


def find():
    """The path of a Chromium, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    def __init__(self, path):
        self.directory = tempfile.mkdtemp(prefix='eo-browser-')
        # The browser reads commands from fd 3 and answers on fd 4.
        commands, self.to = os.pipe()
        self.back, answers = os.pipe()
        wanted = [path, '--headless=new', '--remote-debugging-pipe', '--no-first-run', '--disable-gpu',
                  '--disable-dev-shm-usage', '--disable-background-networking', '--no-default-browser-check',
                  '--hide-scrollbars', f'--user-data-dir={self.directory}', 'about:blank']
        if os.geteuid() == 0:
            wanted.insert(1, '--no-sandbox')  # which refuses to work for root
        shell = 'exec 3<&"$1" 4>&"$2"; shift 2; exec "$@"'
        self.process = subprocess.Popen(
            ['bash', '-c', shell, 'browser', str(commands), str(answers), *wanted], start_new_session=True,
            pass_fds=(commands, answers), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(commands)
        os.close(answers)
        self.rest = b''
        self.number = 0
        self.events = []
        self.session = None
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self.session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network'):
            self.call(domain + '.enable')

    def close(self):
        """Ends the browser with all of its processes."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.to)
        os.close(self.back)
        shutil.rmtree(self.directory, ignore_errors=True)

    def message(self, deadline):
        while b'\0' not in self.rest:
            if not select.select([self.back], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError('the browser does not answer')
            part = os.read(self.back, 1 << 16)
            if not part:
                raise EOFError('the browser has ended')
            self.rest += part
        text, self.rest = self.rest.split(b'\0', 1)
        return json.loads(text)

    def call(self, method, **params):
        self.number += 1
        command = {'id': self.number, 'method': method, 'params': params}
        if self.session:
            command['sessionId'] = self.session
        os.write(self.to, json.dumps(command).encode() + b'\0')
        deadline = time.monotonic() + TIMEOUT
        while True:
            answer = self.message(deadline)
            if answer.get('id') != self.number:
                self.events.append(answer)
            elif 'error' in answer:
                raise RuntimeError(f'{method}: {answer["error"]}')
            else:
                return answer['result']

    def wait(self, event):
        deadline = time.monotonic() + TIMEOUT
        while not any(e.get('method') == event for e in self.events):
            self.events.append(self.message(deadline))

    def open(self, path, width=1200, height=700, dark=False, ratio=1):
        """Loads a file and waits until its script has run."""
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=ratio,
                  mobile=False)
        self.dark(dark)
        self.events = []
        self.call('Page.navigate', url='file://' + os.path.abspath(path))
        self.wait('Page.loadEventFired')
        self.settle()

    def dark(self, on):
        self.call('Emulation.setEmulatedMedia',
                  features=[{'name': 'prefers-color-scheme', 'value': 'dark' if on else 'light'}])

    def run(self, expression):
        """The value of an expression, of a promise what comes of it."""
        answer = self.call('Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True)
        if 'exceptionDetails' in answer:
            raise RuntimeError(f'{expression}: {answer["exceptionDetails"]}')
        return answer['result'].get('value')

    def settle(self):
        """Two frames later everything asked for has been drawn."""
        self.run('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))')

    def mouse(self, kind, x, y, **more):
        self.call('Input.dispatchMouseEvent', type=kind, x=x, y=y, **more)

    def point(self, x, y):
        self.mouse('mouseMoved', x, y)
        self.settle()

    def click(self, x, y):
        self.mouse('mouseMoved', x, y)
        self.mouse('mousePressed', x, y, button='left', clickCount=1)
        self.mouse('mouseReleased', x, y, button='left', clickCount=1)
        self.settle()

    def click_on(self, selector):
        x, y = self.run('(() => { const r = document.querySelector(%s).getBoundingClientRect();'
                        'return [r.x + r.width / 2, r.y + r.height / 2]; })()' % json.dumps(selector))
        self.click(x, y)

    def key(self, key, modifiers=0):
        code = KEYS.get(key, ord(key[0].upper()))
        text = {} if key in KEYS and key != 'Enter' or modifiers else {'text': '\r' if key == 'Enter' else key}
        self.call('Input.dispatchKeyEvent', type='keyDown', key=key, windowsVirtualKeyCode=code,
                  modifiers=modifiers, **text)
        self.call('Input.dispatchKeyEvent', type='keyUp', key=key, windowsVirtualKeyCode=code,
                  modifiers=modifiers)
        self.settle()

    def type(self, text):
        for character in text:
            self.key(character)
        time.sleep(0.15)  # the page waits a little for more
        self.settle()

    def text(self, selector):
        return self.run(f'document.querySelector({json.dumps(selector)}).textContent')

    def complaints(self):
        """What stood in the console, exceptions and violations of the policy included."""
        self.settle()
        return [e['params'] for e in self.events
                if e.get('method') in ('Runtime.exceptionThrown', 'Log.entryAdded', 'Runtime.consoleAPICalled')]

    def requests(self):
        """What was asked for besides the page itself."""
        urls = [e['params']['request']['url'] for e in self.events
                if e.get('method') == 'Network.requestWillBeSent']
        return urls[1:]

    def screenshot(self, path):
        with open(path, 'wb') as out:
            out.write(base64.b64decode(self.call('Page.captureScreenshot')['data']))

    def print(self, path):
        with open(path, 'wb') as out:
            out.write(base64.b64decode(self.call('Page.printToPDF', printBackground=False)['data']))
