/* What bench_search minimises: tables, test functions, recorded learning curves. Each is a space, in the words of a
 * study file, and an answer to a point of it. */
#ifndef COXSWAIN_TESTS_OBJECTIVE_H
#define COXSWAIN_TESTS_OBJECTIVE_H

#include "base/rng.h"
#include "hpo/space.h"

#define OBJECTIVE_STEPS 64 /* at most */

struct objective;

/* What a trial would see if it ran to its last step. */
struct answer {
  double told[OBJECTIVE_STEPS];  /* by step, from 0 for the first; NaN: the trial fails there */
  double truth[OBJECTIVE_STEPS]; /* the same without noise: what regret counts */
};

struct objective_ops {
  const char *usage, *help;
  /* arguments: what stands behind "name:", "" if nothing does. Fills space, steps, best, and context. */
  enum err (*open)(struct objective *o, const char *arguments);
  void (*start)(struct objective *o); /* a new study: nothing has been answered yet. NULL: nothing to forget */
  void (*answer)(struct objective *o, const struct space *space, const struct params *p, const double *u,
                 struct rng *rng, struct answer *out);
  void (*close)(struct objective *o);
};

struct objective {
  const struct objective_ops *ops;
  char *name;         /* "fcnet:naval_propulsion" */
  struct strbuf text; /* the group `space` of a study file */
  int64_t steps;
  double best;     /* the smallest truth there is */
  double median;   /* truth of the median point of a table; NaN if it is none */
  bool in_decades; /* regret is log10(truth / best), as for FCNet */
  bool of_median;  /* regret is (truth - best) / (median - best), as for learning curves; else log10(truth - best) */
  void *context;
};

/* "fcnet:FILE" and so on; a list "bbob:1-24:1-3:5" is several objectives (objective_expand). */
enum err objective_open(struct objective *o, const char *spec);
void objective_close(struct objective *o);
/* The specs that a spec with ranges ("1-3" or "1,4,7" between colons, behind `bbob:`) stands for. Caller frees. */
void objective_expand(const char *spec, char ***out, size_t *n, size_t *cap);
void objective_help(void); /* to stdout */

double objective_regret(const struct objective *o, double truth);     /* in the objective's own measure */
double objective_normalised(const struct objective *o, double truth); /* 1: the median; NaN without a table */
const char *objective_measure(const struct objective *o);             /* "log10(mse/best)" */

/* For tables: the whole file, uncompressed; it must hold exactly `bytes`. Caller frees. */
enum err objective_read(const char *path, size_t bytes, void *out);
double median_of(const double *x, size_t n); /* NaN counts as infinite */
/* Name of a file without folder and endings. Caller frees. */
char *objective_label(const char *kind, const char *path);

#define OBJECTIVE_LIST(X) \
  X(fcnet)                \
  X(fcnet_noisy)          \
  X(taskset)              \
  X(bbob)                 \
  X(mixed)                \
  X(conditional)          \
  X(categorical)          \
  X(smooth)
#define OBJECTIVE_DECLARE(name) extern const struct objective_ops objective_##name;
OBJECTIVE_LIST(OBJECTIVE_DECLARE)
#undef OBJECTIVE_DECLARE

#endif
