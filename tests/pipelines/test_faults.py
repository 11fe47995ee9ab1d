#!/usr/bin/python3
"""test_faults.py - full disks, frames and options beyond the memory, readers that stop, examples on the bus, RTSP and HLS; prints TAP

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: test_faults.py BUILD MAKE_MODEL [TEST…]. A new test is a function test_*().
"""
import json
import os
import pathlib
import re
import resource
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import Skip, run_tests  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(sys.argv[1]).resolve()
MAKE_MODEL = pathlib.Path(sys.argv[2]).resolve()
LIMIT = 120  # seconds until a run counts as hanging
MEMORY = 900 << 20  # bytes of address space where a test limits them
CAMERA = 'cbigantestsrc num-buffers={} speed=32 defects=0.7 seed=5 ! video/x-raw,width=128,height=128,framerate=25/1'
SCORE = 'cbiganscore model=cloth.safetensors mode=sync qos=false'


def make_model():
    subprocess.run([MAKE_MODEL, 'cloth.safetensors'], check=True)


def launch(description, **options):
    return subprocess.run(['gst-launch-1.0', '-q', *description.split()], capture_output=True, text=True, timeout=LIMIT, **options)


def cbigan(*arguments):
    return subprocess.run([BUILD / 'trainer/cbigan', *arguments], capture_output=True, text=True, timeout=LIMIT, preexec_fn=limit_memory)


def make_pictures(folder):
    os.makedirs(folder)
    launch(f'cbigantestsrc num-buffers=8 seed=3 ! video/x-raw,width=256,height=256 ! videoconvert ! pngenc ! multifilesink location={folder}/%d.png')


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def write_huge(path):
    """The model of make_model() for frames of 16384x16384 pixels: a valid file of less than a megabyte."""
    data = pathlib.Path('cloth.safetensors').read_bytes()
    length = struct.unpack('<Q', data[:8])[0]
    header = json.loads(data[8:8 + length])
    header['__metadata__']['cbigan.frame'] = '16384x16384'
    text = json.dumps(header).encode()
    pathlib.Path(path).write_bytes(struct.pack('<Q', len(text)) + text + data[8 + length:])


def test_frame_beyond_memory():
    """One error of the element, which says that memory is missing; the program's message is one too."""
    make_model()
    write_huge('huge.safetensors')
    launch('videotestsrc num-buffers=1 ! pngenc ! filesink location=one.png')  # and GStreamer has its list of plugins
    done = launch('videotestsrc num-buffers=1 ! videoconvert ! cbiganscore model=huge.safetensors mode=sync ! fakesink', preexec_fn=limit_memory)
    errors = re.findall(r'^ERROR: from element .*GstCbiganScore:.*', done.stderr, re.M)
    assert done.returncode == 1 and len(errors) == 1 and 'out of memory' in errors[0], done
    assert 'GLib' not in done.stderr, done
    done = cbigan('score', '--model', 'huge.safetensors', 'one.png')
    assert done.returncode == 1 and len(re.findall('memory', done.stderr)) == 1 and 'one.png' in done.stderr, done


def test_options_beyond_memory():
    """Sizes that options give: an error, no signal."""
    make_pictures('good')
    train = ['train', 'good', '--output', 'model.safetensors']
    for options in (['--frame', '16384x16384', '--align', 'off'], ['--frame', '16384x16384', '--align', 'off', '--quick'],
                    ['--frame', '3072x3072', '--align', 'off', '--quick'],
                    ['--preset', 'texture', '--frame', '16384x16384'], ['--batch', '4096'], ['--width', '64', '--batch', '1024'],
                    ['--score', 'critic', '--batch', '4096'], ['--score', 'critic', '--width', '64', '--batch', '512', '--patch', '128']):
        done = cbigan(*train, *options)
        assert done.returncode == 1 and 'memory' in done.stderr and 'GLib' not in done.stderr, (options, done)


def test_full_disk_behind_gate():
    """The run ends with an error that says so, while an anomaly is on and frames are held."""
    make_model()
    done = launch(f'{CAMERA.format(60)} ! {SCORE} ! cbigangate pre-roll=200 ! filesink location=/dev/full buffer-mode=unbuffered')
    assert done.returncode == 1, done
    assert re.search('space|No space left', done.stderr), done.stderr


def test_full_disk_beside_gate():
    """Behind splitmuxsink, which writes one clip per anomaly."""
    make_model()
    done = launch(f'{CAMERA.format(60)} ! {SCORE} ! videoconvert ! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=5 ! cbigangate '
                  '! splitmuxsink muxer-factory=matroskamux location=/dev/full')
    assert done.returncode == 1 and 'ERROR' in done.stderr and '/dev/full' in done.stderr + done.stdout, done


def test_reader_that_stops():
    """Who stops reading the lines of JSON holds up no other branch, and finds whole lines when reading again."""
    make_model()
    frames = 600
    line = (f'{CAMERA.format(frames)} ! {SCORE} ! tee name=t t. ! queue ! filesink location=video.raw '
            't. ! queue leaky=downstream max-size-buffers=8 ! cbiganjson ! fdsink fd=1')
    process = subprocess.Popen(['gst-launch-1.0', '-q', *line.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + LIMIT
        # The video is complete although more lines than a pipe holds (64 KiB) wait for the reader.
        while time.monotonic() < deadline and (not os.path.exists('video.raw') or
                                               os.path.getsize('video.raw') < frames * 128 * 128 * 3):
            time.sleep(0.2)
            assert process.poll() is None, process.stderr.read()
        assert os.path.getsize('video.raw') >= frames * 128 * 128 * 3
        lines = process.communicate(timeout=LIMIT)[0].decode().splitlines()
    finally:
        process.kill()
    assert process.returncode == 0 and 0 < len(lines) < frames, (process.returncode, len(lines))
    for text in lines:
        json.loads(text)


def test_examples():
    """The C and the Python example print the same events, each begin with its end."""
    make_model()
    line = f'{CAMERA.format(60)} ! {SCORE} hold=0 ! fakesink'
    said = [subprocess.run([*command, line], capture_output=True, text=True, timeout=LIMIT) for command in (
        [BUILD / 'pipelines/examples/watch_events'], ['/usr/bin/python3', ROOT / 'pipelines/examples/watch_events.py'])]
    assert said[0].returncode == 0 and said[0].stdout == said[1].stdout, said
    begins, ends = re.findall(r'^begin (\d+) score [\d.]+ at ', said[0].stdout, re.M), re.findall(r'^end (\d+) peak', said[0].stdout, re.M)
    assert begins and begins == ends, said[0].stdout
    for command in ([BUILD / 'pipelines/examples/watch_events'], ['/usr/bin/python3', ROOT / 'pipelines/examples/watch_events.py']):
        done = subprocess.run([*command, 'videotestsrc ! cbiganscore model=missing ! fakesink'], capture_output=True, text=True, timeout=LIMIT)
        assert done.returncode == 1 and 'missing' in done.stderr, done


def test_examples_live():
    """A live pipeline whose latency changes goes on, and SIGINT ends it with the end of its anomaly."""
    make_model()
    line = (f'{CAMERA.replace("num-buffers={}", "is-live=true")} ! cbiganscore model=cloth.safetensors mode=sync threshold=0 '
            '! fakesink sync=true')
    for command in ([BUILD / 'pipelines/examples/watch_events'], ['/usr/bin/python3', ROOT / 'pipelines/examples/watch_events.py']):
        process = subprocess.Popen([*command, line], stdout=subprocess.PIPE, text=True)
        first = process.stdout.readline()
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=LIMIT)[0]
        assert process.returncode == 0 and first.startswith('begin 1') and rest.startswith('end 1'), (first, rest)


def stop(*processes):
    """What each of these still running or ended processes has said"""
    said = []
    for process in processes:
        process.kill()
        said.append((process.args, process.communicate()))
    return said


def test_serve_rtsp():
    """A client of the server gets pictures, the server ends beside it; a bad model and a bad port are named."""
    make_model()
    script = ROOT / 'pipelines/serve-rtsp.py'
    for arguments, word in ((['missing.safetensors'], 'missing.safetensors'), (['cloth.safetensors', '--port', '70000'], '70000')):
        done = subprocess.run([script, *arguments], capture_output=True, text=True, timeout=LIMIT)
        assert done.returncode == 1 and word in done.stderr, done
    assert 'usage: serve-rtsp.py' in subprocess.run([script, '-h'], capture_output=True, text=True).stdout
    server = subprocess.Popen([script, 'cloth.safetensors', CAMERA.replace('num-buffers={}', 'is-live=true'), '--port', '0'],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    client = None
    try:
        address = server.stdout.readline().strip()
        if not address and 'gir1.2-gst-rtsp-server-1.0' in server.stderr.read():
            raise Skip('no gir1.2-gst-rtsp-server-1.0')
        line = f'rtspsrc location={address} protocols=tcp ! rtpvp8depay ! vp8dec ! filesink buffer-mode=unbuffered location=seen.raw'
        client = subprocess.Popen(['gst-launch-1.0', '-q', *line.split()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        deadline = time.monotonic() + LIMIT
        while not os.path.exists('seen.raw') or os.path.getsize('seen.raw') < 5 * 128 * 128 * 3 // 2:
            assert client.poll() is None and server.poll() is None and time.monotonic() < deadline, stop(client, server)
            time.sleep(0.1)
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=LIMIT) == 0, server.stderr.read()
    finally:
        server.kill()
        if client:
            client.kill()


def has(element):
    return subprocess.run(['gst-inspect-1.0', '--exists', element]).returncode == 0


def test_serve_hls():
    """The playlist names segments, each of which decodes; SIGTERM completes it."""
    decoder = next((name for name in ('avdec_h264', 'openh264dec') if has(name)), None)
    if not decoder or not has('hlssink2') or not (has('x264enc') or has('openh264enc')):
        raise Skip('no hlssink2, or no encoder or decoder of H.264')
    make_model()
    server = subprocess.Popen([ROOT / 'pipelines/serve-rtsp.py', 'cloth.safetensors', CAMERA.replace('num-buffers={}', 'is-live=true'),
                               '--hls', 'live'], stdout=subprocess.PIPE, text=True)
    try:
        playlist = pathlib.Path(server.stdout.readline().strip())
        assert playlist == pathlib.Path('live/live.m3u8').resolve(), playlist
        deadline = time.monotonic() + LIMIT
        while not playlist.exists() or len(re.findall(r'^part\d+\.ts$', playlist.read_text(), re.M)) < 2:
            assert server.poll() is None and time.monotonic() < deadline, 'no two segments'
            time.sleep(0.2)
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=LIMIT) == 0
    finally:
        server.kill()
    lines = playlist.read_text().splitlines()
    assert lines[0] == '#EXTM3U' and lines[-1] == '#EXT-X-ENDLIST', lines
    frames = 0
    for segment in [line for line in lines if line.endswith('.ts')][:2]:
        done = launch(f'filesrc location=live/{segment} ! tsdemux ! h264parse ! {decoder} ! videoconvert ! video/x-raw,format=I420 '
                      '! filesink location=seen.raw')
        assert done.returncode == 0, done
        frames += os.path.getsize('seen.raw') // (128 * 128 * 3 // 2)
    assert frames > 25, frames  # each is two seconds, fewer frames on a machine with other work


if __name__ == '__main__':
    os.environ.update(LC_ALL='C.UTF-8', LANGUAGE='C', GST_PLUGIN_PATH=f'{BUILD}/gst-plugin', GST_REGISTRY=f'{BUILD}/faults-registry.bin')
    sys.exit(run_tests(globals(), sys.argv[3:]))
