#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hpo/journal_scan.h"
#include "hpo/study_parts.h"

/* A number without point and exponent is an integer; Python makes the same difference. */
static bool number_choice(struct scan *s, struct value *out) {
  char *begin, *end;
  if (!scan_value(s, &begin, &end))
    return false;
  char after = *end;
  *end = '\0';
  bool whole = strcspn(begin, ".eE") == strlen(begin) && strlen(begin) <= 19;
  *out = whole ? value_int(strtoll(begin, NULL, 10)) : value_float(strtod(begin, NULL));
  *end = after;
  return !s->nan || scan_fault(s, "NaN is no choice");
}

static bool scan_choice(struct scan *s, struct value *out) {
  struct scan_text text;
  bool truth;
  double null;
  *out = (struct value){.kind = VALUE_NONE};
  switch (scan_peek(s)) {
  case '"':
    if (!scan_string(s, &text))
      return false;
    *out = value_text(text.text);
    return true;
  case 't':
  case 'f':
    if (!scan_bool(s, &truth))
      return false;
    *out = value_bool(truth);
    return true;
  case 'n':
    return scan_number(s, &null);
  default:
    return number_choice(s, out);
  }
}

static bool scan_choices(struct scan *s, double index, struct value *out) {
  bool first = true;
  for (double i = 0; scan_item(s, &first); i++) {
    struct value choice;
    if (!scan_choice(s, &choice))
      return false;
    if (i == index)
      *out = choice;
    else
      value_free(&choice);
  }
  return !s->why;
}

static bool scan_attributes(struct scan *s, bool categorical, double index, struct value *out) {
  bool first = true;
  struct scan_text key;
  char *begin, *end;
  while (scan_key(s, &first, &key)) {
    bool good =
        categorical && scan_text_is(&key, "choices") ? scan_choices(s, index, out) : scan_value(s, &begin, &end);
    if (!good)
      return false;
  }
  return !s->why;
}

static bool scan_distribution(struct scan *s, double internal, struct value *out) {
  bool first = true;
  struct scan_text key, name;
  if (!scan_key(s, &first, &key) || !scan_text_is(&key, "name") || !scan_string(s, &name))
    return scan_fault(s, "a distribution begins with its name");
  bool is_float = scan_text_is(&name, "FloatDistribution"), is_int = scan_text_is(&name, "IntDistribution");
  if (is_float)
    *out = value_float(internal);
  else if (is_int && internal == floor(internal) && fabs(internal) < 0x1p62)
    *out = value_int((int64_t)internal);
  else if (is_int)
    return scan_fault(s, "an integer parameter without an integer value");
  else if (!scan_text_is(&name, "CategoricalDistribution"))
    return scan_fault(s, "no such distribution");
  while (scan_key(s, &first, &key))
    if (!scan_attributes(s, !is_float && !is_int, internal, out))
      return false;
  return !s->why && scan_finished(s);
}

enum err point_value(const char *distribution, double internal, struct value *out) {
  size_t n = strlen(distribution);
  char *copy = mem_dup(distribution, n + 1); /* the scanner cuts it up */
  struct scan s = {.p = copy, .end = copy + n};
  *out = (struct value){.kind = VALUE_NONE};
  bool good = scan_distribution(&s, internal, out);
  if (good && out->kind == VALUE_NONE)
    good = scan_fault(&s, "no choice of that number");
  free(copy);
  if (good)
    return OK;
  value_free(out);
  return FAIL(ERR_DAMAGED, "the value %.17g does not fit the distribution %s: %s", internal, distribution, s.why);
}
