/* network.c - expands the tables of networks.c into layers, values and parameters
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "network.h"

#include <math.h>
#include <string.h>

#include "networks.h"

#define MAX_BLOCKS 7

/* The network while it grows. */
typedef struct {
  CbiganNetworkKind kind;
  int width, patch;
  GArray *layers, *steps, *values, *parameters;
  gsize n_floats;
  int n_inputs;
  int current; /* value that the next row reads */
  int image;   /* last value of the image's path, for JOIN */
  int blocks;
  int outputs[MAX_BLOCKS]; /* last values of the blocks */
} Builder;

static char *
full_name(const Builder *b, const char *name)
{
  return g_strconcat(cbigan_network_prefix(b->kind), ".", name, NULL);
}

static CbiganShape
shape_of(const Builder *b, int value)
{
  return g_array_index(b->values, CbiganValue, value).shape;
}

static int
add_value(Builder *b, char *name, CbiganShape shape)
{
  CbiganValue value = { name, shape };
  g_array_append_val(b->values, value);
  return (int)b->values->len - 1;
}

/* dims[n_dims]; suffix "weight" or "bias"; returns the offset. */
static gsize
add_parameter(Builder *b, const char *name, const char *suffix, int n_dims, const int *dims)
{
  CbiganParameter p = {
    .name = g_strconcat(name, ".", suffix, NULL), .n_dims = n_dims, .offset = b->n_floats, .size = 1
  };
  for (int i = 0; i < n_dims; i++) {
    p.dims[i] = dims[i];
    p.size *= (gsize)dims[i];
  }
  b->n_floats += p.size;
  g_array_append_val(b->parameters, p);
  return p.offset;
}

/* Adds a layer named prefix.name that reads `input`. `onto`: value it accumulates into, or -1 for a new one. */
static int
add_layer(Builder *b, CbiganLayer layer, const char *name, int onto)
{
  layer.name = full_name(b, name);
  layer.in = shape_of(b, layer.input);
  layer.accumulate = onto >= 0;
  layer.output = onto >= 0 ? onto : add_value(b, g_strdup(layer.name), layer.out);
  if (onto >= 0) { /* a value is called after the layer that completes it */
    CbiganValue *value = &g_array_index(b->values, CbiganValue, onto);
    g_free(value->name);
    value->name = g_strdup(layer.name);
  }
  g_array_append_val(b->layers, layer);
  return layer.output;
}

static int
add_conv(Builder *b, const char *name, int input, int filters, int kernel, gboolean bias, CbiganActivation activation,
         int onto)
{
  CbiganShape in = shape_of(b, input);
  g_autofree char *full = full_name(b, name);
  CbiganLayer layer = { .kind = CBIGAN_CONV2D,
                        .activation = activation,
                        .kernel = kernel,
                        .input = input,
                        .out = { filters, in.h, in.w },
                        .bias = CBIGAN_NO_OFFSET,
                        .weight_stride = (gsize)in.c * kernel * kernel };
  layer.weight = add_parameter(b, full, "weight", 4, (int[]){ filters, in.c, kernel, kernel });
  if (bias)
    layer.bias = add_parameter(b, full, "bias", 1, (int[]){ filters });
  return add_layer(b, layer, name, onto);
}

static int
add_dense(Builder *b, const char *name, int input, CbiganShape out, gboolean bias, CbiganActivation activation)
{
  int in_size = (int)cbigan_shape_size(shape_of(b, input)), out_size = (int)cbigan_shape_size(out);
  g_autofree char *full = full_name(b, name);
  CbiganLayer layer = { .kind = CBIGAN_DENSE,
                        .activation = activation,
                        .input = input,
                        .out = out,
                        .bias = CBIGAN_NO_OFFSET,
                        .weight_stride = (gsize)in_size };
  layer.weight = add_parameter(b, full, "weight", 2, (int[]){ out_size, in_size });
  if (bias)
    layer.bias = add_parameter(b, full, "bias", 1, (int[]){ out_size });
  return add_layer(b, layer, name, -1);
}

/* One matrix over (image features, latent features) as two layers, the second added to the first. */
static int
add_join(Builder *b, const char *name, int image, int latent, int units, CbiganActivation activation)
{
  int image_size = (int)cbigan_shape_size(shape_of(b, image)),
      latent_size = (int)cbigan_shape_size(shape_of(b, latent));
  CbiganLayer layer = { .kind = CBIGAN_DENSE,
                        .input = image,
                        .out = { units, 1, 1 },
                        .bias = CBIGAN_NO_OFFSET,
                        .weight_stride = (gsize)image_size + latent_size };
  g_autofree char *full = full_name(b, name), *of_image = g_strconcat(name, ".image", NULL);
  layer.weight = add_parameter(b, full, "weight", 2, (int[]){ units, image_size + latent_size });
  int sum = add_layer(b, layer, of_image, -1);
  layer.weight += image_size;
  layer.input = latent;
  layer.activation = activation;
  return add_layer(b, layer, name, sum);
}

static int
add_resample(Builder *b, CbiganLayerKind kind, const char *name, int input)
{
  CbiganShape in = shape_of(b, input), out = in;
  out.h = kind == CBIGAN_UPSAMPLE ? in.h * 2 : in.h / 2;
  out.w = kind == CBIGAN_UPSAMPLE ? in.w * 2 : in.w / 2;
  CbiganLayer layer = {
    .kind = kind, .input = input, .out = out, .weight = CBIGAN_NO_OFFSET, .bias = CBIGAN_NO_OFFSET
  };
  return add_layer(b, layer, name, -1);
}

static int
add_block(Builder *b, int filters, CbiganResample resample)
{
  enum { UP, SKIP, CONV0, CONV1, CONV2, POOL, N };
  static const char *const parts[N] = { "upsample", "skip", "conv0", "conv1", "conv2", "pool" };
  char name[N][32];
  for (int i = 0; i < N; i++)
    g_snprintf(name[i], sizeof name[i], "block%d.%s", b->blocks, parts[i]);
  b->blocks++;

  int x = b->current;
  if (resample == CBIGAN_DOUBLE || (resample == CBIGAN_DOUBLE_IF_128 && b->patch == 128))
    x = add_resample(b, CBIGAN_UPSAMPLE, name[UP], x);
  int y = add_conv(b, name[SKIP], x, filters, 1, FALSE, CBIGAN_LINEAR, -1);
  int t = add_conv(b, name[CONV0], x, filters, 3, FALSE, CBIGAN_LEAKY, -1);
  t = add_conv(b, name[CONV1], t, filters, 3, FALSE, CBIGAN_LEAKY, -1);
  y = add_conv(b, name[CONV2], t, filters, 1, TRUE, CBIGAN_LEAKY, y);
  return resample == CBIGAN_HALVE ? add_resample(b, CBIGAN_AVGPOOL, name[POOL], y) : y;
}

/* From the coarsest block to the finest: its 1x1 convolution is added to the upsampled sum of the coarser ones. The
 * first block is finer than the sum's last size and is halved instead. */
static int
add_gather(Builder *b, int units, gboolean bias, CbiganActivation activation)
{
  int sum = -1;
  for (int block = b->blocks - 1; block >= 0; block--) {
    char upsample[32], pool[32], conv[32];
    g_snprintf(upsample, sizeof upsample, "gather%d.upsample", block);
    g_snprintf(pool, sizeof pool, "gather%d.pool", block);
    g_snprintf(conv, sizeof conv, "gather%d", block);
    int from = b->outputs[block];
    if (block == 0)
      from = add_resample(b, CBIGAN_AVGPOOL, pool, from);
    else if (sum >= 0)
      sum = add_resample(b, CBIGAN_UPSAMPLE, upsample, sum);
    sum = add_conv(b, conv, from, units, 1, bias && block == 0, block == 0 ? activation : CBIGAN_LINEAR, sum);
  }
  return sum;
}

/* Adds the stage's layers. Returns the kind of the step that they form; without layers there is none. */
static CbiganStepKind
add_stage(Builder *b, const CbiganStage *stage)
{
  const int units = stage->units ? stage->units : stage->multiple * b->width;
  const int side = stage->kind == CBIGAN_STAGE_SEED ? 2 : 1, kernel = stage->kind == CBIGAN_STAGE_FIRST_CONV3 ? 3 : 1;
  switch (stage->kind) {
  case CBIGAN_STAGE_BLOCK:
    b->current = add_block(b, units, stage->resample);
    b->outputs[b->blocks - 1] = b->current;
    return CBIGAN_STEP_BLOCK;
  case CBIGAN_STAGE_DENSE:
  case CBIGAN_STAGE_SEED:
    b->current =
        add_dense(b, stage->name, b->current, (CbiganShape){ units, side, side }, stage->bias, stage->activation);
    return CBIGAN_STEP_DENSE;
  case CBIGAN_STAGE_CONV1:
  case CBIGAN_STAGE_FIRST_CONV3:
    b->current = add_conv(b, stage->name, b->current, units, kernel, stage->bias, stage->activation, -1);
    return CBIGAN_STEP_CONV;
  case CBIGAN_STAGE_FROM_LATENT:
    b->image = b->current;
    b->current = 1; /* inputs are image, latent */
    return CBIGAN_STEP_DENSE;
  case CBIGAN_STAGE_JOIN:
    b->current = add_join(b, stage->name, b->image, b->current, units, stage->activation);
    return CBIGAN_STEP_JOIN;
  case CBIGAN_STAGE_GATHER:
    b->current = add_gather(b, units, stage->bias, stage->activation);
    return CBIGAN_STEP_GATHER;
  case CBIGAN_STAGE_END:
    break;
  }
  g_assert_not_reached();
}

static void
add_step(Builder *b, const CbiganStage *stage)
{
  CbiganStep step = { .first_layer = (int)b->layers->len };
  step.kind = add_stage(b, stage);
  step.n_layers = (int)b->layers->len - step.first_layer;
  if (step.n_layers > 0)
    g_array_append_val(b->steps, step);
}

/* The layers of a block, and what each step depends on; the layers have their final place by now. */
static void
complete_steps(CbiganNetwork *n)
{
  g_autofree guint *sources = g_new0(guint, n->n_values);
  for (int i = 0; i < n->n_inputs; i++)
    sources[i] = 1u << i;
  for (CbiganStep *step = n->steps; step < n->steps + n->n_steps; step++) {
    const CbiganLayer *l = &n->layers[step->first_layer], *end = l + step->n_layers;
    for (const CbiganLayer *k = l; k < end; k++)
      sources[k->output] |= sources[k->input];
    step->sources = sources[end[-1].output];
    if (step->kind != CBIGAN_STEP_BLOCK)
      continue;
    if (l->kind == CBIGAN_UPSAMPLE)
      step->up = l++;
    step->skip = l++;
    step->first = l++;
    step->second = l++;
    step->closing = l++;
    step->pool = l < end ? l : NULL;
  }
}

/* image: of networks that read one */
static CbiganNetwork *
build(CbiganNetworkKind kind, int width, int patch, CbiganShape image, const CbiganStage *stages)
{
  g_return_val_if_fail(width >= 1 && width <= CBIGAN_MAX_WIDTH, NULL);
  Builder b = { .kind = kind, .width = width, .patch = patch };
  b.layers = g_array_new(FALSE, FALSE, sizeof(CbiganLayer));
  b.steps = g_array_new(FALSE, FALSE, sizeof(CbiganStep));
  b.values = g_array_new(FALSE, FALSE, sizeof(CbiganValue));
  b.parameters = g_array_new(FALSE, FALSE, sizeof(CbiganParameter));
  if (kind != CBIGAN_GENERATOR)
    add_value(&b, g_strdup("image"), image);
  if (kind == CBIGAN_GENERATOR || kind == CBIGAN_DISCRIMINATOR)
    add_value(&b, g_strdup("latent"), (CbiganShape){ CBIGAN_LATENT, 1, 1 });
  b.n_inputs = (int)b.values->len;
  for (; stages->kind != CBIGAN_STAGE_END; stages++)
    add_step(&b, stages);

  CbiganNetwork *n = g_new0(CbiganNetwork, 1);
  *n = (CbiganNetwork){ .kind = kind,
                        .width = width,
                        .patch = patch,
                        .n_layers = (int)b.layers->len,
                        .n_steps = (int)b.steps->len,
                        .n_values = (int)b.values->len,
                        .n_inputs = b.n_inputs,
                        .output = b.current,
                        .n_parameters = (int)b.parameters->len,
                        .n_floats = b.n_floats };
  n->layers = (CbiganLayer *)g_array_free(b.layers, FALSE);
  n->steps = (CbiganStep *)g_array_free(b.steps, FALSE);
  n->values = (CbiganValue *)g_array_free(b.values, FALSE);
  n->parameters = (CbiganParameter *)g_array_free(b.parameters, FALSE);
  complete_steps(n);
  return n;
}

CbiganNetwork *
cbigan_network_new(CbiganNetworkKind kind, int width, int patch)
{
  static const CbiganStage *const stages[CBIGAN_N_NETWORKS] = {
    [CBIGAN_ENCODER] = cbigan_encoder_stages,
    [CBIGAN_GENERATOR] = cbigan_generator_stages,
    [CBIGAN_DISCRIMINATOR] = cbigan_discriminator_stages,
  };
  g_return_val_if_fail(kind < CBIGAN_N_NETWORKS && (patch == 64 || patch == 128), NULL);
  return build(kind, width, patch, (CbiganShape){ 3, patch, patch }, stages[kind]);
}

CbiganNetwork *
cbigan_network_new_inspector(int width, CbiganShape image)
{
  g_return_val_if_fail(image.c >= 1 && image.h >= CBIGAN_INSPECTOR_STEP && image.w >= CBIGAN_INSPECTOR_STEP, NULL);
  g_return_val_if_fail(image.h % CBIGAN_INSPECTOR_STEP == 0 && image.w % CBIGAN_INSPECTOR_STEP == 0, NULL);
  return build(CBIGAN_INSPECTOR, width, 0, image, cbigan_inspector_stages);
}

CbiganNetwork *
cbigan_network_new_first_tap(int width, int patch)
{
  CbiganNetwork *tap =
      build(CBIGAN_DISCRIMINATOR, width, patch, (CbiganShape){ 3, patch, patch }, cbigan_first_tap_stages);
  g_autoptr(CbiganNetwork) whole = cbigan_network_new(CBIGAN_DISCRIMINATOR, width, patch);
  /* The layer reads its weights out of D's parameters: same layer name, D's offset. */
  for (int i = 0; i < whole->n_layers; i++)
    if (!strcmp(whole->layers[i].name, tap->layers[0].name))
      tap->layers[0].weight = tap->parameters[0].offset = whole->layers[i].weight;
  tap->n_floats = whole->n_floats;
  return tap;
}

void
cbigan_network_free(CbiganNetwork *n)
{
  if (!n)
    return;
  for (int i = 0; i < n->n_layers; i++)
    g_free(n->layers[i].name);
  for (int i = 0; i < n->n_values; i++)
    g_free(n->values[i].name);
  for (int i = 0; i < n->n_parameters; i++)
    g_free(n->parameters[i].name);
  g_free(n->layers);
  g_free(n->steps);
  g_free(n->values);
  g_free(n->parameters);
  g_free(n);
}

int
cbigan_network_find_value(const CbiganNetwork *n, const char *name)
{
  for (int i = 0; i < n->n_values; i++)
    if (!strcmp(n->values[i].name, name))
      return i;
  return -1;
}

int
cbigan_network_layers_until(const CbiganNetwork *n, int value)
{
  for (int i = n->n_layers; i > 0; i--)
    if (n->layers[i - 1].output == value)
      return i;
  return 0;
}

int
cbigan_network_block_output(const CbiganNetwork *n, int block)
{
  char pool[64], conv[64];
  g_snprintf(pool, sizeof pool, "%s.block%d.pool", cbigan_network_prefix(n->kind), block);
  g_snprintf(conv, sizeof conv, "%s.block%d.conv2", cbigan_network_prefix(n->kind), block);
  int value = cbigan_network_find_value(n, pool);
  return value >= 0 ? value : cbigan_network_find_value(n, conv);
}

double
cbigan_network_work(const CbiganNetwork *n, int n_layers)
{
  double work = 0.0;
  for (int i = 0; i < n_layers; i++) {
    const CbiganLayer *l = &n->layers[i];
    double out = (double)cbigan_shape_size(l->out);
    if (l->kind == CBIGAN_CONV2D)
      work += 2.0 * l->kernel * l->kernel * l->in.c * out;
    else if (l->kind == CBIGAN_DENSE)
      work += 2.0 * (double)cbigan_shape_size(l->in) * out;
  }
  return work;
}

const char *
cbigan_network_prefix(CbiganNetworkKind kind)
{
  static const char *const names[] = { "encoder", "generator", "discriminator", "inspector" };
  return names[kind];
}

static guint64
splitmix64(guint64 *state) /* Steele, Lea, Flood 2014 */
{
  guint64 z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

void
cbigan_network_initialise(const CbiganNetwork *n, guint64 seed, float *parameters)
{
  guint64 state = seed * 3 + (guint64)n->kind;
  for (int i = 0; i < n->n_parameters; i++) {
    const CbiganParameter *p = &n->parameters[i];
    gsize fan_in = p->size / (gsize)p->dims[0];
    /* He et al. 2015 for LeakyReLU; torch.nn.init.kaiming_uniform_(a=0.2) */
    double bound = sqrt(6.0 / ((1.0 + CBIGAN_LEAKY_SLOPE * CBIGAN_LEAKY_SLOPE) * (double)fan_in));
    for (gsize k = 0; k < p->size; k++) {
      double uniform = (double)(splitmix64(&state) >> 11) * 0x1p-53;
      parameters[p->offset + k] = p->n_dims == 1 ? 0.0f : (float)(bound * (2.0 * uniform - 1.0));
    }
  }
}
