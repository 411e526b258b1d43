/* The time that is left: what batch systems say, how they are asked, and the rule that follows. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "run/question.h"
#include "run/scheduler.h"
#include "run/walltime.h"
#include "testing.h"

#define NO_LIMIT ((double)INFINITY)
#define NOT_SAID ((double)NAN)

static bool same(double a, double b) {
  return (isnan(a) && isnan(b)) || a == b;
}

/* ---- what they say ---- */

struct saying {
  const char *text;
  double left, whole;
};

static void check_sayings(bool (*read)(const char *, struct job_time *), const struct saying *all, size_t n) {
  for (size_t i = 0; i < n; i++) {
    struct job_time t = {-1, -1};
    bool said = read(all[i].text, &t);
    bool good = said == !isnan(all[i].left) && (!said || (same(t.left, all[i].left) && same(t.whole, all[i].whole)));
    if (!good)
      printf("'%s' was read as %g of %g\n", all[i].text, t.left, t.whole);
    CHECK(good);
  }
}

static void test_slurm_says(void) {
  static const struct saying all[] = {
      {"59:31 2:00:00\n", 59 * 60 + 31, 7200},
      {"1:58:09 2:00:00\n", 7089, 7200},
      {"0:00 1:00\n", 0, 60},
      {"23:59:59", 86399, NOT_SAID},
      {"2-01:00:00 3-00:00:00", 2 * 86400 + 3600, 3 * 86400},
      {"1-2 1-2:30", 86400 + 7200, 86400 + 9000},
      {"UNLIMITED UNLIMITED\n", NO_LIMIT, NO_LIMIT},
      {"\n  12:00 \n", 720, NOT_SAID},
      {"5:00 1:00:00\n7:00 1:00:00\n", 300, 3600}, /* a heterogeneous job */
      {"5:00\n7:00\n", 300, NOT_SAID},
      {"NOT_SET 1:00:00", NOT_SAID, 0},
      {"INVALID 1:00:00", NOT_SAID, 0},
      {"", NOT_SAID, 0},
      {"\n", NOT_SAID, 0},
      {"17", NOT_SAID, 0},
      {"1:2:3:4", NOT_SAID, 0},
      {"1:2:3:4:5:6:7", NOT_SAID, 0},
      {"-1:00", NOT_SAID, 0},
      {"x-1:00:00", NOT_SAID, 0},
      {"1:", NOT_SAID, 0},
      {":1", NOT_SAID, 0},
      {"1:0x", NOT_SAID, 0},
      {"slurm_load_jobs error: Invalid job id specified", NOT_SAID, 0},
  };
  check_sayings(slurm_read, all, sizeof all / sizeof *all);
}

static void test_lsf_says(void) {
  static const struct saying all[] = {
      {"1:58 L\n", 7080, NOT_SAID},
      {"0:00 L\n", 0, NOT_SAID},
      {"0:07 E\n", 420, NOT_SAID},
      {"00:12:30 L\n", 750, NOT_SAID},
      {"120:00 L", 432000, NOT_SAID},
      {"-\n", NO_LIMIT, NOT_SAID},
      {"0:00 X", NOT_SAID, 0}, /* of an estimate: what the limit is it does not say */
      {"Job <17> is not found", NOT_SAID, 0},
      {"12", NOT_SAID, 0},
      {"", NOT_SAID, 0},
  };
  check_sayings(lsf_read, all, sizeof all / sizeof *all);
}

static void test_pbs_says(void) {
  static const struct saying all[] = {
      {"Job Id: 12.host\n    Job_Name = x\n    resources_used.walltime = 00:10:00\n    Resource_List.walltime = "
       "02:00:00\n",
       6600, 7200},
      {"    Resource_List.walltime = 00:30:00\n", 1800, 1800}, /* it has only just begun */
      {"    Resource_List.walltime = 02:00:00\n\tWalltime.Remaining = 500\n", 500, 7200},
      {"Job Id: 12.host\n    Job_Name = x\n", NOT_SAID, 0},
      {"    Resource_List.walltime = soon\n", NOT_SAID, 0},
      {"", NOT_SAID, 0},
  };
  check_sayings(pbs_read, all, sizeof all / sizeof *all);
}

/* ---- the rule ---- */

static void test_margin(void) {
  CHECK_NEAR(walltime_margin(7200), 120, 0);
  CHECK_NEAR(walltime_margin(1200), 120, 0);
  CHECK_NEAR(walltime_margin(60), 6, 1e-12);
  CHECK_NEAR(walltime_margin((double)INFINITY), 120, 0);
}

static void test_rule(void) {
  static const struct {
    double left, given, job, leaving, lost;
    bool leave, fits;
  } all[] = {
      {NO_LIMIT, NO_LIMIT, NO_LIMIT, 50, 1e9, false, true},
      /* two hours, nothing is known yet: the margin alone */
      {7200, 7200, 7200, 0, 0, false, true},
      {121, 7200, 7200, 0, 0, false, true},
      {119, 7200, 7200, 0, 0, true, true},
      {-5, 7200, 7200, 0, 0, true, true},
      /* leaving takes 40 s, a stint 10 minutes */
      {761, 7200, 7200, 40, 600, false, true},
      {759, 7200, 7200, 40, 600, false, false},
      {161, 7200, 7200, 40, 600, false, false},
      {159, 7200, 7200, 40, 600, true, false},
      /* one minute: a margin of 6 s */
      {6.1, 60, 60, 0, 0, false, true},
      {5.9, 60, 60, 0, 0, true, true},
      /* started again when most of the job is over: the margin is of what was left then */
      {100, 300, 7200, 10, 50, false, true},
      {89, 300, 7200, 10, 50, false, false},
      {39, 300, 7200, 10, 50, true, false},
      /* leaving seems to take longer than the job: half of it is for work all the same */
      {31, 60, 60, 500, 0, false, true},
      {29, 60, 60, 500, 0, true, true},
      /* a stint that is longer than any job is begun all the same, but not one that the next job has time for */
      {500, 7200, 7200, 10, 7200, false, true},
      {500, 500, 7200, 10, 7000, false, false},
      /* a job that was given more time */
      {9000, 9000, 9000, 10, 7200, false, true},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    struct time_facts f = {all[i].left, all[i].given, all[i].job, all[i].leaving};
    bool good = walltime_must_leave(&f) == all[i].leave && walltime_fits(&f, all[i].lost) == all[i].fits;
    if (!good)
      printf("rule %zu: leave %d, fits %d\n", i, walltime_must_leave(&f), walltime_fits(&f, all[i].lost));
    CHECK(good);
  }
}

static void test_durations(void) {
  struct durations d = {0};
  CHECK(durations_p95(&d) == 0);
  durations_add(&d, 3);
  CHECK(durations_p95(&d) == 3);
  for (int i = 0; i < 18; i++)
    durations_add(&d, 1);
  CHECK(durations_p95(&d) == 3); /* of 19 the longest */
  durations_add(&d, 1);
  CHECK(durations_p95(&d) == 1); /* of 20 the second */
  for (int i = 0; i < 2 * DURATIONS_KEPT; i++)
    durations_add(&d, 0.5);
  CHECK(durations_p95(&d) == 0.5); /* what is long ago is forgotten */
}

/* ---- asking ---- */

static char *stub(const char *folder, const char *name, const char *script) {
  char *path = path_join(folder, name);
  FILE *f = fopen(path, "w");
  REQUIRE(f != NULL);
  fprintf(f, "#!/bin/sh\n%s\n", script);
  fclose(f);
  chmod(path, 0755);
  return path;
}

static enum answer wait_for(struct question *q, double patience) {
  enum answer a;
  double end = clock_seconds() + 60;
  while ((a = question_listen(q, patience)) == ANSWER_WAIT && clock_seconds() < end)
    clock_sleep(0.002);
  return a;
}

static void test_question(void) {
  const char *folder = test_folder("question");
  struct question q;
  question_init(&q);
  CHECK(question_listen(&q, 1) == ANSWER_NONE);
  CHECK(!question_ask(&q, (const char *[]){"no such program at all", NULL}));

  setenv("PMIX_RANK", "7", 1);
  char *says = stub(folder, "says", "echo \"$1 $PMIX_RANK.\"; cat; exit $2");
  REQUIRE(question_ask(&q, (const char *[]){says, "hello", "0", NULL}));
  CHECK(wait_for(&q, 60) == ANSWER_GOOD);
  CHECK_TEXT(q.answer.text, "hello .\n");
  CHECK(question_listen(&q, 60) == ANSWER_NONE);
  unsetenv("PMIX_RANK");

  REQUIRE(question_ask(&q, (const char *[]){says, "hello", "3", NULL}));
  CHECK(wait_for(&q, 60) == ANSWER_BAD);

  char *hangs = stub(folder, "hangs", "echo $$ > hangs.pid.tmp; mv hangs.pid.tmp hangs.pid; sleep 1000 & wait");
  unlink("hangs.pid");
  REQUIRE(question_ask(&q, (const char *[]){hangs, NULL}));
  for (double end = clock_seconds() + 60; !file_exists("hangs.pid") && clock_seconds() < end;)
    clock_sleep(0.002);
  CHECK(question_listen(&q, 60) == ANSWER_WAIT);
  CHECK(question_listen(&q, 0) == ANSWER_BAD);
  CHECK(q.pid == 0 && q.line == -1);
  unlink("hangs.pid");

  char *floods = stub(folder, "floods", "yes");
  REQUIRE(question_ask(&q, (const char *[]){floods, NULL}));
  CHECK(wait_for(&q, 60) == ANSWER_BAD);
  question_drop(&q);
  free(says);
  free(hangs);
  free(floods);
}

/* ---- all of it ---- */

static void watch_until(struct walltime *w, double least, double most) {
  struct time_facts f = {0};
  for (double end = clock_seconds() + 60; clock_seconds() < end; clock_sleep(0.002)) {
    walltime_watch(w);
    walltime_facts(w, &f);
    if (f.left > least && f.left <= most)
      return;
  }
  printf("left is %g, not in (%g, %g]\n", f.left, least, most);
  CHECK(false);
}

static void forget_jobs(void) {
  static const char *const names[] = {"SLURM_JOB_ID",         "SLURM_JOB_END_TIME", "LSB_JOBID",   "LSB_JOBINDEX",
                                      "SLURM_JOB_START_TIME", "PBS_JOBID",          "PBS_WALLTIME"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    unsetenv(names[i]);
}

static void test_walltime(void) {
  const char *folder = test_folder("walltime");
  char *old = strdup(getenv("PATH")), path[8192];
  struct time_facts f;
  snprintf(path, sizeof path, "%s:%s", folder, old);
  setenv("PATH", path, 1);
  forget_jobs();

  struct walltime *w = walltime_open(0, clock_seconds(), 0.01); /* no job, no limit */
  walltime_watch(w);
  walltime_facts(w, &f);
  CHECK(isinf(f.left) && isinf(f.given));
  walltime_close(w);

  w = walltime_open(100, clock_seconds() - 40, 0.01);
  walltime_facts(w, &f);
  CHECK(f.left <= 60 && f.left > 0 && f.given == 100 && f.job == 100);
  walltime_close(w);

  /* Slurm: its word comes, is counted down, and may grow; the smaller of both limits holds. */
  setenv("SLURM_JOB_ID", "17", 1);
  free(stub(folder, "squeue", "[ \"$*\" = '-h -j 17 -o %L %l' ] && echo 50:00 1:00:00"));
  w = walltime_open(1e6, clock_seconds(), 0.01);
  watch_until(w, 2900, 3000);
  walltime_facts(w, &f);
  CHECK(f.given == 3000 && f.job == 3600);
  free(stub(folder, "squeue", "echo nonsense"));
  for (int i = 0; i < 100; i++, clock_sleep(0.002))
    walltime_watch(w);
  walltime_facts(w, &f);
  CHECK(f.left <= 3000 && f.left > 2800);
  free(stub(folder, "squeue", "echo 1-00:00:00 2-00:00:00"));
  watch_until(w, 86000, 86400);
  walltime_facts(w, &f);
  CHECK(f.job == 2 * 86400 && f.given == 86400);
  free(stub(folder, "squeue", "echo UNLIMITED UNLIMITED"));
  watch_until(w, 9e5, 1e6);
  walltime_close(w);

  /* what the environment says holds until there is an answer, or where nobody can be asked */
  char end[32];
  snprintf(end, sizeof end, "%lld", (long long)time(NULL) + 500);
  setenv("SLURM_JOB_END_TIME", end, 1);
  free(stub(folder, "squeue", "exit 1"));
  w = walltime_open(0, clock_seconds(), 0.01);
  watch_until(w, 300, 500);
  walltime_close(w);

  forget_jobs();
  setenv("LSB_JOBID", "18", 1);
  setenv("LSB_JOBINDEX", "3", 1);
  free(stub(folder, "bjobs", "[ \"$*\" = '-noheader -o time_left 18[3]' ] && echo '0:10 L'"));
  w = walltime_open(0, clock_seconds(), 0.01);
  watch_until(w, 500, 600);
  walltime_close(w);

  forget_jobs();
  setenv("PBS_JOBID", "19.host", 1);
  free(stub(folder, "qstat", "[ \"$*\" = '-f 19.host' ] && echo ' Resource_List.walltime = 00:01:00'"));
  w = walltime_open(0, clock_seconds(), 0.01);
  watch_until(w, 30, 60);
  walltime_close(w);

  setenv("PATH", old, 1);
  forget_jobs();
  free(old);
}

int main(void) {
  return TEST_MAIN("walltime", {"what Slurm says", test_slurm_says}, {"what LSF says", test_lsf_says},
                   {"what PBS says", test_pbs_says}, {"the margin", test_margin}, {"the rule", test_rule},
                   {"durations", test_durations}, {"a question", test_question},
                   {"the time that is left", test_walltime});
}
