/* Progress: how often this process has come on by a unit of work. A process can be alive, and even answer, without
 * getting anywhere; whoever watches the count sees the difference.
 *
 * Everything that may take longer than a few seconds notes its units (rows read, steps trained, turns of a loop), on
 * the main thread only: the hook may send messages. */
#ifndef COXSWAIN_BASE_PROGRESS_H
#define COXSWAIN_BASE_PROGRESS_H

#include <stdint.h>

/* One unit more. `doing` is a constant text for people, "preparing the data". Costs next to nothing. */
void progress_made(const char *doing);
/* Alive, in a wait that has a deadline of its own: calls the hook, counts nothing. */
void progress_waits(void);
/* What both call, so that long calls can give signs of life; NULL: nothing. */
void progress_hook(void (*hook)(void *context), void *context);

uint64_t progress_count(void);    /* any thread */
const char *progress_doing(void); /* of the last unit; any thread */

#endif
