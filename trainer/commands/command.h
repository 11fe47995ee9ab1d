/* command.h - what the commands of the program `cbigan` share
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * To add a command: write cmd_NAME.c with one function cbigan_cmd_NAME() and give it a row in main.c.
 */
#pragma once
#include "data/dataset.h"
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
CbiganExit cbigan_cmd_info(int argc, char **argv);
CbiganExit cbigan_cmd_bench(int argc, char **argv);

/* One command's usage. arguments: "DIR --output MODEL"; examples: lines, shown below the options. */
typedef struct {
  const char *name, *title, *help; /* --help-NAME, the heading there, what --help says about it */
  const GOptionEntry *entries;
} CbiganOptionGroup;

typedef struct {
  const char *arguments, *summary, *examples;
  int least, most;                 /* arguments that are no options */
  const CbiganOptionGroup *groups; /* of options that few need, ended by a NULL name; NULL = none */
} CbiganUsage;

/* Parses the options; *arguments = the rest (transfer full), `least` to `most` of them. FALSE after a message. */
gboolean cbigan_command_parse(const CbiganUsage *usage, const GOptionEntry *entries, int argc, char **argv,
                              char ***arguments);
/* Print "cbigan NAME: message" and return the exit code. */
CbiganExit cbigan_command_fail(const GError *error);
CbiganExit cbigan_command_usage(const GError *error); /* bad value of an option */
void cbigan_command_note(const char *format, ...) G_GNUC_PRINTF(1, 2);
void cbigan_command_note_bf16(const CbiganBf16Check *check); /* what a calibration found; nothing if there was none */

/* Where a computation runs; the entries of three options. */
typedef struct {
  char *backend;
  int device, threads;
} CbiganRunOptions;
#define CBIGAN_RUN_ENTRIES(run)                                                                                        \
  {                                                                                                                    \
    "backend", 0, 0, G_OPTION_ARG_STRING, &(run)->backend, N_("auto, or one of 'cbigan info --backends'"), N_("NAME")  \
  },                                                                                                                   \
      { "device", 0, 0, G_OPTION_ARG_INT, &(run)->device, N_("Number of the device, 0 = first"), N_("N") },            \
  {                                                                                                                    \
    "threads", 0, 0, G_OPTION_ARG_INT, &(run)->threads, N_("Threads, 0 = the processors of one NUMA node"), N_("N")    \
  }
gboolean cbigan_command_check_run(const CbiganRunOptions *run, GError **error);

/* What scoring multiplies in; training and calibration always take fp32. name: char *. */
#define CBIGAN_PRECISION_ENTRY(name)                                                                                   \
  {                                                                                                                    \
    "precision", 0, 0, G_OPTION_ARG_STRING, &(name),                                                                   \
        N_("auto (bf16 where it is faster and changes no verdict), fp32, bf16 or, on a GPU, fp16"), N_("NAME")         \
  }
gboolean cbigan_command_precision(const char *name, CbiganPrecision *precision, GError **error);

/* name -> *kind; FALSE names the option and the choices. NULL leaves *kind alone. */
gboolean cbigan_command_choice(const char *option, const char *name, const char *const *choices, int *chosen,
                               GError **error);
gboolean cbigan_command_score_kind(const char *name, CbiganScoreKind *kind, GError **error);
gboolean cbigan_command_need_model(const char *model, GError **error); /* --model was given */
gboolean cbigan_command_in_range(const char *option, double value, double least, double most, GError **error);

/* The folder of the good pictures in DIR (transfer full), and says which. NULL with an error: see
 * cbigan_folder_for_training(). */
char *cbigan_command_good_folder(const char *dir, GError **error);

/* Whether at least so many good pictures differ; warns of copies. */
gboolean cbigan_command_check_pictures(const CbiganDataset *pictures, guint least, GError **error);
/* Whether the threshold can tell good from anomalous, if there is one. */
gboolean cbigan_command_check_threshold(const CbiganModelInfo *info, GError **error);

/* Warnings on standard error, progress on a terminal. */
void cbigan_command_show_reading(CbiganDatasetOptions *options);

/* A pipeline's text: the argument itself, or what is in the file of that name (transfer full). */
char *cbigan_command_pipeline(const char *argument, GError **error);

G_END_DECLS
