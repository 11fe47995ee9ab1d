/* spool.c - messages that wait on disk for a broker, in a SQLite file
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Write-ahead logging with synchronous=NORMAL: the file survives every death of the process, and a power cut costs at
 * most the last transactions.
 */
#include "spool.h"

#include <cbigan.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <gmodule.h>
#include <sqlite3.h>

#include "backend/module.h"
#include "i18n.h"

typedef enum { INSERT, NEXT, REMOVE, OLDEST, N_STATEMENTS } Statement;
static const char *const statements[N_STATEMENTS] = {
  [INSERT] = "INSERT OR IGNORE INTO letters VALUES (?, ?, ?, ?, ?)",
  [NEXT] = "SELECT * FROM letters WHERE place > ? ORDER BY place LIMIT 1",
  [REMOVE] = "DELETE FROM letters WHERE place = ? RETURNING length(data)",
  [OLDEST] = "SELECT place, time FROM letters WHERE place > ? ORDER BY place LIMIT 1",
};

struct _CbiganSpool {
  sqlite3 *db;
  char *path;
  guint64 most_bytes, most_age; /* age in us; 0 = no limit */
  CbiganSpoolCounts counts;
  sqlite3_stmt *prepared[N_STATEMENTS];
};

static gboolean
fail(const CbiganSpool *self, GError **error)
{
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, "%s: %s", self->path, sqlite3_errmsg(self->db));
  return FALSE;
}

/* Runs a statement with one number. Returns SQLite's code; the caller resets the statement. */
static int
step(CbiganSpool *self, Statement statement, guint64 number)
{
  sqlite3_bind_int64(self->prepared[statement], 1, (sqlite3_int64)number);
  return sqlite3_step(self->prepared[statement]);
}

/* Removes one message, and counts it. */
static gboolean
remove_one(CbiganSpool *self, guint64 order)
{
  int code = step(self, REMOVE, order);
  while (code == SQLITE_ROW) {
    self->counts.messages--;
    self->counts.bytes -= (guint64)sqlite3_column_int64(self->prepared[REMOVE], 0);
    code = sqlite3_step(self->prepared[REMOVE]);
  }
  sqlite3_reset(self->prepared[REMOVE]);
  return code == SQLITE_DONE;
}

/* Drops the oldest behind `sent` while there is too much. */
static gboolean
trim(CbiganSpool *self, guint64 sent)
{
  const gint64 too_old = self->most_age ? g_get_real_time() - (gint64)self->most_age : G_MININT64;
  for (;;) {
    sqlite3_stmt *oldest = self->prepared[OLDEST];
    const int code = step(self, OLDEST, sent);
    const guint64 order = code == SQLITE_ROW ? (guint64)sqlite3_column_int64(oldest, 0) : 0;
    const gboolean is_old = code == SQLITE_ROW && sqlite3_column_int64(oldest, 1) < too_old;
    sqlite3_reset(oldest);
    if (code == SQLITE_DONE || (code == SQLITE_ROW && !is_old && self->counts.bytes <= self->most_bytes))
      return TRUE;
    if (code != SQLITE_ROW || !remove_one(self, order))
      return FALSE;
    *(is_old ? &self->counts.over_age : &self->counts.over_size) += 1;
  }
}

static gboolean
insert(CbiganSpool *self, const CbiganLetter *letter)
{
  sqlite3_stmt *s = self->prepared[INSERT];
  gsize size;
  gconstpointer data = g_bytes_get_data(letter->data, &size);
  sqlite3_bind_int64(s, 1, (sqlite3_int64)letter->order);
  sqlite3_bind_int64(s, 2, letter->time);
  sqlite3_bind_text(s, 3, letter->topic, -1, SQLITE_STATIC);
  sqlite3_bind_text(s, 4, letter->reference, -1, SQLITE_STATIC);
  sqlite3_bind_blob64(s, 5, data, size, SQLITE_STATIC);
  const int code = sqlite3_step(s);
  sqlite3_reset(s);
  if (code == SQLITE_DONE && sqlite3_changes(self->db)) {
    self->counts.messages++;
    self->counts.bytes += size;
  }
  return code == SQLITE_DONE;
}

/* Ends a transaction; a failure brings the counts of before back. */
static gboolean
finish(CbiganSpool *self, gboolean fine, const CbiganSpoolCounts *before, GError **error)
{
  if (fine && sqlite3_exec(self->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
    return TRUE;
  fail(self, error);
  sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
  self->counts = *before;
  return FALSE;
}

static gboolean
spool_append(CbiganSpool *self, CbiganLetter *const *letters, guint n, guint64 sent, GError **error)
{
  const CbiganSpoolCounts before = self->counts;
  gboolean fine = sqlite3_exec(self->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;
  for (guint i = 0; fine && i < n; i++)
    fine = insert(self, letters[i]);
  return finish(self, fine && trim(self, sent), &before, error);
}

static CbiganLetter *
spool_next(CbiganSpool *self, guint64 order, GError **error)
{
  sqlite3_stmt *s = self->prepared[NEXT];
  CbiganLetter *letter = NULL;
  const int code = step(self, NEXT, order);
  if (code == SQLITE_ROW) {
    letter = g_new0(CbiganLetter, 1);
    letter->order = (guint64)sqlite3_column_int64(s, 0);
    letter->time = sqlite3_column_int64(s, 1);
    letter->topic = g_strdup((const char *)sqlite3_column_text(s, 2));
    letter->reference = g_strdup((const char *)sqlite3_column_text(s, 3));
    letter->data = g_bytes_new(sqlite3_column_blob(s, 4), (gsize)sqlite3_column_bytes(s, 4));
  } else if (code != SQLITE_DONE) {
    fail(self, error);
  }
  sqlite3_reset(s);
  return letter;
}

static gboolean
spool_remove(CbiganSpool *self, const guint64 *orders, guint n, GError **error)
{
  const CbiganSpoolCounts before = self->counts;
  gboolean fine = sqlite3_exec(self->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;
  for (guint i = 0; fine && i < n; i++)
    fine = remove_one(self, orders[i]);
  return finish(self, fine, &before, error);
}

static void
spool_counts(const CbiganSpool *self, CbiganSpoolCounts *counts)
{
  *counts = self->counts;
}

static void
spool_close(CbiganSpool *self)
{
  for (guint i = 0; i < N_STATEMENTS; i++)
    sqlite3_finalize(self->prepared[i]);
  sqlite3_close(self->db);
  g_free(self->path);
  g_free(self);
}

/* The tables, what is in them, and the statements. Returns SQLite's code. */
static int
prepare(CbiganSpool *self, guint64 *last)
{
  sqlite3_stmt *count = NULL;
  int code =
      sqlite3_open_v2(self->path, &self->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
  if (code == SQLITE_OK)
    code = sqlite3_exec(self->db,
                        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                        "PRAGMA wal_autocheckpoint=200; PRAGMA journal_size_limit=1048576;"
                        "CREATE TABLE IF NOT EXISTS letters (place INTEGER PRIMARY KEY, time INTEGER, topic TEXT,"
                        " reference TEXT, data BLOB);",
                        NULL, NULL, NULL);
  if (code == SQLITE_OK)
    code =
        sqlite3_prepare_v2(self->db, "SELECT count(*), total(length(data)), max(place) FROM letters", -1, &count, NULL);
  if (code == SQLITE_OK && (code = sqlite3_step(count)) == SQLITE_ROW) {
    self->counts.messages = (guint64)sqlite3_column_int64(count, 0);
    self->counts.bytes = (guint64)sqlite3_column_double(count, 1);
    *last = (guint64)sqlite3_column_int64(count, 2);
    code = SQLITE_OK;
  }
  sqlite3_finalize(count);
  for (guint i = 0; code == SQLITE_OK && i < N_STATEMENTS; i++)
    code = sqlite3_prepare_v2(self->db, statements[i], -1, &self->prepared[i], NULL);
  return code;
}

static CbiganSpool *
new_spool(const char *path, guint64 most_bytes, guint64 most_age)
{
  CbiganSpool *self = g_new0(CbiganSpool, 1);
  self->path = g_strdup(path);
  self->most_bytes = most_bytes;
  self->most_age = most_age * G_USEC_PER_SEC;
  return self;
}

static CbiganSpool *
spool_open(const char *path, guint64 most_bytes, guint64 most_age, guint64 *last, char **damaged, GError **error)
{
  CbiganSpool *self = new_spool(path, most_bytes, most_age);
  *last = 0;
  int code = prepare(self, last);
  if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT) {
    g_autofree char *aside = g_strdup_printf("%s.damaged-%" G_GINT64_FORMAT, path, g_get_real_time() / G_USEC_PER_SEC);
    spool_close(self);
    self = new_spool(path, most_bytes, most_age);
    if (g_rename(path, aside) == 0) {
      *damaged = g_steal_pointer(&aside);
      code = prepare(self, last);
    }
  }
  if (code == SQLITE_OK)
    return self;
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("%s: another process uses this spool"), path);
  else
    fail(self, error);
  spool_close(self);
  return NULL;
}

static const CbiganSpoolClass spool = {
  .open = spool_open,
  .append = spool_append,
  .next = spool_next,
  .remove = spool_remove,
  .counts = spool_counts,
  .close = spool_close,
};
G_MODULE_EXPORT extern const CbiganModule cbigan_module;
G_MODULE_EXPORT const CbiganModule cbigan_module = { .version = VERSION, .table = &spool };
