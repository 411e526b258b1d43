/* The wire between rank 0 and the workers: bytes in order, no collective, no blocking.
 *
 * Two implementations: loopback (rank 0 to the worker it hosts) and MPI. A peer that is gone shows as silence; sends to
 * it are dropped. Addresses are world ranks; rank 0 steers. Worker w of a study is the leader of team w. */
#ifndef COXSWAIN_PAR_WIRE_H
#define COXSWAIN_PAR_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/comm.h"
#include "base/params.h"
#include "base/strbuf.h"

struct wire;

/* Starts MPI if the process was started by a launcher (or MPI is usable alone), else there is one rank. Refuses when a
 * launcher says that there are N tasks but MPI sees 1. Call once, first. */
enum err wire_open(struct wire **out, int *argc, char ***argv);
void wire_close(struct wire *w); /* finalises; ends the process at once if a rank is missing */
int wire_rank(const struct wire *w);
int wire_size(const struct wire *w);

/* Copies the message; returns at once. */
enum err wire_send(struct wire *w, int to, const struct strbuf *message);
/* The next message for this rank, if any: *from = -1 if none. `out` is cleared first. The loopback wire of rank 0 has
 * two ends: wire_receive reads what workers sent to steering, wire_receive_worker what steering sent to the worker
 * here. */
enum err wire_receive(struct wire *w, int *from, struct strbuf *out);
enum err wire_receive_worker(struct wire *w, struct strbuf *out, bool *got);
enum err wire_send_steer(struct wire *w, const struct strbuf *message); /* worker to rank 0, from any rank */
/* Nothing to do: waits a little, from microseconds up to 10 ms when idle for long; resets with `busy`. */
void wire_idle(struct wire *w, bool busy);

/* The team of this rank: size k splits ranks first .. size-1 into consecutive teams; every rank from `first` on must
 * call it once, at start-up. Ranks left over get *team = NULL and *leftover = true. */
enum err wire_team(struct wire *w, int first, int k, struct comm **team, bool *leftover);

/* Values in a message, in the order written. Reading past the end or a wrong kind sets ->bad and gives zeros. */
struct reader {
  const char *bytes;
  size_t n, at;
  bool bad;
};
void put_i64(struct strbuf *b, int64_t x);
void put_f64(struct strbuf *b, double x);
void put_text(struct strbuf *b, const char *text); /* NULL is kept */
void put_params(struct strbuf *b, const struct params *p);
struct reader reader_of(const struct strbuf *b);
int64_t get_i64(struct reader *r);
double get_f64(struct reader *r);
char *get_text(struct reader *r); /* caller frees; may be NULL */
void get_params(struct reader *r, struct params *p);

#endif
