#include "hpo/tpe_seen.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

void seen_points_init(struct seen_points *s, double points) {
  *s = (struct seen_points){.finite = isfinite(points)};
}

void seen_points_free(struct seen_points *s) {
  free(s->slots);
}

/* The finalizer of splitmix64 (Steele, Lea and Flood, OOPSLA 2014) over the cells, one after the other. */
uint64_t seen_points_hash(const struct axes *a, const double *u, const bool *active) {
  uint64_t hash = 0;
  for (size_t i = 0; i < a->d; i++) {
    hash += UINT64_C(0x9e3779b97f4a7c15) + (!active || active[i] ? axis_cell(&a->axis[i], u[i]) + 1 : 0);
    hash = (hash ^ hash >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ hash >> 27) * UINT64_C(0x94d049bb133111eb);
    hash ^= hash >> 31;
  }
  return hash ? hash : 1;
}

static uint64_t *slot_of(uint64_t *slots, size_t cap, uint64_t hash) {
  size_t i = hash & (cap - 1);
  while (slots[i] && slots[i] != hash)
    i = (i + 1) & (cap - 1);
  return &slots[i];
}

void seen_points_add(struct seen_points *s, uint64_t hash) {
  if (2 * (s->n + 1) > s->cap) {
    size_t cap = s->cap ? 2 * s->cap : 64;
    uint64_t *slots = MEM_NEW_ARRAY(uint64_t, cap);
    for (size_t i = 0; i < s->cap; i++)
      if (s->slots[i])
        *slot_of(slots, cap, s->slots[i]) = s->slots[i];
    free(s->slots);
    s->slots = slots;
    s->cap = cap;
  }
  uint64_t *slot = slot_of(s->slots, s->cap, hash);
  s->n += !*slot;
  *slot = hash;
}

bool seen_points_has(const struct seen_points *s, uint64_t hash) {
  return s->cap && *slot_of(s->slots, s->cap, hash) != 0;
}
