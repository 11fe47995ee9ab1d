#!/usr/bin/env python3
"""test_pictures.py - known pictures in the formats that people have: what is read of each, or why it is refused

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: test_pictures.py READ_PICTURES TABLE [--write]. Prints TAP. TABLE is docs/pictures.md, whose table of formats is compared
with what was found, or written anew. 
"""
import json, os, shutil, subprocess, sys, tempfile
from known_pictures import known_rows

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from harness import Tap  # noqa: E402

READER, TABLE = map(os.path.abspath, sys.argv[1:3])


def check(entry, found, message):
    """What differs, or None."""
    _, _, name, _, expected, tolerance = entry
    if isinstance(expected, str):
        if found or not message:
            return f'{name}: {len(found)} pictures were read; expected it to be refused'
        return None if expected in message else f'{name}: “{expected}” is not in “{message}”'
    if message or len(found) != len(expected):
        return f'{name}: {len(found)} pictures, expected {len(expected)}: {message}'
    for page, (one, known) in enumerate(zip(found, expected)):
        if (one['width'], one['height']) != (len(known[0]), len(known)):
            return f'{name}: page {page} has {one["width"]}x{one["height"]} pixels, expected {len(known[0])}x{len(known)}'
        for i, (value, right) in enumerate(zip(bytes.fromhex(one['rgb']), (v for line in known for p in line for v in p))):
            if abs(value - right) > tolerance:
                pixel = i // 3
                return (f'{name}: page {page}, pixel ({pixel % one["width"]}, {pixel // one["width"]}), channel {i % 3}: '
                        f'{value}, expected {right}, tolerance {tolerance}')
    return None


def table(rows):
    """The table of docs/pictures.md: what is read, what is refused."""
    kinds = {}
    for form, kind, _, _, expected, _ in rows:
        if kind.endswith('cut off') or kind == 'any':
            continue
        kinds.setdefault(form, ([], []))[isinstance(expected, str)].append(kind)
    lines = ['| format | read | refused, with a reason |', '|---|---|---|']
    for form, (read, refused) in kinds.items():
        lines.append(f'| {form} | {"; ".join(dict.fromkeys(read))} | {"; ".join(dict.fromkeys(refused))} |')
    return '\n'.join(lines) + '\n'


def compare_table(rows):
    begin, end = '<!-- made by tests/inputs/test_pictures.py -->\n', '<!-- end -->\n'
    text = open(TABLE, encoding='utf-8').read()
    head, rest = text.split(begin)
    tail = rest.split(end)[1]
    if '--write' in sys.argv:
        open(TABLE, 'w', encoding='utf-8').write(head + begin + table(rows) + end + tail)
        return None
    return None if head + begin + table(rows) + end + tail == text else f'{TABLE}: its table differs from:\n{table(rows)}'


def read(rows, environment):
    """The reader's line of each file by name, and problems of the reader itself."""
    done = subprocess.run([READER, *(entry[2] for entry in rows)], capture_output=True, timeout=600, env=environment)
    lines = done.stdout.decode(errors='replace').splitlines()
    return {entry[2]: line for entry, line in zip(rows, lines)}, [
        f'the reader ended with {done.returncode} after {len(lines)} files: {done.stderr.decode()[-2000:]}'] if (
            done.returncode or len(lines) != len(rows)) else []


def main():
    rows = known_rows()
    # GStreamer 1.26's decoder forgets the frame of a PNG whose check sum is wrong; a sanitizer would find that leak.
    leaks = [entry[:2] == ('PNG', 'a wrong check sum') for entry in rows]
    lines, problems = read([entry for entry, leak in zip(rows, leaks) if not leak], os.environ)
    options = os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'
    others, others_problems = read([entry for entry, leak in zip(rows, leaks) if leak], os.environ | {'ASAN_OPTIONS': options})
    lines |= others
    tests = {}
    for entry in (entry for entry in rows if entry[2] in lines):
        found, message = lines[entry[2]].split('\t', 1)
        problem = check(entry, json.loads(found)['pictures'], message)
        tests.setdefault((entry[0], entry[1]), []).extend([problem] if problem else [])
    tests['all', 'read to the end'] = problems + others_problems
    if ('WebP', 'animated') in tests:
        tests['docs', 'the table of formats'] = [p for p in [compare_table(rows)] if p]
    tap = Tap()
    for (form, kind), wrong in tests.items():
        tap.case(f'{form}: {kind}', '\n'.join(wrong))
    return tap.end()


if __name__ == '__main__':
    folder = tempfile.mkdtemp(prefix='cbigan-pictures-')
    os.chdir(folder)
    try:
        sys.exit(main())
    finally:
        os.chdir('/')
        shutil.rmtree(folder)
