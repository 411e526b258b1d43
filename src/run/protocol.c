#include "run/protocol.h"

#include <stdlib.h>

void assignment_free(struct assignment *a) {
  params_free(&a->params);
  free(a->saved[0].pack);
  free(a->saved[1].pack);
  free(a->start.pack);
}

static void put_ref(struct strbuf *b, const struct state_ref *r) {
  put_text(b, r->pack);
  put_i64(b, r->step);
}

static void get_ref(struct reader *r, struct state_ref *ref) {
  ref->pack = get_text(r);
  ref->step = get_i64(r);
}

void put_assignment(struct strbuf *b, const struct assignment *a) {
  put_i64(b, a->trial);
  put_i64(b, a->key);
  put_i64(b, a->id);
  put_i64(b, a->from);
  put_i64(b, a->to);
  put_params(b, &a->params);
  put_ref(b, &a->saved[0]);
  put_ref(b, &a->saved[1]);
  put_i64(b, a->parent);
  put_ref(b, &a->start);
  put_i64(b, a->durable);
}

void get_assignment(struct reader *r, struct assignment *a) {
  *a = (struct assignment){.trial = get_i64(r)};
  a->key = get_i64(r);
  a->id = get_i64(r);
  a->from = get_i64(r);
  a->to = get_i64(r);
  params_init(&a->params);
  get_params(r, &a->params);
  get_ref(r, &a->saved[0]);
  get_ref(r, &a->saved[1]);
  a->parent = get_i64(r);
  get_ref(r, &a->start);
  a->durable = get_i64(r) != 0;
}

void ending_free(struct ending *e) {
  params_free(&e->metrics);
  free(e->reason);
}

void put_ending(struct strbuf *b, const struct ending *e) {
  put_i64(b, e->trial);
  put_i64(b, e->id);
  put_i64(b, e->step);
  put_i64(b, e->how);
  put_f64(b, e->value);
  put_f64(b, e->seconds);
  put_params(b, &e->metrics);
  put_text(b, e->reason);
}

void get_ending(struct reader *r, struct ending *e) {
  *e = (struct ending){.trial = get_i64(r)};
  e->id = get_i64(r);
  e->step = get_i64(r);
  e->how = (enum stint_end)get_i64(r);
  e->value = get_f64(r);
  e->seconds = get_f64(r);
  params_init(&e->metrics);
  get_params(r, &e->metrics);
  e->reason = get_text(r);
}
