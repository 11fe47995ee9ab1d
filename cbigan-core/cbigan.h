/* cbigan.h - libcbigan: score pictures with a trained model
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
 * Threads: a CbiganModel never changes, and any number of threads may share it. One thread at a time uses a
 * CbiganScorer or a CbiganResult. All other functions may be called from any thread. Errors: no function prints or
 * exits. A GError of CBIGAN_ERROR names the file or option, the value found and the value expected. A GError ** may be
 * NULL. Other pointers may be NULL only where this header says so.
 *
 * Stability: a program runs with every later library of its soname (libcbigan.so.0), without being compiled anew.
 * Functions stay, with the symbol version CBIGAN_0. Structs that begin with `size` get new members at their end, and
 * the library touches no byte beyond `size`. Their …_INIT sets `size` as the program was compiled. 0 stands for the
 * struct of version 0.1. CbiganModelInfo, which the library makes, grows at its end too. No other struct gets members.
 * Enums get values, for which arrays have room (CBIGAN_MAX_…). CBIGAN_CHECK_VERSION tells versions apart.
 *
 * Other languages use the library by GObject introspection: namespace Cbigan, version 0. The last part of this header
 * has what they need.
 */
#pragma once
#include <glib-object.h>
#include <math.h> /* NAN */

G_BEGIN_DECLS
#pragma GCC visibility push(default) /* the library's other functions are hidden */

/* The version of this header, and of the library that runs: "0.1.0", static. */
#define CBIGAN_VERSION_MAJOR 0
#define CBIGAN_VERSION_MINOR 1
#define CBIGAN_VERSION_MICRO 0
#define CBIGAN_CHECK_VERSION(major, minor, micro)                                                                      \
  (CBIGAN_VERSION_MAJOR > (major) || (CBIGAN_VERSION_MAJOR == (major) && CBIGAN_VERSION_MINOR > (minor)) ||            \
   (CBIGAN_VERSION_MAJOR == (major) && CBIGAN_VERSION_MINOR == (minor) && CBIGAN_VERSION_MICRO >= (micro)))
const char *cbigan_version(void);

#define CBIGAN_ERROR (cbigan_error_quark())
GQuark cbigan_error_quark(void); /* the domain of all errors here; their codes are CbiganError */

typedef enum {
  CBIGAN_ERROR_FILE,    /* can't be read or written; the message has the system's reason */
  CBIGAN_ERROR_FORMAT,  /* not a model, or a damaged one */
  CBIGAN_ERROR_BACKEND, /* the backend can't run here, is out of memory, or lost its device */
  CBIGAN_ERROR_FRAME,   /* a frame of a size that this model can't score */
  CBIGAN_ERROR_ARGUMENT /* an option's value: NaN, out of range, or a score for which the model has no statistics */
} CbiganError;

/* The ways to score, rows of one table. */
typedef enum {
  CBIGAN_SCORE_PAPER,      /* Eq. 7: A(x) = (1 - lambda) L_R(x) + lambda L_fD(x), of the patch with the largest A */
  CBIGAN_SCORE_CALIBRATED, /* maximum of |x - G(E(x))| in standard deviations from good pictures */
  CBIGAN_SCORE_CRITIC,     /* maximum Mahalanobis distance of D's feature map from good pictures */
  CBIGAN_SCORE_INSPECTOR,  /* summary of the map of a network that was trained on synthetic defects */
  CBIGAN_N_SCORES,
  CBIGAN_SCORE_MODEL = -1 /* the score that the model file prefers */
} CbiganScoreKind;
#define CBIGAN_MAX_SCORES 8 /* of later versions of this soname */

/* Number format of the factors in the networks' products. Sums are always single precision. */
typedef enum {
  CBIGAN_PRECISION_AUTO, /* bf16 if the model has a bf16_error and bf16 is faster on this processor, else fp32 */
  CBIGAN_PRECISION_FP32,
  CBIGAN_PRECISION_BF16, /* 8 bits of mantissa. Faster or slower than fp32, depending on the processor. Scores differ by
                          * about a hundredth, and by more where good pictures hardly differ from each other. */
  CBIGAN_PRECISION_FP16, /* 11 bits of mantissa, values up to 65504. Only backends for GPUs have it. */
  CBIGAN_N_PRECISIONS
} CbiganPrecision;

/* "auto", "fp32", "bf16" or "fp16": static; precision must be one of the enum. */
const char *cbigan_precision_name(CbiganPrecision precision);
/* "paper", "calibrated", "critic" or "inspector": static; kind must be one of the first CBIGAN_N_SCORES. */
const char *cbigan_score_name(CbiganScoreKind kind);
/* FALSE for an unknown name; *kind is then unchanged. */
gboolean cbigan_score_from_name(const char *name, CbiganScoreKind *kind);

/* How an inspector's map of a picture becomes one number. */
typedef enum {
  CBIGAN_SUMMARY_PEAK, /* largest value of the map, blurred by one of its cells */
  CBIGAN_SUMMARY_TOP,  /* mean of the largest hundredth of the map */
  CBIGAN_SUMMARY_FEW,  /* mean of the largest three thousandths of the map */
  CBIGAN_N_SUMMARIES
} CbiganSummary;

typedef enum {
  CBIGAN_TAP_FIRST, /* f_D: D's first 3x3 convolution before its activation */
  CBIGAN_TAP_HIDDEN /* f_D: D's last hidden layer */
} CbiganFeatureTap;

/* Pixels that count. Functions that take a mask copy it. */
typedef struct {
  const guint8 *counts; /* (height, width), rows without gaps: 0 = the pixel is ignored; NULL = there is no mask */
  int width, height;
} CbiganMask;
/* --- whether a picture can be judged ----------------------------------------------------------------------------- */

/* What can be measured of a picture, whatever it shows; score/health/picture_measures.c has the equations. */
typedef enum {
  CBIGAN_MEASURE_BRIGHTNESS, /* mean, in grey levels 0..255 */
  CBIGAN_MEASURE_CONTRAST,   /* standard deviation, grey levels */
  CBIGAN_MEASURE_SHARPNESS,  /* variance of the Laplacian, grey levels squared */
  CBIGAN_MEASURE_NOISE,      /* its standard deviation, grey levels */
  CBIGAN_MEASURE_UNEVENNESS, /* largest change of a quarter's share of the light against good pictures, logarithm */
  CBIGAN_MEASURE_LIKENESS,   /* correlation with the mean good picture, both at thumbnail size, -1..1 */
  CBIGAN_N_MEASURES
} CbiganMeasure;

#define CBIGAN_MAX_MEASURES 16 /* of later versions of this soname */
#define CBIGAN_THUMBNAIL_SIDE 16
#define CBIGAN_SAMPLES_SIDE 32
#define CBIGAN_DARK 32    /* grey levels */
#define CBIGAN_BRIGHT 250 /* likewise */

typedef struct {
  double values[CBIGAN_MAX_MEASURES]; /* the last two: NAN before cbigan_health_check() */
  double dark, bright;                /* shares of pixels below CBIGAN_DARK, and from CBIGAN_BRIGHT on, 0..1 */
  float thumbnail[CBIGAN_THUMBNAIL_SIDE * CBIGAN_THUMBNAIL_SIDE]; /* mean grey levels of the picture's parts */
  guint16 samples[CBIGAN_SAMPLES_SIDE * CBIGAN_SAMPLES_SIDE];     /* pixels on a grid, in quarters of a grey level */
} CbiganPictureMeasures;

/* How good pictures measure. */
typedef struct {
  guint n; /* pictures; 0 = unknown */
  double least[CBIGAN_MAX_MEASURES],
      most[CBIGAN_MAX_MEASURES]; /* the last two: against the mean of the other pictures */
  float thumbnail[CBIGAN_THUMBNAIL_SIDE * CBIGAN_THUMBNAIL_SIDE]; /* mean of theirs */
} CbiganUsualPictures;

/* Content of a model file besides its weights. The model owns it. A model is a CBiGAN or an inspector. An inspector has
 * the score CBIGAN_SCORE_INSPECTOR only; its latent, patch, tap, lambda and the fields of other scores have no meaning.
 */
typedef struct {
  int width;                     /* c, 1..64 */
  int latent;                    /* 64 */
  int patch;                     /* pixels: 64 or 128 */
  int frame_width, frame_height; /* the size in pixels that frames must have; 0 x 0: any size ("native") */
  CbiganFeatureTap tap;
  double lambda;                      /* Eq. 7, 0..1 */
  CbiganScoreKind score;              /* compared with the threshold */
  gboolean scores[CBIGAN_MAX_SCORES]; /* TRUE: the model has the statistics that this score needs */
  guint critic_blocks;                /* bit i: D's block i */
  int critic_grid;                    /* the feature map has critic_grid x critic_grid positions per patch */
  double light_low, light_median;     /* 10 % and 50 % quantile of the training pictures' bytes, -1..1, light_low <
                                       * light_median. Gain and offset bring each frame's quantiles to these. Both NAN: no
                                       * light compensation. */
  double threshold;                   /* in units of the score; NAN: none */
  double bf16_error;         /* largest difference of `score` between bf16 and fp32 in the calibration, as a fraction of
                              * the larger of score and threshold; NAN: not tried, or a verdict changed */
  const double *good_scores; /* (n_good_scores) scores of held-out good pictures */
  guint n_good_scores;
  int upright_width, upright_height; /* of an inspector that turns parts upright before it sees them; 0 = it does not */
  double upright_box[4];             /* left, right, top, bottom of the upright part about its centre, frame pixels */
  CbiganSummary summary;             /* of an inspector */
  gboolean shared_overlap;           /* of an inspector, see cbigan.overlap in docs/model-format.md */
  double proxy;         /* of an inspector: area under the ROC curve on synthetic defects in held-out good pictures,
                         * 0..1; NAN: unknown */
  CbiganMask mask;      /* pixels that the training ignored, and that are ignored in all scoring */
  const char *training; /* JSON object: origin of the model; NULL: unknown */
  const char *maps;     /* of an inspector: the maps that its score is made of (docs/model-format.md) */
  const char *proxies;  /* of an inspector, JSON object: `proxy` of each way to score that was tried; NULL: unknown */
  CbiganUsualPictures usual; /* how good pictures measure; usual.n = 0: unknown */
} CbiganModelInfo;

typedef struct _CbiganModel CbiganModel;

/* Reads and checks the whole file (docs/model-format.md). Free the model with cbigan_model_unref().
 * NULL with CBIGAN_ERROR_FILE or _FORMAT. */
CbiganModel *cbigan_model_load(const char *path, GError **error);
/* As above. While a model of a file with the same bytes is in use that this function returned, it returns that one. Any
 * thread. */
CbiganModel *cbigan_model_load_shared(const char *path, GError **error);
CbiganModel *cbigan_model_ref(CbiganModel *model); /* adds a reference and returns the model; any thread */
void cbigan_model_unref(CbiganModel *model);       /* the last reference frees the model; may be NULL; any thread */
/* Valid as long as the model; not to be freed. */
const CbiganModelInfo *cbigan_model_info(const CbiganModel *model);

/* Writes the model's file: a temporary file in the same folder, synced and renamed. FALSE with CBIGAN_ERROR_FILE; the
 * old file is then unchanged. */
gboolean cbigan_model_save(const CbiganModel *model, const char *path, GError **error);

/* Names of the backends of this build, best first, NULL-terminated; static. */
const char *const *cbigan_backend_names(void);
/* NULL if the backend of that name can run here, else the reason in words; free it with g_free(). */
char *cbigan_backend_unavailable(const char *name);

/* The results that get an anomaly map and regions. A GPU's maps stay in its memory unless they are asked for. */
typedef enum {
  CBIGAN_MAPS_ALL,
  CBIGAN_MAPS_ANOMALOUS, /* results above the threshold */
  CBIGAN_MAPS_NONE,
  CBIGAN_N_MAPS
} CbiganMaps;

typedef struct {
  gsize size;            /* of the struct; CBIGAN_SCORER_OPTIONS_INIT sets it */
  const char *backend;   /* "auto", "reference", "cpu", "cuda"; NULL = "auto" */
  int device;            /* 0 = first */
  int threads;           /* largest number of threads; 0 = the processors of one NUMA node that this process may use, or
                          * one thread for small frames. Scorers in several threads of one program divide the processors.
                          * No score depends on the number of threads. */
  CbiganScoreKind score; /* decides score, verdict and map */
  guint also;            /* bit i: fill scores[i] of the result too */
  double lambda;         /* Eq. 7, 0..1; NAN = the model's */
  double threshold;      /* 0 or more; NAN = the model's, which belongs to the model's score only */
  int batch;             /* largest number of patches that the networks take together; 0 = chosen for the backend */
  CbiganPrecision precision;
  CbiganMaps maps;
  gpointer cuda_context; /* for "cuda": the CUcontext to run in, whose device replaces `device`; it must live as long as
                          * the scorer. NULL = the device's primary context. As with cudaSetDevice(), the context
                          * becomes and stays the current one of the calling thread. */
  gboolean shared;       /* TRUE: the shared scorers of one CbiganModel object with the same backend, device, threads,
                          * batch, precision, context and kinds of results have networks, memory and threads together.
                          * Their frames may go through the networks as one batch. The model must not change. */
} CbiganScorerOptions;

#define CBIGAN_SCORER_OPTIONS_INIT                                                                                     \
  {                                                                                                                    \
    sizeof(CbiganScorerOptions), NULL, 0, 0, CBIGAN_SCORE_MODEL, 0, NAN, NAN, 0, CBIGAN_PRECISION_AUTO,                \
        CBIGAN_MAPS_ALL, NULL, FALSE                                                                                   \
  }

/* A frame: rows of 8-bit R, G, B. A call only reads the data and keeps no pointer to them. */
typedef struct {
  const guint8 *data; /* height rows, stride bytes apart */
  int width, height;  /* pixels */
  gsize stride;       /* bytes, >= 3 * width */
  gboolean on_device; /* data is device memory of the scorer's CUDA context; CBIGAN_ERROR_FRAME unless the backend is
                       * "cuda" */
  gpointer ready;     /* on_device: a cudaEvent_t behind the work that writes data; the scorer's stream waits for it.
                       * NULL = data is already written */
} CbiganFrame;

/* The rectangle around a connected part of the map above the threshold */
typedef struct {
  double x, y, w, h; /* fractions of the frame, 0..1 */
  double peak;       /* largest normalized value of the part, 0.5..1 */
  double area;       /* of the part's pixels, as a fraction of the frame, 0..1 */
} CbiganRegion;

#define CBIGAN_MAX_AREAS 16
#define CBIGAN_AREA_NAME 32 /* bytes, with the terminating zero */

/* What may count. Start with CBIGAN_COUNTING_INIT: the whole frame.
 *
 * roi: areas, separated by semicolons: [NAME=]SHAPE[@THRESHOLD]. A shape is a rectangle “x,y,width,height” or a polygon
 * of at least three corners “x,y x,y x,y”. Lengths are fractions of the picture, 0 to 1, or pixels of the picture like
 * “120px”. An area without a threshold has that of the scorer. An area without a name is called by its number, from 1.
 * Each area has a score of its own, and the frame's score and threshold are those of the worst area. Pixels outside of
 * all areas have no part in scores and regions. They stay visible, so they have a part in the frame's light, and in
 * what a network sees within a few pixels of the border. `paper` has one number per patch, so it leaves out whole
 * patches only.
 *
 * mask: of any size; it is laid over the whole frame. No score depends on ignored pixels: they are replaced by their
 * mirror image in the counting pixels before anything is computed, and are left out of scores and regions. A mask that
 * is larger than the frame also ignores pixels that its ignored pixels reach in the resized picture; a mask of the
 * frame's size or less applies pixel by pixel. It is added to the model's mask. A model that was trained without this
 * mask may take the seam for a defect: train with it where that matters. */
typedef struct {
  gsize size;                        /* of the struct; CBIGAN_COUNTING_INIT sets it */
  const char *roi;                   /* NULL or empty: the whole frame is one area */
  int picture_width, picture_height; /* pixels, of the picture before it was resized; 0 x 0 = not known */
  CbiganMask mask;
} CbiganCounting;

#define CBIGAN_COUNTING_INIT                                                                                           \
  {                                                                                                                    \
    sizeof(CbiganCounting), NULL, 0, 0, { NULL, 0, 0 }                                                                 \
  }

/* The result of one area of `roi`. */
typedef struct {
  char name[CBIGAN_AREA_NAME];
  double score, threshold, normalized; /* as in CbiganResult */
  gboolean anomalous;
} CbiganAreaResult;

#define CBIGAN_MAX_REGIONS 16 /* of more regions, those with the highest peaks count */

typedef struct {
  gsize size;                       /* of the struct; CBIGAN_RESULT_INIT sets it. The same in all results of one call */
  double score;                     /* >= 0 */
  double threshold;                 /* NAN: none; normalized is then NAN and anomalous FALSE */
  double normalized;                /* score / (score + threshold): 0..1, 0.5 = at the threshold */
  gboolean anomalous;               /* score > threshold, and with a smallest area: a region is left */
  double pixel_term;                /* Eq. 11, L_R of the patch that decides `paper`; NAN if `paper` is not computed */
  double feature_term;              /* Eq. 9, L_fD of the same patch; NAN if `paper` is not computed */
  double scores[CBIGAN_MAX_SCORES]; /* `score` and the scores in `also`; NAN for the others */
  CbiganRegion regions[CBIGAN_MAX_REGIONS];
  guint n_regions; /* 0 without a threshold, or without a map */
  /* Anomaly map (map_height, map_width) of the frame's pixels, in the score's units: map / (map + threshold) is its
   * normalized value. In an area with another threshold, the map is scaled so that this stays true. The result owns it;
   * the next call with this result reuses it. */
  float *map;
  int map_width, map_height; /* 0 x 0: this result has no map */
  gsize map_allocated;       /* private: floats allocated for map */
  guint n_areas;             /* 0 without `roi` */
  CbiganAreaResult areas[CBIGAN_MAX_AREAS];
} CbiganResult;

#ifdef __cplusplus
static inline CbiganResult
cbigan_result_init(void)
{
  CbiganResult result = {};
  result.size = sizeof result;
  return result;
}
#define CBIGAN_RESULT_INIT cbigan_result_init()
#else
#define CBIGAN_RESULT_INIT                                                                                             \
  {                                                                                                                    \
    .size = sizeof(CbiganResult)                                                                                       \
  }
#endif
/* Frees the map and sets the result to CBIGAN_RESULT_INIT, but for its size. */
void cbigan_result_clear(CbiganResult *result);

typedef struct _CbiganScorer CbiganScorer;

/* options: NULL = CBIGAN_SCORER_OPTIONS_INIT; not needed after the call. The scorer keeps a reference to the model.
 * Free it with cbigan_scorer_free(). Opening takes up to a second; on a GPU in bf16 or fp16 up to half a minute, as
 * cuDNN compiles kernels. NULL with CBIGAN_ERROR_BACKEND or _ARGUMENT. */
CbiganScorer *cbigan_scorer_new(CbiganModel *model, const CbiganScorerOptions *options, GError **error);
/* Adds a reference and returns the scorer. Any thread. */
CbiganScorer *cbigan_scorer_ref(CbiganScorer *scorer);
/* Drops a reference; without others the scorer is freed. scorer: may be NULL. Any thread. */
void cbigan_scorer_free(CbiganScorer *scorer);
/* Scores n frames. results[i] belongs to frames[i]; before the call it is CBIGAN_RESULT_INIT or the result of an
 * earlier call. Free its map with cbigan_result_clear(). FALSE with CBIGAN_ERROR_FRAME or _BACKEND: no result is valid.
 */
gboolean cbigan_scorer_score(CbiganScorer *scorer, const CbiganFrame *frames, guint n, CbiganResult *results,
                             GError **error);
/* What may count in the calls that follow; NULL = CBIGAN_COUNTING_INIT. The model's mask holds in any case. counting is
 * copied. FALSE with CBIGAN_ERROR_ARGUMENT and no change: a bad `roi`, an area outside of the picture, or nothing that
 * counts in the model's frame. Where frames have any size, as with cutouts, that is tried on the size of the picture,
 * and in a frame of another size it is an error of cbigan_scorer_score(). With a mask, frames must lie in host memory.
 */
gboolean cbigan_scorer_set_counting(CbiganScorer *scorer, const CbiganCounting *counting, GError **error);
/* Gives the frame to score, as the first step. It may change the scorer's threshold and lambda. FALSE: there is no
 * frame, or with *error it can't be had. */
typedef gboolean (*CbiganPrepareFunc)(gpointer data, CbiganFrame *frame, GError **error);
/* The last step. The scorer is free for other calls, and may be freed. scored: the result is valid; FALSE with an
 * error, or without one where prepare() gave no frame. error: of the caller of done(). */
typedef void (*CbiganDoneFunc)(gpointer data, gboolean scored, const GError *error);
/* Scores a frame later, in a thread of the library's, of which there is at most one per processor. Where the system
 * starts no thread, the calling thread scores the frame before this returns. The scorer must be shared, and in use by
 * nobody until done() was called. result: as for cbigan_scorer_score(). prepare() and done() are called in the same
 * thread, one after the other. */
void cbigan_scorer_post(CbiganScorer *scorer, CbiganResult *result, CbiganPrepareFunc prepare, CbiganDoneFunc done,
                        gpointer data);
/* How long a frame waits for frames of other scorers that would fill its batch, in us, at least 0. Frames that come
 * while all seats of the networks are busy go together in any case. Before the first call: 0. */
void cbigan_scorer_set_batch_timeout(CbiganScorer *scorer, gint64 timeout);
/* For the calls that follow. NAN as in CbiganScorerOptions. FALSE with CBIGAN_ERROR_ARGUMENT and no change: the
 * threshold is negative or infinite, or lambda lies outside 0..1. */
gboolean cbigan_scorer_set_threshold(CbiganScorer *scorer, double threshold, GError **error);
gboolean cbigan_scorer_set_lambda(CbiganScorer *scorer, double lambda, GError **error);
/* For the calls that follow: frames may be larger than the model's, where the objects or the texture in them have the
 * size that they have in the model's frame. Overlapping cutouts of the model's size cover such a frame. Each is scored
 * as a frame of its own, so a defect between two of them is whole in a third. The worst cutout's score, threshold and
 * verdict are the frame's; areas, mask, map and regions are those of the whole frame. overlap: part of a cutout's side
 * that it shares with its neighbour at least, 0..0.9; NAN = frames have the model's size, as at first. With
 * CBIGAN_MAPS_ANOMALOUS, cutouts that are good stay 0 in the map. FALSE with CBIGAN_ERROR_ARGUMENT and no change: the
 * overlap is out of range, the model takes frames of any size, or it has a mask, which fits its own frame only. */
gboolean cbigan_scorer_set_cutouts(CbiganScorer *scorer, double overlap, GError **error);
/* For the calls that follow: regions that cover a smaller fraction of the frame do not count, and a result whose map
 * has no other region is not anomalous; an area likewise. With `paper` and CBIGAN_MAPS_NONE, which have no map, all
 * count. 0 = all count, as at first. FALSE with CBIGAN_ERROR_ARGUMENT and no change: not 0..1. */
gboolean cbigan_scorer_set_min_area(CbiganScorer *scorer, double min_area, GError **error);
/* The number of scorers that have their networks together, with this one; 1 = it has them alone. Any thread. */
guint cbigan_scorer_sharers(CbiganScorer *scorer);
/* Name of the backend that runs, such as "cpu", never "auto"; valid as long as the program. */
const char *cbigan_scorer_backend(const CbiganScorer *scorer);
/* The precision that is used, never CBIGAN_PRECISION_AUTO. */
CbiganPrecision cbigan_scorer_precision(const CbiganScorer *scorer);

/* What is wrong with a picture, or with a stream of pictures. */
typedef enum {
  CBIGAN_HEALTH_BLACK,       /* hardly a pixel is brighter than CBIGAN_DARK */
  CBIGAN_HEALTH_OVEREXPOSED, /* hardly a pixel is darker than CBIGAN_BRIGHT */
  CBIGAN_HEALTH_FLAT,        /* no contrast */
  /* These need the statistics of good pictures: */
  CBIGAN_HEALTH_LIGHT,       /* brightness, or its share between quarters, beyond good pictures' */
  CBIGAN_HEALTH_BLURRED,     /* less sharp than good pictures */
  CBIGAN_HEALTH_NOISY,       /* noisier than good pictures */
  CBIGAN_HEALTH_FEATURELESS, /* a score below good pictures': too good is not good */
  CBIGAN_HEALTH_MOVED,       /* light and dark parts lie elsewhere than in good pictures */
  /* These are of a stream; the element finds them: */
  CBIGAN_HEALTH_DRIFT,     /* the scores leave the range of good pictures' */
  CBIGAN_HEALTH_FROZEN,    /* the picture does not change */
  CBIGAN_HEALTH_NO_FRAMES, /* no picture comes */
  CBIGAN_N_HEALTH
} CbiganHealthKind;
#define CBIGAN_MAX_HEALTH 32 /* of later versions of this soname, one bit each */

typedef struct {
  guint faults;                      /* bit i: CbiganHealthKind i */
  double figures[CBIGAN_MAX_HEALTH]; /* what was measured for each kind; NAN: nothing */
  double limits[CBIGAN_MAX_HEALTH];  /* that the figure is beyond, or would have to be; NAN: none */
} CbiganHealth;

/* "black", "overexposed", "flat", "light", "blurred", "noisy", "featureless", "moved", "drift", "frozen", "no-frames":
 * static; kind must be one of the first CBIGAN_N_HEALTH. */
const char *cbigan_health_name(CbiganHealthKind kind);
/* Measures a frame, without the pixels that info's mask ignores; info: NULL = all count. FALSE: the frame is in a
 * device's memory or has fewer than 3 x 3 pixels, and nothing is measured.
 */
gboolean cbigan_picture_measure(const CbiganModelInfo *info, const CbiganFrame *frame, CbiganPictureMeasures *measures);
/* Compares a picture with the model's good ones and sets the last two measures. score: the picture's, of the model's
 * own kind of score; NAN = unknown. A picture without anything to see has no further faults. */
void cbigan_health_check(const CbiganModelInfo *info, CbiganPictureMeasures *measures, double score,
                         CbiganHealth *health);
/* Forgets where in good pictures light and dark parts lie: for pictures of other places, as with cutouts. */
void cbigan_usual_forget_places(CbiganUsualPictures *usual);
/* Whether no verdict should be made of such a picture. MOVED alone is no reason, nor are the faults of streams. */
gboolean cbigan_health_is_unusable(guint faults);
/* The range in which good pictures' scores may be expected. FALSE: the model has too few of them. */
gboolean cbigan_usual_scores(const CbiganModelInfo *info, double *least, double *most);

/* A copy of the model with the threshold of these good frames, and of a CBiGAN also their statistics: after a change of
 * lamp, camera or material. frames: at least 4, in host memory, of the model's size; false_alarms: share of good
 * pictures that may exceed the threshold, 0..0.5; options: NULL = CBIGAN_SCORER_OPTIONS_INIT; backend, device and
 * threads count. Takes the time of scoring the frames about twice, on one thread of the caller's. Free the model with
 * cbigan_model_unref(). NULL with CBIGAN_ERROR_ARGUMENT, _FRAME or _BACKEND. */
CbiganModel *cbigan_model_recalibrate(const CbiganModel *model, const CbiganFrame *frames, guint n, double false_alarms,
                                      const CbiganScorerOptions *options, GError **error);

/* map: (height, width) in the score's units. gray: (height, width) normalized values as 0..65535, the caller's memory;
 * the threshold becomes 32768. */
void cbigan_map_to_gray16(const float *map, int width, int height, double threshold, guint16 *gray);
/* The same as a coloured picture, transparent where normal. bgra: (height, width, 4) bytes B, G, R, A, not
 * premultiplied, the caller's memory. */
void cbigan_map_to_bgra(const float *map, int width, int height, double threshold, guint8 *bgra);

/* --- for other languages: what lives on the heap, and plain arguments --------------------------------------------- */

#define CBIGAN_TYPE_MODEL (cbigan_model_get_type())
#define CBIGAN_TYPE_SCORER (cbigan_scorer_get_type())
#define CBIGAN_TYPE_SCORER_OPTIONS (cbigan_scorer_options_get_type())
#define CBIGAN_TYPE_RESULT (cbigan_result_get_type())
GType cbigan_model_get_type(void);
GType cbigan_scorer_get_type(void);
GType cbigan_scorer_options_get_type(void);
GType cbigan_result_get_type(void);

/* The size in pixels that frames must have; 0 x 0: any size. */
void cbigan_model_get_frame_size(const CbiganModel *model, int *width, int *height);
/* In units of the model's score; NAN: none. */
double cbigan_model_get_threshold(const CbiganModel *model);
CbiganScoreKind cbigan_model_get_score(const CbiganModel *model);

/* CBIGAN_SCORER_OPTIONS_INIT on the heap; free it with cbigan_scorer_options_free(). */
CbiganScorerOptions *cbigan_scorer_options_new(void);
CbiganScorerOptions *cbigan_scorer_options_copy(const CbiganScorerOptions *options);
void cbigan_scorer_options_free(CbiganScorerOptions *options); /* options: may be NULL */
/* Keeps a copy of the name as long as the program runs. backend: NULL = "auto" */
void cbigan_scorer_options_set_backend(CbiganScorerOptions *options, const char *backend);

/* CBIGAN_RESULT_INIT on the heap; free it with cbigan_result_free(). */
CbiganResult *cbigan_result_new(void);
CbiganResult *cbigan_result_copy(const CbiganResult *result); /* with a map of its own */
void cbigan_result_free(CbiganResult *result);                /* result: may be NULL */
/* A copy of the map: (map_height, map_width) floats. NULL: this result has no map. Free it with g_bytes_unref(). */
GBytes *cbigan_result_get_map(const CbiganResult *result);
/* Copies one of the n_regions. FALSE: there is no such region. */
gboolean cbigan_result_get_region(const CbiganResult *result, guint i, CbiganRegion *region);
/* The name of one of the n_areas and its result; free the name with g_free(). NULL: there is no such area. */
char *cbigan_result_get_area(const CbiganResult *result, guint i, double *score, double *threshold,
                             gboolean *anomalous);

/* As cbigan_scorer_score() with one frame. pixels: (height, width, 3) bytes R, G, B, rows `stride` bytes apart;
 * n: bytes, at least those from the first pixel to the last. Free the result with cbigan_result_free(). NULL with
 * CBIGAN_ERROR_FRAME or _BACKEND. */
CbiganResult *cbigan_scorer_score_pixels(CbiganScorer *scorer, const guint8 *pixels, gsize n, int width, int height,
                                         gsize stride, GError **error);
/* cbigan_scorer_set_counting() with areas alone. roi: NULL = the whole frame */
gboolean cbigan_scorer_set_roi(CbiganScorer *scorer, const char *roi, int picture_width, int picture_height,
                               GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganModel, cbigan_model_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganScorer, cbigan_scorer_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganScorerOptions, cbigan_scorer_options_free)

#pragma GCC visibility pop
G_END_DECLS
