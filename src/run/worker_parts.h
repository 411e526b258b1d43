/* A worker: the state that the files worker*.c share. */
#ifndef COXSWAIN_RUN_WORKER_PARTS_H
#define COXSWAIN_RUN_WORKER_PARTS_H

#include "run/holdings.h"
#include "run/packer.h"
#include "run/protocol.h"
#include "run/worker.h"

struct seat {
  bool taken;
  struct assignment work;
  int64_t step;   /* whole steps done */
  double seconds; /* trained in this stint */
  bool unsaved;   /* trained on since the last pack that had all */
};

struct worker {
  struct wire *wire;
  struct comm *team;
  struct launcher *launcher;
  struct settings *conf;
  struct space space;
  char *folder, *study_name;
  struct evaluator *evaluator; /* NULL before COMMAND_START */
  struct seat *seats;
  size_t n_seats;
  struct assignment *backlog; /* first in first out */
  size_t n_backlog, cap_backlog;
  struct holdings parked;
  struct ending *withheld; /* ends of stints that are told when their states are on disk */
  size_t n_withheld, cap_withheld;
  struct strbuf news;
  struct packer *packer;      /* as the evaluator */
  double quantum, beat_every; /* seconds */
  double last_beat, last_call, last_look;
  double longest_look;   /* seconds between two looks at commands, since the last beat */
  double worked;         /* seconds of work since the last beat */
  int64_t ended;         /* stints since the last beat */
  double last_word;      /* to steering */
  uint64_t moved, began; /* units of work of the trials; count of progress when the call under way began */
  bool calling;          /* the evaluator is at work */
  int64_t epoch;         /* of the journal: a run has its own */
  bool leads;            /* a team */
  int64_t joined;        /* id of its last team */
  int64_t drops;         /* how often it was told to drop everything */
  bool leaving;          /* no more work; the last states are on their way to disk */
  int last_tries;
  bool left; /* it has said goodbye */
};

/* worker_pack.c */
enum err worker_keep(struct worker *w); /* a pack, when it is due; never waits for the disk */
/* Takes no more work. now: says goodbye at once; else worker_leave_on does, when all states are on disk. */
enum err worker_leave(struct worker *w, bool now);
enum err worker_leave_on(struct worker *w); /* call it often until w->left */

/* worker_withhold.c: ends that wait for their states to be on disk (assignment.durable). */
void worker_withhold_end(struct worker *w, const struct assignment *a, const struct outcome *o, double seconds);
void worker_tell_withheld(struct worker *w, int64_t trial, int64_t step); /* this state is */
void worker_say_withheld_interrupted(struct worker *w);                   /* ... and will not be */
bool worker_drop_withheld(struct worker *w, int64_t trial);               /* -1: all; is there one? */

/* worker_news.c: into w->news, which leaves with worker_send_news. */
enum err worker_send_news(struct worker *w);
void worker_say_end(struct worker *w, const struct assignment *a, enum stint_end how, int64_t step, double value,
                    double seconds, const struct params *metrics, const char *reason);
void worker_say_report(struct worker *w, const struct assignment *a, const struct outcome *o);
void worker_say_pack(struct worker *w, double seconds, double stood, int64_t bytes);
void worker_say_error(struct worker *w, enum err code);
void worker_beat(struct worker *w);
void worker_beat_meanwhile(void *context); /* a progress hook of a worker: sends a sign of life at once */

#endif
