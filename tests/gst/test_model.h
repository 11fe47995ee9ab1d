/* test_model.h - small models for the tests of the elements
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* Pitch of the cloth that the models are calibrated on, in pixels. */
#define TEST_PITCH 8

/* Writes a model with random weights, c = 1, patch 64, and the statistics of good cloth of frame x frame pixels. It
 * prefers `critic` and has a threshold. frame 0: a "native" model, calibrated at 64 x 64. Returns the path in a folder
 * of this process (transfer full); a second call with the same arguments gives the same file. Aborts on an error. */
char *test_model_write(int frame, guint64 seed);
/* A model without statistics and threshold, which scores by Eq. 7 alone. */
char *test_model_write_bare(int frame, guint64 seed);
/* As test_model_write(), for any width c. */
char *test_model_write_wide(int width, int frame, guint64 seed);
/* A model without statistics whose numbers overflow, so that no frame can be scored. */
char *test_model_write_burst(int frame);
/* Writes `size` bytes to a file of that name in the models' folder. Returns the path (transfer full). */
char *test_file_write(const char *name, const void *data, gsize size);
/* (height, width, 3) bytes of good cloth, or of cloth with a hole (transfer full). */
guint8 *test_cloth(int width, int height, guint number, gboolean hole);
/* Removes the models' folder. */
void test_model_cleanup(void);

G_END_DECLS
