#!/usr/bin/env python3
"""make_golden.py - golden data of the forward passes and the three scores

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Needs PyTorch and NumPy (Debian: python3-torch); the tests only read the files that this script writes. Run it in
tests/golden/ after a change of the computation, and inspect the differences. The code follows the paper's equations and
the comments that open the files of cbigan-core/score, in plain float64 NumPy.

  forward_c*_p*.safetensors  one patch per picture: E, G, D, both taps, L_R, L_fD
  scores_*.safetensors       good and odd frames: calibration on the good ones, the three scores of all
"""
import numpy as np
import torch

import networks

LAMBDA = 0.1


def frames_of(name, n, height, width, odd):
    """n frames (height, width, 3) of bytes: soft waves and grain that differ a little; the last `odd` have a blot."""
    y, x = np.mgrid[0:height, 0:width]
    u = networks.uniforms(name, n * (height * width * 3 + 16)).reshape(n, -1)
    frames = []
    for i in range(n):
        a = u[i, :16]
        grain = u[i, 16:].reshape(height, width, 3) - 0.5
        waves = [np.sin(x / 7 + k + 0.3 * a[k]) * np.cos(y / (9 + k) + 0.3 * a[3 + k]) for k in range(3)]
        frame = 120 + 50 * np.stack(waves, 2) + 12 * grain + 6 * (a[6] - 0.5)
        if i >= n - odd:
            cy, cx = height * (0.25 + 0.5 * a[7]), width * (0.25 + 0.5 * a[8])
            blot = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 18.0)
            frame += (90 + 60 * a[9]) * blot[..., None] * np.array([1.0, -1.0, 0.7])
        frames.append(np.clip(np.round(frame), 0, 255).astype(np.uint8))
    return np.stack(frames)


def to_image(frame):
    return frame.astype(np.float64).transpose(2, 0, 1) / 127.5 - 1.0


def torch_run(network, *inputs):
    with torch.no_grad():
        return network(*(torch.from_numpy(np.asarray(i)).float() for i in inputs)).numpy().astype(np.float64)


def corners(length, side):
    n = -(-length // side)
    return [0] if n == 1 else [(i * (length - side) + (n - 1) // 2) // (n - 1) for i in range(n)]


def cut(image, side):
    _, height, width = image.shape
    at = [(y, x) for y in corners(height, side) for x in corners(width, side)]
    return at, np.stack([image[:, y : y + side, x : x + side] for y, x in at])


# --- light ---------------------------------------------------------------------------------------------------------


def quantile(data, share):
    """Of bytes that each stand for [v - 1/2, v + 1/2), in -1..1."""
    histogram = np.bincount(data.ravel(), minlength=256)
    n, before = data.size, 0
    for v in range(256):
        if before + histogram[v] > share * n:
            break
        before += histogram[v]
    value = v - 0.5 + (share * n - before) / max(histogram[v], 1)
    return np.clip(value, 0, 255) / 127.5 - 1.0


def in_light(frame, light):
    low, median = light
    its_low, its_median = quantile(frame, 0.1), quantile(frame, 0.5)
    gain = np.clip((median - low) / max(its_median - its_low, 1e-6), 3 / 4, 4 / 3)
    return gain * (to_image(frame) - its_median) + median


# --- maps ----------------------------------------------------------------------------------------------------------


def high_pass(plane, radius):
    h, w = plane.shape
    out = np.empty_like(plane)
    for y in range(h):
        for x in range(w):
            out[y, x] = plane[y, x] - plane[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1].mean()
    return out


def gaussian(plane, sigma):
    radius = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        pad = [(radius, radius) if a == axis else (0, 0) for a in (0, 1)]
        padded = np.pad(plane, pad, mode="edge")
        plane = np.apply_along_axis(lambda v: np.convolve(v, kernel, mode="valid"), axis, padded)
    return plane


def difference(image, side, e, g):
    """x - the mean of the patches' reconstructions."""
    at, patches = cut(image, side)
    r = torch_run(g, torch_run(e, patches))
    total, count = np.zeros_like(image), np.zeros(image.shape[1:])
    for (y, x), one in zip(at, r):
        total[:, y : y + side, x : x + side] += one
        count[y : y + side, x : x + side] += 1
    return image - total / count


def local_map(image, side, e, g):
    d = difference(image, side, e, g)
    return gaussian(sum(np.abs(high_pass(plane, side // 4)) for plane in d), side / 64)


def features(image, side, d, blocks, grid):
    """(patches, grid * grid, channels)"""
    _, patches = cut(image, side)
    with torch.no_grad():
        outputs = d.blocks(torch.from_numpy(patches).float())
        resized = []
        for b in blocks:
            x = outputs[b]
            if x.shape[-1] > grid:
                x = torch.nn.functional.adaptive_avg_pool2d(x, grid)
            elif x.shape[-1] < grid:
                x = torch.nn.functional.interpolate(x, size=(grid, grid), mode="bilinear", align_corners=False)
            resized.append(x)
    f = torch.cat(resized, 1).numpy().astype(np.float64)
    return f.reshape(len(patches), f.shape[1], -1).transpose(0, 2, 1)


def statistics(maps, feats, aligned):
    """maps: list of (h, w); feats: (frames, patches, positions, channels). None of it is shared with C's sums."""
    if aligned:
        maps = np.stack(maps)
        mean, deviation = maps.mean(0), maps.std(0)
    else:
        values = np.concatenate([m.ravel() for m in maps])
        mean, deviation = values.mean(), values.std()
    samples = feats[:, 0].transpose(1, 0, 2) if aligned else feats.reshape(1, -1, feats.shape[-1])
    centres, inverses = [], []
    for s in samples:
        covariance = np.cov(s.T, bias=True)
        ridge = min(max(0.1 * len(covariance) / len(s), 0.01), 0.05)
        covariance += (ridge * np.trace(covariance) / len(covariance) + 1e-10) * np.eye(len(covariance))
        centres.append(s.mean(0))
        inverses.append(np.linalg.inv(covariance))
    return mean, deviation, np.stack(centres), np.stack(inverses)


def compare(one_map, feats, stats):
    """(calibrated map, distances (patches, positions))"""
    mean, deviation, centres, inverses = stats
    z = np.maximum((one_map - mean) / (deviation + 0.1 * np.mean(deviation) + 1e-4), 0)
    d = feats - centres
    return z, np.sqrt(np.einsum("kpi,pij,kpj->kp", d, np.broadcast_to(inverses, (d.shape[1],) + inverses.shape[1:]), d))


# --- files ---------------------------------------------------------------------------------------------------------


def terms(image, side, e, g, d, tap):
    _, x = cut(image, side)
    z = torch_run(e, x)
    r = torch_run(g, z)
    f = d.first_tap if tap == "first" else d.hidden_tap
    l_r = np.abs(x - r).sum((1, 2, 3))
    l_fd = np.abs(torch_run(f, x, z) - torch_run(f, r, z)).reshape(len(x), -1).sum(1)
    return l_r, l_fd


def forward(c, patch, n, step):
    e, g, d = networks.make(c, patch)
    frames = frames_of(f"forward {c} {patch}", n, patch, patch, 1)
    x = np.stack([to_image(f) for f in frames])
    z = torch_run(e, x)
    r = torch_run(g, z)
    networks.write_safetensors(
        f"forward_c{c}_p{patch}.safetensors",
        {
            "frames": frames,
            "z": z,
            "reconstruction": r[:, :, ::step, ::step],  # every step-th pixel
            "critic": torch_run(d, x, z),
            "first": torch_run(d.first_tap, x)[:, :, ::step, ::step],
            "hidden": torch_run(d.hidden_tap, x, z),
            "l_r": terms_of(x, patch, e, g, d, "first")[0],
            "l_fd_first": terms_of(x, patch, e, g, d, "first")[1],
            "l_fd_hidden": terms_of(x, patch, e, g, d, "hidden")[1],
        },
    )


def terms_of(x, patch, e, g, d, tap):
    pairs = [terms(image, patch, e, g, d, tap) for image in x]
    return [np.concatenate(p) for p in zip(*pairs)]


def scores(name, c, patch, good, odd, height, width, aligned, blocks, grid, tap, repeat=1):
    e, g, d = networks.make(c, patch)
    stored = frames_of(f"scores {name}", good + odd, height // repeat, width // repeat, odd)
    frames = stored.repeat(repeat, 1).repeat(repeat, 2)  # each pixel repeat x repeat times: keeps the file small
    light = (quantile(frames[:good], 0.1), quantile(frames[:good], 0.5))
    paper, maps, feats, decisive = [], [], [], []
    for frame in frames:
        l_r, l_fd = terms(to_image(frame), patch, e, g, d, tap)
        a = (1 - LAMBDA) * l_r + LAMBDA * l_fd
        best = int(a.argmax())
        paper.append(a[best])
        decisive.append((l_r[best], l_fd[best]))
        image = in_light(frame, light)
        maps.append(local_map(image, patch, e, g))
        feats.append(features(image, patch, d, blocks, grid))
    feats = np.stack(feats)
    stats = statistics(maps[:good], feats[:good], aligned)
    compared = [compare(m, f, stats) for m, f in zip(maps, feats)]
    folds = min(5, good)
    out_of_fold = []
    for i in range(good):
        others = [k for k in range(good) if k % folds != i % folds]
        z, distance = compare(maps[i], feats[i], statistics([maps[k] for k in others], feats[others], aligned))
        out_of_fold.append((paper[i], z.max(), distance.max()))
    x = to_image(frames[-1])
    error = gaussian(np.abs(difference(x, patch, e, g)).sum(0), patch / 64) * patch * patch * (1 - LAMBDA)
    networks.write_safetensors(
        f"scores_{name}.safetensors",
        {
            "frames": stored,
            "light": light,
            "paper": paper,
            "terms": decisive,  # L_R, L_fD of the patch with the largest A(x)
            "calibrated": [z.max() for z, _ in compared],
            "critic": [distance.max() for _, distance in compared],
            "out_of_fold": np.array(out_of_fold).T,
            "paper_map": error[::2, ::2],  # of the last frame, every second pixel
            "calibrated_map": compared[-1][0][::2, ::2],
            "distances": compared[-1][1],  # of the last frame
        },
    )


forward(3, 64, 2, 2)
forward(4, 128, 1, 4)
scores("aligned", 3, 64, 9, 2, 64, 64, True, (0, 1, 2), 16, "first")
scores("texture", 4, 64, 5, 1, 80, 100, False, (1, 2), 16, "hidden")
scores("wide", 3, 128, 4, 1, 128, 128, True, (0, 3), 32, "first", 2)
