"""jpeg_writer.py - JPEG files of known pictures, baseline and progressive, by Python's own library

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Nothing is quantised, so what a decoder makes of them differs from the picture by rounding alone. Slow: for small pictures.
"""
import math, struct

ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, (i // 8 if (i // 8 + i % 8) % 2 else i % 8)))
COSINES = [[math.cos((2 * x + 1) * u * math.pi / 16) * (math.sqrt(0.125) if u == 0 else 0.5) for x in range(8)]
           for u in range(8)]
CODES = [*range(12)], [run << 4 | size for run in range(16) for size in range(1, 11)] + [0x00, 0xf0]


class Bits:
    """Bits of a scan, with a zero after each 0xff."""
    def __init__(self):
        self.data, self.value, self.n = bytearray(), 0, 0

    def put(self, value, n):
        self.value, self.n = self.value << n | value, self.n + n
        while self.n >= 8:
            self.n -= 8
            byte = self.value >> self.n & 0xff
            self.data += bytes([byte, 0]) if byte == 0xff else bytes([byte])
        self.value &= (1 << self.n) - 1

    def flush(self):
        if self.n:
            self.put((1 << 8 - self.n) - 1, 8 - self.n)


def put_number(bits, code, length, value, size):
    bits.put(code, length)
    if size:
        bits.put(value if value > 0 else value + (1 << size) - 1, size)


def transform(block):
    rows = [[sum(row[x] * COSINES[u][x] for x in range(8)) for u in range(8)] for row in block]
    return [round(sum(rows[y][i % 8] * COSINES[i // 8][y] for y in range(8))) for i in ZIGZAG]


def blocks_of(plane):
    """Rows of blocks of 64 coefficients; the plane's edge is repeated."""
    height, width = len(plane), len(plane[0])
    return [[transform([[plane[min(y + j, height - 1)][min(x + i, width - 1)] - 128 for i in range(8)] for j in range(8)])
             for x in range(0, width, 8)] for y in range(0, height, 8)]


def segment(marker, body):
    return struct.pack('>BBH', 0xff, marker, len(body) + 2) + body


def huffman_tables():
    """All codes of a table have the same length: 4 bits for DC, 8 for AC."""
    tables = b''
    for kind, symbols, length in (0x00, CODES[0], 4), (0x10, CODES[1], 8):
        counts = [0] * 16
        counts[length - 1] = len(symbols)
        tables += segment(0xc4, bytes([kind, *counts, *symbols]))
    return tables


def encode_dc(bits, block, before):
    difference = block[0] - before
    size = abs(difference).bit_length()
    put_number(bits, CODES[0].index(size), 4, difference, size)
    return block[0]


def encode_ac(bits, block):
    run, last = 0, max((i for i in range(64) if block[i]), default=0)
    for value in block[1:last + 1]:
        while value and run > 15:
            bits.put(CODES[1].index(0xf0), 8)
            run -= 16
        if value:
            size = abs(value).bit_length()
            put_number(bits, CODES[1].index(run << 4 | size), 8, value, size)
            run = 0
        else:
            run += 1
    if last < 63:
        bits.put(CODES[1].index(0x00), 8)


def scan_header(components, first=0, last=63):
    return segment(0xda, bytes([len(components), *(byte for c in components for byte in (c + 1, 0x00)), first, last, 0]))


def units(planes, sampling):
    """The blocks of each unit, as (component, block)."""
    widest = max(h for h, _ in sampling), max(v for _, v in sampling)
    grids = [blocks_of(plane) for plane in planes]
    across = -(-len(grids[0][0]) // widest[0])
    down = -(-len(grids[0]) // widest[1])
    for y in range(down):
        for x in range(across):
            yield [(c, grid[min(y * v + j, len(grid) - 1)][min(x * h + i, len(grid[0]) - 1)])
                   for c, (grid, (h, v)) in enumerate(zip(grids, sampling)) for j in range(v) for i in range(h)]


def encode(planes, sampling=None, progressive=False, restart=0, before=b''):
    """planes: one, three (Y, Cb, Cr) or four lists of rows of 0..255; before: segments to put first."""
    sampling = sampling or [(1, 1)] * len(planes)
    height, width = len(planes[0]), len(planes[0][0])
    frame = struct.pack('>BHHB', 8, height, width, len(planes))
    for c, (h, v) in enumerate(sampling):
        frame += bytes([c + 1, h << 4 | v, 0])
    data = b'\xff\xd8' + before + segment(0xdb, bytes([0] + [1] * 64)) + segment(0xc2 if progressive else 0xc0, frame)
    data += huffman_tables() + (segment(0xdd, struct.pack('>H', restart)) if restart else b'')
    bits, last = Bits(), [0] * len(planes)
    for n, unit in enumerate(units(planes, sampling)):
        if restart and n and n % restart == 0:
            bits.flush()
            bits.data += bytes([0xff, 0xd0 + (n // restart - 1) % 8])
            last = [0] * len(planes)
        for c, block in unit:
            last[c] = encode_dc(bits, block, last[c])
            if not progressive:
                encode_ac(bits, block)
    bits.flush()
    data += scan_header(range(len(planes)), 0, 0 if progressive else 63) + bytes(bits.data)
    for c, plane in enumerate(planes if progressive else []):
        bits = Bits()
        for row in blocks_of(plane):
            for block in row:
                encode_ac(bits, block)
        bits.flush()
        data += scan_header([c], 1, 63) + bytes(bits.data)
    return data + b'\xff\xd9'


def ycc(picture):
    """Rows of (r, g, b) -> planes of Y, Cb, Cr."""
    def plane(a, b, c, middle):
        return [[min(255, max(0, round(middle + a * p[0] + b * p[1] + c * p[2]))) for p in row] for row in picture]
    return [plane(0.299, 0.587, 0.114, 0), plane(-0.168736, -0.331264, 0.5, 128), plane(0.5, -0.418688, -0.081312, 128)]


def halved(plane):
    """A plane of half the sides, as means of four."""
    return [[(plane[y][x] + plane[y + 1][x] + plane[y][x + 1] + plane[y + 1][x + 1] + 2) // 4
             for x in range(0, len(plane[0]), 2)] for y in range(0, len(plane), 2)]


def exif(orientation, big_endian=True):
    order = '>' if big_endian else '<'
    return segment(0xe1, b'Exif\0\0' + (b'MM' if big_endian else b'II') + struct.pack(order + 'HIH', 42, 8, 1) +
                   struct.pack(order + 'HHIHHI', 0x112, 3, 1, orientation, 0, 0))
