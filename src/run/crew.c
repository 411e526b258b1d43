#include "run/crew.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/progress.h"
#include "par/message.h"

enum call { CALL_ADMIT, CALL_ADVANCE, CALL_SNAPSHOT, CALL_EVICT, CALL_IDLE, CALL_DISMISS, CALL_RELEASE };

static enum err announce(struct evaluator *e, enum call call, struct strbuf *details) {
  struct comm *c = e->options.comm;
  if (!c)
    return OK;
  int64_t head[2] = {call, details ? (int64_t)details->len : 0};
  TRY(comm_broadcast(c, head, sizeof head));
  if (details && details->len)
    TRY(comm_broadcast(c, details->text, details->len));
  return OK;
}

static enum err announce_slot(struct evaluator *e, enum call call, size_t slot) {
  struct strbuf b = STRBUF_INIT;
  put_i64(&b, (int64_t)slot);
  enum err code = announce(e, call, &b);
  strbuf_free(&b);
  return code;
}

enum err crew_admit(struct evaluator *e, size_t slot, const struct work *w, const struct state *start) {
  if (e->options.comm) {
    struct strbuf b = STRBUF_INIT;
    put_i64(&b, (int64_t)slot);
    put_i64(&b, w->trial);
    put_i64(&b, w->key);
    put_i64(&b, w->from);
    put_i64(&b, w->to);
    put_params(&b, &w->params);
    put_i64(&b, start != NULL);
    if (start)
      state_pack(start, &b); /* last: takes the rest */
    enum err code = announce(e, CALL_ADMIT, &b);
    strbuf_free(&b);
    TRY(code);
  }
  return e->ops->admit(e, slot, w, start);
}

enum err crew_advance(struct evaluator *e, double seconds) {
  TRY(announce(e, CALL_ADVANCE, NULL));
  return e->ops->advance(e, seconds);
}

enum err crew_snapshot(struct evaluator *e, size_t slot, struct state *out) {
  TRY(announce_slot(e, CALL_SNAPSHOT, slot));
  return e->ops->snapshot(e, slot, out);
}

enum err crew_evict(struct evaluator *e, size_t slot) {
  TRY(announce_slot(e, CALL_EVICT, slot));
  e->ops->evict(e, slot);
  return OK;
}

enum err crew_idle(struct evaluator *e) {
  return announce(e, CALL_IDLE, NULL);
}
enum err crew_dismiss(struct evaluator *e) {
  return announce(e, CALL_DISMISS, NULL);
}
enum err crew_release(struct evaluator *e) {
  return announce(e, CALL_RELEASE, NULL);
}

static enum err follow_admit(struct evaluator *e, size_t slot, struct reader *r) {
  struct work w = {.trial = get_i64(r)};
  struct state start;
  state_init(&start);
  w.key = get_i64(r);
  w.from = get_i64(r);
  w.to = get_i64(r);
  params_init(&w.params);
  get_params(r, &w.params);
  bool has_start = get_i64(r) != 0;
  enum err code = r->bad ? FAIL(ERR_BUG, "team: a stint came in garbled") : OK;
  if (code == OK && has_start)
    code = state_unpack(&start, r->bytes + r->at, r->n - r->at);
  if (code == OK)
    code = e->ops->admit(e, slot, &w, has_start ? &start : NULL);
  params_free(&w.params);
  state_free(&start);
  /* What no network can be is the leader's to report; the member just leaves its slot empty too. */
  return code == ERR_INPUT || code == ERR_DAMAGED ? OK : code;
}

/* Outcomes are the leader's to report: the members make the same ones and drop them. */
static void drop_outcomes(struct evaluator *e) {
  struct outcome o;
  while (e->ops->outcome(e, &o))
    params_free(&o.metrics);
}

static enum err follow_call(struct evaluator *e, enum call call, struct reader *r) {
  size_t slot = call == CALL_ADMIT || call == CALL_SNAPSHOT || call == CALL_EVICT ? (size_t)get_i64(r) : 0;
  enum err code = OK;
  switch (call) {
  case CALL_ADMIT:
    return follow_admit(e, slot, r);
  case CALL_ADVANCE:
    code = e->ops->advance(e, 0);
    drop_outcomes(e);
    return code;
  case CALL_SNAPSHOT: {
    struct state unused;
    state_init(&unused);
    code = e->ops->snapshot(e, slot, &unused);
    state_free(&unused);
    return code;
  }
  case CALL_EVICT:
    e->ops->evict(e, slot);
    return OK;
  case CALL_IDLE:
  case CALL_DISMISS:
  case CALL_RELEASE:
    return OK;
  }
  return FAIL(ERR_BUG, "team: unknown call %d", (int)call);
}

enum err crew_follow(struct evaluator *e, bool *released) {
  struct comm *c = e->options.comm;
  for (;;) {
    int64_t head[2];
    struct strbuf b = STRBUF_INIT;
    progress_made("following its team");
    TRY(comm_broadcast(c, head, sizeof head));
    if (head[1] > 0) {
      char *bytes = mem_alloc((size_t)head[1]);
      enum err code = comm_broadcast(c, bytes, (size_t)head[1]);
      strbuf_add(&b, bytes, (size_t)head[1]);
      free(bytes);
      TRY(code);
    }
    struct reader r = reader_of(&b);
    enum err code = follow_call(e, (enum call)head[0], &r);
    strbuf_free(&b);
    TRY(code);
    *released = head[0] == CALL_RELEASE;
    if (*released || head[0] == CALL_DISMISS)
      return OK;
  }
}
