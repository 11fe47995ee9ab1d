/* train_processes.c - what cbigan train checks when mpirun has started several processes
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "train_processes.h"

#include "i18n.h"
#include "model/error.h"
#include "training/ranks.h"

gboolean
cbigan_train_check_processes(CbiganTrainOptions *options, gboolean quick, double minutes, GError **error)
{
  const int n = cbigan_ranks_n();

  if (n == 1)
    return TRUE;
  if (options->batch % n)
    return cbigan_refuse(error, _("--batch: %d; expected a multiple of the number of processes, %d"), options->batch,
                         n);
  if (quick || (minutes > 0 && options->score == CBIGAN_SCORE_INSPECTOR))
    return cbigan_refuse(error, _("%s and several processes: expected one of them"), quick ? "--quick" : "--minutes");
  if (!g_strcmp0(options->backend, "cuda"))
    options->device += cbigan_ranks_local_rank(); /* a GPU for each */
  else if (!options->backend || g_str_equal(options->backend, "auto"))
    options->backend = "cpu";
  return TRUE;
}

gboolean
cbigan_train_check_same(const CbiganTrainOptions *options, int updates, gboolean resume, const CbiganDataset *pictures,
                        GError **error)
{
  g_autofree char *text = cbigan_train_options_describe(options);
  g_autofree char *all = g_strdup_printf("%s %d %d %s", text, updates, resume, pictures->digest);

  return cbigan_ranks_same(all) ||
         cbigan_refuse(error, _("the processes do not have the same options and the same pictures"));
}
