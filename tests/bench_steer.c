/* bench_steer [WORKERS [TRIALS [SECONDS]]]: how many messages a second steering gets through, with simulated workers
 * (27648) in this process. The real steering, journal and all; in place of par/wire.c stand queues, and behind them
 * workers of one slot that end each stint SECONDS (0) after they got it. For scripts/bench_steering.sh; not a test. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "par/neighbours.h"
#include "par/wire.h"
#include "run/protocol.h"
#include "run/run.h"

struct letter {
  int from;
  double due; /* not to be read before */
  struct strbuf text;
};

struct wire {
  int size;
  double takes;           /* a stint, in seconds */
  struct letter *letters; /* to rank 0; all take the same time, so they are due in the order written */
  size_t first, n, cap;
  struct rng rng;
  int64_t *moved; /* by rank */
  bool *greeted;
  bool working;
  double began, ended, turn_began, longest, in_turns; /* of turns, from one wire_idle to the next */
  int64_t messages, stints, turns;
};

/* ---- a worker ---- */

static struct strbuf *write_letter(struct wire *w, int from, double due) {
  MEM_GROW(w->letters, w->n, &w->cap);
  struct letter *l = &w->letters[w->n++];
  *l = (struct letter){.from = from, .due = due};
  strbuf_init(&l->text);
  return &l->text;
}

static void say_hello(struct wire *w, int rank) {
  char host[32];
  struct strbuf *b = write_letter(w, rank, 0);
  snprintf(host, sizeof host, "n%04d", rank / 6);
  put_i64(b, NEWS_HELLO);
  put_i64(b, 0); /* never told to drop anything, in no team */
  put_i64(b, 0);
  put_i64(b, 1);
  put_i64(b, 1);
  put_text(b, host);
  put_text(b, "simulated");
}

/* One message a stint: a beat, a report, the end, as a worker of short trials says it. */
static void end_stint(struct wire *w, int rank, struct reader *r) {
  struct assignment a;
  get_assignment(r, &a);
  struct ending e = {.trial = a.trial, .id = a.id, .step = a.to, .how = STINT_reached};
  e.value = rng_uniform(&w->rng) / (double)a.to;
  e.seconds = w->takes;
  struct strbuf *b = write_letter(w, rank, w->takes > 0 ? clock_seconds() + w->takes : 0);
  put_i64(b, NEWS_BEAT);
  put_f64(b, w->takes);
  put_f64(b, w->takes);
  put_i64(b, 1);
  put_f64(b, 0.05);
  put_i64(b, NEWS_MOVED);
  put_i64(b, ++w->moved[rank]);
  put_i64(b, NEWS_REPORT);
  put_ending(b, &e);
  e.how = a.to >= 9 ? STINT_finished : STINT_reached;
  put_i64(b, NEWS_END);
  put_ending(b, &e);
  assignment_free(&a);
  w->stints++;
}

static void hear(struct wire *w, int rank, const struct strbuf *message) {
  struct reader r = reader_of(message);
  int64_t command = get_i64(&r);
  if (command == COMMAND_START) {
    say_hello(w, rank);
    return;
  }
  for (;; command = get_i64(&r)) {
    if (command == COMMAND_STINT)
      end_stint(w, rank, &r);
    else if (command == COMMAND_FORGET || command == COMMAND_CANCEL)
      (void)get_i64(&r);
    else if (command == COMMAND_LEAVE) {
      (void)get_i64(&r);
      put_i64(write_letter(w, rank, 0), NEWS_BYE);
    } else
      return;
    if (!reader_more(&r))
      return;
  }
}

/* ---- the wire ---- */

enum err wire_to_worker(struct wire *w, int rank, const struct strbuf *message) {
  if (w->greeted[rank]) /* the first message is the layout of ranks */
    hear(w, rank, message);
  w->greeted[rank] = true;
  return OK;
}

enum err wire_from_workers(struct wire *w, int *from, struct strbuf *out) {
  struct letter *l = w->first < w->n ? &w->letters[w->first] : NULL;
  *from = -1;
  if (!l || (l->due > 0 && l->due > clock_seconds()))
    return OK;
  strbuf_free(out);
  *out = l->text;
  *from = l->from;
  w->messages++;
  if (++w->first == w->n)
    w->first = w->n = 0;
  return OK;
}

/* A turn of steering ends here. The first that brought news is the greeting of all: what
 * counts comes after it. */
void wire_idle(struct wire *w, bool busy) {
  double now = clock_seconds();
  if (w->working && busy) {
    w->longest = fmax(w->longest, now - w->turn_began);
    w->in_turns += now - w->turn_began;
    w->turns++;
    w->ended = now;
  }
  if (busy && !w->working) {
    w->working = true;
    w->began = now;
    w->messages = 0;
  }
  if (!busy)
    clock_sleep(0.0005);
  w->turn_began = clock_seconds();
}

int wire_rank(const struct wire *w) {
  (void)w;
  return 0;
}

int wire_size(const struct wire *w) {
  return w->size;
}

struct comm *wire_team(const struct wire *w, int k, double deadline) {
  (void)w, (void)k, (void)deadline;
  return NULL;
}

struct wire_facts wire_facts(const struct wire *w) {
  return (struct wire_facts){.level = "none", .level_suffices = true, .ranks = w->size};
}

void wire_keep_alive(struct wire *w) {
  (void)w;
}

void wire_patience(struct wire *w, double lost_after, double hung_after) {
  (void)w, (void)lost_after, (void)hung_after;
}

enum err wire_check_steer(const struct wire *w) {
  (void)w;
  return OK;
}

enum err wire_to_steer(struct wire *w, const struct strbuf *message) {
  (void)w, (void)message;
  return OK;
}

enum err wire_from_steer(struct wire *w, bool *got, struct strbuf *out) {
  (void)w, (void)out;
  *got = false;
  return OK;
}

const struct neighbours *wire_neighbours(const struct wire *w) {
  (void)w;
  return NULL;
}

/* ---- the run ---- */

static const char study[] = "evaluator = \"function\";\n"
                            "study = { name = \"bench\"; metric = \"value\"; };\n"
                            "function = { steps = 9; };\n"
                            "schedule = { name = \"halving\"; };\n"
                            "run = { steer = \"dedicated\"; };\n"
                            "space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; };\n"
                            "  lr = { low = 1e-5; high = 0.1; log = true; }; width = { low = 16; high = 256; };\n"
                            "  optimizer = (\"adam\", \"sgd\"); dropout = { low = 0.0; high = 0.5; }; };\n";

int main(int argc, char **argv) {
  int workers = argc > 1 ? atoi(argv[1]) : 27648;
  long long trials = argc > 2 ? atoll(argv[2]) : 200000;
  struct wire w = {.size = workers + 1, .takes = argc > 3 ? atof(argv[3]) : 0, .rng = rng_of(rng_key("bench", 1))};
  char wanted[64];
  bool abandon;
  if (workers < 1 || trials < 1) {
    fprintf(stderr, "usage: bench_steer [WORKERS [TRIALS [SECONDS]]]\n");
    return 2;
  }
  snprintf(wanted, sizeof wanted, "study.trials=%lld", trials);
  w.moved = MEM_NEW_ARRAY(int64_t, w.size);
  w.greeted = MEM_NEW_ARRAY(bool, w.size);
  log_levels(LOG_WARN, LOG_WARN);
  struct run_options o = {
      .study_file = "bench_steer.cfg", .overrides = (const char *[]){wanted}, .n_overrides = 1, .quiet = true};
  enum err e = file_write_atomic(o.study_file, study, sizeof study - 1);
  if (e == OK)
    e = run_study(&w, &o, &abandon);
  if (e != OK) {
    fprintf(stderr, "bench_steer: %s\n", err_text());
    return err_exit_code(e);
  }
  double seconds = w.ended - w.began;
  printf("%d workers, %lld stints of %lld trials in %.2f s: %.0f messages/s\n", workers, (long long)w.stints, trials,
         seconds, (double)w.messages / seconds);
  printf("%lld turns with news, %.1f ms each, the longest %.0f ms\n", (long long)w.turns,
         1e3 * w.in_turns / (double)(w.turns ? w.turns : 1), 1e3 * w.longest);
  free(w.letters);
  free(w.moved);
  free(w.greeted);
  return 0;
}
