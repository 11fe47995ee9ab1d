/* train_options.c - the options of a training run: presets, ranges, names
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A new option is a member of CbiganTrainOptions, its value in both presets, and a row of `fields`. The row gives the
 * check, the comparison with a checkpoint and the message.
 */
#include "train_options.h"

#include <math.h>
#include <string.h>

#include "i18n.h"
#include "model/error.h"
#include "model/network.h"

/* warmup_steps: an object has few views. Twice as many steps are no better and may teach the networks to reproduce
 * defects (docs/results.md).
 *
 * alpha: the gradient of the critic has norm 1, that is 1 / sqrt(3 P^2) = 0.009 per number of a patch at P = 64. The
 * gradient of L_R is alpha per number. The paper's 1e-4 needs its million updates. Within a few thousand, 1e-4 loses
 * the reconstruction (bottle: L_R 400 -> 2700, AUROC of Eq. 7 0.78 -> 0.52), and 0.1 improves it. */
#define COMMON                                                                                                         \
  .width = 4, .patch = 64, .seed = 1, .batch = 32, .steps = 1500, .critic_updates = 1, .alpha = 0.1, .rate = 3e-4,     \
  .warmup_rate = 1e-3, .decay = NAN, .penalty = 10.0, .held_out = 0.2, .false_alarms = 0.01,                           \
  .score = CBIGAN_SCORE_CRITIC, .tap = CBIGAN_TAP_FIRST, .lambda = 0.1, .checkpoint_seconds = 60

static const struct {
  const char *name;
  CbiganTrainOptions options;
} presets[] = {
  [CBIGAN_PRESET_OBJECT] = { "object",
                             { .preset = CBIGAN_PRESET_OBJECT,
                               .frame_width = 64,
                               .frame_height = 64,
                               .warmup_steps = 1500,
                               COMMON } },
  [CBIGAN_PRESET_TEXTURE] = { "texture",
                              { .preset = CBIGAN_PRESET_TEXTURE, .rotation = 45.0, .warmup_steps = 3000, COMMON } },
};

typedef enum { INTEGER, UNSIGNED, UNSIGNED64, REAL } FieldType;

static const struct {
  const char *name; /* of the command line's option */
  FieldType type;
  gsize offset;
  double least, most;
  gboolean above;    /* `least` itself is out of range */
  gboolean optional; /* NAN stands for a default */
  gboolean weights;  /* the trained weights depend on it */
} fields[] = {
#define FIELD(member) G_STRUCT_OFFSET(CbiganTrainOptions, member)
  { "width", INTEGER, FIELD(width), 1, CBIGAN_MAX_WIDTH, .weights = TRUE },
  { "patch", INTEGER, FIELD(patch), 64, 128, .weights = TRUE },
  { "frame-width", INTEGER, FIELD(frame_width), 0, 32768, .weights = TRUE },
  { "frame-height", INTEGER, FIELD(frame_height), 0, 32768, .weights = TRUE },
  { "seed", UNSIGNED64, FIELD(seed), 0, (double)G_MAXUINT64, .weights = TRUE },
  { "batch", INTEGER, FIELD(batch), 1, 4096, .weights = TRUE },
  { "warmup", UNSIGNED, FIELD(warmup_steps), 0, 1e9, .weights = TRUE },
  { "steps", UNSIGNED, FIELD(steps), 0, 1e9, .weights = TRUE },
  { "critic-updates", INTEGER, FIELD(critic_updates), 1, 100, .weights = TRUE },
  { "alpha", REAL, FIELD(alpha), 0, 1, .weights = TRUE },
  { "rate", REAL, FIELD(rate), 0, 1, .above = TRUE, .weights = TRUE },
  { "warmup-rate", REAL, FIELD(warmup_rate), 0, 1, .above = TRUE, .weights = TRUE },
  { "decay", REAL, FIELD(decay), 0, 0.999999, .optional = TRUE, .weights = TRUE },
  { "penalty", REAL, FIELD(penalty), 0, 1e6, .weights = TRUE },
  { "rotation", REAL, FIELD(rotation), 0, 180, .weights = TRUE },
  { "held-out", REAL, FIELD(held_out), 0, 0.5, .weights = TRUE },
  { "false-alarms", REAL, FIELD(false_alarms), 0, 0.5 },
  { "lambda", REAL, FIELD(lambda), 0, 1 },
  { "device", INTEGER, FIELD(device), 0, 1024 },
  { "threads", INTEGER, FIELD(threads), 0, 4096 },
#undef FIELD
};

void
cbigan_train_options_init(CbiganTrainOptions *options, CbiganPreset preset)
{
  g_return_if_fail(preset < G_N_ELEMENTS(presets));
  *options = presets[preset].options;
}

const char *
cbigan_preset_name(CbiganPreset preset)
{
  return presets[preset].name;
}

static double
field_value(const CbiganTrainOptions *options, gsize i)
{
  const char *at = (const char *)options + fields[i].offset;
  switch (fields[i].type) {
  case INTEGER:
    return *(const int *)at;
  case UNSIGNED:
    return *(const guint *)at;
  case UNSIGNED64:
    return (double)*(const guint64 *)at;
  case REAL:
    return *(const double *)at;
  }
  g_return_val_if_reached(NAN);
}

static gboolean
check_ranges(const CbiganTrainOptions *options, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS(fields); i++) {
    double value = field_value(options, i), least = fields[i].least;
    if (fields[i].optional && isnan(value))
      continue;
    if (!(fields[i].above ? value > least : value >= least) || !(value <= fields[i].most)) /* catches NAN too */
      return cbigan_refuse(
          error, fields[i].above ? _("%s: %g; expected more than %g and at most %g") : _("%s: %g; expected %g to %g"),
          fields[i].name, value, least, fields[i].most);
  }
  return TRUE;
}

gboolean
cbigan_train_options_check(const CbiganTrainOptions *options, GError **error)
{
  const CbiganTrainOptions *o = options;
  g_return_val_if_fail(o->preset < G_N_ELEMENTS(presets) && o->score < CBIGAN_N_SCORES, FALSE);
  g_return_val_if_fail(o->tap == CBIGAN_TAP_FIRST || o->tap == CBIGAN_TAP_HIDDEN, FALSE);
  if (!check_ranges(o, error))
    return FALSE;
  if (o->patch != 64 && o->patch != 128)
    return cbigan_refuse(error, _("patch: %d; expected 64 or 128"), o->patch);
  if (o->preset == CBIGAN_PRESET_OBJECT && (o->frame_width != o->patch || o->frame_height != o->patch))
    return cbigan_refuse(error, _("frame: %dx%d; expected %dx%d: with the preset object a frame is one patch"),
                         o->frame_width, o->frame_height, o->patch, o->patch);
  gboolean native = o->frame_width == 0 && o->frame_height == 0;
  if (!native && (o->frame_width < o->patch || o->frame_height < o->patch))
    return cbigan_refuse(error, _("frame: %dx%d; expected native or at least one patch, %dx%d"), o->frame_width,
                         o->frame_height, o->patch, o->patch);
  if (cbigan_train_options_warmup(o) + o->steps == 0)
    return cbigan_refuse(error, _("steps: 0 without a warm-up; expected at least one step"));
  if (o->held_out == 0.0 && o->score != CBIGAN_SCORE_PAPER)
    return cbigan_refuse(
        error,
        _("held-out: 0; expected more than 0 for the score %s: it is measured on pictures that were not "
          "trained on"),
        cbigan_score_name(o->score));
  return TRUE;
}

guint
cbigan_train_options_warmup(const CbiganTrainOptions *options)
{
  return options->alpha > 0.0 ? options->warmup_steps : 0;
}

double
cbigan_train_options_decay(const CbiganTrainOptions *options)
{
  if (!isnan(options->decay))
    return options->decay;
  double window = (cbigan_train_options_warmup(options) + options->steps) / 50.0;
  return 1.0 - 1.0 / MAX(window, 1.0);
}

char *
cbigan_train_options_describe(const CbiganTrainOptions *options)
{
  GString *text = g_string_new(NULL);
  g_string_append_printf(text, "preset=%s", cbigan_preset_name(options->preset));
  for (gsize i = 0; i < G_N_ELEMENTS(fields); i++) {
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    if (!fields[i].weights)
      continue;
    if (fields[i].type == UNSIGNED64) /* a double does not hold all 64 bits */
      g_snprintf(number, sizeof number, "%" G_GUINT64_FORMAT,
                 *(const guint64 *)((const char *)options + fields[i].offset));
    else
      g_ascii_dtostr(number, sizeof number, field_value(options, i));
    g_string_append_printf(text, " %s=%s", fields[i].name, number);
  }
  return g_string_free(text, FALSE);
}

gboolean
cbigan_train_options_same(const char *one, const char *other, char **in_one, char **in_other)
{
  g_auto(GStrv) a = g_strsplit(one, " ", -1), b = g_strsplit(other, " ", -1);
  guint i = 0;
  while (a[i] && b[i] && !strcmp(a[i], b[i]))
    i++;
  if (!a[i] && !b[i])
    return TRUE;
  *in_one = g_strdup(a[i] ? a[i] : "");
  *in_other = g_strdup(b[i] ? b[i] : "");
  return FALSE;
}
