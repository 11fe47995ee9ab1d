#!/usr/bin/python3
"""test_languages.py - help, errors and gst-inspect-1.0 speak each language of po/LINGUAS, in straight columns; prints TAP

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: test_languages.py CBIGAN PLUGIN_FOLDER PO_FOLDER WRITE_SAMPLE_MODEL
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests'))
import harness  # noqa: E402

CBIGAN, PLUGINS, CATALOGUES, WRITE_SAMPLE_MODEL = (pathlib.Path(argument).resolve() for argument in sys.argv[1:5])
LOCALES = {'de': 'de_DE', 'fr': 'fr_FR', 'es': 'es_ES', 'ja': 'ja_JP', 'zh_CN': 'zh_CN'}
locale_folder = tempfile.TemporaryDirectory()


def translation(language, message):
    """From the catalogue as it was compiled, so as another program sees it"""
    done = subprocess.run(['gettext', '-d', 'cbigan', '--', message], env=environment(language), capture_output=True, text=True, check=True)
    assert done.stdout != message, f'{language}: {message!r} is not translated'
    return done.stdout


def make_locale(language):
    """A real one, as glibc 2.38 and later translate nothing in C.UTF-8"""
    name = LOCALES[language]
    subprocess.run(['localedef', '-i', name, '-f', 'UTF-8', f'{locale_folder.name}/{name}.UTF-8'], check=True, timeout=harness.LIMIT)


def environment(language):
    kept = {name: value for name, value in os.environ.items() if name != 'LANGUAGE'}
    return kept | {'LC_ALL': f'{LOCALES[language]}.UTF-8', 'LOCPATH': locale_folder.name, 'TEXTDOMAINDIR': str(CATALOGUES),
                   'GST_PLUGIN_PATH': str(PLUGINS)}


def said(language, *command):
    done = subprocess.run(command, env=environment(language), capture_output=True, text=True, timeout=harness.LIMIT)
    return done.stdout + done.stderr


def expect(output, text):
    assert re.sub(r'\s+', '', text) in re.sub(r'\s+', '', output), f'{text!r} is not in {output!r}'


def check(language):
    expect(said(language, CBIGAN, 'train', '--help'), translation(language, 'Networks, patches, size of the frames'))
    expect(said(language, CBIGAN, 'score', 'x.png'), translation(language, '--model is missing: the model file'))
    expect(said(language, 'gst-inspect-1.0', 'cbiganscore'), translation(language, 'When messages are posted on the bus'))


def columns(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in 'WF' else 1 for c in text)


def check_columns(language):
    """What `cbigan info` says of a model begins in one column, with and without a label before"""
    with tempfile.TemporaryDirectory() as folder:
        model = pathlib.Path(folder) / 'm.safetensors'
        subprocess.run([WRITE_SAMPLE_MODEL, model], check=True)
        lines = said(language, CBIGAN, 'info', model).splitlines()
    found = {columns(re.match(r'(\S[^:：]*[:：] +| +)\S', line)[1]): line for line in lines}
    assert len(lines) > 8 and len(found) == 1, f'{found}: expected one column'
    expect(lines[1], translation(language, 'Networks:'))


def main():
    tap = harness.Tap()
    for language in (ROOT / 'po/LINGUAS').read_text().splitlines():
        if language.startswith('#'):
            continue
        try:
            make_locale(language)
            check(language)
            check_columns(language)
            tap.case(language)
        except Exception as wrong:
            tap.case(language, str(wrong))
        done = subprocess.run(['msgfmt', '-c', '-o', '/dev/null', ROOT / f'po/{language}.po'], capture_output=True, text=True)
        tap.case(f'{language}: the formats of all messages', done.stderr if done.returncode else '')
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
