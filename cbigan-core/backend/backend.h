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

/* What the critic's map is made of: square values of a network, each resampled to one grid, channels one after another.
 */
#define CBIGAN_MAX_FEATURES 6
typedef struct {
  int n, grid;
  int values[CBIGAN_MAX_FEATURES];
  CbiganResampler resamplers[CBIGAN_MAX_FEATURES];
} CbiganFeatures;

/* Distances of the critic's map from good pictures as one operation at one batch size; subclasses embed it first. */
typedef struct _CbiganDistances CbiganDistances;
struct _CbiganDistances {
  /* values: as CbiganForward's; of the first n samples -> distances (n, grid, grid), backend memory. One that a number
   * that isn't finite goes into isn't either. To the bit, they depend neither on the other samples nor on the place. */
  void (*run)(CbiganDistances *self, float *const *values, int n, float *distances);
  void (*free)(CbiganDistances *self);
};

/* 8-bit frame: rows of RGB, 3 bytes a pixel */
typedef struct {
  const guint8 *data; /* (height rows of stride bytes) */
  int width, height;
  gsize stride;
  gboolean on_device; /* these two as CbiganFrame's; only for intake */
  gpointer ready;
} CbiganPixels;

typedef struct {
  int x, y; /* upper left corner of a patch in its frame */
} CbiganPoint;

/* A frame as its patches cover it: rows * columns of them, one row after another */
typedef struct {
  int width, height, side;
  int columns, rows;
  const float *across,
      *down; /* backend memory (columns), (rows): left and upper side of their patches, whole numbers */
} CbiganMosaic;

/* Frames of one size in a backend's memory, on their way to patches; subclasses embed it first. */
typedef struct _CbiganIntake CbiganIntake;
struct _CbiganIntake {
  /* Not to be recorded. Frame number `frame`; host memory is the caller's again when this returns, device memory after
   * finish(). */
  void (*take)(CbiganIntake *self, int frame, const CbiganPixels *pixels);
  /* Of the first n frames: gain and shift, to the bits of cbigan_light_compensation(). */
  void (*light)(CbiganIntake *self, int n, double low, double median);
  /* Patches first .. first + n - 1 of a frame -> x (n, 3, side, side) = gain * (pixel / 127.5 - 1) + shift.
   * lit: those that light() found, else 1 and 0 */
  void (*crop)(CbiganIntake *self, int frame, const CbiganMosaic *mosaic, int first, int n, gboolean lit, float *x);
  void (*free)(CbiganIntake *self); /* waits */
};

/* Operations that a backend has noted down, to do them again without being called for each. */
typedef struct _CbiganRecording CbiganRecording;

#define CBIGAN_MAX_BLUR 15
#define CBIGAN_MAP_PLANES 7 /* of scratch */
typedef struct {
  int high_pass;                         /* radius of the window whose mean each channel is taken less; 0: as it is */
  int blur;                              /* radius, at least 1 */
  float kernel[2 * CBIGAN_MAX_BLUR + 1]; /* 2 blur + 1 weights, for rows and columns */
} CbiganMapFilter;

/* Some items of a loop, [first, end), done at the same time as others */
typedef void (*CbiganRangeFunc)(gpointer data, int first, int end);

struct _CbiganBackendClass {
  const char *name;        /* "reference", "cpu", "cuda" */
  const char *description; /* one line for `cbigan info --backends` */

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
  /* n patches of side x side pixels of one frame -> x (n, 3, side, side) = gain * (pixel / 127.5 - 1) + shift */
  void (*patches)(CbiganBackend *self, const CbiganPixels *frame, const CbiganPoint *corners, int n, int side,
                  float gain, float shift, float *x);

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

  /* sums[i] = ||a_i - b_i||_1 over `size` floats of each of n samples; sums in host memory.
   * difference: gets a - b, or NULL */
  void (*l1)(CbiganBackend *self, int n, gsize size, const float *a, const float *b, float *difference, double *sums);

  /* Optional, NULL = operations(data) is called. Does what operations(data) asks of this backend: the same every time
   * with the same number, on the same memory; without waiting, allocating or handing it host memory but for numbers to
   * give. It is called when it has to be noted down, else the notes are followed. *recording: NULL before the first
   * time. */
  void (*record)(CbiganBackend *self, CbiganRecording **recording, double number, void (*operations)(gpointer data),
                 gpointer data);
  void (*recording_free)(CbiganBackend *self, CbiganRecording *recording); /* before the memory; waits */

  /* Optional, NULL = never. |W (f - mean)| at each position of the critic's map. NULL: the caller must, from what it
   * downloads (also where there is no memory for the statistics). All but `network` is only used during the call. */
  CbiganDistances *(*distances)(CbiganBackend *self, const CbiganNetwork *network, const CbiganFeatures *features,
                                const CbiganCriticStatistics *good, int batch);

  /* Optional, all of them or none, NULL = by the caller from what it downloads: frames go in and a few numbers come
   * back; what lies between stays in backend memory. But for the first, all may be recorded. */
  /* For so many frames; NULL: no memory. */
  CbiganIntake *(*intake)(CbiganBackend *self, int frames, int width, int height);
  /* difference = a - b, n floats each */
  void (*subtract)(CbiganBackend *self, gsize n, const float *a, const float *b, float *difference);
  /* differences (rows * columns, 3, side, side) -> map (height, width): the patches' mean at each pixel, filtered:
   * |channel - mean of its window (cut at the border)|, summed over channels, blurred, borders repeated. scratch:
   * (CBIGAN_MAP_PLANES, height, width) */
  void (*map)(CbiganBackend *self, const CbiganMosaic *mosaic, const float *differences, const CbiganMapFilter *filter,
              float *scratch, float *map);
  /* In place, n floats: x = max((x - mean) / (deviation + floor), 0). apart: mean, deviation (n), else (1). What is not
   * a number stays so. */
  void (*deviations)(CbiganBackend *self, gsize n, const float *mean, const float *deviation, gboolean apart,
                     float floor, float *x);
  /* *peak = the largest of n floats, host memory; NaN if one isn't finite */
  void (*peak)(CbiganBackend *self, gsize n, const float *x, float *peak);

  /* Optional, NULL = by the caller alone: a loop of the caller's over n items, between the first operation and
   * finish(). Returns when all is done. */
  void (*each)(CbiganBackend *self, int n, CbiganRangeFunc range, gpointer data);
};

struct _CbiganBackend {
  const CbiganBackendClass *klass;
  int threads;
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
void cbigan_backend_close(CbiganBackend *self);
gboolean cbigan_backend_finish(CbiganBackend *self, GError **error);
/* As each(), where the loop is over so many numbers that it is worth it. self: NULL = by the caller alone. */
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
void cbigan_backend_patches(CbiganBackend *self, const CbiganPixels *frame, const CbiganPoint *corners, int n, int side,
                            float gain, float shift, float *x);
void cbigan_backend_l1(CbiganBackend *self, int n, gsize size, const float *a, const float *b, float *difference,
                       double *sums);
CbiganPlan *cbigan_backend_plan(CbiganBackend *self, const CbiganLayer *layer, int batch, GError **error);
CbiganPlan *cbigan_backend_plan_training(CbiganBackend *self, const CbiganLayer *layer, int batch, GError **error);
void cbigan_backend_plan_free(CbiganBackend *self, CbiganPlan *plan); /* plan: may be NULL */
void cbigan_backend_load(CbiganBackend *self, CbiganPlan *plan, const float *parameters);
/* NULL = compose. Free with fused->free(). */
CbiganFused *cbigan_backend_fuse(CbiganBackend *self, const CbiganNetwork *network, int first, int n_layers, int batch,
                                 const int *keep);
/* NULL = by the caller. Free with distances->free(). */
CbiganDistances *cbigan_backend_distances(CbiganBackend *self, const CbiganNetwork *network,
                                          const CbiganFeatures *features, const CbiganCriticStatistics *good,
                                          int batch);
/* As record(), or operations(data); recording_free(). */
void cbigan_backend_record(CbiganBackend *self, CbiganRecording **recording, double number,
                           void (*operations)(gpointer data), gpointer data);
void cbigan_backend_recording_free(CbiganBackend *self, CbiganRecording *recording); /* recording: may be NULL */
/* Whether it has the next ones. */
gboolean cbigan_backend_keeps_frames(const CbiganBackend *self);
/* NULL with CBIGAN_ERROR_BACKEND. Free with intake->free(). */
CbiganIntake *cbigan_backend_intake(CbiganBackend *self, int frames, int width, int height, GError **error);
void cbigan_backend_subtract(CbiganBackend *self, gsize n, const float *a, const float *b, float *difference);
void cbigan_backend_map(CbiganBackend *self, const CbiganMosaic *mosaic, const float *differences,
                        const CbiganMapFilter *filter, float *scratch, float *map);
void cbigan_backend_deviations(CbiganBackend *self, gsize n, const float *mean, const float *deviation, gboolean apart,
                               float floor, float *x);
void cbigan_backend_peak(CbiganBackend *self, gsize n, const float *x, float *peak);
/* Calls conv2d, dense, upsample or avgpool by the layer's kind. */
void cbigan_backend_run(CbiganBackend *self, CbiganPlan *plan, const float *x, float *y);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganBackend, cbigan_backend_close)

G_END_DECLS
