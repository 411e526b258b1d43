/* IDX files, the format of MNIST (Le Cun, Cortes, Burges: "The MNIST database of handwritten digits"): two zero bytes,
 * a type (8: bytes), the number of dimensions, each dimension as four bytes, most significant first, then the numbers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/stop.h"
#include "base/strbuf.h"
#include "nn/data_hdf.h"
#include "nn/import.h"

#define BLOCK 4096
#define MAX_DIMENSIONS 4

struct idx {
  const char *path;
  gzFile gz;
  size_t shape[MAX_DIMENSIONS];
  int rank;
};

static enum err idx_read(const struct idx *f, void *bytes, size_t n) {
  int got = gzread(f->gz, bytes, (unsigned)n);
  if (got == (int)n)
    return OK;
  return FAIL(ERR_INPUT, "%s ends before its header says: was it copied completely?", f->path);
}

/* Before memory is taken for what a damaged header says: a file is at most packed a thousandfold. */
static enum err check_size(const struct idx *f) {
  double bytes = 1;
  for (int i = 0; i < f->rank; i++)
    bytes *= (double)f->shape[i];
  if (bytes > 1100.0 * (double)file_size(f->path))
    return FAIL(ERR_INPUT, "%s ends before its header says: was it copied completely?", f->path);
  return OK;
}

static enum err read_shape(struct idx *f) {
  unsigned char head[4], size[4];
  TRY(idx_read(f, head, sizeof head));
  if (head[0] || head[1])
    return FAIL(ERR_INPUT, "%s is not an IDX file: it must start with two zero bytes", f->path);
  if (head[2] != 8)
    return FAIL(ERR_INPUT, "%s: an IDX file of type 0x%02x: only bytes (0x08) are read", f->path, head[2]);
  f->rank = head[3];
  if (f->rank < 1 || f->rank > MAX_DIMENSIONS)
    return FAIL(ERR_INPUT, "%s: %d dimensions: 1 to %d are read", f->path, f->rank, MAX_DIMENSIONS);
  for (int i = 0; i < f->rank; i++) {
    TRY(idx_read(f, size, sizeof size));
    f->shape[i] = (size_t)size[0] << 24 | (size_t)size[1] << 16 | (size_t)size[2] << 8 | size[3];
    if (f->shape[i] == 0)
      return FAIL(ERR_INPUT, "%s: dimension %d is 0", f->path, i + 1);
  }
  return check_size(f);
}

static enum err idx_open(struct idx *f, const char *path) {
  *f = (struct idx){.path = path, .gz = gzopen(path, "rb")};
  if (!f->gz)
    return FAIL(ERR_INPUT, "%s: %s", path, strerror(errno));
  return read_shape(f);
}

static void idx_close(struct idx *f) {
  if (f->gz)
    gzclose(f->gz);
}

bool import_is_idx(const char *path) {
  unsigned char head[4] = {0};
  gzFile gz = gzopen(path, "rb");
  bool yes = gz && gzread(gz, head, 4) == 4 && head[0] == 0 && head[1] == 0 && head[2] >= 8 && head[2] <= 14;
  if (gz)
    gzclose(gz);
  return yes;
}

static size_t picture_size(const struct idx *f) {
  size_t n = 1;
  for (int i = 1; i < f->rank; i++)
    n *= f->shape[i];
  return n;
}

/* pixel_ROW_COLUMN, or pixel_N for anything but flat pictures. */
static enum err name_pixels(const struct idx *images, struct hdf_file *out) {
  size_t n = picture_size(images);
  char **names = MEM_NEW_ARRAY(char *, n);
  for (size_t i = 0; i < n; i++) {
    struct strbuf name = STRBUF_INIT;
    if (images->rank == 3)
      strbuf_printf(&name, "pixel_%zu_%zu", i / images->shape[2], i % images->shape[2]);
    else
      strbuf_printf(&name, "pixel_%zu", i);
    names[i] = strbuf_detach(&name);
  }
  enum err e = hdf_write_texts(out, "inputs", "variables", (const char *const *)names, n);
  hdf_names_free(names, n);
  return e;
}

static enum err copy_pictures(const struct idx *images, struct hdf_file *out,
                              void (*progress)(double share, size_t rows)) {
  size_t width = picture_size(images), rows = images->shape[0];
  unsigned char *block = mem_alloc(BLOCK * width);
  enum err e = OK;
  for (size_t row = 0; e == OK && row < rows; row += BLOCK) {
    size_t n = rows - row < BLOCK ? rows - row : BLOCK;
    e = idx_read(images, block, n * width);
    if (e == OK)
      e = hdf_dataset_add(out, "inputs", block, n);
    if (e == OK && progress)
      progress((double)(row + n) / (double)rows, row + n);
    if (e == OK && stop_requested())
      e = FAIL(ERR_STOPPED, "%s: interrupted, nothing was written", out->path);
  }
  free(block);
  return e;
}

static enum err check_end(const struct idx *f) {
  char byte;
  return gzread(f->gz, &byte, 1) == 0 ? OK : FAIL(ERR_INPUT, "%s goes on after what its header says", f->path);
}

static void count_labels(const int64_t *labels, size_t n, struct import_summary *s) {
  size_t count[256] = {0};
  for (size_t i = 0; i < n; i++)
    count[labels[i]]++;
  for (size_t value = 0; value < 256 && s->n_classes < IMPORT_MAX_CLASSES; value++)
    if (count[value]) {
      char name[16];
      snprintf(name, sizeof name, "%zu", value);
      s->classes[s->n_classes] = mem_strdup(name);
      s->class_values[s->n_classes] = (int64_t)value;
      s->class_rows[s->n_classes++] = count[value];
    }
}

static enum err copy_labels(const struct idx *f, struct hdf_file *out, struct import_summary *s) {
  size_t n = f->shape[0];
  unsigned char *bytes = mem_alloc(n);
  int64_t *labels = MEM_NEW_ARRAY(int64_t, n);
  enum err e = idx_read(f, bytes, n);
  for (size_t i = 0; i < n; i++)
    labels[i] = bytes[i];
  if (e == OK)
    e = check_end(f);
  if (e == OK) {
    count_labels(labels, n, s);
    e = hdf_dataset_create(out, "labels", HDF_INT64, 0);
  }
  if (e == OK)
    e = hdf_dataset_add(out, "labels", labels, n);
  free(labels);
  free(bytes);
  TRY(e);
  TRY(hdf_write_texts(out, "labels", "classes", (const char *const *)s->classes, s->n_classes));
  return hdf_write_ints(out, "labels", "class_values", s->class_values, s->n_classes);
}

static enum err convert(struct idx *images, struct idx *labels, struct hdf_file *out,
                        void (*progress)(double share, size_t rows), struct import_summary *s) {
  if (images->rank < 2)
    return FAIL(ERR_INPUT, "%s holds labels, not pictures: give the pictures first", images->path);
  if (labels->rank != 1)
    return FAIL(ERR_INPUT, "%s holds pictures, not labels: give the pictures first, then the labels", labels->path);
  if (labels->shape[0] != images->shape[0])
    return FAIL(ERR_INPUT, "%s has %zu labels, but %s has %zu pictures", labels->path, labels->shape[0], images->path,
                images->shape[0]);
  if (picture_size(images) > (1 << 18))
    return FAIL(ERR_INPUT, "%s: pictures of %zu bytes: at most %d are read", images->path, picture_size(images),
                1 << 18);
  TRY(hdf_dataset_create(out, "inputs", HDF_UINT8, picture_size(images)));
  TRY(name_pixels(images, out));
  TRY(copy_pictures(images, out, progress));
  TRY(check_end(images));
  TRY(copy_labels(labels, out, s));
  s->rows = images->shape[0];
  s->variables = picture_size(images);
  return hdf_commit(out);
}

enum err import_idx_files(const char *images, const char *labels, const char *output,
                          void (*progress)(double share, size_t rows), struct import_summary *out) {
  *out = (struct import_summary){0};
  struct idx pictures = {0}, names = {0};
  struct hdf_file file = HDF_FILE_NONE;
  enum err e = idx_open(&pictures, images);
  if (e == OK)
    e = idx_open(&names, labels);
  if (e == OK)
    e = hdf_create(&file, output);
  if (e == OK)
    e = convert(&pictures, &names, &file, progress, out);
  hdf_abandon(&file);
  idx_close(&names);
  idx_close(&pictures);
  return e;
}
