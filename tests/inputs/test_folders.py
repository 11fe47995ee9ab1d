#!/usr/bin/env python3
"""test_folders.py - folders and files as people have them, through the program cbigan

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: test_folders.py PROGRAM [TEST…]. Prints TAP. A new test is a function test_*().
"""
import csv, functools, io, os, random, re, resource, shutil, signal, socket, struct, subprocess, sys, tempfile, time
import jpeg_writer as jpeg
from picture_writer import png, pnm

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from harness import LIMIT, run_program, run_tests  # noqa: E402

PROGRAM = os.path.abspath(sys.argv[1])
TINY = '--preset texture --width 1 --batch 4 --warmup-steps 3 --steps 2 --threads 1'.split()
made = tempfile.mkdtemp(prefix='cbigan-folders-model-')


def run(*arguments, **options):
    """What the program prints; the options are run_program()'s."""
    return run_program(PROGRAM, *arguments, **options)[0]


def write(path, data):
    os.makedirs(os.path.dirname(path) or b'.' if isinstance(path, bytes) else os.path.dirname(path) or '.', exist_ok=True)
    with open(path, 'wb') as file:
        file.write(data)


@functools.cache
def noise(seed, side=64):
    dice = random.Random(seed)
    return [[(90 + dice.randrange(60),) * 3 for _ in range(side)] for _ in range(side)]


def pictures(folder, n, seed=0):
    for i in range(n):
        write(f'{folder}/{i:03}.ppm', pnm(noise(seed + i), 6))


@functools.cache
def model():
    here = os.getcwd()
    os.chdir(made)
    pictures('good', 8)
    run('train', 'good', '-o', 'model', *TINY)
    os.chdir(here)
    return f'{made}/model'


def score(*files, rows=None, **options):
    """The rows, as dictionaries."""
    found = list(csv.DictReader(io.StringIO(run('score', '--model', model(), *files, **options), newline='')))
    assert rows is None or len(found) == rows, f'{files}: {len(found)} rows, expected {rows}: {found}'
    return found


def evaluate(folder, good, kinds):
    out = run('eval', '--model', model(), folder)
    assert f'{good} good pictures, {sum(kinds.values())} defective' in out, out
    found = dict(re.findall(r'^(\S+) +(\d+) ', out, re.MULTILINE))
    for kind, n in kinds.items():
        assert found.get(kind) == str(n), (kind, n, out)


def train(folder, n, *words, output='m'):
    run('train', folder, '-o', output, '--force', *TINY, error=[f'training with {n} pictures', *words])


def refuse_training(folder, *words):
    run('train', folder, '-o', 'm', *TINY, code=1, error=words)
    assert not os.path.exists('m')


def test_names_of_good_folders():
    for i, name in enumerate(['Good', 'OK', 'normal', 'defect-free']):
        pictures(f'a{i}/{name}', 6)
        pictures(f'a{i}/scratch', 2, 50)
        evaluate(f'a{i}', 6, {'scratch': 2})
        train(f'a{i}', 6, f'good pictures from a{i}/{name}')


def test_labels_are_first_folders():
    pictures('set/test/good', 2)
    pictures('set/test/good/retake', 2, 10)
    pictures('set/test/hole/small', 2, 20)
    pictures('set/test/hole/large', 1, 30)
    evaluate('set', 4, {'hole': 3})


def test_mvtec_3d():
    for kind, n in ('good', 2), ('hole', 2):
        pictures(f'set/test/{kind}/rgb', n)
        pictures(f'set/test/{kind}/gt', n, 10)
        pictures(f'set/test/{kind}/xyz', n, 20)
    pictures('set/train/good/rgb', 6)
    pictures('set/train/good/xyz', 6, 20)
    evaluate('set', 2, {'hole': 2})
    train('set', 6)


def test_btad():
    pictures('set/train/ok', 6)
    pictures('set/test/ok', 2, 20)
    pictures('set/test/ko', 3, 30)
    pictures('set/ground_truth/ko', 3, 40)
    evaluate('set', 2, {'ko': 3})
    train('set', 6, 'set/train/ok')


def test_visa():
    pictures('set/Data/Images/Normal', 6)
    pictures('set/Data/Images/Anomaly', 2, 30)
    pictures('set/Data/Masks/Anomaly', 2, 40)
    write('set/image_anno.csv', b'image,label\n')
    evaluate('set', 6, {'Anomaly': 2})
    train('set', 6, 'set/Data/Images/Normal')


def test_what_training_does_not_take():
    pictures('a/test/hole', 6)
    pictures('a/other', 6, 10)
    refuse_training('a', 'a/test')
    pictures('b/ko', 6)
    pictures('b/monday', 6, 10)
    refuse_training('b', 'b/ko')
    pictures('c/train', 6)
    pictures('c/test/good', 6, 10)
    train('c', 6, 'c/train')
    pictures('d/good', 6)
    pictures('d/good/deep_scratch', 3, 10)
    pictures('d/good/Test', 3, 20)
    train('d', 6, 'left out', 'deep_scratch', 'Test')
    train('b/ko', 6, 'b/ko itself')
    pictures('e/monday', 3)
    pictures('e/tuesday', 3, 10)
    train('e', 6, 'monday 3', 'tuesday 3')
    run('calibrate', '--model', model(), '-o', 'm2', 'a', code=1, error=['a/test'])
    pictures('f/train/all', 6)
    run('eval', '--model', model(), 'f', code=1, error=['f/train', 'none called test'])


def test_folders_of_masks():
    for i, name in enumerate(['ground_truth', 'GroundTruth', 'gt', 'mask', 'Masks']):
        pictures(f's{i}/good', 2)
        pictures(f's{i}/hole', 2, 10)
        pictures(f's{i}/{name}/hole', 2, 20)
        evaluate(f's{i}', 2, {'hole': 2})
    for name in 'part', 'part_mask', 'part_GT', 'alone_mask':
        write(f'beside/{name}.ppm', pnm(noise(1), 6))
    score('beside', rows=2, error=['masks beside pictures 2'])


def test_names_of_files():
    names = ['100%d %s %n.ppm', 'a\nb.ppm', '-rf.ppm', ' .ppm', '"quoted", x.ppm', "it's.ppm", 'ä€😀.ppm', 'no-extension',
             '*?[a].ppm', '$(id).ppm', 'x' * 251 + '.ppm', '! fakesink.ppm', 'a\\b.ppm']
    for name in names:
        write(f'odd/{name}', pnm(noise(1), 6))
    write(b'odd/\xff\xfe.ppm', pnm(noise(1), 6))
    found = score('--heatmap', 'maps', 'odd', rows=len(names) + 1)
    assert {row['path'] for row in found} == {f'odd/{name}' for name in names} | {'odd/\udcff\udcfe.ppm'}, found
    assert len(os.listdir('maps')) == len(names) + 1, os.listdir('maps')
    os.chdir('odd')
    score('--', '-rf.ppm', rows=1)


def test_what_lies_beside_pictures():
    pictures('set', 3)
    for name, data in {'Thumbs.db': b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1' * 99, '.DS_Store': b'\0\0\0\1Bud1' * 9, 'notes.txt': b'P2 is good\n',
                       'a.xml': b'<?xml version="1.0"?><a/>', 'b.json': b'{}', 'c.csv': b'a,b\n', 'd.pdf': b'%PDF-1.4\n',
                       'e.zip': b'PK\3\4' + b'\0' * 60, 'f.npy': b'\x93NUMPY\1\0' + b'\0' * 200, 'empty': b'', 'g.txt': b'BM me\n',
                       '._000.ppm': b'\0\5\x16\7', 'h.mp3': b'ID3\3\0' + b'\0' * 300, 'i.py': b'#!/usr/bin/python3\n'}.items():
        write(f'set/{name}', data)
    write('set/.cache/x.ppm', pnm(noise(9), 6))
    score('set', rows=3, error=['left out', '.txt 2', '.db 1', 'hidden'])
    os.mkdir('none')
    run('score', '--model', model(), 'none', code=1, error=['none', '0 files'])
    run('score', '--model', model(), 'missing.png', code=1, error=['missing.png', 'No such file'])


def test_links_and_special_files():
    pictures('set/a', 3)
    os.symlink('..', 'set/a/up')
    os.symlink('a', 'set/b')
    os.symlink('../..', 'set/a/out')
    os.symlink('000.ppm', 'set/a/again.ppm')
    os.symlink('nowhere', 'set/a/broken.png')
    os.symlink('/dev/zero', 'set/zero.png')
    os.link('set/a/001.ppm', 'set/a/hard.ppm')
    os.mkfifo('set/a/pipe.png')
    listener = socket.socket(socket.AF_UNIX)
    listener.bind('set/a/socket.png')
    pictures('elsewhere', 2, 20)
    os.symlink('../elsewhere', 'set/elsewhere')
    found = score('set', rows=5, error=['broken.png', 'links to what is there already 5', 'FIFOs, devices or sockets 3'])
    assert {row['path'].split('/')[1] for row in found} == {'a', 'elsewhere'}, found
    for name in 'a/pipe.png', 'zero.png', 'a/socket.png':
        run('score', '--model', model(), f'set/{name}', code=1, error=[name])
    listener.close()


def test_damaged_pictures():
    pictures('set', 6)
    whole = jpeg.encode([[[p[0] for p in row] for row in noise(1)]])
    for name, data in {'x.jpg': whole[:-40], 'x.png': png(noise(1))[:-30], 'empty.png': b'', 'text.png': b'no picture'}.items():
        write(f'set/{name}', data)
        train('set', 6, f'warning: skipped set/{name}')
        for command in ['score', '--model', model(), 'set'], ['train', 'set', '-o', 'strict', *TINY]:
            run(*command, '--strict', code=1, error=[f'set/{name}'])
        assert not os.path.exists('strict')
        os.remove(f'set/{name}')


def test_one_bad_picture_costs_one_row():
    pictures('set/good', 19)
    write('set/good/010.ppm', pnm(noise(1, 48), 6))
    pictures('set/hole', 2, 50)
    assert 'set/good/010.ppm' not in [row['path'] for row in score('set/good', rows=18, error=['010.ppm: 48x48', '64x64'])]
    evaluate('set', 18, {'hole': 2})
    train('set', 18, '010.ppm: 48x48')
    run('calibrate', '--model', model(), '-o', 'm2', 'set', error=['010.ppm: 48x48', 'calibrated on 18'])
    run('score', '--model', model(), '--strict', 'set', code=1, error=['010.ppm'])


def little_memory():
    resource.setrlimit(resource.RLIMIT_AS, (2500000 << 10, 2500000 << 10))


def test_memory_that_can_not_be_had():
    pictures('set', 2)
    write('set/001a.png', png([[(0, 0, 0)] * 8] * 8, 0, 1).replace(struct.pack('>II', 8, 8), struct.pack('>II', 16000, 16000)))
    write('set/b.bmp', b'BM' + struct.pack('<IHHIIiiHHIIiiII', 54, 0, 0, 54, 40, 2**31 - 1, 2**31 - 1, 1, 24, 0, 0, 0, 0, 0, 0))
    found = score('set', rows=2, error=['001a.png', '16000x16000', 'b.bmp'], preexec_fn=little_memory)
    assert [row['path'] for row in found] == ['set/000.ppm', 'set/001.ppm'], found


def avi(data):
    """An AVI file that is cut within its header."""
    return b'RIFF' + struct.pack('<I', 9000) + b'AVI LIST' + struct.pack('<I', 8000) + b'hdrlavih' + struct.pack('<I', 56) + data


def test_broken_containers():
    pictures('.', 1)
    write('a.avi', avi(b'\0' * 20))
    write('b.mp4', struct.pack('>I', 24) + b'ftypisom\0\0\2\0isomiso2' + struct.pack('>I', 4008) + b'mdat' + b'\0' * 4000)
    write('c.mkv', b'\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska' + b'\x18\x53\x80\x67\x01' + b'\xff' * 7)
    for name in 'a.avi', 'b.mp4', 'c.mkv':
        for _ in range(2):
            start = time.monotonic()
            score('000.ppm', name, rows=1, code=1, error=[name])
            assert time.monotonic() - start < 60, f'{name}: {time.monotonic() - start} s'


def test_orientation_of_video():
    write('x.png', png([row[:32] for row in noise(1)]))
    subprocess.run('gst-launch-1.0 -q filesrc location=x.png ! pngdec ! videoconvert ! pngenc ! qtmux ! filesink location=x.mov'.split(),
                   check=True, capture_output=True)
    data = open('x.mov', 'rb').read()
    at = data.index(b'tkhd') + 4 + 40
    identity, quarter = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000], [0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000]
    assert list(struct.unpack('>9i', data[at:at + 36])) == identity, data[at:at + 36]
    write('turned.mov', data[:at] + struct.pack('>9i', *quarter) + data[at + 36:])
    # 32 x 64 pixels are too narrow for the model, 64 x 32 too flat: the message tells how they were turned.
    score('x.mov', rows=0, code=1, error=['32x64'])
    score('turned.mov', rows=0, code=1, error=['64x32'])


def test_names_of_heat_maps():
    gray = [[[p[0] for p in row] for row in noise(1)]]
    for name, data in {'part.png': png(noise(1)), 'part.jpg': jpeg.encode(gray), 'part.ppm': pnm(noise(1), 6), 'a/b/x.png': png(noise(2)),
                       'a_b/x.png': png(noise(3)), 'a/b_x.png': png(noise(4)), 'a.b/x': png(noise(4)), 'part.jpg.png': png(noise(5))}.items():
        write(f'set/{name}', data)
    score('--heatmap', 'maps', 'set', rows=8)
    assert len(os.listdir('maps')) == 8, os.listdir('maps')
    before = {name: open(name, 'rb').read() for name in ('a.png', 'b.ppm') if not write(name, png(noise(7)))}
    score('--heatmap', '.', 'a.png', rows=1)
    assert open('a.png', 'rb').read() == before['a.png'], 'a heat map lies over its picture'
    assert os.path.exists('a.png.png'), os.listdir('.')


def test_heat_maps_are_not_scored():
    pictures('set', 3)
    score('--heatmap', 'set/maps', 'set', rows=3)
    score('--heatmap', 'set/maps', 'set', rows=3, error=['heat maps of cbigan score 3'])
    assert len(os.listdir('set/maps')) == 3
    score('set/maps/set_000.png', rows=1)


def test_long_paths_of_heat_maps():
    folder = '/'.join(f'a-very-long-name-of-a-folder-{i}-of-a-line-and-of-a-shift' for i in range(6))
    pictures(f'set/{folder}', 3)
    write('set/zz.ppm', pnm(noise(9), 6))
    score('--heatmap', 'maps', 'set', rows=4)
    assert len(os.listdir('maps')) == 4, os.listdir('maps')


def small_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


def test_heat_maps_that_can_not_be_written():
    pictures('set', 3)
    score('--heatmap', 'maps', 'set', rows=3, code=1, error=['no heat map of set/000.ppm', 'no heat map of set/002.ppm'],
          preexec_fn=small_files, restore_signals=False)
    score('--heatmap', '/dev/null/maps', 'set', rows=0, code=1, error=['/dev/null/maps'])


def test_interrupt_leaves_whole_rows():
    pictures('set', 150)
    for number in signal.SIGINT, signal.SIGTERM:
        with open('rows.csv', 'w') as rows:
            process = subprocess.Popen([PROGRAM, 'score', '--model', model(), '--threads', '1', 'set'], stdout=rows,
                                       stderr=subprocess.DEVNULL)
            end = time.monotonic() + LIMIT
            while os.path.getsize('rows.csv') < 900 and time.monotonic() < end:
                time.sleep(0.001)
            process.send_signal(number)
            process.wait(timeout=LIMIT)
        lines = open('rows.csv').read().split('\n')
        assert lines[-1] == '' and len(lines) > 2 and all(line.count(',') == lines[0].count(',') for line in lines[:-1]), lines[-3:]


def test_byte_order_mark():
    write('p.launch', b'\xef\xbb\xbfvideotestsrc pattern=ball num-buffers=12 ! video/x-raw,format=I420,width=96,height=80\n')
    run('train', '--pipeline', 'p.launch', '-o', 'm', *TINY, error=['12 pictures'])


def test_pictures_that_do_not_differ():
    for i in range(8):
        write(f'same/{i}.png', png(noise(1)))
    refuse_training('same', '7 of 8', 'copies')
    run('calibrate', '--model', model(), '-o', 'm', 'same', code=1, error=['copies'])
    pictures('two', 8)
    write('two/copy.png', png(noise(3)))
    noisy = [[(min(255, p[0] + (x + y) % 2),) * 3 for x, p in enumerate(row)] for y, row in enumerate(noise(5))]
    write('two/nearly.png', png(noisy))
    train('two', 10, '1 of 10 pictures is a copy of another', '1 of 10 pictures is nearly a copy', 'nearly.png')
    for i in range(8):
        dice = random.Random(i)
        write(f'dark/{i}.png', png([[(dice.randrange(2),) * 3 for _ in range(64)] for _ in range(64)]))
    train('dark', 8, '8 of 8 pictures show nothing')


if __name__ == '__main__':
    os.environ.update(LC_ALL='C.UTF-8', LANGUAGE='C', OMP_WAIT_POLICY='passive')
    try:
        sys.exit(run_tests(globals(), sys.argv[2:]))
    finally:
        shutil.rmtree(made)
