/* A look at a data file nobody has said anything about: its format, classes and variables. */
#ifndef COXSWAIN_NN_DATA_LOOK_H
#define COXSWAIN_NN_DATA_LOOK_H

#include "nn/data_scale.h"
#include "nn/data_source.h"

struct look {
  const char *path;
  enum data_format format;
  struct data_source source;
  /* of `measured` rows spread over the file */
  struct data_variable *variables; /* (source.width); names borrowed */
  size_t measured;
  bool sentinel; /* -999 stands where a value is missing */
  /* of all rows */
  bool whole_labels;                /* whole numbers, at most DATA_MAX_CLASSES of them */
  int64_t labels[DATA_MAX_CLASSES]; /* ascending */
  size_t counts[DATA_MAX_CLASSES], n_labels;
  bool weights, event_numbers; /* datasets or members of the usual names are there */
  double bayes_loss;           /* cross entropy of the exact posterior; NaN without one */
};

enum err look_open(struct look *l, const char *path);
void look_close(struct look *l);
const char *look_format(const struct look *l);
/* What the file calls a label, or NULL. For b-tagging labels of tdd files: light, c, b, tau. */
const char *look_label_name(const struct look *l, int64_t label);

#endif
