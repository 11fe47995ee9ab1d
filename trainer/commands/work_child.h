/* work_child.h - scores jobs in a process of its own, so that a picture that crashes a decoder ends no worker
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "cbigan.h"
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* --- in the child: work_scorer.c --- */

typedef struct {
  const char *models; /* folder */
  guint keep;         /* models that stay loaded */
  CbiganScorerOptions scorer;
} CbiganWorkSettings;

/* Reads jobs from standard input, one line each, and answers each with a line on standard output, until the input ends.
 * Returns the exit status. */
int cbigan_work_child_main(const CbiganWorkSettings *settings);

/* --- in the worker: work_child.c --- */

typedef struct _CbiganWorkChild CbiganWorkChild;

typedef enum {
  CBIGAN_WORK_ANSWERED,
  CBIGAN_WORK_CRASHED,
  CBIGAN_WORK_LATE, /* no answer in time; the child was killed */
} CbiganWorkEnd;

/* argv: of the child, NULL at the end; starts when it is needed. Free with cbigan_work_child_free(). */
CbiganWorkChild *cbigan_work_child_new(char **argv);
void cbigan_work_child_free(CbiganWorkChild *self);
/* Has a line scored (job, without line feed). meanwhile(fd, data): called again and again; returns when fd is readable
 * or after a while. *answer: the line (transfer full), or NULL. *how: how the child ended, in words (transfer full), or
 * NULL. */
CbiganWorkEnd cbigan_work_child_score(CbiganWorkChild *self, const char *job, guint seconds,
                                      void (*meanwhile)(int fd, gpointer data), gpointer data, char **answer,
                                      char **how);

G_END_DECLS
