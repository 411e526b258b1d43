/* The log: plain lines "HH:MM:SS level message" to stderr and, once log_open was called, to a file as well.
 * Safe from any thread; a line is one write. A live display may claim the terminal (log_set_terminal_hook). */
#ifndef COXSWAIN_BASE_LOG_H
#define COXSWAIN_BASE_LOG_H

#include "base/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines up to `screen` go to stderr, all up to `file` go to the file. Default: LOG_INFO, LOG_INFO. */
void log_levels(enum log_level screen, enum log_level file);
enum err log_open(const char *path); /* appends */
void log_close(void);

/* Called before and after a line is written to the terminal, so that a live block can make room. NULL removes it. */
void log_set_terminal_hook(void (*hook)(void *context, int before), void *context);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
