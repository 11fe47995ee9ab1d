#!/usr/bin/python3
"""test_readme.py - what the documentation tells people to type works; prints TAP

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: test_readme.py BUILD MAKE_MODEL

In a new folder it makes what the README takes for granted (pictures, a video), then runs each line of its code blocks that
starts with a word of LINES, with the substitutions there: a camera and a window become cbigantestsrc and fakesink, trainings take
a few steps. Besides: the scripts of pipelines/, the two examples, and that every link of the documentation leads somewhere.
"""
import glob
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import Tap  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(sys.argv[1]).resolve()
MAKE_MODEL = pathlib.Path(sys.argv[2]).resolve()  # writes a model that finds holes in cloth of the test's size
FRAMES = 24
CAMERA = f'cbigantestsrc num-buffers={FRAMES} speed=32 defects=0.7 seed=5 ! video/x-raw,width=128,height=128,framerate=25/1'
FEW_STEPS = ' --warmup 3 --steps 2 --force'
LINES = {  # first word of a line: its substitutions
    'gst-launch-1.0': [('v4l2src', CAMERA), ('autovideosink', 'fakesink')],
    'cbigan': [('v4l2src num-buffers=300', CAMERA), (' train ', f' train{FEW_STEPS} ')],
}
# As launch() of pipelines/setup.sh, which says why: the stand-in for the camera isn't live.
LAUNCH = 'gst-launch-1.0() { command gst-launch-1.0 "$@" videotestsrc is-live=true num-buffers=1 ! fakesink async=false; }; '
EXAMPLE = f'{CAMERA} ! cbiganscore model=cloth.safetensors name=score ! fakesink'


def run(command):
    """(output, '' or what is wrong) of a shell command."""
    done = subprocess.run(['bash', '-o', 'pipefail', '-c', LAUNCH + command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=300)
    wrong = f'{command}\nexit status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}'
    return done.stdout, wrong if done.returncode else ''


def need(command):
    wrong = run(command)[1]
    if wrong:
        sys.exit(f'Bail out! {wrong}')


def environment():
    os.environ['PATH'] = f'{BUILD}/trainer:{os.environ["PATH"]}'
    os.environ['GST_PLUGIN_PATH'] = f'{BUILD}/gst-plugin'
    os.environ['GST_REGISTRY'] = f'{os.getcwd()}/registry.bin'
    os.environ['CBIGAN_BUILD'] = str(BUILD)
    for name in ('DISPLAY', 'WAYLAND_DISPLAY'):
        os.environ.pop(name, None)


def make_inputs():
    pictures = ('gst-launch-1.0 -q cbigantestsrc num-buffers={} speed=128 seed={} defects={} ! video/x-raw,width=128,height=128 '
                '! videoconvert ! pngenc ! multifilesink location={}/%02d.png')
    for folder, number, seed, defects in (('good', 24, 1, 0), ('test/good', 4, 2, 0), ('test/hole', 4, 3, 1), ('new', 3, 4, 0)):
        os.makedirs(folder)
        need(pictures.format(number, seed, defects, folder))
    need(f'gst-launch-1.0 -q {CAMERA} ! videoconvert ! vp8enc deadline=1 ! matroskamux ! filesink location=strip.mkv')


def code_lines(page):
    """The lines of shell code blocks, without what follows two blanks and a '#'."""
    for block in re.findall(r'^```sh\n(.*?)^```', (ROOT / page).read_text(), re.DOTALL | re.MULTILINE):
        yield from (re.sub(r'\s+#\s.*', '', line) for line in block.splitlines())


def check_lines(tap, page):
    for line in code_lines(page):
        for old, new in LINES.get(line.split(' ')[0], []):
            line = line.replace(old, new)
        if line.split(' ')[0] in LINES:
            tap.case(f'{page}: {line[:100]}', run(line)[1])


def frames_in(video):
    shutil.copy(video, 'looked-at.mkv')
    output, wrong = run('gst-launch-1.0 -v filesrc location=looked-at.mkv ! matroskademux ! vp8dec ! identity silent=false ! fakesink'
                        ' | grep -c last-message.*chain')
    return wrong or ('' if int(output) == FRAMES else f'{video}: {output.strip()} frames, expected {FRAMES}')


def check_results(tap):
    """What the README's lines leave behind."""
    tap.case('the recording has every frame', frames_in('scored.mkv'))
    tap.case('a heat map of each picture', '' if len(os.listdir('maps')) == 3 else f'maps/ holds {os.listdir("maps")}')


def lines_of(text):
    """'' unless each line is a JSON object of version 1, of at least one"""
    lines = [json.loads(line) for line in text.splitlines()]
    return '' if lines and all(line['version'] == 1 for line in lines) else f'no lines of JSON:\n{text}'


def check_scripts(tap):
    scripts = ROOT / 'pipelines'
    odd = '50% -back\\slash'  # a folder and a model of names that parsers stumble over
    need(f'{MAKE_MODEL} holes.safetensors')
    shutil.copy('holes.safetensors', f'{odd}.safetensors')
    output, wrong = run(f'{scripts}/watch-camera.sh holes.safetensors "{CAMERA}"')
    tap.case('watch-camera.sh', wrong or lines_of(output))
    tap.case('watch-cameras.sh', run(f'{scripts}/watch-cameras.sh cloth.safetensors "{CAMERA}" strip.mkv')[1])
    tap.case('record.sh', run(f'{scripts}/record.sh "{odd}.safetensors" strip.mkv "{odd}"')[1] or frames_in(glob.glob('50*/00000.mkv')[0]))
    tap.case('record-anomalies.sh', run(f'{scripts}/record-anomalies.sh holes.safetensors "{CAMERA}" clips 1')[1] or
             lines_of(open('clips/anomalies.jsonl').read()) or ('' if os.path.exists('clips/00000.mkv') else 'no clip'))
    tap.case('score-folder.sh', run(f'{scripts}/score-folder.sh cloth.safetensors new scored')[1] or (
        '' if len(open('scored/scores.csv').readlines()) == 4 else open('scored/scores.csv').read()))
    for command in ('watch-camera.sh missing.safetensors', 'record.sh cloth.safetensors missing.mkv other',
                    'score-folder.sh cloth.safetensors good scored', 'score-folder.sh cloth.safetensors -d new',
                    'serve-json.sh cloth.safetensors strip.mkv 99999', 'record-anomalies.sh cloth.safetensors strip.mkv other two'):
        wrong = run(f'{scripts}/{command}')[1]
        tap.case(f'{command} is refused', '' if 'exit status 1' in wrong else wrong or 'it was not')
    tap.case('a refused recording leaves no folder', 'other is there' if os.path.exists('other') else '')
    for script in sorted(scripts.glob('*-*.sh')):
        output, wrong = run(f'{script} -h')
        tap.case(f'{script.name} -h', wrong or ('' if f'usage: {script.name}' in output else output or 'it says nothing'))


def check_signals(tap):
    """SIGTERM, as systemd sends it to all processes of a service, ends a recording whose file is complete."""
    command = [str(ROOT / 'pipelines/record.sh'), 'cloth.safetensors', 'cbigantestsrc is-live=true', 'stopped']
    recording = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    deadline = time.monotonic() + 60
    while not os.path.exists('stopped/00000.mkv') and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1)
    os.killpg(recording.pid, signal.SIGTERM)
    output = recording.communicate(timeout=60)[0]
    wrong = run('gst-launch-1.0 -q filesrc location=stopped/00000.mkv ! matroskademux ! vp8dec ! fakesink')[1]
    tap.case('record.sh under SIGTERM', wrong or ('' if os.path.getsize('stopped/00000.mkv') else output or 'an empty file'))


def check_examples(tap):
    in_c, wrong = run(f"{BUILD}/pipelines/examples/print_scores '{EXAMPLE}'")
    tap.case('the C example', wrong or ('' if in_c.count(' normalized ') == FRAMES else f'expected {FRAMES} scores:\n{in_c}'))
    in_python, wrong = run(f"/usr/bin/python3 {ROOT}/pipelines/examples/print_scores.py '{EXAMPLE}'")
    scores = [re.findall(r'score ([0-9.]+) normalized ([0-9.]+) (\w+)', output) for output in (in_c, in_python)]
    tap.case('the Python example reads the same', wrong or ('' if scores[0] == scores[1] else f'C:\n{in_c}\nPython:\n{in_python}'))


def check_links(tap):
    for page in sorted(ROOT.glob('*.md')) + sorted(ROOT.glob('docs/*.md')) + sorted(ROOT.glob('tests/**/*.md')):
        links = [link for link in re.findall(r'\]\(([^)#]+)[^)]*\)', page.read_text()) if '://' not in link]
        missing = [link for link in links if not (page.parent / link).exists()]
        tap.case(f'links of {page.relative_to(ROOT)}', ''.join(f'{link}: no such file\n' for link in missing))


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        environment()
        make_inputs()
        check_lines(tap, 'README.md')
        check_results(tap)
        check_scripts(tap)
        check_signals(tap)
        check_examples(tap)
        check_links(tap)
        os.chdir(ROOT)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
