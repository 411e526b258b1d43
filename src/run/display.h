/* What a person sees while a study runs: on a terminal one live block that is drawn over itself, otherwise a plain line
 * every so often and one for each better trial. */
#ifndef COXSWAIN_RUN_DISPLAY_H
#define COXSWAIN_RUN_DISPLAY_H

struct display;
struct steer;

struct display *display_new(struct steer *s);
void display_plan(struct display *d); /* the settings have changed: how much there is to do. NULL is fine */
void display_free(struct display *d); /* NULL is fine */
void display_update(struct display *d);
void display_finish(struct display *d, const char *why);

#endif
