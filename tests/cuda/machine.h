/* machine.h - what emulator.cc and cudnn.cc share
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

/* A number of CBIGAN_EMULATOR. */
int emulator_machine(const char *name, int otherwise);
