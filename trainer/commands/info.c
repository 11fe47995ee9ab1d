/* info.c - cbigan info: prints the content of a model file in words, or which backends can run here
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/backend.h"
#include "columns.h"
#include "command.h"
#include "i18n.h"
#include "model/model.h"
#include <json-glib/json-glib.h>
#include <math.h>
#include <stdio.h>

static const CbiganUsage usage = {
  N_("MODEL"),
  N_("Says what is in a model file, or which backends can run here."),
  "  cbigan info bottle.safetensors\n"
  "  cbigan info --backends",
  0,
  1,
};

static CbiganExit
print_backends(void)
{
  const CbiganBackendClass *const *all = cbigan_backend_list();

  for (; *all; all++) {
    g_autofree char *reason = cbigan_backend_unavailable((*all)->name);

    printf("%-10s  %s\n%-10s  %s%s\n", (*all)->name, cbigan_backend_description((*all)->name), "",
           reason ? _("can't run here: ") : _("can run here"), reason ? reason : "");
  }
  return CBIGAN_EXIT_FINE;
}

typedef enum {
  NONE, /* the line goes on with what the line above is about */
  MODEL,
  NETWORKS,
  FRAMES,
  PAPER,
  CALIBRATED,
  CRITIC,
  LIGHT,
  INSPECTOR,
  MASK,
  PICTURES,
  SCORE,
  THRESHOLD,
  PRECISION,
  TRAINING,
} Label;

static const char *const labels[] = {
  [NONE] = "",
  [MODEL] = N_("Model:"),
  [NETWORKS] = N_("Networks:"),
  [FRAMES] = N_("Frames:"),
  [PAPER] = N_("Paper:"),
  [CALIBRATED] = N_("Calibrated:"),
  [CRITIC] = N_("Critic:"),
  [LIGHT] = N_("Light:"),
  [INSPECTOR] = N_("Inspector:"),
  [MASK] = N_("Mask:"),
  [PICTURES] = N_("Pictures:"),
  [SCORE] = N_("Score:"),
  [THRESHOLD] = N_("Threshold:"),
  [PRECISION] = N_("Precision:"),
  [TRAINING] = N_("Training:"),
};

#define GAP 3 /* columns behind the widest label */

static const char *
translated(const char *text)
{
  return *text ? _(text) : ""; /* the translation of nothing is the catalogue's heading */
}

static int
widest(guint n, const char *const *texts)
{
  int width = 0;
  for (guint i = 0; i < n; i++)
    width = MAX(width, cbigan_text_width(translated(texts[i])));
  return width;
}

static void print_line(Label label, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
print_line(Label label, const char *format, ...)
{
  va_list values;

  cbigan_print_left(translated(labels[label]), widest(G_N_ELEMENTS(labels), labels) + GAP);
  va_start(values, format);
  vprintf(format, values);
  va_end(values);
  putchar('\n');
}

static void
print_size(const char *name, int width, gsize n)
{
  const char *format = n_("%zu parameter", "%zu parameters", n);
  g_autofree char *size = g_strdup_printf(format, n);

  print_line(NONE, "%s%*s%s", name, width - cbigan_text_width(name), "", size);
}

static void
print_networks(const CbiganModel *model)
{
  static const char *const names[CBIGAN_N_NETWORKS] = { N_("encoder E"), N_("generator G"), N_("discriminator D") };
  const CbiganModelInfo *info = &model->info;

  print_line(NETWORKS, _("width c = %d, latent space of %d, patches of %dx%d pixels"), info->width, info->latent,
             info->patch, info->patch);
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++)
    print_size(_(names[i]), widest(CBIGAN_N_NETWORKS, names) + 2, model->networks[i]->n_floats);
  if (info->frame_width)
    print_line(FRAMES, _("resized to %dx%d pixels"), info->frame_width, info->frame_height);
  else
    print_line(FRAMES, _("scored at their own size, at least %dx%d pixels"), info->patch, info->patch);
}

static void
print_scores(const CbiganModel *model)
{
  const CbiganModelInfo *info = &model->info;

  print_line(PAPER, _("A(x) = (1 - lambda) L_R + lambda L_fD with lambda = %g; f_D is %s"), info->lambda,
             info->tap == CBIGAN_TAP_FIRST ? _("D's first 3x3 convolution") : _("D's last hidden layer"));
  if (model->map.mean)
    print_line(CALIBRATED, _("reconstruction map against good pictures, %s"),
               model->map.w > 1 ? _("position by position") : _("the same for all positions"));
  else
    print_line(CALIBRATED, "%s", _("no statistics"));
  if (model->critic.mean)
    print_line(CRITIC,
               n_("D's feature map of %d channel on a grid of %dx%d against good pictures, %s",
                  "D's feature map of %d channels on a grid of %dx%d against good pictures, %s",
                  (gulong)model->critic.channels),
               model->critic.channels, info->critic_grid, info->critic_grid,
               model->critic.positions > 1 ? _("position by position") : _("the same for all positions"));
  else
    print_line(CRITIC, "%s", _("no statistics"));
  if (!isnan(info->light_median))
    print_line(LIGHT, _("frames are adjusted to the 10 %% and 50 %% quantiles of good pictures, %.1f and %.1f of 255"),
               (info->light_low + 1) * 127.5, (info->light_median + 1) * 127.5);
}

/* "logits, distance of hidden units against good pictures", of the maps in use */
static void
print_maps(const CbiganModel *model)
{
  static const char *const names[CBIGAN_N_MAP_KINDS] = {
    [CBIGAN_MAP_LOGIT] = N_("logits"),
    [CBIGAN_MAP_HIDDEN] = N_("distance of hidden units"),
    [CBIGAN_MAP_BANK] = N_("distance of filters' responses"),
    [CBIGAN_MAP_NEAREST] = N_("distance of filters' responses from the nearest good ones"),
  };
  static const char *const summaries[CBIGAN_N_SUMMARIES] = {
    [CBIGAN_SUMMARY_PEAK] = N_("the peak"),
    [CBIGAN_SUMMARY_TOP] = N_("the mean of the largest hundredth"),
    [CBIGAN_SUMMARY_FEW] = N_("the mean of the largest three thousandths"),
  };
  g_autoptr(GString) used = g_string_new(NULL);
  int n = 0;

  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++) {
    if (!model->inspector.maps[i].used)
      continue;
    n++;
    g_string_append(used, used->len ? ", " : "");
    g_string_append_printf(
        used, model->inspector.maps[i].levelled ? _("%s against good pictures, position by position") : "%s",
        _(names[i]));
  }
  print_line(INSPECTOR, n > 1 ? _("score is %s of its map, the smallest of: %s") : _("score is %s of its map: %s"),
             _(summaries[model->info.summary]), used->str);
}

/* What else was tried. proxies: JSON object, or NULL */
static void
print_proxies(const char *proxies)
{
  g_autoptr(JsonNode) root = proxies ? json_from_string(proxies, NULL) : NULL;
  g_autoptr(GString) tried = g_string_new(NULL);
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  if (!root)
    return;
  json_object_iter_init_ordered(&iter, json_node_get_object(root));
  while (json_object_iter_next_ordered(&iter, &name, &value))
    g_string_append_printf(tried, "%s%s %.3f", tried->len ? " " : "", name, json_node_get_double(value));
  print_line(NONE, _("of the maps that were tried: %s"), tried->str);
}

static void
print_inspector(const CbiganModel *model)
{
  const CbiganModelInfo *info = &model->info;

  if (model->inspector.parameters) {
    print_line(NETWORKS, _("width c = %d"), info->width);
    print_size(_("inspector"), cbigan_text_width(_("inspector")) + 2, model->inspector_network->n_floats);
  } else {
    print_line(NETWORKS, "%s", _("no network, only fixed filters"));
  }
  if (info->frame_width)
    print_line(FRAMES, _("resized to %dx%d pixels, compared with good pictures position by position"),
               info->frame_width, info->frame_height);
  else
    print_line(FRAMES, "%s", _("scored at their own size, as surfaces"));
  if (info->upright_width)
    print_line(NONE, _("parts are turned upright first, to %dx%d pixels"), info->upright_width, info->upright_height);
  print_maps(model);
  if (!isnan(info->proxy))
    print_line(NONE, _("area under the ROC curve on synthetic defects in held-out pictures: %.3f"), info->proxy);
  print_proxies(info->proxies);
}

static void
print_usual(const CbiganUsualPictures *usual)
{
  const double *least = usual->least, *most = usual->most;

  if (usual->n)
    print_line(PICTURES,
               n_("%u good one with brightness %.1f to %.1f, contrast %.1f to %.1f, sharpness %.3g to %.3g, noise %.2f "
                  "to %.2f",
                  "%u good ones with brightness %.1f to %.1f, contrast %.1f to %.1f, sharpness %.3g to %.3g, noise "
                  "%.2f to %.2f",
                  usual->n),
               usual->n, least[CBIGAN_MEASURE_BRIGHTNESS], most[CBIGAN_MEASURE_BRIGHTNESS],
               least[CBIGAN_MEASURE_CONTRAST], most[CBIGAN_MEASURE_CONTRAST], least[CBIGAN_MEASURE_SHARPNESS],
               most[CBIGAN_MEASURE_SHARPNESS], least[CBIGAN_MEASURE_NOISE], most[CBIGAN_MEASURE_NOISE]);
  else
    print_line(PICTURES, "%s", _("no measures of good ones; only black, overexposed and flat pictures are told"));
}

static void
print_mask(const CbiganMask *mask)
{
  gsize n = (gsize)mask->width * (gsize)mask->height, counting = 0;

  for (gsize i = 0; i < n; i++)
    counting += mask->counts[i];
  if (n)
    print_line(MASK, _("%dx%d pixels, %.1f %% of them count"), mask->width, mask->height,
               100.0 * (double)counting / (double)n);
}

static void
print_threshold(const CbiganModelInfo *info)
{
  guint over = 0;

  print_line(SCORE, "%s", cbigan_score_name(info->score));
  if (isnan(info->threshold)) {
    print_line(THRESHOLD, "%s", _("none"));
    return;
  }
  print_line(THRESHOLD, "%.6g", info->threshold);
  for (guint i = 0; i < info->n_good_scores; i++)
    over += info->good_scores[i] > info->threshold;
  if (info->n_good_scores)
    print_line(NONE, n_("from %u good picture, %u over it", "from %u good pictures, %u over it", info->n_good_scores),
               info->n_good_scores, over);
  if (info->scores[CBIGAN_SCORE_INSPECTOR])
    return;
  if (isnan(info->bf16_error))
    print_line(PRECISION, "%s", _("fp32; not known whether bf16 keeps all verdicts"));
  else
    print_line(PRECISION, _("fp32 or bf16: scores differ by up to %.2g %%, no verdict changed"),
               100 * info->bf16_error);
}

static void
print_training(const char *training)
{
  g_autoptr(JsonNode) root = training ? json_from_string(training, NULL) : NULL;
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;
  Label label = TRAINING;

  if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
    print_line(TRAINING, "%s", _("unknown"));
    return;
  }
  json_object_iter_init(&iter, json_node_get_object(root));
  while (json_object_iter_next(&iter, &name, &value)) {
    g_autofree char *text = JSON_NODE_HOLDS_VALUE(value) && json_node_get_value_type(value) == G_TYPE_STRING
                                ? json_node_dup_string(value)
                                : json_to_string(value, FALSE);

    print_line(label, "%s: %s", name, text);
    label = NONE;
  }
}

CbiganExit
cbigan_cmd_info(int argc, char **argv)
{
  gboolean backends = FALSE;
  g_auto(GStrv) rest = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = NULL;
  GOptionEntry entries[] = {
    { "backends", 0, 0, G_OPTION_ARG_NONE, &backends, N_("List the backends, and why some can't run here"), NULL },
    { NULL },
  };

  if (!cbigan_command_parse(&usage, entries, argc, argv, &rest))
    return CBIGAN_EXIT_USAGE;
  if (!rest[0] == !backends) {
    cbigan_refuse(&error, _("expected either a model file or --backends"));
    return cbigan_command_usage(error);
  }
  if (backends)
    return print_backends();
  model = cbigan_model_load(rest[0], &error);
  if (!model)
    return cbigan_command_fail(error);
  print_line(MODEL, "%s", rest[0]);
  if (model->inspector_network) {
    print_inspector(model);
  } else {
    print_networks(model);
    print_scores(model);
  }
  print_mask(&model->info.mask);
  print_usual(&model->info.usual);
  print_threshold(&model->info);
  print_training(model->info.training);
  return CBIGAN_EXIT_FINE;
}
