/* Preflight over the wire: who is there, what each one measures, how far its clock is. */
#include "run/preflight.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "par/message.h"

/* Rank 0 asks, the others answer; an answer begins with the question it is for. */
enum question { ASK_HOST, ASK_MEASURE /* first, folder, token file, token */, ASK_CLOCK, ASK_END /* abandon */ };

/* ---- a rank's own facts as a message ---- */

static void put_rank(struct strbuf *b, const struct preflight_rank *r) {
#define PUT_MEMBER(name) put_text(b, r->name);
  PREFLIGHT_TEXTS(PUT_MEMBER)
#undef PUT_MEMBER
#define PUT_MEMBER(name) put_i64(b, r->name);
  PREFLIGHT_WHOLES(PUT_MEMBER)
#undef PUT_MEMBER
#define PUT_MEMBER(name) put_f64(b, r->name);
  PREFLIGHT_REALS(PUT_MEMBER)
#undef PUT_MEMBER
}

static void get_rank(struct reader *in, struct preflight_rank *r) {
  preflight_rank_free(r);
#define GET_MEMBER(name) r->name = get_text(in);
  PREFLIGHT_TEXTS(GET_MEMBER)
#undef GET_MEMBER
#define GET_MEMBER(name) r->name = get_i64(in);
  PREFLIGHT_WHOLES(GET_MEMBER)
#undef GET_MEMBER
#define GET_MEMBER(name) r->name = get_f64(in);
  PREFLIGHT_REALS(GET_MEMBER)
#undef GET_MEMBER
  r->answered = true;
}

static double wall_clock(void) {
  struct timeval t;
  gettimeofday(&t, NULL);
  return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

/* ---- the other ranks ---- */

static void answer_host(struct strbuf *out) {
  char *host = preflight_host();
  put_i64(out, ASK_HOST);
  put_text(out, host);
  free(host);
}

static void answer_measure(int rank, const struct preflight_options *o, struct reader *in, struct strbuf *out) {
  struct preflight_rank r = {.rank = rank, .first = get_i64(in)};
  char *folder = get_text(in), *token_file = get_text(in), *token = get_text(in);
  preflight_measure(&r, o, folder, token_file, token);
  put_i64(out, ASK_MEASURE);
  put_rank(out, &r);
  preflight_rank_free(&r);
  free(folder);
  free(token_file);
  free(token);
}

static enum err answer_all(struct wire *wire, const struct preflight_options *o, double patience, bool *abandon) {
  struct strbuf in = STRBUF_INIT, out = STRBUF_INIT;
  enum err e = OK;
  bool over = false;
  for (double heard = clock_seconds(); e == OK && !over;) {
    bool got = false;
    e = wire_from_steer(wire, &got, &in);
    if (e == OK && !got && (clock_seconds() - heard > patience || stop_requested() == STOP_NOW))
      e = FAIL(ERR_COMM, "rank 0 says nothing for %.0f s", clock_seconds() - heard);
    wire_idle(wire, got);
    if (!got || e != OK)
      continue;
    struct reader r = reader_of(&in);
    strbuf_clear(&out);
    heard = clock_seconds();
    switch ((enum question)get_i64(&r)) {
    case ASK_HOST:
      answer_host(&out);
      break;
    case ASK_MEASURE:
      answer_measure(wire_rank(wire), o, &r, &out);
      break;
    case ASK_CLOCK:
      put_i64(&out, ASK_CLOCK);
      put_f64(&out, wall_clock());
      break;
    case ASK_END:
      *abandon = get_i64(&r) != 0;
      over = true;
      continue;
    }
    e = wire_to_steer(wire, &out);
  }
  strbuf_free(&in);
  strbuf_free(&out);
  return e;
}

/* ---- rank 0 ---- */

struct gather {
  struct wire *wire;
  struct preflight *p;
  double patience;
  char *place, *token_file, *token;
  int lock; /* on the token file; -1: none */
};

static enum err ask(struct gather *g, int rank, enum question q, bool flag) {
  struct strbuf b = STRBUF_INIT;
  put_i64(&b, q);
  if (q == ASK_MEASURE || q == ASK_END)
    put_i64(&b, flag);
  if (q == ASK_MEASURE) {
    put_text(&b, g->place);
    put_text(&b, g->token_file);
    put_text(&b, g->token);
  }
  enum err e = wire_to_worker(g->wire, rank, &b);
  strbuf_free(&b);
  return e;
}

static void take_answer(struct preflight_rank *r, struct reader *in) {
  switch ((enum question)get_i64(in)) {
  case ASK_HOST:
    free(r->host);
    r->host = get_text(in);
    break;
  case ASK_MEASURE: {
    int64_t rank = r->rank;
    get_rank(in, r);
    r->rank = rank;
    break;
  }
  case ASK_CLOCK:
    r->clock = get_f64(in);
    break;
  case ASK_END:
    break;
  }
}

/* Takes answers until `wanted` ranks have answered or nobody has for too long; marks who did. A late answer to an
 * earlier question does not count as one to this. */
static enum err hear(struct gather *g, enum question q, size_t wanted, bool *heard) {
  struct strbuf in = STRBUF_INIT;
  enum err e = OK;
  double last = clock_seconds();
  for (size_t n = 0; n < wanted && clock_seconds() - last < g->patience && stop_requested() == STOP_NONE;) {
    int from = -1;
    TRY_GOTO(e, done, wire_from_workers(g->wire, &from, &in));
    wire_idle(g->wire, from >= 0);
    if (from < 0 || (size_t)from >= g->p->n_ranks)
      continue;
    struct reader peek = reader_of(&in), r = peek;
    bool counts = get_i64(&peek) == (int64_t)q && !heard[from];
    take_answer(&g->p->ranks[from], &r);
    if (counts) {
      heard[from] = true;
      last = clock_seconds();
      n++;
    }
  }
  e = stop_check("preflight");
done:
  strbuf_free(&in);
  return e;
}

static enum err ask_hosts(struct gather *g, bool *heard) {
  struct preflight *p = g->p;
  for (size_t i = 1; i < p->n_ranks; i++)
    TRY(ask(g, (int)i, ASK_HOST, false));
  return hear(g, ASK_HOST, p->n_ranks - 1, heard);
}

static bool is_first_of_host(const struct preflight *p, size_t rank) {
  for (size_t i = 0; i < rank; i++)
    if (p->ranks[i].host && !strcmp(p->ranks[i].host, p->ranks[rank].host))
      return false;
  return true;
}

/* All at once, rank 0 among them. */
static enum err measure_all(struct gather *g, const struct preflight_options *o, const bool *there, bool *heard) {
  struct preflight *p = g->p;
  size_t asked = 0;
  for (size_t i = 1; i < p->n_ranks; i++)
    if (there[i]) {
      TRY(ask(g, (int)i, ASK_MEASURE, is_first_of_host(p, i)));
      asked++;
    }
  preflight_measure(&p->ranks[0], o, g->place, g->token_file, g->token);
  return hear(g, ASK_MEASURE, asked, heard);
}

/* One host after the other: the answer is half a round trip old. */
static enum err compare_clocks(struct gather *g) {
  struct preflight *p = g->p;
  bool *heard = MEM_NEW_ARRAY(bool, p->n_ranks);
  enum err e = OK;
  for (size_t i = 1; i < p->n_ranks; i++) {
    struct preflight_rank *r = &p->ranks[i];
    if (!r->answered || !r->first)
      continue;
    double start = wall_clock();
    TRY_GOTO(e, done, ask(g, (int)i, ASK_CLOCK, false));
    TRY_GOTO(e, done, hear(g, ASK_CLOCK, 1, heard));
    double end = wall_clock();
    r->answered = heard[i];
    r->clock_wide = (end - start) / 2;
    r->clock = heard[i] ? r->clock - (start + end) / 2 : 0;
  }
done:
  free(heard);
  return e;
}

static enum err gather(struct gather *g, const struct preflight_options *o) {
  size_t n = g->p->n_ranks;
  bool *there = MEM_NEW_ARRAY(bool, n), *measured = MEM_NEW_ARRAY(bool, n);
  enum err e = ask_hosts(g, there);
  if (e == OK)
    e = measure_all(g, o, there, measured);
  if (e == OK)
    e = compare_clocks(g);
  free(there);
  free(measured);
  return e;
}

/* ---- the token: a file that only this folder can have, under a lock ---- */

static void make_token(struct gather *g) {
  struct strbuf name = STRBUF_INIT, token = STRBUF_INIT;
  strbuf_printf(&name, ".preflight-token-%ld", (long)getpid());
  strbuf_printf(&token, "%.6f %ld %.9f", wall_clock(), (long)getpid(), clock_seconds());
  g->token_file = path_join(g->place, name.text);
  g->token = strbuf_detach(&token);
  strbuf_free(&name);
  if (file_write_atomic(g->token_file, g->token, strlen(g->token)) != OK)
    g->token[0] = '\0'; /* measuring says what is wrong */
  else if (file_lock(g->token_file, 0, &g->lock) != OK)
    g->p->ranks[0].lock_fault = mem_strdup(err_text());
  err_clear();
}

/* What runs that were killed in here left behind; none takes ten minutes. */
static void remove_left(const struct gather *g) {
  char **names;
  size_t n;
  struct stat ours, left;
  if (stat(g->token_file, &ours) != 0 || file_list(g->place, "", &names, &n) != OK) {
    err_clear();
    return;
  }
  for (size_t i = 0; i < n; i++) {
    char *path = path_join(g->place, names[i]);
    if (!strncmp(names[i], ".preflight-", strlen(".preflight-")) && stat(path, &left) == 0 &&
        ours.st_mtime - left.st_mtime > 600)
      unlink(path);
    free(path);
  }
  file_list_free(names, n);
}

static void remove_token(struct gather *g) {
  if (g->lock >= 0)
    file_unlock(g->lock);
  if (g->token_file)
    unlink(g->token_file);
  free(g->token_file);
  free(g->token);
  free(g->place);
}

static enum err lead(struct wire *wire, const struct preflight_options *o, double patience, struct preflight *p,
                     bool *abandon) {
  struct gather g = {.wire = wire, .p = p, .patience = patience, .place = preflight_place(o->folder), .lock = -1};
  p->folder = mem_strdup(g.place);
  p->wire = wire_facts(wire);
  p->n_ranks = (size_t)wire_size(wire);
  p->ranks = MEM_NEW_ARRAY(struct preflight_rank, p->n_ranks);
  for (size_t i = 0; i < p->n_ranks; i++)
    p->ranks[i].rank = (int64_t)i;
  p->ranks[0].host = preflight_host();
  p->ranks[0].first = 1;
  make_token(&g);
  remove_left(&g);
  enum err e = gather(&g, o);
  remove_token(&g);
  for (size_t i = 0; i < p->n_ranks; i++)
    *abandon = *abandon || !p->ranks[i].answered;
  *abandon = *abandon || e != OK;
  for (size_t i = 1; i < p->n_ranks; i++)
    (void)ask(&g, (int)i, ASK_END, *abandon);
  TRY(e);
  preflight_judge(p, o);
  return OK;
}

enum err preflight_run(struct wire *wire, const struct preflight_options *o, struct preflight *out, bool *abandon) {
  double patience = o->patience > 0 ? o->patience : 60;
  *out = (struct preflight){0};
  *abandon = false;
  stop_catch_signals();
  if (wire_rank(wire) == 0)
    return lead(wire, o, patience, out, abandon);
  /* Rank 0 waits for the slowest at each question: its own silence must be allowed to be longer. */
  enum err e = answer_all(wire, o, 60 + 4 * patience, abandon);
  *abandon = *abandon || e != OK;
  return e;
}

void preflight_free(struct preflight *p) {
  for (size_t i = 0; i < p->n_ranks; i++)
    preflight_rank_free(&p->ranks[i]);
  for (size_t i = 0; i < p->n_problems; i++) {
    free(p->problems[i].what);
    free(p->problems[i].cure);
  }
  free(p->ranks);
  free(p->problems);
  free(p->folder);
  *p = (struct preflight){0};
}

/* ---- the short form ---- */

static enum err report_problems(const struct preflight *p) {
  const struct preflight_rank *r = &p->ranks[0];
  const bool disk = r->folder_fault || r->disk_free < 1 << 20 || r->files_free == 0; /* as judge_folder has it */
  const enum err code = disk ? ERR_IO : ERR_INPUT;
  enum err e = OK;
  for (size_t i = 0; i < p->n_problems; i++) {
    const struct preflight_problem *one = &p->problems[i];
    if (one->grave && e == OK)
      e = FAIL(code, "preflight: %s: %s", one->what, one->cure);
    else
      log_warn("preflight: %s: %s", one->what, one->cure);
  }
  return e;
}

enum err preflight_short(const struct wire *wire, const char *folder) {
  struct preflight p = {.n_ranks = 1, .ranks = MEM_NEW(struct preflight_rank), .wire = wire_facts(wire)};
  struct preflight_options o = {.folder = folder, .seconds = 1e-6, .sample_bytes = 1 << 16};
  struct gather g = {.p = &p, .place = preflight_place(folder), .lock = -1};
  p.folder = mem_strdup(g.place);
  p.ranks[0].first = 1;
  make_token(&g);
  preflight_measure(&p.ranks[0], &o, g.place, g.token_file, g.token);
  remove_token(&g);
  preflight_judge(&p, &o);
  enum err e = report_problems(&p);
  preflight_free(&p);
  return e;
}

enum err preflight_see(const char *folder) {
  char *packs = path_join(folder, "packs"), *host = preflight_host();
  enum err e = file_is_folder(packs) ? OK
                                     : FAIL(ERR_INPUT,
                                            "%s does not see the study folder %s: put it on a file system that all "
                                            "hosts share (--out, run.out)",
                                            host, folder);
  free(packs);
  free(host);
  return e;
}
