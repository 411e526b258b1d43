/* The world that steering lives in when it is simulated: a clock, a disk, and workers. Private to simulate*.c and their
 * test.
 *
 * A discrete-event simulation. Each worker has one moment at which it wants to be looked at next; a heap gives the
 * first of them. Time goes on where steering asks what the time is, by the processor time it has used since, and where
 * it waits; before it is handed news, all that happens until then has happened. */
#ifndef COXSWAIN_RUN_SIMULATE_WORLD_H
#define COXSWAIN_RUN_SIMULATE_WORLD_H

#include "par/wire.h"
#include "run/evaluator.h"
#include "run/protocol.h"
#include "run/simulate.h"

/* A stint as it will go: known as soon as it begins. */
struct plan {
  double *values; /* of each step */
  int64_t n;
  double end_value;   /* of the trial */
  enum stint_end how; /* at its end */
  char *reason;       /* NULL unless it fails */
};

/* In a slot. */
struct sim_seat {
  bool taken;
  struct assignment work;
  struct plan plan;
  int64_t at;      /* steps of the plan done */
  double next;     /* when the one under way ends */
  double begun;    /* the stint */
  double freed_at; /* when the slot became free; < 0: it never had a stint */
};

/* On its way to a worker. */
struct sim_mail {
  double at;
  struct strbuf text;
};

struct sim_worker {
  int rank;
  size_t place;        /* in the heap */
  double wake;         /* INFINITY: nothing will happen */
  double row;          /* working: when the quantum began; else when it began to wait */
  double silent_until; /* news are not sent before; INFINITY: there are none */
  double last_word, last_beat;
  struct sim_seat *seats;
  int64_t taken;
  struct assignment *backlog;
  size_t n_backlog, cap_backlog;
  struct sim_mail *mail;
  size_t n_mail, cap_mail;
  int64_t drops, moved, ended;
  double worked;
  bool left, opened;
  struct strbuf news;
};

struct sim_letter {
  int from;
  double due;
  struct strbuf text;
};

struct world {
  const struct simulate_options *o;
  struct simulate_result *r;
  double now; /* of the simulation; begins at `zero` */
  double zero;
  double mark; /* processor time of this thread when steering was last given the word */
  double idle; /* the last wait of steering */
  double area_at;
  int64_t taken;           /* slots with a stint */
  int64_t filled;          /* slots that have had one */
  struct simulate_mark at; /* now */
  struct sim_worker *workers;
  size_t n;
  int64_t slots;
  struct sim_worker **heap;
  struct sim_letter *letters; /* to steering, in the order of their coming */
  size_t first, n_letters, cap_letters;
  double quantum, beat_every;
  bool maximize;
  enum err failure; /* of the simulation itself */
  char why[512];

  struct settings *conf; /* simulate_values.c: what trials come to */
  struct space space;
  struct evaluator *evaluator;
  char *folder, *name;
  int64_t steps;
  struct duration_law step;
};

/* simulate_world.c */
void world_init(struct world *w, const struct simulate_options *o, struct simulate_result *r, int64_t slots);
void world_free(struct world *w);
extern const struct wire_ends world_ends;
void world_wake(struct world *w, struct sim_worker *k, double at); /* it wants to be looked at then */
struct strbuf *world_letter(struct world *w, int from, double sent);
void world_count_taken(struct world *w, double now, int64_t change);

/* simulate_worker.c */
void sim_worker_hear(struct world *w, struct sim_worker *k, double at, const struct strbuf *message);
void sim_worker_live(struct world *w, struct sim_worker *k, double now); /* what is due by now; then wakes it again */
void sim_worker_free(struct sim_worker *k, int64_t slots);

/* simulate_values.c */
enum err values_open(struct world *w, struct reader *r); /* COMMAND_START's */
void values_close(struct world *w);
enum err values_plan(struct world *w, const struct assignment *a, struct plan *p);
double values_step_seconds(const struct world *w, int64_t key, int64_t step);
void plan_free(struct plan *p);

/* simulate_tally.c */
void tally_begun(struct world *w, const struct sim_seat *seat, double now, double waited); /* < 0: its first */
void tally_ended(struct world *w, const struct assignment *a, const struct plan *p, double now);

#endif
