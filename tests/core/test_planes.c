/* test_planes.c - a surface's light, planes and cells against their definitions, by any number of threads
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "forward/forward.h"
#include "harness.h"
#include "score/inspector/blur.h"
#include "score/inspector/inspection.h"
#include "score/inspector/logarithms.h"
#include "score/inspector/surface.h"
#include "score/inspector/surface_light.h"

typedef struct {
  int w, h;
  const char *backend;
  int threads;
} Case;

static const Case cases[] = { { 192, 160, "cpu", 1 },       { 192, 160, "cpu", 3 }, { 203, 141, "cpu", 2 },
                              { 203, 141, "reference", 0 }, { 16, 18, "cpu", 2 },   { 353, 32, "cpu", 2 },
                              { 488, 104, "cpu", 3 } };

/* A woven, coloured surface with a gradient. */
static guint8 *
make_pixels(int w, int h)
{
  guint8 *pixels = g_malloc(3 * (gsize)w * (gsize)h);
  guint32 state = 7;
  for (int i = 0; i < w * h; i++)
    for (int c = 0; c < 3; c++) {
      state = state * 1664525u + 1013904223u;
      pixels[3 * i + c] =
          (guint8)(60 + 20 * c + i % w * 40 / w + 25 * ((i % w / 3 + i / w / 5) % 2) + (int)(state >> 28));
    }
  return pixels;
}

static CbiganBackend *
open_in_fp32(const char *name, int threads)
{
  return open_backend(&(CbiganBackendOptions){ .name = name, .threads = threads, .precision = CBIGAN_PRECISION_FP32 });
}

/* --- definitions ------------------------------------------------------------------------------------------------ */

static void
low_pass(const float *x, int w, int h, int pool, float *out)
{
  const int small_w = (w + pool - 1) / pool, small_h = (h + pool - 1) / pool;
  g_autofree float *small = g_new(float, small_w *small_h);
  for (int j = 0; j < small_h; j++)
    for (int i = 0; i < small_w; i++) {
      const int right = MIN((i + 1) * pool, w), bottom = MIN((j + 1) * pool, h);
      float sum = 0.0f;
      for (int row = j * pool; row < bottom; row++)
        for (int column = i * pool; column < right; column++)
          sum += x[row * w + column];
      small[j * small_w + i] = sum / (float)((right - i * pool) * (bottom - j * pool));
    }
  cbigan_blur(small, small_w, small_h, 4.0);
  for (int row = 0; row < h; row++)
    for (int column = 0; column < w; column++) {
      const float v = CLAMP(((float)row + 0.5f) / (float)pool - 0.5f, 0.0f, (float)(small_h - 1));
      const float u = CLAMP(((float)column + 0.5f) / (float)pool - 0.5f, 0.0f, (float)(small_w - 1));
      const float *above = small + (int)v * small_w, *below = small + MIN((int)v + 1, small_h - 1) * small_w;
      const int left = (int)u, right = MIN(left + 1, small_w - 1);
      const float upper = above[left] + (u - (float)left) * (above[right] - above[left]);
      const float lower = below[left] + (u - (float)left) * (below[right] - below[left]);
      out[row * w + column] = upper + (v - (float)(int)v) * (lower - upper);
    }
}

static int
ascending(gconstpointer a, gconstpointer b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double
median(const double *x, int n)
{
  g_autofree double *sorted = g_memdup2(x, (gsize)n * sizeof(double));
  qsort(sorted, (gsize)n, sizeof(double), ascending);
  return sorted[n / 2];
}

static void
define_planes(const CbiganExposure *exposure, const float *x, int w, int h, float *planes)
{
  const int n = w * h;
  g_autofree float *level = g_new(float, n), *fours = g_new(float, n), *twos = g_new(float, n);
  g_autofree float *squares = g_new(float, n), *energy = g_new(float, n);
  for (int i = 0; i < n; i++)
    level[i] = (x[i] + x[n + i] + x[2 * n + i]) / 3.0f;
  low_pass(level, w, h, 4, fours);
  low_pass(level, w, h, 2, twos);
  for (int i = 0; i < n; i++)
    squares[i] = (level[i] - twos[i]) * (level[i] - twos[i]);
  low_pass(squares, w, h, 4, energy);
  for (int i = 0; i < n; i++) {
    const float numbers[] = { level[i] * 1.5f, (level[i] - fours[i]) / exposure->contrast,
                              (level[i] - twos[i]) / ((sqrtf(MAX(energy[i], 0.0f)) + 0.5f * exposure->contrast) * 1.5f),
                              (x[i] - x[n + i] - exposure->colour[0]) / exposure->chroma,
                              (x[2 * n + i] - 0.5f * (x[i] + x[n + i]) - exposure->colour[1]) / exposure->chroma };
    for (int p = 0; p < CBIGAN_SURFACE_PLANES; p++)
      planes[p * n + i] = p ? CLAMP(numbers[p], -8.0f, 8.0f) : numbers[p];
  }
}

/* --- tests ------------------------------------------------------------------------------------------------------ */

static void
test_light(gconstpointer data)
{
  const Case *c = data;
  const int n = c->w * c->h;
  g_autofree guint8 *pixels = make_pixels(c->w, c->h);
  const CbiganFrame frame = { .data = pixels, .width = c->w, .height = c->h, .stride = 3 * (gsize)c->w };
  g_autoptr(CbiganBackend) backend = open_in_fp32(c->backend, c->threads);
  CbiganExposure alone, shared;
  g_autofree float *level = g_new(float, n), *low = g_new(float, n);
  g_autofree double *levels = g_new(double, n), *red = g_new(double, n), *detail = g_new(double, n);
  cbigan_exposure_surface(&alone, &frame, NULL, NULL);
  cbigan_exposure_surface(&shared, &frame, NULL, backend);
  g_assert_cmpmem(&alone, sizeof alone, &shared, sizeof shared);
  for (int i = 0; i < n; i++) {
    const guint8 *p = pixels + 3 * i;
    level[i] = (alone.curve[p[0]] + alone.curve[p[1]] + alone.curve[p[2]]) / 3.0f;
    levels[i] = level[i];
    red[i] = alone.curve[p[0]] - alone.curve[p[1]];
  }
  low_pass(level, c->w, c->h, 4, low);
  for (int i = 0; i < n; i++)
    detail[i] = fabs((double)(level[i] - low[i]));
  /* bins are 0.0007, 0.0015 and 0.0002 wide, and between two numbers a median lies anywhere */
  g_assert_cmpfloat_with_epsilon(median(levels, n), 0.0, 0.02);
  g_assert_cmpfloat_with_epsilon(median(red, n), alone.colour[0], 0.02);
  g_assert_cmpfloat_with_epsilon(2.0 * median(detail, n) + 0.02, alone.contrast, 0.01);
}

#define SIDE 64

/* 40 to 230, such that a gain of 0.9 or 1.1 gives whole numbers again */
static guint8
whole_tens(guint8 byte)
{
  return (guint8)(40 + byte % 20 * 10);
}

/* Planes (5, SIDE, SIDE) of a surface whose bytes get a gain and an offset. light: of good ones; NULL = unknown */
static void
changed_planes(double gain, double offset, const CbiganSurfaceLight *light, float *planes)
{
  g_autofree guint8 *pixels = make_pixels(SIDE, SIDE);
  const CbiganFrame frame = { .data = pixels, .width = SIDE, .height = SIDE, .stride = 3 * SIDE };
  for (int i = 0; i < 3 * SIDE * SIDE; i++)
    pixels[i] = (guint8)lround(gain * whole_tens(pixels[i]) + offset);
  g_auto(CbiganSurface) surface;
  g_assert_true(cbigan_surface_init(&surface, NULL, SIDE, SIDE));
  cbigan_surface_read(&surface, &frame, light);
  cbigan_surface_fill(&surface, planes);
}

/* By a light that tells g from the distance of red's quartiles, and b from their median */
static void
weigh_red(const float quartiles[CBIGAN_LIGHT_QUARTILES], float weights[CBIGAN_LIGHT_QUARTILES])
{
  const float of_gain = (CBIGAN_EXPOSURE_DARK + quartiles[1]) / (quartiles[2] - quartiles[0]);
  weights[0] = -of_gain;
  weights[1] = -1.0f;
  weights[2] = of_gain;
}

/* A gain and an offset of all bytes change no plane much, if the light of good pictures is known. */
static void
test_known_light(void)
{
  enum { N = CBIGAN_SURFACE_PLANES * SIDE * SIDE };
  static const double changes[][2] = { { 1.0, 10.0 }, { 1.0, -10.0 }, { 0.9, 0.0 }, { 1.1, 0.0 }, { 0.9, 5.0 } };
  g_autofree float *usual = g_new(float, N), *planes = g_new(float, N);
  g_autofree guint8 *pixels = make_pixels(SIDE, SIDE);
  const CbiganFrame frame = { .data = pixels, .width = SIDE, .height = SIDE, .stride = 3 * SIDE };
  float quartiles[CBIGAN_LIGHT_QUARTILES], weights[CBIGAN_LIGHT_QUARTILES] = { 0 };
  double differences[2];
  for (int i = 0; i < 3 * SIDE * SIDE; i++)
    pixels[i] = whole_tens(pixels[i]);
  cbigan_surface_quartiles(&frame, quartiles);
  weigh_red(quartiles, weights);
  const CbiganSurfaceLight light = { .known = TRUE, .quartiles = quartiles, .weights = weights };
  for (guint row = 0; row < G_N_ELEMENTS(changes); row++) {
    for (int known = 0; known < 2; known++) {
      changed_planes(1.0, 0.0, known ? &light : NULL, usual);
      changed_planes(changes[row][0], changes[row][1], known ? &light : NULL, planes);
      differences[known] = 0.0;
      for (int i = 0; i < N; i++)
        differences[known] += fabs(planes[i] - usual[i]) / N;
    }
    g_test_message("gain %g, offset %g: planes differ by %g, uncompensated by %g", changes[row][0], changes[row][1],
                   differences[1], differences[0]);
    g_assert_cmpfloat(differences[1], <, 0.005);
    g_assert_cmpfloat(differences[1], <, 0.3 * differences[0]);
  }
}

/* The exposure of a surface of yellow and blue threads: blue ones cover this share. */
static void
expose_two_colours(double share, const CbiganSurfaceLight *light, CbiganExposure *exposure)
{
  g_autofree guint8 *pixels = make_pixels(SIDE, SIDE);
  const CbiganFrame frame = { .data = pixels, .width = SIDE, .height = SIDE, .stride = 3 * SIDE };
  for (int i = 0; i < SIDE * SIDE; i++)
    pixels[3 * i + 2] = (guint8)(pixels[3 * i] + (i % 100 < lround(100.0 * share) ? 30 : -30));
  cbigan_exposure_surface(exposure, &frame, light, NULL);
}

/* Where two colours cover a half each, a little more of one moves their middle a little, and their median far. */
static void
test_two_colours(void)
{
  float nothing[CBIGAN_LIGHT_QUARTILES] = { 0 };
  const CbiganSurfaceLight light = { .known = TRUE, .quartiles = nothing, .weights = nothing };
  CbiganExposure less[2], more[2];
  for (int known = 0; known < 2; known++) {
    expose_two_colours(0.48, known ? &light : NULL, &less[known]);
    expose_two_colours(0.52, known ? &light : NULL, &more[known]);
  }
  g_test_message("blue: median %g and %g, middle %g and %g; chroma %g and %g", less[0].colour[1], more[0].colour[1],
                 less[1].colour[1], more[1].colour[1], less[1].chroma, more[1].chroma);
  const double gap = more[0].colour[1] - less[0].colour[1];
  g_assert_cmpfloat(gap, >, 0.3);
  g_assert_cmpfloat(fabs(more[1].colour[1] - less[1].colour[1]), <, 0.2 * gap);
  g_assert_cmpfloat_with_epsilon(more[1].chroma, less[1].chroma, 0.05 * less[1].chroma);
}

/* A frame's logarithms are rounded once more when the level is taken off them; detail is divided by 0.02 at least. */
#define FRAME_ROUNDING 2e-5f

static void
test_planes(gconstpointer data)
{
  const Case *c = data;
  const gsize n = (gsize)c->w * (gsize)c->h;
  g_autofree guint8 *pixels = make_pixels(c->w, c->h);
  const CbiganFrame frame = { .data = pixels, .width = c->w, .height = c->h, .stride = 3 * (gsize)c->w };
  g_autoptr(CbiganBackend) backend = open_in_fp32(c->backend, c->threads);
  CbiganExposure exposure;
  g_autofree float *x = g_new(float, 3 * n);
  g_autofree float *expected = g_new(float, CBIGAN_SURFACE_PLANES *n), *planes = g_new(float, CBIGAN_SURFACE_PLANES *n);
  g_autofree float *again = g_new(float, CBIGAN_SURFACE_PLANES *n);
  cbigan_exposure_surface(&exposure, &frame, NULL, backend);
  cbigan_exposure_cut_by(backend, &exposure, &frame, 0, 0, c->w, c->h, x);
  define_planes(&exposure, x, c->w, c->h, expected);
  cbigan_surface_planes(&exposure, x, c->w, c->h, backend, planes);
  for (gsize i = 0; i < CBIGAN_SURFACE_PLANES * n; i++)
    if (planes[i] != expected[i])
      g_error("plane %d, row %d, column %d: %.9g, expected %.9g", (int)(i / n), (int)(i % n) / c->w,
              (int)(i % n) % c->w, planes[i], expected[i]);
  g_auto(CbiganSurface) surface;
  g_assert_true(cbigan_surface_init(&surface, backend, c->w, c->h));
  cbigan_surface_read(&surface, &frame, NULL);
  g_assert_cmpmem(&surface.exposure, sizeof exposure, &exposure, sizeof exposure);
  cbigan_surface_fill(&surface, again);
  for (gsize i = 0; i < CBIGAN_SURFACE_PLANES * n; i++)
    if (!(fabsf(again[i] - planes[i]) <= FRAME_ROUNDING))
      g_error("plane %d, row %d, column %d of the frame: %.9g, of its logarithms %.9g", (int)(i / n),
              (int)(i % n) / c->w, (int)(i % n) % c->w, again[i], planes[i]);
}

/* A piece of a picture's planes (5, h, w) that the network reads. */
typedef struct {
  int left, top, w, h;
} Piece;

/* Logits of a piece (transfer full), computed apart from any picture. */
static float *
logits_of(CbiganBackend *backend, const CbiganInspector *inspector, const float *planes, const Case *c, Piece piece)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganNetwork) network = cbigan_inspector_network(inspector, piece.w, piece.h);
  g_autofree float *cut = g_new(float, CBIGAN_SURFACE_PLANES *piece.w *piece.h);
  float *logits = g_new(float, piece.w *piece.h / 16);
  for (int row = 0; row < CBIGAN_SURFACE_PLANES * piece.h; row++)
    memcpy(cut + row * piece.w, planes + (row / piece.h * c->h + piece.top + row % piece.h) * c->w + piece.left,
           (gsize)piece.w * 4);
  float *parameters = cbigan_backend_alloc(backend, network->n_floats, &error);
  cbigan_backend_upload(backend, (CbiganShape){ (int)network->n_floats, 1, 1 }, 1, inspector->parameters, parameters);
  g_autoptr(CbiganForward) forward =
      cbigan_forward_new(backend, network, network->n_layers, 1, NULL, parameters, &error);
  g_assert_no_error(error);
  cbigan_backend_upload(backend, network->values[0].shape, 1, cut, forward->values[0]);
  cbigan_forward_run(forward);
  cbigan_backend_download(backend, network->values[network->output].shape, 1, forward->values[network->output], logits);
  cbigan_backend_free(backend, parameters);
  return logits;
}

/* Cells [column, end_column) x [row, end_row) of a picture are those of a piece. tolerance: of the largest logit */
static void
compare_cells(const CbiganCells *cells, int column, int end_column, int first_row, int end_row, Piece piece,
              const float *logits, float tolerance)
{
  float largest = 0.0f;
  for (int i = 0; i < piece.w * piece.h / 16; i++)
    largest = MAX(largest, fabsf(logits[i]));
  for (int row = first_row; row < end_row; row++)
    for (int i = column; i < end_column; i++) {
      const int u = CLAMP((4 * i + 2 - piece.left) / 4, 0, piece.w / 4 - 1);
      const int v = CLAMP((4 * row + 2 - piece.top) / 4, 0, piece.h / 4 - 1);
      const float expected = logits[v * (piece.w / 4) + u], found = cells->values[row * cells->w + i];
      if (!(fabsf(found - expected) <= tolerance * largest))
        g_error("cell %d, %d is %.9g, expected %.9g +- %g of %g", i, row, found, expected, tolerance, largest);
    }
}

/* A picture's planes, a network of arbitrary numbers, and the cells that an inspection finds. */
typedef struct {
  CbiganBackend *backend;
  CbiganInspector inspector;
  CbiganInspection *inspection;
  const CbiganCells *cells;
  float *planes;
} Inspected;

static void
inspect(const Case *c, gboolean shared_overlap, Inspected *self)
{
  g_autoptr(GError) error = NULL;
  const gsize n = (gsize)c->w * (gsize)c->h;
  g_autofree guint8 *pixels = make_pixels(c->w, c->h);
  const CbiganFrame frame = { .data = pixels, .width = c->w, .height = c->h, .stride = 3 * (gsize)c->w };
  self->backend = open_in_fp32(c->backend, c->threads);
  self->inspector = (CbiganInspector){ .width = 2,
                                       .shared_overlap = shared_overlap,
                                       .maps = { [CBIGAN_MAP_LOGIT] = { .used = TRUE, .scale = 1.0 } } };
  g_autoptr(CbiganNetwork) network =
      cbigan_inspector_network(&self->inspector, CBIGAN_INSPECTOR_STEP, CBIGAN_INSPECTOR_STEP);
  self->inspector.parameters = g_new(float, network->n_floats);
  for (gsize i = 0; i < network->n_floats; i++)
    self->inspector.parameters[i] = sinf((float)i);
  self->inspection = cbigan_inspection_new(&self->inspector, self->backend, NULL, &error);
  g_assert_no_error(error);
  self->cells = cbigan_inspection_frame(self->inspection, &frame, &error);
  g_assert_no_error(error);
  g_auto(CbiganSurface) surface;
  self->planes = g_new(float, CBIGAN_SURFACE_PLANES *n);
  g_assert_true(cbigan_surface_init(&surface, NULL, c->w, c->h));
  cbigan_surface_read(&surface, &frame, NULL);
  cbigan_surface_fill(&surface, self->planes);
}

static void
clear(Inspected *self)
{
  cbigan_inspection_free(self->inspection);
  g_free(self->inspector.parameters);
  g_free(self->planes);
  cbigan_backend_close(self->backend);
}

/* As in older model files: cells beyond the last whole step are those of a window as large as the first one. A strip
 * may be too narrow for the kernels of a whole window, and others round otherwise. */
static void
test_strips(gconstpointer data)
{
  const Case *c = data;
  const int step = CBIGAN_INSPECTOR_STEP, w = c->w / step * step, h = c->h / step * step;
  const Piece piece = { c->w - w, c->h - h, w, h };
  Inspected inspected;
  inspect(c, FALSE, &inspected);
  const CbiganCells *cells = inspected.cells;
  g_autofree float *logits = logits_of(inspected.backend, &inspected.inspector, inspected.planes, c, piece);
  const float tolerance = g_str_equal(c->backend, "reference") ? 0.0f : 2e-5f;
  compare_cells(cells, w / 4, cells->w, 0, cells->h, piece, logits, tolerance);
  compare_cells(cells, 0, w / 4, h / 4, cells->h, piece, logits, tolerance);
  clear(&inspected);
}

/* Where two windows overlap, a cell comes from the one whose border is further away. The test computes each of the
 * four windows by itself. */
static void
test_overlap(gconstpointer data)
{
  const Case *c = data;
  const int step = CBIGAN_INSPECTOR_STEP, lengths[2] = { c->w, c->h };
  int start[2][2], side[2][2], first[2][3]; /* per axis: of the first window and of the strip */
  Inspected inspected;
  inspect(c, TRUE, &inspected);
  const int cells[2] = { inspected.cells->w, inspected.cells->h };
  for (int axis = 0; axis < 2; axis++) {
    const int whole = lengths[axis] / step * step, strip = MIN(whole, 96 + (whole - 96) % 32);
    start[axis][0] = 0;
    start[axis][1] = lengths[axis] - strip;
    side[axis][0] = whole;
    side[axis][1] = strip;
    first[axis][0] = 0;
    first[axis][1] = whole < lengths[axis] ? (start[axis][1] + whole) / 2 / 4 : cells[axis];
    first[axis][2] = cells[axis];
  }
  for (int y = 0; y < 2; y++)
    for (int x = 0; x < 2; x++) {
      const Piece piece = { start[0][x], start[1][y], side[0][x], side[1][y] };
      g_autofree float *logits = logits_of(inspected.backend, &inspected.inspector, inspected.planes, c, piece);
      compare_cells(inspected.cells, first[0][x], first[0][x + 1], first[1][y], first[1][y + 1], piece, logits, 0.0f);
    }
  clear(&inspected);
}

/* Level and colours of any number of pixels are those of their bytes' logarithms, and nothing else is written. */
static void
test_levels(void)
{
  enum { MOST = 200 };
  float curve[256], level[MOST + 1], red[MOST + 1], blue[MOST + 1];
  guint32 state = 5;
  for (int i = 0; i < 256; i++)
    curve[i] = logf(((float)i + 24.0f) / 279.0f);
  for (int n = 0; n <= MOST; n++) {
    g_autofree guint8 *bytes = g_malloc(3 * (gsize)n + 1);
    for (int i = 0; i < 3 * n; i++) {
      state = state * 1664525u + 1013904223u;
      bytes[i] = (guint8)(state >> 24);
    }
    level[n] = red[n] = blue[n] = 7.0f;
    cbigan_read_level_and_colours(curve, bytes, n, level, red, blue);
    for (int i = 0; i < n; i++) {
      const float r = curve[bytes[3 * i]], g = curve[bytes[3 * i + 1]], b = curve[bytes[3 * i + 2]];
      if (level[i] != (r + g + b) / 3.0f || red[i] != r - g || blue[i] != b - 0.5f * (r + g))
        g_error("pixel %d of %d: %.9g, %.9g, %.9g, expected %.9g, %.9g, %.9g", i, n, level[i], red[i], blue[i],
                (r + g + b) / 3.0f, r - g, b - 0.5f * (r + g));
    }
    g_assert_true(level[n] == 7.0f && red[n] == 7.0f && blue[n] == 7.0f);
  }
}

/* Three places of 2x2 cells on a flat map are a picture's highest ones, in order, each as if the others were not there.
 * The mean of the four highest cells is a whole place. A place whose cells do not count is none. */
static void
test_peaks(void)
{
  enum { W = 40, H = 30 };
  static const struct {
    int x, y;
    float value;
  } places[] = { { 5, 5, 6.0f }, { 30, 8, 9.0f }, { 12, 22, 3.0f } };
  float values[W * H] = { 0 };
  guint8 counts[W * H];
  double peaks[CBIGAN_CELLS_PEAKS];
  memset(counts, 1, sizeof counts);
  for (guint i = 0; i < G_N_ELEMENTS(places); i++)
    for (int k = 0; k < 4; k++)
      values[(places[i].y + k / 2) * W + places[i].x + k % 2] = places[i].value;
  CbiganCells cells = { W, H, values, NULL, NULL };
  cbigan_cells_peaks(&cells, CBIGAN_SUMMARY_FEW, peaks);
  g_assert_cmpfloat(peaks[0], ==, cbigan_cells_summary(&cells, CBIGAN_SUMMARY_FEW));
  g_assert_cmpfloat(peaks[0], ==, 9.0);
  g_assert_cmpfloat(peaks[1], ==, 6.0);
  g_assert_cmpfloat(peaks[2], ==, 3.0);
  g_assert_cmpfloat(peaks[3], ==, 0.0);
  cbigan_cells_peaks(&cells, CBIGAN_SUMMARY_PEAK, peaks);
  g_assert_cmpfloat(peaks[0], ==, cbigan_cells_summary(&cells, CBIGAN_SUMMARY_PEAK));
  g_assert_cmpfloat_with_epsilon(peaks[1] / peaks[0], 6.0 / 9.0, 1e-6);
  for (int i = 0; i < W * H; i++)
    counts[i] = i % W < W / 2;
  cells.counts = counts;
  cbigan_cells_peaks(&cells, CBIGAN_SUMMARY_FEW, peaks);
  g_assert_cmpfloat(peaks[0], ==, 6.0);
  g_assert_cmpfloat(peaks[1], ==, 3.0);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    const Case *c = &cases[i];
    g_autofree char *name = g_strdup_printf("%dx%d/%s/%d", c->w, c->h, c->backend, c->threads);
    g_autofree char *light = g_strconcat("/planes/light/", name, NULL);
    g_autofree char *planes = g_strconcat("/planes/definition/", name, NULL);
    g_autofree char *strips = g_strconcat("/planes/strips/", name, NULL);
    g_autofree char *overlap = g_strconcat("/planes/overlap/", name, NULL);
    g_test_add_data_func(light, c, test_light);
    g_test_add_data_func(planes, c, test_planes);
    g_test_add_data_func(strips, c, test_strips);
    g_test_add_data_func(overlap, c, test_overlap);
  }
  g_test_add_func("/planes/light", test_known_light);
  g_test_add_func("/planes/two-colours", test_two_colours);
  g_test_add_func("/planes/levels", test_levels);
  g_test_add_func("/planes/peaks", test_peaks);
  return g_test_run();
}
