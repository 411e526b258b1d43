/* The journal: read to its end, or to where it is damaged. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "hpo/snapshot.h"
#include "run/doctor_parts.h"

enum { WRITERS_SHOWN = 100 };

/* ---- reading ---- */

struct reading {
  struct doctor *d;
  json_t *writers; /* the last ones */
  int64_t foreign;
};

static void note_writer(struct reading *r, const char *json) {
  json_t *writer = NULL;
  if (json_parse(json, "coxswain:writer", &writer) == OK) {
    json_array_append_new(r->writers, writer);
    if (json_array_size(r->writers) > WRITERS_SHOWN)
      json_array_remove(r->writers, 0);
  }
  err_clear();
}

static enum err take(void *context, const struct op *op) {
  struct reading *r = context;
  r->foreign += op->foreign;
  if (op->kind == OP_STUDY_ATTR && !strcmp(op->name, "coxswain:writer"))
    note_writer(r, op->json);
  return study_apply(&r->d->study, op);
}

static enum err read_once(struct doctor *d, struct reading *r, enum err *how) {
  int fd = open(d->journal, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return FAIL(ERR_IO, "%s: cannot open: %s: are you allowed to read it?", d->journal, strerror(errno));
  *r = (struct reading){.d = d, .writers = json_array()};
  *how = journal_read_file(fd, d->journal, take, r, &d->end);
  close(fd);
  d->readable = *how == OK;
  if (*how == OK || *how == ERR_DAMAGED)
    return OK;
  json_decref(r->writers);
  return *how;
}

/* ---- the snapshot ---- */

static enum err report_bad_snapshot(struct doctor *d, const char *path, const char *why) {
  doctor_section(d, "snapshot", "is left out: %s", why);
  doctor_problem(d, doctor_mends(d) ? DOCTOR_MENDED : DOCTOR_NOTE,
                 "the next run reads the whole journal and writes another; --mend removes it", "%s: %s", path, why);
  if (doctor_mends(d))
    TRY(file_remove(path));
  return OK;
}

static enum err read_snapshot(struct doctor *d) {
  char *path = path_join(d->folder, "journal.snapshot");
  int fd = file_exists(path) ? open(d->journal, O_RDONLY | O_CLOEXEC) : -1;
  enum err e = OK;
  if (fd >= 0) {
    struct journal_mark at = {0};
    struct study study;
    study_init(&study, NULL);
    const char *why = snapshot_load(&study, d->journal, fd, &at);
    study_free(&study);
    close(fd);
    d->snapshot = at.offset;
    if (why)
      e = report_bad_snapshot(d, path, why);
    else
      json_object_set_new(doctor_section(d, "snapshot", "good, of the first %" PRId64 " lines", at.lines), "lines",
                          json_integer((json_int_t)at.lines));
  }
  free(path);
  return e;
}

/* ---- what lies behind the damage ---- */

struct loss {
  int64_t bytes, lines, trials, ended, reports;
};

static void count_line(char *line, size_t n, struct loss *loss) {
  struct op op;
  bool foreign;
  loss->lines++;
  if (op_scan(line, n, &op, &foreign) == OK && !foreign) {
    loss->trials += op.kind == OP_CREATE_TRIAL;
    loss->ended += op.kind == OP_STATE && op.state != TRIAL_RUNNING && op.state != TRIAL_WAITING;
    loss->reports += op.kind == OP_REPORT;
  }
  err_clear();
}

/* Of lines that can still be understood. */
static enum err count_loss(const struct doctor *d, struct loss *loss) {
  FILE *f = fopen(d->journal, "re");
  char *line = NULL;
  size_t cap = 0;
  *loss = (struct loss){.bytes = file_size(d->journal) - d->end.committed};
  if (!f || fseeko(f, (off_t)d->end.committed, SEEK_SET) != 0) {
    if (f)
      fclose(f);
    return FAIL(ERR_IO, "%s: cannot read: %s: is the file system well?", d->journal, strerror(errno));
  }
  for (ssize_t n; (n = getline(&line, &cap, f)) > 0;) {
    if (line[n - 1] == '\n')
      line[--n] = '\0';
    count_line(line, (size_t)n, loss);
  }
  free(line);
  fclose(f);
  return OK;
}

static enum err copy_bytes(int from, int64_t offset, int to, const char *path) {
  char piece[1 << 16];
  for (ssize_t n; (n = pread(from, piece, sizeof piece, (off_t)offset)) != 0; offset += n) {
    if (n < 0)
      return FAIL(ERR_IO, "%s: the journal cannot be copied: %s: is the file system well?", path, strerror(errno));
    TRY(file_write_all(to, piece, (size_t)n, path));
  }
  return fsync(to) == 0 ? OK : FAIL(ERR_IO, "%s: cannot be brought to disk: %s", path, strerror(errno));
}

/* The rest is on disk under its own name before it is cut off here. */
static enum err cut_here(struct doctor *d, struct strbuf *aside) {
  struct strbuf tmp = STRBUF_INIT;
  for (int i = 1; i == 1 || file_exists(aside->text); i++) {
    strbuf_clear(aside);
    strbuf_printf(aside, "%s.damaged-%d", d->journal, i);
  }
  strbuf_printf(&tmp, "%s.tmp", aside->text);
  int from = open(d->journal, O_RDWR | O_CLOEXEC), to = open(tmp.text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  enum err e = from < 0 || to < 0 ? FAIL(ERR_IO, "%s: cannot be cut: %s", d->journal, strerror(errno))
                                  : copy_bytes(from, d->end.committed, to, tmp.text);
  if (e == OK)
    e = file_rename(tmp.text, aside->text);
  if (e == OK)
    e = file_sync_folder(d->folder);
  if (e == OK && (ftruncate(from, (off_t)d->end.committed) != 0 || fsync(from) != 0))
    e = FAIL(ERR_IO, "%s: cannot be cut: %s: is the disk well?", d->journal, strerror(errno));
  if (from >= 0)
    close(from);
  if (to >= 0)
    close(to);
  strbuf_free(&tmp);
  return e;
}

/* Writers count on from the last one that is left, so names of packs come again: those of the lines cut off go aside.
 */
static enum err set_packs_aside(struct doctor *d) {
  char *folder = path_join(d->folder, "packs"), **names = NULL;
  size_t n = 0;
  enum err e = file_exists(folder) ? file_list(folder, ".h5", &names, &n) : OK;
  for (size_t i = 0; i < n && e == OK; i++)
    if (strtoll(names[i], NULL, 10) > d->end.epoch)
      e = doctor_set_aside(d, "packs", names[i]);
  file_list_free(names, n);
  free(folder);
  return e;
}

/* "journal.log:17: what is wrong": the advice of whoever found it, which is to do this, left out. */
static void put_damage(struct strbuf *out) {
  const char *text = err_text(), *advice = strstr(text, ": put back a copy");
  strbuf_add(out, text, advice ? (size_t)(advice - text) : strlen(text));
  err_clear();
}

static enum err report_damage(struct doctor *d, struct reading *r, enum err *how) {
  struct strbuf what = STRBUF_INIT, cure = STRBUF_INIT, aside = STRBUF_INIT;
  struct loss loss;
  put_damage(&what);
  bool saved = d->snapshot > d->end.committed, cut = d->options.cut_at_damage && !saved;
  enum err e = count_loss(d, &loss);
  if (saved) {
    strbuf_puts(&cure, "nothing is lost to coxswain, which goes on from journal.snapshot: so the journal is not cut; "
                       "for Optuna put back a copy");
  } else if (e == OK && cut) {
    e = cut_here(d, &aside);
    if (e == OK)
      e = set_packs_aside(d);
  } else {
    strbuf_printf(&cure,
                  "put back a copy of the file if there is one; else --cut-at-damage keeps the %" PRId64
                  " lines before and puts the rest aside",
                  d->end.lines + d->end.dropped);
  }
  if (e == OK)
    doctor_problem(d, cut ? DOCTOR_MENDED : DOCTOR_DAMAGED, cure.text,
                   "%s; behind it are %" PRId64 " lines with %" PRId64 " new trials, %" PRId64
                   " ends of trials and %" PRId64 " values%s%s",
                   what.text, loss.lines, loss.trials, loss.ended, loss.reports, aside.len ? ", now in " : "",
                   aside.text);
  if (e == OK && cut) {
    json_decref(r->writers);
    study_free(&d->study);
    study_init(&d->study, NULL);
    e = read_once(d, r, how);
  }
  strbuf_free(&what);
  strbuf_free(&cure);
  strbuf_free(&aside);
  return e;
}

/* ---- the section ---- */

static json_t *counts_of(const struct study *s) {
  json_t *counts = json_object();
  for (int i = 0; i < 5; i++)
    json_object_set_new(counts, trial_state_name((enum trial_state)i), json_integer((json_int_t)s->counts[i]));
  return counts;
}

static void put_section(struct doctor *d, struct reading *r) {
  const struct study *s = &d->study;
  const char *version = study_attribute(s, "coxswain:version");
  json_t *section = doctor_section(d, "journal",
                                   "%" PRId64 " lines, opened for writing %" PRId64
                                   " time%s%s%.*s; trials: %lld complete, %lld pruned, %lld failed, "
                                   "%lld not over",
                                   d->end.lines, d->end.epoch, d->end.epoch == 1 ? "" : "s",
                                   version ? ", first by version " : "", version ? (int)strlen(version) - 2 : 0,
                                   version ? version + 1 : "", (long long)s->counts[TRIAL_COMPLETE],
                                   (long long)s->counts[TRIAL_PRUNED], (long long)s->counts[TRIAL_FAIL],
                                   (long long)(s->counts[TRIAL_RUNNING] + s->counts[TRIAL_WAITING]));
  int64_t torn = d->readable && d->end.torn ? file_size(d->journal) - d->end.committed : 0;
  json_object_update_new(section, json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "readable", d->readable,
                                            "bytes", (json_int_t)file_size(d->journal), "lines",
                                            (json_int_t)d->end.lines, "epoch", (json_int_t)d->end.epoch, "dropped",
                                            (json_int_t)d->end.dropped, "foreign", (json_int_t)r->foreign, "torn_bytes",
                                            (json_int_t)torn, "trials", counts_of(s), "writers", r->writers));
  if (d->end.dropped)
    doctor_problem(d, DOCTOR_NOTE, "they count for nothing; there is nothing to do",
                   "%" PRId64 " lines are of a writer that went on after another had taken over", d->end.dropped);
  if (torn && !d->alive)
    doctor_problem(d, d->lock ? DOCTOR_MENDED : DOCTOR_NOTE,
                   "the next run cuts it off and keeps it aside, and so does --mend",
                   "the last write was not completed: %" PRId64 " bytes at the end of %s", torn, d->journal);
}

enum err doctor_read_journal(struct doctor *d) {
  struct reading r;
  enum err how;
  TRY(read_snapshot(d));
  TRY(read_once(d, &r, &how));
  if (how == ERR_DAMAGED)
    TRY(report_damage(d, &r, &how));
  if (how == ERR_DAMAGED) /* a cut journal is good, or this is a bug; in a report it is the first damage */
    err_clear();
  put_section(d, &r);
  return OK;
}

/* ---- the torn tail ---- */

static enum err ignore(void *context, const struct op *op) {
  (void)context;
  (void)op;
  return OK;
}

enum err doctor_cut_tail(struct doctor *d) {
  struct journal *j;
  if (!d->readable || !d->end.torn)
    return OK;
  TRY(journal_open(&j, d->journal, ignore, NULL));
  journal_close(j);
  return OK;
}
