/* test_threads.c - processors counted, divided among passes, and what passes make then
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "network_runs.h"

/* --- counting --------------------------------------------------------------------------------------------------- */

typedef struct {
  const char *path, *text;
} File;

#define NODES "sys/devices/system/node/"
#define GROUPS "sys/fs/cgroup/"
#define SELF "proc/self/cgroup"
#define MOST_FILES 6

typedef struct {
  const char *name;
  const char *allowed; /* processors, a bit each, the first one on the left */
  File files[MOST_FILES + 1];
  int all, node;
} Count;

static const Count counts[] = {
  { "nothing known", "11111111", { { NULL } }, 8, 8 },
  { "affinity", "01011", { { NULL } }, 3, 3 },
  { "one node", "1111", { { NODES "node0/cpulist", "0-3\n" } }, 4, 4 },
  { "two nodes", "11111111", { { NODES "node0/cpulist", "0-3\n" }, { NODES "node1/cpulist", "4-7\n" } }, 8, 4 },
  { "interleaved", "111111", { { NODES "node0/cpulist", "0,2-3\n" }, { NODES "node1/cpulist", "1,4-5\n" } }, 6, 3 },
  { "allowed on the second most",
    "1001111",
    { { NODES "node0/cpulist", "0-3" }, { NODES "node1/cpulist", "4-7" } },
    5,
    3 },
  { "memory without processors",
    "11",
    { { NODES "node0/cpulist", "0-1\n" }, { NODES "node1/cpulist", "\n" }, { NODES "nodes/cpulist", "0\n" } },
    2,
    2 },
  { "garbage nodes",
    "1111",
    { { NODES "node0/cpulist", "0-" },
      { NODES "node1/cpulist", "3-1,x" },
      { NODES "node2/cpulist", "0;3" },
      { NODES "node3/cpulist", "99999999999999999999-1" },
      { NODES "node4/cpulist", "8191-99999999999" } },
    4,
    4 },
  { "quota", "11111111", { { GROUPS "cpu.max", "250000 100000\n" } }, 3, 3 },
  { "no quota", "1111", { { GROUPS "cpu.max", "max 100000\n" } }, 4, 4 },
  { "quota on two nodes",
    "11111111",
    { { NODES "node0/cpulist", "0-3" }, { NODES "node1/cpulist", "4-7" }, { GROUPS "cpu.max", "600000 100000" } },
    6,
    4 },
  { "little quota", "11", { { GROUPS "cpu.max", "1000 100000\n" } }, 1, 1 },
  { "nested",
    "11111111",
    { { SELF, "0::/a/b\n" }, { GROUPS "a/b/cpu.max", "200000 100000" }, { GROUPS "a/cpu.max", "400000 100000" } },
    2,
    2 },
  { "nested, outer is less",
    "11111111",
    { { SELF, "0::/a/b\n" }, { GROUPS "a/b/cpu.max", "max 100000" }, { GROUPS "a/cpu.max", "300000 100000" } },
    3,
    3 },
  { "another's group", "1111", { { SELF, "0::/a\n" }, { GROUPS "b/cpu.max", "100000 100000" } }, 4, 4 },
  { "the host's name, own group",
    "1111",
    { { SELF, "0::/docker/1234\n" }, { GROUPS "cpu.max", "150000 100000" } },
    2,
    2 },
  { "v1",
    "11111111",
    { { SELF, "5:memory:/m\n4:cpu,cpuacct:/a\n" },
      { GROUPS "cpu/a/cpu.cfs_quota_us", "350000\n" },
      { GROUPS "cpu/a/cpu.cfs_period_us", "50000\n" } },
    7,
    7 },
  { "v1, its other folder",
    "1111",
    { { GROUPS "cpu,cpuacct/cpu.cfs_quota_us", "100000\n" }, { GROUPS "cpu,cpuacct/cpu.cfs_period_us", "50000\n" } },
    2,
    2 },
  { "v1 without a quota",
    "1111",
    { { GROUPS "cpu/cpu.cfs_quota_us", "-1\n" }, { GROUPS "cpu/cpu.cfs_period_us", "100000\n" } },
    4,
    4 },
  { "v1 beside v2",
    "1111",
    { { SELF, "1:cpu:/a\n0::/b\n" },
      { GROUPS "cpu/a/cpu.cfs_quota_us", "300000" },
      { GROUPS "cpu/a/cpu.cfs_period_us", "100000" },
      { GROUPS "unified/b/cpu.max", "200000 100000" } },
    2,
    2 },
  { "garbage quotas",
    "1111",
    { { SELF, "0:\n::\nx\n0::a\n" },
      { GROUPS "cpu.max", "many\n" },
      { GROUPS "a/cpu.max", "-100000 100000" },
      { GROUPS "cpu/cpu.cfs_quota_us", "100000" },
      { GROUPS "cpu/cpu.cfs_period_us", "0" },
      { GROUPS "unified/cpu.max", "nan 100000" } },
    4,
    4 },
  { "quota without a period", "1111", { { GROUPS "cpu.max", "100000" } }, 4, 4 },
};

static int
remove_entry(const char *path, const struct stat *status, int type, struct FTW *position)
{
  return remove(path);
}

static void
test_count(gconstpointer data)
{
  const Count *c = data;
  const gsize size = CPU_ALLOC_SIZE(CBIGAN_CPU_MOST);
  g_autoptr(GError) error = NULL;
  g_autofree char *root = g_dir_make_tmp("cbigan-count-XXXXXX", &error);
  g_assert_no_error(error);
  for (const File *file = c->files; file->path; file++) {
    g_autofree char *path = g_build_filename(root, file->path, NULL), *folder = g_path_get_dirname(path);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_file_set_contents(path, file->text, -1, &error);
    g_assert_no_error(error);
  }
  cpu_set_t *allowed = CPU_ALLOC(CBIGAN_CPU_MOST);
  CPU_ZERO_S(size, allowed);
  for (gsize i = 0; i < strlen(c->allowed); i++)
    if (c->allowed[i] == '1')
      CPU_SET_S(i, size, allowed);
  CbiganCpuCount count = cbigan_cpu_count_below(root, allowed);
  CPU_FREE(allowed);
  nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  if (count.all != c->all || count.node != c->node)
    g_error("%s: %d processors, %d of a node; expected %d and %d", c->name, count.all, count.node, c->all, c->node);
}

/* By the thread's own affinity; what is asked for counts more. */
static void
test_affinity(void)
{
  cpu_set_t all, one;
  g_assert_cmpint(sched_getaffinity(0, sizeof all, &all), ==, 0);
  CbiganCpuCount count = cbigan_cpu_count();
  g_assert_cmpint(count.node, >=, 1);
  g_assert_cmpint(count.node, <=, count.all);
  g_assert_cmpint(count.all, <=, CPU_COUNT(&all));
  CPU_ZERO(&one);
  for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
    if (CPU_ISSET(i, &all))
      CPU_SET(i, &one);
  g_assert_cmpint(sched_setaffinity(0, sizeof one, &one), ==, 0);
  g_assert_cmpint(cbigan_cpu_count().all, ==, 1);
  g_autoptr(CbiganBackend) chosen = cbigan_backend_open(&(CbiganBackendOptions){ .name = "cpu", .threads = 3 }, NULL),
                           counted = cbigan_backend_open(&(CbiganBackendOptions){ .name = "cpu" }, NULL);
  g_assert_cmpint(sched_setaffinity(0, sizeof all, &all), ==, 0);
  g_assert_cmpint(chosen->threads, ==, 3);
  g_assert_cmpint(counted->threads, ==, 1);
  g_assert_cmpint(cbigan_cpu_team(chosen), ==, 3);
}

/* --- dividing --------------------------------------------------------------------------------------------------- */

/* Shares of which each is used by a thread of its own. */
typedef struct {
  GThread *thread;
  GAsyncQueue *orders, *done;
  CbiganCpuShare *share;
  int team; /* as it was told last */
} Caller;

enum { TEAM = 1, END, QUIT };

static gpointer
follow(gpointer data)
{
  Caller *self = data;
  for (int order = 0; order != QUIT;) {
    order = GPOINTER_TO_INT(g_async_queue_pop(self->orders));
    if (order == TEAM)
      self->team = cbigan_cpu_share_team(self->share);
    else if (order == END)
      cbigan_cpu_share_end(self->share);
    g_async_queue_push(self->done, self);
  }
  return NULL;
}

static void
tell(Caller *self, int order)
{
  g_async_queue_push(self->orders, GINT_TO_POINTER(order));
  g_async_queue_pop(self->done);
}

static Caller *
caller_new(int threads, int processors)
{
  Caller *self = g_new0(Caller, 1);
  *self = (Caller){ .orders = g_async_queue_new(),
                    .done = g_async_queue_new(),
                    .share = cbigan_cpu_share_new(threads, processors) };
  self->thread = g_thread_new("caller", follow, self);
  return self;
}

static void
caller_free(Caller *self)
{
  tell(self, QUIT);
  g_thread_join(self->thread);
  cbigan_cpu_share_free(self->share);
  g_async_queue_unref(self->orders);
  g_async_queue_unref(self->done);
  g_free(self);
}

static void
test_divide(void)
{
  static const struct {
    int processors, threads[4], teams[4];
  } rows[] = {
    { 2, { 2 }, { 2 } },
    { 2, { 5 }, { 5 } }, /* alone: as it was told */
    { 2, { 2, 2 }, { 1, 1 } },
    { 2, { 2, 2, 2, 2 }, { 1, 1, 1, 1 } },
    { 16, { 16, 16 }, { 8, 8 } },
    { 16, { 16, 16, 16 }, { 5, 5, 6 } },
    { 16, { 1, 16 }, { 1, 15 } },
    { 16, { 16, 2, 16 }, { 7, 2, 7 } },
    { 16, { 16, 5, 3, 16 }, { 4, 4, 3, 5 } },
    { 16, { 6, 1, 1, 16 }, { 6, 1, 1, 8 } },
    { 32, { 16, 16 }, { 16, 16 } }, /* a node each */
    { 1, { 7, 7 }, { 1, 1 } },
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    Caller *callers[4] = { NULL };
    int n = 0;
    for (; n < 4 && rows[i].threads[n]; n++)
      callers[n] = caller_new(rows[i].threads[n], rows[i].processors);
    for (int twice = 0; twice < 2; twice++) /* the first callers count the others in the second round */
      for (int k = 0; k < n; k++)
        tell(callers[k], TEAM);
    for (int k = 0; k < n; k++)
      if (callers[k]->team != rows[i].teams[k])
        g_error("row %u: pass %d has %d threads, expected %d", i, k, callers[k]->team, rows[i].teams[k]);
    for (int k = 0; k < n; k++)
      caller_free(callers[k]);
  }
}

/* Room is made at once; more is taken only when a pass begins, some time after the other's end. */
static void
test_course(void)
{
  Caller *a = caller_new(8, 8), *b = caller_new(8, 8);
  CbiganCpuShare *mine = cbigan_cpu_share_new(8, 8), *also_mine = cbigan_cpu_share_new(8, 8);
  tell(a, TEAM);
  g_assert_cmpint(a->team, ==, 8);
  tell(b, TEAM);
  tell(a, TEAM);
  g_assert_cmpint(a->team, ==, 4);
  g_assert_cmpint(b->team, ==, 4);
  tell(b, END);
  g_usleep(CBIGAN_CPU_LINGER_USEC + 1);
  tell(a, TEAM);
  g_assert_cmpint(a->team, ==, 4);
  tell(a, END);
  tell(a, TEAM);
  g_assert_cmpint(a->team, ==, 8);
  tell(a, END);
  g_usleep(CBIGAN_CPU_LINGER_USEC + 1);
  /* One thread's passes are never at the same time. */
  g_assert_cmpint(cbigan_cpu_share_team(mine), ==, 8);
  g_assert_cmpint(cbigan_cpu_share_team(also_mine), ==, 8);
  g_assert_cmpint(cbigan_cpu_share_team(mine), ==, 8);
  tell(a, TEAM); /* one of mine counts */
  g_assert_cmpint(a->team, ==, 4);
  cbigan_cpu_share_free(mine);
  cbigan_cpu_share_free(also_mine);
  caller_free(b);
  tell(a, END);
  tell(a, TEAM); /* a share that is gone takes nothing */
  g_assert_cmpint(a->team, ==, 8);
  caller_free(a);
}

/* What a thread sanitizer should see: passes, backends that open and close, all at once. */
static gpointer
hammer(gpointer data)
{
  for (int i = 0; i < 200; i++) {
    int threads = 1 + i % 5;
    CbiganCpuShare *share = cbigan_cpu_share_new(threads, 4);
    for (int pass = 0; pass < 20; pass++) {
      for (int operation = 0; operation < 5; operation++) {
        int team = cbigan_cpu_share_team(share);
        g_assert_cmpint(team, >=, 1);
        g_assert_cmpint(team, <=, threads);
      }
      cbigan_cpu_share_end(share);
    }
    cbigan_cpu_share_free(share);
  }
  return NULL;
}

static void
test_at_once(void)
{
  GThread *threads[4];
  for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
    threads[i] = g_thread_new("hammer", hammer, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
    g_thread_join(threads[i]);
}

/* --- passes ----------------------------------------------------------------------------------------------------- */

/* A pass of 5 threads that has to do with 1 to 4 makes the same bits, fused and by single operations. */
static void
test_less(gconstpointer isa)
{
  enum { THREADS = 5 };
  int n = cbigan_cpu_count().all; /* so many others that they and this one divide at least as many */
  for (int i = 0; i < CBIGAN_N_NETWORKS * 4; i++) {
    Case c = { (CbiganNetworkKind)(i / 4), 3, 64, i % 2 ? 17 : 1 };
    g_autoptr(CbiganNetwork) network = case_network(&c);
    Planning planning = i / 2 % 2 ? FUSED : BY_LAYER;
    Pass alone = pass_new("cpu", isa, THREADS, network, &c, planning);
    Pass pressed = pass_new("cpu", isa, THREADS, network, &c, planning);
    pass_run(&alone, &c, FALSE);
    g_assert_cmpint(cbigan_cpu_team(alone.backend), ==, THREADS);
    for (int team = 1; team < THREADS; team++) {
      g_autoptr(GPtrArray) others = g_ptr_array_new_with_free_func((GDestroyNotify)caller_free);
      for (int k = 0; k < n; k++) {
        g_ptr_array_add(others, caller_new(1000, team * (n + 1)));
        tell(others->pdata[k], TEAM);
      }
      g_assert_true(cbigan_backend_finish(pressed.backend, NULL));
      g_assert_cmpint(cbigan_cpu_team(pressed.backend), ==, team);
      for (int k = 0; k < MAX_VALUES; k++)
        g_clear_pointer(&pressed.out[k], g_free);
      pass_run(&pressed, &c, FALSE);
      compare_bits(((const CbiganCpuIsa *)isa)->name, planning == FUSED ? "fused" : "single", &c, &pressed, &alone, -1);
    }
    pass_clear(&alone);
    pass_clear(&pressed);
  }
}

/* oneDNN's operations run on the pool's threads and start none of their own, for single samples and for many. */
static void
test_one_pool(void)
{
  enum { THREADS = 3 };
  for (int batch = 1; batch <= 8; batch += 7) {
    Case c = { CBIGAN_DISCRIMINATOR, 16, 64, batch };
    g_autoptr(CbiganNetwork) network = case_network(&c);
    int before = count_own_threads();
    Pass pass = pass_new("cpu", NULL, THREADS, network, &c, BY_LAYER);
    pass_run(&pass, &c, FALSE);
    g_assert_cmpint(count_own_threads(), ==, before + THREADS - 1);
    pass_clear(&pass);
  }
}

int
main(int argc, char **argv)
{
  const CbiganCpuIsa *isa = NULL;
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(counts); i++) {
    g_autofree char *path = g_strdup_printf("/threads/count/%s", counts[i].name);
    g_test_add_data_func(path, &counts[i], test_count);
  }
  g_test_add_func("/threads/affinity", test_affinity);
  g_test_add_func("/threads/divide", test_divide);
  g_test_add_func("/threads/course", test_course);
  g_test_add_func("/threads/at-once", test_at_once);
  g_test_add_func("/threads/one-pool", test_one_pool);
  if (cbigan_cpu_choose_isa(&isa, NULL) && isa)
    g_test_add_data_func("/threads/less", isa, test_less);
  return g_test_run();
}
