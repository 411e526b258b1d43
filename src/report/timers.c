#include "report/timers.h"

#include <jansson.h>
#include <stdlib.h>

#include "hpo/propose.h"

/* Caller decrefs; NULL: nothing was noted. */
static json_t *timers_of(const struct report_study *r) {
  const char *text = study_attribute(r->study, "coxswain:timers");
  return text ? json_loads(text, 0, NULL) : NULL;
}

static double number(const json_t *object, const char *key) {
  return json_number_value(json_object_get(object, key));
}

/* The next note is due within seconds, so a long silence is a clock that was set. */
double timers_elapsed(const struct report_study *r) {
  const char *text = study_attribute(r->study, "coxswain:elapsed");
  json_t *timers = r->runner ? timers_of(r) : NULL;
  double at = number(timers, "at"), since = at > 0 ? propose_time() - at : 0;
  json_decref(timers);
  return (text ? strtod(text, NULL) : 0) + (since > 0 && since < 60 ? since : 0);
}

/* Share of the workers' time in which training stood still for packs. */
static double stood_still(const json_t *timers) {
  double stood = number(timers, "stood"), all = stood + number(timers, "training");
  return all > 0 ? stood / all : 0;
}

static void put_bytes(double n, struct strbuf *out) {
  static const char *const units[] = {"kB", "MB", "GB", "TB"};
  size_t unit = 0;
  for (n /= 1e3; n >= 999.5 && unit < 3; unit++)
    n /= 1e3;
  strbuf_printf(out, "%.*f %s", n < 9.95 ? 1 : 0, n, units[unit]);
}

void timers_put(const struct report_study *r, struct strbuf *out) {
  json_t *timers = timers_of(r);
  double packs = number(timers, "packs");
  if (packs > 0) {
    strbuf_printf(out, "  checkpoints: %.0f pack%s, ", packs, packs > 1 ? "s" : "");
    put_bytes(number(timers, "bytes"), out);
    strbuf_printf(out, ", training stood still %.2f %% of the time\n", 100 * stood_still(timers));
  }
  json_decref(timers);
}

json_t *timers_json(const struct report_study *r) {
  json_t *timers = timers_of(r);
  json_t *json = json_pack("{s:I, s:I, s:f, s:f, s:f}", "packs", (json_int_t)number(timers, "packs"), "bytes",
                           (json_int_t)number(timers, "bytes"), "seconds", number(timers, "pack_seconds"),
                           "stood_seconds", number(timers, "stood"), "stood_share", stood_still(timers));
  json_decref(timers);
  return json;
}

json_t *timers_journal_json(const struct report_study *r) {
  json_t *timers = timers_of(r);
  json_t *json = json_pack("{s:I, s:f}", "commits", (json_int_t)number(timers, "commits"), "journal_seconds",
                           number(timers, "journal_seconds"));
  json_decref(timers);
  return json;
}
