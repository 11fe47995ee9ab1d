/* command.h - what the commands of the program `cbigan` share
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * To add a command: write NAME.c with one function cbigan_cmd_NAME(), and give it a row in main.c.
 */
#pragma once
#include "data/dataset.h"
#include "model/error.h"
#include "score/calibration.h"

G_BEGIN_DECLS

/* Exit codes of the program. */
typedef enum { CBIGAN_EXIT_FINE, CBIGAN_EXIT_FAILED, CBIGAN_EXIT_USAGE } CbiganExit;

/* argv[0] is the command's name. */
typedef CbiganExit (*CbiganCommandFunc)(int argc, char **argv);
CbiganExit cbigan_cmd_train(int argc, char **argv);
CbiganExit cbigan_cmd_eval(int argc, char **argv);
CbiganExit cbigan_cmd_score(int argc, char **argv);
CbiganExit cbigan_cmd_calibrate(int argc, char **argv);
CbiganExit cbigan_cmd_export(int argc, char **argv);
CbiganExit cbigan_cmd_collect(int argc, char **argv);
CbiganExit cbigan_cmd_info(int argc, char **argv);
CbiganExit cbigan_cmd_bench(int argc, char **argv);
CbiganExit cbigan_cmd_work(int argc, char **argv);

/* Options that few need. */
typedef struct {
  const char *name, *title, *help; /* of --help-NAME: its name, its heading, its line in --help */
  const GOptionEntry *entries;
} CbiganOptionGroup;

typedef struct {
  const char *arguments;           /* "DIR --output MODEL"; NULL: none */
  const char *summary;             /* shown above the options */
  const char *examples;            /* lines, shown below the options */
  int least, most;                 /* number of arguments that are no options */
  const CbiganOptionGroup *groups; /* ended by a NULL name; NULL = none */
} CbiganUsage;

/* Parses the options. *arguments = the others (transfer full), `least` to `most` of them. FALSE after a message. */
gboolean cbigan_command_parse(const CbiganUsage *usage, const GOptionEntry *entries, int argc, char **argv,
                              char ***arguments);
/* Each prints "cbigan NAME: message". The first two return the exit code. */
CbiganExit cbigan_command_fail(const GError *error);
CbiganExit cbigan_command_usage(const GError *error); /* bad value of an option */
/* Whether notes are kept back, as another process gives them. */
void cbigan_command_be_quiet(gboolean quiet);
void cbigan_command_note(const char *format, ...) G_GNUC_PRINTF(1, 2);
void cbigan_command_note_bf16(const CbiganBf16Check *check); /* result of a calibration; nothing if it did not check */

/* Where a computation runs, and the three options that say so. */
typedef struct {
  char *backend;
  int device, threads;
} CbiganRunOptions;
#define CBIGAN_RUN_ENTRIES(run)                                                                                        \
  { "backend", 0, 0, G_OPTION_ARG_STRING, &(run)->backend, N_("auto, or a name from “cbigan info --backends”"),        \
    N_("NAME") },                                                                                                      \
      { "device", 0, 0, G_OPTION_ARG_INT, &(run)->device, N_("Number of the device, 0 = first"), N_("N") },            \
  {                                                                                                                    \
    "threads", 0, 0, G_OPTION_ARG_INT, &(run)->threads, N_("Threads, 0 = the processors of one NUMA node"), N_("N")    \
  }
gboolean cbigan_command_check_run(const CbiganRunOptions *run, GError **error);

/* Where pictures come from, and the three options that say so besides a folder. */
typedef struct {
  char *pipeline; /* NULL: a folder */
  int limit;
  gboolean strict;
  const CbiganCutout *cutout; /* as in CbiganDatasetOptions; no option of these three */
} CbiganPictureOptions;
#define CBIGAN_PICTURE_ENTRIES(pictures)                                                                               \
  { "pipeline",                                                                                                        \
    0,                                                                                                                 \
    0,                                                                                                                 \
    G_OPTION_ARG_STRING,                                                                                               \
    &(pictures)->pipeline,                                                                                             \
    N_("GStreamer launch description that ends in raw video, or a file with one"),                                     \
    N_("TEXT") },                                                                                                      \
      { "limit", 0, 0, G_OPTION_ARG_INT, &(pictures)->limit, N_("At most N pictures, 0 = all"), N_("N") },             \
  {                                                                                                                    \
    "strict", 0, 0, G_OPTION_ARG_NONE, &(pictures)->strict, N_("Refuse a damaged picture instead of skipping it"),     \
        NULL                                                                                                           \
  }
/* What may count, and the options that say so. */
typedef struct {
  char *roi, *mask, *cutout;
  double min_area, overlap;
  CbiganMask pixels; /* of the mask, once cbigan_command_count() has read it */
  CbiganCutout part; /* likewise of the cutout */
} CbiganCountingOptions;
#define CBIGAN_MASK_ENTRY(path)                                                                                        \
  {                                                                                                                    \
    "mask", 0, 0, G_OPTION_ARG_FILENAME, &(path), N_("PNG over the whole picture; where it is black, nothing counts"), \
        N_("FILE")                                                                                                     \
  }
#define CBIGAN_CUTOUT_ENTRY(text)                                                                                      \
  {                                                                                                                    \
    "cutout", 0, 0, G_OPTION_ARG_STRING, &(text),                                                                      \
        N_("Score overlapping parts of this size in pixels, each as the model's frame; “model” = the frame's size"),   \
        N_("WxH")                                                                                                      \
  }
#define CBIGAN_COUNTING_ENTRIES(counting)                                                                              \
  CBIGAN_MASK_ENTRY((counting)->mask),                                                                                 \
      { "roi",                                                                                                         \
        0,                                                                                                             \
        0,                                                                                                             \
        G_OPTION_ARG_STRING,                                                                                           \
        &(counting)->roi,                                                                                              \
        N_("Areas that count, in fractions of the picture: [NAME=]x,y,w,h[@THRESHOLD], or corners x,y x,y x,y; "       \
           "separated by semicolons"),                                                                                 \
        N_("TEXT") },                                                                                                  \
      CBIGAN_CUTOUT_ENTRY((counting)->cutout),                                                                         \
      { "cutout-overlap",                                                                                              \
        0,                                                                                                             \
        0,                                                                                                             \
        G_OPTION_ARG_DOUBLE,                                                                                           \
        &(counting)->overlap,                                                                                          \
        N_("Part of a cutout's side that its neighbour shares at least (default 0.25)"),                               \
        "X" },                                                                                                         \
  {                                                                                                                    \
    "min-area", 0, 0, G_OPTION_ARG_DOUBLE, &(counting)->min_area,                                                      \
        N_("Smallest region that makes an anomaly, as a fraction of the picture"), "X"                                 \
  }
/* Initial values. */
#define CBIGAN_COUNTING_OPTIONS_INIT                                                                                   \
  {                                                                                                                    \
    .overlap = 0.25                                                                                                    \
  }
/* Gives the options to the scorer. FALSE with an error. */
gboolean cbigan_command_count(CbiganCountingOptions *options, CbiganScorer *scorer, GError **error);
/* For CbiganDatasetOptions.cutout: NULL = none */
const CbiganCutout *cbigan_command_cutout(const CbiganCountingOptions *options);
void cbigan_command_clear_counting(CbiganCountingOptions *options);

/* Exactly one of `dir` and the pipeline must be given. */
gboolean cbigan_command_check_source(const CbiganPictureOptions *pictures, const char *dir, GError **error);
/* The folder of the good pictures in `dir` (transfer full), after a note that names it. NULL with an error: see
 * cbigan_folder_for_training(). */
char *cbigan_command_good_folder(const char *dir, GError **error);
/* The good pictures, resized to width x height; 0 x 0 = as they are, then at least `least` pixels wide and high.
 * mask: as in CbiganDatasetOptions. folder: NULL with --pipeline. Free with cbigan_dataset_free(). NULL with an error.
 */
CbiganDataset *cbigan_command_load_good(const CbiganPictureOptions *pictures, const char *folder, int width, int height,
                                        int least, const CbiganMask *mask, GError **error);
/* Warnings on standard error, progress on a terminal. */
void cbigan_command_show_reading(CbiganDatasetOptions *options);

/* Precision of the multiplications of scoring; training and calibration always take fp32. name: char *. */
#define CBIGAN_PRECISION_ENTRY(name)                                                                                   \
  {                                                                                                                    \
    "precision", 0, 0, G_OPTION_ARG_STRING, &(name),                                                                   \
        N_("auto (bf16 where it is faster and changes no verdict), fp32, bf16 or, on a GPU, fp16"), N_("NAME")         \
  }
gboolean cbigan_command_precision(const char *name, CbiganPrecision *precision, GError **error);

/* Checks of an option's value; FALSE with CBIGAN_ERROR_ARGUMENT, which names the option and what it may be. */
extern const char *const cbigan_command_taps[]; /* choices of --tap, by CbiganFeatureTap */
/* *chosen = the place of `name` in the NULL-terminated choices; unchanged if name is NULL. */
gboolean cbigan_command_choice(const char *option, const char *name, const char *const *choices, int *chosen,
                               GError **error);
gboolean cbigan_command_score_kind(const char *name, CbiganScoreKind *kind, GError **error);
gboolean cbigan_command_need_model(const char *model, GError **error); /* whether --model was given */
gboolean cbigan_command_in_range(const char *option, double value, double least, double most, GError **error);

/* Checks that at least so many good pictures differ; warns of copies. */
gboolean cbigan_command_check_pictures(const CbiganDataset *pictures, guint least, GError **error);
/* Checks that the threshold, if there is one, can separate good from anomalous. */
gboolean cbigan_command_check_threshold(const CbiganModelInfo *info, GError **error);

G_END_DECLS
