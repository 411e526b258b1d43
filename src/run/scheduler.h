/* Batch systems that know when this job must end: how each is recognised, asked, and understood. */
#ifndef COXSWAIN_RUN_SCHEDULER_H
#define COXSWAIN_RUN_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>

/* Seconds. INFINITY: there is no limit. NAN: not said. */
struct job_time {
  double left;  /* until the job ends */
  double whole; /* of the job from its beginning */
};

struct scheduler {
  const char *name;                                   /* "Slurm" */
  const char *program;                                /* "squeue": for messages */
  bool (*job)(char *out, size_t size);                /* which job this process is in; false: none of its */
  void (*ask)(const char *job, const char *argv[8]);  /* the words of the question, ending in NULL */
  bool (*read)(const char *text, struct job_time *t); /* its answer; false: it does not say how much is left */
  bool (*guess)(struct job_time *t);                  /* what the environment says before anybody is asked */
};

/* The one this process is a job of; NULL: none that is known. */
const struct scheduler *scheduler_here(void);

/* For their tests. Slurm: 59:00, 1:59:00, 2-01:59:00, UNLIMITED; NOT_SET, INVALID and the like are not said. */
bool slurm_read(const char *text, struct job_time *t);
bool lsf_read(const char *text, struct job_time *t);
bool pbs_read(const char *text, struct job_time *t);

#endif
