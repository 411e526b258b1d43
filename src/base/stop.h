/* The signal flag. Handlers set it and do nothing else; loops look at it between units of work. */
#ifndef COXSWAIN_BASE_STOP_H
#define COXSWAIN_BASE_STOP_H

#include "base/err.h"

enum stop_level { STOP_NONE, STOP_SOON, STOP_NOW };

/* INT, TERM, USR1, USR2, URG: the first asks to checkpoint and leave, a second INT or TERM to leave at once. PIPE is
 * ignored. Safe to call more than once. */
void stop_catch_signals(void);
enum stop_level stop_requested(void);
enum err stop_check(const char *what);     /* ERR_STOPPED "what: ..." once a stop is requested: for long loops */
void stop_request(enum stop_level wanted); /* as a signal would; never lowers the level */

#endif
