"""harness.py - what the tests in Python share: TAP, and runs of the program cbigan

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later
"""
import os
import shutil
import subprocess
import tempfile
import time
import traceback

LIMIT = 300  # seconds until a run counts as hanging


class Skip(Exception):
    """Raised by a test that can't run here: why"""


class Tap:
    """Prints one line per case, and what is wrong with it before."""
    number = failures = 0

    def case(self, name, wrong=''):
        """wrong: '' or what is wrong"""
        self.number += 1
        self.failures += bool(wrong)
        for line in wrong.splitlines():
            print('#', line)
        print('not ok' if wrong else 'ok', self.number, '-', name.replace('#', ''), flush=True)

    def skip(self, name, reason):
        self.number += 1
        print('ok', self.number, '-', name, '# SKIP', reason, flush=True)

    def end(self):
        """The script's exit status"""
        print(f'1..{self.number}')
        return self.failures > 0


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


def expect_equal(found, expected, what):
    expect(found == expected, f'{what}: {found!r}, expected {expected!r}')


def until(condition, seconds=30):
    """Whether the condition came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())


def run_tests(functions, only=()):
    """Runs each function test_*() in an empty folder of its own. functions: globals(); only: names, () = all. Returns the exit
    status."""
    tap, home = Tap(), os.getcwd()
    for name, test in [(name, test) for name, test in functions.items() if name.startswith('test_')]:
        if only and name not in only:
            continue
        folder = tempfile.mkdtemp(prefix='cbigan-test-')
        os.chdir(os.path.realpath(folder))
        try:
            test()
            tap.case(name)
        except Skip as reason:
            tap.skip(name, reason)
        except Exception:
            tap.case(name, traceback.format_exc())
        os.chdir(home)
        shutil.rmtree(folder)
    return tap.end()


def run_program(program, *arguments, code=0, error=(), **options):
    """(standard output, standard error); checks the exit code, and that all of `error` stand in what is said on standard error."""
    done = subprocess.run([program, *arguments], capture_output=True, timeout=LIMIT, **options)
    said = done.stderr.decode(errors='replace')
    assert done.returncode == code, f'{arguments}: exit code {done.returncode}, expected {code}\n{said}'
    for word in error:
        assert word in said, f'{arguments}: {word!r} is not in {said!r}'
    return done.stdout.decode(errors='surrogateescape'), said
