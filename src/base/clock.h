/* Time. */
#ifndef COXSWAIN_BASE_CLOCK_H
#define COXSWAIN_BASE_CLOCK_H

double clock_seconds(void);       /* monotonic */
void clock_sleep(double seconds); /* may return early on a signal */
void clock_iso(char out[32]);     /* local time now, "2026-11-23T17:26:00.123456" as Optuna writes it */
double clock_cpu_seconds(void);   /* of this process, all threads */
void clock_duration(double seconds, char out[32]); /* "2 h 03 min", "41 s", "0.2 s" for people */

#endif
