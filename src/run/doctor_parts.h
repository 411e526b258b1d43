/* The parts of an examination, for doctor*.c only. */
#ifndef COXSWAIN_RUN_DOCTOR_PARTS_H
#define COXSWAIN_RUN_DOCTOR_PARTS_H

#include "conf/settings.h"
#include "hpo/journal_lock.h"
#include "hpo/journal_read.h"
#include "hpo/study.h"
#include "run/doctor.h"

struct doctor_pack {
  char *name;
  bool good, needed;
  int64_t *trials, *steps; /* (n) what it holds */
  size_t n;
};

struct doctor {
  const char *folder;
  struct doctor_options options;
  char *journal; /* path */
  struct study study;
  struct journal_end end; /* of what could be read */
  bool readable;          /* the journal, to its end */
  int64_t snapshot;       /* bytes of the journal that the snapshot stands for; 0: there is none that holds */
  bool alive;             /* somebody writes: what is half done is no damage */
  struct journal_lock *lock;
  struct settings *conf; /* NULL: study.cfg cannot be read */
  struct space space;
  bool keeps_states; /* the evaluator does, in folders of its own: trials/ */
  struct doctor_pack *packs;
  size_t n_packs, cap_packs;
  struct json_t *report, *sections, *problems;
  size_t damaged;
};

/* A note is nothing to worry about; damage stays until it is mended. */
enum doctor_kind { DOCTOR_NOTE, DOCTOR_DAMAGED, DOCTOR_MENDED };
void doctor_problem(struct doctor *d, enum doctor_kind kind, const char *cure, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A section with its line; what else belongs there is for the caller to add (borrowed). */
struct json_t *doctor_section(struct doctor *d, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* May files be changed? Only with the lock in hand. */
bool doctor_mends(const struct doctor *d);
/* Moves DIR/part/name to DIR/part/damaged/name. */
enum err doctor_set_aside(struct doctor *d, const char *part, const char *name);
char *doctor_path(const struct doctor *d, const char *part, const char *name);

/* doctor_journal.c */
enum err doctor_read_journal(struct doctor *d);
enum err doctor_cut_tail(struct doctor *d); /* when the lock is free again: opening the journal does it */
/* doctor_settings.c */
enum err doctor_read_settings(struct doctor *d);
/* doctor_packs.c */
enum err doctor_read_packs(struct doctor *d);
enum err doctor_read_best(struct doctor *d);
void doctor_free_packs(struct doctor *d);

#endif
