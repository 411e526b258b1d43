/* Prepared data: an immutable cache file named by content hash, mapped read-only by any rank at any time.
 *
 * Layout of the file: a 64-byte head (magic, version, length of the JSON, CRC of the JSON), the JSON description, then
 * the arrays on 64-byte boundaries. Rows are ordered train, validation, test 0, test 1 ...: a part is a range of rows.
 */
#ifndef COXSWAIN_NN_DATA_H
#define COXSWAIN_NN_DATA_H

#include "base/params.h"
#include "conf/settings.h"

enum part { PART_TRAIN, PART_VALIDATION, PART_TEST /* + k: the k-th test sample */ };

struct range {
  size_t first, n;
};

#define DATA_MAX_PARTS 18

struct data {
  /* borrowed from the mapping */
  const float *x;       /* (rows, width): scaled, missing values filled */
  const int32_t *label; /* (rows): class index; NULL for regression */
  const float *target;  /* (rows): regression; NULL for classes */
  const float *weight;  /* (rows); NULL: all 1 */
  const float *truth;   /* (rows, n_classes): exact posterior of generated data; NULL if unknown */
  size_t rows, width, n_classes;
  struct range part[DATA_MAX_PARTS];
  char *part_name[DATA_MAX_PARTS]; /* "train", "val", "test" or "test_NAME" */
  size_t n_parts;
  char **variables;     /* (width): names */
  char **classes;       /* (n_classes): names */
  double *class_weight; /* (n_classes): sum of weights in the training part */
  char hash[65];
  char *description; /* JSON: source, variables with shift, scale, fill and missing counts, classes with counts, dropped
                      */
  const void *map;
  size_t map_bytes;
};

/* Opens the prepared data of these settings, preparing them first if the cache has none: one process does it under a
 * lock, the others wait. `cache` is the folder. Errors name file, dataset and row. Any rank may call it at any time. */
enum err data_open(struct data **out, const struct settings *conf, const char *cache);
void data_close(struct data *d);

/* Where the cache file of these settings is or would be, and its hash: reads the source files' content, prepares
 * nothing. */
enum err data_identify(const struct settings *conf, const char *cache, char **path, char hash[65]);

/* Raw rows of a file brought into the form of an already prepared sample (same variables, shift, scale, fill), for
 * predict: all rows of the file in their order. `description` is data.description. *label comes back NULL if the file
 * has none (and for regression), -1 for labels of no class; *weight NULL if there are none. Caller frees the three
 * arrays. */
enum err data_apply(const struct settings *conf, const char *description, const char *file, float **x, int32_t **label,
                    float **weight, size_t *rows);

/* Names, width and classes of a prepared sample from its description alone: no rows, empty parts. data_close frees it.
 */
enum err data_from_description(struct data **out, const char *description);

/* What `coxswain data FILE` prints. */
enum err data_describe_file(const char *path, struct strbuf *out);

/* A first study file for a data file, for `coxswain init`. */
enum err data_suggest_study(const char *path, struct strbuf *out);

#endif
