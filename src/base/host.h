/* Where this process runs. Host names come again (containers, boots): these texts do not. */
#ifndef COXSWAIN_BASE_HOST_H
#define COXSWAIN_BASE_HOST_H

enum { HOST_NAME_SIZE = 256, HOST_BOOT_SIZE = 40, HOST_SPACE_SIZE = 96 };

void host_name(char out[HOST_NAME_SIZE]); /* as the system has it; "unknown" if it says nothing */
/* A machine between two of its boots: who gets the same text shares a kernel, and its locks. "" if it says nothing. */
void host_boot(char out[HOST_BOOT_SIZE]);
/* The boot, and the space of process numbers in it: who gets the same text sees each other by number. "" likewise. */
void host_space(char out[HOST_SPACE_SIZE]);

#endif
