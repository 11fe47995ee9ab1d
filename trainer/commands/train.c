/* train.c - cbigan train: from good pictures to a model file
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The model file appears only when the training is complete. Until then MODEL.checkpoint holds the training; it is
 * written regularly and when stopped. --resume continues from it and ends with the same bits. --seeds trains several
 * models on the same pictures in memory, one after the other.
 */
#include "command.h"
#include "i18n.h"
#include "mask_file.h"
#include "model/model.h"
#include "training/ranks.h"
#include "train_gan.h"
#include "train_inspector.h"
#include "train_output.h"
#include "train_processes.h"
#include "train_seeds.h"
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const CbiganUsage usage = {
  N_("DIR --output MODEL"),
  N_("Learns what good pictures look like and writes a model.\n"
     "DIR holds pictures, or a folder good, or train/good. It may be replaced by --pipeline."),
  "  cbigan train bottle --output bottle.safetensors\n"
  "  cbigan train cloth/good --preset texture --output cloth.safetensors\n"
  "  cbigan train --pipeline \"v4l2src num-buffers=300 ! videoconvert\" --output belt.safetensors\n"
  "  cbigan train bottle --output bottle.safetensors --resume\n"
  "  cbigan train bottle --output bottle.safetensors --seeds 3    (three models: how much of a result is luck)",
  0,
  1,
};

static const char *const align_names[] = {
  [CBIGAN_ALIGN_AUTO] = "auto", [CBIGAN_ALIGN_ON] = "on", [CBIGAN_ALIGN_OFF] = "off", NULL
};

#define NO_SEEDS G_MININT
#define MOST_SEEDS 1000

/* Everything from the command line. */
typedef struct {
  CbiganTrainOptions train;
  CbiganRunOptions run;
  char *preset, *frame, *score, *tap; /* names, turned into members of `train` */
  char *output, *dir;                 /* dir: NULL with --pipeline */
  int seeds;                          /* NO_SEEDS = one model, called `output` */
  CbiganPictureOptions pictures;
  char *mask_path;
  CbiganMask mask;
  int updates; /* of an inspector */
  char *align; /* likewise; a name, turned into: */
  int chosen_align;
  double minutes; /* 0 = all steps or updates */
  gboolean resume, force, quick, keep_odd;
} Arguments;

static void
clear_arguments(Arguments *a)
{
  char *all[] = { a->run.backend,       a->preset, a->frame, a->score, a->tap, a->align, a->output,
                  a->pictures.pipeline, a->dir };

  for (guint i = 0; i < G_N_ELEMENTS(all); i++)
    g_free(all[i]);
  g_free(a->mask_path);
  cbigan_mask_clear(&a->mask);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, clear_arguments)

/* Preset and score decide the defaults of the other options, so these two are parsed first. */
static gboolean
apply_preset(Arguments *a, int argc, char **argv, GError **error)
{
  CbiganTrainOptions *train = &a->train;
  CbiganInspectorOptions inspector;
  g_autofree char *score = NULL;
  g_autoptr(GOptionContext) context = g_option_context_new(NULL);
  g_autofree char *name = NULL;
  g_autofree char **copy = g_memdup2(argv, sizeof *argv * ((gsize)argc + 1));
  const char *const presets[] = { cbigan_preset_name(CBIGAN_PRESET_OBJECT), cbigan_preset_name(CBIGAN_PRESET_TEXTURE),
                                  NULL };
  GOptionEntry entries[] = { { "preset", 0, 0, G_OPTION_ARG_STRING, &name, NULL, NULL },
                             { "score", 0, 0, G_OPTION_ARG_STRING, &score, NULL, NULL },
                             { 0 } };
  const int n = argc;
  int preset = CBIGAN_PRESET_OBJECT;

  g_option_context_add_main_entries(context, entries, NULL);
  g_option_context_set_ignore_unknown_options(context, TRUE);
  g_option_context_set_help_enabled(context, FALSE);
  if (!g_option_context_parse(context, &argc, &copy, error) ||
      !cbigan_command_choice("preset", name, presets, &preset, error))
    return FALSE;
  cbigan_train_options_init(train, preset);
  cbigan_inspector_options_init(&inspector, preset == CBIGAN_PRESET_OBJECT);
  a->updates = (int)inspector.updates;
  return cbigan_train_choose_score(train, score, n, argv, error);
}

static char *
examples_and_defaults(const Arguments *a)
{
  const CbiganTrainOptions *t = &a->train;
  g_autofree char *frame =
      t->frame_width ? g_strdup_printf("%dx%d", t->frame_width, t->frame_height) : g_strdup("native");

  if (t->score == CBIGAN_SCORE_INSPECTOR)
    return g_strdup_printf(_("%s\n\nDefaults of the preset %s:\n"
                             "  --score %s --updates %d --align auto --width %d --batch %d --seed %llu\n"
                             "  --held-out %g --false-alarms %g --checkpoint %u\n"
                             "“cbigan train --score critic --help” shows those of a CBiGAN."),
                           usage.examples, cbigan_preset_name(t->preset), cbigan_score_name(t->score), a->updates,
                           t->width, t->batch, (unsigned long long)t->seed, t->held_out, t->false_alarms,
                           t->checkpoint_seconds);
  return g_strdup_printf(_("%s\n\nDefaults of the preset %s:\n"
                           "  --width %d --patch %d --frame %s --warmup-steps %u --steps %u --critic-updates %d\n"
                           "  --alpha %g --warmup-rate %g --rate %g --batch %d --seed %llu --rotation %g\n"
                           "  --held-out %g --false-alarms %g --score %s --tap %s --lambda %g --checkpoint %u"),
                         usage.examples, cbigan_preset_name(t->preset), t->width, t->patch, frame, t->warmup_steps,
                         t->steps, t->critic_updates, t->alpha, t->warmup_rate, t->rate, t->batch,
                         (unsigned long long)t->seed, t->rotation, t->held_out, t->false_alarms,
                         cbigan_score_name(t->score), cbigan_command_taps[t->tap], t->lambda, t->checkpoint_seconds);
}

static gboolean
parse_options(Arguments *a, int argc, char **argv)
{
  CbiganTrainOptions *t = &a->train;
  g_auto(GStrv) rest = NULL;
  GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &a->output, N_("Model file to write"), N_("MODEL") },
    { "preset", 0, 0, G_OPTION_ARG_STRING, &a->preset,
      N_("object (lies in the same place each time) or texture (surfaces)"), N_("NAME") },
    { "rotation", 0, 0, G_OPTION_ARG_DOUBLE, &t->rotation, N_("Turn pictures by up to this many degrees"),
      N_("DEGREES") },
    CBIGAN_PICTURE_ENTRIES(&a->pictures),
    CBIGAN_MASK_ENTRY(a->mask_path),
    { "keep-odd", 0, 0, G_OPTION_ARG_NONE, &a->keep_odd,
      N_("Learn an object's odd pictures too, instead of leaving them out and naming them"), NULL },
    { "resume", 0, 0, G_OPTION_ARG_NONE, &a->resume, N_("Continue from MODEL.checkpoint"), NULL },
    { "force", 0, 0, G_OPTION_ARG_NONE, &a->force, N_("Replace MODEL and delete its checkpoint"), NULL },
    { "quick", 0, 0, G_OPTION_ARG_NONE, &a->quick, N_("A model within seconds, without training a network"), NULL },
    { "minutes", 0, 0, G_OPTION_ARG_DOUBLE, &a->minutes, N_("Stop after this many minutes and finish the model"), "X" },
    { NULL },
  };
  GOptionEntry model[] = {
    { "width", 0, 0, G_OPTION_ARG_INT, &t->width, N_("Width c of the networks, 1 to 64"), "C" },
    { "patch", 0, 0, G_OPTION_ARG_INT, &t->patch, N_("Side of a patch in pixels, 64 or 128"), "P" },
    { "frame", 0, 0, G_OPTION_ARG_STRING, &a->frame,
      N_("Size to which frames are resized, or native; one patch with the preset object"), N_("WxH") },
    { "tap", 0, 0, G_OPTION_ARG_STRING, &a->tap, N_("Feature f_D (Eq. 9): first or hidden"), N_("NAME") },
    { NULL },
  };
  GOptionEntry steps[] = {
    { "align", 0, 0, G_OPTION_ARG_STRING, &a->align,
      N_("Turn an object's parts upright: on, off, or auto (where they are long and lie at any angle)"), N_("NAME") },
    { "updates", 0, 0, G_OPTION_ARG_INT, &a->updates, N_("Updates of the inspector"), "N" },
    { "steps", 0, 0, G_OPTION_ARG_INT, &t->steps, N_("Adversarial steps (Eq. 13)"), "N" },
    { "warmup-steps", 0, 0, G_OPTION_ARG_INT, &t->warmup_steps,
      N_("Steps before these, on the consistency loss alone (Eq. 10)"), "N" },
    { "critic-updates", 0, 0, G_OPTION_ARG_INT, &t->critic_updates, N_("Updates of D in each adversarial step"), "N" },
    { "alpha", 0, 0, G_OPTION_ARG_DOUBLE, &t->alpha,
      N_("Weight of consistency (Eq. 13); 0 = EGBAD, 1 = double autoencoder"), "X" },
    { "rate", 0, 0, G_OPTION_ARG_DOUBLE, &t->rate, N_("Adam's learning rate"), "X" },
    { "warmup-rate", 0, 0, G_OPTION_ARG_DOUBLE, &t->warmup_rate,
      N_("Adam's learning rate in the warm-up, to which it rises"), "X" },
    { "decay", 0, 0, G_OPTION_ARG_DOUBLE, &t->decay, N_("Decay of the moving average of E and G"), "X" },
    { "batch", 0, 0, G_OPTION_ARG_INT, &t->batch, N_("Patches in a batch"), "N" },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &t->seed, N_("The same seed gives the same model"), "N" },
    { "seeds", 0, 0, G_OPTION_ARG_INT, &a->seeds,
      N_("Train N models, called MODEL-SEED, with the seeds from --seed on, and show their mean and spread"), "N" },
    { "checkpoint", 0, 0, G_OPTION_ARG_INT, &t->checkpoint_seconds,
      N_("Seconds between checkpoints, 0 = only when stopped"), "N" },
    { "warmup", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_INT, &t->warmup_steps, NULL, NULL },
    { NULL },
  };
  GOptionEntry threshold[] = {
    { "held-out", 0, 0, G_OPTION_ARG_DOUBLE, &t->held_out, N_("Share of the pictures kept for calibration"), "X" },
    { "false-alarms", 0, 0, G_OPTION_ARG_DOUBLE, &t->false_alarms,
      N_("Share of good pictures that may exceed the threshold"), "X" },
    { "score", 0, 0, G_OPTION_ARG_STRING, &a->score,
      N_("Score with the threshold: inspector, or of a CBiGAN paper, calibrated or critic"), N_("NAME") },
    { "lambda", 0, 0, G_OPTION_ARG_DOUBLE, &t->lambda, N_("Weight of the feature term (Eq. 7)"), "X" },
    { NULL },
  };
  GOptionEntry machine[] = { CBIGAN_RUN_ENTRIES(&a->run), { NULL } };
  const CbiganOptionGroup groups[] = {
    { "model", N_("What the model sees and how large it is"), N_("Networks, patches, size of the frames"), model },
    { "steps", N_("How it learns"), N_("Number of steps, losses, learning rates, checkpoints"), steps },
    { "threshold", N_("Scores and threshold"), N_("Scores, threshold, pictures kept for calibration"), threshold },
    { "machine", N_("Where it runs"), N_("Backend, threads"), machine },
    { NULL },
  };
  CbiganUsage with_defaults = usage;
  g_autofree char *examples = examples_and_defaults(a);

  with_defaults.examples = examples;
  with_defaults.groups = groups;
  if (!cbigan_command_parse(&with_defaults, entries, argc, argv, &rest))
    return FALSE;
  a->dir = g_strdup(rest[0]);
  return TRUE;
}

static CbiganInspectorOptions
inspector_options(const Arguments *a)
{
  const CbiganTrainOptions *t = &a->train;
  CbiganInspectorOptions options;

  cbigan_inspector_options_init(&options, t->preset == CBIGAN_PRESET_OBJECT);
  options.width = t->width;
  options.batch = t->batch;
  options.updates = (guint)MAX(a->updates, 0);
  options.align = (CbiganAlign)a->chosen_align;
  options.seconds = a->minutes * 60;
  options.seed = t->seed;
  options.held_out = t->held_out;
  options.false_alarms = t->false_alarms;
  options.mask = a->mask;
  options.keep_odd = a->keep_odd;
  options.backend = t->backend;
  options.device = t->device;
  options.threads = t->threads;
  return options;
}

static gboolean
parse_frame(Arguments *a, GError **error)
{
  CbiganTrainOptions *t = &a->train;
  char tail;

  if (!a->frame) {
    if (t->score == CBIGAN_SCORE_INSPECTOR)
      t->frame_width = t->frame_height = 0; /* decided by the pictures */
    else if (t->preset == CBIGAN_PRESET_OBJECT)
      t->frame_width = t->frame_height = t->patch;
    return TRUE;
  }
  if (g_str_equal(a->frame, "native")) {
    t->frame_width = t->frame_height = 0;
    return TRUE;
  }
  if (sscanf(a->frame, "%5dx%5d%c", &t->frame_width, &t->frame_height, &tail) == 2 && t->frame_width > 0 &&
      t->frame_height > 0)
    return TRUE;
  return cbigan_refuse(error, _("--frame: %s; expected WIDTHxHEIGHT (512x512) or native"), a->frame);
}

static gboolean
check_arguments(Arguments *a, GError **error)
{
  int tap = a->train.tap;

  if (!a->output)
    return cbigan_refuse(error, _("--output is missing: the model file to write"));
  if (a->resume && a->force)
    return cbigan_refuse(error, _("expected either --resume or --force"));
  if (a->quick && a->resume && a->seeds == NO_SEEDS) /* nothing is trained */
    return cbigan_refuse(error, _("--quick and %s: expected one of them"), "--resume");
  if (!cbigan_command_check_source(&a->pictures, a->dir, error) || !parse_frame(a, error) ||
      !cbigan_command_score_kind(a->score, &a->train.score, error) ||
      !cbigan_command_choice("tap", a->tap, cbigan_command_taps, &tap, error) ||
      !cbigan_command_choice("align", a->align, align_names, &a->chosen_align, error) ||
      !cbigan_command_check_run(&a->run, error) || !cbigan_command_in_range("minutes", a->minutes, 0, 1e6, error) ||
      (a->seeds != NO_SEEDS && !cbigan_command_in_range("seeds", a->seeds, 1, MOST_SEEDS, error)))
    return FALSE;
  a->train.tap = (CbiganFeatureTap)tap;
  a->train.backend = a->run.backend;
  a->train.device = a->run.device;
  a->train.threads = a->run.threads;
  if (a->seeds != NO_SEEDS && cbigan_ranks_n() > 1)
    return cbigan_refuse(error, _("%s and several processes: expected one of them"), "--seeds");
  if (!cbigan_train_check_processes(&a->train, a->quick, a->minutes, error))
    return FALSE;
  if (a->quick && a->train.score != CBIGAN_SCORE_INSPECTOR)
    return cbigan_refuse(error, _("--quick and a score or option of a CBiGAN: expected one of them"));
  if (a->train.score == CBIGAN_SCORE_INSPECTOR) {
    const CbiganInspectorOptions options = inspector_options(a);
    return cbigan_inspector_options_check(&options, error);
  }
  return cbigan_train_options_check(&a->train, error);
}

static CbiganDataset *
load_pictures(Arguments *a, GError **error)
{
  CbiganTrainOptions *t = &a->train;
  g_autofree char *folder = a->dir ? cbigan_command_good_folder(a->dir, error) : NULL;

  if (a->dir && !folder)
    return NULL;
  if (t->score == CBIGAN_SCORE_INSPECTOR && t->preset == CBIGAN_PRESET_OBJECT && !t->frame_width &&
      !cbigan_inspector_choose_frame(folder, (CbiganAlign)a->chosen_align, &t->frame_width, &t->frame_height, error))
    return NULL;
  return cbigan_command_load_good(&a->pictures, folder, t->frame_width, t->frame_height,
                                  t->score == CBIGAN_SCORE_INSPECTOR ? CBIGAN_LEAST_SURFACE : t->patch, &a->mask,
                                  error);
}

static volatile sig_atomic_t stopped;

static void
stop(int number)
{
  stopped = number;
}

/* The first Ctrl-C ends the training after the current step, a second one at once. */
static void
catch_signals(void)
{
  struct sigaction action = { .sa_handler = stop, .sa_flags = (int)SA_RESETHAND };

  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

static CbiganExit
train_one(const Arguments *a, const CbiganTrainOutput *output, const CbiganDataset *pictures)
{
  const CbiganInspectorRun inspector = { .options = inspector_options(a),
                                         .output = output->model,
                                         .checkpoint = output->checkpoint,
                                         .resume = output->resume,
                                         .quick = a->quick,
                                         .checkpoint_seconds = a->train.checkpoint_seconds,
                                         .stopped = &stopped };
  const CbiganGanRun gan = { .options = &a->train,
                             .output = output->model,
                             .checkpoint = output->checkpoint,
                             .resume = output->resume,
                             .minutes = a->minutes,
                             .stopped = &stopped };

  if (a->force)
    g_remove(output->checkpoint);
  catch_signals();
  cbigan_command_note(n_("training with %u picture", "training with %u pictures", pictures->pictures->len),
                      pictures->pictures->len);
  return a->train.score == CBIGAN_SCORE_INSPECTOR ? cbigan_train_inspector(&inspector, pictures)
                                                  : cbigan_train_gan(&gan, pictures);
}

/* One model after the other, until a signal comes. A seed that fails does not stop the others. Returns the number of
 * models that are there. */
static guint
train_all(Arguments *a, const GPtrArray *outputs, const CbiganDataset *pictures)
{
  guint finished = 0;

  for (guint i = 0; i < outputs->len && !stopped; i++) {
    CbiganTrainOutput *output = g_ptr_array_index(outputs, i);

    if (a->seeds != NO_SEEDS)
      cbigan_command_note(_("seed %llu, model %u of %u"), (unsigned long long)output->seed, i + 1, outputs->len);
    a->train.seed = output->seed;
    if (output->finished)
      cbigan_command_note(_("%s is finished and stays as it is"), output->model);
    else
      output->finished = train_one(a, output, pictures) == CBIGAN_EXIT_FINE;
    finished += output->finished;
  }
  return finished;
}

/* A part that is turned upright takes its mask along nowhere. */
static gboolean
read_mask(Arguments *a, GError **error)
{
  if (!a->mask_path)
    return TRUE;
  if (a->chosen_align == CBIGAN_ALIGN_ON)
    return cbigan_refuse(error,
                         _("--mask and --align on: expected one of them; a mask needs parts that stay in place"));
  a->chosen_align = CBIGAN_ALIGN_OFF;
  if (!cbigan_mask_read(a->mask_path, &a->mask, error))
    return FALSE;
  a->train.mask = a->mask;
  return TRUE;
}

/* Checks all that can be checked before the training. NULL after a message; *code: the exit code then. */
static CbiganDataset *
prepare(Arguments *a, const GPtrArray *outputs, CbiganExit *code)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganDataset) pictures = NULL;

  *code = CBIGAN_EXIT_FAILED;
  if ((cbigan_ranks_rank() == 0 && !cbigan_train_outputs_check(outputs, a->force, &error)) || !read_mask(a, &error)) {
    cbigan_command_fail(error);
    return NULL;
  }
  pictures = load_pictures(a, &error);
  if (!pictures && a->pictures.pipeline && g_error_matches(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT)) {
    *code = cbigan_command_usage(error);
    return NULL;
  }
  /* A model with a threshold needs four pictures to find it, and one more to train on. */
  if (pictures && cbigan_command_check_pictures(pictures, a->train.held_out > 0 ? 5 : 1, &error) &&
      cbigan_train_check_same(&a->train, a->updates, a->resume, pictures, &error))
    return g_steal_pointer(&pictures);
  cbigan_command_fail(error);
  return NULL;
}

static CbiganExit
train(Arguments *a)
{
  const guint seeds = a->seeds == NO_SEEDS ? 0 : (guint)a->seeds;
  g_autoptr(GPtrArray) outputs = cbigan_train_outputs_new(a->output, a->train.seed, seeds, a->resume, a->quick);
  CbiganExit code;
  CbiganDataset *pictures = prepare(a, outputs, &code);

  if (!pictures)
    return code;
  const guint finished = train_all(a, outputs, pictures);
  cbigan_dataset_free(pictures);
  code = finished == outputs->len ? CBIGAN_EXIT_FINE : CBIGAN_EXIT_FAILED;
  if (!seeds)
    return code;
  if (stopped && code != CBIGAN_EXIT_FINE) {
    cbigan_command_note(_("stopped with %u of %u models finished; the same command with --resume goes on"), finished,
                        seeds);
    return code;
  }
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  return cbigan_train_compare_seeds(outputs, a->dir, &a->run, a->pictures.strict) ? code : CBIGAN_EXIT_FAILED;
}

CbiganExit
cbigan_cmd_train(int argc, char **argv)
{
  g_auto(Arguments) a = { .seeds = NO_SEEDS };
  g_autoptr(GError) error = NULL;

  if (!apply_preset(&a, argc, argv, &error))
    return cbigan_command_usage(error);
  if (!parse_options(&a, argc, argv))
    return CBIGAN_EXIT_USAGE;
  if (!cbigan_ranks_init(&error))
    return cbigan_command_fail(error);
  cbigan_command_be_quiet(cbigan_ranks_rank() > 0);
  const CbiganExit code = check_arguments(&a, &error) ? train(&a) : cbigan_command_usage(error);
  cbigan_ranks_end(code == CBIGAN_EXIT_FINE || stopped);
  return code;
}
