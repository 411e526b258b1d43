/* Fields to bytes and back, by the same calls in the same order: each writes *x, or reads it. */
#ifndef COXSWAIN_HPO_SNAPSHOT_CODEC_H
#define COXSWAIN_HPO_SNAPSHOT_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/strbuf.h"

struct codec {
  bool writing;
  bool bad; /* reading: the bytes make no sense; everything is zero from then on */
  struct strbuf out;

  int fd; /* reading: from here on, `left` bytes in all */
  int64_t left;
  char *buffer;
  size_t at, n;
  struct pool *pool; /* where texts go */

  char **names; /* texts that were there before, by their index */
  size_t n_names, cap_names;
  struct known *known; /* (cap_known) writing: where a text is in that list; open addressing by its address */
  size_t cap_known;
};

void codec_free(struct codec *c);
void code_byte(struct codec *c, char *x);
void code_i64(struct codec *c, int64_t *x);
void code_i32(struct codec *c, int32_t *x);
void code_bool(struct codec *c, bool *x);
void code_f64(struct codec *c, double *x);
/* A number below `limit`, as from an enum. */
void code_below(struct codec *c, unsigned limit, unsigned *x);
void code_text(struct codec *c, char **text); /* may be NULL */
/* A text of the pool that others share (pool_name): written out once. */
void code_name(struct codec *c, char **text);

#endif
