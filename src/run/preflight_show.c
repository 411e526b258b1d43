#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "run/preflight.h"

/* ---- for people ---- */

static void put_bytes(struct strbuf *out, double bytes) {
  static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB"};
  size_t u = 0;
  for (; bytes >= 1024 && u + 1 < sizeof units / sizeof *units; u++)
    bytes /= 1024;
  strbuf_printf(out, bytes < 10 && u > 0 ? "%.1f %s" : "%.0f %s", bytes, units[u]);
}

static bool on_host(const struct preflight_rank *first, const struct preflight_rank *r) {
  return r->answered && !strcmp(first->host, r->host);
}

static void put_host(const struct preflight *p, const struct preflight_rank *first, struct strbuf *out) {
  size_t n = 0;
  double slowest = first->gflops, fastest = first->gflops;
  for (size_t i = 0; i < p->n_ranks; i++) {
    double speed = p->ranks[i].gflops;
    if (!on_host(first, &p->ranks[i]))
      continue;
    slowest = speed < slowest ? speed : slowest;
    fastest = speed > fastest ? speed : fastest;
    n++;
  }
  strbuf_printf(out, "%s: %zu rank%s on %lld cores (rank %lld on %s), %s, %s\n", first->host, n, n == 1 ? "" : "s",
                (long long)first->host_cores, (long long)first->rank, first->cpus,
                first->kernels ? first->kernels : "?", first->blas ? first->blas : "?");
  strbuf_printf(out,
                slowest < fastest ? "  arithmetic  %.0f to %.0f GFLOP/s a rank (fp32, all at once)\n"
                                  : "  arithmetic  %.0f GFLOP/s a rank (fp32, all at once)\n",
                slowest, fastest);
  strbuf_puts(out, "  memory      ");
  put_bytes(out, (double)first->memory);
  strbuf_puts(out, " free, /dev/shm ");
  put_bytes(out, (double)first->shm);
  strbuf_puts(out, "\n  folder      ");
  if (first->folder_fault && first->folder_fault[0])
    strbuf_puts(out, first->folder_fault);
  else {
    put_bytes(out, first->write_rate);
    strbuf_printf(out, "/s with fsync, a line on disk in %.2f ms, ", first->sync_ms);
    put_bytes(out, (double)first->disk_free);
    strbuf_printf(out, " free, locks %s", first->lock_fault && first->lock_fault[0] ? "do not work" : "work");
  }
  strbuf_putc(out, '\n');
  if (first->rank != 0)
    strbuf_printf(out, "  clock       %+.3f s against rank 0 (within %.3f s)\n", first->clock, first->clock_wide);
}

void preflight_text(const struct preflight *p, struct strbuf *out) {
  size_t grave = 0;
  if (p->wire.mpi)
    strbuf_printf(out, "MPI: %s, thread level %s, %d ranks\n", p->wire.library, p->wire.level, p->wire.ranks);
  else
    strbuf_puts(out, "MPI: not started (one process; mpirun -n N coxswain preflight tries N ranks)\n");
  strbuf_printf(out, "study folder: %s\n", p->folder);
  for (size_t i = 0; i < p->n_ranks; i++)
    if (p->ranks[i].answered && p->ranks[i].first)
      put_host(p, &p->ranks[i], out);
  strbuf_puts(out, "GPU: this build has no CUDA; training runs on the CPU\n\n");
  for (size_t i = 0; i < p->n_problems; i++) {
    const struct preflight_problem *one = &p->problems[i];
    strbuf_printf(out, "%s  %s\n         cure: %s\n", one->grave ? "PROBLEM" : "warning", one->what, one->cure);
    grave += one->grave;
  }
  if (grave)
    strbuf_printf(out, "%zu problem%s: a study would fail here\n", grave, grave == 1 ? "" : "s");
  else
    strbuf_puts(out, p->n_problems ? "well, but for the warnings\n" : "all is well\n");
}

/* ---- for programs ---- */

static json_t *rank_json(const struct preflight_rank *r) {
  json_t *o = json_object();
#define SET_MEMBER(name) json_object_set_new(o, #name, r->name ? json_string(r->name) : json_null());
  PREFLIGHT_TEXTS(SET_MEMBER)
#undef SET_MEMBER
#define SET_MEMBER(name) json_object_set_new(o, #name, json_integer(r->name));
  PREFLIGHT_WHOLES(SET_MEMBER)
#undef SET_MEMBER
#define SET_MEMBER(name) json_object_set_new(o, #name, json_real(r->name));
  PREFLIGHT_REALS(SET_MEMBER)
  SET_MEMBER(clock)
#undef SET_MEMBER
  json_object_set_new(o, "answered", json_boolean(r->answered));
  return o;
}

json_t *preflight_json(const struct preflight *p) {
  json_t *ranks = json_array(), *problems = json_array();
  for (size_t i = 0; i < p->n_ranks; i++)
    json_array_append_new(ranks, rank_json(&p->ranks[i]));
  for (size_t i = 0; i < p->n_problems; i++)
    json_array_append_new(problems, json_pack("{s:s, s:s, s:s}", "level", p->problems[i].grave ? "problem" : "warning",
                                              "what", p->problems[i].what, "cure", p->problems[i].cure));
  const struct wire_facts *w = &p->wire;
  json_t *mpi = json_pack("{s:b, s:s, s:s, s:i}", "started", w->mpi, "library", w->library, "threads", w->level,
                          "ranks", w->ranks);
  return json_pack("{s:b, s:s, s:o, s:b, s:o, s:o}", "well", preflight_is_well(p), "folder", p->folder, "mpi", mpi,
                   "cuda", false, "ranks", ranks, "problems", problems);
}
