/* fused.c - runs the lane steps of a plan
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each run of a plan is one run of the thread pool. While at least as many groups of lanes are left as there are
 * threads, a thread takes whole groups. All threads together do the other groups, one after another: they share the
 * items of each step (tiles, rows, outputs).
 *
 * The first block of a picture's planes takes their rows into lanes while it needs them, so that the planes are read
 * once and never written as a value. Where a maker makes the rows then, they are not written to memory at all.
 */
#include "fused.h"

#include <string.h>

static CbiganCpuMap
map(const CbiganCpuFused *self, float *data, int c, int h, int w, int rows)
{
  int lane_width = cbigan_cpu_lane_width(self, w);
  return (
      CbiganCpuMap){ data, c, h, lane_width, rows, self->segments, cbigan_map_plane(lane_width, self->kernels->lanes) };
}

static CbiganCpuMap
value_map(const CbiganCpuFused *self, float *group, int value)
{
  CbiganShape s = self->shapes[value];
  return map(self, group + self->offsets[value], s.c, s.h, s.w, s.h);
}

typedef struct {
  const CbiganCpuFused *fused;
  const CbiganPlanes *planes; /* NULL: value 0 lies with the others */
  float *const *values;
  int whole; /* groups that are one item each, in the first turn */
  int parts; /* items of each turn of the other groups; their turns are: values in, each step, values out */
} Run;

/* --- planes ----------------------------------------------------------------------------------------------------- */

#define TRANSFER 64 /* numbers of a sample at a time */
#define LINE 16     /* floats of a cache's line, or half of it */

/* Planes, and what a thread needs to make their rows. */
typedef struct {
  const CbiganPlanes *planes;
  gpointer rows; /* NULL: they lie in memory, or can't be made */
} Taking;

static Taking
taking_begin(const CbiganPlanes *planes)
{
  return (Taking){ planes, planes->data ? NULL : planes->maker->begin(planes->maker->source) };
}

static void
taking_end(Taking *self)
{
  if (self->rows)
    self->planes->maker->end(self->rows);
}

/* Copies rows [first, end) of planes into the segments of m. Of those in memory, the processor does not foresee that
 * each segment is read for a moment only, so the next row is asked for. */
static void
take_planes(const CbiganCpuFused *self, const Taking *taking, const CbiganCpuMap *m, int first, int end)
{
  const CbiganCpuKernels *k = self->kernels;
  const CbiganPlanes *planes = taking->planes;
  for (int y = first; y < end && (planes->data || taking->rows); y++) {
    const float *row = planes->data ? planes->data + (gsize)(planes->top + y) * planes->row
                                    : planes->maker->row(taking->rows, planes->top + y);
    row += planes->left;
    for (int c = 0; c < m->c; c++, row += planes->plane) {
      float *columns[TRANSFER], *to = cbigan_map_row(m, y) + (gsize)c * m->plane;
      for (gsize i = 0; planes->data && y + 1 < m->h && i < planes->row; i += LINE)
        __builtin_prefetch(row + planes->row + i);
      for (int at = 0, some; at < m->w; at += some) {
        some = MIN(TRANSFER, m->w - at);
        for (int i = 0; i < some; i++)
          columns[i] = to + (at + i) * k->lanes;
        k->transpose((float *)row + at, (gsize)m->w, m->segments, columns, some, TRUE);
      }
    }
  }
}

/* --- steps: items [first, first + n) ---------------------------------------------------------------------------- */

/* A map (h, w) for what conv makes, of which `rows` are kept, taken from *scratch. */
static CbiganCpuMap
ring(const CbiganCpuFused *self, const CbiganCpuWinograd *conv, int rows, int h, int w, float **scratch)
{
  CbiganCpuMap m = map(self, *scratch, conv->outputs, h, w, rows);
  *scratch += (gsize)(m.rows * m.c) * m.plane;
  return m;
}

/* Rows [first, end) of the output, from rows of x, the first input, and of t, or of x alone if t has no channels. */
static void
finish_rows(const CbiganCpuFused *self, const CbiganCpuStep *step, float *group, const CbiganCpuMap *x,
            const CbiganCpuMap *t, float *scratch, int first, int end)
{
  const CbiganCpuKernels *k = step->kernels;
  const CbiganCpuMap out = value_map(self, group, step->output);
  int rows = 1 + step->avgpool, w = out.w * rows, n = 0;
  gsize plane = step->avgpool ? cbigan_map_plane(w, k->lanes) : out.plane, row_floats = (gsize)out.c * plane;
  CbiganCpuMap in[2], added = { 0 };
  if (step->n_parts > 1 || !t->c)
    in[n++] = *x;
  if (t->c)
    in[n++] = *t;
  if (step->added >= 0)
    added = value_map(self, group, step->added);
  for (int y = first; y < end; y++) {
    float *to = step->avgpool ? scratch : cbigan_map_row(&out, y);
    for (int i = 0; i < rows; i++) {
      int row = rows * y + i;
      CbiganCpuSource sources[2];
      for (int s = 0; s < n; s++)
        sources[s] = (CbiganCpuSource){ cbigan_map_row(&in[s], row), in[s].plane, in[s].c };
      if (step->added >= 0)
        k->upsample(&added, row, to + i * row_floats, plane);
      k->multiply(&step->matrix, sources, n, w, step->added >= 0, to + i * row_floats, plane);
      if (step->tanh)
        k->tanh(to + i * row_floats, plane, out.c, w);
    }
    if (step->avgpool)
      k->avgpool(to, to + row_floats, plane, out.c, out.w, cbigan_map_row(&out, y), out.plane);
  }
}

/* Rows [first, end) of the output, from x and rows of the second input, pooled */
static void
pool_and_finish(const CbiganCpuFused *self, const CbiganCpuStep *step, float *group, const CbiganCpuMap *x,
                float *scratch, int first, int end)
{
  const CbiganCpuMap from = value_map(self, group, step->inputs[1]);
  const CbiganCpuMap pooled = map(self, scratch, from.c, from.h / 2, self->shapes[step->inputs[1]].w / 2, 1);
  for (int y = first; y < end; y++) {
    step->kernels->avgpool(cbigan_map_row(&from, 2 * y), cbigan_map_row(&from, 2 * y + 1), from.plane, from.c, pooled.w,
                           pooled.data, pooled.plane);
    finish_rows(self, step, group, x, &pooled, NULL, y, y + 1);
  }
}

/* Items: rows of tiles if the step has 3x3 convolutions, else rows. The first 3x3 stays one row of tiles ahead of the
 * second, which reads one row of pixels of the next tiles. Rings keep the rows between them while they are needed, and
 * those of planes. */
static void
run_rows(const Run *run, const CbiganCpuStep *step, float *group, float *scratch, int first, int n)
{
  const CbiganCpuFused *self = run->fused;
  const CbiganCpuWinograd *convs = step->conv3;
  const CbiganPlanes *planes = step->takes_planes ? run->planes : NULL;
  const CbiganCpuMap out = value_map(self, group, step->output);
  CbiganCpuMap x = value_map(self, group, step->inputs[0]), t[2] = { { 0 }, { 0 } };
  if (!step->n_conv3) {
    if (step->pools)
      pool_and_finish(self, step, group, &x, scratch, first, first + n);
    else
      finish_rows(self, step, group, &x, &t[0], scratch, first, first + n);
    return;
  }
  const int h = out.h * (1 + step->avgpool), w = self->shapes[step->output].w * (1 + step->avgpool);
  int side = convs[0].side, down = h / side, end = first + n;
  int done = MAX(first - 1, 0); /* rows of tiles of the first one */
  int taken = MAX(done * side - 1, 0);
  Taking taking = { 0 };
  if (planes) {
    taking = taking_begin(planes);
    x.rows = cbigan_cpu_ring(&convs[0], h);
    x.data = scratch;
    scratch += (gsize)(x.rows * x.c) * x.plane;
  }
  if (step->matrix.outputs)
    for (int i = 0; i < step->n_conv3; i++)
      t[i] = ring(self, &convs[i], i ? side : cbigan_cpu_ring(&convs[i], h), h, w, &scratch);
  else
    t[0] = out;
  int across = t[0].w / side;
  float *rows = scratch, *transforms = scratch + 2 * (gsize)step->matrix.outputs * t[0].plane;
  for (int row = first; row < end; row++) {
    for (; done <= MIN(row + step->n_conv3 - 1, down - 1); done++) {
      const int needed = MIN((done + 1) * side + 1, h);
      if (planes)
        take_planes(self, &taking, &x, taken, needed);
      taken = needed;
      step->kernels->conv3(&convs[0], &x, &t[0], done * across, across, transforms);
    }
    if (step->n_conv3 == 2)
      step->kernels->conv3(&convs[1], &t[0], &t[1], row * across, across, transforms);
    int out_rows = side / (1 + step->avgpool);
    if (step->matrix.outputs)
      finish_rows(self, step, group, &x, &t[step->n_conv3 - 1], rows, row * out_rows, (row + 1) * out_rows);
  }
  taking_end(&taking);
}

/* Between a map and its numbers side by side in c,h,w order, as dense layers count them. */
static float *
flatten(const CbiganCpuFused *self, const CbiganCpuMap *m, float *flat, gboolean back)
{
  gsize lanes = (gsize)self->kernels->lanes, columns = (gsize)m->w * lanes;
  for (int c = 0; c < m->c; c++)
    for (int y = 0; y < m->h; y++, flat += columns) {
      float *row = cbigan_map_row(m, y) + (gsize)c * m->plane;
      memcpy(back ? row : flat, back ? flat : row, columns * sizeof(float));
    }
  return flat;
}

/* One item: dense layers are a hundredth of the work. */
static void
run_dense(const Run *run, const CbiganCpuStep *step, float *group, float *scratch, int first, int n)
{
  const CbiganCpuFused *self = run->fused;
  const CbiganCpuMap out = value_map(self, group, step->output);
  int inputs = 0;
  float *flat = scratch;
  for (int i = 0; i < step->n_parts; i++) {
    const CbiganCpuMap in = value_map(self, group, step->inputs[i]);
    flat = flatten(self, &in, flat, FALSE);
    inputs += step->parts[i].channels;
  }
  const CbiganCpuSource source = { scratch, (gsize)self->kernels->lanes, inputs };
  step->kernels->multiply(&step->matrix, &source, 1, 1, FALSE, flat, (gsize)self->kernels->lanes);
  flatten(self, &out, flat, TRUE);
}

static void (*const runs[])(const Run *, const CbiganCpuStep *, float *group, float *scratch, int first, int n) = {
  [CBIGAN_CPU_ROWS] = run_rows,
  [CBIGAN_CPU_DENSE] = run_dense,
};

static int
count_items(const CbiganCpuFused *self, const CbiganCpuStep *step)
{
  if (step->kind == CBIGAN_CPU_DENSE)
    return 1;
  int h = self->shapes[step->output].h;
  return step->n_conv3 ? h * (1 + step->avgpool) / step->conv3[0].side : h;
}

/* --- groups of samples ------------------------------------------------------------------------------------------ */

/* Copies rows [first, end) of one group's value to or from samples in n,h,w,c order. Lanes behind the last sample are
 * not written; no sample depends on them. */
static void
transfer(const CbiganCpuFused *self, int number, float *group, int value, float *samples, gboolean in, int first,
         int end)
{
  const CbiganCpuKernels *k = self->kernels;
  const CbiganCpuMap m = value_map(self, group, value);
  int begin = number * self->samples, n = MIN(self->samples, self->batch - begin), numbers = m.w * m.c;
  gsize size = cbigan_shape_size(self->shapes[value]), row = (gsize)self->shapes[value].w * (gsize)m.c;
  samples += (gsize)begin * size;
  for (int y = first; y < end; y++) {
    float *columns[TRANSFER], *plain = samples + (gsize)y * row;
    for (int at = 0, some; at < numbers; at += some, plain += some) {
      some = MIN(TRANSFER, numbers - at);
      for (int i = 0; i < some; i++) /* h,w,c order */
        columns[i] = cbigan_map_row(&m, y) + (gsize)((at + i) % m.c) * m.plane + (gsize)((at + i) / m.c * k->lanes);
      if (self->segments)
        k->transpose(plain, (gsize)numbers, self->segments, columns, some, in);
      else
        k->transpose(plain, size, n, columns, some, in);
    }
  }
}

static void
transfer_all(const CbiganCpuFused *self, int number, float *group, const int *list, float *const *values, gboolean in,
             int part, int parts)
{
  for (; *list >= 0; list++) {
    int h = self->shapes[*list].h;
    transfer(self, number, group, *list, values[*list], in, h * part / parts, h * (part + 1) / parts);
  }
}

/* A part of the inputs */
static void
take_inputs(const Run *run, int number, float *group, int part, int parts)
{
  const CbiganCpuFused *self = run->fused;
  const int h = self->shapes[0].h;
  if (!run->planes) {
    transfer_all(self, number, group, self->base.base.inputs, run->values, TRUE, part, parts);
  } else if (!self->steps->takes_planes) {
    const CbiganCpuMap m = value_map(self, group, 0);
    Taking taking = taking_begin(run->planes);
    take_planes(self, &taking, &m, h * part / parts, h * (part + 1) / parts);
    taking_end(&taking);
  }
}

static void
run_group(const Run *run, int number, float *group, float *scratch)
{
  const CbiganCpuFused *self = run->fused;
  take_inputs(run, number, group, 0, 1);
  for (const CbiganCpuStep *step = self->steps; step < self->steps + self->n_steps; step++)
    runs[step->kind](run, step, group, scratch, 0, count_items(self, step));
  transfer_all(self, number, group, self->base.base.outputs, run->values, FALSE, 0, 1);
}

/* --- turns ------------------------------------------------------------------------------------------------------ */

static void
run_item(gpointer data, int turn, int item, int thread)
{
  const Run *run = data;
  const CbiganCpuFused *self = run->fused;
  float *scratch = self->scratch[thread];
  if (!turn) {
    run_group(run, item, self->groups[thread], scratch);
    return;
  }
  int turns = self->n_steps + 2, number = run->whole + (turn - 1) / turns, step = (turn - 1) % turns - 1;
  if (step < 0) {
    take_inputs(run, number, self->groups[0], item, run->parts);
  } else if (step == self->n_steps) {
    transfer_all(self, number, self->groups[0], self->base.base.outputs, run->values, FALSE, item, run->parts);
  } else {
    const CbiganCpuStep *s = &self->steps[step];
    int n = count_items(self, s), first = n * item / run->parts, end = n * (item + 1) / run->parts;
    if (end > first)
      runs[s->kind](run, s, self->groups[0], scratch, first, end - first);
  }
}

static void
run_fused(CbiganCpuPlan *base, const CbiganPlanes *planes, float *const *values)
{
  const CbiganCpuFused *self = (const CbiganCpuFused *)base;
  int team = cbigan_cpu_team(&base->cpu->base), whole = self->n_groups / team * team;
  int n_turns = 1 + (self->n_groups - whole) * (self->n_steps + 2);
  Run run = { self, planes, values, whole, team };
  self->turns[0].items = whole;
  for (int t = 1; t < n_turns; t++)
    self->turns[t].items = team;
  cbigan_cpu_pool_run(base->cpu->pool, &(CbiganCpuRun){ team, self->turns, n_turns, run_item, &run });
}

void
cbigan_cpu_fused_run(CbiganCpuPlan *base, float *const *values)
{
  run_fused(base, NULL, values);
}

gboolean
cbigan_cpu_fused_run_planes(CbiganPlan *plan, const CbiganPlanes *planes, float *const *values)
{
  CbiganCpuFused *self = (CbiganCpuFused *)plan;
  if (self->batch != 1 || plan->inputs[0] != 0 || plan->inputs[1] >= 0)
    return FALSE;
  run_fused(&self->base, planes, values);
  return TRUE;
}
