/* test_gradients.c - gradients of the layers: finite differences, adjoints, backends against each other, repeatability
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A new kind of layer: add its definition to `forward64` (definition.h) and shapes to `cases`. A new backend: name it
 * in gradient_side.h.
 */
#include "definition.h"
#include "gradient_side.h"

#define NO CBIGAN_NO_OFFSET
/* Denormal numbers have few digits, and Winograd's sums are of larger numbers than their results. */
#define TINY 3e-41

typedef struct {
  const char *name;
  CbiganLayer layer;
  int batch, bias_batch, tangent_batch;
} Case;

#define CONV(k, ci, co, h, w, b)                                                                                       \
  {                                                                                                                    \
    .kind = CBIGAN_CONV2D, .kernel = k, .in = { ci, h, w }, .out = { co, h, w }, .weight = 7, .bias = b,               \
    .weight_stride = ci * k * k                                                                                        \
  }
#define DENSE(i, o, stride, b)                                                                                         \
  {                                                                                                                    \
    .kind = CBIGAN_DENSE, .in = i, .out = o, .weight = 5, .bias = b, .weight_stride = stride                           \
  }
#define RESAMPLE(kind_, c, h, w, oh, ow)                                                                               \
  {                                                                                                                    \
    .kind = kind_, .in = { c, h, w }, .out = { c, oh, ow }, .weight = NO, .bias = NO                                   \
  }
#define S(...)                                                                                                         \
  {                                                                                                                    \
    __VA_ARGS__                                                                                                        \
  }

/* Weights start at an odd place, biases lie before them. */
static const Case cases[] = {
  { "conv3 3->4 8x8", CONV(3, 3, 4, 8, 8, NO), 3, 0, 1 },
  { "conv3 5->7 9x6, bias", CONV(3, 5, 7, 9, 6, 0), 3, 2, 2 },
  { "conv3 16->20 4x4", CONV(3, 16, 20, 4, 4, NO), 2, 0, 1 },
  { "conv3 12->33 2x2", CONV(3, 12, 33, 2, 2, NO), 3, 0, 3 },
  { "conv3 8->11 8x12", CONV(3, 8, 11, 8, 12, NO), 2, 0, 1 },
  { "conv3 3->2 1x5", CONV(3, 3, 2, 1, 5, 1), 3, 1, 1 },
  { "conv1 3->5 7x6, bias", CONV(1, 3, 5, 7, 6, 1), 3, 2, 1 },
  { "conv1 32->16 3x3", CONV(1, 32, 16, 3, 3, NO), 2, 0, 2 },
  { "dense 30->5, bias", DENSE(S(30, 1, 1), S(5, 1, 1), 30, 0), 6, 4, 2 },
  { "dense 24->10 of 40", DENSE(S(24, 1, 1), S(10, 1, 1), 40, NO), 5, 0, 2 },
  { "dense 6x2x3->9 of 50", DENSE(S(6, 2, 3), S(9, 1, 1), 50, NO), 3, 0, 1 },
  { "dense 10->6x2x2", DENSE(S(10, 1, 1), S(6, 2, 2), 10, NO), 4, 0, 1 },
  { "dense 3x2x2->2x1x2, bias", DENSE(S(3, 2, 2), S(2, 1, 2), 12, 0), 4, 3, 1 },
  { "dense 16->1, bias", DENSE(S(16, 1, 1), S(1, 1, 1), 16, 2), 6, 4, 2 },
  { "upsample 3x4x4", RESAMPLE(CBIGAN_UPSAMPLE, 3, 4, 4, 8, 8), 2, 0, 1 },
  { "upsample 20x5x3", RESAMPLE(CBIGAN_UPSAMPLE, 20, 5, 3, 10, 6), 3, 0, 2 },
  { "upsample 4x1x2", RESAMPLE(CBIGAN_UPSAMPLE, 4, 1, 2, 2, 4), 1, 0, 1 },
  { "avgpool 3x8x8", RESAMPLE(CBIGAN_AVGPOOL, 3, 8, 8, 4, 4), 2, 0, 1 },
  { "avgpool 17x6x4", RESAMPLE(CBIGAN_AVGPOOL, 17, 6, 4, 3, 2), 3, 0, 2 },
};

/* What goes in, on the host in c,h,w order; `before` is what accumulating functions find. */
typedef struct {
  float *parameters, *x, *dy;
  float *gradients_before, *dx_before, *t_before;
  gsize n_parameters, n_x, n_dy;
} Problem;

/* What comes out. */
typedef struct {
  float *dx, *dx_added, *gradients, *t, *t_added;
} Result;

static gboolean
has_weights(const Case *c)
{
  return c->layer.weight != NO;
}

static gsize
n_weights(const CbiganLayer *l)
{
  gsize in = l->kind == CBIGAN_CONV2D ? (gsize)l->in.c * l->kernel * l->kernel : cbigan_shape_size(l->in);
  gsize rows = l->kind == CBIGAN_CONV2D ? (gsize)l->out.c : cbigan_shape_size(l->out);
  return (rows - 1) * l->weight_stride + in;
}

/* Room for the biases (at most 8 of them before the weights), the weights, and something behind. */
static Problem
problem_new(const Case *c, GRand *random)
{
  Problem p = { .n_parameters = has_weights(c) ? c->layer.weight + n_weights(&c->layer) + 9 : 1,
                .n_x = c->batch * cbigan_shape_size(c->layer.in),
                .n_dy = c->batch * cbigan_shape_size(c->layer.out) };
  p.parameters = random_floats(random, p.n_parameters);
  p.x = random_floats(random, p.n_x);
  p.dy = random_floats(random, p.n_dy);
  p.gradients_before = random_floats(random, p.n_parameters);
  p.dx_before = random_floats(random, p.n_x);
  p.t_before = random_floats(random, p.n_dy);
  return p;
}

static void
problem_clear(Problem *p)
{
  g_free(p->parameters);
  g_free(p->x);
  g_free(p->dy);
  g_free(p->gradients_before);
  g_free(p->dx_before);
  g_free(p->t_before);
}

static void
result_clear(Result *r)
{
  g_free(r->dx);
  g_free(r->dx_added);
  g_free(r->gradients);
  g_free(r->t);
  g_free(r->t_added);
}

/* t; accumulate: added to what stood there, for a layer whose forward pass does so. */
static float *
run_tangent(const Side *side, const Case *c, const Problem *p, float *parameters, gboolean accumulate)
{
  g_autoptr(GError) error = NULL;
  CbiganLayer layer = c->layer;
  layer.name = (char *)c->name;
  layer.accumulate = accumulate && has_weights(c); /* the others never do */
  layer.activation = CBIGAN_LEAKY;                 /* and a bias perhaps: the tangent pass has neither */
  CbiganGradPlan *plan = cbigan_grad_plan(&side->grad, &layer, c->batch, c->tangent_batch, &error);
  g_assert_no_error(error);
  cbigan_grad_load(&side->grad, plan, parameters);
  /* The last samples of the batch, as the gradient penalty has them. */
  const gsize first = c->batch - c->tangent_batch;
  float *x = side_put(side, layer.in, c->tangent_batch, p->x + first * cbigan_shape_size(layer.in));
  float *t = side_put(side, layer.out, c->tangent_batch, p->t_before);
  float *host = g_new(float, c->tangent_batch *cbigan_shape_size(layer.out));
  cbigan_grad_tangent(&side->grad, plan, x, t);
  side_take(side, layer.out, c->tangent_batch, t, host, c->name);
  side_take(side, layer.in, c->tangent_batch, x, NULL, c->name);
  cbigan_grad_plan_free(&side->grad, plan);
  return host;
}

static Result
run(const Side *side, const Case *c, const Problem *p)
{
  g_autoptr(GError) error = NULL;
  CbiganLayer layer = c->layer;
  layer.name = (char *)c->name;
  const CbiganShape flat = { (int)p->n_parameters, 1, 1 };
  float *parameters = side_put(side, flat, 1, p->parameters), *gradients = side_put(side, flat, 1, p->gradients_before);
  float *x = side_put(side, layer.in, c->batch, p->x), *dy = side_put(side, layer.out, c->batch, p->dy);
  float *dx = side_put(side, layer.in, c->batch, p->dx_before),
        *added = side_put(side, layer.in, c->batch, p->dx_before);
  Result r = { g_new(float, p->n_x), g_new(float, p->n_x), g_new(float, p->n_parameters),
               run_tangent(side, c, p, parameters, FALSE), run_tangent(side, c, p, parameters, TRUE) };

  CbiganGradPlan *plan = cbigan_grad_plan(&side->grad, &layer, c->batch, 0, &error);
  g_assert_no_error(error);
  cbigan_grad_load(&side->grad, plan, parameters);
  cbigan_grad_data(&side->grad, plan, dy, dx, FALSE);
  cbigan_grad_data(&side->grad, plan, dy, added, TRUE);
  if (has_weights(c))
    cbigan_grad_weights(&side->grad, plan, x, dy, gradients);
  if (layer.bias != NO)
    cbigan_grad_bias(&side->grad, plan, c->bias_batch, dy, gradients);
  cbigan_grad_plan_free(&side->grad, plan);

  side_take(side, layer.in, c->batch, dx, r.dx, c->name);
  side_take(side, layer.in, c->batch, added, r.dx_added, c->name);
  side_take(side, flat, 1, gradients, r.gradients, c->name);
  side_take(side, flat, 1, parameters, NULL, c->name);
  side_take(side, layer.in, c->batch, x, NULL, c->name);
  side_take(side, layer.out, c->batch, dy, NULL, c->name);
  return r;
}

/* --- the definition ---------------------------------------------------------------------------------------- */

static double *
doubles(gsize n, const float *x)
{
  double *d = g_new(double, n);
  for (gsize i = 0; i < n; i++)
    d[i] = x[i];
  return d;
}

/* sum over the first n samples of <dy, op(x)> */
static double
loss64(const CbiganLayer *l, int n, const double *parameters, const double *x, const double *dy)
{
  const gsize in = cbigan_shape_size(l->in), out = cbigan_shape_size(l->out);
  double y[out], sum = 0.0;
  for (int sample = 0; sample < n; sample++) {
    forward64(l, parameters, TRUE, x + sample * in, y);
    for (gsize i = 0; i < out; i++)
      sum += y[i] * dy[sample * out + i];
  }
  return sum;
}

/* --- tests ------------------------------------------------------------------------------------------------- */

/* Central differences; the operations are linear in every single number, so a large step costs no accuracy. */
static double
difference(const CbiganLayer *l, int n, double *parameters, double *x, const double *dy, double *variable)
{
  const double h = 0.5, at = *variable;
  *variable = at + h;
  double above = loss64(l, n, parameters, x, dy);
  *variable = at - h;
  double below = loss64(l, n, parameters, x, dy);
  *variable = at;
  return (above - below) / (2 * h);
}

static void
test_differences(gconstpointer data)
{
  const Case *c = data;
  const CbiganLayer *l = &c->layer;
  g_autoptr(GRand) random = g_rand_new_with_seed(1);
  Problem p = problem_new(c, random);
  g_autofree double *parameters = doubles(p.n_parameters, p.parameters), *x = doubles(p.n_x, p.x),
                    *dy = doubles(p.n_dy, p.dy), *dx = g_new(double, p.n_x), *dx_added = g_new(double, p.n_x),
                    *gradients = doubles(p.n_parameters, p.gradients_before);
  const gsize in = cbigan_shape_size(l->in), out = cbigan_shape_size(l->out);
  for (gsize i = 0; i < p.n_x; i++) { /* samples are independent: the loss of its own sample is enough */
    gsize sample = i / in;
    dx[i] = difference(l, 1, parameters, x + sample * in, dy + sample * out, x + i);
    dx_added[i] = dx[i] + p.dx_before[i];
  }
  for (gsize i = 0; has_weights(c) && i < p.n_parameters; i++) {
    gboolean bias = l->bias != NO && i >= l->bias && i < l->weight;
    gradients[i] += difference(l, bias ? c->bias_batch : c->batch, parameters, x, dy, parameters + i);
  }
  for (int s = 0; s < n_sides; s++) {
    Side side = side_open(s);
    Result r = run(&side, c, &p);
    check_close(side_names[s], "data", p.n_x, r.dx, dx, 1e-5, 0);
    check_close(side_names[s], "data, accumulated", p.n_x, r.dx_added, dx_added, 1e-5, 0);
    check_close(side_names[s], "weights and bias", p.n_parameters, r.gradients, gradients, 1e-5, 0);
    result_clear(&r);
    side_close(&side);
  }
  problem_clear(&p);
}

static void
test_tangent(gconstpointer data)
{
  const Case *c = data;
  const gsize in = cbigan_shape_size(c->layer.in), out = cbigan_shape_size(c->layer.out), n = c->tangent_batch * out;
  g_autoptr(GRand) random = g_rand_new_with_seed(2);
  Problem p = problem_new(c, random);
  g_autofree double *parameters = doubles(p.n_parameters, p.parameters), *x = doubles(p.n_x, p.x),
                    *t = g_new(double, n), *t_added = g_new(double, n);
  for (int sample = 0; sample < c->tangent_batch; sample++)
    forward64(&c->layer, parameters, FALSE, x + (c->batch - c->tangent_batch + sample) * in, t + sample * out);
  for (gsize i = 0; i < n; i++)
    t_added[i] = t[i] + (has_weights(c) ? p.t_before[i] : 0);
  for (int s = 0; s < n_sides; s++) {
    Side side = side_open(s);
    Result r = run(&side, c, &p);
    check_close(side_names[s], "tangent", n, r.t, t, 1e-5, 0);
    check_close(side_names[s], "tangent, accumulated", n, r.t_added, t_added, 1e-5, 0);
    result_clear(&r);
    side_close(&side);
  }
  problem_clear(&p);
}

/* <op x, dy> = <x, op^T dy> = <w, dw>, over the samples of the tangent pass */
static void
test_adjoint(gconstpointer data)
{
  Case c = *(const Case *)data;
  c.tangent_batch = c.batch;
  g_autoptr(GRand) random = g_rand_new_with_seed(3);
  Problem p = problem_new(&c, random);
  memset(p.gradients_before, 0, p.n_parameters * sizeof(float));
  c.layer.bias = NO;
  for (int s = 0; s < n_sides; s++) {
    Side side = side_open(s);
    Result r = run(&side, &c, &p);
    double forward = 0.0, backward = 0.0, weights = 0.0, size = 0.0;
    for (gsize i = 0; i < p.n_dy; i++) {
      forward += (double)r.t[i] * p.dy[i];
      size += fabs((double)r.t[i] * p.dy[i]);
    }
    for (gsize i = 0; i < p.n_x; i++)
      backward += (double)p.x[i] * r.dx[i];
    for (gsize i = 0; i < p.n_parameters; i++)
      weights += (double)p.parameters[i] * r.gradients[i];
    const float got[2] = { (float)backward, (float)weights };
    const double expected[2] = { forward, forward };
    check_close(side_names[s], "adjoint", has_weights(&c) ? 2 : 1, got, expected, 1e-6, 1e-6 * size);
    result_clear(&r);
    side_close(&side);
  }
  problem_clear(&p);
}

enum { WEIGHTS = 2 }; /* place in the table of results below */
typedef enum { RANDOM, BIG, SMALL, DENORMAL, SPREAD, NOT_FINITE, N_KINDS } Data;
static const struct {
  const char *name;
  float scale;
} kinds[N_KINDS] = {
  [RANDOM] = { "random", 1 },          [BIG] = { "big", 1e17f },   [SMALL] = { "small", 1e-17f },
  [DENORMAL] = { "denormal", 1e-40f }, [SPREAD] = { "spread", 1 }, [NOT_FINITE] = { "NaN and infinity", 1 },
};

static void
make_extreme(GRand *random, Data kind, gsize n, float *x)
{
  for (gsize i = 0; i < n; i++)
    x[i] *= kind == SPREAD ? powf(10.0f, (float)g_rand_int_range(random, -20, 15)) : kinds[kind].scale;
  if (kind == NOT_FINITE) {
    x[g_rand_int_range(random, 0, (int)n)] = NAN;
    x[g_rand_int_range(random, 0, (int)n)] = INFINITY;
  }
}

/* Whether one of the n numbers at `first`, first + step, ... is not finite. */
static gboolean
spoiled(const float *x, gsize first, gsize n, gsize channel, gsize step, int batch)
{
  for (int sample = 0; sample < batch; sample++)
    for (gsize i = 0; i < n; i++)
      if (!isfinite(x[sample * step + first + channel * n + i]))
        return TRUE;
  return FALSE;
}

/* Whether the k-th number may be not finite though the judge's is: 3x3 convolutions may be computed a tile at a time,
 * and read padding as memory full of zeros. It spreads no further than its sample, or than the filters of its channel.
 */
static gboolean
may_spread(const Case *c, const Problem *p, int what, gsize k)
{
  const CbiganLayer *l = &c->layer;
  const gsize in = cbigan_shape_size(l->in), out = cbigan_shape_size(l->out), pixels = (gsize)l->in.h * l->in.w;
  const gsize tangent = (gsize)(c->batch - c->tangent_batch) * in;
  if (l->kind != CBIGAN_CONV2D || l->kernel == 1)
    return FALSE;
  if (what < WEIGHTS)
    return spoiled(p->dy, k / in * out, out, 0, 0, 1);
  if (what > WEIGHTS)
    return spoiled(p->x, tangent + k / out * in, in, 0, 0, 1);
  if (k < l->weight || k >= l->weight + n_weights(l))
    return FALSE;
  return spoiled(p->dy, 0, pixels, (k - l->weight) / l->weight_stride, out, c->batch) ||
         spoiled(p->x, 0, pixels, (k - l->weight) % l->weight_stride / 9, in, c->batch);
}

static void
test_extremes(gconstpointer data)
{
  const Case *c = data;
  for (Data kind = 0; kind < N_KINDS; kind++) {
    g_autoptr(GRand) random = g_rand_new_with_seed(4 + kind);
    Problem p = problem_new(c, random);
    make_extreme(random, kind, p.n_x, p.x);
    make_extreme(random, kind, p.n_dy, p.dy);
    make_extreme(random, kind == NOT_FINITE ? RANDOM : kind, p.n_x, p.dx_before);
    const gsize sizes[] = { p.n_x, p.n_x, p.n_parameters, c->tangent_batch * cbigan_shape_size(c->layer.out),
                            c->tangent_batch * cbigan_shape_size(c->layer.out) };
    static const char *const names[] = { "data", "data, accumulated", "weights and bias", "tangent",
                                         "tangent, accumulated" };
    Result r[n_sides];
    for (int s = 0; s < n_sides; s++) {
      Side side = side_open(s);
      r[s] = run(&side, c, &p);
      side_close(&side);
    }
    for (int s = 1; s < n_sides; s++) {
      const float *const got[] = { r[s].dx, r[s].dx_added, r[s].gradients, r[s].t, r[s].t_added };
      const float *const judge[] = { r[0].dx, r[0].dx_added, r[0].gradients, r[0].t, r[0].t_added };
      for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree double *expected = doubles(sizes[i], judge[i]);
        for (gsize k = 0; k < sizes[i]; k++)
          if (!isfinite(got[i][k]) && may_spread(c, &p, (int)i, k))
            expected[k] = (double)got[i][k];
        g_autofree char *what = g_strconcat(names[i], ", ", kinds[kind].name, NULL);
        check_close(side_names[s], what, sizes[i], got[i], expected, 1e-5, TINY);
      }
    }
    for (int s = 0; s < n_sides; s++)
      result_clear(&r[s]);
    problem_clear(&p);
  }
}

/* Real sizes, so that the work is really shared by threads: the same bits every time, from a new plan too. */
static const Case repeated[] = {
  { "conv3 3->4 64x64", CONV(3, 3, 4, 64, 64, NO), 24, 0, 8 },
  { "conv3 8->12 16x16", CONV(3, 8, 12, 16, 16, NO), 48, 0, 16 },
  { "conv3 64->64 2x2", CONV(3, 64, 64, 2, 2, NO), 96, 0, 32 },
  { "conv1 4->4 64x64, bias", CONV(1, 4, 4, 64, 64, 0), 24, 16, 8 },
  { "conv1 32->64 2x2", CONV(1, 32, 64, 2, 2, NO), 96, 0, 32 },
  { "dense 64x2x2->64 of 768", DENSE(S(64, 2, 2), S(64, 1, 1), 768, NO), 96, 0, 32 },
  { "dense 512->512", DENSE(S(512, 1, 1), S(512, 1, 1), 512, NO), 96, 0, 32 },
  { "dense 64->1, bias", DENSE(S(64, 1, 1), S(1, 1, 1), 64, 0), 96, 64, 32 },
};

static void
test_repeats(gconstpointer data)
{
  const Case *c = data;
  g_autoptr(GRand) random = g_rand_new_with_seed(20);
  Problem p = problem_new(c, random);
  for (int s = 1; s < n_sides; s++) {
    Side side = side_open(s);
    Result first = run(&side, c, &p);
    for (int repeat = 0; repeat < 5; repeat++) {
      Result again = run(&side, c, &p);
      for (gsize i = 0; i < p.n_parameters; i++)
        if (memcmp(&first.gradients[i], &again.gradients[i], sizeof(float))) {
          g_test_message("%s, %s: gradient %" G_GSIZE_FORMAT " was %.9g, in run %d %.9g", side_names[s], c->name, i,
                         first.gradients[i], repeat + 2, again.gradients[i]);
          g_test_fail();
          break;
        }
      g_assert_cmpmem(first.dx, p.n_x * sizeof(float), again.dx, p.n_x * sizeof(float));
      g_assert_cmpmem(first.dx_added, p.n_x * sizeof(float), again.dx_added, p.n_x * sizeof(float));
      result_clear(&again);
    }
    result_clear(&first);
    side_close(&side);
  }
  problem_clear(&p);
}

/* So many tiles that they are done in several rounds, by both threads; and maps of few channels whose rows are whole
 * vectors of any width, one, several and a rest of them; pixels that fill vectors, or not, or are fewer. */
static const Case large[] = {
  { "conv3 16->24 32x32", CONV(3, 16, 24, 32, 32, NO), 6, 0, 2 },
  { "conv3 12->8 6x10", CONV(3, 12, 8, 6, 10, NO), 33, 0, 33 },
  { "conv3 3->4 8x16", CONV(3, 3, 4, 8, 16, NO), 3, 0, 1 },
  { "conv3 4->4 16x64", CONV(3, 4, 4, 16, 64, NO), 5, 0, 2 },
  { "conv3 3->3 24x48", CONV(3, 3, 3, 24, 48, NO), 3, 0, 3 },
  { "conv3 8->4 8x80", CONV(3, 8, 4, 8, 80, NO), 2, 0, 1 },
  { "conv3 3->9 16x16", CONV(3, 3, 9, 16, 16, NO), 3, 0, 1 },
  { "conv3 6->3 8x8", CONV(3, 6, 3, 8, 8, NO), 4, 0, 1 },
  { "conv3 5->7 16x16", CONV(3, 5, 7, 16, 16, NO), 3, 0, 2 },
  { "conv3 1->2 8x16", CONV(3, 1, 2, 8, 16, NO), 3, 0, 1 },
  { "conv3 20->1 8x4", CONV(3, 20, 1, 8, 4, NO), 3, 0, 1 },
  { "conv1 3->4 33x32", CONV(1, 3, 4, 33, 32, NO), 3, 0, 1 },
  { "conv1 4->3 9x7, bias", CONV(1, 4, 3, 9, 7, 1), 5, 3, 2 },
  { "conv1 1->2 1x1", CONV(1, 1, 2, 1, 1, 0), 2, 1, 1 },
  { "conv1 8->4 40x30", CONV(1, 8, 4, 40, 30, 0), 2, 2, 1 },
  { "conv1 6->3 8x8", CONV(1, 6, 3, 8, 8, 2), 3, 3, 1 },
  { "conv1 5->7 16x16", CONV(1, 5, 7, 16, 16, NO), 3, 0, 2 },
  { "conv1 12->8 32x34, bias", CONV(1, 12, 8, 32, 34, 0), 2, 1, 1 },
};

static void
add(const char *test, gsize n, const Case *list, GTestDataFunc function)
{
  for (gsize i = 0; i < n; i++) {
    g_autofree char *path = g_strdup_printf("/gradients/%s/%s", test, list[i].name);
    g_test_add_data_func(path, &list[i], function);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  sides_find("gradients");
  add("differences", G_N_ELEMENTS(cases), cases, test_differences);
  add("tangent", G_N_ELEMENTS(cases), cases, test_tangent);
  add("adjoint", G_N_ELEMENTS(cases), cases, test_adjoint);
  add("extremes", G_N_ELEMENTS(cases), cases, test_extremes);
  add("extremes", G_N_ELEMENTS(large), large, test_extremes);
  add("adjoint", G_N_ELEMENTS(large), large, test_adjoint);
  add("repeats", G_N_ELEMENTS(repeated), repeated, test_repeats);
  return g_test_run();
}
