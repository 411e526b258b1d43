/* A team that trains one network together: the leader's clock decides how far a quantum goes, all members end it at the
 * same unit with the same bits, and a member that is gone ends the quantum with an error instead of a hang. The members
 * are threads here, and sum at a table. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/trainer.h"
#include "testing.h"

enum { WIDTH = 4, TRAIN = 200, VALIDATION = 300, TEST = 40, ROWS = TRAIN + VALIDATION + TEST, MEMBERS = 3 };

static float x[ROWS * WIDTH];
static int32_t label[ROWS];
static char *part_names[] = {"train", "val", "test"}, *class_names[] = {"u", "v"};
static double class_weight[2];

static struct data make_data(void) {
  struct rng rng = rng_of(rng_key("team", 2));
  for (size_t i = 0; i < ROWS; i++) {
    label[i] = (int32_t)rng_below(&rng, 2);
    for (size_t j = 0; j < WIDTH; j++)
      x[i * WIDTH + j] = (float)rng_normal(&rng) + 0.5f * (float)label[i];
  }
  class_weight[0] = class_weight[1] = TRAIN / 2;
  struct data d = {.x = x, .label = label, .rows = ROWS, .width = WIDTH, .n_classes = 2, .n_parts = 3};
  d.part[0] = (struct range){0, TRAIN};
  d.part[1] = (struct range){TRAIN, VALIDATION};
  d.part[2] = (struct range){TRAIN + VALIDATION, TEST};
  for (size_t i = 0; i < 3; i++)
    d.part_name[i] = part_names[i];
  d.classes = class_names;
  d.class_weight = class_weight;
  return d;
}

static struct spec make_spec(void) {
  struct spec s = {.inputs = WIDTH, .outputs = 2, .n_hidden = 2, .loss = LOSS_softmax, .epochs = 4, .batch = 64};
  s.hidden[0] = (struct hidden_layer){8, ACTIVATION_relu, 0.1};
  s.hidden[1] = (struct hidden_layer){6, ACTIVATION_elu, 0};
  s.batch_norm = true;
  s.piece = 16;
  s.optimizer = OPTIMIZER_sgd;
  s.lr = 0.1;
  s.momentum = 0.9;
  s.rate = RATE_plateau;
  s.plateau.factor = 0.5;
  s.plateau.monitor = MONITOR_val_loss;
  s.value_is_best = true;
  for (size_t k = 0; k < SPEC_MAX_CLASSES; k++)
    s.class_weights[k] = 1;
  strcpy(s.metric, "val_loss");
  s.key = rng_key("trial", 1);
  return s;
}

/* ---- the table ---- */

struct table {
  pthread_barrier_t barrier;
  int size;
  void *x[MEMBERS];
  long sums, gone_after; /* every member calls the same sums: from this one on a peer is gone; 0: never */
};

static enum err table_sum(struct comm *c, void *v, size_t n, bool wide) {
  struct table *t = c->context;
  double *sum = MEM_NEW_ARRAY(double, n);
  t->x[c->rank] = v;
  if (pthread_barrier_wait(&t->barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
    t->sums++;
  for (int r = 0; r < t->size; r++)
    for (size_t i = 0; i < n; i++)
      sum[i] += wide ? ((double *)t->x[r])[i] : (double)((float *)t->x[r])[i];
  pthread_barrier_wait(&t->barrier);
  bool gone = t->gone_after > 0 && t->sums >= t->gone_after;
  for (size_t i = 0; i < n; i++)
    if (wide)
      ((double *)v)[i] = sum[i];
    else
      ((float *)v)[i] = (float)sum[i];
  free(sum);
  pthread_barrier_wait(&t->barrier);
  return gone ? FAIL(ERR_COMM, "rank %d of the team is gone", c->size - 1) : OK;
}
static enum err table_sum_float(struct comm *c, float *v, size_t n) {
  return table_sum(c, v, n, false);
}
static enum err table_sum_double(struct comm *c, double *v, size_t n) {
  return table_sum(c, v, n, true);
}
static const struct comm_ops table_ops = {"table", table_sum_float, table_sum_double, NULL, NULL};

/* ---- members ---- */

struct member {
  struct comm comm;
  pthread_t thread;
  const struct data *data;
  double seconds; /* of a quantum */
  enum err result;
  long quanta;
  uint32_t middle, end; /* sums over the state after the first quantum and at the end */
  double value, test_loss;
};

static void finish(struct member *m, struct trainer *t) {
  struct train_report r;
  bool over = false;
  for (m->quanta = 0; !over && m->quanta < 100000; m->quanta++) {
    struct state state;
    m->result = t->ops->advance(t, m->seconds);
    if (m->result != OK)
      return;
    state_init(&state);
    t->ops->snapshot(t, 0, &state);
    m->end = state_crc(&state);
    if (m->quanta == 0)
      m->middle = m->end;
    state_free(&state);
    while (t->ops->report(t, &r)) {
      over = over || r.event == SLOT_FINISHED;
      m->value = r.value;
      m->test_loss = params_double(&r.metrics, "test_loss", (double)NAN);
      params_free(&r.metrics);
    }
  }
}

static void *row(void *argument) {
  struct member *m = argument;
  struct trainer_options o = {.data = m->data, .slots = 1, .threads = 1, .comm = m->comm.size > 1 ? &m->comm : NULL};
  struct spec spec = make_spec();
  struct trainer *t;
  m->result = trainer_open(&t, "net", &o);
  if (m->result == OK)
    m->result = t->ops->admit(t, 0, &spec, NULL, spec.epochs);
  if (m->result == OK)
    finish(m, t);
  trainer_close(t);
  return NULL;
}

/* Only the leader has the seconds it says: the others' clocks must not matter. */
static void row_together(struct member members[MEMBERS], const struct data *d, int size, double seconds, long gone) {
  struct table table = {.size = size, .gone_after = gone};
  pthread_barrier_init(&table.barrier, NULL, (unsigned)size);
  for (int r = 0; r < size; r++) {
    members[r] = (struct member){.data = d, .seconds = r == 0 ? seconds : 1 - seconds};
    members[r].comm = (struct comm){.ops = &table_ops, .rank = r, .size = size, .context = &table};
    REQUIRE(pthread_create(&members[r].thread, NULL, row, &members[r]) == 0);
  }
  for (int r = 0; r < size; r++)
    pthread_join(members[r].thread, NULL);
  pthread_barrier_destroy(&table.barrier);
}

static void test_members_agree(void) {
  struct data d = make_data();
  struct member alone[MEMBERS], team[MEMBERS], again[MEMBERS];
  row_together(alone, &d, 1, 0, 0);
  CHECK(alone[0].result == OK);
  for (int size = 2; size <= MEMBERS; size++) {
    row_together(team, &d, size, 0, 0);     /* unit by unit */
    row_together(again, &d, size, 3600, 0); /* in one go */
    for (int r = 0; r < size; r++) {
      CHECK(team[r].result == OK && again[r].result == OK);
      CHECK(team[r].quanta == team[0].quanta && again[r].quanta == again[0].quanta);
      CHECK(team[r].middle == team[0].middle && again[r].middle == again[0].middle);
      CHECK(team[r].end == team[0].end && again[r].end == team[0].end);
      CHECK(team[r].test_loss == team[0].test_loss);
      CHECK_NEAR(team[r].value, alone[0].value, 2e-3);
    }
    CHECK(team[0].quanta > 20 && again[0].quanta == 1);
  }
}

static void test_a_member_is_gone(void) {
  struct data d = make_data();
  struct member team[MEMBERS];
  for (long gone = 1; gone < 40; gone += 7) {
    row_together(team, &d, 2, 1, gone);
    CHECK(team[0].result == ERR_COMM && team[1].result == ERR_COMM);
  }
}

static void test_a_team_has_one_slot(void) {
  struct data d = make_data();
  struct comm comm = {.ops = &table_ops, .size = 2};
  struct trainer_options o = {.data = &d, .slots = 2, .threads = 1, .comm = &comm};
  struct trainer *t = NULL;
  CHECK(trainer_open(&t, "net", &o) == ERR_BUG);
  CHECK(t == NULL);
  err_clear();
}

int main(void) {
  return TEST_MAIN("trainer_team", {"members agree, whatever their clocks say", test_members_agree},
                   {"a member is gone", test_a_member_is_gone}, {"a team has one slot", test_a_team_has_one_slot});
}
