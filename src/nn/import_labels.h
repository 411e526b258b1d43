/* The label column of a table: texts to classes. */
#ifndef COXSWAIN_NN_IMPORT_LABELS_H
#define COXSWAIN_NN_IMPORT_LABELS_H

#include "nn/import.h"

struct label_list {
  const struct import_csv *options;
  char *texts[IMPORT_MAX_CLASSES]; /* in the order they were met */
  size_t counts[IMPORT_MAX_CLASSES];
  size_t n;
  int64_t values[IMPORT_MAX_CLASSES]; /* by labels_settle */
};

/* Which of the labels a text is; `where` is file:line:column. */
enum err labels_add(struct label_list *l, const char *text, const char *where, int *which);
/* All labels are known: gives each its value. Whole numbers keep theirs; others are numbered in alphabetical order. */
enum err labels_settle(struct label_list *l, const char *path);
void labels_summary(const struct label_list *l, struct import_summary *out);
void labels_free(struct label_list *l);

#endif
