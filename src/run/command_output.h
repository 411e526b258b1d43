/* What a program says of its trial: JSON objects, one a line, among whatever else it prints. */
#ifndef COXSWAIN_RUN_COMMAND_OUTPUT_H
#define COXSWAIN_RUN_COMMAND_OUTPUT_H

#include <stdbool.h>

#include "base/params.h"
#include "base/strbuf.h"

/* How the value is called. */
struct value_name {
  const char *metric; /* study.metric, borrowed */
  bool loss_too;      /* "loss" is the value where there is no such metric: only where smaller is better */
};

/* {"step": 3, "loss": 0.2, "accuracy": 0.9, "status": 0, "message": "...", "done": true} */
struct said {
  int64_t step; /* 0: not given */
  bool has_value;
  double value; /* may be NaN or infinite */
  bool failed;  /* status is neither 0 nor "ok" */
  bool done;    /* the trial is over, whatever is left of its steps */
  char status[32], message[160];
  struct params metrics; /* all numbers, texts and truth values it names besides the words above */
};

void said_init(struct said *s);
void said_free(struct said *s);
/* False if the text is no JSON object, or one that is silent on value and status: *why (static text) says what is wrong
 * with it, NULL if nothing is. NaN and Infinity, as Python writes them, are understood. */
bool said_read(struct said *s, const char *text, size_t n, const struct value_name *name, const char **why);

/* A file that another process appends to, read line by line. */
struct tail {
  int fd;             /* -1: not open */
  struct strbuf part; /* of a line that has not ended yet */
  bool overlong;      /* ... and is too long to be one of ours */
};
#define TAIL_LONGEST ((size_t)1 << 20) /* bytes of a line */

enum err tail_open(struct tail *t, const char *path, bool at_end); /* no error if there is no such file */
void tail_close(struct tail *t);
/* Hands on the lines that have come, without the newline; at most about `most` bytes a call. With `last` also one that
 * has no newline. If `take` says false, the line is left for the next call, with all that follows. True: there may be
 * more. */
bool tail_read(struct tail *t, size_t most, bool last, bool (*take)(void *context, const char *line, size_t n),
               void *context);

/* The last lines of a text file, one after the other, made printable: what a failed program leaves to say. */
void last_words(const char *path, char *out, size_t size);
/* Control characters become blanks, what is not UTF-8 question marks. */
void make_printable(char *text);

#endif
