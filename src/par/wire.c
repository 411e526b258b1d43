#include "par/wire.h"

#include <errno.h>
#include <math.h>
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/host.h"
#include "base/mem.h"
#include "par/comm_mpi.h"

enum { TAG_TO_STEER = 1, TAG_TO_WORKER = 2 };

/* Messages of rank 0 to itself, first in first out. */
struct queue {
  struct strbuf *items;
  size_t first, n, cap;
};

/* A message that MPI may still read. */
struct sending {
  MPI_Request request;
  struct strbuf bytes;
};

/* A message that MPI may still write. */
struct receiving {
  MPI_Request request;
  int from;
  char *bytes;
  size_t n;
};

/* Where a process is: of two in the same place each can see whether the other is there. */
struct whereabouts {
  char place[HOST_SPACE_SIZE]; /* in which the number means something; "" if that cannot be told */
  int64_t process;
};

struct wire {
  const struct wire_ends *ends; /* of a simulation; NULL: ranks are processes */
  void *ends_context;
  bool mpi;
  int rank, size, level;
  struct neighbours neighbours;
  struct whereabouts steer;
  bool near_steer;               /* rank 0 is in the same place */
  double lost_after, hung_after; /* seconds */
  double *told;                  /* (size) rank 0: when a rank was last sent something */
  double kept_alive;             /* rank 0: when all were last looked through */
  double silence, looked;        /* others: seconds without a word of rank 0, as far as somebody looked */
  struct queue to_steer, to_worker;
  struct sending *sending;
  size_t n_sending, cap_sending;
  size_t sweep_at;             /* so many under way are looked at again: not all of them for each one more */
  struct receiving *receiving; /* in the order they were sent, of each rank */
  size_t n_receiving, cap_receiving;
  double idle; /* seconds the next wait takes */
};

static void queue_push(struct queue *q, const struct strbuf *message) {
  MEM_GROW(q->items, q->n, &q->cap);
  struct strbuf *copy = &q->items[q->n++];
  strbuf_init(copy);
  strbuf_add(copy, message->text, message->len);
}

static bool queue_pop(struct queue *q, struct strbuf *out) {
  if (q->first == q->n)
    return false;
  strbuf_free(out);
  *out = q->items[q->first++];
  if (q->first == q->n)
    q->first = q->n = 0;
  return true;
}

static void queue_free(struct queue *q) {
  while (q->first < q->n)
    strbuf_free(&q->items[q->first++]);
  free(q->items);
}

static enum err mpi_failed(int code, const char *what) {
  char text[MPI_MAX_ERROR_STRING] = "";
  int n = 0;
  MPI_Error_string(code, text, &n);
  return FAIL(ERR_COMM, "MPI: %s failed: %s", what, text);
}

/* Which variable of a launcher gives the number of tasks it started; NULL if none is set. */
static const char *launcher_size(void) {
  static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE",   "MPI_LOCALNRANKS", "JSM_NAMESPACE_SIZE",
                                      "SLURM_STEP_NUM_TASKS", "PALS_NRANKS"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (getenv(names[i]))
      return names[i];
  return NULL;
}

static bool launched(void) {
  return launcher_size() || getenv("PMIX_RANK") || getenv("PMI_RANK") || getenv("COXSWAIN_MPI");
}

static enum err check_size(const struct wire *w) {
  const char *name = launcher_size();
  long tasks = name ? strtol(getenv(name), NULL, 10) : w->size;
  if (w->size == 1 && tasks > 1)
    return FAIL(
        ERR_CONFIG,
        "%s says that %ld tasks were started, but MPI sees only this one: each would run the study by itself. Start it "
        "with the launcher of this MPI (mpirun), or under Slurm with srun --mpi=pmix",
        name, tasks);
  return OK;
}

static struct whereabouts find_self(void) {
  struct whereabouts self = {.process = getpid()};
  host_space(self.place);
  return self;
}

static enum err find_steer(struct wire *w) {
  struct whereabouts self = find_self();
  w->steer = self;
  int code = MPI_Bcast(&w->steer, (int)sizeof w->steer, MPI_BYTE, 0, MPI_COMM_WORLD);
  if (code != MPI_SUCCESS)
    return mpi_failed(code, "MPI_Bcast at the start");
  w->near_steer = *self.place && strcmp(self.place, w->steer.place) == 0;
  return OK;
}

static enum err start_mpi(struct wire *w, int *argc, char ***argv) {
  int given = 0, code = MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &given);
  if (code != MPI_SUCCESS)
    return mpi_failed(code, "MPI_Init_thread");
  w->mpi = true;
  w->level = given;
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_rank(MPI_COMM_WORLD, &w->rank);
  MPI_Comm_size(MPI_COMM_WORLD, &w->size);
  w->told = MEM_NEW_ARRAY(double, w->size);
  TRY(check_size(w));
  neighbours_find(&w->neighbours);
  return find_steer(w);
}

static struct wire *new_wire(int size) {
  struct wire *w = MEM_NEW(struct wire);
  w->size = size;
  w->neighbours = (struct neighbours){.size = 1, .with_first = true, .own_cores = true};
  w->looked = w->kept_alive = clock_seconds();
  wire_patience(w, 60, 600);
  return w;
}

enum err wire_open(struct wire **out, int *argc, char ***argv) {
  *out = new_wire(1);
  if (launched())
    TRY(start_mpi(*out, argc, argv));
  return OK;
}

void wire_simulate(struct wire **out, int size, const struct wire_ends *ends, void *context) {
  *out = new_wire(size);
  (*out)->ends = ends;
  (*out)->ends_context = context;
}

double wire_now(const struct wire *w) {
  return w->ends ? w->ends->now(w->ends_context) : clock_seconds();
}

void wire_committed(struct wire *w) {
  if (w->ends)
    w->ends->committed(w->ends_context);
}

static const char *level_name(int level) {
  return level == MPI_THREAD_MULTIPLE     ? "multiple"
         : level == MPI_THREAD_SERIALIZED ? "serialized"
         : level == MPI_THREAD_FUNNELED   ? "funneled"
                                          : "single";
}

struct wire_facts wire_facts(const struct wire *w) {
  struct wire_facts f = {.mpi = w->mpi, .library = "none", .level = "none", .level_suffices = true, .ranks = w->size};
  f.tasks_variable = launcher_size();
  f.tasks = f.tasks_variable ? strtol(getenv(f.tasks_variable), NULL, 10) : w->size;
  if (!w->mpi)
    return f;
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int n = 0;
  MPI_Get_library_version(text, &n);
  snprintf(f.library, sizeof f.library, "%.*s", (int)strcspn(text, ",\n"), text);
  f.level = level_name(w->level);
  f.level_suffices = w->level >= MPI_THREAD_FUNNELED;
  return f;
}

/* Lets go of messages that have left. */
static void sweep_sent(struct wire *w) {
  size_t kept = 0;
  for (size_t i = 0; i < w->n_sending; i++) {
    int done = 0;
    if (MPI_Test(&w->sending[i].request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS || done)
      strbuf_free(&w->sending[i].bytes);
    else
      w->sending[kept++] = w->sending[i];
  }
  w->n_sending = kept;
  w->sweep_at = 2 * kept + 16;
}

void wire_close(struct wire *w, bool abandon) {
  if (!w)
    return;
  for (double end = clock_seconds() + 2; w->n_sending && clock_seconds() < end; clock_sleep(0.001))
    sweep_sent(w);
  if (w->mpi && !abandon && !w->n_sending && !w->n_receiving)
    MPI_Finalize();
  queue_free(&w->to_steer);
  queue_free(&w->to_worker);
  free(w->sending); /* what is still in there, and in `receiving`, belongs to MPI until the process ends */
  free(w->receiving);
  free(w->told);
  free(w);
}

enum err wire_end(struct wire *w, bool abandon, enum err e) {
  bool alone = !w || w->size == 1, steers = w && w->rank == 0, mpi = w && w->mpi;
  wire_close(w, abandon);
  if (!abandon || alone)
    return e;
  if (e != OK && e != ERR_STOPPED)
    fprintf(stderr, "coxswain: %s\n", err_text());
  fflush(NULL);
  if (steers && mpi)
    MPI_Abort(MPI_COMM_WORLD, err_exit_code(e));
  _exit(err_exit_code(e));
}

int wire_rank(const struct wire *w) {
  return w->rank;
}
int wire_size(const struct wire *w) {
  return w->size;
}

const struct neighbours *wire_neighbours(const struct wire *w) {
  return &w->neighbours;
}

static enum err send_mpi(struct wire *w, int to, int tag, const struct strbuf *message) {
  if (w->n_sending >= w->sweep_at)
    sweep_sent(w);
  MEM_GROW(w->sending, w->n_sending, &w->cap_sending);
  struct sending *s = &w->sending[w->n_sending++];
  strbuf_init(&s->bytes);
  strbuf_add(&s->bytes, message->text, message->len);
  int code = MPI_Isend(s->bytes.text, (int)s->bytes.len, MPI_BYTE, to, tag, MPI_COMM_WORLD, &s->request);
  if (code == MPI_SUCCESS)
    return OK;
  strbuf_free(&s->bytes);
  w->n_sending--;
  return mpi_failed(code, "MPI_Isend");
}

/* Takes up every message that is announced. A large one needs its sender until it is over, and a sender that was
 * killed in between would keep a blocking MPI_Recv for ever. */
static enum err start_receiving(struct wire *w, int source, int tag) {
  for (int there = 1;;) {
    MPI_Message message;
    MPI_Status status;
    int n = 0, code = MPI_Improbe(source, tag, MPI_COMM_WORLD, &there, &message, &status);
    if (code != MPI_SUCCESS)
      return mpi_failed(code, "MPI_Improbe");
    if (!there)
      return OK;
    MPI_Get_count(&status, MPI_BYTE, &n);
    MEM_GROW(w->receiving, w->n_receiving, &w->cap_receiving);
    struct receiving *r = &w->receiving[w->n_receiving++];
    *r = (struct receiving){.from = status.MPI_SOURCE, .bytes = mem_alloc((size_t)n + 1), .n = (size_t)n};
    code = MPI_Imrecv(r->bytes, n, MPI_BYTE, &message, &r->request);
    if (code != MPI_SUCCESS)
      return mpi_failed(code, "MPI_Imrecv");
  }
}

static bool is_oldest_of_its_rank(const struct wire *w, size_t index) {
  for (size_t i = 0; i < index; i++)
    if (w->receiving[i].from == w->receiving[index].from)
      return false;
  return true;
}

static enum err receive_mpi(struct wire *w, int source, int tag, int *from, struct strbuf *out) {
  *from = -1;
  if (!w->mpi)
    return OK;
  TRY(start_receiving(w, source, tag));
  for (size_t i = 0; i < w->n_receiving; i++) {
    struct receiving r = w->receiving[i];
    int done = 0;
    if (!is_oldest_of_its_rank(w, i))
      continue;
    int code = MPI_Test(&w->receiving[i].request, &done, MPI_STATUS_IGNORE);
    if (code != MPI_SUCCESS)
      return mpi_failed(code, "MPI_Test of a message");
    if (!done)
      continue;
    memmove(&w->receiving[i], &w->receiving[i + 1], (--w->n_receiving - i) * sizeof r);
    strbuf_clear(out);
    strbuf_add(out, r.bytes, r.n);
    free(r.bytes);
    *from = r.from;
    return OK;
  }
  return OK;
}

enum err wire_to_worker(struct wire *w, int rank, const struct strbuf *message) {
  if (w->ends && rank != 0)
    return w->ends->to_worker(w->ends_context, rank, message);
  if (rank != 0) {
    w->told[rank] = clock_seconds();
    return send_mpi(w, rank, TAG_TO_WORKER, message);
  }
  queue_push(&w->to_worker, message);
  return OK;
}

enum err wire_to_steer(struct wire *w, const struct strbuf *message) {
  if (w->rank != 0)
    return send_mpi(w, 0, TAG_TO_STEER, message);
  queue_push(&w->to_steer, message);
  return OK;
}

enum err wire_from_workers(struct wire *w, int *from, struct strbuf *out) {
  *from = 0;
  if (queue_pop(&w->to_steer, out))
    return OK;
  if (w->ends)
    return w->ends->from_workers(w->ends_context, from, out);
  return receive_mpi(w, MPI_ANY_SOURCE, TAG_TO_STEER, from, out);
}

static void count_silence(struct wire *w, bool got) {
  double now = clock_seconds();
  w->silence = got ? 0 : w->silence + fmin(now - w->looked, w->lost_after / 8);
  w->looked = now;
}

enum err wire_from_steer(struct wire *w, bool *got, struct strbuf *out) {
  int from = -1;
  if (w->rank == 0)
    *got = queue_pop(&w->to_worker, out);
  else {
    TRY(receive_mpi(w, 0, TAG_TO_WORKER, &from, out));
    *got = from >= 0;
    count_silence(w, *got);
  }
  return OK;
}

void wire_patience(struct wire *w, double lost_after, double hung_after) {
  w->lost_after = lost_after;
  w->hung_after = hung_after;
}

void wire_keep_alive(struct wire *w) {
  const double now = clock_seconds(), every = w->lost_after / 4;
  if (w->size == 1 || w->ends || now - w->kept_alive < every / 4)
    return;
  w->kept_alive = now;
  for (int rank = 1; rank < w->size; rank++)
    if (now - w->told[rank] >= every * 3 / 4 && wire_to_worker(w, rank, &(struct strbuf)STRBUF_INIT) != OK)
      err_clear(); /* whoever has something to say to it will find out */
}

enum err wire_check_steer(const struct wire *w) {
  if (w->rank == 0 || w->silence < w->lost_after / 4)
    return OK;
  if (w->near_steer && kill((pid_t)w->steer.process, 0) != 0 && errno == ESRCH)
    return FAIL(ERR_STOPPED, "rank 0 (process %lld) has died: the same command goes on with the study",
                (long long)w->steer.process);
  if (w->silence > w->lost_after + w->hung_after)
    return FAIL(ERR_STOPPED, "rank 0 has said nothing for %.0f s: the same command goes on with the study", w->silence);
  return OK;
}

double wire_idle_after(double before) {
  const double shortest = 20e-6, longest = 10e-3;
  return before > 0 ? fmin(before * 1.5, longest) : shortest;
}

void wire_idle(struct wire *w, bool busy) {
  if (w->ends) {
    w->ends->idle(w->ends_context, busy);
    return;
  }
  w->idle = busy ? 0 : wire_idle_after(w->idle);
  clock_sleep(w->idle);
}

struct comm *wire_team(const struct wire *w, int k, double deadline) {
  return k > 1 ? comm_mpi_new(w->rank, k, deadline) : NULL;
}
