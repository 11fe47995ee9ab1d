"""peer_loop.py - one peer at one setting scores the same frame again and again, on command, for peers.py, gpu_peers.py

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: peer_loop.py PROGRAM SETTING WIDTH PATCH PATCHES first|hidden THREADS MODEL.onnx [DEVICE] < commands
PATCHES: of a side of the frame, or COLUMNSxROWS; DEVICE: PyTorch's, such as "cuda".
Speaks as score_loop.c does: "ready PIXEL_TERM FEATURE_TERM", then the milliseconds of a call for each line. With an empty
PROGRAM and SETTING it writes MODEL.onnx and ends.
"""
import pathlib
import sys
import time
import warnings

import peer_settings

ROOT = pathlib.Path(__file__).resolve().parents[2]


def grid(patches):
    """(columns, rows) of a frame"""
    columns, _, rows = str(patches).partition('x')
    return int(columns), int(rows or columns)


def frame(width, height):
    """The pixels of bench.h's bench_pixels()."""
    import numpy as np
    state, pixels = 1, bytearray(width * height * 3)
    for i in range(len(pixels)):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        pixels[i] = state >> 24
    return np.frombuffer(bytes(pixels), np.uint8).reshape(height, width, 3)


def cut(pixels, patch):
    """(n, 3, patch, patch) floats in -1..1"""
    import numpy as np
    rows, columns = pixels.shape[0] // patch, pixels.shape[1] // patch
    patches = pixels.reshape(rows, patch, columns, patch, 3).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(patches.reshape(-1, 3, patch, patch).astype(np.float32) / 127.5 - 1)


def score_module(width, patch, tap):
    """Eq. 7's two terms as a PyTorch module, with the golden tests' weights."""
    import torch
    sys.path.insert(0, str(ROOT / 'tests' / 'golden'))
    import networks

    class Score(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.generator, self.discriminator = networks.make(width, patch)
            self.features = self.discriminator.first_tap if tap == 'first' else self.discriminator.hidden_tap

        def forward(self, x):
            z = self.encoder(x)
            y = self.generator(z)
            return (self.norm(x - y), self.norm(self.features(x, z) - self.features(y, z)))

        @staticmethod
        def norm(difference):
            return difference.abs().flatten(1).sum(1, dtype=torch.float32)  # more than fp16 can hold

    return Score().eval()


def write_onnx(module, patches, path):
    import torch
    warnings.filterwarnings('ignore', category=DeprecationWarning)  # the exporter without dynamo needs no more packages
    torch.onnx.export(module, (torch.from_numpy(patches),), path, input_names=['x'], output_names=['pixel', 'feature'],
                      dynamo=False)


def serve(run):
    pixel, feature = (term.reshape(-1) for term in run())
    worst = (0.9 * pixel + 0.1 * feature).argmax()  # Eq. 7: the patch that decides
    print('ready', float(pixel[worst]), float(feature[worst]), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        run()
        print(1000 * (time.perf_counter() - start), flush=True)


def main():
    program, setting, width, patch, of_frame, tap, threads, path, *device = sys.argv[1:]
    width, patch = int(width), int(patch)
    patches = cut(frame(*(patch * n for n in grid(of_frame))), patch)
    if not program:
        write_onnx(score_module(width, patch, tap), patches, path)
        return
    job = peer_settings.Job(lambda: score_module(width, patch, tap), path, patches, int(threads),
                            device[0] if device else 'cpu')
    try:
        run = {**peer_settings.PROGRAMS, **peer_settings.GPU_PROGRAMS}[program][setting](job)
        run()
    except Exception as error:  # a compiler that is missing, an option that this version does not know
        sys.exit(str(error) or type(error).__name__)
    serve(run)


if __name__ == '__main__':
    main()
