/* csv.c - writes comma-separated values (RFC 4180)
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "csv.h"
#include <math.h>
#include <string.h>

void
cbigan_csv_text(FILE *out, const char *text)
{
  if (!strpbrk(text, ",\"\r\n")) {
    fputs(text, out);
    return;
  }
  fputc('"', out);
  for (; *text; text++) {
    if (*text == '"')
      fputc('"', out);
    fputc(*text, out);
  }
  fputc('"', out);
}

void
cbigan_csv_number(FILE *out, double number)
{
  if (isnan(number))
    fputc(',', out);
  else
    fprintf(out, ",%.6g", number);
}
