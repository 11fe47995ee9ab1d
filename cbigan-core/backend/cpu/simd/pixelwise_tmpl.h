/* pixelwise_tmpl.h - 1x1 convolutions of few channels; part of simd_channels.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A vector holds all outputs of as many pixels as fit: lane k is output k % outputs of pixel k / outputs. The
 * pixels' inputs fill one or two vectors. For each input number, a shuffle of these vectors gives every lane that input
 * of its own pixel. Nothing is transposed, and few lanes are empty.
 */
#pragma once

/* clang-format off */

/* Lane k = number of a lane of a, or behind those of b. */
INLINE Vector
pick(const Vector a, const Vector b, const gboolean two, const Mask number)
{
#ifdef __clang__
  Vector out;
  for (int k = 0; k < VECTOR; k++)
    out[k] = number[k] < VECTOR ? a[number[k]] : b[number[k] - VECTOR];
  return out;
#else
  return two ? __builtin_shuffle(a, b, number) : __builtin_shuffle(a, number);
#endif
}

/* Lane k: the number of the lane that holds input 0 of the lane's pixel */
INLINE Mask
first_input(int inputs, int outputs)
{
  Mask number;
  for (int k = 0; k < VECTOR; k++) /* lanes after the last pixel hold arbitrary numbers */
    number[k] = MIN(k / outputs, VECTOR / outputs - 1) * inputs;
  return number;
}

/* One vector of y. two: constant */
INLINE Vector
pixels_sum(const CbiganPixelwise *p, const gboolean two, const float *x, Mask number, Vector sum)
{
  const Vector a = load_any(x), b = two ? load_any(x + VECTOR) : a;
  for (int i = 0; i < p->inputs; i++, number += 1)
    sum += pick(a, b, two, number) * load_any(p->weights + i * VECTOR);
  return leaky(sum, p->slope);
}

/* Pixels that fill no vector, and the last vector of a thread's part, go through this buffer. */
INLINE void
last_pixels(const CbiganPixelwise *p, const gboolean two, const float *x, int n, gboolean accumulate, float *y)
{
  float in[2 * VECTOR] = { 0 }, out[VECTOR] = { 0 };
  memcpy(in, x, (gsize)(n * p->inputs) * sizeof *x);
  if (accumulate)
    memcpy(out, y, (gsize)(n * p->outputs) * sizeof *y);
  const Vector sum = pixels_sum(p, two, in, first_input(p->inputs, p->outputs), load_any(p->bias) + load_any(out));
  store_any(out, sum);
  memcpy(y, out, (gsize)(n * p->outputs) * sizeof *y);
}

INLINE void
map_pixels(const CbiganPixelwise *p, const gboolean two, const gboolean accumulate, const float *x, gsize n, float *y)
{
  const int some = VECTOR / p->outputs, filled = some * p->outputs;
  const Mask number = first_input(p->inputs, p->outputs);
  const Vector bias = load_any(p->bias);
  Mask keep; /* lanes that belong to the next pixel */
  for (int k = 0; k < VECTOR; k++)
    keep[k] = k < filled ? 0 : -1;
  gsize done = 0;
  for (; done + (gsize)some < n; done += (gsize)some, x += some * p->inputs, y += filled) {
    Vector sum = bias, there = { 0 };
    if (accumulate || filled < VECTOR)
      there = load_any(y);
    if (accumulate)
      sum += there;
    sum = pixels_sum(p, two, x, number, sum);
    store_any(y, filled < VECTOR ? choose(keep, there, sum) : sum);
  }
  last_pixels(p, two, x, (int)(n - done), accumulate, y);
}

static void
pixelwise(const CbiganPixelwise *p, const float *x, gsize n, gboolean accumulate, float *y)
{
  const gboolean two = VECTOR / p->outputs * p->inputs > VECTOR;
  if (two && accumulate)
    map_pixels(p, TRUE, TRUE, x, n, y);
  else if (two)
    map_pixels(p, TRUE, FALSE, x, n, y);
  else if (accumulate)
    map_pixels(p, FALSE, TRUE, x, n, y);
  else
    map_pixels(p, FALSE, FALSE, x, n, y);
}

#define INPUTS_AT_ONCE 8

/* sums[i] += dy * input first + i, for so many inputs; n: whole vectors; inputs_at_once, two: constants */
INLINE void
add_pixel_products(const int inputs_at_once, const gboolean two, int inputs, int outputs, const float *x,
                   const float *dy, gsize n, int first, Vector *sums)
{
  const int some = VECTOR / outputs;
  Mask number = first_input(inputs, outputs) + first;
  Vector sum[INPUTS_AT_ONCE];
  UNROLL for (int i = 0; i < inputs_at_once; i++)
    sum[i] = sums[i];
  for (gsize done = 0; done < n; done += (gsize)some, x += some * inputs, dy += some * outputs) {
    const Vector a = load_any(x), b = two ? load_any(x + VECTOR) : a, d = load_any(dy);
    UNROLL for (int i = 0; i < inputs_at_once; i++)
      sum[i] += pick(a, b, two, number + i) * d;
  }
  UNROLL for (int i = 0; i < inputs_at_once; i++)
    sums[i] = sum[i];
}

INLINE void
all_pixel_products(const gboolean two, int inputs, int outputs, const float *x, const float *dy, gsize n, Vector *sums)
{
  int i = 0;
  for (; i + INPUTS_AT_ONCE <= inputs; i += INPUTS_AT_ONCE)
    add_pixel_products(INPUTS_AT_ONCE, two, inputs, outputs, x, dy, n, i, sums + i);
  for (; i + 4 <= inputs; i += 4)
    add_pixel_products(4, two, inputs, outputs, x, dy, n, i, sums + i);
  for (; i < inputs; i++)
    add_pixel_products(1, two, inputs, outputs, x, dy, n, i, sums + i);
}

static void
pixelwise_products(int inputs, int outputs, const float *x, const float *dy, gsize n, double *products)
{
  const int some = VECTOR / outputs;
  const gboolean two = some * inputs > VECTOR;
  const gsize whole = n > (gsize)some ? (n - 1) / (gsize)some * (gsize)some : 0; /* pixels of all vectors but the last */
  Vector sums[2 * VECTOR];
  float in[2 * VECTOR] = { 0 }, out[VECTOR] = { 0 };
  memset(sums, 0, (gsize)inputs * sizeof *sums);
  memcpy(in, x + whole * (gsize)inputs, (n - whole) * (gsize)inputs * sizeof *x);
  memcpy(out, dy + whole * (gsize)outputs, (n - whole) * (gsize)outputs * sizeof *dy);
  if (two) {
    all_pixel_products(TRUE, inputs, outputs, x, dy, whole, sums);
    all_pixel_products(TRUE, inputs, outputs, in, out, (gsize)some, sums);
  } else {
    all_pixel_products(FALSE, inputs, outputs, x, dy, whole, sums);
    all_pixel_products(FALSE, inputs, outputs, in, out, (gsize)some, sums);
  }
  for (int o = 0; o < outputs; o++)
    for (int i = 0; i < inputs; i++)
      for (int k = o; k < some * outputs; k += outputs)
        products[o * inputs + i] += (double)sums[i][k];
}
/* clang-format on */
