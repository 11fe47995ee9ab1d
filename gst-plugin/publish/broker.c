/* broker.c - finds the broker that a URI names
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "broker.h"

#include <cbigan.h>
#include <string.h>

#include "backend/module.h"
#include "i18n.h"

static const struct {
  const char *prefix, *kind, *port;
  gboolean tls, several;
} uris[] = {
  { "mqtt://", "mqtt", "1883", FALSE, FALSE },
  { "mqtts://", "mqtt", "8883", TRUE, FALSE },
  { "kafka://", "kafka", "9092", FALSE, TRUE },
};

/* The server with its port (transfer full). An IPv6 address stands in brackets. */
static char *
with_port(const char *server, const char *port)
{
  const char *host_end = strrchr(server, ']');
  const char *colon = strchr(host_end ? host_end : server, ':');
  return colon ? g_strdup(server) : g_strdup_printf("%s:%s", server, port);
}

static gboolean
is_server(const char *server)
{
  const char *host_end = strrchr(server, ']'), *colon = strrchr(server, ':');
  guint64 port;
  if (!colon || colon == server || (host_end && colon < host_end))
    return FALSE;
  return strcspn(server, "/?# \t") == strlen(server) &&
         g_ascii_string_to_unsigned(colon + 1, 10, 1, G_MAXUINT16, &port, NULL);
}

gboolean
cbigan_broker_parse(const char *uri, const char **kind, char **servers, gboolean *tls, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS(uris); i++) {
    if (!g_str_has_prefix(uri, uris[i].prefix))
      continue;
    const char *rest = uri + strlen(uris[i].prefix);
    gboolean fine = !strchr(rest, '@');
    g_auto(GStrv) all = g_strsplit(rest, ",", uris[i].several ? -1 : 1);
    if (!fine) {
      g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT,
                          _("uri: has a user or a password, which everybody could read; expected in a file that the "
                            "property “credentials” names"));
      return FALSE;
    }
    for (guint k = 0; all[k]; k++) {
      char *server = with_port(g_strstrip(all[k]), uris[i].port);
      g_free(all[k]);
      all[k] = server;
      fine = fine && is_server(server);
    }
    if (!fine || !all[0])
      break;
    *kind = uris[i].kind;
    *tls = uris[i].tls;
    *servers = g_strjoinv(",", all);
    return TRUE;
  }
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT,
              _("uri: “%s”; expected mqtt://HOST[:PORT], mqtts://HOST[:PORT] or kafka://HOST[:PORT][,HOST[:PORT]…]"),
              uri);
  return FALSE;
}

const CbiganBrokerModule *
cbigan_broker_module(const char *kind, char **why)
{
  g_autofree char *name = g_strconcat("cbigan-", kind, NULL);
  return cbigan_module_open(name, why);
}
