/* Memory for very many small things that live and go together: no header a block, freed as a whole. A list may grow in
 * it one item at a time; its capacity follows from its length, so it has to be kept nowhere. */
#ifndef COXSWAIN_BASE_POOL_H
#define COXSWAIN_BASE_POOL_H

#include <stddef.h>

enum { POOL_SIZES = 64 };

struct pool {
  char **chunks; /* owned */
  size_t n, cap;
  char *at, *end;          /* what is left of the last one, for blocks from the front, for texts from the back */
  void *spare[POOL_SIZES]; /* blocks given back, linked, by their size */
  char **names;            /* (cap_names) open-addressing set; cap_names is a power of two */
  size_t n_names, cap_names;
};

void pool_init(struct pool *p);
void pool_free(struct pool *p); /* leaves it initialised and empty */
/* Room for one more item in a list of n (items: NULL when n is 0): the list where it now is. Its old place is used
 * again. */
void *pool_grow(struct pool *p, void *items, size_t n, size_t element);
char *pool_text(struct pool *p, const char *text); /* a copy; NULL gives NULL */
/* The one copy of this text: the same address each time. Never to be written to. NULL gives NULL. */
char *pool_name(struct pool *p, const char *text);

#define POOL_GROW(pool, items, n) ((items) = pool_grow((pool), (items), (n), sizeof *(items)))

#endif
