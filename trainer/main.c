/* main.c - the program `cbigan`: one command each for training, scoring and what belongs to it
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Exit code: 0 = fine, 1 = failed, 2 = bad usage. Results go to standard output, all else to standard error. A new
 * command is a file in commands/ and a row of `commands`.
 */
#include "commands/command.h"
#include "i18n.h"
#include <errno.h>
#include <gst/gst.h>
#include <locale.h>
#include <stdio.h>
#ifdef ENABLE_NLS
#include <libintl.h>
#endif

static const struct {
  const char *name;
  CbiganCommandFunc run;
  const char *summary;
} commands[] = {
  { "train", cbigan_cmd_train, N_("learn what good pictures look like, write a model") },
  { "eval", cbigan_cmd_eval, N_("measure a model on good and defective pictures") },
  { "score", cbigan_cmd_score, N_("score pictures: how anomalous, and where") },
  { "calibrate", cbigan_cmd_calibrate, N_("measure a model's statistics and threshold again, on other good pictures") },
  { "collect", cbigan_cmd_collect, N_("save good frames of a camera or a video, without copies, to train on") },
  { "info", cbigan_cmd_info, N_("say what is in a model, or which backends can run here") },
  { "export", cbigan_cmd_export, N_("write a model as an ONNX file, for other programs") },
  { "work", cbigan_cmd_work, N_("score pictures that a message broker names, as one of many workers") },
  { "bench", cbigan_cmd_bench, N_("measure how fast scoring is here") },
};

static void
print_commands(FILE *out)
{
  fprintf(out, "%s\n\n", _("Usage: cbigan COMMAND [OPTION…]"));
  fprintf(out, "%s\n\n", _("Visual anomaly detection, learned from good pictures only."));
  for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
    fprintf(out, "  %-10s  %s\n", commands[i].name, _(commands[i].summary));
  fprintf(out, "\n%s\n",
          _("“cbigan COMMAND --help” shows the options and examples of a command, “cbigan --version” the version."));
}

static void
use_translations(void)
{
  setlocale(LC_ALL, "");
  setlocale(LC_NUMERIC, "C"); /* programs read the numbers, which have a decimal point */
#ifdef ENABLE_NLS
  textdomain(GETTEXT_PACKAGE);
#endif
}

static CbiganExit
run_command(guint i, int argc, char **argv)
{
  g_autofree char *name = g_strdup_printf("cbigan %s", commands[i].name);
  CbiganExit code;

  g_set_prgname(name);
  gst_init(NULL, NULL);
  code = commands[i].run(argc, argv);
  if (fflush(stdout) != 0 || ferror(stdout)) {
    g_printerr(_("%s: standard output: %s\n"), name, g_strerror(errno));
    return CBIGAN_EXIT_FAILED;
  }
  return code;
}

int
main(int argc, char **argv)
{
  const char *name = argc > 1 ? argv[1] : NULL;

  use_translations();
  for (guint i = 0; name && i < G_N_ELEMENTS(commands); i++)
    if (g_str_equal(name, commands[i].name))
      return run_command(i, argc - 1, argv + 1);
  if (name && (g_str_equal(name, "--help") || g_str_equal(name, "-h") || g_str_equal(name, "help"))) {
    print_commands(stdout);
    return CBIGAN_EXIT_FINE;
  }
  if (name && g_str_equal(name, "--version")) {
    printf("cbigan %s\n", VERSION);
    return CBIGAN_EXIT_FINE;
  }
  if (name)
    g_printerr(_("cbigan: unknown command “%s”\n\n"), name);
  print_commands(stderr);
  return CBIGAN_EXIT_USAGE;
}
