#!/usr/bin/python3
"""make_elements.py - writes docs/elements.md from the elements themselves and the opening comments of their sources

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: make_elements.py PLUGIN_FOLDER [--check]
Prints the page. With --check it compares it with docs/elements.md instead, prints TAP, and a failure says what differs.
"""
import difflib
import os
import pathlib
import re
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / 'docs/elements.md'
INTRODUCTION = '''# Elements

A reference for whoever writes a pipeline: what each element does, its properties, its messages, and what it leaves on the buffers.
[own-parts.md](own-parts.md) builds a first pipeline, and the [glossary](glossary.md) explains the words.

| element | what it does |
|---|---|
{elements}

Properties can be set while the pipeline plays unless they say “before PLAYING”. A GstController can change those that are “controllable”.
`gst-inspect-1.0 ELEMENT` shows the properties too. `docs/make_elements.py build/gst-plugin > docs/elements.md` makes this page from the
sources of the elements; a test fails when the page is out of date.
'''


def read_section(path):
    """(name, the SECTION comment as Markdown) of a source, or None"""
    comment = re.search(r'/\*\*\n \* SECTION:element-(\w+)\n(.*?)\n \*/', path.read_text(), re.S)
    if not comment:
        return None
    lines = [line[3:] for line in comment[2].splitlines() if not line.startswith(' * @title')]
    text = '\n'.join(lines).strip()
    # What stands behind a launch line says what the line does: on the page, it comes first.
    text = re.sub(r'\|\[(?:<!--.*?-->)?\n((?:(?!\]\|).*\n)*)\]\|((?:\n(?!\|\[).+)*)', r'\2\n```sh\n\1```\n', text)
    text = re.sub(r'\n{3,}', '\n\n', text).strip()
    text = re.sub(r'#(Gst\w+)', r'`\1`', text)
    text = re.sub(r'\bdocs/([\w-]+\.md)', r'[\1](\1)', text)
    return comment[1], re.sub(r'^## ', '### ', text, flags=re.M)


def text_of(value):
    if isinstance(value, bool):
        return str(value).lower()
    return 'none' if value in (None, '') else f'{value:.12g}' if isinstance(value, (int, float)) else str(value)


def kind_of(element, spec):
    """(type with its range or choices, default)"""
    from gi.repository import GLib, GObject
    # PyGObject 3.50 knows the choices by a value's class only, and gives plain numbers as defaults.
    if spec.value_type.is_a(GObject.TYPE_ENUM):
        names = {int(value): value.value_nick for value in type(element.get_property(spec.name)).__enum_values__.values()}
        return ', '.join(f'`{names[number]}`' for number in sorted(names)), names[int(spec.default_value)]
    if spec.value_type.is_a(GObject.TYPE_FLAGS):
        values = type(element.get_property(spec.name)).__flags_values__
        nicks = {number: values[number].first_value_nick for number in sorted(values)}
        default = ' + '.join(nick for number, nick in nicks.items() if number & int(spec.default_value))
        return 'some of ' + ', '.join(f'`{nick}`' for nick in nicks.values()), default
    name = {'gchararray': 'string'}.get(spec.value_type.name, spec.value_type.name.removeprefix('g'))
    if not hasattr(spec, 'minimum'):
        return name, text_of(getattr(spec, 'default_value', None))
    most = f'{text_of(spec.minimum)} or more' if spec.maximum >= GLib.MAXINT else f'{text_of(spec.minimum)} to {text_of(spec.maximum)}'
    return f'{name}, {most}', text_of(spec.default_value)


def property_rows(factory):
    from gi.repository import GObject, Gst
    element = factory.create()
    for spec in element.list_properties():
        if spec.owner_type != element.__gtype__:
            continue
        kind, default = kind_of(element, spec)
        writable = spec.flags & GObject.ParamFlags.WRITABLE
        notes = [text for text, on in (('read only', not writable), ('controllable', spec.flags & Gst.PARAM_CONTROLLABLE),
                                       ('before PLAYING', writable and not spec.flags & Gst.PARAM_MUTABLE_PLAYING)) if on]
        blurb = spec.blurb.replace('|', '\\|').replace('\n', ' ')
        yield f'| `{spec.name}` | {kind} | {default} | {blurb}{" (" + ", ".join(notes) + ")" if notes else ""} |'


def signal_rows(factory):
    from gi.repository import GObject
    for name in GObject.signal_list_names(factory.get_element_type()):
        query = GObject.signal_query(name, factory.get_element_type())
        if query.itype == factory.get_element_type():
            yield f'`{name}` ({", ".join(t.name for t in query.param_types) or "no arguments"})'


def make_page():
    from gi.repository import Gst
    Gst.init(None)
    page, summary = [], []
    sections = sorted(filter(None, map(read_section, (ROOT / 'gst-plugin').rglob('*.c'))))
    for name, text in sections:
        factory = Gst.ElementFactory.find(name)
        if not factory:  # an optional part that is not built here
            raise SystemExit(f'no element {name}: expected all parts of the plugin in {sys.argv[1]}')
        factory = factory.load()
        page.append(f'## {name}\n\n{text}\n')
        summary.append(f'| [{name}](#{name}) | {factory.get_metadata("description")} |')
        rows, signals = list(property_rows(factory)), list(signal_rows(factory))
        if rows:
            page.append('### Properties\n\n| property | type | default | meaning |\n|---|---|---|---|\n' + '\n'.join(rows) + '\n')
        if signals:
            page.append('### Action signals\n\n' + '\n'.join(f'- {row}' for row in signals) + '\n')
    return '\n'.join([INTRODUCTION.format(elements='\n'.join(summary)), *page])


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    os.environ.update(GST_PLUGIN_PATH=':'.join(sorted({str(path.parent) for path in folder.rglob('libgst*.so')})), GST_REGISTRY=tempfile.mktemp(prefix='cbigan-registry-'), LC_ALL='C.UTF-8')
    import gi
    gi.require_version('Gst', '1.0')
    page = make_page()
    os.unlink(os.environ['GST_REGISTRY'])
    if sys.argv[2:] != ['--check']:
        print(page, end='')
        return 0
    wrong = list(difflib.unified_diff(PAGE.read_text().splitlines(), page.splitlines(), 'docs/elements.md', 'the elements', lineterm=''))
    for line in wrong:
        print('#', line)
    print('not ok 1 - docs/elements.md is out of date: docs/make_elements.py build/gst-plugin > docs/elements.md' if wrong else
          'ok 1 - docs/elements.md')
    print('1..1')
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main())
