/* Trials that wait in line: first come, first served. */
#ifndef COXSWAIN_RUN_TRIAL_QUEUE_H
#define COXSWAIN_RUN_TRIAL_QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct trial_queue {
  int64_t *items; /* from first to n */
  size_t first, n, cap;
};

void queue_add(struct trial_queue *q, int64_t trial);
size_t queue_length(const struct trial_queue *q);
int64_t queue_first(const struct trial_queue *q); /* it must not be empty */
int64_t queue_take(struct trial_queue *q);        /* likewise */
void queue_free(struct trial_queue *q);

#endif
