/* cbigan.h - libcbigan: score pictures with a trained CBiGAN
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Method: F. Carrara, G. Amato, L. Brombin, F. Falchi, C. Gennaro, "Combining GANs and AutoEncoders for
 * Efficient Anomaly Detection", ICPR 2020 (arXiv 2011.08102). Equation numbers are the paper's.
 *
 *   g_autoptr(CbiganModel) model = cbigan_model_load ("bottle.safetensors", &error);
 *   g_autoptr(CbiganScorer) scorer = cbigan_scorer_new (model, NULL, &error);
 *   CbiganResult result = CBIGAN_RESULT_INIT;
 *   if (cbigan_scorer_score (scorer, &frame, 1, &result, &error))
 *     g_print ("%f %s\n", result.score, result.anomalous ? "anomalous" : "good");
 *   cbigan_result_clear (&result);
 *
 * Threads: a CbiganModel never changes and may be shared by any number of threads. A CbiganScorer is used by
 * one thread at a time. Nothing here prints or exits; a GError names the file, what was found and expected.
 */
#pragma once
#include <glib.h>
#include <math.h> /* NAN */

G_BEGIN_DECLS
#pragma GCC visibility push(default) /* the library's other functions are hidden */

#define CBIGAN_ERROR (cbigan_error_quark())
GQuark cbigan_error_quark(void);

typedef enum {
  CBIGAN_ERROR_FILE,    /* can't be read or written; the message has the system's reason */
  CBIGAN_ERROR_FORMAT,  /* not a model, or a damaged one */
  CBIGAN_ERROR_BACKEND, /* can't run here, out of memory, device lost */
  CBIGAN_ERROR_FRAME,   /* a frame that this model can't score (size, smaller than a patch) */
  CBIGAN_ERROR_ARGUMENT /* an option's value (NaN, out of range, a score the model has no statistics for) */
} CbiganError;

/* The ways to score, rows of one table. */
typedef enum {
  CBIGAN_SCORE_PAPER,      /* Eq. 7: A(x) = (1 - lambda) L_R(x) + lambda L_fD(x); largest patch */
  CBIGAN_SCORE_CALIBRATED, /* max of |x - G(E(x))| in standard deviations from good pictures */
  CBIGAN_SCORE_CRITIC,     /* max Mahalanobis distance of D's feature map from good pictures */
  CBIGAN_SCORE_INSPECTOR,  /* what a network that was trained on synthetic defects makes of each place */
  CBIGAN_N_SCORES,
  CBIGAN_SCORE_MODEL = -1 /* the one that the model file prefers */
} CbiganScoreKind;

/* What the networks' products are multiplied in; sums are always single precision. */
typedef enum {
  CBIGAN_PRECISION_AUTO, /* bf16 if the model says that verdicts stay (bf16_error) and a measurement in this process
                          * finds it at least a tenth faster, else fp32 */
  CBIGAN_PRECISION_FP32,
  CBIGAN_PRECISION_BF16, /* 8 bits of mantissa. Faster or slower than fp32, depending on the processor. Scores differ by
                          * about a hundredth, and by more where good pictures hardly differ from each other. */
  CBIGAN_PRECISION_FP16, /* 11 bits of mantissa, nothing above 65504: only backends for GPUs have it */
  CBIGAN_N_PRECISIONS
} CbiganPrecision;

const char *cbigan_precision_name(CbiganPrecision precision); /* "auto", "fp32", "bf16", "fp16" */

const char *cbigan_score_name(CbiganScoreKind kind); /* "paper", "calibrated", "critic", "inspector" */
gboolean cbigan_score_from_name(const char *name, CbiganScoreKind *kind);

/* How an inspector's map of a picture becomes one number. */
typedef enum {
  CBIGAN_SUMMARY_PEAK, /* largest value of the map, blurred by one of its cells */
  CBIGAN_SUMMARY_TOP,  /* mean of the largest hundredth of the map */
  CBIGAN_N_SUMMARIES
} CbiganSummary;

typedef enum {
  CBIGAN_TAP_FIRST, /* f_D: D's first 3x3 convolution before its activation */
  CBIGAN_TAP_HIDDEN /* f_D: D's last hidden layer */
} CbiganFeatureTap;

/* What a model file says, besides its weights. Owned by the model. A model is a CBiGAN, or an inspector alone: then
 * scores[CBIGAN_SCORE_INSPECTOR] is its only one, and latent, patch, tap, lambda and what belongs to other scores mean
 * nothing. */
typedef struct {
  int width;                     /* c */
  int latent;                    /* 64 */
  int patch;                     /* pixels: 64 or 128 */
  int frame_width, frame_height; /* frames must have this size in pixels; 0 x 0: any size ("native") */
  CbiganFeatureTap tap;
  double lambda;                    /* Eq. 7, 0..1 */
  CbiganScoreKind score;            /* compared with the threshold */
  gboolean scores[CBIGAN_N_SCORES]; /* which can be computed (statistics are there) */
  guint critic_blocks;              /* bit i: D's block i */
  int critic_grid;                  /* the feature map is critic_grid x critic_grid a patch */
  double light_low, light_median;   /* 10 % and 50 % quantile of the training pictures' bytes, -1..1, light_low <
                                     * light_median: each frame's gain and offset are set so that its own come to lie
                                     * there; both NAN: no light compensation */
  double threshold;                 /* in units of the score; NAN: none */
  double bf16_error;         /* largest difference of `score` between bf16 and fp32, as a part of the larger of it and
                              * the threshold, on the pictures of the calibration and synthetic defects in them, of
                              * which no verdict changed; NAN: not tried, or a verdict did change */
  const double *good_scores; /* (n_good_scores) of held-out good pictures */
  guint n_good_scores;
  int upright_width, upright_height; /* of an inspector that turns parts upright before it sees them; 0 = it does not */
  double upright_box[4];             /* left, right, top, bottom of the upright part about its centre, frame pixels */
  CbiganSummary summary;             /* of an inspector */
  double proxy;         /* of an inspector: area under the ROC curve on synthetic defects in held-out good pictures, by
                         * which its weights and summary were chosen; NAN: unknown */
  const char *training; /* JSON object: where it came from; NULL: unknown */
} CbiganModelInfo;

typedef struct _CbiganModel CbiganModel;

/* Reads and checks the whole file (docs/model-format.md). NULL with CBIGAN_ERROR_FILE or _FORMAT. */
CbiganModel *cbigan_model_load(const char *path, GError **error);
CbiganModel *cbigan_model_ref(CbiganModel *model);
void cbigan_model_unref(CbiganModel *model);
const CbiganModelInfo *cbigan_model_info(const CbiganModel *model);

/* Names of the backends of this build, best first, NULL-terminated (transfer none). */
const char *const *cbigan_backend_names(void);
/* NULL when the backend can run here, else the reason in words (transfer full). */
char *cbigan_backend_unavailable(const char *name);

/* Which results get an anomaly map, and regions. A GPU's maps stay in its memory unless they are wanted. */
typedef enum {
  CBIGAN_MAPS_ALL,
  CBIGAN_MAPS_ANOMALOUS, /* those over the threshold */
  CBIGAN_MAPS_NONE,
  CBIGAN_N_MAPS
} CbiganMaps;

typedef struct {
  const char *backend; /* "auto", "reference", "cpu", "cuda"; NULL = "auto" */
  int device;          /* 0 = first */
  int threads;         /* at most; 0 = the processors of a NUMA node that this process may use, or one where a frame is
                        * less than a millisecond's work. While other threads of the program score too, they divide the
                        * processors; no score depends on that. */
  CbiganScoreKind score; /* decides score, verdict and map */
  guint also;            /* bit i: fill scores[i] of the result too */
  double lambda;         /* Eq. 7; NAN = the model's */
  double threshold;      /* NAN = the model's (only if `score` is the model's score) */
  int batch;             /* patches at a time; 0 = chosen for the backend */
  CbiganPrecision precision;
  CbiganMaps maps;
  gpointer cuda_context; /* for "cuda": a CUcontext to run in, on its device, whatever `device` says; it must live as
                          * long as the scorer. NULL = the device's primary context. Either becomes the calling
                          * thread's current one, as with cudaSetDevice(), and stays it. */
} CbiganScorerOptions;

#define CBIGAN_SCORER_OPTIONS_INIT                                                                                     \
  {                                                                                                                    \
    NULL, 0, 0, CBIGAN_SCORE_MODEL, 0, NAN, NAN, 0, CBIGAN_PRECISION_AUTO, CBIGAN_MAPS_ALL, NULL                       \
  }

/* A frame: rows of 8-bit R, G, B. Only read; not kept after the call. */
typedef struct {
  const guint8 *data; /* height rows, stride bytes apart */
  int width, height;  /* pixels */
  gsize stride;       /* bytes, >= 3 * width */
  gboolean on_device; /* data is device memory of the CUDA context that the scorer runs in; only for a scorer whose
                       * backend is "cuda", for others CBIGAN_ERROR_FRAME */
  gpointer ready;     /* on_device: a cudaEvent_t recorded behind the work that writes data: the scorer lets its stream
                       * wait for it. NULL = data is written. When the call returns, data is no longer read. */
} CbiganFrame;

/* A connected part of the map over the threshold, in fractions (0..1) of the frame. */
typedef struct {
  double x, y, w, h;
  double peak; /* largest normalized value in it, 0.5..1 */
} CbiganRegion;

#define CBIGAN_MAX_REGIONS 16 /* the ones with the highest peaks */

typedef struct {
  double score;                   /* >= 0 */
  double threshold;               /* NAN: none, then normalized is NAN and anomalous FALSE */
  double normalized;              /* score / (score + threshold): 0..1, 0.5 = at the threshold, on every frame */
  gboolean anomalous;             /* score > threshold */
  double pixel_term;              /* Eq. 11, L_R of the patch that decides `paper`; NAN where `paper` is not computed */
  double feature_term;            /* Eq. 9, L_fD of the same patch; NAN likewise */
  double scores[CBIGAN_N_SCORES]; /* those asked for, else NAN */
  CbiganRegion regions[CBIGAN_MAX_REGIONS];
  guint n_regions; /* 0 without a threshold, or without a map */
  /* Anomaly map (map_height, map_width) = the frame, in the score's units, so that map / (map + threshold) is
   * normalized as the score is; owned by the result, reused by the next call with it. */
  float *map;
  int map_width, map_height; /* 0 x 0: this result has no map */
  gsize map_allocated;       /* floats behind map; private */
} CbiganResult;

#define CBIGAN_RESULT_INIT                                                                                             \
  {                                                                                                                    \
    0                                                                                                                  \
  }
void cbigan_result_clear(CbiganResult *result);

typedef struct _CbiganScorer CbiganScorer;

/* options: NULL = CBIGAN_SCORER_OPTIONS_INIT. Keeps a reference to the model. Takes up to a second; on a GPU in bf16 or
 * fp16 maybe half a minute, as cuDNN compiles kernels.
 * NULL with CBIGAN_ERROR_BACKEND or _ARGUMENT. */
CbiganScorer *cbigan_scorer_new(CbiganModel *model, const CbiganScorerOptions *options, GError **error);
void cbigan_scorer_free(CbiganScorer *scorer);
/* Scores n frames; results[i] belongs to frames[i] and starts as CBIGAN_RESULT_INIT or from an earlier call.
 * FALSE with CBIGAN_ERROR_FRAME or _BACKEND; then no result is valid. */
gboolean cbigan_scorer_score(CbiganScorer *scorer, const CbiganFrame *frames, guint n, CbiganResult *results,
                             GError **error);
/* Between calls; NAN = the model's. FALSE with CBIGAN_ERROR_ARGUMENT on a negative or infinite value. */
gboolean cbigan_scorer_set_threshold(CbiganScorer *scorer, double threshold, GError **error);
gboolean cbigan_scorer_set_lambda(CbiganScorer *scorer, double lambda, GError **error);
/* "cpu": the backend that runs, never "auto". */
const char *cbigan_scorer_backend(const CbiganScorer *scorer);
/* What it multiplies in, never CBIGAN_PRECISION_AUTO. */
CbiganPrecision cbigan_scorer_precision(const CbiganScorer *scorer);

/* (h, w) map in the score's units -> normalized as 0..65535 (threshold = 32768). gray: (h, w). */
void cbigan_map_to_gray16(const float *map, int width, int height, double threshold, guint16 *gray);
/* The same as a coloured picture, transparent where normal. bgra: (h, w, 4) bytes B, G, R, A, not premultiplied. */
void cbigan_map_to_bgra(const float *map, int width, int height, double threshold, guint8 *bgra);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganModel, cbigan_model_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganScorer, cbigan_scorer_free)

#pragma GCC visibility pop
G_END_DECLS
