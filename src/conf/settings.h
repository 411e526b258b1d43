/* Settings: ONE table of keys (settings_table.c) from which parsing, checking, --set, --help, reference.cfg, the
 * identity of a study and the effective study.cfg all come. A new setting is one row.
 *
 * A value is a scalar or a list of scalars. Where a row allows it (REF), a text "@name" stands for a hyperparameter and
 * is filled in per trial by settings_resolve. Keys of open groups are written with a star: "space.*.low" is the row for
 * space.lr.low and space.width.low. */
#ifndef COXSWAIN_CONF_SETTINGS_H
#define COXSWAIN_CONF_SETTINGS_H

#include "base/params.h"
#include "base/strbuf.h"
#include "conf/complaints.h"
#include "conf/lists.h"

enum setting_type {
  SETTING_BOOL,
  SETTING_INT,
  SETTING_FLOAT,
  SETTING_SECONDS, /* a number of seconds, or "90s" "30m" "2h" "1d" or "HH:MM:SS" */
  SETTING_TEXT,
  SETTING_CHOICE, /* one of `choices` */
  SETTING_ANY     /* number, truth value or text */
};

enum setting_class {
  IDENTITY, /* part of what the study is: journaled, must match on resume */
  FREE      /* may change between runs; a change is journaled */
};

enum setting_flags {
  LIST = 1,   /* a list, or one value for a list of one */
  REF = 2,    /* may hold "@name" */
  EITHER = 4, /* with LIST: one value and a list mean different things (one for all layers, or one each) */
  BINDS = 32, /* what it makes stays from the first step of a training to the last */
  NAME = 16,  /* a text that names files and folders: letters, digits, . _ - */
  WHOLE = 8   /* a number stays as written: 1 is a VALUE_INT, 1.0 a VALUE_FLOAT, and the two differ (space.*.low) */
};

struct setting {
  const char *key;
  enum setting_type type;
  unsigned flags;
  enum setting_class class;
  const char *fallback;            /* default as written in a study file; NULL: none, settings_given() is false */
  double low, high;                /* for numbers, inclusive; for texts unused */
  const char *unit;                /* "" if none */
  const struct list_word *choices; /* SETTING_CHOICE, or the texts a SETTING_ANY may be; ends with a NULL name */
  const char *help;                /* one sentence */
};

/* The groups in the order of reference.cfg, by the first word of the keys. */
struct setting_group {
  const char *name, *help;
  const char *example; /* lines of a study file, each ending in a newline; NULL if there is none */
};

const struct setting *settings_table(size_t *n);
const struct setting_group *settings_groups(size_t *n);
const struct setting *settings_row(const char *key); /* "space.lr.low" finds "space.*.low"; NULL if unknown */

struct settings;

/* Reads and checks. All mistakes become complaints; *out is set (perhaps incomplete) whenever the file could be parsed,
 * so that a caller can go on and find more. `overrides` are "key=value" texts from --set, in study-file syntax; a bare
 * word is taken as text where the row is a text. Caller frees with settings_free. */
void settings_read(struct settings **out, const char *path, const char *const *overrides, size_t n,
                   struct complaints *c);
void settings_read_text(struct settings **out, const char *text, const char *name, const char *const *overrides,
                        size_t n, struct complaints *c);
/* What was read is a copy (DIR/study.cfg): paths in it are relative to the folder of that study file. */
void settings_stand_for(struct settings *s, const char *study_file);
void settings_free(struct settings *s);

/* One key. The key must be in the table and of that type (else the program ends: it is a bug, and a test looks for such
 * keys in the sources). A value still holding "@name" reads as a bug too: resolve first. */
bool settings_given(const struct settings *s, const char *key); /* set by the user, not by default */
bool settings_bool(const struct settings *s, const char *key);
int64_t settings_int(const struct settings *s, const char *key);
double settings_double(const struct settings *s, const char *key);    /* also SECONDS */
const char *settings_text(const struct settings *s, const char *key); /* also CHOICE; "" if none */
size_t settings_choice(const struct settings *s, const char *key);    /* index into the row's choices */
const struct value *settings_list(const struct settings *s, const char *key, size_t *n); /* borrowed */
bool settings_is_list(const struct settings *s, const char *key);                        /* written as a list */
/* Where it was written, for messages: file NULL and line 0 if it is a default. */
int settings_line(const struct settings *s, const char *key, const char **file);

/* Names inside an open group ("space" -> "lr", "width"), in the order written; borrowed, free only the array. */
const char **settings_names(const struct settings *s, const char *group, size_t *n);

/* Every "@name" replaced by its parameter and checked again against the row. A missing parameter (an inactive
 * conditional one) takes the row's default; inside a list a missing number is 0 (a width of 0 leaves the layer out), so
 * that the others keep their places. Errors are ERR_CONFIG: "train.lr = @rate = 'relu' must be a number". */
enum err settings_resolve(const struct settings *s, const struct params *p, struct settings **out);
/* Every name that is referred to must be a name of the space, and every possible value must suit: complaints. */
void settings_check_references(const struct settings *s, const struct params *examples, size_t n, struct complaints *c);

/* The key of a setting that uses "@name" for what cannot change while a trial trains; NULL: there is none. */
const char *settings_bound_by(const struct settings *s, const char *name);

/* The effective settings as a study file that reads back to the same (with_help: every row with its comment). */
void settings_write(const struct settings *s, struct strbuf *out);
void settings_write_reference(struct strbuf *out);               /* configs/reference.cfg */
void settings_write_help(struct strbuf *out, const char *group); /* one group for --help, NULL for all */

/* {key: value, ...} of one class, given or default, for the journal. Caller owns the json_t. */
struct json_t *settings_to_json(const struct settings *s, enum setting_class class);
/* Lines "train.epochs: 20 in the study, 30 now" for each key of that class that differs; returns how many. */
size_t settings_difference(const struct settings *s, enum setting_class class, const struct json_t *recorded,
                           struct strbuf *out);
/* A file of the settings: paths in it are relative to the folder of the study file. Caller frees. */
char *settings_path(const struct settings *s, const char *path);

#endif
