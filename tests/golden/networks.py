"""networks.py - E, G and D in PyTorch, for golden data

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Written from the paper's description and the names of docs/model-format.md, not from the C code: attribute names give
the names of the model file. Weights come from a formula (set_parameters) that C repeats, because D alone has 2 MB of
them; everything else that a test reads stands in the golden file.
"""
import json
import struct

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

LATENT = 64
KINDS = ("encoder", "generator", "discriminator")


def act(x):
    return F.leaky_relu(x, 0.2)


def double(x):
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def halve(x):
    return F.avg_pool2d(x, 2)


def keep(x):
    return x


class Block(nn.Module):
    def __init__(self, before, filters, first=keep, last=keep):
        super().__init__()
        self.skip = nn.Conv2d(before, filters, 1, bias=False)
        self.conv0 = nn.Conv2d(before, filters, 3, padding=1, bias=False)
        self.conv1 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(filters, filters, 1)
        self.first, self.last = first, last

    def forward(self, x):
        x = self.first(x)
        main = self.conv2(act(self.conv1(act(self.conv0(x)))))
        return self.last(act(main + self.skip(x)))


class Trunk(nn.Module):
    """The six blocks that E and D share in shape."""

    def __init__(self, c, patch):
        super().__init__()
        before = 3
        for i, m in enumerate((1, 2, 3, 4, 8, 16)):
            setattr(self, f"block{i}", Block(before, m * c, last=halve if i < 5 else keep))
            before = m * c
        self.flat = before * (patch // 32) ** 2

    def blocks(self, x):
        outputs = []
        for i in range(6):
            x = getattr(self, f"block{i}")(x)
            outputs.append(x)
        return outputs


class Encoder(Trunk):
    def __init__(self, c, patch):
        super().__init__(c, patch)
        self.hidden = nn.Linear(self.flat, 16 * c, bias=False)
        self.latent = nn.Linear(16 * c, LATENT)

    def forward(self, x):
        return self.latent(act(self.hidden(self.blocks(x)[-1].flatten(1))))


class Generator(nn.Module):
    def __init__(self, c, patch):
        super().__init__()
        self.c = c
        self.seed = nn.Linear(LATENT, 64 * c, bias=False)
        before = 16 * c
        for i, m in enumerate((16, 8, 4, 3, 2, 1)):
            first = double if i > 0 or patch == 128 else keep
            setattr(self, f"block{i}", Block(before, m * c, first=first))
            before = m * c
        self.image = nn.Conv2d(c, 3, 1)

    def forward(self, z):
        x = self.seed(z).reshape(-1, 16 * self.c, 2, 2)
        for i in range(6):
            x = getattr(self, f"block{i}")(x)
        return torch.tanh(self.image(x))


class Discriminator(Trunk):
    def __init__(self, c, patch):
        super().__init__(c, patch)
        self.latent0 = nn.Linear(LATENT, 512, bias=False)
        self.latent1 = nn.Linear(512, 512, bias=False)
        self.latent2 = nn.Linear(512, 512, bias=False)
        self.hidden = nn.Linear(self.flat + 512, 16 * c, bias=False)
        self.critic = nn.Linear(16 * c, 1)

    def hidden_tap(self, x, z):
        for layer in (self.latent0, self.latent1, self.latent2):
            z = act(layer(z))
        return act(self.hidden(torch.cat((self.blocks(x)[-1].flatten(1), z), 1)))

    def first_tap(self, x, z=None):
        return self.block0.conv0(x)

    def forward(self, x, z):
        return self.critic(self.hidden_tap(x, z))


def uniforms(name, n):
    """n numbers in [0, 1): splitmix64 counted from the FNV-1a hash of the name. golden.c repeats it."""
    with np.errstate(over="ignore"):
        h = np.uint64(0xCBF29CE484222325)
        for byte in name.encode():
            h = (h ^ np.uint64(byte)) * np.uint64(0x100000001B3)
        z = h + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def set_parameters(network, kind):
    """Every tensor = bound * (2 u - 1) with u = uniforms(its name in the model file): He-uniform weights, those that end
    a block smaller by 0.7 so that the signal neither dies nor saturates tanh; biases in +-0.2."""
    with torch.no_grad():
        for name, p in network.named_parameters():
            n = p.numel()
            bound = 0.2
            if p.dim() > 1:
                bound = np.sqrt(6.0 / (1.04 * (n / p.shape[0])))
                if name.endswith(("skip.weight", "conv2.weight", "image.weight")):
                    bound *= 0.7
            u = uniforms(f"{kind}.{name}", n)
            p.copy_(torch.from_numpy((bound * (2.0 * u - 1.0)).astype(np.float32)).reshape(p.shape))
    return network


def make(c, patch):
    """(E, G, D) with the golden weights."""
    return tuple(
        set_parameters(cls(c, patch), kind)
        for cls, kind in zip((Encoder, Generator, Discriminator), KINDS)
    )


def model_tensors(networks):
    """{name in the model file: array} of (E, G, D)."""
    return {
        f"{kind}.{name}": p.detach().numpy()
        for network, kind in zip(networks, KINDS)
        for name, p in network.named_parameters()
    }


def write_safetensors(path, tensors, metadata=None):
    """tensors: {name: array of float32 or uint8}, stored as F32 and U8."""
    header, blobs, offset = {}, [], 0
    if metadata:
        header["__metadata__"] = {k: str(v) for k, v in metadata.items()}
    for name, array in tensors.items():
        array = np.asarray(array)
        array = np.ascontiguousarray(array if array.dtype == np.uint8 else array.astype("<f4"))
        blob = array.tobytes()
        header[name] = {
            "dtype": "U8" if array.dtype == np.uint8 else "F32",
            "shape": list(array.shape),
            "data_offsets": [offset, offset + len(blob)],
        }
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
