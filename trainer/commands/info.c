/* info.c - cbigan info: prints the content of a model file in words, or which backends can run here
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/backend.h"
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

static void
print_networks(const CbiganModel *model)
{
  static const char *const names[CBIGAN_N_NETWORKS] = { N_("encoder E"), N_("generator G"), N_("discriminator D") };
  const CbiganModelInfo *info = &model->info;

  printf(_("Networks:     width c = %d, latent space of %d, patches of %dx%d pixels\n"), info->width, info->latent,
         info->patch, info->patch);
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++)
    printf(_("              %-16s %zu parameters\n"), _(names[i]), model->networks[i]->n_floats);
  if (info->frame_width)
    printf(_("Frames:       resized to %dx%d pixels\n"), info->frame_width, info->frame_height);
  else
    printf(_("Frames:       scored at their own size, at least %dx%d pixels\n"), info->patch, info->patch);
}

static void
print_scores(const CbiganModel *model)
{
  const CbiganModelInfo *info = &model->info;

  printf(_("Paper:        A(x) = (1 - lambda) L_R + lambda L_fD with lambda = %g; f_D is %s\n"), info->lambda,
         info->tap == CBIGAN_TAP_FIRST ? _("D's first 3x3 convolution") : _("D's last hidden layer"));
  if (model->map.mean)
    printf(_("Calibrated:   reconstruction map against good pictures, %s\n"),
           model->map.w > 1 ? _("position by position") : _("the same for all positions"));
  else
    printf(_("Calibrated:   no statistics\n"));
  if (model->critic.mean)
    printf(_("Critic:       D's feature map of %d channels on a grid of %dx%d against good pictures, %s\n"),
           model->critic.channels, info->critic_grid, info->critic_grid,
           model->critic.positions > 1 ? _("position by position") : _("the same for all positions"));
  else
    printf(_("Critic:       no statistics\n"));
  if (!isnan(info->light_median))
    printf(_("Light:        frames are adjusted to the 10 %% and 50 %% quantiles of good pictures, %.1f and %.1f of "
             "255\n"),
           (info->light_low + 1) * 127.5, (info->light_median + 1) * 127.5);
}

/* "logits, hidden units less their level", of the maps in use */
static void
print_maps(const CbiganModel *model)
{
  static const char *const names[CBIGAN_N_MAP_KINDS] = {
    [CBIGAN_MAP_LOGIT] = N_("logits"),
    [CBIGAN_MAP_HIDDEN] = N_("distance of hidden units"),
    [CBIGAN_MAP_BANK] = N_("distance of filters' responses"),
  };
  static const char *const summaries[CBIGAN_N_SUMMARIES] = {
    [CBIGAN_SUMMARY_PEAK] = N_("the peak"),
    [CBIGAN_SUMMARY_TOP] = N_("the mean of the largest hundredth"),
    [CBIGAN_SUMMARY_FEW] = N_("the mean of the largest three thousandths"),
  };
  gboolean first = TRUE;

  printf(_("Inspector:    score is %s of its map, the smallest of: "), _(summaries[model->info.summary]));
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++) {
    if (!model->inspector.maps[i].used)
      continue;
    printf("%s%s%s", first ? "" : ", ", _(names[i]),
           model->inspector.maps[i].levelled ? _(" against good pictures, position by position") : "");
    first = FALSE;
  }
  putchar('\n');
}

/* What else was tried. proxies: JSON object, or NULL */
static void
print_proxies(const char *proxies)
{
  g_autoptr(JsonNode) root = proxies ? json_from_string(proxies, NULL) : NULL;
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  if (!root)
    return;
  printf(_("              of the maps that were tried:"));
  json_object_iter_init_ordered(&iter, json_node_get_object(root));
  while (json_object_iter_next_ordered(&iter, &name, &value))
    printf(" %s %.3f", name, json_node_get_double(value));
  putchar('\n');
}

static void
print_inspector(const CbiganModel *model)
{
  const CbiganModelInfo *info = &model->info;

  printf(_("Networks:     width c = %d\n"), info->width);
  printf(_("              %-16s %zu parameters\n"), _("inspector"), model->inspector_network->n_floats);
  if (info->frame_width)
    printf(_("Frames:       resized to %dx%d pixels, compared with good pictures position by position\n"),
           info->frame_width, info->frame_height);
  else
    printf(_("Frames:       scored at their own size, as surfaces\n"));
  if (info->upright_width)
    printf(_("              parts are turned upright first, to %dx%d pixels\n"), info->upright_width,
           info->upright_height);
  print_maps(model);
  if (!isnan(info->proxy))
    printf(_("              area under the ROC curve on synthetic defects in held-out pictures: %.3f\n"), info->proxy);
  print_proxies(info->proxies);
}

static void
print_usual(const CbiganUsualPictures *usual)
{
  const double *least = usual->least, *most = usual->most;

  if (usual->n)
    printf(_("Pictures:     %u good ones with brightness %.1f to %.1f, contrast %.1f to %.1f, sharpness %.3g to %.3g, "
             "noise %.2f to %.2f\n"),
           usual->n, least[CBIGAN_MEASURE_BRIGHTNESS], most[CBIGAN_MEASURE_BRIGHTNESS], least[CBIGAN_MEASURE_CONTRAST],
           most[CBIGAN_MEASURE_CONTRAST], least[CBIGAN_MEASURE_SHARPNESS], most[CBIGAN_MEASURE_SHARPNESS],
           least[CBIGAN_MEASURE_NOISE], most[CBIGAN_MEASURE_NOISE]);
  else
    printf(_("Pictures:     no measures of good ones; only black, overexposed and flat pictures are told\n"));
}

static void
print_mask(const CbiganMask *mask)
{
  gsize n = (gsize)mask->width * (gsize)mask->height, counting = 0;

  for (gsize i = 0; i < n; i++)
    counting += mask->counts[i];
  if (n)
    printf(_("Mask:         %dx%d pixels, %.1f %% of them count\n"), mask->width, mask->height,
           100.0 * (double)counting / (double)n);
}

static void
print_threshold(const CbiganModelInfo *info)
{
  guint over = 0;

  printf(_("Score:        %s\n"), cbigan_score_name(info->score));
  if (isnan(info->threshold)) {
    printf(_("Threshold:    none\n"));
    return;
  }
  printf(_("Threshold:    %.6g\n"), info->threshold);
  for (guint i = 0; i < info->n_good_scores; i++)
    over += info->good_scores[i] > info->threshold;
  if (info->n_good_scores)
    printf(n_("              from %u good picture, %u over it\n", "              from %u good pictures, %u over it\n",
              info->n_good_scores),
           info->n_good_scores, over);
  if (info->scores[CBIGAN_SCORE_INSPECTOR])
    return;
  if (isnan(info->bf16_error))
    printf(_("Precision:    fp32; not known whether bf16 keeps all verdicts\n"));
  else
    printf(_("Precision:    fp32 or bf16: scores differ by up to %.2g %%, no verdict changed\n"),
           100 * info->bf16_error);
}

static void
print_training(const char *training)
{
  g_autoptr(JsonNode) root = training ? json_from_string(training, NULL) : NULL;
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
    printf(_("Training:     unknown\n"));
    return;
  }
  printf(_("Training:\n"));
  json_object_iter_init(&iter, json_node_get_object(root));
  while (json_object_iter_next(&iter, &name, &value)) {
    g_autofree char *text = JSON_NODE_HOLDS_VALUE(value) && json_node_get_value_type(value) == G_TYPE_STRING
                                ? json_node_dup_string(value)
                                : json_to_string(value, FALSE);

    printf("              %s: %s\n", name, text);
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
  printf(_("Model:        %s\n"), rest[0]);
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
