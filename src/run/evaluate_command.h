/* Parts of the evaluator `command`. */
#ifndef COXSWAIN_RUN_EVALUATE_COMMAND_H
#define COXSWAIN_RUN_EVALUATE_COMMAND_H

#include "run/command_output.h"
#include "run/command_resources.h"
#include "run/evaluator.h"
#include "run/launcher.h"

/* The files of a trial, DIR/trials/trial-NNNNNN/...; absolute. */
struct trial_files {
  char *folder, *checkpoint, *params, *out, *err, *result, *lease;
};

enum phase {
  FREE_SEAT,
  WAITING, /* for the program before it to be gone, and for a share of the machine */
  RUNNING,
  PASSED,   /* its stint was reached, and the program runs on (schedule.pause = false) */
  IN_DOUBT, /* ended, perhaps of a signal to the whole job */
  TOLD      /* its end has been told */
};

/* A trial with its program. */
struct seat {
  enum phase phase;
  struct work work; /* params owned */
  struct trial_files files;
  struct payload payload;
  int share; /* of the machine; -1: none */
  struct tail out;
  int64_t step;            /* the last one with a value */
  int64_t taken;           /* the last one whose report was taken: what the state is of */
  struct said last;        /* its latest word on the value or its status, in this stint */
  bool has_last;           /* ... there is one */
  double begun, last_told; /* seconds of the clock */
  int64_t written;         /* bytes of output when it last said anything */
  double heard;            /* ... which was then */
  bool broken_off;         /* by us, for `why` */
  char why[192], bad_line[64];
  struct payload_news end; /* of the program; PAYLOAD_SILENT: it has not come */
  double doubt_until;
};

#define SEAT_NONE                                           \
  (struct seat) {                                           \
    .payload = PAYLOAD_NONE, .out = {.fd = -1}, .share = -1 \
  }

/* A program whose seat was taken from it and that still has its grace time. */
struct leaver {
  struct payload payload;
  int64_t trial;
  int share;
};

struct command_run {
  struct launcher *launcher, *own_launcher;
  struct resources resources; /* one share a slot */
  struct value_name name;
  int64_t steps;
  double timeout, silence, grace;
  int64_t most_output; /* bytes */
  struct seat *seats;
  bool runs_on;         /* schedule.pause = false */
  struct seat *waiting; /* trials whose programs run on while the schedule decides */
  size_t n_waiting, cap_waiting;
  struct leaver *leavers;
  size_t n_leavers, cap_leavers;
  struct outcome *outcomes; /* first .. n wait */
  size_t first, n, cap;
  struct pollfd *polls; /* (slots + waiting + leavers + 1) */
  size_t cap_polls;
  char description[160];
};

/* evaluate_command_check.c */
void command_check(const struct evaluator_options *o, struct complaints *c);
struct value_name command_value_name(const struct evaluator_options *o);
/* argv[0] as it is started: relative to the study file if it has a slash. Caller frees. */
char *command_program(const struct settings *conf, const char *word);

/* evaluate_command_start.c. Makes the folder and params.json. ERR_INPUT if the folder is that of another point. */
enum err trial_files_open(struct trial_files *f, const char *study_folder, int64_t trial, const struct params *p);
void trial_files_close(struct trial_files *f);
/* The program of a trial, with its words, variables, limits and share of the machine. */
enum err command_start(const struct evaluator_options *o, struct launcher *l, const struct trial_files *f,
                       const struct work *w, const struct share *share, struct payload *out);

/* evaluate_command_inherit.c: evaluator_ops.set_aside; and the checkpoint folder of a trial that starts from another's,
 * unless it has one. ERR_INPUT: there is nothing to start from. */
enum err command_keep_aside(struct evaluator *e, size_t slot);
enum err command_inherit(const char *study_folder, const struct work *w);

/* evaluate_command_hear.c: what it prints. */
void command_hear(struct command_run *c, struct seat *s, bool last);
/* What it printed in earlier stints, when nobody passed it on. */
enum err command_replay(struct command_run *c, struct seat *s);

/* evaluate_command_wait.c: programs that run on while their trials wait. */
bool command_may_pass(const struct command_run *c, const struct seat *s);          /* at the end of this stint */
void command_pass(struct command_run *c, struct seat *s);                          /* tells that it was reached */
void command_set_aside(struct command_run *c, struct seat *s);                     /* the seat becomes free */
bool command_take_up(struct command_run *c, struct seat *s, const struct work *w); /* false: no program runs on */
void command_watch_waiting(struct command_run *c);
void command_forget(struct evaluator *e, int64_t trial);

/* evaluate_command.c */
void command_clear_seat(struct command_run *c, struct seat *s); /* its program has its grace time */
/* The program has: s->end says how, and its share is free. */
bool command_has_ended(struct command_run *c, struct seat *s);

/* evaluate_command_judge.c: outcomes, and how it ended. */
struct outcome *command_say(struct command_run *c, struct seat *s, enum outcome_kind kind, double value);
void command_end(struct command_run *c, struct seat *s); /* s->end says how */

/* evaluate_command_watch.c: limits on time and output. */
void command_watch(struct command_run *c, struct seat *s);
void command_break_off(struct seat *s, double grace, const char *why);
/* What was written until it was dead is cut off. */
void command_cut_output(const struct command_run *c, const struct seat *s);

#endif
