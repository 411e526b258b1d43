/* One line of the journal. Op codes 0-9 are Optuna's JournalStorage file format (version 3.1 and newer); what has no
 * Optuna word travels as system attributes named "coxswain:*", which this header turns into kinds of their own, so that
 * the fold reads events and the file stays an Optuna study.
 *
 * kind              line
 * OP_CREATE_STUDY   {"op_code":0,"study_name":..,"directions":[1|2]}
 * OP_STUDY_ATTR     {"op_code":2|3,"study_id":0,"user_attr"|"system_attr":{key: value}}
 * OP_CREATE_TRIAL   {"op_code":4,"study_id":0,"datetime_start":..}
 * OP_PARAM          {"op_code":5,"trial_id":n,"param_name":..,"param_value_internal":..,"distribution":".."}
 * OP_STATE          {"op_code":6,"trial_id":n,"state":0-4,"values":[..]|null,"datetime_start"|"datetime_complete":..}
 * OP_REPORT         {"op_code":7,"trial_id":n,"step":..,"intermediate_value":..}
 * OP_TRIAL_ATTR     {"op_code":8|9,"trial_id":n,"user_attr"|"system_attr":{key: value}}
 *   coxswain:asked  {"at": history length, "enqueued": bool, "key": n}     once, with the creation
 *   coxswain:parent {"trial","step","pack","replaces"}            OP_PARENT: it starts from another one's state
 *   coxswain:confirms  n                                          OP_TRIAL_ATTR: it repeats trial n
 *   coxswain:stint  {"id","order","from","to","worker","team"}    OP_STINT: a stint goes out
 *   coxswain:end    {"id","how","step","seconds","reason"}        OP_END: a stint has ended
 *   coxswain:saved  {"pack","step"}                               OP_SAVED: a state is on disk
 *   coxswain:sampler  "gp"                                        OP_TRIAL_ATTR: who proposed it, of sampler auto
 *
 * The study's attribute coxswain:gone, [n, step], says that the states which the first n trials had at the ends of
 * stints before that step are on disk no longer, so that nobody can start from them.
 *
 * The study's attribute coxswain:format, behind its creation, says by which of these rules the lines are to be read;
 * none is 1. A program that goes on with a study in a newer way says so by a new coxswain:format first, and one that
 * does not know that way refuses the journal there. Format 2 has trials that come from others (coxswain:parent,
 * coxswain:confirms); a study is of format 1 until it has one.
 *
 * Every line begins with op_code and "worker_id":"coxswain-EPOCH", by which foreign lines are told from ours. Datetimes
 * are local, as Optuna 3 writes and compares them; beside them stands "time", seconds since the epoch, which is what we
 * read back: Optuna ignores keys it does not know, and a local time means something else on another machine.
 *
 * What Optuna (3.1 and 5 tried) demands: datetime_start in every OP_CREATE_TRIAL (null will do) and in state 0,
 * datetime_complete in states 1 to 3, "values" in every OP_STATE (null will do), worker_id in every line, exactly one
 * key in an attribute. It ignores what is said of a trial that is over. */
#ifndef COXSWAIN_HPO_OP_H
#define COXSWAIN_HPO_OP_H

#include "hpo/trial.h"

#define JOURNAL_FORMAT 2

enum op_kind {
  OP_CREATE_STUDY,
  OP_STUDY_ATTR,
  OP_CREATE_TRIAL,
  OP_PARAM,
  OP_STATE,
  OP_REPORT,
  OP_TRIAL_ATTR,
  OP_ASKED,
  OP_PARENT,
  OP_STINT,
  OP_END,
  OP_SAVED
};

/* Texts are borrowed from whoever made the op. */
struct op {
  enum op_kind kind;
  int64_t trial;
  const char *name; /* study name, parameter, attribute key, pack */
  const char *json; /* attribute value; distribution of a parameter */
  bool system;      /* attribute: system rather than user */
  bool foreign;     /* an attribute that someone else, a dashboard, appended */
  bool maximize;    /* OP_CREATE_STUDY */
  double value;     /* internal parameter value, final value, report; NaN: none */
  enum trial_state state;
  int64_t step; /* report, end, saved, parent */
  double time;  /* seconds since the epoch, for creation and state */
  int64_t asked_at;
  int64_t key; /* OP_ASKED: trial.key */
  bool enqueued;
  int64_t parent, replaces; /* OP_PARENT */
  struct stint stint;       /* OP_STINT, OP_END (id, end) */
  double seconds;
  const char *reason;
};

struct op op_of(enum op_kind kind, int64_t trial); /* everything else at "none": NaN, -1, NULL */

#endif
