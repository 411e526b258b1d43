/* How much time is left, and what still fits into it.
 *
 * Sources: run.walltime, counted from the start of this process, and the batch system whose job this is (scheduler.h),
 * asked every minute through a process that nobody waits for. Between two answers the clock counts down; the smaller of
 * both sources holds. A tool that is missing, talks nonsense or hangs changes nothing, and a job may be given more
 * time.
 *
 * The rule, with
 *
 *   C  what leaving takes: until the slowest worker notices (its longest look away), has written its states, and its
 *      programs have had their grace time; each as it is in 95 of 100 cases, learned in this study
 *   M  a margin for what cannot be learned: a tenth of the time this process was given, at most 120 s
 *   P  what is lost of a stint that is cut: nothing where training is saved at any moment, one step where a step cannot
 *      be cut, all of it where the program keeps no checkpoint; in 95 of 100 cases
 *
 *   leave             when left < C + M
 *   begin no stint    when left < P + C + M
 *
 * The first makes the last checkpoint come in time. The second keeps work from being begun that would be lost; what
 * runs is not touched by it. Two exceptions, or a study would never end: what is learned may not make a run leave
 * before half of the job is over, and a stint that is longer than any job is begun all the same.
 *
 * Nothing is lost but time if none of this works and the job is killed: see run.checkpoint. */
#ifndef COXSWAIN_RUN_WALLTIME_H
#define COXSWAIN_RUN_WALLTIME_H

#include <stdbool.h>
#include <stddef.h>

/* ---- the rule ---- */

/* Seconds. */
struct time_facts {
  double left;    /* INFINITY: no limit */
  double given;   /* what this process had when it began */
  double job;     /* what a whole job has */
  double leaving; /* C */
};
double walltime_margin(double given);
bool walltime_must_leave(const struct time_facts *f);
bool walltime_fits(const struct time_facts *f, double lost_if_cut); /* P */

/* ---- durations ---- */

/* The last ones of their kind. */
enum { DURATIONS_KEPT = 32 };
struct durations {
  float seconds[DURATIONS_KEPT];
  unsigned n; /* all that ever were */
};
void durations_add(struct durations *d, double seconds);
/* At least 95 % of the kept ones took no longer: the longest of less than 20. 0 if there is none. */
double durations_p95(const struct durations *d);

/* ---- the time that is left ---- */

struct walltime;

/* Waits some seconds for the first answer. limit: run.walltime, 0: none; since: the moment it counts from
 * (clock_seconds); every: seconds between two questions, 0: nobody is asked. */
struct walltime *walltime_open(double limit, double since, double every);
void walltime_close(struct walltime *w); /* NULL is fine */
/* Asks and listens; never waits. Call it often. Says in the log what it learns. */
void walltime_watch(struct walltime *w);
/* left, given and job; INFINITY where there is no limit, as for NULL. */
void walltime_facts(const struct walltime *w, struct time_facts *f);

#endif
