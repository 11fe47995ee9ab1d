#!/usr/bin/python3
"""inspector.py - an inspector's score of one picture, computed from the model file alone, as docs/model-format.md says

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: inspector.py MODEL PICTURE.ppm
The picture has the size of the model's frames, or of a surface any size. score.py says how to make a PPM, and is for CBiGANs.
Models with a mask, and those that turn parts upright, are refused. Prints the score's name and number. Needs numpy only.
"""
import sys

import numpy as np

from score import block, blur, conv, leaky, read_model, read_ppm, upsample

BINS = 4096  # of the counts from which quantiles come


def count(x, least, most):
    bins = np.clip((x.ravel() - least) * BINS / (most - least), 0, BINS - 1).astype(int)
    counts = np.bincount(bins, minlength=BINS)
    return counts, np.cumsum(counts) - counts


def quantile(x, share, least, most):
    counts, below = count(x, least, most)
    i = np.argmax((counts > 0) & (below + counts >= share * x.size))
    return least + (most - least) * (i + (share * x.size - below[i]) / counts[i]) / BINS


def middle(x, least, most):  # mean of the numbers between the quartiles
    counts, below = count(x, least, most)
    first, end = np.maximum(below, .25 * x.size), np.minimum(below + counts, .75 * x.size)
    places = np.arange(BINS) + ((first + end) / 2 - below) / np.maximum(counts, 1)
    return least + (most - least) * (np.maximum(end - first, 0) * places).sum() / (.5 * x.size) / BINS


def byte_quantile(x, share):  # a byte v stands for v - 1/2 to v + 1/2
    counts = np.bincount(x.ravel(), minlength=256)
    below = np.cumsum(counts) - counts
    v = min((below + counts <= share * x.size).sum(), 255)
    return np.clip(v - .5 + (share * x.size - below[v]) / max(counts[v], 1), 0, 255)


def coarse(x, factor):  # means of squares, which the border cuts
    for axis in (0, 1):
        starts = np.arange(0, x.shape[axis], factor)
        lengths = np.diff(np.append(starts, x.shape[axis]))
        x = np.add.reduceat(x, starts, axis) / (lengths[:, None] if axis == 0 else lengths)
    return x


def enlarge(x, factor, h, w):  # bilinear, half-pixel centres, borders repeated
    for axis, n in ((0, h), (1, w)):
        u = np.clip((np.arange(n) + .5) / factor - .5, 0, x.shape[axis] - 1)
        i, share = u.astype(int), u - u.astype(int)
        share = share[:, None] if axis == 0 else share
        after = np.minimum(i + 1, x.shape[axis] - 1)
        x = x.take(i, axis) * (1 - share) + x.take(after, axis) * share
    return x


def low_pass(x, factor):
    return enlarge(blur(coarse(x, factor), 4.0), factor, *x.shape)


def logarithm(v):
    return np.log((np.maximum(v, 0) + 24) / 279)


def level_and_colour(x):  # x (3, h, w): logarithms
    r, g, b = x
    return (r + g + b) / 3, r - g, b - (r + g) / 2


def object_planes(t, picture):
    """six planes for the network, three for the bank"""
    grey, good = picture.mean(2).ravel()[::7], (279 * np.exp(t['good.mean']) - 24).mean(0).ravel()[::7]
    # every seventh pixel of all rows together
    usable, gain, offset, limit = (grey > 3) & (grey < 252), 1.0, 0.0, np.inf
    for _ in range(3):
        at = usable & (np.abs(gain * grey + offset - good) <= limit)
        if at.sum() >= 2:
            a, b = grey[at], good[at]
            gain = np.clip(((a * b).mean() - a.mean() * b.mean()) / (a.var() + 1e-6), .6, 1.6)
            offset = b.mean() - gain * a.mean()
        limit = quantile(np.abs(gain * grey + offset - good), .7, 0, 256)
    x = logarithm(gain * picture + offset).transpose(2, 0, 1)
    x = x - quantile(x.mean(0) - t['good.mean'].mean(0), .5, -1, 1)
    deviation = np.clip((x - t['good.mean']) / t['good.deviation'], -6, 6) / 2
    return np.concatenate([x, deviation]), level_and_colour(x)


def shift(t, picture):  # grey levels that undo a surface's light
    if 'light.weights' not in t:
        return 0
    some = picture.reshape(-1, 3)[::max(len(picture) * picture.shape[1] // 65536, 1)]
    quartiles = np.array([[byte_quantile(channel, share) for share in (.25, .5, .75)] for channel in some.T])
    return np.clip((t['light.weights'] * (quartiles - t['light.quartiles'])).sum(), -13, 13)


def surface_planes(t, picture):
    level, red, blue = level_and_colour(logarithm(picture + shift(t, picture)).transpose(2, 0, 1))
    level = level - quantile(level, .5, -3, 0)
    middles = middle if 'light.weights' in t else lambda x, least, most: quantile(x, .5, least, most)
    medians = [middles(c, -3, 3) for c in (red, blue)]
    chroma = 2 * max(middles(np.abs(c - m), 0, 3) for c, m in zip((red, blue), medians)) + .05
    fours = level - low_pass(level, 4)
    contrast = 2 * quantile(np.abs(fours), .5, 0, 1) + .02
    local = level - low_pass(level, 2)
    local = local / ((np.sqrt(np.maximum(low_pass(local ** 2, 4), 0)) + contrast / 2) * 1.5)
    colours = [(c - m) / chroma for c, m in zip((red, blue), medians)]
    planes = [1.5 * level, *(np.clip(x, -8, 8) for x in (fours / contrast, local, *colours))]
    return np.stack(planes), planes[2:]


def network(t, planes):
    """hidden units (16, h/4, w/4) and logits"""
    out = []
    for i in range(4):
        out.append(block(t, f'inspector.block{i}', out[-1] if out else planes, 'halve'))
    x = conv(out[3], t['inspector.gather3.weight'])
    x = upsample(x) + conv(out[2], t['inspector.gather2.weight'])
    x = upsample(x) + conv(out[1], t['inspector.gather1.weight'])
    halves = np.stack([coarse(plane, 2) for plane in out[0]])
    x = leaky(x + conv(halves, t['inspector.gather0.weight']) + t['inspector.gather0.bias'][:, None, None])
    return x, conv(x, t['inspector.logit.weight'])[0] + t['inspector.logit.bias']


def parts(length):
    """along an axis: begin and length of a window that the network reads, first and end of the cells that come from it"""
    whole, cells = length // 16 * 16, -(-length // 4)
    strip = min(whole, 96 + (whole - 96) % 32)
    first = (length - strip + whole) // 2 // 4 if whole < length else cells
    return [(0, whole, 0, first), (length - strip, strip, first, cells)][:1 + (first < cells)]


def run_network(t, planes):
    """hidden units and logits of a picture of any size"""
    h, w = planes.shape[1:]
    hidden, logits = np.zeros((16, -(-h // 4), -(-w // 4))), np.zeros((-(-h // 4), -(-w // 4)))
    for top, height, first_row, end_row in parts(h):
        for left, width, first, end in parts(w):
            of_window = network(t, planes[:, top:top + height, left:left + width])
            rows = np.clip((np.arange(first_row, end_row) * 4 + 2 - top) // 4, 0, height // 4 - 1)
            columns = np.clip((np.arange(first, end) * 4 + 2 - left) // 4, 0, width // 4 - 1)
            hidden[:, first_row:end_row, first:end] = of_window[0][:, rows][:, :, columns]
            logits[first_row:end_row, first:end] = of_window[1][rows][:, columns]
    return hidden, logits


def differences(x):  # first and second along both axes, and the mixed one
    p = np.pad(x, 1, 'edge')
    above, here, below = p[:-2], p[1:-1], p[2:]
    left, middle, right = np.s_[:, :-2], np.s_[:, 1:-1], np.s_[:, 2:]
    return [(here[right] - here[left]) / 2, (below[middle] - above[middle]) / 2,
            here[left] / 2 - here[middle] + here[right] / 2, above[middle] / 2 - here[middle] + below[middle] / 2,
            (above[left] - above[right] - below[left] + below[right]) / 4]


def bank(planes):
    """30 features per cell"""
    level, *colours = planes
    pyramid = [blur(level, .6)]
    for _ in range(3):
        pyramid.append(coarse(blur(pyramid[-1], .8), 2))
    size, found = pyramid[2].shape, []
    found += [coarse(np.abs(d), 4) for d in differences(pyramid[0])]
    found += [coarse(np.abs(d), 2) for d in differences(pyramid[1])]
    found += [coarse(d, 2) for d in differences(pyramid[1])]
    found += differences(pyramid[2])
    found += [enlarge(d, 2, *size) for d in differences(pyramid[3])]
    found += [pyramid[2]]
    halves = [coarse(blur(c, .8), 2) for c in colours]
    quarters = [coarse(blur(c, .8), 2) for c in halves]
    found += quarters + [coarse(np.abs(h - enlarge(q, 2, *h.shape)), 2) for h, q in zip(halves, quarters)]
    return .05 * np.stack(found)


def whiten(t, name, x):  # W (x - mean); W's lower triangle is stored row by row
    n, y = len(x), []
    for i in range(n):
        rows = t[name + '.whitening'][i * (i + 1) // 2:i * (i + 1) // 2 + i + 1]
        y.append((rows * (x - t[name + '.mean'])[:i + 1]).sum(0))
    return np.stack(y)


def nearest(t, x):
    n, h, w = x.shape
    samples, found = t['nearest.samples'].reshape(h, 32, n, w), np.full((h, w, 32 * 9), np.inf)
    for k, (down, across) in enumerate(np.ndindex(3, 3)):
        for row in range(h):
            for column in range(w):
                v, u = row + down - 1, column + across - 1
                if 0 <= v < h and 0 <= u < w:
                    found[row, column, 32 * k:32 * k + 32] = np.linalg.norm(samples[v, :, :, u] - x[:, row, column], axis=1)
    return np.sort(found)[:, :, :3].mean(2) / np.sqrt(n)


def read_cells(keys, t, picture):
    """the smallest of the maps in use, per cell"""
    planes, three = object_planes(t, picture) if 'good.mean' in t else surface_planes(t, picture)
    hidden, logits = run_network(t, planes) if 'inspector.logit.weight' in t else (None, None)
    maps = []
    for name, offset, scale in (row.split(':') for row in keys['maps'].split(',')):
        kind = name.removesuffix('-n')
        if kind == 'logit':
            x = logits
        elif kind == 'nearest':
            x = nearest(t, whiten(t, kind, bank(three)))
        else:
            x = whiten(t, kind, hidden if kind == 'hidden' else bank(three))
            x = np.sqrt((x ** 2).mean(0))
        if kind != name:
            prefix = 'good' if kind == 'logit' else kind
            x = (x - t[prefix + '.level']) / t[prefix + '.spread']
        maps.append((x - float(offset)) / float(scale))
    return np.minimum.reduce(maps)


def main(model, path):
    keys, t = read_model(model)
    picture = read_ppm(path)
    if keys['format'] != '2' or 'upright' in keys or 'mask' in t or 'maps' not in keys:
        sys.exit(f'{model}: expected an inspector without a mask and without upright parts')
    if keys['frame'] not in ('native', f'{picture.shape[1]}x{picture.shape[0]}'):
        sys.exit(f'{path}: {picture.shape[1]}x{picture.shape[0]} pixels; expected {keys["frame"]}')
    cells = read_cells(keys, t, picture)
    if keys['summary'] == 'peak':
        value = blur(cells, 1.0).max()
    else:
        n = max(cells.size // 100 if keys['summary'] == 'top' else cells.size * 3 // 1000, 4)
        value = np.sort(cells.ravel())[-n:].mean()
    print('inspector', np.logaddexp(0, value))


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
