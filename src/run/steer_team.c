/* Teams: run.ranks_per_trial ranks train one trial together. Ranks that say hello are free until they are put into a
 * team; when a team breaks those that are left are free again. A rank first waits for its own team, the one of
 * consecutive ranks that it began in and that lie on one host as far as can be; where that can come to nothing any more
 * it is put together with others that are left over. A smaller team would give other bits, so there are none. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/steer.h"

/* The own team of peers [first, first + team_size): all free; none; or some may yet come. */
enum own { OWN_READY, OWN_WAITS, OWN_NEVER };

/* A rank that works beside one that is free does so in another team, or is the last to notice that theirs is broken. */
static enum own beside_worker(const struct steer *s, size_t first, const struct peer *worker) {
  for (size_t i = first; i < first + s->team_size; i++)
    if (s->peers[i].presence == PEER_FREE && s->peers[i].team_id == worker->team_id)
      return OWN_WAITS;
  return OWN_NEVER;
}

static enum own own_team(const struct steer *s, size_t first) {
  enum own answer = OWN_READY;
  if (first + s->team_size > s->n_peers)
    return OWN_NEVER;
  for (size_t i = first; i < first + s->team_size; i++) {
    enum presence p = s->peers[i].presence;
    bool works = p == PEER_HERE || p == PEER_FOLLOWS;
    if (p == PEER_GONE || p == PEER_LOST || (works && beside_worker(s, first, &s->peers[i]) == OWN_NEVER))
      return OWN_NEVER;
    if (p != PEER_FREE)
      answer = OWN_WAITS;
  }
  return answer;
}

static void form(struct steer *s, const size_t *members) {
  struct strbuf list = STRBUF_INIT;
  double now = steer_now(s);
  bool again = false;
  s->team_id++;
  s->rooms_known = false;
  for (size_t i = 0; i < s->team_size; i++) {
    struct peer *p = &s->peers[members[i]];
    put_i64(&p->mail, COMMAND_TEAM);
    put_i64(&p->mail, s->team_id);
    for (size_t k = 0; k < s->team_size; k++)
      put_i64(&p->mail, s->peers[members[k]].rank);
    again = again || p->team_id > 0;
    p->team_id = s->team_id;
    p->presence = i ? PEER_FOLLOWS : PEER_HERE;
    p->heard = p->moved_at = now;
    strbuf_printf(&list, "%s%d", i ? ", " : "", p->rank);
  }
  s->unannounced = true;
  if (again)
    log_info("ranks %s are a team now", list.text);
  strbuf_free(&list);
}

static void form_own(struct steer *s, size_t first) {
  size_t *members = MEM_NEW_ARRAY(size_t, s->team_size);
  for (size_t k = 0; k < s->team_size; k++)
    members[k] = first + k;
  form(s, members);
  free(members);
}

/* Of those whose own team will not be. */
static void form_mixed(struct steer *s) {
  size_t *members = MEM_NEW_ARRAY(size_t, s->team_size), n = 0;
  for (size_t i = 0, first = 0; i < s->n_peers; i++) {
    if (i == first + s->team_size)
      first = i;
    if (s->peers[i].presence != PEER_FREE || own_team(s, first) != OWN_NEVER)
      continue;
    members[n++] = i;
    if (n < s->team_size)
      continue;
    form(s, members);
    n = 0;
  }
  if (n && n != s->resting)
    log_info("%zu rank%s rest%s: a team takes %zu", n, n == 1 ? "" : "s", n == 1 ? "s" : "", s->team_size);
  s->resting = n;
  free(members);
}

void steer_form_teams(struct steer *s) {
  if (!s->loose || s->leaving)
    return;
  s->loose = false;
  for (size_t i = 0; i + s->team_size <= s->n_peers; i += s->team_size)
    if (own_team(s, i) == OWN_READY)
      form_own(s, i);
  form_mixed(s);
}

/* The others do not know yet; each will see it by its own deadline, and say hello. */
void steer_scatter(struct steer *s, const struct peer *leader) {
  if (s->team_size == 1)
    return;
  for (size_t i = 0; i < s->n_peers; i++) {
    struct peer *p = &s->peers[i];
    if (p->presence != PEER_FOLLOWS || p->team_id != leader->team_id)
      continue;
    p->presence = PEER_ADRIFT;
    p->heard = steer_now(s);
  }
  s->loose = true;
}

bool steer_has_hands(const struct steer *s) {
  size_t may_come = 0;
  for (size_t i = 0; i < s->n_peers; i++) {
    enum presence p = s->peers[i].presence;
    if (p == PEER_HERE)
      return true;
    may_come += p == PEER_STARTING || p == PEER_FREE || p == PEER_ADRIFT;
  }
  return may_come >= s->team_size;
}
