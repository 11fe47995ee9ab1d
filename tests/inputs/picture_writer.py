"""picture_writer.py - known pictures in the formats that people have, by Python's own library

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

A picture is a list of rows of (r, g, b); gray ones and bitmaps have three equal numbers.
"""
import struct, zlib

WIDTH, HEIGHT = 40, 24


def picture(kind='rgb'):
    """A picture that looks the same in no other orientation. kind: rgb, gray, bits or palette."""
    def colour(x, y):
        if kind == 'gray':
            return (20 + 4 * x + 2 * y,) * 3
        if kind == 'bits':
            return ((255 if (x * x + 3 * y) // 7 % 2 else 0),) * 3
        if kind == 'palette':
            return PALETTE[(x // 5 + y // 8 * 3) % 16]
        return 30 + 4 * x, 200 - 6 * y, 60 + 2 * x + 3 * y
    return [[colour(x, y) for x in range(WIDTH)] for y in range(HEIGHT)]


PALETTE = [(17 * i % 256, 255 - 13 * i, 90 + 7 * i) for i in range(16)]


def turned(rows, orientation):
    """What is stored so that a reader who obeys the orientation sees `rows`."""
    def mirrored(r):
        return [row[::-1] for row in r]
    transposed = [list(column) for column in zip(*rows)]
    return {1: rows, 2: mirrored(rows), 3: mirrored(rows)[::-1], 4: rows[::-1], 5: transposed,
            6: transposed[::-1], 7: mirrored(transposed)[::-1], 8: mirrored(transposed)}[orientation]


def packed(numbers, bits):
    """Numbers of 1, 2, 4, 8 or 16 bits (big endian), filled up to whole bytes."""
    if bits == 16:
        return struct.pack(f'>{len(numbers)}H', *numbers)
    data, per_byte = bytearray(), 8 // bits
    for i in range(0, len(numbers), per_byte):
        byte = 0
        for k in range(per_byte):
            byte = byte << bits | (numbers[i + k] if i + k < len(numbers) else 0)
        data.append(byte)
    return bytes(data)


def png(rows, colour=2, bits=8, interlaced=False, chunks=(), data=None):
    """colour: PNG's 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGBA; chunks: (type, body) behind the header."""
    most = (1 << bits) - 1

    def line(row):
        numbers = []
        for p in row:
            levels = [v * most // 255 for v in p]
            numbers += {0: levels[:1], 2: levels, 3: [PALETTE.index(p) if colour == 3 else 0], 4: [levels[0], most // 3],
                        6: [*levels, most // 3]}[colour]
        return b'\0' + packed(numbers, bits)

    def chunk(kind, body):
        return struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body))

    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
        lines = [line(row[x::dx]) for x, y, dx, dy in passes for row in rows[y::dy] if row[x::dx]]
    else:
        lines = [line(row) for row in rows]
    header = struct.pack('>IIBBBBB', len(rows[0]), len(rows), bits, colour, 0, 0, interlaced)
    out = b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header)
    if colour == 3:
        out += chunk(b'PLTE', bytes(v for p in PALETTE[:1 << bits] for v in p))
    for kind, body in chunks:
        out += chunk(kind, body)
    return out + chunk(b'IDAT', zlib.compress(b''.join(lines) if data is None else data)) + chunk(b'IEND', b'')


def bmp(rows, bits=24, header=40, top_down=False, masks=None, rle=False):
    """header: its size, 12 (OS/2), 40, or 124 (version 5); masks: for 16 and 32 bits."""
    width, height = len(rows[0]), len(rows)

    def line(row):
        if bits <= 8:
            data = packed([PALETTE.index(p) for p in row], bits)
        elif bits == 16:
            greens = 6 if masks else 5
            data = b''.join(struct.pack('<H', p[0] >> 3 << 5 + greens | p[1] >> 8 - greens << 5 | p[2] >> 3) for p in row)
        else:
            data = b''.join(bytes(p[::-1]) + b'\0' * (bits == 32) for p in row)
        return data + b'\0' * (-len(data) % 4)

    def runs(row):
        return b''.join(bytes([1, PALETTE.index(p)]) for p in row) + b'\0\0'

    lines = rows if top_down else rows[::-1]
    data = b''.join(runs(row) for row in lines) + b'\0\1' if rle else b''.join(map(line, lines))
    entry = 3 if header == 12 else 4
    table = b''.join(bytes(p[::-1]) + b'\0' * (entry == 4) for p in PALETTE[:1 << bits]) if bits <= 8 else b''
    colours = len(table) // entry
    if header == 12:
        info = struct.pack('<IHHHH', 12, width, height, 1, bits)
        table += b'\0' * (3 * (1 << bits) - len(table) if bits <= 8 else 0)
    else:
        info = struct.pack('<IiiHHIIiiII', header, width, -height if top_down else height, 1, bits,
                           1 if rle else 3 if masks else 0, len(data), 2835, 2835, colours, 0)
        info += struct.pack('<III', *masks) if masks else b''
        info += b'\0' * (header - len(info)) if header > 40 else b''
    offset = 14 + len(info) + len(table)
    return b'BM' + struct.pack('<IHHI', offset + len(data), 0, 0, offset) + info + table + data


def pnm(rows, kind, most=255, comment=b''):
    """kind: 1 to 6."""
    width, height = len(rows[0]), len(rows)
    numbers = [v for row in rows for p in row for v in (p if kind in (3, 6) else p[:1])]
    head = b'P%d\n%s%d %d\n' % (kind, comment, width, height)
    if kind in (1, 4):
        bits = [[0 if p[0] else 1 for p in row] for row in rows]
        return head + (b'\n'.join(b' '.join(b'%d' % b for b in row) for row in bits) + b'\n' if kind == 1 else
                       b''.join(packed(row, 1) for row in bits))
    numbers = [(v * most + 127) // 255 for v in numbers]
    head += b'%d\n' % most
    if kind < 4:
        return head + b'\n'.join(b'%d' % v for v in numbers) + b'\n'
    return head + packed(numbers, 16 if most > 255 else 8)


def lzw(data, literal_bits, least_significant_first):
    """LZW as GIF and TIFF have it, of literals alone: a clear code comes before the codes grow longer."""
    width, clear, out, value, n = literal_bits + 1, 1 << literal_bits, bytearray(), 0, 0

    def put(code):
        nonlocal value, n
        if least_significant_first:
            value |= code << n
        else:
            value = value << width | code
        n += width
        while n >= 8:
            out.append(value & 0xff if least_significant_first else value >> n - 8 & 0xff)
            n -= 8
            value = value >> 8 if least_significant_first else value & (1 << n) - 1
    for i, byte in enumerate(data):
        if i % (clear - 3) == 0:
            put(clear)
        put(byte)
    put(clear + 1)
    if n:
        out.append(value & 0xff if least_significant_first else value << 8 - n & 0xff)
    return bytes(out)


def gif(rows, frames=1, trailer=b';'):
    table = bytes(v for p in PALETTE for v in p)
    data = lzw(bytes(PALETTE.index(p) for row in rows for p in row), 4, True)
    blocks = b''.join(bytes([len(data[i:i + 255])]) + data[i:i + 255] for i in range(0, len(data), 255)) + b'\0'
    size = struct.pack('<HH', len(rows[0]), len(rows))
    image = b',' + b'\0' * 4 + size + b'\0\4' + blocks
    return b'GIF89a' + size + b'\xb3\0\0' + table + image * frames + trailer


class Tiff:
    """TIFF files of one or more pages."""
    def __init__(self, order='<', big=False):
        self.order, self.big, self.pages = order, big, []

    def page(self, rows, bits=8, photometric=2, compression=1, planar=False, tiled=False, tags=(), samples=None, data=None):
        """photometric: 0 and 1 gray or bits, 2 RGB, 3 palette. samples: bytes instead of the rows' own."""
        n = 3 if photometric == 2 else 1
        channels = [[[p[c] for p in row] for row in rows] for c in range(n)]
        most = (1 << bits) - 1

        def numbers(values):
            if photometric == 3:
                return values
            return [(255 - v if photometric == 0 else v) * most // 255 for v in values]

        def line(row):
            values = ([PALETTE.index(p) for p in row] if photometric == 3 else
                      numbers([v for p in row for v in p[:n]]))
            return self.pack(values, bits)
        strips = [b''.join(map(line, rows))]
        if planar:
            strips = [b''.join(self.pack(numbers(row), bits) for row in plane) for plane in channels]
        if tiled:
            black = [[(0, 0, 0)] * 16 for _ in range(16)]
            strips = []
            for y in range(0, len(rows), 16):
                for x in range(0, len(rows[0]), 16):
                    tile = [row[x:x + 16] + black[0][len(row[x:x + 16]):] for row in rows[y:y + 16]]
                    strips.append(b''.join(map(line, tile + black[len(tile):])))
        if samples is not None:
            strips = [samples]
        strips = [self.compress(strip, compression) for strip in strips] if data is None else [data]
        entries = {256: [len(rows[0])], 257: [len(rows)], 258: [bits] * n, 259: [compression], 262: [photometric],
                   277: [n], 278: [len(rows)], 284: [2 if planar else 1]}
        if photometric == 3:
            entries[320] = [257 * p[c] for c in range(3) for p in PALETTE]
        if tiled:
            del entries[278]
            entries.update({322: [16], 323: [16]})
        entries.update(tags)
        self.pages.append((entries, strips, (324, 325) if tiled else (273, 279)))
        return self

    def pack(self, numbers, bits):
        return struct.pack(f'{self.order}{len(numbers)}H', *numbers) if bits == 16 else packed(numbers, bits)

    @staticmethod
    def compress(strip, compression):
        if compression == 8:
            return zlib.compress(strip)
        if compression == 5:
            return lzw(strip, 8, False)
        if compression == 32773:
            return b''.join(bytes([len(strip[i:i + 128]) - 1]) + strip[i:i + 128] for i in range(0, len(strip), 128))
        return strip

    def bytes(self):
        word, code = (8, 'Q') if self.big else (4, 'I')
        mark = b'II' if self.order == '<' else b'MM'
        out = bytearray(mark + struct.pack(self.order + ('HHHQ' if self.big else 'HI'), *((43, 8, 0, 0) if self.big else (42, 0))))
        link = 8 if self.big else 4
        for entries, strips, (offset_tag, size_tag) in self.pages:
            entries = dict(entries)
            entries[offset_tag], entries[size_tag] = [], []
            for strip in strips:
                out += b'\0' * (len(out) % 2)
                entries[offset_tag].append(len(out))
                entries[size_tag].append(len(strip))
                out += strip
            directory = struct.pack(self.order + ('Q' if self.big else 'H'), len(entries))
            for tag, values in sorted(entries.items()):
                kind = 4 if tag in (offset_tag, size_tag) else 3
                body = struct.pack(self.order + str(len(values)) + 'HI'[kind == 4], *values)
                if len(body) > word:
                    out += b'\0' * (len(out) % 2)
                    body, place = struct.pack(self.order + code, len(out)), body
                    out += place
                directory += struct.pack(self.order + 'HH' + code, tag, kind, len(values)) + body.ljust(word, b'\0')
            out += b'\0' * (len(out) % 2)
            out[link:link + word] = struct.pack(self.order + code, len(out))
            link = len(out) + len(directory)
            out += directory + b'\0' * word
        return bytes(out)


def tiff(rows, order='<', big=False, **options):
    return Tiff(order, big).page(rows, **options).bytes()
