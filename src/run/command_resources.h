/* The machine divided among programs: which GPUs (CUDA_VISIBLE_DEVICES) and which cores each may use. */
#ifndef COXSWAIN_RUN_COMMAND_RESOURCES_H
#define COXSWAIN_RUN_COMMAND_RESOURCES_H

#include "conf/settings.h"
#include "par/neighbours.h"

/* What one program gets. */
struct share {
  char *gpus; /* "0,1"; NULL: command.gpus = 0, whatever the rank itself sees */
  int *cores; /* NULL: command.cpus = 0, whatever the rank itself may use */
  size_t n_cores;
  bool taken;
};

struct resources {
  struct share *shares; /* (n) */
  size_t n;
};

/* Names of GPUs: numbers, or UUIDs of GPUs and MIG instances. */
struct devices {
  char **names;
  size_t n;
  const char *source; /* where they are from, for messages */
};
/* command.devices; else what CUDA_VISIBLE_DEVICES (`visible`, may be NULL) lists; else as many as there are device
 * files nvidiaN in the folder. None is no error. */
void devices_find(struct devices *d, const struct settings *conf, const char *visible, const char *folder);
void devices_free(struct devices *d);

/* Room for `slots` programs on each of the host's ranks. ERR_CONFIG if there are fewer GPUs or cores than asked for. */
enum err resources_open(struct resources *r, const struct settings *conf, const struct neighbours *host, size_t slots);
/* As resources_open with these GPUs and cores. */
enum err resources_divide(struct resources *r, const struct settings *conf, const struct neighbours *host, size_t slots,
                          const struct devices *gpus, const int *cores, size_t n_cores);
void resources_free(struct resources *r);
int resources_take(struct resources *r); /* a free share; -1 if there is none */
void resources_give_back(struct resources *r, int share);

#endif
