#include "run/command_resources.h"

#include <ctype.h>
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- which GPUs there are ---- */

static void add_device(struct devices *d, size_t *cap, const char *name, size_t n) {
  MEM_GROW(d->names, d->n, cap);
  d->names[d->n] = mem_alloc(n + 1);
  memcpy(d->names[d->n++], name, n);
}

/* "0,1" or "GPU-8932f937,MIG-1c1d/2/0". As CUDA reads it, a negative number ends the list. */
static void take_list(struct devices *d, size_t *cap, const char *list) {
  for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',') {
    at += strspn(at, " \t");
    size_t n = strcspn(at, ", \t");
    if (n == 0)
      continue;
    if (*at == '-')
      return;
    add_device(d, cap, at, n);
  }
}

/* The driver numbers those it lets this process use from 0, whatever numbers their files have. */
static void count_files(struct devices *d, size_t *cap, const char *folder) {
  DIR *all = opendir(folder);
  for (const struct dirent *f; all && (f = readdir(all));) {
    const char *number = f->d_name + strlen("nvidia");
    if (strncmp(f->d_name, "nvidia", strlen("nvidia")) != 0 || !isdigit((unsigned char)*number))
      continue;
    char name[32];
    int n = snprintf(name, sizeof name, "%zu", d->n);
    add_device(d, cap, name, (size_t)n);
  }
  if (all)
    closedir(all);
}

void devices_find(struct devices *d, const struct settings *conf, const char *visible, const char *folder) {
  size_t n, cap = 0;
  const struct value *given = settings_list(conf, "command.devices", &n);
  *d = (struct devices){.source = "command.devices"};
  for (size_t i = 0; i < n; i++)
    add_device(d, &cap, given[i].as.text, strlen(given[i].as.text));
  if (n)
    return;
  d->source = visible ? "CUDA_VISIBLE_DEVICES" : "/dev/nvidia*";
  if (visible)
    take_list(d, &cap, visible);
  else
    count_files(d, &cap, folder);
}

void devices_free(struct devices *d) {
  for (size_t i = 0; i < d->n; i++)
    free(d->names[i]);
  free(d->names);
  *d = (struct devices){0};
}

/* ---- who gets which ---- */

/* Does each rank see GPUs of its own, or all of a host the same? */
static bool gpus_are_apart(const struct settings *conf) {
  const char *scope = settings_text(conf, "command.gpu_scope");
  if (strcmp(scope, "auto") != 0)
    return strcmp(scope, "rank") == 0;
  return getenv("SLURM_GPUS_PER_TASK") || getenv("JSM_NAMESPACE_SIZE"); /* Slurm, jsrun: bound to tasks */
}

/* "4 ranks x 2 slots" */
static const char *describe_programs(const struct neighbours *host, bool apart, size_t slots, char *out, size_t size) {
  if (apart || host->size == 1)
    snprintf(out, size, "%zu slot%s", slots, slots == 1 ? "" : "s");
  else
    snprintf(out, size, "%d ranks x %zu slot%s", host->size, slots, slots == 1 ? "" : "s");
  return out;
}

static enum err check_gpus(const struct settings *conf, const struct neighbours *host, bool apart, size_t slots,
                           const struct devices *gpus, size_t each) {
  size_t sharing = (size_t)settings_int(conf, "command.gpu_share"), programs = slots * (apart ? 1 : (size_t)host->size);
  char who[64];
  describe_programs(host, apart, slots, who, sizeof who);
  if (gpus->n == 0)
    return FAIL(ERR_CONFIG,
                "command.gpus = %zu, but this host shows no GPU (%s): ask the scheduler for GPUs, name them in "
                "command.devices, or set command.gpus = 0",
                each, gpus->source);
  if (each > gpus->n)
    return FAIL(ERR_CONFIG, "command.gpus = %zu, but there %s %zu (%s): ask for more, or lower command.gpus", each,
                gpus->n == 1 ? "is" : "are", gpus->n, gpus->source);
  if (programs * each > gpus->n * sharing)
    return FAIL(ERR_CONFIG,
                "command.gpus = %zu: %s want %zu GPUs, there %s %zu (%s)%s: lower run.slots, start fewer ranks on a "
                "host, or let programs share one: command.gpu_share = %zu",
                each, who, programs * each, gpus->n == 1 ? "is" : "are", gpus->n, gpus->source,
                sharing > 1 ? " even shared" : "", (programs * each + gpus->n - 1) / gpus->n);
  return OK;
}

/* One after the other, so that the GPUs of a program are neighbours, and each has equally many programs. */
static char *choose_gpus(const struct devices *gpus, size_t program, size_t each) {
  struct strbuf list = STRBUF_INIT;
  for (size_t i = 0; i < each; i++)
    strbuf_printf(&list, "%s%s", i ? "," : "", gpus->names[(program * each + i) % gpus->n]);
  return strbuf_detach(&list);
}

static enum err divide_gpus(struct resources *r, const struct settings *conf, const struct neighbours *host,
                            const struct devices *gpus) {
  size_t each = (size_t)settings_int(conf, "command.gpus");
  bool apart = gpus_are_apart(conf);
  if (each == 0)
    return OK;
  TRY(check_gpus(conf, host, apart, r->n, gpus, each));
  for (size_t i = 0; i < r->n; i++)
    r->shares[i].gpus = choose_gpus(gpus, (apart ? 0 : (size_t)host->rank * r->n) + i, each);
  return OK;
}

static enum err divide_cores(struct resources *r, const struct settings *conf, const struct neighbours *host,
                             const int *cores, size_t n) {
  size_t each = (size_t)settings_int(conf, "command.cpus"), ranks = host->own_cores ? 1 : (size_t)host->size;
  size_t first = host->own_cores ? 0 : (size_t)host->rank * r->n;
  char who[64];
  if (each == 0)
    return OK;
  describe_programs(host, host->own_cores, r->n, who, sizeof who);
  if (ranks * r->n * each > n)
    return FAIL(ERR_CONFIG,
                "command.cpus = %zu: %s want %zu cores, but may use %zu: lower command.cpus or run.slots, start fewer "
                "ranks on a host, or widen what the launcher binds them to (mpirun --bind-to none)",
                each, who, ranks * r->n * each, n);
  for (size_t i = 0; i < r->n; i++) {
    r->shares[i].cores = MEM_NEW_ARRAY(int, each);
    r->shares[i].n_cores = each;
    memcpy(r->shares[i].cores, cores + (first + i) * each, each * sizeof *cores);
  }
  return OK;
}

enum err resources_divide(struct resources *r, const struct settings *conf, const struct neighbours *host, size_t slots,
                          const struct devices *gpus, const int *cores, size_t n_cores) {
  *r = (struct resources){.shares = MEM_NEW_ARRAY(struct share, slots), .n = slots};
  enum err e = divide_gpus(r, conf, host, gpus);
  if (e == OK)
    e = divide_cores(r, conf, host, cores, n_cores);
  if (e != OK)
    resources_free(r);
  return e;
}

enum err resources_open(struct resources *r, const struct settings *conf, const struct neighbours *host, size_t slots) {
  struct devices gpus;
  int cores[CPU_SETSIZE];
  size_t n = 0;
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) /* what the launcher and the cgroup leave */
    for (int i = 0; i < CPU_SETSIZE; i++)
      if (CPU_ISSET(i, &allowed))
        cores[n++] = i;
  devices_find(&gpus, conf, getenv("CUDA_VISIBLE_DEVICES"), "/dev");
  enum err e = resources_divide(r, conf, host, slots, &gpus, cores, n);
  devices_free(&gpus);
  return e;
}

void resources_free(struct resources *r) {
  for (size_t i = 0; i < r->n; i++) {
    free(r->shares[i].gpus);
    free(r->shares[i].cores);
  }
  free(r->shares);
  *r = (struct resources){0};
}

/* ---- while it runs ---- */

int resources_take(struct resources *r) {
  for (size_t i = 0; i < r->n; i++)
    if (!r->shares[i].taken) {
      r->shares[i].taken = true;
      return (int)i;
    }
  return -1;
}

void resources_give_back(struct resources *r, int share) {
  if (share >= 0)
    r->shares[share].taken = false;
}
