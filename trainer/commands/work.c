/* work.c - cbigan work: takes jobs from a message broker, scores, publishes the results
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A job is acknowledged when the broker has its result. Who dies before leaves the job to be done again, so that a
 * result comes at least once, always with the job's id.
 */
#include "command.h"
#include "i18n.h"
#include "publish/broker.h"
#include "work_child.h"
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

static const CbiganUsage usage = {
  N_("--broker URI --models DIR"),
  N_("Takes jobs from a message broker, scores them, publishes the results. Workers of one group share the jobs.\n"
     "Job: {\"id\": \"…\", \"uri\": \"file, folder or URI of pictures or video\", \"model\": \"bottle\"}, where the "
     "model is\n"
     "the file bottle.safetensors in DIR."),
  "  cbigan work --broker mqtt://broker --models /srv/models --name line1-a\n"
  "  cbigan work --broker kafka://k1,k2,k3 --models /srv/models --credentials /etc/cbigan/kafka\n"
  "  cbigan work --broker mqtts://broker --models /srv/models --idle 60",
  0,
  0,
};

#define ATTEMPTS 3          /* crashes after which a job is set aside */
#define VERSION_OF_RESULT 1 /* docs/json.md */
#define SHOWN 200           /* bytes of a malformed job */
#define RETRY_SECONDS 5     /* until a result is sent again that the broker has refused */

typedef struct {
  char *broker, *models, *jobs, *results, *group, *name, *precision;
  char *credentials, *ca_file, *cert_file, *key_file;
  int timeout, keep, limit, idle;
  gboolean child;
  CbiganRunOptions run;
} Arguments;

static void
clear_arguments(Arguments *a)
{
  char *all[] = { a->broker,    a->models,      a->jobs,    a->results,   a->group,    a->name,
                  a->precision, a->credentials, a->ca_file, a->cert_file, a->key_file, a->run.backend };

  for (guint i = 0; i < G_N_ELEMENTS(all); i++)
    g_free(all[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, clear_arguments)

typedef struct {
  const Arguments *arguments;
  const CbiganBrokerModule *module;
  CbiganJobQueue *queue;
  CbiganBroker *broker; /* for results */
  CbiganWorkChild *child;
  char *jobs_state, *results_state; /* what was said last of the connections; NULL = nothing */
  guint64 sent;                     /* id of the last result */
  gboolean done;                    /* the broker has it, or: */
  char *refused;                    /* why the broker has not */
  guint jobs;                       /* that were answered */
} Worker;

static volatile sig_atomic_t stopped;

static void
on_signal(int sig)
{
  stopped = 1;
}

/* --- the broker ----------------------------------------------------------------------------------------------------
 */

/* Says something new about one of the two connections. *state: what was said last; why: NULL = all is well */
static void
say(char **state, const char *why, const char *well)
{
  const char *text = why ? why : well;

  if (g_strcmp0(*state, text) == 0)
    return;
  g_free(*state);
  *state = g_strdup(text);
  cbigan_command_note("%s", text);
}

static void
on_results_changed(gboolean connected, const char *why, gpointer data)
{
  Worker *self = data;

  say(&self->results_state, why, _("the broker takes results"));
}

static void
on_jobs_changed(gboolean connected, const char *why, gpointer data)
{
  Worker *self = data;

  say(&self->jobs_state, why, _("the broker gives jobs"));
}

static void
on_done(guint64 id, const char *refused, gpointer data)
{
  Worker *self = data;

  if (id != self->sent)
    return;
  self->done = !refused;
  g_free(self->refused);
  self->refused = g_strdup(refused);
}

static void
meanwhile(int fd, gpointer data)
{
  Worker *self = data;

  self->module->broker->run(self->broker, fd, 200);
}

/* Returns when the broker has the text; FALSE = this worker shall end before. */
static gboolean
publish(Worker *self, const char *id, const char *text)
{
  const CbiganBrokerMessage message = {
    .topic = self->arguments->results, .key = id, .reference = id, .data = text, .size = strlen(text)
  };

  for (;;) {
    self->done = FALSE;
    g_clear_pointer(&self->refused, g_free);
    self->sent++;
    while (!self->module->broker->publish(self->broker, &message, self->sent)) {
      if (stopped)
        return FALSE;
      meanwhile(-1, self);
    }
    while (!self->done && !self->refused && !stopped)
      meanwhile(-1, self);
    if (self->done)
      return TRUE;
    if (stopped)
      return FALSE;
    cbigan_command_note(_("the broker refuses results in “%s”: %s"), self->arguments->results, self->refused);
    for (int i = 0; i < RETRY_SECONDS && !stopped; i++)
      g_usleep(G_USEC_PER_SEC);
  }
}

/* --- a job ---------------------------------------------------------------------------------------------------------
 */

/* The result of a job (transfer full). pictures: JSON array (transfer full), or NULL; error: what is wrong, or NULL. */
static char *
result_text(const Worker *self, JsonObject *job, const char *state, JsonNode *pictures, const char *error)
{
  static const char *const copied[] = { "id", "uri", "model" };
  g_autoptr(JsonObject) result = json_object_new();
  g_autoptr(JsonNode) root = json_node_alloc();
  g_autofree char *valid = error ? g_utf8_make_valid(error, -1) : NULL;

  json_object_set_int_member(result, "version", VERSION_OF_RESULT);
  for (guint i = 0; job && i < G_N_ELEMENTS(copied); i++)
    json_object_set_string_member(result, copied[i], json_object_get_string_member(job, copied[i]));
  json_object_set_string_member(result, "state", state);
  json_object_set_string_member(result, "worker", self->arguments->name);
  if (pictures)
    json_object_set_member(result, "pictures", pictures);
  if (valid)
    json_object_set_string_member(result, "error", valid);
  json_node_init_object(root, result);
  return json_to_string(root, FALSE);
}

/* The job (transfer full), or NULL with *why (transfer full). */
static JsonObject *
parse(GBytes *payload, char **why)
{
  static const char *const needed[] = { "id", "uri", "model" };
  gsize size;
  const char *data = g_bytes_get_data(payload, &size);
  g_autofree char *text = g_strndup(data, size);
  g_autofree char *shown = g_strndup(text, SHOWN), *valid = g_utf8_make_valid(shown, -1);
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonNode) node = json_from_string(text, &error);

  if (!node || !JSON_NODE_HOLDS_OBJECT(node)) {
    *why = g_strdup_printf(_("no JSON object: “%s”"), valid);
    return NULL;
  }
  for (guint i = 0; i < G_N_ELEMENTS(needed); i++) {
    JsonNode *member = json_object_get_member(json_node_get_object(node), needed[i]);

    if (!member || json_node_get_value_type(member) != G_TYPE_STRING) {
      *why = g_strdup_printf(_("no string “%s”: “%s”"), needed[i], valid);
      return NULL;
    }
  }
  return json_node_dup_object(node);
}

/* The job with what the child needs, on one line (transfer full). */
static char *
line_of(JsonObject *job)
{
  g_autoptr(JsonNode) node = json_node_alloc();

  json_node_init_object(node, job);
  return json_to_string(node, FALSE);
}

/* Scores a job; its result (transfer full). */
static char *
score(Worker *self, JsonObject *job)
{
  g_autofree char *line = line_of(job), *text = NULL, *how = NULL;
  const char *id = json_object_get_string_member(job, "id");

  for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
    g_clear_pointer(&text, g_free);
    g_clear_pointer(&how, g_free);
    const CbiganWorkEnd end =
        cbigan_work_child_score(self->child, line, (guint)self->arguments->timeout, meanwhile, self, &text, &how);
    if (end == CBIGAN_WORK_ANSWERED) {
      g_autoptr(JsonNode) answer = json_from_string(text, NULL);

      if (answer && JSON_NODE_HOLDS_ARRAY(answer))
        return result_text(self, job, "done", g_steal_pointer(&answer), NULL);
      return result_text(self, job, "refused", NULL, answer ? json_node_get_string(answer) : text);
    }
    if (end == CBIGAN_WORK_LATE) {
      g_autofree char *why = g_strdup_printf(
          n_("no answer within %d second", "no answer within %d seconds", (gulong)self->arguments->timeout),
          self->arguments->timeout);

      cbigan_command_note("%s: %s", id, why);
      return result_text(self, job, "refused", NULL, why);
    }
    cbigan_command_note(_("%s: the scoring process ended: %s (attempt %d of %d)"), id, how, attempt, ATTEMPTS);
  }
  g_autofree char *why =
      g_strdup_printf(_("set aside: it ended the scoring process %d times, the last time by: %s"), ATTEMPTS, how);
  return result_text(self, job, "set-aside", NULL, why);
}

/* FALSE = the job stays unanswered. */
static gboolean
work(Worker *self, GBytes *payload)
{
  g_autofree char *why = NULL, *text = NULL;
  JsonObject *job = parse(payload, &why);
  gboolean fine;

  if (!job)
    cbigan_command_note(_("malformed job: %s"), why);
  text = job ? score(self, job) : result_text(self, NULL, "refused", NULL, why);
  fine = publish(self, job ? json_object_get_string_member(job, "id") : "", text);
  if (fine)
    self->module->jobs->acknowledge(self->queue);
  g_clear_pointer(&job, json_object_unref);
  return fine;
}

static void
work_until_the_end(Worker *self)
{
  const Arguments *a = self->arguments;
  gint64 last = g_get_monotonic_time();

  while (!stopped && (!a->limit || self->jobs < (guint)a->limit)) {
    g_autoptr(GBytes) job = self->module->jobs->take(self->queue, 200);

    if (job) {
      self->jobs += work(self, job);
      last = g_get_monotonic_time();
    } else {
      self->module->broker->run(self->broker, -1, 0);
    }
    if (a->idle && g_get_monotonic_time() - last > a->idle * (gint64)G_USEC_PER_SEC)
      break;
  }
  cbigan_command_note(n_("answered %u job", "answered %u jobs", self->jobs), self->jobs);
}

/* --- the command ---------------------------------------------------------------------------------------------------
 */

/* The child: this program with the same options, and --child. */
static CbiganWorkChild *
new_child(char **argv)
{
  g_autoptr(GPtrArray) child = g_ptr_array_new();

  g_ptr_array_add(child, (char *)"/proc/self/exe");
  g_ptr_array_add(child, (char *)"work");
  for (char **argument = argv + 1; *argument; argument++)
    g_ptr_array_add(child, *argument);
  g_ptr_array_add(child, (char *)"--child");
  g_ptr_array_add(child, NULL);
  return cbigan_work_child_new((char **)child->pdata);
}

static CbiganExit
run(const Arguments *a, const CbiganBrokerAddress *address, const char *kind, char **argv)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *why = NULL;
  g_autofree char *jobs_client = g_strdup_printf("cbigan-%s-jobs", a->name);
  g_autofree char *results_client = g_strdup_printf("cbigan-%s-results", a->name);
  Worker self = { .arguments = a, .module = cbigan_broker_module(kind, &why) };
  const CbiganBrokerListener listener = { .changed = on_results_changed, .done = on_done, .data = &self };
  CbiganBrokerAddress jobs = *address, results = *address;

  if (!self.module) {
    cbigan_command_note("%s", why);
    return CBIGAN_EXIT_FAILED;
  }
  jobs.client = jobs_client;
  results.client = results_client;
  self.broker = self.module->broker->open(&results, &listener, &error);
  if (self.broker)
    self.queue =
        self.module->jobs->open(&jobs, a->jobs, a->group, (guint)a->timeout * ATTEMPTS, on_jobs_changed, &self, &error);
  if (self.queue) {
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    signal(SIGPIPE, SIG_IGN);
    self.child = new_child(argv);
    work_until_the_end(&self);
    cbigan_work_child_free(self.child);
    self.module->jobs->close(self.queue);
  }
  if (self.broker)
    self.module->broker->close(self.broker);
  g_free(self.jobs_state);
  g_free(self.results_state);
  g_free(self.refused);
  return error ? cbigan_command_fail(error) : CBIGAN_EXIT_FINE;
}

static gboolean
check(const Arguments *a, CbiganWorkSettings *settings, GError **error)
{
  if (!a->broker)
    return cbigan_refuse(error, _("--broker is missing: where the jobs come from"));
  if (!a->models)
    return cbigan_refuse(error, _("--models is missing: the folder of the models"));
  if (!g_file_test(a->models, G_FILE_TEST_IS_DIR))
    return cbigan_refuse(error, _("--models: %s is no folder"), a->models);
  return cbigan_command_check_run(&a->run, error) &&
         cbigan_command_precision(a->precision, &settings->scorer.precision, error) &&
         cbigan_command_in_range("timeout", a->timeout, 1, 10000, error) &&
         cbigan_command_in_range("keep", a->keep, 1, 1000, error) &&
         cbigan_command_in_range("limit", a->limit, 0, G_MAXINT, error) &&
         cbigan_command_in_range("idle", a->idle, 0, 1e6, error);
}

CbiganExit
cbigan_cmd_work(int argc, char **argv)
{
  g_auto(Arguments) a = { .timeout = 60, .keep = 4 };
  CbiganWorkSettings settings = { .scorer = CBIGAN_SCORER_OPTIONS_INIT };
  CbiganBrokerAddress address = { 0 };
  const char *kind = NULL;
  g_autofree char *servers = NULL;
  g_auto(GStrv) none = NULL;
  g_autoptr(GError) error = NULL;
  const GOptionEntry entries[] = {
    { "broker", 0, 0, G_OPTION_ARG_STRING, &a.broker, N_("mqtt://HOST, mqtts://HOST or kafka://HOST,HOST…"),
      N_("URI") },
    { "models", 0, 0, G_OPTION_ARG_FILENAME, &a.models, N_("Folder of the models"), N_("DIR") },
    { "jobs", 0, 0, G_OPTION_ARG_STRING, &a.jobs, N_("Topic of the jobs (cbigan/jobs, for Kafka cbigan.jobs)"),
      N_("TOPIC") },
    { "results", 0, 0, G_OPTION_ARG_STRING, &a.results,
      N_("Topic of the results (cbigan/results, for Kafka cbigan.results)"), N_("TOPIC") },
    { "group", 0, 0, G_OPTION_ARG_STRING, &a.group, N_("Workers of one group share the jobs (workers)"), N_("NAME") },
    { "name", 0, 0, G_OPTION_ARG_STRING, &a.name, N_("Name of this worker, there only once (the host’s name)"),
      N_("NAME") },
    { "credentials", 0, 0, G_OPTION_ARG_FILENAME, &a.credentials, N_("File with lines user=… and password=…"),
      N_("FILE") },
    { "ca-file", 0, 0, G_OPTION_ARG_FILENAME, &a.ca_file, N_("PEM file of trusted authorities"), N_("FILE") },
    { "cert-file", 0, 0, G_OPTION_ARG_FILENAME, &a.cert_file, N_("PEM file of this worker's certificate"), N_("FILE") },
    { "key-file", 0, 0, G_OPTION_ARG_FILENAME, &a.key_file, N_("PEM file of this worker's private key"), N_("FILE") },
    { "timeout", 0, 0, G_OPTION_ARG_INT, &a.timeout, N_("Seconds that a job may take (60)"), N_("S") },
    { "keep", 0, 0, G_OPTION_ARG_INT, &a.keep, N_("Models that stay loaded (4)"), N_("N") },
    { "limit", 0, 0, G_OPTION_ARG_INT, &a.limit, N_("End after N jobs, 0 = never"), N_("N") },
    { "idle", 0, 0, G_OPTION_ARG_INT, &a.idle, N_("End after S seconds without a job, 0 = never"), N_("S") },
    { "child", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &a.child, NULL, NULL },
    CBIGAN_PRECISION_ENTRY(a.precision),
    CBIGAN_RUN_ENTRIES(&a.run),
    { NULL },
  };

  if (!cbigan_command_parse(&usage, entries, argc, argv, &none))
    return CBIGAN_EXIT_USAGE;
  if (!check(&a, &settings, &error) || !cbigan_broker_parse(a.broker, &kind, &servers, &address.tls, &error))
    return cbigan_command_usage(error);
  settings.models = a.models;
  settings.keep = (guint)a.keep;
  settings.scorer.backend = a.run.backend;
  settings.scorer.device = a.run.device;
  settings.scorer.threads = a.run.threads;
  settings.scorer.maps = CBIGAN_MAPS_ALL;
  if (a.child)
    return (CbiganExit)cbigan_work_child_main(&settings);
  const char separator = g_str_equal(kind, "kafka") ? '.' : '/';
  a.jobs = a.jobs ? a.jobs : g_strdup_printf("cbigan%cjobs", separator);
  a.results = a.results ? a.results : g_strdup_printf("cbigan%cresults", separator);
  a.group = a.group ? a.group : g_strdup("workers");
  a.name = a.name ? a.name : g_strdup(g_get_host_name());
  address.servers = servers;
  address.credentials = a.credentials;
  address.ca = a.ca_file;
  address.certificate = a.cert_file;
  address.key = a.key_file;
  return run(&a, &address, kind, argv);
}
