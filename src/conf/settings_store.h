/* How settings are kept; for the settings_*.c only. */
#ifndef COXSWAIN_CONF_SETTINGS_STORE_H
#define COXSWAIN_CONF_SETTINGS_STORE_H

#include "conf/settings.h"
#include "conf/tree.h"

#define NAME_LONGEST 64

struct entry {
  const struct setting *row;
  char *key;   /* "space.lr.low"; owned */
  char *parts; /* the same with a NUL for each dot, so that settings_names can lend its words; owned */
  struct value *values;
  size_t n;
  bool list;  /* written as a list */
  bool given; /* false: the row's default, or nothing (n = 0) */
  char *file; /* NULL for defaults; owned */
  int line;
};

/* entries[i] belongs to row i of the table: what was given, else the default; for a row with a star, its default.
 * Behind them stand the given members of open groups in the order written. */
struct settings {
  struct entry *entries;
  size_t n, cap;
  char *folder; /* of the study file */
};

/* settings_keys.c: keys against the table. Components of a key are what stands between its dots. */
bool key_is_group(const char *key);                     /* some row lies below it */
bool key_is_open(const char *key);                      /* its last word is the user's own: space.lr, data.classes.b */
bool key_name_good(const char *name);                   /* [A-Za-z_][A-Za-z0-9_.-]{0,63} */
void key_inside(const char *group, struct strbuf *out); /* "name, eta, first" or "NAME = ..." */
void key_complain_unknown(const char *key, const char *file, int line, struct complaints *c);
const char *key_last(const char *key); /* "eta" of "schedule.eta" */

/* settings_value.c: values against rows. */
bool value_is_reference(const struct setting *row, const struct value *v); /* "@name" where the row allows it */
/* Does it suit the row? Makes it what the row wants (seconds from "2h", 20 from 2e1); else `why` gets the reason, to be
 * read after "key = value": "must be >= 2". */
bool value_fits(const struct setting *row, struct value *v, struct strbuf *why);
void value_show(const struct value *v, struct strbuf *out);  /* for messages: 0.001, 'relu' */
void value_write(const struct value *v, struct strbuf *out); /* as in a study file */
void values_write(const struct value *values, size_t n, bool list, struct strbuf *out);
void values_show(const struct value *values, size_t n, bool list, struct strbuf *out); /* shortened */
/* One value or a flat ( ) or [ ] list of words, as in a default or behind --set; quotes may stand around a word,
 * without escapes. row NULL: anything. Caller frees each value and the array. */
struct value *values_from_words(const struct setting *row, const char *text, size_t *n, bool *list);
void value_range_text(const struct setting *row, struct strbuf *out); /* ">= 2", "0 .. 1"; "" if there is none */

/* settings_read.c */
void entry_fallback(const struct setting *row, struct value **values, size_t *n, bool *list);
void entry_free(struct entry *e);
struct entry *settings_find(const struct settings *s, const char *key); /* given or default; NULL if not in the table */

/* settings_override.c: one --set over the tree of the file. */
void override_apply(struct node *root, const char *text, struct complaints *c);
/* depth = 3 in space means space.depth.value = 3, act = ("relu", "tanh") means space.act.choices. */
void space_short_forms(struct node *root);

#endif
