#include "base/host.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void host_name(char out[HOST_NAME_SIZE]) {
  out[HOST_NAME_SIZE - 1] = '\0';
  if (gethostname(out, HOST_NAME_SIZE - 1) != 0 || !*out)
    snprintf(out, HOST_NAME_SIZE, "unknown");
}

void host_boot(char out[HOST_BOOT_SIZE]) {
  int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  ssize_t n = fd >= 0 ? read(fd, out, HOST_BOOT_SIZE - 1) : 0;
  if (fd >= 0)
    close(fd);
  out[n > 0 ? n : 0] = '\0';
  out[strcspn(out, "\n")] = '\0';
}

void host_space(char out[HOST_SPACE_SIZE]) {
  char boot[HOST_BOOT_SIZE], space[32] = "";
  host_boot(boot);
  bool known = *boot && readlink("/proc/self/ns/pid", space, sizeof space - 1) > 0;
  const char *number = space + strcspn(space, "0123456789"); /* "pid:[4026531836]" */
  *out = '\0';
  if (known)
    snprintf(out, HOST_SPACE_SIZE, "%s-%.*s", boot, (int)strspn(number, "0123456789"), number);
}
