/* What steering and workers say to each other. A message is a sequence of items, each an enum and its values in the
 * order given here; the functions write one item each, the readers of the two sides are steer_news.c and worker.c. */
#ifndef COXSWAIN_RUN_PROTOCOL_H
#define COXSWAIN_RUN_PROTOCOL_H

#include "hpo/trial.h"
#include "par/message.h"

/* Steering to worker. */
enum command {
  COMMAND_START,  /* settings text, its name, folder, study name, maximize, epoch: open the evaluator */
  COMMAND_STINT,  /* struct assignment */
  COMMAND_FORGET, /* trial: its state is not needed any more */
  COMMAND_CANCEL, /* trial: give its stint up */
  COMMAND_DROP,   /* give up all stints and states, and say hello */
  COMMAND_TEAM,   /* id, ranks (as many as a team has): the lowest leads, the others follow it until it lets them go */
  COMMAND_LEAVE,  /* now (0, 1): checkpoint (unless now) and say goodbye */
  COMMAND_END     /* abandon (0, 1): rank 0 ends. With 1 a rank is missing, and MPI_Finalize would wait for it */
};

/* Worker to steering. */
enum news {
  NEWS_HELLO,  /* COMMAND_DROPs so far, last team, slots, team size, host, description. A rank of which it takes several
                  to train waits for a team */
  NEWS_BROKEN, /* its team is; its stints go with it */
  NEWS_BEAT,   /* since the last one: seconds of work, of wall time, stints ended, longest seconds without a look at
                  commands */
  NEWS_MOVED,  /* how often its trials have moved so far: alive is not progressing */
  NEWS_REPORT, /* trial, stint, step, value, metrics */
  NEWS_END,    /* trial, stint, how, step, value, seconds, metrics, reason */
  NEWS_SAVED,  /* trial, step, pack */
  NEWS_PACK,   /* seconds until it was on disk, seconds that training stood still for it, bytes */
  NEWS_UNSAVED, /* trials whose state this worker, which leaves, could not bring to disk */
  NEWS_ERROR,   /* code, text: this worker cannot go on */
  NEWS_BYE
};

/* A stint as a worker gets it. */
struct assignment {
  int64_t trial, key, id, from, to;
  struct params params;
  struct state_ref saved[2]; /* where states of it are, newest first */
  int64_t parent;            /* if there is none of its own: it starts from that trial's, which is at `start`; -1 */
  struct state_ref start;
  bool durable; /* others may start from where it ends: the state comes to disk before that is told */
};
void assignment_free(struct assignment *a);
void put_assignment(struct strbuf *b, const struct assignment *a);
void get_assignment(struct reader *r, struct assignment *a);

/* A struct of the values of NEWS_REPORT and NEWS_END. */
struct ending {
  int64_t trial, id, step;
  enum stint_end how;
  double value, seconds;
  struct params metrics;
  char *reason; /* may be NULL */
};
void ending_free(struct ending *e);
void put_ending(struct strbuf *b, const struct ending *e);
void get_ending(struct reader *r, struct ending *e);

#endif
