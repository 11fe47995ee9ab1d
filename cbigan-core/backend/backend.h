/* backend.h - everything a backend has to do, on one page
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A backend is one CbiganBackendClass; "reference" is the judge of the others. To add one: make a
 * folder, fill the struct, name it in backend.c's list, run tests/backends. Callers go through the
 * cbigan_backend_*() functions of backend.c, which check arguments once; backends check nothing.
 *
 * Operations return nothing: a device may fail late. The first failure is kept in the backend and
 * reported by finish(). Operations of one CbiganBackend are called by one thread at a time and may
 * return before they are done; finish() and download() wait. Numbers that an operation gives to host
 * memory are there after finish(), NaN where it failed.
 */
#pragma once
#include "cbigan.h"
#include "model/illumination.h"
#include "model/model.h"
#include "model/network.h"

G_BEGIN_DECLS

typedef struct _CbiganBackend CbiganBackend; /* an opened backend; subclasses embed it first */
typedef struct _CbiganBackendClass CbiganBackendClass;
typedef struct _CbiganPlan CbiganPlan; /* one layer at one batch size: primitives, algorithms,
                                        * packed weights; subclasses embed it first */

struct _CbiganPlan {
  const CbiganLayer *layer; /* outlives the plan */
  int batch;
};

/* Some layers of a network, one after another, as one operation at one batch size; subclasses embed it first. */
typedef struct _CbiganFused CbiganFused;
struct _CbiganFused {
  int n_layers;          /* how many it stands for */
  int *inputs, *outputs; /* values that it reads and writes, -1-terminated; the others between its layers don't exist */
  void (*load)(CbiganFused *self, const float *parameters); /* as CbiganBackendClass.load */
  void (*run)(CbiganFused *self, float *const *values);     /* values: as CbiganForward's */
  void (*free)(CbiganFused *self);
};

/* How one axis of `from` numbers becomes one of `to`: output i = sum_k weight[i][k] * input[first[i] + k]. */
typedef struct {
  int from, to, taps;
  int *first;    /* (to) */
  float *weight; /* (to, taps) */
} CbiganResampler;

/* The critic's features: square values of a network, resampled to one grid, their channels one after another; and the
 * statistics that they are compared with. Made by cbigan_backend_critic_init(). */
#define CBIGAN_MAX_FEATURES 6
typedef struct {
  int n, grid, channels;
  int values[CBIGAN_MAX_FEATURES];
  CbiganShape shapes[CBIGAN_MAX_FEATURES];
  CbiganResampler resamplers[CBIGAN_MAX_FEATURES];
  const CbiganCriticStatistics *good; /* not owned; NULL: there are only features */
  float *features;                    /* backend memory (batch, channels, grid, grid) */
  int batch;
  gpointer device; /* what the backend keeps beside them, or NULL */
  void (*free)(CbiganBackend *self, gpointer device);
} CbiganCritic;

/* A frame and the patches that cover it: rows * columns of them, row by row. */
typedef struct {
  int width, height, side; /* pixels: of the frame, of a patch */
  int columns, rows;
  const float *across, *down; /* backend memory (columns), (rows): left and upper sides of patches, whole pixels */
} CbiganFrameTiling;

/* Frames of one size on their way into patches. Made by cbigan_backend_frames_new(). */
typedef struct {
  int n, width, height;
  CbiganFrame *frames; /* (n): their pixels stay readable until finish() */
  CbiganLight *light;  /* (n): what crop() found, unless the backend keeps it in `device` */
  gpointer device;     /* what the backend keeps beside them, or NULL */
  void (*free)(CbiganBackend *self, gpointer device);
} CbiganFrames;

/* How a map is made of differences. */
#define CBIGAN_MAX_BLUR 15
#define CBIGAN_MAP_PLANES 7 /* of scratch */
typedef struct {
  int high_pass;                         /* radius of the window whose mean each channel is taken less; 0: as it is */
  int blur;                              /* radius, at least 1 */
  float kernel[2 * CBIGAN_MAX_BLUR + 1]; /* 2 blur + 1 weights, for rows and columns */
} CbiganMapFilter;

/* What a map is compared with. */
typedef struct {
  const float *mean, *deviation; /* backend memory: (height, width) if aligned, else one number each */
  gboolean aligned;
  float floor; /* > 0, added to the deviation */
} CbiganMapBaseline;

/* Operations that were captured, to be repeated without a call for each; a backend's own type embeds it first. */
typedef struct _CbiganCapture CbiganCapture;
struct _CbiganCapture {
  void (*free)(CbiganBackend *self, CbiganCapture *capture); /* waits */
};

/* Some items of a loop, [first, end), done at the same time as others */
typedef void (*CbiganRangeFunc)(gpointer data, int first, int end);

struct _CbiganBackendClass {
  const char *name; /* "reference", "cpu", "cuda" */

  /* NULL when it can run here, else why not (transfer full). */
  char *(*unavailable)(void);
  /* threads: 0 = all this process may use; device: 0 = first. cuda_context: as CbiganScorerOptions, for "cuda" alone */
  CbiganBackend *(*open)(int device, int threads, gpointer cuda_context, GError **error);
  void (*close)(CbiganBackend *self);
  gboolean (*finish)(CbiganBackend *self, GError **error); /* wait; FALSE when the device reports a failure only now */

  float *(*alloc)(CbiganBackend *self, gsize n_floats); /* zeroed, 64-byte aligned; NULL = out of memory */
  void (*free)(CbiganBackend *self, float *data);
  /* n samples, host memory in c,h,w order <-> backend memory in its own order */
  void (*upload)(CbiganBackend *self, CbiganShape shape, int n, const float *host, float *data);
  void (*download)(CbiganBackend *self, CbiganShape shape, int n, const float *data, float *host);
  CbiganPlan *(*plan)(CbiganBackend *self, const CbiganLayer *layer, int batch, GError **error);
  /* Optional, NULL = plan(). For training: the same operation, faster, its error up to 1e-5 of the largest number. One
   * that is not finite in x makes one or more of y not finite, in places where plan()'s may be finite. */
  CbiganPlan *(*plan_training)(CbiganBackend *self, const CbiganLayer *layer, int batch, GError **error);
  void (*plan_free)(CbiganBackend *self, CbiganPlan *plan);
  /* parameters: the whole network's, backend memory, as in the model file. After every change of them. */
  void (*load)(CbiganBackend *self, CbiganPlan *plan, const float *parameters);

  /* plan->batch samples each; x, y in backend memory, no overlap. See CbiganLayer for what they compute. To the bit, a
   * sample's result depends neither on the others in the batch nor on its place there. */
  void (*conv2d)(CbiganBackend *self, CbiganPlan *plan, const float *x, float *y);
  void (*dense)(CbiganBackend *self, CbiganPlan *plan, const float *x, float *y);
  void (*upsample)(CbiganBackend *self, CbiganPlan *plan, const float *x,
                   float *y); /* bilinear x2, half-pixel centres */
  void (*avgpool)(CbiganBackend *self, CbiganPlan *plan, const float *x, float *y); /* 2x2 mean */

  /* Optional, NULL = always composed of the operations above. Of a network's layers [first, n_layers) as many from the
   * first one on as can be done faster together. What the other layers or `keep` (values, -1-terminated, or NULL) need
   * is written. NULL: composing is faster, or the only way, at least for the first one. The network must outlive it. */
  CbiganFused *(*fuse)(CbiganBackend *self, const CbiganNetwork *network, int first, int n_layers, int batch,
                       const int *keep);

  /* Optional, NULL = there is only fp32. Bit i: layers can be multiplied in CbiganPrecision i here. */
  guint (*precisions)(const CbiganBackend *self);
  /* With precisions: what layers fused from now on multiply in, one of them. */
  void (*set_precision)(CbiganBackend *self, CbiganPrecision precision);
  /* Optional, NULL = never. Whether CBIGAN_PRECISION_AUTO may take bf16: a measurement found it faster for that width
   * (c). */
  gboolean (*prefers_bf16)(const CbiganBackend *self, int width);

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
};

struct _CbiganBackend {
  const CbiganBackendClass *klass;
  int threads;
  gboolean channels_last; /* a sample's values lie h,w,c, else c,h,w */
  /* Shares a loop over n > 1 items among the backend's threads, returns when all is done; NULL: has only the caller's.
   */
  void (*each)(CbiganBackend *self, int n, CbiganRangeFunc range, gpointer data);
  gboolean repeatable; /* may be set: what is fused from now on has the same bits in every run, so no way of doing it
                        * is chosen by its time */
  GError *failure;     /* the first one, see cbigan_backend_fail() */
};

extern const CbiganBackendClass cbigan_backend_reference;
extern const CbiganBackendClass cbigan_backend_cpu;
extern const CbiganBackendClass cbigan_backend_cuda; /* opens a module */

/* All backends known to this build, best first, NULL-terminated. */
const CbiganBackendClass *const *cbigan_backend_list(void);
/* name: one of the list, or "auto" (the best that can run here); NULL with CBIGAN_ERROR_BACKEND, which
 * says why it can't run or which names there are. Close with cbigan_backend_close(). */
CbiganBackend *cbigan_backend_open(const char *name, int device, int threads, GError **error);
/* The same in a CUDA context, where it is "cuda" that opens. */
CbiganBackend *cbigan_backend_open_in(const char *name, int device, int threads, gpointer cuda_context, GError **error);
const char *cbigan_backend_name(const CbiganBackend *self);
/* One line in words for `cbigan info --backends`; name: one of the list. */
const char *cbigan_backend_description(const char *name);
void cbigan_backend_close(CbiganBackend *self);
gboolean cbigan_backend_finish(CbiganBackend *self, GError **error);
/* range(data, first, end) over all of n items, by several threads where the loop touches enough numbers to be worth it.
 * self: NULL = by the caller alone. */
void cbigan_backend_each(CbiganBackend *self, int n, gsize numbers, CbiganRangeFunc range, gpointer data);
/* FALSE with CBIGAN_ERROR_BACKEND: this backend can't. precision: not CBIGAN_PRECISION_AUTO; fp32 before the call */
gboolean cbigan_backend_set_precision(CbiganBackend *self, CbiganPrecision precision, GError **error);
gboolean cbigan_backend_prefers_bf16(const CbiganBackend *self, int width);
/* For backends: keep the first failure. */
void cbigan_backend_fail(CbiganBackend *self, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* For fuse(): the first layer of [first, end) that depends on other inputs of the network than layer `first` does, or
 * end. Layers before it are fused without it, so that cbigan_forward_run_again() need not run more than it must. */
int cbigan_backend_same_sources(const CbiganNetwork *network, int first, int end);
/* For backends: whether the n layers from l on begin with a residual block (networks.c). */
typedef struct {
  int n_layers;                                              /* without the pool */
  gboolean up;                                               /* the first one is an upsampling */
  const CbiganLayer *skip, *first, *second, *closing, *pool; /* pool: NULL = none */
} CbiganBlock;
gboolean cbigan_backend_find_block(const CbiganLayer *l, int n, CbiganBlock *block);

/* The functions of CbiganBackendClass with their arguments checked; a wrong one is a caller's bug. */
float *cbigan_backend_alloc(CbiganBackend *self, gsize n_floats, GError **error); /* NULL with CBIGAN_ERROR_BACKEND */
void cbigan_backend_free(CbiganBackend *self, float *data);                       /* data: may be NULL */
void cbigan_backend_upload(CbiganBackend *self, CbiganShape shape, int n, const float *host, float *data);
void cbigan_backend_download(CbiganBackend *self, CbiganShape shape, int n, const float *data, float *host);
CbiganPlan *cbigan_backend_plan(CbiganBackend *self, const CbiganLayer *layer, int batch, GError **error);
CbiganPlan *cbigan_backend_plan_training(CbiganBackend *self, const CbiganLayer *layer, int batch, GError **error);
void cbigan_backend_plan_free(CbiganBackend *self, CbiganPlan *plan); /* plan: may be NULL */
void cbigan_backend_load(CbiganBackend *self, CbiganPlan *plan, const float *parameters);
/* NULL = compose. Free with fused->free(). */
CbiganFused *cbigan_backend_fuse(CbiganBackend *self, const CbiganNetwork *network, int first, int n_layers, int batch,
                                 const int *keep);
/* Scoring. Numbers for the host (sums, peaks) are there after finish(): NaN where something failed. */
void cbigan_backend_difference(CbiganBackend *self, int n, gsize size, const float *a, const float *b,
                               float *difference, double *sums);
CbiganFrames *cbigan_backend_frames_new(CbiganBackend *self, int n, int width, int height, GError **error);
void cbigan_backend_frames_free(CbiganBackend *self, CbiganFrames *frames); /* frames: may be NULL */
/* Whether frames may lie in device memory. */
gboolean cbigan_backend_reads_device(const CbiganBackend *self);
void cbigan_backend_frame(CbiganBackend *self, CbiganFrames *frames, int i, const CbiganFrame *frame);
void cbigan_backend_crop(CbiganBackend *self, CbiganFrames *frames, int n_frames, const CbiganFrameTiling *tiling,
                         int first, int n, const CbiganLightTarget *light, float *x);
void cbigan_backend_map(CbiganBackend *self, const CbiganFrameTiling *tiling, const float *differences,
                        const CbiganMapFilter *filter, const CbiganMapBaseline *good, float *scratch, float *map,
                        float *peak);
gboolean cbigan_backend_critic_init(CbiganBackend *self, CbiganCritic *critic, GError **error);
void cbigan_backend_critic_clear(CbiganBackend *self, CbiganCritic *critic);
void cbigan_backend_distances(CbiganBackend *self, CbiganCritic *critic, float *const *values, int n, float *distances,
                              float *peaks);
void cbigan_backend_capture(CbiganBackend *self, CbiganCapture **capture, double number,
                            void (*operations)(gpointer data), gpointer data);
void cbigan_backend_capture_free(CbiganBackend *self, CbiganCapture *capture); /* capture: may be NULL */
/* Calls conv2d, dense, upsample or avgpool by the layer's kind. */
void cbigan_backend_run(CbiganBackend *self, CbiganPlan *plan, const float *x, float *y);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganBackend, cbigan_backend_close)

G_END_DECLS
