/* test_augment.c - patches out of pictures, and batches that are a function of seed and number
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "data/augment.h"
#include "harness.h"
#include "model/network.h"
#include "data/random.h"

#define SIDE 8 /* patch side in the tests of one patch */

static guint8
pixel_of(int x, int y, int c)
{
  return (guint8)(x * 31 + y * 17 + c * 59 + x * y);
}

static CbiganPicture *
new_picture(int width, int height)
{
  CbiganPicture *p = g_new0(CbiganPicture, 1);
  p->width = width;
  p->height = height;
  p->pixels = g_new(guint8, (gsize)width * height * 3);
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      for (int c = 0; c < 3; c++)
        p->pixels[((gsize)y * width + x) * 3 + c] = pixel_of(x, y, c);
  return p;
}

static void
free_picture(gpointer data)
{
  CbiganPicture *p = data;
  g_free(p->pixels);
  g_free(p);
}

static void
check(float found, double expected, double tolerance, int x, int y, int c)
{
  if (!(fabs(found - expected) <= tolerance))
    g_error("pixel (%d, %d), channel %d is %.7g, expected %.7g (tolerance %g)", x, y, c, found, expected, tolerance);
}

/* Angle 0 copies; a quarter turn takes pixel (x, y) from (side - 1 - y, x), a half turn from the opposite one. */
static void
test_turns(void)
{
  CbiganPicture *p = new_picture(13, 11);
  float patch[3 * SIDE * SIDE];
  for (int quarter = 0; quarter < 4; quarter++) {
    cbigan_augment_patch(p, 3, 2, 90.0 * quarter, SIDE, patch);
    for (int c = 0; c < 3; c++)
      for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
          int last = SIDE - 1;
          int from[4][2] = { { x, y }, { last - y, x }, { last - x, last - y }, { y, last - x } };
          double expected = pixel_of(3 + from[quarter][0], 2 + from[quarter][1], c) / 127.5 - 1.0;
          check(patch[(c * SIDE + y) * SIDE + x], expected, quarter ? 1e-4 : 1e-6, x, y, c);
        }
  }
  free_picture(p);
}

/* Half a pixel aside is (-1, 9, 9, -1) / 16 of four neighbours, within a pixel's range; outside, the edge goes on. */
static void
test_cubic_and_edges(void)
{
  CbiganPicture *p = new_picture(SIDE, SIDE);
  float patch[3 * SIDE * SIDE];
  gboolean overshoots = FALSE;
  cbigan_augment_patch(p, 0.5, -2.0, 0.0, SIDE, patch);
  for (int c = 0; c < 3; c++)
    for (int y = 0; y < SIDE; y++)
      for (int x = 0; x < SIDE; x++) {
        int row = MAX(y - 2, 0), last = SIDE - 1;
        double inner = pixel_of(x, row, c) + pixel_of(MIN(x + 1, last), row, c);
        double outer = pixel_of(MAX(x - 1, 0), row, c) + pixel_of(MIN(x + 2, last), row, c);
        double value = (9.0 * inner - outer) / 16.0;
        overshoots |= value < 0.0 || value > 255.0;
        check(patch[(c * SIDE + y) * SIDE + x], CLAMP(value, 0.0, 255.0) / 127.5 - 1.0, 1e-6, x, y, c);
      }
  g_assert_true(overshoots);
  free_picture(p);
}

/* Third-order (Keys 1981, table II): a parabola keeps its values wherever it is read. */
static void
test_cubic_order(void)
{
  CbiganPicture *p = new_picture(3 * SIDE, SIDE);
  float patch[3 * SIDE * SIDE];
  for (int i = 0; i < p->height * p->width * 3; i++) {
    int x = i / 3 % p->width;
    p->pixels[i] = (guint8)MIN(x * (x + 1) / 2, 255);
  }
  for (double part = 0.125; part < 1.0; part += 0.125) {
    cbigan_augment_patch(p, 1.0 + part, 0.0, 0.0, SIDE, patch);
    for (int x = 0; x < SIDE; x++) {
      double at = x + 1.0 + part;
      check(patch[x], at * (at + 1.0) / 2.0 / 127.5 - 1.0, 1e-6, x, 0, 0);
    }
  }
  free_picture(p);
}

static CbiganBatchOptions
batch_options(GPtrArray *pictures)
{
  return (CbiganBatchOptions){ .pictures = (const CbiganPicture *const *)pictures->pdata,
                               .n_pictures = pictures->len,
                               .batch = 3,
                               .patch = 64,
                               .rotation = 45.0,
                               .seed = 11 };
}

static GPtrArray *
new_pictures(guint n, int width, int height)
{
  GPtrArray *pictures = g_ptr_array_new_with_free_func(free_picture);
  for (guint i = 0; i < n; i++) {
    CbiganPicture *p = new_picture(width, height);
    memset(p->pixels, (int)i, (gsize)width * height * 3); /* its number, whatever is cropped */
    g_ptr_array_add(pictures, p);
  }
  return pictures;
}

static void
assert_same(const CbiganBatch *a, const CbiganBatch *b, const CbiganBatchOptions *o)
{
  g_assert_cmpmem(a->x, sizeof(float) * o->batch * 3 * 64 * 64, b->x, sizeof(float) * o->batch * 3 * 64 * 64);
  g_assert_cmpmem(a->z, sizeof(float) * o->batch * CBIGAN_LATENT, b->z, sizeof(float) * o->batch * CBIGAN_LATENT);
  g_assert_cmpmem(a->e, sizeof(float) * o->batch, b->e, sizeof(float) * o->batch);
}

/* Batch k is the same whether the run came there or began there. */
static void
test_resume(void)
{
  g_autoptr(GPtrArray) pictures = new_pictures(5, 80, 70);
  for (guint i = 0; i < pictures->len; i++) { /* content, so that crops differ */
    CbiganPicture *p = g_ptr_array_index(pictures, i), *with = new_picture(80, 70);
    memcpy(p->pixels, with->pixels, 80 * 70 * 3);
    p->pixels[0] = (guint8)i;
    free_picture(with);
  }
  CbiganBatchOptions o = batch_options(pictures);
  g_autoptr(CbiganBatches) whole = cbigan_batches_new(&o, 0, NULL);
  const CbiganBatch *a = NULL;
  for (int i = 0; i <= 7; i++)
    a = cbigan_batches_next(whole);
  g_autoptr(CbiganBatches) late = cbigan_batches_new(&o, 7, NULL);
  assert_same(a, cbigan_batches_next(late), &o);
  assert_same(cbigan_batches_next(whole), cbigan_batches_next(late), &o);
  o.seed++;
  g_autoptr(CbiganBatches) other = cbigan_batches_new(&o, 8, NULL);
  const CbiganBatch *b = cbigan_batches_next(other);
  g_assert_cmpfloat(b->z[0], !=, a->z[0]);
  g_assert_cmpfloat(b->e[0], !=, a->e[0]);
}

/* 7 pictures, batches of 3: after 7 batches each came three times, once an epoch. */
static void
test_epochs(void)
{
  g_autoptr(GPtrArray) pictures = new_pictures(7, 64, 64);
  CbiganBatchOptions o = batch_options(pictures);
  g_autoptr(CbiganBatches) batches = cbigan_batches_new(&o, 0, NULL);
  guint seen[21], n = 0;
  for (int k = 0; k < 7; k++) {
    const CbiganBatch *b = cbigan_batches_next(batches);
    for (int i = 0; i < 3; i++)
      seen[n++] = (guint)lround((b->x[(gsize)i * 3 * 64 * 64] + 1.0) * 127.5);
  }
  for (int epoch = 0; epoch < 3; epoch++) {
    guint mask = 0;
    for (int i = 0; i < 7; i++)
      mask |= 1u << seen[epoch * 7 + i];
    g_assert_cmpuint(mask, ==, 0x7f);
  }
  g_assert_cmpint(memcmp(seen, seen + 7, sizeof *seen * 7), !=, 0);
}

/* A thread that takes one batch after another waits for nearly all of them. The waiting is part of the time that
 * passed. */
static void
test_waited(void)
{
  g_autoptr(GPtrArray) pictures = new_pictures(3, 80, 70);
  CbiganBatchOptions o = batch_options(pictures);
  o.batch = 16;
  gint64 start = g_get_monotonic_time();
  g_autoptr(CbiganBatches) batches = cbigan_batches_new(&o, 0, NULL);
  g_assert_cmpfloat(cbigan_batches_waited(batches), ==, 0.0);
  for (int i = 0; i < 32; i++)
    cbigan_batches_next(batches);
  g_assert_cmpfloat(cbigan_batches_waited(batches), >, 0.0);
  g_assert_cmpfloat(cbigan_batches_waited(batches), <=, (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC);
}

/* The moments of z and e: five standard errors of 96,000 and 24,000 numbers. */
static void
test_random(void)
{
  enum { N = 96000 };
  g_autofree float *z = g_new(float, N);
  double mean = 0.0, square = 0.0, fourth = 0.0, uniform = 0.0;
  cbigan_random_normal(cbigan_random_key(3, CBIGAN_RANDOM_LATENT, 5), N, z);
  for (int i = 0; i < N; i++) {
    mean += z[i] / N;
    square += (double)z[i] * z[i] / N;
    fourth += pow(z[i], 4) / N;
  }
  for (int i = 0; i < N / 4; i++)
    uniform += cbigan_random_uniform(cbigan_random_key(3, CBIGAN_RANDOM_MIX, (guint64)i), 0) / (N / 4);
  g_assert_cmpfloat(fabs(mean), <, 5.0 / sqrt(N));
  g_assert_cmpfloat(fabs(square - 1.0), <, 5.0 * sqrt(2.0 / N));
  g_assert_cmpfloat(fabs(fourth - 3.0), <, 5.0 * sqrt(96.0 / N));
  g_assert_cmpfloat(fabs(uniform - 0.5), <, 5.0 * sqrt(1.0 / 12 / (N / 4)));
}

/* A backend that stores pictures cuts the patches that the host does, to the bit: turned, across edges, of pictures of
 * any size. */
static void
test_stored(gconstpointer backend_name)
{
  const CbiganShape shape = { 3, 64, 64 };
  const gsize size = 3 * cbigan_shape_size(shape);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) pictures = g_ptr_array_new_with_free_func(free_picture);
  g_autoptr(CbiganBackend) backend = cbigan_backend_open(
      &(CbiganBackendOptions){ .name = backend_name, .threads = 1, .purpose = CBIGAN_FOR_TRAINING }, &error);
  CbiganGrad grad;
  cbigan_grad_init(&grad, backend, &error);
  g_assert_no_error(error);
  for (int i = 0; i < 4; i++)
    g_ptr_array_add(pictures, new_picture(64 + 31 * i, 90 - 13 * (i % 3)));
  CbiganBatchOptions o = batch_options(pictures);
  for (int turned = 0; turned < 2; turned++) {
    o.rotation = turned ? 180.0 : 0.0;
    o.grad = NULL;
    g_autoptr(CbiganBatches) here = cbigan_batches_new(&o, 5, NULL);
    o.grad = &grad;
    g_autoptr(CbiganBatches) there = cbigan_batches_new(&o, 5, NULL);
    float *x = cbigan_backend_alloc(backend, size, NULL);
    g_autofree float *found = g_new(float, size);
    for (int k = 0; k < 4; k++) {
      const CbiganBatch *want = cbigan_batches_next(here), *got = cbigan_batches_next(there);
      g_assert_nonnull(want->x);
      g_assert_true(got->stored && !got->x);
      const guint8 *sent = cbigan_grad_staging_receive(&grad, got->staging);
      const guint8 *cuts = sent + ((guint8 *)got->cuts - (guint8 *)got->staging->host);
      cbigan_grad_cut(&grad, got->stored, o.batch, (const CbiganCut *)(gconstpointer)cuts, shape.w, x);
      cbigan_backend_download(backend, shape, o.batch, x, found);
      cbigan_backend_finish(backend, &error);
      g_assert_no_error(error);
      g_assert_cmpmem(found, size * sizeof(float), want->x, size * sizeof(float));
      g_assert_cmpmem(got->z, sizeof(float) * 3 * CBIGAN_LATENT, want->z, sizeof(float) * 3 * CBIGAN_LATENT);
    }
    cbigan_backend_free(backend, x);
  }
}

/* More than half of what is free: patches are cut on the host, and nothing has failed. */
static void
test_too_many(gconstpointer backend_name)
{
  if (!g_getenv("CBIGAN_TEST_EMULATED")) {
    g_test_skip("only on the emulated GPU");
    return;
  }
  g_setenv("CBIGAN_EMULATOR", "memory=1", TRUE);
  for (guint n = 5; n <= 6; n++) { /* 100 KB each, of 512 */
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) pictures = new_pictures(n, 200, 166);
    CbiganBatchOptions o = batch_options(pictures);
    g_autoptr(CbiganBackend) backend =
        open_backend(&(CbiganBackendOptions){ .name = backend_name, .threads = 1, .purpose = CBIGAN_FOR_TRAINING });
    CbiganGrad grad;
    cbigan_grad_init(&grad, backend, NULL);
    o.grad = &grad;
    g_autoptr(CbiganBatches) batches = cbigan_batches_new(&o, 0, NULL);
    const CbiganBatch *b = cbigan_batches_next(batches);
    g_assert_cmpint(b->stored != NULL, ==, n == 5);
    g_assert_cmpint(b->x != NULL, ==, n == 6);
    cbigan_backend_finish(backend, &error);
    g_assert_no_error(error);
  }
  g_unsetenv("CBIGAN_EMULATOR");
}

static void
add_stored(const char *name)
{
  if (!available_or_skipped("augment/stored", name))
    return;
  g_autoptr(CbiganBackend) backend =
      cbigan_backend_open(&(CbiganBackendOptions){ .name = name, .threads = 1, .purpose = CBIGAN_FOR_TRAINING }, NULL);
  CbiganGrad grad;
  if (!backend || !cbigan_grad_init(&grad, backend, NULL) || !grad.table->store)
    return;
  g_autofree char *stored = g_strdup_printf("/augment/stored/%s/patches", name);
  g_autofree char *too_many = g_strdup_printf("/augment/stored/%s/too-many", name);
  g_test_add_data_func(stored, name, test_stored);
  g_test_add_data_func(too_many, name, test_too_many);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/augment/turns", test_turns);
  g_test_add_func("/augment/cubic-and-edges", test_cubic_and_edges);
  g_test_add_func("/augment/cubic-order", test_cubic_order);
  g_test_add_func("/augment/resume", test_resume);
  g_test_add_func("/augment/epochs", test_epochs);
  g_test_add_func("/augment/waited", test_waited);
  g_test_add_func("/augment/random", test_random);
  for (const CbiganBackendClass *const *b = cbigan_backend_list(); *b; b++)
    add_stored((*b)->name);
  return g_test_run();
}
