/* A small program that is asked something, and nobody waits for its answer: its standard output is read as it comes.
 *
 * It is started with posix_spawn, which is safe in a process that has MPI or threads: nothing of ours runs between the
 * two, and no memory is copied. It gets its own process group, /dev/null for input and errors, and an environment in
 * which it cannot take itself for a rank. */
#ifndef COXSWAIN_RUN_QUESTION_H
#define COXSWAIN_RUN_QUESTION_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/strbuf.h"

struct question {
  pid_t pid; /* 0: none is asked */
  int line;
  double since;
  struct strbuf answer;
};

enum answer { ANSWER_NONE, ANSWER_WAIT, ANSWER_GOOD, ANSWER_BAD };

void question_init(struct question *q);
/* Starts argv[0], looked for in PATH; drops an older question. false: it cannot be started. */
bool question_ask(struct question *q, const char *const *argv);
/* Never waits. GOOD: it has ended with 0 and all it said is in q->answer. BAD: it ended otherwise, said far too much,
 * or took longer than `patience` seconds and was killed. NONE: nothing is asked. */
enum answer question_listen(struct question *q, double patience);
void question_drop(struct question *q); /* kills what still runs */

#endif
