#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_SIZE = 4096, TRACE_SIZE = 8192 };

static _Thread_local char text[TEXT_SIZE];
static _Thread_local char trace[TRACE_SIZE];

const char *err_name(enum err e) {
  switch (e) {
#define ERR_NAME(name, exit_code, words) \
  case name:                             \
    return #name;
    ERR_LIST(ERR_NAME)
#undef ERR_NAME
  }
  return "unknown error";
}

const char *err_short(enum err e) {
  switch (e) {
#define ERR_WORDS(name, exit_code, words) \
  case name:                              \
    return words;
    ERR_LIST(ERR_WORDS)
#undef ERR_WORDS
  }
  return "unknown error";
}

int err_exit_code(enum err e) {
  switch (e) {
#define ERR_CODE(name, exit_code, words) \
  case name:                             \
    return exit_code;
    ERR_LIST(ERR_CODE)
#undef ERR_CODE
  }
  return 70;
}

const char *err_text(void) {
  return text;
}

const char *err_backtrace(void) {
  return trace;
}

void err_clear(void) {
  text[0] = '\0';
  trace[0] = '\0';
}

/* A trace that outgrows its buffer loses its newest lines: the oldest are nearest to the fault. */
static void trace_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void trace_line(const char *format, ...) {
  size_t used = strlen(trace);
  va_list args;
  va_start(args, format);
  vsnprintf(trace + used, sizeof trace - used, format, args);
  va_end(args);
}

/* "src/base/file.c" wherever the compiler was called from. */
static const char *short_path(const char *file) {
  const char *found = NULL;
  for (const char *at = strstr(file, "src/"); at; at = strstr(at + 1, "src/"))
    found = at;
  return found ? found : file;
}

enum err err_fail(enum err e, const char *file, int line, const char *format, ...) {
  int saved_errno = errno;
  char later[512];
  char *where = text[0] ? later : text;
  va_list args;
  va_start(args, format);
  vsnprintf(where, where == text ? sizeof text : sizeof later, format, args);
  va_end(args);
  trace_line("  %s:%d %s%s%s\n", short_path(file), line, err_name(e), where == later ? ": " : "",
             where == later ? later : "");
  errno = saved_errno;
  return e;
}

enum err err_pass(enum err e, const char *file, int line, const char *function) {
  trace_line("  %s:%d %s\n", short_path(file), line, function);
  return e;
}
