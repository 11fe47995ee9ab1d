#!/usr/bin/env python3
"""test_count.py - count_results.py counts every way in which meson reports a failure; prints TAP

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later
"""
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import Tap  # noqa: E402

COUNT = pathlib.Path(__file__).resolve().parents[1] / 'count_results.py'
GOOD, SKIPPED, BAD = '', '<skipped/>', '<failure/>'
PRINTED = ['ok 0', '# why', 'not ok 1', '# and why', 'ok 2']
CASES = [  # name; programs with (result, outcomes of its cases or None = a program without cases); last line; what it quotes
    ('all good', {'core / a': ('OK', [GOOD, GOOD]), 'core / b': ('OK', None)}, '3 passed, 0 failed, 0 skipped', []),
    ('a skipped case', {'core / a': ('OK', [GOOD, SKIPPED])}, '1 passed, 0 failed, 1 skipped', []),
    ('a failed case', {'core / a': ('FAIL', [GOOD, BAD])}, '1 passed, 1 failed, 0 skipped', PRINTED[:4]),
    ('a failed program without cases', {'core / a': ('OK', [GOOD]), 'b': ('FAIL', None)}, '1 passed, 1 failed, 0 skipped', PRINTED),
    ('a crash after good cases', {'core / a': ('ERROR', [GOOD, GOOD])}, '2 passed, 1 failed, 0 skipped', PRINTED),
    ('out of time after good cases', {'core / a': ('TIMEOUT', [GOOD])}, '1 passed, 1 failed, 0 skipped', PRINTED),
    ('nothing ran', {}, '0 passed, 0 failed, 0 skipped', []),
    ('no log', None, '0 passed, 1 failed, 0 skipped', []),
]


def write_logs(folder, programs):
    folder.mkdir()
    junit, lines = [], []
    for name, (result, outcomes) in programs.items():
        full = f'cbigan:{name}'
        lines.append(json.dumps({'name': full, 'result': result, 'stdout': '\n'.join(PRINTED)}))
        if outcomes is None:
            junit.append(f'<testcase name="{full}" classname="cbigan">{"" if result == "OK" else BAD}</testcase>')
        else:
            junit += [f'<testcase name="{i}" classname="cbigan.{full}">{outcome}</testcase>' for i, outcome in enumerate(outcomes)]
    (folder / 'testlog.json').write_text('\n'.join(lines))
    (folder / 'testlog.junit.xml').write_text(f'<testsuites><testsuite>{"".join(junit)}<system-out>\a</system-out></testsuite></testsuites>')


def main():
    tap = Tap()
    for name, programs, expected, wanted in CASES:
        with tempfile.TemporaryDirectory() as build:
            if programs is not None:
                write_logs(pathlib.Path(build) / 'meson-logs', programs)
            done = subprocess.run([sys.executable, COUNT, build], stdout=subprocess.PIPE, text=True)
        last, status = done.stdout.splitlines()[-1], done.returncode
        reasons = [line.strip() for line in done.stdout.splitlines() if line.startswith('  ')]
        fine = last == expected and (status == 0) == (' 0 failed' in expected and not expected.startswith('0 passed'))
        fine = fine and reasons == wanted
        tap.case(name, '' if fine else f'"{last}", exit status {status}; expected "{expected}"')
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
