#include "run/scheduler.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Numbers between colons, "1:02:03": how many there are (at most 4), 0 if it is something else. */
static int split_clock(const char *text, double parts[4]) {
  int n = 0;
  for (const char *at = text;; at++) {
    char *end;
    if (!isdigit((unsigned char)*at) || n == 4)
      return 0;
    parts[n++] = strtod(at, &end);
    at = end;
    if (*at == '\0')
      return n;
    if (*at != ':')
      return 0;
  }
}

/* The words of the first line that has any. */
static size_t first_words(const char *text, char words[][64], size_t most) {
  size_t n = 0;
  text += strspn(text, " \t\r\n");
  for (const char *line = text; n < most && *line && *line != '\n';) {
    size_t length = strcspn(line, " \t\r\n");
    if (length == 0 || length >= sizeof words[0])
      return n;
    memcpy(words[n], line, length);
    words[n++][length] = '\0';
    line += length;
    line += strspn(line, " \t\r");
  }
  return n;
}

static bool is_job_name(const char *text, char *out, size_t size) {
  if (!text || !isdigit((unsigned char)*text) || strlen(text) >= size)
    return false;
  memcpy(out, text, strlen(text) + 1);
  return true;
}

/* ---- Slurm ---- */

static bool slurm_job(char *out, size_t size) {
  return is_job_name(getenv("SLURM_JOB_ID"), out, size);
}

static void slurm_ask(const char *job, const char *argv[8]) {
  static const char *const words[] = {"squeue", "-h", "-j", NULL, "-o", "%L %l", NULL};
  memcpy(argv, words, sizeof words);
  argv[3] = job;
}

/* [days-][[hours:]minutes:]seconds. */
static double slurm_seconds(const char *word) {
  double parts[4], days = 0;
  if (strcmp(word, "UNLIMITED") == 0)
    return (double)INFINITY;
  const char *dash = strchr(word, '-');
  if (dash && isdigit((unsigned char)*word))
    days = strtod(word, NULL);
  int n = split_clock(dash ? dash + 1 : word, parts);
  if (n < (dash ? 1 : 2) || n > 3 || (dash && !isdigit((unsigned char)*word)))
    return (double)NAN;
  if (dash && n < 3) /* days-hours, days-hours:minutes */
    return 86400 * days + 3600 * parts[0] + (n > 1 ? 60 * parts[1] : 0);
  double seconds = 0;
  for (int i = 0; i < n; i++)
    seconds = 60 * seconds + parts[i];
  return 86400 * days + seconds;
}

bool slurm_read(const char *text, struct job_time *t) {
  char words[2][64];
  size_t n = first_words(text, words, 2);
  t->left = n > 0 ? slurm_seconds(words[0]) : (double)NAN;
  t->whole = n > 1 ? slurm_seconds(words[1]) : (double)NAN;
  return !isnan(t->left);
}

/* Newer versions (23.02 on) say it to the batch script; a limit that is raised later is not in it. */
static bool slurm_guess(struct job_time *t) {
  const char *end = getenv("SLURM_JOB_END_TIME"), *start = getenv("SLURM_JOB_START_TIME");
  double ends = end ? strtod(end, NULL) : 0, begun = start ? strtod(start, NULL) : 0;
  t->left = ends > 0 ? ends - (double)time(NULL) : (double)NAN;
  t->whole = ends > begun && begun > 0 ? ends - begun : (double)NAN;
  return t->left > 0 && t->left < 1e9;
}

/* ---- LSF ---- */

static bool lsf_job(char *out, size_t size) {
  const char *job = getenv("LSB_JOBID"), *index = getenv("LSB_JOBINDEX");
  char number[64];
  if (!is_job_name(job, number, sizeof number))
    return false;
  bool array = index && strtol(index, NULL, 10) > 0;
  int n = array ? snprintf(out, size, "%s[%ld]", number, strtol(index, NULL, 10)) : snprintf(out, size, "%s", number);
  return n > 0 && (size_t)n < size;
}

static void lsf_ask(const char *job, const char *argv[8]) {
  static const char *const words[] = {"bjobs", "-noheader", "-o", "time_left", NULL, NULL};
  memcpy(argv, words, sizeof words);
  argv[4] = job;
}

/* hours:minutes (hours:minutes:seconds where LSB_HMS_TIME_FORMAT is on) and a letter: L of a run limit, E of an
 * estimate, after which some sites end a job as well, X: the estimate is passed, and what the limit is it does not say.
 * "-": there is no limit. */
bool lsf_read(const char *text, struct job_time *t) {
  char words[2][64];
  double parts[4];
  size_t n = first_words(text, words, 2);
  *t = (struct job_time){(double)NAN, (double)NAN};
  if (n == 0 || (n > 1 && words[1][0] == 'X'))
    return false;
  if (strcmp(words[0], "-") == 0) {
    t->left = (double)INFINITY;
    return true;
  }
  int fields = split_clock(words[0], parts);
  if (fields < 2 || fields > 3)
    return false;
  t->left = 3600 * parts[0] + 60 * parts[1] + (fields > 2 ? parts[2] : 0);
  return true;
}

/* ---- PBS, Torque ---- */

static bool pbs_job(char *out, size_t size) {
  return is_job_name(getenv("PBS_JOBID"), out, size);
}

static void pbs_ask(const char *job, const char *argv[8]) {
  static const char *const words[] = {"qstat", "-f", NULL, NULL};
  memcpy(argv, words, sizeof words);
  argv[2] = job;
}

/* "    NAME = 02:00:00" at the beginning of a line. */
static double pbs_value(const char *text, const char *name) {
  char word[64];
  for (const char *line = text; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
    const char *at = line + strspn(line, " \t");
    size_t n = strlen(name);
    double parts[4];
    if (strncmp(at, name, n) != 0 || sscanf(at + n, " = %63s", word) != 1)
      continue;
    int fields = split_clock(word, parts);
    if (fields == 1)
      return parts[0];
    return fields == 3 ? 3600 * parts[0] + 60 * parts[1] + parts[2] : (double)NAN;
  }
  return (double)NAN;
}

/* PBS brings resources_used up to date every minute or two. */
bool pbs_read(const char *text, struct job_time *t) {
  double used = pbs_value(text, "resources_used.walltime"), left = pbs_value(text, "Walltime.Remaining");
  t->whole = pbs_value(text, "Resource_List.walltime");
  t->left = !isnan(left) ? left : t->whole - (isnan(used) ? 0 : used);
  return !isnan(t->left);
}

/* Torque: seconds of the whole job, so at most that. */
static bool pbs_guess(struct job_time *t) {
  const char *whole = getenv("PBS_WALLTIME");
  t->left = t->whole = whole ? strtod(whole, NULL) : 0;
  return t->left > 0;
}

/* ---- which ---- */

static const struct scheduler known[] = {
    {"Slurm", "squeue", slurm_job, slurm_ask, slurm_read, slurm_guess},
    {"LSF", "bjobs", lsf_job, lsf_ask, lsf_read, NULL},
    {"PBS", "qstat", pbs_job, pbs_ask, pbs_read, pbs_guess},
};

const struct scheduler *scheduler_here(void) {
  char job[128];
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].job(job, sizeof job))
      return &known[i];
  return NULL;
}
