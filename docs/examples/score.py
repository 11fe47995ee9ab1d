#!/usr/bin/python3
"""score.py - all scores of a CBiGAN for one picture, computed from the model file alone, as docs/model-format.md says

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: score.py MODEL PICTURE.ppm
MODEL is a CBiGAN; inspector.py computes the score of an inspector. The picture has the size of the model's frames, or of a
model for frames of any size any; `gst-launch-1.0 filesrc location=P.png ! decodebin ! videoconvert ! pnmenc ! filesink
location=P.ppm` makes one. Prints a line per score: its name and number. Needs numpy only.
"""
import json
import re
import sys

import numpy as np


def read_model(path):
    data = open(path, 'rb').read()
    length = int.from_bytes(data[:8], 'little')
    header = json.loads(data[8:8 + length])
    keys = {name.removeprefix('cbigan.'): text for name, text in header.pop('__metadata__').items()}
    return keys, {name: np.frombuffer(data, '<f4', -1, 8 + length)[t['data_offsets'][0] // 4:t['data_offsets'][1] // 4]
                  .reshape(t['shape']) for name, t in header.items()}


def read_ppm(path):
    data = open(path, 'rb').read()
    header = re.match(rb'P6\s+(\d+)\s+(\d+)\s+255\s', data)  # one blank: the pixels may begin with a byte like it
    assert header, f'{path}: expected a binary PPM of 8 bits'
    return np.frombuffer(data, np.uint8, -1, header.end()).reshape(int(header[2]), int(header[1]), 3)


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


def conv(x, weight):  # x (C, H, W), zeros around it
    k, (c, h, w) = weight.shape[2], x.shape
    x = np.pad(x, ((0, 0), (k // 2, k // 2), (k // 2, k // 2)))
    return sum(np.tensordot(weight[:, :, i, j], x[:, i:i + h, j:j + w], 1) for i in range(k) for j in range(k))


def upsample(x):  # bilinear, twice the size, centres of pixels half a pixel from the corner
    for axis in (1, 2):
        n = x.shape[axis]
        near = [x.take(np.clip(np.arange(n) + d, 0, n - 1), axis) for d in (-1, 0, 1)]
        pair = [.25 * near[0] + .75 * near[1], .25 * near[2] + .75 * near[1]]
        x = np.stack(pair, axis + 1).reshape([2 * n if a == axis else s for a, s in enumerate(x.shape)])
    return x


def block(t, name, x, resample):
    x = upsample(x) if resample == 'double' else x
    y = leaky(conv(x, t[name + '.conv0.weight']))
    y = leaky(conv(y, t[name + '.conv1.weight']))
    y = conv(y, t[name + '.conv2.weight']) + t[name + '.conv2.bias'][:, None, None]
    y = leaky(y + conv(x, t[name + '.skip.weight']))
    return y.reshape(len(y), y.shape[1] // 2, 2, y.shape[2] // 2, 2).mean((2, 4)) if resample == 'halve' else y


def encode(t, x):
    for i in range(6):
        x = block(t, f'encoder.block{i}', x, 'halve' if i < 5 else '')
    return t['encoder.latent.weight'] @ leaky(t['encoder.hidden.weight'] @ x.ravel()) + t['encoder.latent.bias']


def generate(t, z, patch):
    x = (t['generator.seed.weight'] @ z).reshape(-1, 2, 2)
    for i in range(6):
        x = block(t, f'generator.block{i}', x, 'double' if i or patch == 128 else '')
    return np.tanh(conv(x, t['generator.image.weight']) + t['generator.image.bias'][:, None, None])


def features(t, x):  # outputs of the discriminator's six blocks
    out = []
    for i in range(6):
        out.append(block(t, f'discriminator.block{i}', out[-1] if out else x, 'halve' if i < 5 else ''))
    return out


def tap(keys, t, x, z):  # f_D
    if keys['feature-tap'] == 'first':
        return conv(x, t['discriminator.block0.conv0.weight'])
    for i in range(3):
        z = leaky(t[f'discriminator.latent{i}.weight'] @ z)
    return leaky(t['discriminator.hidden.weight'] @ np.concatenate([features(t, x)[5].ravel(), z]))


def light(keys, picture):  # gain and shift
    if 'light' not in keys:
        return 1.0, 0.0
    counts = np.bincount(picture.ravel(), minlength=256)
    before = np.cumsum(counts) - counts

    def quantile(share):
        v = min(np.searchsorted(np.cumsum(counts), share * counts.sum(), 'right'), 255)
        return np.clip(v - .5 + (share * counts.sum() - before[v]) / max(counts[v], 1), 0, 255) / 127.5 - 1
    low, median = map(float, keys['light'].split(','))
    gain = np.clip((median - low) / max(quantile(.5) - quantile(.1), 1e-6), 3 / 4, 4 / 3)
    return gain, median - gain * quantile(.5)


def corners(length, side):  # of patches along an axis
    n = -(-length // side)
    return [(i * (length - side) + (n - 1) // 2) // max(n - 1, 1) for i in range(n)]


def high_pass(x, radius):  # less the mean of a window, which is cut at the border
    def sums(a):
        a = np.pad(a, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
        top, bottom = (np.clip(np.arange(x.shape[0]) + d, 0, x.shape[0]) for d in (-radius, radius + 1))
        left, right = (np.clip(np.arange(x.shape[1]) + d, 0, x.shape[1]) for d in (-radius, radius + 1))
        return a[bottom][:, right] - a[bottom][:, left] - a[top][:, right] + a[top][:, left]
    return np.abs(x - sums(x) / sums(np.ones_like(x)))


def blur(x, sigma):  # Gaussian, cut off at 3 sigma, borders repeated
    radius = int(np.ceil(3 * sigma))
    kernel = np.exp(-.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    for axis in (0, 1):
        n = x.shape[axis]
        x = sum(w * x.take(np.clip(np.arange(n) + i - radius, 0, n - 1), axis) for i, w in enumerate(kernel / kernel.sum()))
    return x


def resample(n, grid):  # matrix (grid, n): area where the grid is coarser, bilinear where it is finer
    i, k = np.arange(grid)[:, None] * n / grid, np.arange(n)[None]
    if n > grid:
        return np.clip(np.minimum(i + n / grid, k + 1) - np.maximum(i, k), 0, None) * grid / n
    return np.clip(1 - np.abs(np.clip(i + n / grid / 2 - .5, 0, n - 1) - k), 0, None)


def distance(keys, t, x):  # the largest Mahalanobis distance of the critic's features
    grid = int(keys['critic-grid'])
    f = [features(t, x)[int(i)] for i in keys['critic-blocks'].split(',')]
    f = np.concatenate([resample(a.shape[1], grid) @ a @ resample(a.shape[2], grid).T for a in f])
    d = f.reshape(len(f), -1).T - t['critic.mean']
    return np.linalg.norm((t['critic.whitening'] @ d[:, :, None])[:, :, 0], axis=1).max()


def main(model, path):
    keys, t = read_model(model)
    if keys['format'] != '1' or 'mask' in t:
        sys.exit(f'{model}: expected a CBiGAN without a mask (inspector.py computes the scores of inspectors)')
    picture, side = read_ppm(path), int(keys['patch'])
    (h, w), (gain, shift) = picture.shape[:2], light(keys, picture)
    if keys['frame'] not in ('native', f'{w}x{h}'):
        sys.exit(f'{path}: {w}x{h} pixels; expected {keys["frame"]}')
    difference, covered, paper, critic = np.zeros((3, h, w)), np.zeros((h, w)), [], []
    for y in corners(h, side):
        for x in corners(w, side):
            area = np.s_[y:y + side, x:x + side]
            raw = picture[area].transpose(2, 0, 1) / 127.5 - 1
            z = encode(t, raw)
            r = generate(t, z, side)
            terms = np.abs(raw - r).sum(), np.abs(tap(keys, t, raw, z) - tap(keys, t, r, z)).sum()  # Eq. 11, 9
            paper.append((1 - float(keys['lambda'])) * terms[0] + float(keys['lambda']) * terms[1])  # Eq. 7
            lit = gain * raw + shift
            difference[:, y:y + side, x:x + side] += lit - generate(t, encode(t, lit), side)
            covered[area] += 1
            critic.append(distance(keys, t, lit) if 'critic.mean' in t else 0)
    print('paper', max(paper))
    if 'calibration.mean' in t:
        deviation = t['calibration.deviation']
        found = blur(sum(high_pass(d, side // 4) for d in difference / covered), side / 64)
        print('calibrated', max(((found - t['calibration.mean']) / (deviation + .1 * deviation.mean() + 1e-4)).max(), 0))
    if 'critic.mean' in t:
        print('critic', max(critic))


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
