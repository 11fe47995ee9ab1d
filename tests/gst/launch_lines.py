#!/usr/bin/python3
"""launch_lines.py - runs every example launch line of the elements' SECTION pages; prints TAP

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: launch_lines.py MAKE_MODEL   (with GST_PLUGIN_PATH set)

A line runs as it stands but for a camera, which becomes cbigantestsrc, a window, which becomes fakesink, and the number of
frames. It must end with status 0, and files that it says it writes must be there.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import Tap  # noqa: E402

SOURCES = sorted((pathlib.Path(__file__).resolve().parents[2] / 'gst-plugin').rglob('*.c'))
SUBSTITUTIONS = [
    (r'\bv4l2src\b', 'cbigantestsrc is-live=true'),
    (r'\bautovideosink\b', 'fakesink'),
    (r'\bcbigantestsrc\b(?![^!]*\bnum-buffers=)', 'cbigantestsrc num-buffers=8'),
    (r'\bnum-buffers=\d+', 'num-buffers=8'),
    (r'\bdefects=0\.\d+', 'defects=1'),  # so that 8 frames hold an anomaly
]
# As launch() of pipelines/setup.sh, which says why.
LAUNCH = 'gst-launch-1.0() { command gst-launch-1.0 "$@" videotestsrc is-live=true num-buffers=1 ! fakesink async=false; }; '


def launch_lines():
    """(element, line) of each page; an element without a line counts as (element, '')."""
    for source in SOURCES:
        for element, page in re.findall(r'/\*\*\n \* SECTION:element-(\S+)(.*?)\*/', source.read_text(), re.DOTALL):
            blocks = re.findall(r'\|\[\n(.*?)\]\|', page, re.DOTALL)
            lines = [re.sub(r'^ \* ?', '', block, flags=re.MULTILINE).replace('\\\n', '').strip() for block in blocks]
            yield from ((element, line) for line in lines or [''])


def run(line):
    """'' or what is wrong"""
    for pattern, replacement in SUBSTITUTIONS:
        line = re.sub(pattern, replacement, line)
    done = subprocess.run(['bash', '-c', f'{LAUNCH}{line} 2>&1'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=60)
    location = re.search(r'location=(\S+)', line.split('!')[-1])
    if done.returncode:
        return f'{line}\nexit status {done.returncode}\n{done.stdout[-3000:]}'
    if '-m ' in line and 'updates=every-frame' in line and done.stdout.count('cbigan, event=') < 8:
        return f'{line}\nexpected 8 messages\n{done.stdout[-3000:]}'
    if location and not os.path.getsize(re.sub(r'%0?\d*d', lambda number: number.group() % 0, location.group(1))):
        return f'{line}\n{location.group(1)} is empty'
    return ''


def main():
    tap = Tap()
    subprocess.run([os.path.abspath(sys.argv[1]), 'cloth.safetensors'], check=True)
    for element, line in launch_lines():
        tap.case(f'{element} {line}', run(line) if line else 'no example launch line')
    return tap.end() or tap.number < 3


if __name__ == '__main__':
    sys.argv[1] = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        status = main()
        os.chdir('/')
    sys.exit(status)
