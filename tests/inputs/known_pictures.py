"""known_pictures.py - files as people have them, with what must be read of each

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

To add a kind of file, add a row() to one of the functions below. known_rows() makes them all, in the working folder.
"""
import os, struct, subprocess, zlib
import jpeg_writer as jpeg
from picture_writer import PALETTE as TABLE, Tiff, bmp, gif, picture, png, pnm, tiff, turned

RGB, GRAY, BITS, PALETTE = picture('rgb'), picture('gray'), picture('bits'), picture('palette')
rows = []  # (format, kind, file name, bytes, pictures or words, tolerance)


def row(form, kind, data, expected, tolerance=0, name=None):
    """expected: a picture, a list of pictures, or words of the message with which the file is refused."""
    extension = {'PNM': 'pnm', 'TIFF': 'tif', 'JPEG': 'jpg', 'WebP': 'webp'}.get(form, form.lower())
    if not isinstance(expected, str) and not isinstance(expected[0][0], list):
        expected = [expected]
    rows.append((form, kind, name or f'{len(rows):03}.{extension}', data, expected, tolerance))


def cuts(form, kind, data, text=False):
    """Cut at many lengths, down to a few bytes behind the magic number. text: its last bytes may be white space."""
    for length in sorted({*([] if text else [len(data) - 1, len(data) - 3]), *(len(data) * i // 12 for i in range(1, 12)), 9}):
        row(form, f'{kind}, cut off', data[:length], '')


def png_rows():
    row('PNG', 'gray, 8 bits', png(GRAY, 0), GRAY)
    row('PNG', 'gray, 16 bits', png(GRAY, 0, 16), GRAY, 1)
    for bits in 1, 2, 4:
        row('PNG', 'gray, 1, 2, 4 bits', png(BITS, 0, bits), BITS)
    row('PNG', 'RGB, 8 bits', png(RGB), RGB)
    row('PNG', 'RGB, 16 bits', png(RGB, 2, 16), RGB)
    for bits in 4, 8:
        row('PNG', 'palette', png(PALETTE, 3, bits), PALETTE)
    row('PNG', 'palette with transparency', png(PALETTE, 3, 8, chunks=[(b'tRNS', bytes([0, 128]))]), PALETTE)
    row('PNG', 'RGB with a transparent colour', png(RGB, chunks=[(b'tRNS', b'\0\1\0\2\0\3')]), RGB)
    for bits in 8, 16:
        row('PNG', f'gray and alpha, {bits} bits', png(GRAY, 4, bits), GRAY)
        row('PNG', f'RGBA, {bits} bits', png(RGB, 6, bits), RGB)
    row('PNG', 'interlaced', png(RGB, interlaced=True), RGB)
    row('PNG', 'interlaced', png(BITS, 0, 1, interlaced=True), BITS)
    row('PNG', 'interlaced', png(RGB, 2, 16, interlaced=True), RGB)
    for n in range(1, 9):
        data = png(turned(RGB, n), chunks=[(b'eXIf', jpeg.exif(n)[10:])])
        row('PNG', 'EXIF orientation 1 to 8', data, RGB)
    row('PNG', 'animated (APNG)', png(RGB, chunks=[(b'acTL', struct.pack('>II', 3, 0))]), RGB)
    row('PNG', 'bytes behind its end', png(RGB) + b'trailer' * 9, RGB)
    cuts('PNG', 'RGB, 8 bits', png(RGB))
    cuts('PNG', 'RGB, 16 bits', png(RGB, 2, 16))
    whole = png(RGB)
    row('PNG', 'a wrong check sum', whole[:80] + bytes([whole[80] ^ 1]) + whole[81:], '')
    row('PNG', 'fewer rows than its header says', png(RGB, data=b'\0' * 121 * 10), '')
    for colour, bits, line in (4, 8, 81), (6, 8, 161), (0, 16, 81), (4, 16, 161), (6, 16, 321):
        row('PNG', 'fewer rows than its header says', png(GRAY, colour, bits, data=b'\0' * line * 23), '')
        whole = png(GRAY, colour, bits)
        at = whole.index(b'IDAT')
        end = at + 4 + int.from_bytes(whole[at - 4:at], 'big')
        body = whole[at:end - 1] + bytes([whole[end - 1] ^ 1])
        row('PNG', 'a wrong check sum', whole[:at] + body + struct.pack('>I', zlib.crc32(body)) + whole[end + 4:], '')
    row('PNG', 'fewer rows than its header says', png(GRAY, 0, data=b'\0' * 41 * 23), '')
    row('PNG', 'fewer rows than its header says', png(RGB, interlaced=True, data=b'\0' * 700), '')
    row('PNG', 'fewer rows than its header says', png(RGB, 2, 16, data=b'\0' * 241 * 10), '')


def jpeg_rows():
    gray, colour = [[[p[0] for p in line] for line in GRAY]], jpeg.ycc(RGB)
    half = [colour[0], *map(jpeg.halved, colour[1:])]
    row('JPEG', 'gray', jpeg.encode(gray), GRAY, 1)
    row('JPEG', 'colour, 4:4:4 (read as 4:2:0)', jpeg.encode(colour), RGB, 9)
    row('JPEG', 'colour, 4:2:0', jpeg.encode(half, [(2, 2), (1, 1), (1, 1)]), RGB, 9)
    row('JPEG', 'restart markers', jpeg.encode(colour, restart=2), RGB, 9)
    row('JPEG', 'progressive', jpeg.encode(gray, progressive=True), GRAY, 1)
    row('JPEG', 'progressive', jpeg.encode(colour, progressive=True), RGB, 9)
    for n in range(1, 9):
        data = jpeg.encode([[[p[0] for p in line] for line in turned(GRAY, n)]], before=jpeg.exif(n, n % 2 == 0))
        row('JPEG', 'EXIF orientation 1 to 8', data, GRAY, 1)
    row('JPEG', 'a damaged orientation', jpeg.encode(gray, before=jpeg.exif(9)), GRAY, 1)
    preview = jpeg.encode([[line[:16] for line in gray[0][:16]]])
    row('JPEG', 'a preview within', jpeg.encode(gray, before=jpeg.segment(0xe2, preview)), GRAY, 1)
    row('JPEG', 'several pictures (MPO, gain maps)', jpeg.encode(gray) + jpeg.encode(colour), GRAY, 1)
    row('JPEG', 'bytes behind its end', jpeg.encode(gray) + b'\0' * 700, GRAY, 1)
    row('JPEG', 'CMYK', jpeg.encode([*colour, gray[0]]), 'CMYK')
    whole = jpeg.encode(gray)
    frame = whole.index(b'\xff\xc0')
    row('JPEG', '12 bits', whole[:frame + 4] + b'\x0c' + whole[frame + 5:], '12 bits')
    row('JPEG', 'arithmetic coding, damaged', whole[:frame + 1] + b'\xc9' + whole[frame + 2:], '')
    cuts('JPEG', 'gray', whole)
    cuts('JPEG', 'progressive', jpeg.encode(colour, progressive=True))
    cuts('JPEG', 'several pictures (MPO, gain maps)', jpeg.encode(gray, before=jpeg.segment(0xe2, preview))[:-2])
    scan = whole.index(b'\xff\xda') + 10
    row('JPEG', 'zeros within its data', whole[:scan + 60] + b'\0' * 100 + whole[scan + 160:], '')


def bmp_rows():
    row('BMP', '24 bits', bmp(RGB), RGB)
    row('BMP', '32 bits', bmp(RGB, 32), RGB)
    row('BMP', '16 bits', bmp(RGB, 16), RGB, 8)
    row('BMP', '16 bits with masks', bmp(RGB, 16, masks=(0xf800, 0x7e0, 0x1f)), RGB, 8)
    row('BMP', '32 bits with masks', bmp(RGB, 32, masks=(0xff0000, 0xff00, 0xff)), RGB)
    for bits in 8, 4:
        row('BMP', 'palette', bmp(PALETTE, bits), PALETTE)
    row('BMP', 'run lengths', bmp(PALETTE, 8, rle=True), PALETTE)
    row('BMP', 'rows from top to bottom', bmp(RGB, top_down=True), RGB)
    row('BMP', 'header of OS/2', bmp(RGB, header=12), RGB)
    row('BMP', 'header of version 5', bmp(RGB, header=124), RGB)
    for data in bmp(RGB), bmp(PALETTE, 8), bmp(PALETTE, 8, rle=True):
        cuts('BMP', '24 bits, palette, run lengths', data)


def pnm_rows():
    for kind, form, known in (1, 'PBM', BITS), (4, 'PBM', BITS), (2, 'PGM', GRAY), (5, 'PGM', GRAY), (3, 'PPM', RGB), (6, 'PPM', RGB):
        row('PNM', f'{form}, {"plain" if kind < 4 else "8 bits" if kind > 4 else "1 bit"}', pnm(known, kind), known)
        row('PNM', 'comments', pnm(known, kind, comment=b'# made by hand\n'), known)
        cuts('PNM', 'PBM, PGM, PPM', pnm(known, kind), kind < 4)
        if kind in (5, 6):
            row('PNM', f'{form}, 16 bits', pnm(known, kind, 65535), known)
            row('PNM', f'{form}, 10 or 12 bits', pnm(known, kind, 1023), known, 1)
            row('PNM', f'{form}, 10 or 12 bits', pnm(known, kind, 4095), known, 1)
            row('PNM', 'largest number below 255', pnm(known, kind, 200), known, 2)
    row('PNM', 'PAM', b'P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nTUPLTYPE GRAYSCALE\nENDHDR\n12', 'PAM')
    row('PNM', 'PFM', b'Pf\n2 1\n-1.0\n' + b'\0' * 8, 'PFM')


def tiff_rows():
    for order in '<', '>':
        row('TIFF', 'gray, 8 bits', tiff(GRAY, order, photometric=1), GRAY)
        row('TIFF', 'gray, 16 bits', tiff(GRAY, order, photometric=1, bits=16), GRAY, 1)
        row('TIFF', 'RGB, 8 bits', tiff(RGB, order), RGB)
        row('TIFF', 'RGB, 16 bits', tiff(RGB, order, bits=16), RGB, 1)
    row('TIFF', 'gray, white is 0', tiff(GRAY, photometric=0), GRAY)
    for photometric in 0, 1:
        row('TIFF', '1 bit', tiff(BITS, photometric=photometric, bits=1), BITS)
    row('TIFF', 'palette', tiff(PALETTE, photometric=3, tags={320: [257 * p for p in palette_table()]}), PALETTE)
    for compression, name in (5, 'LZW'), (8, 'deflate'), (32773, 'PackBits'):
        row('TIFF', name, tiff(RGB, compression=compression), RGB)
        cuts('TIFF', 'LZW, deflate, PackBits', tiff(RGB, compression=compression))
    whole = tiff(RGB, compression=8)
    row('TIFF', 'zeros within its data', whole[:40] + b'\0' * 60 + whole[100:], '')
    row('TIFF', 'planes one by one', tiff(RGB, planar=True), RGB)
    row('TIFF', 'tiles', tiff(RGB, tiled=True, compression=8), RGB)
    row('TIFF', 'tiles without compression', tiff(RGB, tiled=True), 'gdk-pixbuf')
    row('TIFF', 'BigTIFF', tiff(RGB, big=True), RGB)
    for n in range(1, 9):
        row('TIFF', 'orientation 1 to 8', tiff(turned(RGB, n), tags={274: [n]}), RGB)
    row('TIFF', 'several pages', Tiff().page(RGB).page(GRAY, photometric=1).page(turned(RGB, 4)).bytes(), [RGB, GRAY, turned(RGB, 4)])
    row('TIFF', 'a preview of few pixels', Tiff().page(RGB).page([line[:8] for line in RGB[:8]], tags={254: [1]}).bytes(), RGB)
    many = struct.pack('<960f', *(p[0] / 255 for line in GRAY for p in line))
    row('TIFF', 'floating point, 32 bits', tiff(GRAY, photometric=1, samples=many, tags={258: [32], 339: [3]}), 'floating-point')
    row('TIFF', 'floating point, 16 bits', tiff(GRAY, photometric=1, bits=16, tags={339: [3]}), 'floating-point')
    row('TIFF', 'signed, 16 bits', tiff(GRAY, photometric=1, bits=16, tags={339: [2]}), 'signed')
    row('TIFF', 'unsigned, 32 bits', tiff(GRAY, photometric=1, samples=many, tags={258: [32]}), '32 bits')
    row('TIFF', "a camera's raw picture", tiff(GRAY, photometric=1, tags={262: [32803]}), 'raw')
    row('TIFF', "a camera's raw picture", tiff(GRAY, photometric=1, tags={254: [1]}), 'raw')
    for data in tiff(RGB), tiff(RGB, '>', tiled=True), Tiff().page(RGB).page(RGB).bytes():
        cuts('TIFF', 'RGB, tiles, several pages', data)


def palette_table():
    return [p[c] for c in range(3) for p in [*TABLE, *[(0, 0, 0)] * 240]]


def gif_rows():
    row('GIF', 'still', gif(PALETTE), PALETTE)
    row('GIF', 'animated: the first frame', gif(PALETTE, 3), PALETTE)
    cuts('GIF', 'still', gif(PALETTE))


def other_rows():
    for name, data in {'HEIC': struct.pack('>I', 24) + b'ftypheic\0\0\0\0mif1heic', 'AVIF': struct.pack('>I', 24) + b'ftypavif\0\0\0\0',
                       'SVG': b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', 'PSD': b'8BPS\0\1'}.items():
        row(name, 'any', data + b'\0' * 400, name)


def webp_rows():
    """GStreamer's encoder makes them, where there is one."""
    with open('known.ppm', 'wb') as file:
        file.write(pnm(RGB, 6))
    source = f'filesrc location=known.ppm ! pnmdec ! videoconvert ! video/x-raw,format=RGBA'
    made = subprocess.run(['gst-launch-1.0', '-q', *f'{source} ! webpenc lossless=true ! filesink location=known.webp'.split()],
                          capture_output=True).returncode == 0 and os.path.exists('known.webp')
    if not made:
        print('# no webpenc or pnmdec here: WebP is not tried')
        return
    whole = open('known.webp', 'rb').read()
    row('WebP', 'lossless', whole, RGB, 1)
    cuts('WebP', 'lossless', whole)
    body = whole[12:]
    extended = b'VP8X' + struct.pack('<I', 10) + bytes([8, 0, 0, 0]) + struct.pack('<HBHB', 39, 0, 23, 0)
    for n, seen in (1, RGB), (6, turned(RGB, 8)), (3, turned(RGB, 3)):
        exif = b'EXIF' + struct.pack('<I', 26) + jpeg.exif(n)[10:]
        inside = b'WEBP' + extended + body + exif
        row('WebP', 'EXIF orientation 1 to 8', b'RIFF' + struct.pack('<I', len(inside)) + inside, seen, 1)
    animated = b'WEBP' + extended.replace(bytes([8, 0, 0, 0]), bytes([2, 0, 0, 0])) + b'ANIM\6\0\0\0' + b'\0' * 6
    row('WebP', 'animated', b'RIFF' + struct.pack('<I', len(animated)) + animated, 'animated')


def known_rows():
    """All rows, their files written into the working folder."""
    png_rows(), jpeg_rows(), bmp_rows(), pnm_rows(), tiff_rows(), gif_rows(), other_rows(), webp_rows()
    for _, _, name, data, _, _ in rows:
        with open(name, 'wb') as file:
            file.write(data)
    return rows
