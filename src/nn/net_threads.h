/* A few threads that take equal parts in one job after another. Between jobs they look for the next one for some
 * microseconds and then sleep. */
#ifndef COXSWAIN_NN_NET_THREADS_H
#define COXSWAIN_NN_NET_THREADS_H

#include "base/err.h"

struct threads;

/* n >= 1, the caller's own thread included. */
enum err threads_open(struct threads **out, int n);
void threads_close(struct threads *t); /* NULL is allowed */
int threads_count(const struct threads *t);
/* Runs part(context, i) for i in [0, n), the caller's thread taking i = 0, and returns when all are done. */
void threads_run(struct threads *t, void (*part)(void *context, int i), void *context);

#endif
