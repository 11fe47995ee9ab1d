/* test_gradient_vectors.c - activations, losses and the optimiser against their formulas, on every backend
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient_side.h"

/* One number, an odd remainder, and enough that threads share the work. */
static const int sizes[] = { 1, 19, 150001 };

typedef struct {
  Side side;
  const char *name; /* of the side */
  int n;
  float *host[4], *data[4]; /* the same numbers on the host and in the backend */
  double *expected;
} Vectors;

static CbiganShape
flat(const Vectors *v)
{
  return (CbiganShape){ v->n, 1, 1 };
}

/* Random in -1..1; some entries of the first two are equal, large, tiny, denormal, infinite, NaN. */
static Vectors
vectors_new(int s, int n)
{
  static const float special[] = { 1e15f, -1e15f, 1e-15f, -1e-40f, 0.0f, INFINITY, NAN };
  Vectors v = { .side = side_open(s), .name = side_names[s], .n = n, .expected = g_new0(double, n) };
  g_autoptr(GRand) random = g_rand_new_with_seed((guint32)n);
  for (int k = 0; k < 4; k++)
    v.host[k] = random_floats(random, (gsize)n);
  for (gsize i = 0; n > 2 && i < 2 * G_N_ELEMENTS(special); i++)
    v.host[i % 2][g_rand_int_range(random, 0, n)] = special[i / 2];
  v.host[1][0] = v.host[0][0];
  for (int k = 0; k < 4; k++)
    v.data[k] = side_put(&v.side, flat(&v), 1, v.host[k]);
  return v;
}

/* Reads vector k back and compares it with v->expected. */
static void
vectors_check(Vectors *v, int k, const char *what, double relative, double absolute)
{
  g_autofree float *got = g_new(float, v->n);
  cbigan_backend_download(v->side.grad.backend, flat(v), 1, v->data[k], got);
  g_autofree char *where = g_strdup_printf("%s of %d", what, v->n);
  for (int i = 0; i < v->n; i++) /* each number by its own size */
    check_close(v->name, where, 1, got + i, v->expected + i, relative, absolute);
}

static void
vectors_clear(Vectors *v)
{
  for (int k = 0; k < 4; k++) {
    side_take(&v->side, flat(v), 1, v->data[k], NULL, "a vector");
    g_free(v->host[k]);
  }
  g_free(v->expected);
  side_close(&v->side);
}

/* By central differences of the forward definitions; the activations work on their outputs. */
static double
activation64(CbiganActivation activation, double x)
{
  return activation == CBIGAN_TANH ? tanh(x) : activation == CBIGAN_LEAKY && x < 0 ? (double)CBIGAN_LEAKY_SLOPE * x : x;
}

static void
check_activation(Vectors *v, CbiganActivation activation)
{
  const double h = 1e-6;
  for (int i = 0; i < v->n; i++) {
    double x = 3.0 * v->host[2][i];
    v->host[2][i] = (float)activation64(activation, x);
    v->expected[i] = v->host[3][i] * (activation64(activation, x + h) - activation64(activation, x - h)) / (2 * h);
  }
  cbigan_backend_upload(v->side.grad.backend, flat(v), 1, v->host[2], v->data[2]);
  cbigan_grad_activation(&v->side.grad, activation, v->n, v->data[2], v->data[3]);
  vectors_check(v, 3, "activation", 1e-4, 1e-6);
}

static void
check_activation_edges(Vectors *v)
{
  /* y = 0 has the slope of the left side; a NaN output leaves the gradient to the left side's slope too. */
  const float y[] = { 0.0f, -0.0f, 1e-40f, -1e-40f, INFINITY, -INFINITY, NAN };
  const float slope[] = { CBIGAN_LEAKY_SLOPE, CBIGAN_LEAKY_SLOPE, 1, CBIGAN_LEAKY_SLOPE, 1,
                          CBIGAN_LEAKY_SLOPE, CBIGAN_LEAKY_SLOPE };
  for (int i = 0; i < v->n; i++) {
    v->host[0][i] = y[i % G_N_ELEMENTS(y)];
    v->expected[i] = (double)v->host[1][i] * slope[i % G_N_ELEMENTS(y)];
  }
  cbigan_backend_upload(v->side.grad.backend, flat(v), 1, v->host[0], v->data[0]);
  cbigan_grad_activation(&v->side.grad, CBIGAN_LEAKY, v->n, v->data[0], v->data[1]);
  vectors_check(v, 1, "leaky, edges", 1e-6, 1e-44);
}

static void
check_l1(Vectors *v)
{
  for (int i = 0; i < v->n; i++) {
    const float a = v->host[0][i], b = v->host[1][i];
    v->expected[i] = v->host[2][i] + (a > b ? 0.25 : a < b ? -0.25 : 0.0);
  }
  cbigan_grad_l1_gradient(&v->side.grad, v->n, v->data[0], v->data[1], 0.25f, v->data[2]);
  vectors_check(v, 2, "l1_gradient", 1e-6, 1e-7);
}

static void
check_fill(Vectors *v)
{
  for (int i = 0; i < v->n; i++)
    v->expected[i] = -2.5;
  cbigan_grad_fill(&v->side.grad, v->n, -2.5f, v->data[0]);
  vectors_check(v, 0, "fill", 0, 0);
}

static void
check_add(Vectors *v)
{
  for (int i = 0; i < v->n; i++)
    v->expected[i] = v->host[0][i] + v->host[1][i];
  cbigan_grad_add(&v->side.grad, v->n, v->data[0], v->data[1]);
  vectors_check(v, 1, "add", 0, 0);
}

/* Samples of the per-sample functions: one of everything, or as many as divide it. */
static int
samples(const Vectors *v)
{
  return v->n == 150001 ? 11 : 1; /* 150001 = 11 * 13636 + 5: the last five are nobody's */
}

/* One number a sample, in the backend. */
static float *
put_numbers(Vectors *v, const float *numbers)
{
  return side_put(&v->side, (CbiganShape){ 1, 1, 1 }, samples(v), numbers);
}

static void
take_numbers(Vectors *v, float *numbers)
{
  side_take(&v->side, (CbiganShape){ 1, 1, 1 }, samples(v), numbers, NULL, "numbers of samples");
}

static void
check_copy(Vectors *v)
{
  for (int i = 0; i < v->n; i++)
    v->expected[i] = v->host[0][i];
  cbigan_grad_copy(&v->side.grad, v->n, v->data[0], v->data[1]);
  vectors_check(v, 1, "copy", 0, 0);
}

static void
check_mix(Vectors *v)
{
  const float e[11] = { 0.3f, 0, 1, 0.5f, 0.9f, 0.1f, 0.2f, 0.7f, 0.6f, 0.4f, 0.8f };
  const int size = v->n / samples(v);
  for (int i = 0; i < v->n; i++) {
    const int sample = i / size;
    v->expected[i] =
        sample < samples(v) ? (double)e[sample] * v->host[0][i] + (1.0 - e[sample]) * v->host[2][i] : v->host[3][i];
  }
  float *there = put_numbers(v, e);
  cbigan_grad_mix(&v->side.grad, samples(v), size, there, v->data[0], v->data[2], v->data[3]);
  vectors_check(v, 3, "mix", 1e-6, 1e-6);
  take_numbers(v, there);
}

static void
check_scale(Vectors *v)
{
  const float e[11] = { -2, 0, 1, 0.5f, 1e10f, 1e-30f, 3, -0.1f, 7, 5, 0.25f };
  const int size = v->n / samples(v);
  for (int i = 0; i < v->n; i++)
    v->expected[i] = i / size < samples(v) ? (double)(e[i / size] * v->host[0][i]) : v->host[3][i];
  float *there = put_numbers(v, e);
  cbigan_grad_scale(&v->side.grad, samples(v), size, there, v->data[0], v->data[3]);
  vectors_check(v, 3, "scale", 0, 0);
  take_numbers(v, there);
}

static void
check_number(Vectors *v, const char *what, double got, double expected, double size)
{
  if (fabs(got - expected) <= 1e-12 * size)
    return;
  g_test_message("%s, %s of %d: %.17g, expected %.17g, tolerance %.3g", v->name, what, v->n, got, expected,
                 1e-12 * size);
  g_test_fail();
}

static void
check_sums(Vectors *v)
{
  const int n = samples(v), size = v->n / n;
  double norms[11], expected[11];
  for (int i = 0; i < n; i++)
    norms[i] = expected[i] = i;
  for (int i = 0; i < n * size; i++)
    expected[i / size] += (double)v->host[2][i] * (double)v->host[2][i];
  const CbiganShape number = { sizeof(double) / sizeof(float), 1, 1 };
  float *there = side_put(&v->side, number, n, (const float *)(gconstpointer)norms);
  cbigan_grad_square_norms(&v->side.grad, n, size, v->data[2], (double *)(gpointer)there);
  cbigan_backend_download(v->side.grad.backend, number, n, there, (float *)(gpointer)norms);
  side_take(&v->side, number, n, there, NULL, "squares");
  for (int i = 0; i < n; i++)
    check_number(v, "square_norms", norms[i], expected[i], expected[i]);
}

/* The bits of the backend's own l1, in backend memory, whatever was there; sentinels stay. */
static void
check_l1_sums(Vectors *v)
{
  const int n = samples(v), size = v->n / n;
  const CbiganShape number = { sizeof(double) / sizeof(float), 1, 1 };
  for (int other = 0; other < 4; other += 3) { /* with special numbers, and without */
    double got[11], expected[11];
    for (int i = 0; i < n; i++)
      got[i] = NAN;
    float *there = side_put(&v->side, number, n, (const float *)(gconstpointer)got);
    cbigan_grad_l1_sums(&v->side.grad, n, size, v->data[2], v->data[other], (double *)(gpointer)there);
    side_take(&v->side, number, n, there, (float *)(gpointer)got, "l1_sums");
    cbigan_backend_difference(v->side.grad.backend, n, size, v->data[2], v->data[other], NULL, expected);
    g_assert_true(cbigan_backend_finish(v->side.grad.backend, NULL));
    g_assert_cmpmem(got, sizeof *got * n, expected, sizeof *expected * n);
    double sums[11] = { 0 };
    for (int i = 0; i < n * size; i++)
      sums[i / size] += fabs((double)v->host[2][i] - (double)v->host[other][i]);
    for (int i = 0; i < n; i++)
      if (isnan(sums[i]) ? !isnan(got[i]) : isfinite(sums[i]) && !(fabs(got[i] - sums[i]) <= 1e-4 * sums[i]))
        g_error("%s, l1_sums of %d: %g, expected %g", v->name, v->n, got[i], sums[i]);
  }
}

/* Norms below, at and above 1, and none: nothing is divided by that. */
static void
check_penalty(Vectors *v)
{
  const double squares[] = { 0.25, 1, 4, 0, 1e-30, 1e30, 0.81 };
  const float directions[] = { -20, 0, 10, 0, -2e16f, 20, -20.0f / 9 };
  const CbiganShape number = { sizeof(double) / sizeof(float), 1, 1 };
  enum { N = G_N_ELEMENTS(squares) };
  float *there = side_put(&v->side, number, N, (const float *)(gconstpointer)squares), got[N] = { 0 };
  float *to = side_put(&v->side, (CbiganShape){ 1, 1, 1 }, N, got);
  cbigan_grad_penalty(&v->side.grad, N, 10 * N, (const double *)(gpointer)there, to);
  side_take(&v->side, (CbiganShape){ 1, 1, 1 }, N, to, got, "directions");
  for (int i = 0; i < N; i++)
    if (!(fabs((double)(got[i] - directions[i])) <= 1e-6 * fabs((double)directions[i])))
      g_error("%s, penalty of |g|^2 = %g: %.9g, expected %.9g", v->name, squares[i], (double)got[i],
              (double)directions[i]);
  side_take(&v->side, number, N, there, NULL, "squares");
}

/* In backend memory; free with take_update(). */
static const CbiganUpdate *
put_update(Vectors *v, CbiganUpdate update)
{
  const CbiganShape shape = { sizeof update / sizeof(float), 1, 1 };
  return (const CbiganUpdate *)(gpointer)side_put(&v->side, shape, 1, (const float *)(gconstpointer)&update);
}

static void
take_update(Vectors *v, const CbiganUpdate *there, CbiganUpdate before)
{
  const CbiganShape shape = { sizeof before / sizeof(float), 1, 1 };
  CbiganUpdate after;
  side_take(&v->side, shape, 1, (float *)(gpointer)there, (float *)(gpointer)&after, "an update's numbers");
  g_assert_cmpmem(&after, sizeof after, &before, sizeof before);
}

/* Three steps: by hand in double, as in the paper (Kingma & Ba 2015, algorithm 1). */
static void
check_adam(Vectors *v)
{
  enum { GRADIENT = 1, MEAN = 2, SQUARE = 3, PARAMETER = 0 };
  const double rate = 0.01, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double *state[4];
  for (int i = 0; i < 4; i++)
    state[i] = g_new0(double, v->n);
  for (int i = 0; i < v->n; i++)
    state[PARAMETER][i] = v->host[PARAMETER][i] = (float)(i % 100) / 50 - 1; /* no special numbers here */
  cbigan_backend_upload(v->side.grad.backend, flat(v), 1, v->host[PARAMETER], v->data[PARAMETER]);
  cbigan_grad_fill(&v->side.grad, v->n, 0, v->data[MEAN]);
  cbigan_grad_fill(&v->side.grad, v->n, 0, v->data[SQUARE]);
  for (int step = 1; step <= 3; step++) {
    cbigan_backend_upload(v->side.grad.backend, flat(v), 1, v->host[GRADIENT], v->data[GRADIENT]);
    const CbiganUpdate numbers =
        cbigan_update_numbers((guint)step, (float)rate, (float)beta1, (float)beta2, (float)epsilon, 0.0f);
    const CbiganUpdate *there = put_update(v, numbers);
    cbigan_grad_adam(&v->side.grad, v->n, there, v->data[GRADIENT], v->data[MEAN], v->data[SQUARE], v->data[PARAMETER]);
    take_update(v, there, numbers);
    for (int i = 0; i < v->n; i++) {
      const double g = v->host[GRADIENT][i];
      state[MEAN][i] = beta1 * state[MEAN][i] + (1 - beta1) * g;
      state[SQUARE][i] = beta2 * state[SQUARE][i] + (1 - beta2) * g * g;
      const double mean = state[MEAN][i] / (1 - pow(beta1, step)), square = state[SQUARE][i] / (1 - pow(beta2, step));
      state[PARAMETER][i] -= rate * mean / (sqrt(square) + epsilon);
      v->host[GRADIENT][i] *= step % 2 ? -0.5f : 0.75f;
    }
  }
  const char *const names[] = { "adam: parameters", "adam: gradients", "adam: m", "adam: v" };
  for (int i = 0; i < 4; i++) {
    memcpy(v->expected, state[i], v->n * sizeof(double));
    vectors_check(v, i, names[i], i == PARAMETER ? 0 : 2e-5, 1e-6);
    g_free(state[i]);
  }
}

static void
check_average(Vectors *v)
{
  for (int i = 0; i < v->n; i++)
    v->expected[i] = 0.995 * v->host[2][i] + 0.005 * v->host[0][i];
  const CbiganUpdate numbers = { .decay = 0.995f }, *there = put_update(v, numbers);
  cbigan_grad_average(&v->side.grad, v->n, there, v->data[0], v->data[2]);
  take_update(v, there, numbers);
  vectors_check(v, 2, "average", 1e-5, 1e-6);
}

static void
check_linear(Vectors *v)
{
  check_activation(v, CBIGAN_LINEAR);
}

static void
check_leaky(Vectors *v)
{
  check_activation(v, CBIGAN_LEAKY);
}

static void
check_tanh(Vectors *v)
{
  check_activation(v, CBIGAN_TANH);
}

static const struct {
  const char *name;
  void (*check)(Vectors *v);
} tests[] = {
  { "linear", check_linear },   { "leaky", check_leaky },
  { "tanh", check_tanh },       { "edges", check_activation_edges },
  { "l1_gradient", check_l1 },  { "fill", check_fill },
  { "add", check_add },         { "copy", check_copy },
  { "penalty", check_penalty }, { "mix", check_mix },
  { "scale", check_scale },     { "sums", check_sums },
  { "adam", check_adam },       { "average", check_average },
  { "l1_sums", check_l1_sums },
};

static void
test_vectors(gconstpointer data)
{
  void (*check)(Vectors * v) = tests[GPOINTER_TO_INT(data)].check;
  for (int s = 0; s < n_sides; s++)
    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
      Vectors v = vectors_new(s, sizes[i]);
      check(&v);
      vectors_clear(&v);
    }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  sides_find("gradients/vectors");
  for (gsize i = 0; i < G_N_ELEMENTS(tests); i++) {
    g_autofree char *path = g_strconcat("/gradients/vectors/", tests[i].name, NULL);
    g_test_add_data_func(path, GINT_TO_POINTER(i), test_vectors);
  }
  return g_test_run();
}
