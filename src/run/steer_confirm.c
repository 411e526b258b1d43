/* study.confirm: when nothing of the search is left to do, the best few are evaluated again with other random numbers.
 * A repeat is a trial that says so before anything else (coxswain:confirms), and goes from nothing to the last step in
 * one stint; neither sampler nor schedule nor limits know of it. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/log.h"
#include "hpo/confirm.h"
#include "run/steer.h"

/* The parts of a split scan are no search of their own: the merged study confirms. */
static int64_t repeats_each(const struct steer *s) {
  return s->fixed_points ? 0 : settings_int(s->conf, "study.confirm");
}

static int64_t next_one(const struct steer *s) {
  return confirm_next(&s->study, repeats_each(s), settings_int(s->conf, "study.confirm_best"));
}

int64_t steer_repeats_out(const struct steer *s) {
  return s->study.repeats - s->study.repeats_over;
}

bool steer_has_to_confirm(const struct steer *s) {
  return repeats_each(s) > 0 && (steer_repeats_out(s) > 0 || next_one(s) >= 0);
}

static enum err repeat(struct steer *s, int64_t of) {
  struct op origin = op_of(OP_TRIAL_ATTR, (int64_t)s->study.n);
  struct params point = s->study.trials[of].params; /* in the study's pool: they stay where they are */
  char text[32];
  snprintf(text, sizeof text, "%" PRId64, of);
  origin.system = true;
  origin.name = "coxswain:confirms";
  origin.json = text;
  TRY(steer_new_derived(s, &point, &origin));
  return steer_issue(s, origin.trial, s->schedule.steps, s->next_order++);
}

enum err steer_confirm(struct steer *s, bool *issued) {
  int64_t of = next_one(s);
  *issued = of >= 0 && steer_has_time_for(s, s->schedule.steps);
  if (!*issued)
    return OK;
  if (s->study.repeats == 0)
    log_info("the search is over: evaluating the best again with other random numbers (study.confirm)");
  return repeat(s, of);
}

static void put_number(struct strbuf *out, const char *key, double x) {
  strbuf_printf(out, ", \"%s\": ", key);
  if (isnan(x))
    strbuf_puts(out, "null");
  else
    strbuf_put_double(out, x);
}

/* For those who read the study in Optuna, which hears nothing more of a trial that is over: an attribute of the study.
 */
enum err steer_note_confirmed(struct steer *s, int64_t of) {
  struct spread spread = confirm_spread(&s->study, of);
  struct strbuf text = STRBUF_INIT;
  char key[48];
  snprintf(key, sizeof key, "confirmed:%" PRId64, of);
  strbuf_printf(&text, "{\"trial\": %" PRId64 ", \"n\": %" PRId64, of, spread.n);
  put_number(&text, "mean", spread.mean);
  put_number(&text, "sd", spread.sd);
  strbuf_putc(&text, '}');
  enum err e = steer_attribute(s, -1, false, key, text.text);
  strbuf_free(&text);
  return e;
}
