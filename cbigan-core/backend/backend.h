/* backend.h - everything a backend has to do, on one page
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A backend is one CbiganBackendClass; "reference" is the judge of the others. To add one: make a folder, fill the
 * struct, name it in backend.c's list, run tests/backends. Callers go through the cbigan_backend_*() functions, which
 * check arguments once; backends check nothing.
 *
 * Operations return nothing: a device may fail late. The backend keeps the first failure, and finish() reports it. One
 * thread at a time calls the operations of a backend. They may return before they are done; finish() and download()
 * wait. Numbers that an operation gives to host memory are there after finish(), NaN where it failed.
 */
#pragma once
#include "backend/scoring.h"
#include "model/network.h"

G_BEGIN_DECLS

/* What a backend is opened for. */
typedef enum {
  CBIGAN_FOR_SCORING, /* a sample's bits depend neither on the others in the batch nor on its place there */
  CBIGAN_FOR_TRAINING /* single layers may be faster, with errors up to 1e-5 of the largest number; a number in x that
                       * is not finite makes at least one in y not finite. The same bits in every run. */
} CbiganPurpose;

typedef struct {
  const char *name;      /* one of cbigan_backend_names(); NULL or "auto" = the best that can run here */
  int device;            /* 0 = the first one */
  int threads;           /* 0 = all that this process may use */
  gpointer cuda_context; /* as in CbiganScorerOptions; NULL = none; only "cuda" reads it */
  CbiganPurpose purpose;
  CbiganPrecision precision; /* CBIGAN_PRECISION_AUTO: bf16 if it is faster here at that width (c), else fp32 */
  int width;                 /* only for CBIGAN_PRECISION_AUTO; 0 = fp32 */
} CbiganBackendOptions;

/* Layers of a network as one operation at one batch size. Subclasses embed it first. */
typedef struct _CbiganPlan CbiganPlan;
struct _CbiganPlan {
  int n_layers;          /* at least 1 */
  int *inputs, *outputs; /* values that it reads and leaves, -1-terminated; values between its layers may not exist */
  void (*free)(CbiganPlan *self);
  /* Both optional, NULL: it can't. FALSE: it can't with this argument, and did nothing. share() stands for load(): the
   * weights of `like`, with the same layers, batch, `keep` and backend options, live as long as one of both. */
  gboolean (*share)(CbiganPlan *self, const CbiganPlan *like);
  gboolean (*run_planes)(CbiganPlan *self, const CbiganPlanes *planes, float *const *values); /* planes: as value 0 */
};

/* Operations that were captured, to be repeated without a call for each. Subclasses embed it first. */
typedef struct _CbiganCapture CbiganCapture;
struct _CbiganCapture {
  void (*free)(CbiganBackend *self, CbiganCapture *capture); /* waits */
};

/* Some items of a loop, [first, end), done at the same time as others */
typedef void (*CbiganRangeFunc)(gpointer data, int first, int end);

typedef struct {
  const char *name;           /* "reference", "cpu", "cuda" */
  char *(*unavailable)(void); /* NULL when it can run here, else why not (transfer full) */
  /* Fills threads, precisions, and precision as CBIGAN_PRECISION_AUTO means it. */
  CbiganBackend *(*open)(const CbiganBackendOptions *options, GError **error);
  void (*close)(CbiganBackend *self);
  gboolean (*finish)(CbiganBackend *self, GError **error); /* waits; FALSE when the device reports a failure only now */
  float *(*alloc)(CbiganBackend *self, gsize n_floats);    /* zeroed, 64-byte aligned; NULL = out of memory */
  void (*free)(CbiganBackend *self, float *data);
  /* n samples, host memory in c,h,w order <-> backend memory in its own order */
  void (*upload)(CbiganBackend *self, CbiganShape shape, int n, const float *host, float *data);
  void (*download)(CbiganBackend *self, CbiganShape shape, int n, const float *data, float *host);

  /* A plan for as many layers as this backend runs together, from layer `first` on. The network runs up to layer `end`
   * and must outlive the plan. keep: as in cbigan_network_boundary(); CBIGAN_KEEP_ALL: the plan is for one layer. */
  CbiganPlan *(*plan)(CbiganBackend *self, const CbiganNetwork *network, int first, int end, int batch, const int *keep,
                      GError **error);
  /* Takes over the network's parameters (backend memory, in the model file's order), after every change of them. */
  void (*load)(CbiganBackend *self, CbiganPlan *plan, const float *parameters);
  /* values[v]: (batch, c, h, w) of value v in backend memory, for all inputs and outputs of the plan; no overlap. */
  void (*run)(CbiganBackend *self, CbiganPlan *plan, float *const *values);

  /* a - b, and per sample the sum of its absolute values. */
  void (*difference)(CbiganBackend *self, int n, gsize size, const float *a, const float *b, float *difference,
                     double *sums);
  /* Optional, NULL: frames are read where they lie. Brings frames->frames[i] into backend memory; i < 0: makes room. */
  void (*frame)(CbiganBackend *self, CbiganFrames *frames, int i);
  /* Patches of frames. */
  void (*crop)(CbiganBackend *self, CbiganFrames *frames, int n_frames, const CbiganFrameTiling *tiling, int first,
               int n, const CbiganLightTarget *light, float *x);
  /* A frame's map from its patches' differences. */
  void (*map)(CbiganBackend *self, const CbiganFrameTiling *tiling, const float *differences,
              const CbiganMapFilter *filter, const CbiganMapBaseline *good, float *scratch, float *map, float *peak);
  /* The critic's features and their distances from good pictures; values NULL: only makes room. */
  void (*distances)(CbiganBackend *self, CbiganCritic *critic, float *const *values, int n, float *distances,
                    float *peaks);
  /* Optional, NULL: operations(data) is called each time. Captures it on first use and replays the capture then. */
  void (*capture)(CbiganBackend *self, CbiganCapture **capture, double number, void (*operations)(gpointer data),
                  gpointer data);
} CbiganBackendClass;

struct _CbiganBackend {
  const CbiganBackendClass *klass;
  int threads;
  CbiganPurpose purpose;
  guint precisions;          /* bit i: it can multiply in CbiganPrecision i; fp32 always */
  CbiganPrecision precision; /* of the plans that are made; never CBIGAN_PRECISION_AUTO */
  int passes;                /* backends of this kind that may gain by computing at the same time; 0 or 1 = none does */
  gboolean channels_last;    /* a sample's values lie h,w,c, else c,h,w */
  /* Shares a loop over n > 1 items among the threads, returns when all is done; NULL: only the caller's thread. */
  void (*each)(CbiganBackend *self, int n, CbiganRangeFunc range, gpointer data);
  /* Makes the device's context the thread's current one; called before each member. NULL: there is no context. */
  void (*enter)(CbiganBackend *self);
  GError *failure; /* the first one, see cbigan_backend_fail() */
};

extern const CbiganBackendClass cbigan_backend_reference, cbigan_backend_cpu;
extern const CbiganBackendClass cbigan_backend_cuda; /* opens a module */

const CbiganBackendClass *const *cbigan_backend_list(void); /* all of this build, best first, NULL-terminated */
/* NULL with CBIGAN_ERROR_BACKEND, which says why it can't run, or which names or precisions there are. */
CbiganBackend *cbigan_backend_open(const CbiganBackendOptions *options, GError **error);
void cbigan_backend_close(CbiganBackend *self); /* self: may be NULL */
const char *cbigan_backend_name(const CbiganBackend *self);
const char *cbigan_backend_description(const char *name); /* one line for `cbigan info --backends`; name: of the list */
gboolean cbigan_backend_finish(CbiganBackend *self, GError **error);
void cbigan_backend_enter(CbiganBackend *self); /* for backend.c and gradient.c: calls enter() */
void cbigan_backend_fail(CbiganBackend *self, const char *format, ...)
    G_GNUC_PRINTF(2, 3); /* keeps the first failure, of any thread */

/* The functions of CbiganBackendClass with their arguments checked; a wrong one is a caller's bug. More: scoring.h */
float *cbigan_backend_alloc(CbiganBackend *self, gsize n_floats, GError **error); /* NULL with CBIGAN_ERROR_BACKEND */
void cbigan_backend_free(CbiganBackend *self, float *data);                       /* data: may be NULL */
void cbigan_backend_upload(CbiganBackend *self, CbiganShape shape, int n, const float *host, float *data);
void cbigan_backend_download(CbiganBackend *self, CbiganShape shape, int n, const float *data, float *host);
/* Free with plan->free(plan). NULL with CBIGAN_ERROR_BACKEND */
CbiganPlan *cbigan_backend_plan(CbiganBackend *self, const CbiganNetwork *network, int first, int end, int batch,
                                const int *keep, GError **error);
/* like: a plan whose weights are taken where the backend can share them; NULL = those in `parameters` are loaded */
void cbigan_backend_load(CbiganBackend *self, CbiganPlan *plan, const CbiganPlan *like, const float *parameters);
void cbigan_backend_run(CbiganBackend *self, CbiganPlan *plan, float *const *values);
gboolean cbigan_backend_run_planes(CbiganBackend *self, CbiganPlan *plan, const CbiganPlanes *planes,
                                   float *const *values);
void cbigan_backend_capture(CbiganBackend *self, CbiganCapture **capture, double number,
                            void (*operations)(gpointer data), gpointer data);
void cbigan_backend_capture_free(CbiganBackend *self, CbiganCapture *capture); /* capture: may be NULL */
/* range(data, first, end) over all of n items, by several threads where the loop touches enough numbers to be worth it.
 * self: NULL = by the caller alone. */
void cbigan_backend_each(CbiganBackend *self, int n, gsize numbers, CbiganRangeFunc range, gpointer data);
/* Host memory that helpers need for a while: n elements of `size` bytes, not zeroed, for g_free(). NULL: it can't be
 * had, which cbigan_backend_finish() reports. Any thread may call. self: NULL = the process ends instead. */
gpointer cbigan_backend_scratch(CbiganBackend *self, gsize n, gsize size);
#define cbigan_scratch_new(self, type, n) ((type *)cbigan_backend_scratch(self, n, sizeof(type)))
/* The same, with a copy of n floats. */
float *cbigan_backend_scratch_copy(CbiganBackend *self, gsize n, const float *x);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganBackend, cbigan_backend_close)

G_END_DECLS
