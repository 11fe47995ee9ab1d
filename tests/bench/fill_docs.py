#!/usr/bin/env python3
"""fill_docs.py - puts a measurement into docs/performance.md

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: COMMAND | tests/bench/fill_docs.py NAME [--code]

What comes in replaces what stands between <!-- NAME --> and <!-- /NAME -->, as it is or (--code) as a code block. The
commands stand above each place in the page.
"""
import pathlib
import re
import sys

PAGE = pathlib.Path(__file__).resolve().parents[2] / 'docs' / 'performance.md'


def main():
    names = [word for word in sys.argv[1:] if word != '--code']
    if len(names) != 1:
        sys.exit(__doc__)
    place = re.compile(rf'(<!-- {re.escape(names[0])} -->\n).*?(<!-- /{re.escape(names[0])} -->\n)', re.DOTALL)
    page = PAGE.read_text(encoding='utf-8')
    known = re.findall(r'<!-- /(\S+) -->', page)
    if not place.search(page):
        sys.exit(f'{PAGE}: no place named {names[0]}; it has {", ".join(known)}')
    text = sys.stdin.read().strip('\n')
    if not text:
        sys.exit('nothing came in: the page stays as it is')
    if '--code' in sys.argv:
        text = f'```\n{text}\n```'
    PAGE.write_text(place.sub(lambda match: f'{match[1]}\n{text}\n\n{match[2]}', page), encoding='utf-8')


if __name__ == '__main__':
    main()
