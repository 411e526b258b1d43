/* Steering: the state of rank 0. Private to the files steer_*.c; the way in is steer_run.
 *
 * Journal first: what is decided is added to the journal's group and folded into the study; the group is committed (one
 * write, one fsync), and only then do commands and results leave this process. */
#ifndef COXSWAIN_RUN_STEER_H
#define COXSWAIN_RUN_STEER_H

#include "hpo/journal.h"
#include "hpo/sampler.h"
#include "hpo/schedule.h"
#include "hpo/snapshot.h"
#include "run/evaluator.h"
#include "run/protocol.h"
#include "run/run.h"
#include "run/trial_queue.h"
#include "run/walltime.h"
#include "run/worker.h"

/* Seconds that hearing workers, and handing out stints, may each take before what is decided goes to disk and out. */
#define STEER_AT_ONCE 0.02

enum presence {
  PEER_STARTING, /* has not said hello, or was told to say it again */
  PEER_FREE,     /* ready, and waits to be put into a team */
  PEER_FOLLOWS,  /* in the team of another */
  PEER_ADRIFT,   /* its team is broken; it has yet to notice and say hello */
  PEER_HERE,     /* works: by itself or as the leader of a team */
  PEER_GONE,     /* said goodbye or failed */
  PEER_LOST      /* silent for too long: its work is handed out anew; it may come back */
};

/* What steering knows of a rank that rows. Index = place in steer.peers. */
struct peer {
  int rank;
  enum presence presence;
  bool recalled; /* lost, but it spoke again: it was told to drop everything and say hello */
  int64_t drops; /* how often it was told so: an older hello is not meant */
  int64_t slots, team;
  int64_t team_id; /* of the last one it was put in; 0: none yet */
  char *host, *device;
  int64_t *out; /* trials that are out with it */
  size_t n_out, cap_out;
  double heard;           /* when it last said something */
  int64_t moved;          /* how often its trials have moved, by its own word */
  double moved_at;        /* when that last changed */
  bool announced;         /* the log has its host and device */
  double worked, wall;    /* seconds, over its beats */
  int64_t ended;          /* stints ended in its last beat */
  struct durations packs; /* seconds until one was on disk */
  struct durations looks; /* the longest between two looks at commands, of each beat */
  int64_t live, backlog;  /* steer_room.c: programs that run on; stints beyond its slots */
  size_t place;           /* 1 + its place in steer.roomy; 0: it is not there */
  struct strbuf mail;     /* commands that leave after the next commit */
};

/* ordered: an outcome that waits for its turn. */
struct waiting_end {
  int64_t order;
  int peer;
  struct ending end;
};

enum halt {
  HALT_NONE,
  HALT_TRIALS,    /* study.trials, all done */
  HALT_STEPS,     /* study.steps, all spent */
  HALT_EXHAUSTED, /* no unseen point is left */
  HALT_TARGET,
  HALT_STALL,
  HALT_TIMEOUT,
  HALT_FAILURES,
  HALT_SIGNAL, /* the rest mean: more to do */
  HALT_WALLTIME,
  HALT_REQUEST, /* coxswain stop */
  HALT_WORKERS, /* none is left */
  HALT_ERROR
};

/* What it costs to keep a study, over all its runs: the attribute coxswain:timers. */
struct timers {
  double training; /* seconds, of all workers together */
  double stood;    /* seconds in which training stood still for packs */
  int64_t packs, pack_bytes;
  double pack_seconds;    /* until they were on disk */
  int64_t commits;        /* of the journal, in earlier runs */
  double journal_seconds; /* in which steering waited for them */
};

struct steer {
  const struct run_options *options;
  struct wire *wire;
  struct settings *conf;
  struct settings *next_conf; /* what the next start is to have, after coxswain set; NULL: the same */
  struct space space;
  struct study study;
  struct journal *journal;
  struct sampler sampler;
  struct schedule schedule;
  const struct evaluator_ops
      *evaluator; /* what its workers run; rank 0 only checks and asks it for steps and identity */
  char *folder, *study_file;
  bool maximize, ordered;
  bool runs_on;      /* schedule.pause = false: programs run on while their trials wait */
  bool fixed_points; /* --points: nothing is asked */

  struct peer *peers;
  size_t n_peers;
  struct peer **roomy; /* a heap of those that have room, the most free slots on top */
  size_t n_roomy;
  bool rooms_known;   /* false: news came, put them in order again */
  size_t team_size;   /* run.ranks_per_trial */
  int64_t team_id;    /* of the last team */
  bool loose;         /* a rank may want a team */
  size_t resting;     /* ranks that are too few for one */
  struct worker *own; /* rank 0's own worker; NULL if dedicated */
  struct comm *own_team;
  bool own_over;

  int *holder; /* (study.cap) which peer has the state of a trial in memory; -1: none */
  size_t cap_holder;
  int64_t *live; /* runs_on: trials that wait and whose programs may run on; see steer_live.c */
  size_t n_live, cap_live;
  int64_t *best; /* the run.keep best finished trials, best first */
  size_t n_best, keep;
  char **packs; /* names of packs the journal knows of and the folder holds */
  size_t n_packs, cap_packs;
  int64_t *checkpoints; /* trials that may have a folder of their program's checkpoints */
  size_t n_checkpoints, cap_checkpoints;
  int64_t aside_until; /* what was kept aside at earlier steps is removed */

  struct trial_queue due;   /* whose stint was cut short: handed out again first, in their order */
  struct trial_queue fresh; /* that never had a stint: points of the user's, or cut off before */
  int64_t next_order;       /* of the next new stint */
  struct waiting_end *waiting;
  size_t n_waiting, cap_waiting;

  enum halt halt;
  enum halt limit;  /* of the study, that is met; ordered: what is out comes in before it becomes `halt` */
  enum err failure; /* of a worker or of this rank: what HALT_ERROR and HALT_WORKERS end with */
  char failure_text[1024];
  bool leaving;     /* COMMAND_LEAVE has gone out */
  bool exhausted;   /* the sampler has no point left */
  bool unannounced; /* a worker is here that the log has not */
  double first_hello;
  double started, elapsed_before, last_loop, left_at, last_kept, last_noted, last_inbox, best_shown;
  double inbox_silent_until; /* after a word about what cannot be read there */
  struct display *display;

  struct snapshot *snapshot; /* being written; NULL: none */
  int64_t snapshot_at;       /* bytes of the journal that the last one stands for */
  bool no_snapshot;          /* it could not be written */

  struct walltime *walltime;
  struct timers timers;
  struct durations step_seconds;     /* of stints that ended in this run */
  double saving_before, step_before; /* as earlier runs knew them, 0.95 quantiles in seconds; 0: unknown */
  bool told_packs_stay;
  int64_t unsaved;                 /* trials whose worker left without bringing their states to disk */
  bool withheld;                   /* a stint would not have fitted into the time that is left */
  bool spent;                      /* a stint would not have fitted into study.steps */
  bool told_withheld;              /* ... the log says so */
  double takes_to_leave, asked_at; /* how long it would take to save everything, looked up now and then */
};

/* steer_open.c: settings, folder, journal, identity, sampler, schedule; the study as it was left. */
enum err steer_open(struct steer *s, struct wire *wire, const struct run_options *o);
void steer_close(struct steer *s);
void steer_note_settings(struct steer *s);                                         /* those that hold for a whole run */
enum err steer_write_settings(const struct steer *s, const struct settings *conf); /* study.cfg in the folder */
/* steer.c: the loop. */
enum err steer_loop(struct steer *s);

/* steer_record.c: into the journal's group and into the study. */
enum err steer_record(struct steer *s, const struct op *op);
enum err steer_attribute(struct steer *s, int64_t trial, bool system, const char *key,
                         const char *json); /* trial -1: study */
enum err steer_new_trial(struct steer *s, const struct params *point, int64_t key, bool enqueued, int64_t *number);
/* origin: its OP_PARENT or coxswain:confirms, with the number that is next. */
enum err steer_new_derived(struct steer *s, const struct params *point, const struct op *origin);
enum err steer_end_stint(struct steer *s, const struct trial *t, enum stint_end how, int64_t step, double seconds,
                         const char *reason);
enum err steer_end_trial(struct steer *s, int64_t trial, enum trial_state state, double value);

/* steer_snapshot.c: so that the next one need not read the whole journal. */
enum err steer_begin(void *steer, const char *journal, int fd, struct journal_mark *at); /* a journal_begin */
void steer_tell_schedule(struct steer *s); /* all that one would have heard so far */
void steer_snapshot(struct steer *s);      /* each turn, after the commit */
void steer_snapshot_now(struct steer *s);  /* if it is worth it; nothing is pending in the journal */

/* steer_news.c */
enum err steer_take_news(struct steer *s, bool *any);
enum err steer_take_end(struct steer *s, struct peer *p, struct ending *e); /* frees what is in it */
enum err steer_take_turns(struct steer *s);
/* The trial is about to be cancelled: its worker is told to stop, and what it still says of this stint is not heard. */
void steer_recall(struct steer *s, int64_t trial);

/* steer_workers.c */
void steer_welcome(struct steer *s, struct peer *p, struct reader *r); /* NEWS_HELLO */
void steer_note_moved(const struct steer *s, struct peer *p, int64_t moved);
enum err steer_watch_workers(struct steer *s);
/* Its trials are handed out again; blame: one of them may have done it. Leaves it PEER_GONE. */
enum err steer_lose(struct steer *s, struct peer *p, bool blame, const char *why);
struct peer *steer_peer_apart(struct steer *s); /* a free slot, with the fewest suspects beside it; NULL if none */

/* steer_team.c */
void steer_form_teams(struct steer *s);                         /* of ranks that are free for one */
void steer_scatter(struct steer *s, const struct peer *leader); /* its team is no more */
bool steer_has_hands(const struct steer *s);                    /* somebody works, or may yet */

/* steer_plan.c */
enum err steer_plan(struct steer *s);
enum err steer_issue(struct steer *s, int64_t number, int64_t to, int64_t order); /* a stint; there must be room */
enum halt steer_limit(const struct steer *s);         /* that ends a study in the middle; HALT_NONE */
bool steer_best_is_incomplete(const struct steer *s); /* are weights of the best missing, or being made again? */
size_t steer_out(const struct steer *s);              /* stints that are with our workers, or wait for their turn */

/* steer_confirm.c: the best again, with other random numbers. */
bool steer_has_to_confirm(const struct steer *s);
int64_t steer_repeats_out(const struct steer *s); /* that are not over */
enum err steer_confirm(struct steer *s,
                       bool *issued); /* one more goes out, if there is one to do; there must be room */
enum err steer_note_confirmed(struct steer *s, int64_t of); /* after the end of one of its repeats */

/* steer_room.c: who has room for a stint. */
struct peer *steer_roomiest(struct steer *s); /* the most free slots; NULL: nobody has room */
bool steer_has_room(struct steer *s, struct peer *p);
void steer_room_taken(struct steer *s, struct peer *p); /* a stint went out to it */

/* steer_time.c */
double steer_now(const struct steer *s);     /* of its wire: a simulation has a clock of its own */
double steer_elapsed(const struct steer *s); /* seconds over all jobs of the study */
void steer_learn_stint(struct steer *s, int64_t from, int64_t to, double seconds);
void steer_learn_pack(struct steer *s, struct peer *p, double seconds, double stood, int64_t bytes);
bool steer_must_leave(struct steer *s); /* by the rule of walltime.h */
/* May a stint of so many steps begin? Sets `withheld` if not. With run.ordered it may always: what is decided then does
 * not depend on the time of day, and what is cut is trained again. */
bool steer_has_time_for(struct steer *s, int64_t steps);
enum err steer_note_time(struct steer *s); /* elapsed time and timers into the journal */
void steer_recall_time(struct steer *s);   /* and out of it */

/* steer_live.c: programs that run on while their trials wait, and have a slot (schedule.pause = false). */
void steer_note_live(struct steer *s, int64_t trial); /* its stint was reached */
bool steer_is_live(const struct steer *s, const struct trial *t);
int64_t steer_live_with(struct steer *s, const struct peer *p); /* how many */
/* A slot is wanted: one of them is stopped, its trial over, or if all are good enough, one is let go on. False: there
 * is none. */
enum err steer_make_room(struct steer *s, bool *decided);
void steer_say_interrupted(const struct steer *s); /* at the end of a run: which begin anew in the next */

/* steer_checkpoints.c: folders in which programs keep theirs. */
enum err steer_list_checkpoints(struct steer *s);           /* of earlier runs */
void steer_note_checkpoint(struct steer *s, int64_t trial); /* a stint goes out that begins with nothing */
void steer_collect_checkpoints(struct steer *s);            /* after a commit: removes what nothing needs */

/* steer_set.c: settings that change while the study lives. */
#define STEER_EXHAUSTED "every point of the space has been tried"
/* "key=value" texts; *changes: a list of {key, was, now, at_once}. ERR_INPUT: refused. Commits. */
enum err steer_set(struct steer *s, const struct json_t *list, const char *name, struct json_t **changes);
enum err steer_recall_set(struct steer *s); /* what was set before this start, and still holds */

/* steer_keep.c: which states stay. */
void steer_restore_best(struct steer *s);             /* the run.keep best, as the study has them */
void steer_change_keep(struct steer *s, size_t keep); /* run.keep is another one now */
bool steer_is_best(const struct steer *s, int64_t trial);
void steer_keep_states(struct steer *s, int64_t trial); /* after its end: may the worker forget? */
void steer_forget(struct steer *s, int64_t trial);      /* the worker that has its state in memory lets go of it */
enum err steer_note_gone(struct steer *s);              /* before a commit, behind which packs are collected */
void steer_collect_packs(struct steer *s);              /* removes packs that nothing needs */
enum err steer_write_best(struct steer *s);             /* best/trial-NNNNNN.h5 */

/* steer_inbox.c: what other processes dropped into DIR/inbox. */
enum err steer_take_inbox(struct steer *s);
/* One request; *reply is NULL or a json_t that the caller decref()s. ERR_INPUT: refused, with nothing recorded but what
 * came before the fault in its list. The caller commits. */
struct json_t;
enum err steer_request(struct steer *s, const struct json_t *request, const char *name, struct json_t **reply);
enum err steer_ask(struct steer *s, int64_t n, struct json_t **points);
/* After a request while nobody runs the study: it may have completed it, or opened it again. */
enum err steer_settle(struct steer *s);
/* Enqueues the points of a JSON file (a list of objects, or of {"number": n, "params": {...}}). */
enum err steer_enqueue_file(struct steer *s, const char *path);

#endif
