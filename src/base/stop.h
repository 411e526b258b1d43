/* The signal flag. Handlers set it and do nothing else; loops look at it between units of work. */
#ifndef COXSWAIN_BASE_STOP_H
#define COXSWAIN_BASE_STOP_H

#include "base/err.h"

enum stop_level { STOP_NONE, STOP_SOON, STOP_NOW };

/* INT, TERM, HUP, USR1, USR2, URG: the first asks to checkpoint and leave, a later INT or TERM to leave at once; one
 * that comes within a fifth of a second is taken for the same one, sent by a launcher as well as by a batch system. HUP
 * stays ignored where it was (nohup), PIPE always is. Safe to call more than once.
 *
 * A step, a file system or a library may keep a process from looking at the flag for as long as it likes: two seconds
 * after the word to leave at once it ends all the same, with exit code 75. */
void stop_catch_signals(void);
enum stop_level stop_requested(void);
/* ERR_STOPPED "what: ..." once a stop is requested: for long loops, between two units of work (progress_made). `what`
 * is kept: a constant. */
enum err stop_check(const char *what);
void stop_request(enum stop_level wanted); /* as a signal would; never lowers the level */

/* Between these two the process is not ended so: bytes on their way to a file stay together. They may be nested, and
 * hold for a few seconds at most. */
void stop_hold(void);
void stop_release(void);

#endif
