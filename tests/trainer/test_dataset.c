/* test_dataset.c - folders and pipelines as data sets
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every test makes its own folder of pictures with GStreamer's encoders.
 */
#include "data/dataset.h"
#include "harness.h"
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <string.h>

typedef struct {
  char *folder;
  GPtrArray *warnings;
  CbiganDatasetOptions options;
} Fixture;

static void
keep_warning(const char *message, gpointer data)
{
  g_ptr_array_add(((Fixture *)data)->warnings, g_strdup(message));
}

static void
set_up(Fixture *f, gconstpointer unused)
{
  f->folder = g_dir_make_tmp("cbigan-dataset-XXXXXX", NULL);
  g_assert_nonnull(f->folder);
  f->warnings = g_ptr_array_new_with_free_func(g_free);
  f->options = (CbiganDatasetOptions){ .path = f->folder, .width = 8, .height = 8, .warning = keep_warning, .data = f };
}

static void
remove_tree(const char *path)
{
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name(dir))) {
    g_autofree char *child = g_build_filename(path, name, NULL);

    remove_tree(child);
  }
  g_remove(path);
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
  remove_tree(f->folder);
  g_free(f->folder);
  g_ptr_array_unref(f->warnings);
}

static char *
in_folder(Fixture *f, const char *name)
{
  char *path = g_build_filename(f->folder, name, NULL);
  g_autofree char *folder = g_path_get_dirname(path);

  g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
  return path;
}

static void
run_pipeline(const char *description)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GstElement) pipeline = gst_parse_launch(description, &error);
  g_autoptr(GstBus) bus = NULL;
  g_autoptr(GstMessage) message = NULL;

  g_assert_no_error(error);
  bus = gst_element_get_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  g_test_message("%s", description);
  g_assert_cmpint(GST_MESSAGE_TYPE(message), ==, GST_MESSAGE_EOS);
}

/* One colour (ARGB) all over, so that neither size nor format should change what is read. */
static void
make_picture(Fixture *f, const char *name, const char *format, int width, int height, const char *encoder, guint argb)
{
  g_autofree char *path = in_folder(f, name);
  g_autofree char *description =
      g_strdup_printf("videotestsrc num-buffers=1 pattern=solid-color foreground-color=%u ! "
                      "video/x-raw,format=RGB ! videoconvert dither=none ! video/x-raw,format=%s,width=%d,height=%d ! "
                      "%s ! filesink location=%s",
                      argb, format, width, height, encoder, path);

  run_pipeline(description);
}

static void
make_file(Fixture *f, const char *name, const char *contents, gssize length)
{
  g_autofree char *path = in_folder(f, name);

  g_assert_true(g_file_set_contents(path, contents, length, NULL));
}

/* Numbers of `bytes` bytes each, little endian. */
static void
append(GString *contents, int bytes, int n, const guint32 *numbers)
{
  for (int i = 0; i < n; i++)
    for (int byte = 0; byte < bytes; byte++)
      g_string_append_c(contents, (char)(numbers[i] >> 8 * byte));
}

/* The formats that no encoder of the packages in packages.txt writes: 8 x 8 pixels of one gray. */
static void
make_plain_pictures(Fixture *f, guint8 gray)
{
  enum { PIXELS = 8 * 8, BYTES = 3 * PIXELS };
  g_autofree char *pixels = g_strnfill(BYTES, (char)gray);
  g_autoptr(GString) ppm = g_string_new("P6\n8 8\n255\n");
  g_autoptr(GString) pgm = g_string_new("P5\n8 8\n65535\n");
  g_autoptr(GString) bmp = g_string_new("BM");
  g_autoptr(GString) tiff = g_string_new("II*");
  g_string_append_len(ppm, pixels, BYTES);
  g_string_append_len(pgm, pixels, 2 * PIXELS); /* 257 * gray */
  append(bmp, 4, 6, (const guint32[]){ 54 + BYTES, 0, 54, 40, 8, 8 });
  append(bmp, 4, 7, (const guint32[]){ 1 | 24 << 16, 0, BYTES, 2835, 2835, 0, 0 }); /* 1 plane, 24 bits a pixel */
  g_string_append_len(bmp, pixels, BYTES);
  /* Pixels at 8, behind them the directory: a count, then tag, type (3 = 16 bits, 4 = 32), number, value. */
  static const guint32 entries[][4] = {
    { 256, 3, 1, 8 }, { 257, 3, 1, 8 }, { 258, 3, 1, 8 }, { 259, 3, 1, 1 },     { 262, 3, 1, 1 },
    { 273, 4, 1, 8 }, { 277, 3, 1, 1 }, { 278, 3, 1, 8 }, { 279, 4, 1, PIXELS }
  }; /* one strip of gray, not compressed */
  append(tiff, 1, 5, (const guint32[]){ 0, 8 + PIXELS, 0, 0, 0 });
  g_string_append_len(tiff, pixels, PIXELS);
  append(tiff, 2, 1, (const guint32[]){ G_N_ELEMENTS(entries) });
  for (guint i = 0; i < G_N_ELEMENTS(entries); i++) {
    append(tiff, 2, 2, entries[i]);
    append(tiff, 4, 2, entries[i] + 2);
  }
  append(tiff, 4, 1, (const guint32[]){ 0 });
  make_file(f, "6.ppm", ppm->str, (gssize)ppm->len);
  make_file(f, "7.pgm", pgm->str, (gssize)pgm->len);
  make_file(f, "8.bmp", bmp->str, (gssize)bmp->len);
  make_file(f, "9.tif", tiff->str, (gssize)tiff->len);
}

static CbiganDataset *
load(Fixture *f)
{
  g_autoptr(GError) error = NULL;
  CbiganDataset *dataset = cbigan_dataset_load(&f->options, &error);

  g_assert_no_error(error);
  return dataset;
}

static void
assert_failure(Fixture *f, CbiganError code, const char *word, const char *other_word)
{
  g_autoptr(GError) error = NULL;
  CbiganDataset *dataset = cbigan_dataset_load(&f->options, &error);

  g_assert_null(dataset);
  expect_error(error, code, word);
  g_assert_nonnull(strstr(error->message, other_word));
}

static void
assert_colour(const CbiganPicture *picture, int r, int g, int b, int tolerance)
{
  const int expected[3] = { r, g, b };

  for (int i = 0; i < picture->width * picture->height * 3; i++) {
    int difference = ABS(picture->pixels[i] - expected[i % 3]);

    if (difference > tolerance)
      g_test_message("%s: byte %d is %d, expected %d, tolerance %d", picture->path, i, picture->pixels[i],
                     expected[i % 3], tolerance);
    g_assert_cmpint(difference, <=, tolerance);
  }
}

static void
test_order_and_labels(Fixture *f, gconstpointer unused)
{
  static const struct {
    const char *name, *label;
  } expected[] = { { "good/a.png", "good" }, { "good/b.png", "good" }, { "hole/a.png", "hole" }, { "top.png", "" } };
  g_autoptr(CbiganDataset) dataset = NULL;

  make_picture(f, "hole/a.png", "RGB", 9, 9, "pngenc", 0xff102030);
  make_picture(f, "good/b.png", "RGB", 9, 9, "pngenc", 0xff102030);
  make_picture(f, "good/a.png", "RGB", 9, 9, "pngenc", 0xff102030);
  make_picture(f, "top.png", "RGB", 9, 9, "pngenc", 0xff102030);
  make_picture(f, "ground_truth/hole/a_mask.png", "GRAY8", 9, 9, "pngenc", 0xffffffff);
  make_picture(f, ".hidden.png", "RGB", 9, 9, "pngenc", 0xff102030);
  dataset = load(f);
  g_assert_cmpuint(dataset->pictures->len, ==, G_N_ELEMENTS(expected));
  for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
    g_assert_true(g_str_has_suffix(cbigan_dataset_get(dataset, i)->path, expected[i].name));
    g_assert_cmpstr(cbigan_dataset_get(dataset, i)->label, ==, expected[i].label);
  }
}

static void
test_formats_and_sizes(Fixture *f, gconstpointer unused)
{
  g_autoptr(CbiganDataset) dataset = NULL;

  make_picture(f, "1.png", "RGB", 8, 8, "pngenc", 0xff505050);
  make_picture(f, "2.png", "GRAY8", 31, 17, "pngenc", 0xff505050);
  make_picture(f, "3.png", "GRAY16_BE", 25, 40, "pngenc", 0xff505050);
  make_picture(f, "4.png", "RGBA", 100, 3, "pngenc", 0xff505050);
  make_picture(f, "5.jpg", "I420,colorimetry=1:4:0:0", 64, 64, "jpegenc quality=100", 0xff505050);
  make_picture(f, "without-extension", "RGB", 12, 12, "pngenc", 0xff505050);
  make_plain_pictures(f, 0x50);
  dataset = load(f);
  for (guint i = 0; i < f->warnings->len; i++)
    g_test_message("%s", (const char *)g_ptr_array_index(f->warnings, i));
  g_assert_cmpuint(dataset->pictures->len, ==, 10);
  g_assert_cmpuint(f->warnings->len, ==, 0);
  for (guint i = 0; i < dataset->pictures->len; i++) {
    const CbiganPicture *picture = cbigan_dataset_get(dataset, i);

    g_assert_cmpint(picture->width, ==, 8);
    g_assert_cmpint(picture->height, ==, 8);
    assert_colour(picture, 0x50, 0x50, 0x50, 2);
  }
}

static void
test_native_size(Fixture *f, gconstpointer unused)
{
  g_autoptr(CbiganDataset) dataset = NULL;
  const CbiganPicture *picture;

  f->options.width = f->options.height = 0;
  make_picture(f, "1.png", "RGB", 31, 17, "pngenc", 0xff2a50c8);
  make_picture(f, "2.png", "RGB", 7, 9, "pngenc", 0xff2a50c8);
  dataset = load(f);
  picture = cbigan_dataset_get(dataset, 0);
  g_assert_cmpint(picture->width, ==, 31);
  g_assert_cmpint(picture->height, ==, 17);
  assert_colour(picture, 0x2a, 0x50, 0xc8, 0);
  g_assert_cmpint(cbigan_dataset_get(dataset, 1)->width, ==, 7);
}

/* Half the columns black, half white: a picture four times smaller must show their mean, not one of them. */
static void
test_shrinking_averages(Fixture *f, gconstpointer unused)
{
  g_autoptr(CbiganDataset) dataset = NULL;
  g_autoptr(GString) contents = g_string_new("P5\n64 64\n255\n");
  const CbiganPicture *picture;

  for (int i = 0; i < 64 * 64; i++)
    g_string_append_c(contents, i % 2 ? (char)255 : 0);
  f->options.width = f->options.height = 16;
  make_file(f, "stripes.pgm", contents->str, (gssize)contents->len);
  dataset = load(f);
  picture = cbigan_dataset_get(dataset, 0);
  for (int x = 1; x < 15; x++) { /* the outermost columns repeat the border */
    const guint8 *pixel = picture->pixels + (8 * 16 + x) * 3;

    g_test_message("column %d: found %d, expected 127, tolerance 2", x, pixel[0]);
    g_assert_cmpint(ABS(pixel[0] - 127), <=, 2);
  }
}

static void
test_originals(Fixture *f, gconstpointer unused)
{
  g_autoptr(CbiganDataset) dataset = NULL;
  const CbiganPicture *picture;

  f->options.originals = TRUE;
  make_picture(f, "1.png", "RGB", 31, 17, "pngenc", 0xff2a50c8);
  dataset = load(f);
  picture = cbigan_dataset_get(dataset, 0);
  g_assert_cmpint(picture->width, ==, 8);
  g_assert_cmpint(picture->original_width, ==, 31);
  g_assert_cmpint(picture->original_height, ==, 17);
  g_assert_cmpint(picture->original[31 * 17 * 3 - 1], ==, 0xc8);
}

static void
test_other_files_are_no_pictures(Fixture *f, gconstpointer unused)
{
  g_autoptr(CbiganDataset) dataset = NULL;

  make_picture(f, "1.png", "RGB", 8, 8, "pngenc", 0xff505050);
  make_file(f, "labels.csv", "path,label\n1.png,good\n", -1);
  make_file(f, "notes.txt", "hello", -1);
  make_file(f, "empty", "", 0);
  dataset = load(f);
  g_assert_cmpuint(dataset->pictures->len, ==, 1);
  g_assert_cmpuint(f->warnings->len, ==, 0);
}

static void
cut_file(Fixture *f, const char *from, const char *to, double share)
{
  g_autofree char *source = in_folder(f, from);
  g_autofree char *contents = NULL;
  gsize length;

  g_assert_true(g_file_get_contents(source, &contents, &length, NULL));
  make_file(f, to, contents, (gssize)((double)length * share));
}

static void
test_damaged(Fixture *f, gconstpointer name)
{
  g_autoptr(CbiganDataset) dataset = NULL;

  make_picture(f, "1.png", "RGB", 40, 40, "pngenc", 0xff5070c0);
  if (g_str_equal(name, "cut.png"))
    cut_file(f, "1.png", name, 0.6);
  else
    make_file(f, name, g_str_equal(name, "empty.jpg") ? "" : "no picture at all, whatever the name", -1);
  dataset = load(f);
  g_assert_cmpuint(dataset->pictures->len, ==, 1);
  g_assert_cmpuint(f->warnings->len, ==, 1);
  g_assert_nonnull(strstr(g_ptr_array_index(f->warnings, 0), name));
  f->options.strict = TRUE;
  assert_failure(f, CBIGAN_ERROR_FILE, name, "damaged");
}

/* Pixels that don't fit into the memory that is allowed come from a file, and are the same. */
static void
test_more_than_memory(Fixture *f, gconstpointer unused)
{
  g_autoptr(CbiganDataset) whole = NULL;
  g_autoptr(CbiganDataset) stored = NULL;
  guint mapped = 0;

  for (guint i = 0; i < 5; i++) {
    g_autofree char *name = g_strdup_printf("%u.png", i);

    make_picture(f, name, "RGB", 9, 9, "pngenc", 0xff102030 + 40 * i);
  }
  whole = load(f);
  f->options.memory = 2 * 8 * 8 * 3;
  f->options.note = keep_warning;
  stored = load(f);
  g_assert_cmpstr(stored->digest, ==, whole->digest);
  for (guint i = 0; i < 5; i++) {
    const CbiganPicture *picture = cbigan_dataset_get(stored, i);

    mapped += picture->mapped != 0;
    g_assert_cmpmem(picture->pixels, 8 * 8 * 3, cbigan_dataset_get(whole, i)->pixels, 8 * 8 * 3);
  }
  g_assert_cmpuint(mapped, ==, 3);
  g_assert_nonnull(strstr(g_ptr_array_index(f->warnings, 0), "read from there as they are needed"));
}

static void
test_nothing_there(Fixture *f, gconstpointer unused)
{
  g_autofree char *missing = in_folder(f, "missing");

  assert_failure(f, CBIGAN_ERROR_FILE, f->folder, "0 files");
  make_file(f, "notes.txt", "hello", -1);
  assert_failure(f, CBIGAN_ERROR_FILE, f->folder, "1 file");
  make_file(f, "bad.png", "hello", -1);
  assert_failure(f, CBIGAN_ERROR_FILE, f->folder, "1 of them damaged");
  f->options.path = missing;
  assert_failure(f, CBIGAN_ERROR_FILE, missing, "No such file");
}

static void
test_single_file(Fixture *f, gconstpointer unused)
{
  g_autofree char *path = in_folder(f, "sub/1.png");
  g_autoptr(CbiganDataset) dataset = NULL;

  make_picture(f, "sub/1.png", "RGB", 9, 9, "pngenc", 0xff102030);
  f->options.path = path;
  dataset = load(f);
  g_assert_cmpuint(dataset->pictures->len, ==, 1);
  g_assert_cmpstr(cbigan_dataset_get(dataset, 0)->path, ==, path);
  g_assert_cmpstr(cbigan_dataset_get(dataset, 0)->label, ==, "");
}

static void
test_pipeline(Fixture *f, gconstpointer unused)
{
  g_autoptr(CbiganDataset) dataset = NULL;

  f->options.path = NULL;
  f->options.pipeline = "videotestsrc num-buffers=5 pattern=solid-color foreground-color=0xff5070c0 ! "
                        "video/x-raw,format=BGRx,width=33,height=21";
  dataset = load(f);
  g_assert_cmpuint(dataset->pictures->len, ==, 5);
  g_assert_cmpstr(cbigan_dataset_get(dataset, 4)->path, ==, "frame 5");
  assert_colour(cbigan_dataset_get(dataset, 4), 0x50, 0x70, 0xc0, 1);
  cbigan_dataset_free(dataset);
  f->options.limit = 3;
  f->options.pipeline = "videotestsrc";
  dataset = load(f);
  g_assert_cmpuint(dataset->pictures->len, ==, 3);
}

static void
test_pipeline_errors(Fixture *f, gconstpointer unused)
{
  f->options.path = NULL;
  f->options.pipeline = "nosuchelement";
  assert_failure(f, CBIGAN_ERROR_ARGUMENT, "nosuchelement", "raw video");
  f->options.pipeline = "videotestsrc ! !";
  assert_failure(f, CBIGAN_ERROR_ARGUMENT, "videotestsrc ! !", "raw video");
  f->options.pipeline = "videotestsrc num-buffers=3 ! identity error-after=2";
  assert_failure(f, CBIGAN_ERROR_FILE, "identity", "failed after 1 frame");
  f->options.pipeline = "videotestsrc num-buffers=3 ! jpegenc";
  assert_failure(f, CBIGAN_ERROR_ARGUMENT, "jpegenc", "raw video");
}

static void
test_digest(Fixture *f, gconstpointer unused)
{
  g_autoptr(CbiganDataset) first = NULL;
  g_autoptr(CbiganDataset) again = NULL;
  g_autoptr(CbiganDataset) changed = NULL;

  make_picture(f, "1.png", "RGB", 9, 9, "pngenc", 0xff102030);
  first = load(f);
  again = load(f);
  make_picture(f, "1.png", "RGB", 9, 9, "pngenc", 0xff102031);
  changed = load(f);
  g_assert_cmpuint(strlen(first->digest), ==, 64);
  g_assert_cmpstr(first->digest, ==, again->digest);
  g_assert_cmpstr(first->digest, !=, changed->digest);
}

/* Every picture has one place. Held-out ones form at most four runs of neighbours, of which each is a fold. */
static void
test_hold_out(void)
{
  static const guint sizes[][2] = { { 3, 2 }, { 5, 4 }, { 9, 5 }, { 48, 10 }, { 100, 50 }, { 762, 152 } };

  for (guint row = 0; row < G_N_ELEMENTS(sizes); row++)
    for (guint64 seed = 1; seed <= 20; seed++) {
      const guint n = sizes[row][0], n_train = n - sizes[row][1], folds = MIN(4, sizes[row][1]);
      guint order[762], taken[762] = { 0 }, ends = 0;

      cbigan_dataset_hold_out(n, n - n_train, seed, order);
      for (guint i = 0; i < n; i++) {
        const guint next = i + 1 < n ? order[i + 1] : 0;

        g_assert_cmpuint(order[i], <, n);
        taken[order[i]]++;
        ends += order[i] >= n_train && (next < n_train || next % folds != order[i] % folds);
      }
      for (guint place = 0; place < n; place++)
        g_assert_cmpuint(taken[place], ==, 1);
      g_assert_cmpuint(ends, ==, folds);
    }
}

static void
add(const char *path, gconstpointer data, void (*test)(Fixture *, gconstpointer))
{
  g_test_add(path, Fixture, data, set_up, test, tear_down);
}

int
main(int argc, char **argv)
{
  gst_init(NULL, NULL);
  g_test_init(&argc, &argv, NULL);
  add("/dataset/order-and-labels", NULL, test_order_and_labels);
  add("/dataset/formats-and-sizes", NULL, test_formats_and_sizes);
  add("/dataset/native-size", NULL, test_native_size);
  add("/dataset/shrinking-averages", NULL, test_shrinking_averages);
  add("/dataset/originals", NULL, test_originals);
  add("/dataset/other-files", NULL, test_other_files_are_no_pictures);
  add("/dataset/damaged/cut", "cut.png", test_damaged);
  add("/dataset/damaged/text", "text.png", test_damaged);
  add("/dataset/damaged/empty", "empty.jpg", test_damaged);
  add("/dataset/more-than-memory", NULL, test_more_than_memory);
  add("/dataset/nothing-there", NULL, test_nothing_there);
  add("/dataset/single-file", NULL, test_single_file);
  add("/dataset/pipeline", NULL, test_pipeline);
  add("/dataset/pipeline-errors", NULL, test_pipeline_errors);
  add("/dataset/digest", NULL, test_digest);
  g_test_add_func("/dataset/hold-out", test_hold_out);
  return g_test_run();
}
