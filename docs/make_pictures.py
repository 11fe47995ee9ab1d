#!/usr/bin/python3
"""make_pictures.py - makes the pictures of docs/pictures/ from the cloth of cbigantestsrc and a model of a few seconds

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: make_pictures.py BUILD_FOLDER [--check]
Writes docs/pictures/. With --check it makes the pictures in a temporary folder instead, compares them with those of
docs/pictures/, looks for the pages that show them, and prints TAP.
A new picture is a function with a row in PICTURES. Each gets the folder of pictures, models and scores that prepare()
makes, and the file to write.
"""
import csv
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
SIDE = 256  # pixels
FRAME = f'video/x-raw,width={SIDE},height={SIDE},framerate=25/1'
KINDS = 'missing-yarn', 'stain', 'hole', 'scratch'
GOOD, DEFECTIVE, LINE = '#3b7dd8', '#e8710a', '#444'  # readable on white and on dark pages
LIVE = 'cbigantestsrc num-buffers=1 ! videoconvert ! cbiganscore model=MODEL ! cbiganoverlay ! videoconvert ! fakesink'
ADDS = {'cbigantestsrc': 'or v4l2src: a camera', 'cbiganscore': 'score, verdict, map', 'cbiganoverlay': 'draws the map',
        'fakesink': 'or autovideosink'}


def launch(folder, line):
    """What gst-launch-1.0 writes to standard output; MODEL stands for the model."""
    words = shlex.split(line.replace('MODEL', str(folder / 'cloth.safetensors')))
    return subprocess.run(['gst-launch-1.0', '-q', *words], check=True, stdout=subprocess.PIPE, text=True).stdout


def cbigan(folder, *arguments):
    subprocess.run(['cbigan', *arguments], check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def prepare(folder):
    """Good cloth, a model of it, and the scores of good and defective cloth, as pipelines/demo.sh makes them"""
    def frames(place, number, properties, name=''):
        (folder / place).mkdir(parents=True, exist_ok=True)
        launch(folder, f'cbigantestsrc num-buffers={number} speed={SIDE} {properties} ! {FRAME} ! videoconvert '
                       f'! pngenc compression-level=1 ! multifilesink location={folder / place}/{name}%04d.png')
    for roll in 11, 12, 13, 14:
        frames('good', 15, f'seed={roll}', f'{roll}-')
    frames('test/good', 40, 'seed=2')
    for kind in KINDS:
        frames(f'test/{kind}', 10, f'seed=3 defects=1 kinds={kind}')
    cbigan(folder, 'train', 'good', '--quick', '--preset', 'texture', '--output', 'cloth.safetensors')
    cbigan(folder, 'eval', '--model', 'cloth.safetensors', '--csv', 'scores.csv', 'test')


def threshold_of(folder):
    line = launch(folder, f'cbigantestsrc num-buffers=1 ! {FRAME} ! cbiganscore model=MODEL ! cbiganjson ! fdsink')
    return json.loads(line)['threshold']


class Drawing:
    """An SVG file; lengths in pixels"""
    def __init__(self, width, height):
        self.head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
                     f'font-family="sans-serif" font-size="12">')
        self.parts = [f'<rect width="{width}" height="{height}" fill="white"/>']

    def add(self, part):
        self.parts.append(part)

    def text(self, x, y, text, colour='black', anchor='middle'):
        self.add(f'<text x="{x:g}" y="{y:g}" fill="{colour}" text-anchor="{anchor}">{text}</text>')

    def box(self, x, y, w, h, colour, stroke='none'):
        self.add(f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" fill="{colour}" stroke="{stroke}"/>')

    def line(self, x, y, to_x, to_y, more=''):
        self.add(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" stroke="{LINE}" {more}/>')

    def write(self, path):
        path.write_text('\n'.join([self.head, *self.parts, '</svg>', '']))


def draw_cloth(folder, path):
    """A good piece and one with a hole, as scored, and the second without the overlay"""
    frames = ('seed=2', 'cbiganscore model=MODEL ! cbiganoverlay'), ('seed=3 defects=1 kinds=hole', 'identity'), \
             ('seed=3 defects=1 kinds=hole', 'cbiganscore model=MODEL ! cbiganoverlay')
    gap = 8
    places = ' '.join(f'sink_{i}::xpos={i * (SIDE + gap)}' for i in range(len(frames)))
    inputs = ' '.join(f'cbigantestsrc num-buffers=1 {what} ! {FRAME} ! {how} ! videoconvert ! c.sink_{i}'
                      for i, (what, how) in enumerate(frames))
    launch(folder, f'compositor name=c background=white {places} ! video/x-raw,width={len(frames) * (SIDE + gap) - gap},height={SIDE} '
                   f'! videoconvert ! jpegenc quality=60 snapshot=true ! filesink location={path} {inputs}')


def draw_scores(folder, path):
    """How many good and defective pictures have which normalized score"""
    bins, width, height, left, base = 24, 640, 220, 40, 180
    threshold = threshold_of(folder)
    counts = {True: [0] * bins, False: [0] * bins}
    with open(folder / 'scores.csv', newline='') as file:
        for row in csv.DictReader(file):
            score = float(row['inspector'])
            counts[row['label'] == 'good'][min(int(score / (score + threshold) * bins), bins - 1)] += 1
    drawing = Drawing(width, height)
    step, unit = (width - 2 * left) / bins, (base - 30) / max(a + b for a, b in zip(*counts.values()))
    for i in range(bins):
        x, good, defective = left + i * step, unit * counts[True][i], unit * counts[False][i]
        if good:
            drawing.box(x + 1, base - good, step - 2, good, GOOD)
        if defective:
            drawing.box(x + 1, base - good - defective, step - 2, defective, DEFECTIVE)
    drawing.line(left, base, width - left, base)
    drawing.line(width / 2, 20, width / 2, base, 'stroke-dasharray="4 3"')
    for i in range(5):
        drawing.text(left + i / 4 * (width - 2 * left), base + 16, f'{i / 4:g}')
    drawing.text(width / 2, base + 33, 'normalized score')
    drawing.text(width / 2, 14, 'threshold')
    drawing.text(left, 14, f'{sum(counts[True])} good pictures', GOOD, 'start')
    drawing.text(width - left, 14, f'{sum(counts[False])} defective pictures', DEFECTIVE, 'end')
    drawing.write(path)


def draw_stream(folder, path):
    """The normalized scores of a passing strip over time, and its anomalies"""
    width, height, left, top, base = 640, 200, 40, 24, 160
    lines = launch(folder, f'cbigantestsrc num-buffers=250 speed=6 seed=4 defects=0.4 ! {FRAME} '
                           '! cbiganscore model=MODEL confirm-frames=3 ! cbiganjson ! fdsink').splitlines()
    frames = [json.loads(line) for line in lines]
    drawing = Drawing(width, height)
    seconds = frames[-1]['pts'] / 1e9

    def x_of(frame):
        return left + frame['pts'] / 1e9 / seconds * (width - 2 * left)
    for event in sorted({frame['event_id'] for frame in frames} - {0}):
        of = [frame for frame in frames if frame['event_id'] == event]
        drawing.box(x_of(of[0]), top, max(x_of(of[-1]) - x_of(of[0]), 1), base - top, '#fbdcc4')
        drawing.text((x_of(of[0]) + x_of(of[-1])) / 2, top - 8, f'anomaly {event}', DEFECTIVE)
    points = ' '.join(f'{x_of(frame):.1f},{base - frame["normalized"] * (base - top):.1f}' for frame in frames)
    drawing.add(f'<polyline points="{points}" fill="none" stroke="{GOOD}" stroke-width="1.5"/>')
    drawing.line(left, (top + base) / 2, width - left, (top + base) / 2, 'stroke-dasharray="4 3"')
    drawing.text(left - 6, (top + base) / 2 + 4, '0.5', anchor='end')
    drawing.line(left, base, width - left, base)
    for second in range(0, int(seconds) + 1, 2):
        drawing.text(left + second / seconds * (width - 2 * left), base + 16, f'{second} s')
    drawing.text(width / 2, base + 33, 'normalized score of each frame')
    drawing.write(path)


def draw_pipeline(folder, path):
    """The elements of a pipeline as GStreamer linked them, and the format of the video between them"""
    import gi
    gi.require_version('Gst', '1.0')
    from gi.repository import Gst
    Gst.init(None)
    line = LIVE.replace('MODEL', str(folder / 'cloth.safetensors'))
    pipeline = Gst.parse_launch(line)
    pipeline.set_state(Gst.State.PAUSED)
    assert pipeline.get_state(60 * Gst.SECOND)[0] == Gst.StateChangeReturn.SUCCESS, line
    found = [pipeline.iterate_sources().next()[1]]
    while found[-1].get_static_pad('src'):
        found.append(found[-1].get_static_pad('src').get_peer().get_parent_element())
    wide, gap, height, y = 104, 40, 118, 30
    drawing = Drawing(len(found) * (wide + gap) - gap + 32, height)
    drawing.add('<defs><marker id="tip" markerWidth="7" markerHeight="6" refX="6" refY="3" orient="auto">'
                f'<path d="M0,0 L7,3 L0,6 z" fill="{LINE}"/></marker></defs>')
    for i, element in enumerate(found):
        x, name = 16 + i * (wide + gap), element.get_factory().get_name()
        drawing.box(x, y, wide, 36, '#fbdcc4' if name.startswith('cbigan') else '#eee', LINE)
        drawing.text(x + wide / 2, y + 22, name)
        drawing.text(x + wide / 2, y + 54, ADDS.get(name, ''), LINE)
        if i + 1 < len(found):
            drawing.line(x + wide, y + 18, x + wide + gap, y + 18, 'marker-end="url(#tip)"')
            caps = element.get_static_pad('src').get_current_caps().get_structure(0)
            drawing.text(x + wide + gap / 2, y - 8, caps.get_string('format'), LINE)
        if name == 'cbiganscore':
            drawing.line(x + wide / 2, y + 60, x + wide / 2, y + 72, 'marker-end="url(#tip)"')
            drawing.text(x + wide / 2, y + 84, 'messages on the bus: anomalies begin and end', LINE)
    pipeline.set_state(Gst.State.NULL)
    drawing.write(path)


PICTURES = {'cloth.jpg': draw_cloth, 'scores.svg': draw_scores, 'stream.svg': draw_stream, 'pipeline.svg': draw_pipeline}


def make(folder):
    """Makes all pictures in that folder."""
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        prepare(work)
        for name, draw in PICTURES.items():
            draw(work, folder / name)


def size_of(path):
    """(width, height) of a picture"""
    if path.suffix == '.svg':
        return re.search(r'width="(\d+)" height="(\d+)"', path.read_text()).groups()
    data = path.read_bytes()
    at = data.index(b'\xff\xc0')  # the frame's header
    return int.from_bytes(data[at + 7:at + 9], 'big'), int.from_bytes(data[at + 5:at + 7], 'big')


def pixels_of(path):
    import numpy
    raw = subprocess.run(['gst-launch-1.0', '-q', 'filesrc', f'location={path}', '!', 'jpegdec', '!', 'videoconvert', '!',
                          'video/x-raw,format=RGBx', '!', 'fdsink'], check=True, stdout=subprocess.PIPE).stdout
    return numpy.frombuffer(raw, numpy.uint8).astype(float)


def words_of(path):
    return re.findall(r'<text[^>]*>([^<]*)</text>', path.read_text())


def faults_of(new, old):
    """What is wrong with a picture of docs/pictures/, as messages"""
    if not old.exists():
        return [f'{old} is missing']
    pages = [ROOT / 'README.md', *(ROOT / 'docs').glob('*.md')]
    faults = [] if any(f'pictures/{old.name})' in page.read_text() for page in pages) else ['no page shows it']
    if size_of(new) != size_of(old):
        return faults + [f'it is {size_of(new)} pixels, not {size_of(old)}']
    if old.suffix == '.jpg':
        difference = abs(pixels_of(new) - pixels_of(old)).mean()
        return faults + ([f'it differs by {difference:.2f} grey levels on average, more than 2'] if difference > 2 else [])
    return faults + ([] if words_of(new) == words_of(old) else [f'its text is {words_of(new)}, not {words_of(old)}'])


def check(kept):
    print(f'TAP version 13\n1..{len(PICTURES) + 1}')
    with tempfile.TemporaryDirectory() as folder:
        made = pathlib.Path(folder)
        make(made)
        for i, name in enumerate(PICTURES, 1):
            faults = faults_of(made / name, kept / name)
            print(f'{"not ok" if faults else "ok"} {i} - {name}', *(f'\n# {fault}; docs/make_pictures.py makes it again' for fault in faults))
    others = sorted({path.name for path in kept.iterdir()} - set(PICTURES))
    print(f'{"not ok" if others else "ok"} {len(PICTURES) + 1} - no picture without its maker {others or ""}')


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    os.environ['PATH'] = f'{build}/trainer:{os.environ["PATH"]}'
    os.environ['GST_PLUGIN_PATH'] = f'{build}/gst-plugin'
    kept = ROOT / 'docs/pictures'
    check(kept) if '--check' in sys.argv[2:] else make(kept)


if __name__ == '__main__':
    main()
