/* frame.cu - converts a frame of video in device memory to the model's RGB frame
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Two kernels, one per direction of the resampling. The first one reads the video and enlarges chroma as it reads a
 * pixel. Either the first or the second one applies the matrix, as GStreamer does.
 */
#include "frame.h"

#include "backend/cuda/kernels/launch.cuh"

struct Pixel {
  int number[3];
};

__device__ static inline int
clamped(int v, int least, int most)
{
  return min(max(v, least), most);
}

/* x, y: column and row of the component's own plane */
__device__ static inline int
sample(const CbiganDeviceFrame &f, int component, int x, int y)
{
  const CbiganFrameComponent &c = f.component[component];
  const unsigned char *at = c.data + (size_t)y * c.stride + (size_t)x * (size_t)c.step;
  if (!f.deep)
    return *at;
  const int v = *(const unsigned short *)at;
  return v | v >> 10; /* 1023 becomes 65535 */
}

/* The chroma of the frame's column x in a row of its plane */
__device__ static inline int
chroma_in_row(const CbiganDeviceFrame &f, int component, int x, int row)
{
  const int shift = f.component[component].shift_x, here = sample(f, component, x >> shift, row);
  const bool odd = x & 1, last = x == f.width - 1;
  if (!shift || (odd ? last : x == 0 || f.chroma == CBIGAN_FRAME_CHROMA_COSITED))
    return here;
  const int beside = sample(f, component, (x >> 1) + (odd ? 1 : -1), row);
  return f.chroma == CBIGAN_FRAME_CHROMA_COSITED ? (here + beside + 1) >> 1 : (3 * here + beside + 2) >> 2;
}

__device__ static inline int
component_at(const CbiganDeviceFrame &f, int component, int x, int y)
{
  const CbiganFrameComponent &c = f.component[component];
  if (f.chroma == CBIGAN_FRAME_CHROMA_NEAREST)
    return sample(f, component, x >> c.shift_x, y >> c.shift_y);
  const int here = chroma_in_row(f, component, x, y >> c.shift_y);
  if (!c.shift_y || !f.chroma_between_rows)
    return here;
  const int other = y & 1 ? min(y + 1, f.height - 1) : max(y - 1, 0);
  return (3 * here + chroma_in_row(f, component, x, other >> 1) + 2) >> 2;
}

/* The upper 16 bits of a product of two 16-bit numbers; the first one is a signed byte, repeated. */
__device__ static inline int
scaled(int byte, int factor)
{
  const short twice = (short)(byte * 256 + (byte & 255));
  return (twice * factor) >> 16;
}

/* The matrix's offsets are not needed: luma of 16 becomes 0 by clamping. */
__device__ static inline Pixel
rgb_of_bytes(const CbiganDeviceFrame &f, const Pixel &p)
{
  const int y = scaled(p.number[0] - 128, f.matrix[0][0]), u = p.number[1] - 128, v = p.number[2] - 128;
  return { { clamped(y + scaled(v, f.matrix[0][2]), -128, 127) + 128,
             clamped(y + scaled(u, f.matrix[1][1]) + scaled(v, f.matrix[1][2]), -128, 127) + 128,
             clamped(y + scaled(u, f.matrix[2][1]), -128, 127) + 128 } };
}

__device__ static inline Pixel
rgb_of_words(const CbiganDeviceFrame &f, const Pixel &p)
{
  Pixel rgb;
  for (int i = 0; i < 3; i++) {
    const int *m = f.matrix[i];
    const int v = (m[0] * p.number[0] + m[1] * p.number[1] + m[2] * p.number[2] + m[3]) >> 8;
    rgb.number[i] = clamped(v, 0, 65535) >> 8;
  }
  return rgb;
}

__device__ static inline Pixel
rgb_of(const CbiganDeviceFrame &f, const Pixel &p)
{
  return !f.yuv ? p : f.deep ? rgb_of_words(f, p) : rgb_of_bytes(f, p);
}

__device__ static inline Pixel
pixel_at(const CbiganDeviceFrame &f, int x, int y)
{
  Pixel p;
  p.number[0] = sample(f, 0, x, y);
  for (int i = 1; i < 3; i++)
    p.number[i] = component_at(f, i, x, y);
  return f.matrix_first ? rgb_of(f, p) : p;
}

/* read(k) returns the k-th pixel along the axis. */
template <typename Read>
__device__ static inline Pixel
resampled(const CbiganDeviceFrame &f, const CbiganFrameAxis &axis, int i, Read read)
{
  if (!axis.n_taps)
    return read(i);
  const int first = axis.first[i], most = f.deep && !f.matrix_first ? 65535 : 255;
  const short *weight = axis.weight + (size_t)i * (size_t)axis.n_taps;
  Pixel sum = { { axis.round, axis.round, axis.round } };
  for (int k = 0; k < axis.n_taps; k++) {
    const Pixel p = read(first + k);
    for (int c = 0; c < 3; c++)
      sum.number[c] += weight[k] * p.number[c];
  }
  for (int c = 0; c < 3; c++)
    sum.number[c] = clamped(sum.number[c] >> axis.shift, 0, most);
  return sum;
}

__device__ static inline Pixel
load(const unsigned short *p)
{
  return { { p[0], p[1], p[2] } };
}

/* -> middle (height, out_width, 3), or (out_height, width, 3) where the vertical direction comes first */
__global__ static void
first_direction(CbiganDeviceFrame f, size_t n_pixels, unsigned short *middle)
{
  const size_t width = (size_t)(f.vertical_first ? f.width : f.out_width);
  CBIGAN_EACH (i, n_pixels) {
    const int x = (int)(i % width), y = (int)(i / width);
    const Pixel p = f.vertical_first ? resampled(f, f.vertical, y, [&](int at) { return pixel_at(f, x, at); })
                                     : resampled(f, f.horizontal, x, [&](int at) { return pixel_at(f, at, y); });
    for (int c = 0; c < 3; c++)
      middle[3 * i + (size_t)c] = (unsigned short)p.number[c];
  }
}

__global__ static void
second_direction(CbiganDeviceFrame f, size_t n_pixels, const unsigned short *middle, unsigned char *rgb)
{
  const size_t width = (size_t)(f.vertical_first ? f.width : f.out_width);
  CBIGAN_EACH (i, n_pixels) {
    const int x = (int)(i % (size_t)f.out_width), y = (int)(i / (size_t)f.out_width);
    const Pixel p =
        f.vertical_first
            ? resampled(f, f.horizontal, x, [&](int at) { return load(middle + 3 * ((size_t)y * width + (size_t)at)); })
            : resampled(f, f.vertical, y, [&](int at) { return load(middle + 3 * ((size_t)at * width + (size_t)x)); });
    const Pixel out = f.matrix_first ? p : rgb_of(f, p);
    for (int c = 0; c < 3; c++)
      rgb[3 * i + (size_t)c] = (unsigned char)out.number[c];
  }
}

static size_t
middle_pixels(const CbiganDeviceFrame *f)
{
  return f->vertical_first ? (size_t)f->width * (size_t)f->out_height : (size_t)f->out_width * (size_t)f->height;
}

size_t
cbigan_frame_middle_size(const CbiganDeviceFrame *frame)
{
  return 3 * middle_pixels(frame);
}

cudaError_t
cbigan_frame_launch(const CbiganDeviceFrame *frame, unsigned short *middle, unsigned char *rgb, cudaStream_t stream)
{
  const size_t n_middle = middle_pixels(frame), n_rgb = (size_t)frame->out_width * (size_t)frame->out_height;
  const cudaError_t status = CBIGAN_LAUNCH(first_direction, blocks_for(n_middle), stream, *frame, n_middle, middle);
  if (status != cudaSuccess)
    return status;
  return CBIGAN_LAUNCH(second_direction, blocks_for(n_rgb), stream, *frame, n_rgb, middle, rgb);
}
