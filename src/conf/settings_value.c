/* Values against the rows of the table. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/settings_store.h"

bool value_is_reference(const struct setting *row, const struct value *v) {
  return (row->flags & REF) && v->kind == VALUE_TEXT && v->as.text[0] == '@' && key_name_good(v->as.text + 1);
}

static bool is_number(const struct value *v) {
  return v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
}

/* "90", "90s", "30m", "1h30m", "2d", "HH:MM:SS"; SECONDS in all. */
static bool seconds_from_text(const char *text, double *seconds) {
  char *end;
  *seconds = 0;
  if (strchr(text, ':')) {
    int length = 0;
    unsigned h, m, s;
    if (sscanf(text, "%6u:%2u:%2u%n", &h, &m, &s, &length) != 3 || text[length] || m > 59 || s > 59)
      return false;
    *seconds = 3600.0 * h + 60.0 * m + s;
    return strspn(text, "0123456789:") == strlen(text);
  }
  do {
    static const char units[] = "smhd";
    static const double in_seconds[] = {1, 60, 3600, 86400};
    if (strspn(text, "0123456789.") == 0)
      return false;
    double x = strtod(text, &end);
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (end == text || !unit)
      return false;
    *seconds += x * in_seconds[unit - units];
    text = end + 1;
  } while (*text);
  return isfinite(*seconds);
}

/* 1e6 rather than 1000000 or 1e+06. */
static void put_bound(double x, struct strbuf *out) {
  if (fabs(x) < 1e5) {
    strbuf_printf(out, "%.10g", x);
    return;
  }
  int exponent = (int)floor(log10(fabs(x)));
  strbuf_printf(out, "%.3ge%d", x / pow(10, exponent), exponent);
}

static bool above_zero(const struct setting *row) {
  return row->low > 0 && row->low <= DBL_MIN;
}

void value_range_text(const struct setting *row, struct strbuf *out) {
  bool low = row->low > -DBL_MAX, high = row->high < 9e15; /* counts have no limit but that of a double */
  if (!(row->low < row->high) || (!low && !high))
    return;
  if (low && high)
    put_bound(row->low, out);
  strbuf_puts(out, low && high ? " .. " : above_zero(row) ? "> 0" : low ? ">= " : "<= ");
  if (high || !above_zero(row))
    put_bound(high ? row->high : row->low, out);
}

static bool number_fits(const struct setting *row, const struct value *v, struct strbuf *why) {
  double x = 0;
  value_to_double(v, &x);
  if (!isfinite(x)) {
    strbuf_puts(why, "must be a finite number");
    return false;
  }
  if (!(row->low < row->high) || (x >= row->low && x <= row->high))
    return true;
  strbuf_puts(why, x > row->high ? "must be <= " : above_zero(row) ? "must be > 0" : "must be >= ");
  if (x > row->high || !above_zero(row))
    put_bound(x > row->high ? row->high : row->low, why);
  strbuf_puts(why, row->type == SETTING_SECONDS ? " seconds" : "");
  return false;
}

static bool word_is_choice(const struct setting *row, const char *word) {
  for (const struct list_word *w = row->choices; w->name; w++)
    if (strcmp(w->name, word) == 0)
      return true;
  return false;
}

static void explain_choices(const struct setting *row, const char *word, struct strbuf *why) {
  enum { MOST = 64 };
  const char *names[MOST];
  size_t n = 0;
  strbuf_puts(why, row->type == SETTING_ANY ? "must be a number or one of " : "must be one of ");
  for (const struct list_word *w = row->choices; w->name && n < MOST; w++) {
    strbuf_printf(why, "%s%s", n ? ", " : "", w->name);
    names[n++] = w->name;
  }
  const char *near = word ? nearest_word(word, names, n) : NULL;
  if (near)
    strbuf_printf(why, "; did you mean %s?", near);
}

/* JSON, and so the journal, knows UTF-8 only. */
static bool is_utf8(const char *text) {
  for (const unsigned char *p = (const unsigned char *)text; *p;) {
    size_t more = *p < 0x80                 ? 0
                  : *p >= 0xc2 && *p < 0xe0 ? 1
                  : (*p & 0xf0) == 0xe0     ? 2
                  : *p >= 0xf0 && *p < 0xf5 ? 3
                                            : 9;
    if (more == 9 || (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xf4 && p[1] > 0x8f))
      return false;
    for (p++; more > 0; more--)
      if ((*p++ & 0xc0) != 0x80)
        return false;
  }
  return true;
}

/* No slash, no ".." and nothing that a command takes for an option. */
static bool is_name(const char *text) {
  size_t n = strlen(text);
  return n >= 1 && n <= 64 && text[0] != '.' && text[0] != '-' &&
         strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

static bool text_fits(const struct setting *row, const struct value *v, struct strbuf *why) {
  const char *text = v->as.text;
  if (!is_utf8(text)) {
    strbuf_puts(why, "is not UTF-8 text");
    return false;
  }
  if (text[0] == '@' && (row->flags & REF)) {
    strbuf_puts(why, "must be \"@\" and the name of a hyperparameter");
    return false;
  }
  if (text[0] == '@') {
    strbuf_puts(why, "is a hyperparameter, which cannot stand for this setting");
    return false;
  }
  if (row->flags & NAME && !is_name(text)) {
    strbuf_puts(why, "must be 1 to 64 letters, digits, dots, dashes and underscores, and begin with no dot or dash");
    return false;
  }
  if (row->choices && !word_is_choice(row, text)) {
    explain_choices(row, text, why);
    return false;
  }
  return true;
}

static bool wrong_type(const struct setting *row, const struct value *v, struct strbuf *why) {
  switch (row->type) {
  case SETTING_BOOL:
    strbuf_puts(why, "must be true or false");
    break;
  case SETTING_INT:
    strbuf_puts(why, "must be a whole number");
    break;
  case SETTING_FLOAT:
    strbuf_puts(why, "must be a number");
    break;
  case SETTING_SECONDS:
    strbuf_puts(why, "must be a time: seconds, or \"90s\", \"30m\", \"2h\", \"1d\", \"HH:MM:SS\"");
    break;
  case SETTING_CHOICE:
    explain_choices(row, NULL, why);
    break;
  case SETTING_TEXT:
  case SETTING_ANY:
    strbuf_puts(why, "must be a text in quotes");
    break;
  }
  if (row->type == SETTING_BOOL && v->kind == VALUE_TEXT &&
      (strcmp(v->as.text, "true") == 0 || strcmp(v->as.text, "false") == 0))
    strbuf_puts(why, ", without quotes");
  return false;
}

static void replace(struct value *v, struct value by) {
  value_free(v);
  *v = by;
}

static bool int_fits(const struct setting *row, struct value *v, struct strbuf *why) {
  int64_t whole;
  if (!is_number(v) || (v->kind == VALUE_FLOAT && !value_to_int(v, &whole)))
    return v->kind == VALUE_FLOAT && !isfinite(v->as.f) ? number_fits(row, v, why) : wrong_type(row, v, why);
  if (!number_fits(row, v, why))
    return false;
  value_to_int(v, &whole);
  replace(v, value_int(whole));
  return true;
}

static bool float_fits(const struct setting *row, struct value *v, struct strbuf *why) {
  double x = 0;
  if (!is_number(v))
    return wrong_type(row, v, why);
  if (!number_fits(row, v, why))
    return false;
  value_to_double(v, &x);
  if (!(row->flags & WHOLE))
    replace(v, value_float(x));
  return true;
}

static bool seconds_fit(const struct setting *row, struct value *v, struct strbuf *why) {
  double x = 0;
  if (v->kind == VALUE_TEXT ? !seconds_from_text(v->as.text, &x) : !is_number(v))
    return wrong_type(row, v, why);
  if (v->kind != VALUE_TEXT)
    value_to_double(v, &x);
  struct value seconds = value_float(x);
  if (!number_fits(row, &seconds, why))
    return false;
  replace(v, seconds);
  return true;
}

bool value_fits(const struct setting *row, struct value *v, struct strbuf *why) {
  if (v->kind == VALUE_TEXT && v->as.text[0] == '@')
    return text_fits(row, v, why);
  switch (row->type) {
  case SETTING_BOOL:
    return v->kind == VALUE_BOOL || wrong_type(row, v, why);
  case SETTING_INT:
    return int_fits(row, v, why);
  case SETTING_FLOAT:
    return float_fits(row, v, why);
  case SETTING_SECONDS:
    return seconds_fit(row, v, why);
  case SETTING_TEXT:
  case SETTING_CHOICE:
    return v->kind == VALUE_TEXT ? text_fits(row, v, why) : wrong_type(row, v, why);
  case SETTING_ANY:
    return v->kind == VALUE_TEXT ? text_fits(row, v, why) : !is_number(v) || number_fits(row, v, why);
  }
  return false;
}
