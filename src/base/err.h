/* Errors with a trace.
 *
 * Functions that can fail return enum err, 0 (OK) on success. Where a fault is found:
 *
 *     return FAIL(ERR_INPUT, "%s: column %zu: '%s' is not a number: remove the row or name a missing value", ...);
 *
 * and on the way up TRY(call) returns the code and adds one trace line. The text is kept per thread, describes the
 * first FAIL since the last err_clear, and says what, where, which value and what to do. Only main turns codes into
 * exit codes.
 */
#ifndef COXSWAIN_BASE_ERR_H
#define COXSWAIN_BASE_ERR_H

/* X(name, exit code, short text). Exit codes are a contract with job scripts; see README. */
#define ERR_LIST(X)                           \
  X(OK, 0, "no error")                        \
  X(ERR_CONFIG, 2, "bad configuration")       \
  X(ERR_INPUT, 2, "bad input")                \
  X(ERR_BUSY, 2, "in use by another process") \
  X(ERR_DEVICE, 2, "device not usable")       \
  X(ERR_DAMAGED, 74, "damaged file")          \
  X(ERR_TRIALS, 3, "too many trials failed")  \
  X(ERR_MEMORY, 70, "out of memory")          \
  X(ERR_COMM, 70, "communication failed")     \
  X(ERR_BUG, 70, "internal error")            \
  X(ERR_IO, 74, "input or output failed")     \
  X(ERR_STOPPED, 75, "stopped before the end: submit again")

#define ERR_ENUM(name, exit_code, text) name,
enum err { ERR_LIST(ERR_ENUM) };
#undef ERR_ENUM

const char *err_name(enum err e);  /* "ERR_INPUT" */
const char *err_short(enum err e); /* "bad input" */
int err_exit_code(enum err e);

/* Text of the first FAIL since err_clear on this thread ("" if none), and the call trace that TRY collected. */
const char *err_text(void);
const char *err_backtrace(void);
void err_clear(void);

enum err err_fail(enum err e, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
enum err err_pass(enum err e, const char *file, int line, const char *function);

/* A failure gives back its own code, never OK: compilers and analyzers that see one file at a time are told so. */
#define ERR_SAME_(call, code) ((call), (code))
#define FAIL(code, ...) ERR_SAME_(err_fail((code), __FILE__, __LINE__, __VA_ARGS__), (code))
#define TRY(call)                                                                   \
  do {                                                                              \
    enum err try_err_ = (call);                                                     \
    if (try_err_ != OK)                                                             \
      return ERR_SAME_(err_pass(try_err_, __FILE__, __LINE__, __func__), try_err_); \
  } while (0)

/* As TRY, but jumps to `label` with the code in `e` so that what was opened can be closed. */
#define TRY_GOTO(e, label, call)                   \
  do {                                             \
    (e) = (call);                                  \
    if ((e) != OK) {                               \
      err_pass((e), __FILE__, __LINE__, __func__); \
      goto label;                                  \
    }                                              \
  } while (0)

#endif
