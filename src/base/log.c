#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/strbuf.h"

static struct {
  pthread_mutex_t lock;
  enum log_level screen, file;
  int fd; /* -1: no file */
  bool file_failed;
  void (*hook)(void *context, int before);
  void *context;
} sink = {.lock = PTHREAD_MUTEX_INITIALIZER, .screen = LOG_INFO, .file = LOG_INFO, .fd = -1};

void log_levels(enum log_level screen, enum log_level file) {
  pthread_mutex_lock(&sink.lock);
  sink.screen = screen;
  sink.file = file;
  pthread_mutex_unlock(&sink.lock);
}

enum err log_open(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0)
    return FAIL(errno == EACCES || errno == EROFS ? ERR_CONFIG : ERR_IO,
                "%s: the log cannot be opened: %s: check the folder and its permissions", path, strerror(errno));
  log_close();
  pthread_mutex_lock(&sink.lock);
  sink.fd = fd;
  sink.file_failed = false;
  pthread_mutex_unlock(&sink.lock);
  return OK;
}

void log_close(void) {
  pthread_mutex_lock(&sink.lock);
  if (sink.fd >= 0)
    close(sink.fd);
  sink.fd = -1;
  pthread_mutex_unlock(&sink.lock);
}

void log_set_terminal_hook(void (*hook)(void *context, int before), void *context) {
  pthread_mutex_lock(&sink.lock);
  sink.hook = hook;
  sink.context = context;
  pthread_mutex_unlock(&sink.lock);
}

/* One write for the whole line, so that lines of several processes in one file never mix; only what a pipe or a disk
 * did not take at once is written on. */
static bool write_line(int fd, const struct strbuf *line) {
  for (size_t done = 0; done < line->len;) {
    ssize_t n = write(fd, line->text + done, line->len - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    done += (size_t)n;
  }
  return true;
}

static void to_screen(const struct strbuf *line) {
  if (sink.hook)
    sink.hook(sink.context, 1);
  write_line(STDERR_FILENO, line);
  if (sink.hook)
    sink.hook(sink.context, 0);
}

/* A log that cannot be written is no reason to stop training, but it is said once. */
static void to_file(const struct strbuf *line) {
  if (write_line(sink.fd, line) || sink.file_failed)
    return;
  sink.file_failed = true;
  struct strbuf complaint = STRBUF_INIT;
  strbuf_printf(&complaint, "coxswain: the log file cannot be written: %s: lines from here on may be missing in it\n",
                strerror(errno));
  to_screen(&complaint);
  strbuf_free(&complaint);
}

static void put_heading(struct strbuf *line, enum log_level level) {
  static const char *const names[] = {"error", "warn ", "info ", "debug"};
  time_t now = time(NULL);
  struct tm tm;
  char clock[16] = "";
  localtime_r(&now, &tm);
  strftime(clock, sizeof clock, "%H:%M:%S", &tm);
  strbuf_printf(line, "%s %s ", clock, names[level]);
}

void log_line(enum log_level level, const char *format, ...) {
  int saved_errno = errno;
  struct strbuf line = STRBUF_INIT;
  va_list args;
  pthread_mutex_lock(&sink.lock);
  bool on_screen = level <= sink.screen, in_file = sink.fd >= 0 && level <= sink.file;
  if (on_screen || in_file) {
    put_heading(&line, level);
    va_start(args, format);
    strbuf_vprintf(&line, format, args);
    va_end(args);
    strbuf_putc(&line, '\n');
  }
  if (on_screen)
    to_screen(&line);
  if (in_file)
    to_file(&line);
  pthread_mutex_unlock(&sink.lock);
  strbuf_free(&line);
  errno = saved_errno;
}
