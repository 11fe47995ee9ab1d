/* test_inspector.c - the inspector: its network on every backend, its gradients against finite differences
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient_side.h"
#include "forward/forward.h"
#include "training/inspector_learner.h"

#define BATCH 2
/* Neither square nor of a size that fills vectors; tall; wide enough to be cut into segments. */
static const CbiganShape images[] = { { 5, 48, 32 },   { 3, 80, 16 },   { 6, 32, 256 },
                                      { 5, 112, 224 }, { 3, 208, 384 }, { 6, 176, 64 } };

typedef struct {
  Side side;
  CbiganShape image;
  CbiganNetwork *network;
  CbiganInspectorLearner *learner;
  float *x, *covered, *parameters; /* host */
} Fixture;

static void
fixture_open(Fixture *f, int side, CbiganShape image)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GRand) random = g_rand_new_with_seed(5);
  f->side = side_open(side);
  f->image = image;
  f->network = cbigan_network_new_inspector(3, image);
  f->learner = cbigan_inspector_learner_new(&f->side.grad, f->network, BATCH, 1, &error);
  g_assert_no_error(error);
  f->x = random_floats(random, BATCH * cbigan_shape_size(image));
  gsize positions = BATCH * (gsize)(image.h / CBIGAN_INSPECTOR_CELL) * (gsize)(image.w / CBIGAN_INSPECTOR_CELL);
  f->covered = g_new(float, positions);
  for (gsize i = 0; i < positions; i++)
    f->covered[i] = i % 5 == 0 ? 1.0f : i % 7 == 0 ? 0.1f : 0.0f;
  f->parameters = g_new(float, f->network->n_floats);
  cbigan_inspector_learner_read(f->learner, CBIGAN_LEARNER_PARAMETERS, f->parameters, &error);
  g_assert_no_error(error);
}

static void
fixture_close(Fixture *f)
{
  cbigan_inspector_learner_free(f->learner);
  cbigan_network_free(f->network);
  g_free(f->x);
  g_free(f->covered);
  g_free(f->parameters);
  side_close(&f->side);
}

static double
loss_at(Fixture *f, const float *parameters)
{
  g_autoptr(GError) error = NULL;
  double loss;
  cbigan_inspector_learner_write(f->learner, CBIGAN_LEARNER_PARAMETERS, parameters);
  cbigan_inspector_learner_gradient(f->learner, f->x, f->covered, &loss, &error);
  g_assert_no_error(error);
  return loss;
}

/* Along the gradient, the loss changes by its square. */
static void
check_gradient(int side, CbiganShape image)
{
  g_autoptr(GError) error = NULL;
  Fixture f;
  fixture_open(&f, side, image);
  const gsize n = f.network->n_floats;
  g_autofree float *gradient = g_new(float, n), *moved = g_new(float, n);
  loss_at(&f, f.parameters);
  cbigan_inspector_learner_read(f.learner, CBIGAN_LEARNER_GRADIENTS, gradient, &error);
  g_assert_no_error(error);
  double square = 0.0, losses[2];
  for (gsize i = 0; i < n; i++)
    square += (double)gradient[i] * gradient[i];
  const double step = 0.002 / sqrt(square);
  for (int k = 0; k < 2; k++) {
    for (gsize i = 0; i < n; i++)
      moved[i] = f.parameters[i] + (float)(k ? step : -step) * gradient[i];
    losses[k] = loss_at(&f, moved);
  }
  g_test_message("|gradient|^2 = %g, finite difference %g", square, (losses[1] - losses[0]) / (2.0 * step));
  g_assert_cmpfloat_with_epsilon((losses[1] - losses[0]) / (2.0 * step), square, 0.01 * square);
  fixture_close(&f);
}

static float *
logits_of(const Fixture *f, const int *keep)
{
  g_autoptr(GError) error = NULL;
  CbiganShape output = f->network->values[f->network->output].shape;
  float *logits = g_new(float, BATCH *cbigan_shape_size(output));
  float *parameters = cbigan_backend_alloc(f->side.grad.backend, f->network->n_floats, &error);
  g_assert_no_error(error);
  cbigan_backend_upload(f->side.grad.backend, (CbiganShape){ (int)f->network->n_floats, 1, 1 }, 1, f->parameters,
                        parameters);
  CbiganForward *forward =
      cbigan_forward_new(f->side.grad.backend, f->network, f->network->n_layers, BATCH, keep, parameters, &error);
  g_assert_no_error(error);
  cbigan_backend_upload(f->side.grad.backend, f->image, BATCH, f->x, forward->values[0]);
  cbigan_forward_run(forward);
  cbigan_backend_download(f->side.grad.backend, output, BATCH, forward->values[f->network->output], logits);
  cbigan_backend_finish(f->side.grad.backend, &error);
  g_assert_no_error(error);
  cbigan_forward_free(forward);
  cbigan_backend_free(f->side.grad.backend, parameters);
  return logits;
}

static void
test_gradient_surface(gconstpointer side)
{
  check_gradient(GPOINTER_TO_INT(side), images[0]);
}

static void
test_gradient_object(gconstpointer side)
{
  check_gradient(GPOINTER_TO_INT(side), (CbiganShape){ CBIGAN_OBJECT_PLANES, 48, 32 });
}

/* A surface's loss of a crop: thin defects count as much as large ones, and good positions that look good hardly. */
static void
test_weights(gconstpointer side)
{
  g_autoptr(GError) error = NULL;
  Fixture f;
  fixture_open(&f, GPOINTER_TO_INT(side), images[0]);
  const gsize all = BATCH * (gsize)(f.image.h / CBIGAN_INSPECTOR_CELL) * (gsize)(f.image.w / CBIGAN_INSPECTOR_CELL);
  g_autofree float *logits = logits_of(&f, NULL);
  for (gsize i = 0; i < all; i++) /* 3 of the first crop's positions, and 60 of the second one's, are defective */
    f.covered[i] = i < 3 || (i >= all / 2 && i < all / 2 + 60) ? 1.0f : 0.0f;
  double expected = 0.0;
  for (gsize i = 0; i < all; i++) {
    const double p = 1.0 / (1.0 + exp(-(double)logits[i]));
    const double weight = 3.0 * (i < all / 2 ? 3.0 : sqrt(0.5));
    expected += f.covered[i] > 0.0f ? -weight * log(p) : -2.0 * p * log(1.0 - p);
  }
  g_assert_cmpfloat_with_epsilon(loss_at(&f, f.parameters), expected / (double)all, 1e-5);
  fixture_close(&f);
}

static void
check_forward(int side, CbiganShape image)
{
  Fixture judge, f;
  fixture_open(&judge, 0, image);
  fixture_open(&f, side, image);
  CbiganShape output = f.network->values[f.network->output].shape;
  g_assert_cmpint(output.c, ==, 1);
  g_assert_cmpint(output.h, ==, image.h / CBIGAN_INSPECTOR_CELL);
  g_assert_cmpint(output.w, ==, image.w / CBIGAN_INSPECTOR_CELL);
  const gsize n = BATCH * cbigan_shape_size(output);
  g_autofree float *want = logits_of(&judge, NULL);
  g_autofree double *expected = g_new(double, n);
  for (gsize i = 0; i < n; i++)
    expected[i] = want[i];
  for (int by_layer = 0; by_layer < 2; by_layer++) {
    g_autofree float *have = logits_of(&f, by_layer ? CBIGAN_KEEP_ALL : NULL);
    g_autofree char *what =
        g_strdup_printf("logits of %dx%d, %s", image.w, image.h, by_layer ? "layer by layer" : "fused");
    check_close(f.side.grad.table->name, what, n, have, expected, 2e-5, 0.0);
  }
  fixture_close(&f);
  fixture_close(&judge);
}

static void
test_forward(gconstpointer side)
{
  for (guint i = 0; i < G_N_ELEMENTS(images); i++)
    check_forward(GPOINTER_TO_INT(side), images[i]);
}

/* Updates on one batch must learn it. */
static void
test_update(gconstpointer side)
{
  g_autoptr(GError) error = NULL;
  Fixture f;
  fixture_open(&f, GPOINTER_TO_INT(side), images[0]);
  double first = loss_at(&f, f.parameters), last = first;
  for (guint i = 1; i <= 60; i++) {
    CbiganUpdate numbers = cbigan_update_numbers(i, 1e-2f, 0.9f, 0.99f, 1e-8f, 0.9f);
    cbigan_inspector_learner_update(f.learner, &numbers, f.x, f.covered, &last, &error);
    g_assert_no_error(error);
  }
  g_test_message("loss %g at first, %g after 60 updates", first, last);
  g_assert_cmpfloat(last, <, 0.8 * first);
  fixture_close(&f);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  sides_find("inspector");
  const struct {
    const char *name;
    GTestDataFunc test;
  } tests[] = { { "forward", test_forward },
                { "gradient-surface", test_gradient_surface },
                { "gradient-object", test_gradient_object },
                { "weights", test_weights },
                { "update", test_update } };
  for (int side = 0; side < n_sides; side++)
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
      g_autofree char *path = g_strdup_printf("/inspector/%s/%s", side_names[side], tests[i].name);
      g_test_add_data_func(path, GINT_TO_POINTER(side), tests[i].test);
    }
  return g_test_run();
}
