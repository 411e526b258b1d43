/* A rung of successive halving: all trials that came to some step, ranked by their value there. Of n members the best
 * floor(n/eta) may go on. All operations are O(log n). */
#ifndef COXSWAIN_HPO_SCHEDULE_RUNG_H
#define COXSWAIN_HPO_SCHEDULE_RUNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct member {
  double value;  /* smaller is better; INFINITY for a failed trial */
  int64_t trial; /* ties: the lower number is better */
};

/* A binary heap: the worst (best_first = false) or the best member is on top. */
struct heap {
  struct member *items;
  size_t n, cap;
  bool best_first;
};

struct rung {
  int64_t step;
  int64_t eta;
  struct heap best;    /* the best floor(n/eta), the worst of them on top */
  struct heap rest;    /* all others, the best of them on top */
  struct heap waiting; /* members that could go on and have not, the best on top */
  size_t gone;         /* members that have left for the next rung, or were to */
};

bool member_before(struct member a, struct member b); /* better, with ties by number */

void heap_push(struct heap *h, struct member m);
struct member heap_pop(struct heap *h); /* n > 0 */

void rung_init(struct rung *r, int64_t step, int64_t eta);
void rung_free(struct rung *r);
size_t rung_size(const struct rung *r);
void rung_add(struct rung *r, struct member m);  /* a new member, which is not waiting yet */
void rung_wait(struct rung *r, struct member m); /* a member could go on */
/* The best of those waiting, if it is among the best floor(n/eta) of all; else NULL. */
const struct member *rung_first(const struct rung *r);
/* When the decision on a member cannot wait for the rung to grow: is it among the best floor(n/eta), or the best of
 * fewer than eta? */
bool rung_passes(const struct rung *r, struct member m);
void rung_drop_first(struct rung *r); /* it has gone on, or never will */

#endif
