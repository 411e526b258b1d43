/* What a study looks like, as text, JSON or CSV. Functions of the study alone: they write into a strbuf or build JSON.
 */
#ifndef COXSWAIN_REPORT_REPORT_H
#define COXSWAIN_REPORT_REPORT_H

#include "base/strbuf.h"
#include "conf/settings.h"
#include "hpo/study.h"

struct json_t;

/* All that a report may want to know. Borrowed. */
struct report_study {
  const struct study *study;
  const struct settings *conf;
  const char *folder;
  const char *runner; /* who runs it now; NULL: nobody */
  const char *done;   /* JSON text of why it is complete; NULL: more to do */
  const char *left;   /* JSON text of how the last run ended; NULL: it runs, or it died without a word */
};

/* A few lines for people: how it stands, the best point, who trains what, what failed. */
void report_status(const struct report_study *r, struct strbuf *out);
struct json_t *report_status_json(const struct report_study *r);

/* The k best trials: value, point, metrics, where the weights are. */
void report_best(const struct report_study *r, size_t k, struct strbuf *out);
struct json_t *report_best_json(const struct report_study *r, size_t k);

/* What each hyperparameter matters for a trial to be among the best `share` (hpo/importance.h); JSON: {name: {"all",
 * "good", "trials"}}, empty while there are too few trials. */
void report_importance(const struct report_study *r, double share, struct strbuf *out);
struct json_t *report_importance_json(const struct report_study *r, double share);

/* What is too long to be held at once comes in pieces: takes what stands in `text` and clears it. */
typedef enum err (*report_take)(void *context, struct strbuf *text);

/* Every trial. CSV: number, state, value, steps, seconds, then a column for each hyperparameter and each metric; empty
 * where there is none. A metric named as a hyperparameter is (lr) goes under metric_lr. Where trials come from others:
 * the columns parent and confirms. JSON: the same and the intermediate values. */
enum err report_trials_csv(const struct report_study *r, report_take take, void *context);
enum err report_trials_json(const struct report_study *r, report_take take, void *context);
struct json_t *report_trial_json(const struct report_study *r, const struct trial *t);

/* "best/trial-000012.h5", or "packs/NAME:/trial-000012", or "" if no weights are kept. Of a program: the
 * folder of its checkpoints, "trials/trial-000012/checkpoint". */
void report_weights(const struct report_study *r, const struct trial *t, struct strbuf *out);

#endif
