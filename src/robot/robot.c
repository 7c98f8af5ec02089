#include "robot/robot.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/thread.h"
#include "courier/retry.h"
#include "queue/suspect.h"
#include "robot/bounce_mail.h"

/* Pause after trouble: this, doubling, up to the other. */
#define PAUSE_FIRST (1 * CLOCK_SECOND)
#define PAUSE_LAST (5 * CLOCK_MINUTE)

struct robot {
  struct store *store;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool stop, look, anew; /* under the lock; anew: from the first job on */
  int64_t after;   /* the thread's own: jobs up to this id have been looked at */
};

/* --- one message --- */

struct turn {
  int64_t after;
  bool found;      /* there was a job */
  bool understood; /* `mail` is set */
  struct bounce_mail mail;
  int64_t now;
  bool kept;
  bool alone, suspect; /* suspect: it is to be looked at alone, and was not looked at */
  int slot;            /* of in_hand_take() */
};

static enum res
read_next(struct tx *tx, void *arg, GError **error)
{
  struct turn *turn = arg;
  struct job job;
  enum res res = job_next(tx, "bounces", &turn->after, &job, error);
  turn->found = res == RES_OK;
  turn->suspect = res == RES_OK && job.strikes >= STRIKES_ALONE && !turn->alone;
  if (turn->suspect)
    return RES_OK;
  if (res == RES_OK)
    turn->slot = in_hand_take(IN_HAND_JOB, job.id);
  if (res == RES_OK)
    res = bounce_mail_judge(tx, &job, &turn->mail, error);
  turn->understood = res == RES_OK;
  return res == RES_MORE ? RES_OK : res;
}

static enum res
write_bounce(struct tx *tx, void *arg, GError **error)
{
  struct turn *turn = arg;
  return bounce_mail_record(tx, &turn->mail, turn->now, &turn->kept, error);
}

static void
tell(const struct turn *turn)
{
  const struct bounce *bounce = &turn->mail.bounce;
  log_posting(turn->mail.code);
  log_note("mail came back", log_str("member", turn->mail.address), log_str("by", bounce->kind == BOUNCE_RETURNED ? "tag" : "xverp"), log_int("delivery", bounce->delivery_id),
           log_str("kept", turn->kept ? "yes" : "enough of them"));
  log_posting(NULL);
}

/* Takes the next message. RES_MORE: there is none. */
static enum res
take_next(struct robot *robot, bool alone, bool *suspect, GError **error)
{
  struct turn turn = { .after = robot->after, .now = clock_now(), .alone = alone, .slot = -1 };
  enum res res = store_read(robot->store, read_next, &turn, error);
  if (res == RES_OK && turn.understood)
    res = store_write(robot->store, write_bounce, &turn, error);
  CRASH_POINT_IF(res == RES_OK && turn.understood, "bounce-committed");
  if (res == RES_OK && turn.understood)
    tell(&turn);
  in_hand_give(turn.slot);
  *suspect = turn.suspect;
  if (turn.suspect)
    return RES_OK;
  if (res == RES_OK || res == RES_MORE) /* the job was gone already */
    robot->after = turn.after;
  bool more = turn.found;
  bounce_mail_clear(&turn.mail);
  return res == RES_OK || res == RES_MORE ? (more ? RES_OK : RES_MORE) : res;
}

/* Beside others; or alone, what the process has died with twice. If the others do not end in time, it waits for the next start. */
static enum res
take_guarded(struct robot *robot, GError **error)
{
  bool suspect;
  in_hand_join();
  enum res res = take_next(robot, false, &suspect, error);
  in_hand_leave();
  if (!suspect)
    return res;
  if (!in_hand_alone(clock_monotonic() + SUSPECT_PATIENCE))
    return trouble(error, REPLY_TROUBLE, "the process died twice with the next one: it is looked at when nothing else is in hand");
  res = take_next(robot, true, &suspect, error);
  in_hand_not_alone();
  return res;
}

/* --- the thread --- */

static bool
is_stopping(struct robot *robot)
{
  pthread_mutex_lock(&robot->lock);
  bool stop = robot->stop;
  pthread_mutex_unlock(&robot->lock);
  return stop;
}

/* All there is. False: trouble. */
static bool
take_all(struct robot *robot)
{
  g_autoptr(GError) error = NULL;
  enum res res = RES_OK;
  while (res == RES_OK && !is_stopping(robot))
    res = take_guarded(robot, &error);
  if (res == RES_OK || res == RES_MORE)
    return true;
  log_alarm("mail that came back cannot be read; it will be tried again", log_err(error));
  return false;
}

/* Until it is woken, or until `pause` (0: for good) is over. Lock held. After trouble only time or the end wakes it: new mail would meet the same trouble. */
static void
sleep_for(struct robot *robot, int64_t pause)
{
  struct timespec until = thread_deadline(clock_monotonic() + pause);
  while (!robot->stop && !robot->anew && (pause || !robot->look)) {
    if (pause == 0)
      pthread_cond_wait(&robot->changed, &robot->lock);
    else if (pthread_cond_clockwait(&robot->changed, &robot->lock, CLOCK_MONOTONIC, &until) != 0)
      break;
  }
  robot->look = false;
}

static void *
robot_thread(void *data)
{
  struct robot *robot = data;
  int failures = 0;
  pthread_mutex_lock(&robot->lock);
  while (!robot->stop) {
    robot->after = robot->anew ? 0 : robot->after;
    robot->anew = false;
    pthread_mutex_unlock(&robot->lock);
    failures = take_all(robot) ? 0 : failures + 1;
    pthread_mutex_lock(&robot->lock);
    sleep_for(robot, failures ? retry_pause(PAUSE_FIRST, PAUSE_LAST, failures) : 0);
  }
  pthread_mutex_unlock(&robot->lock);
  return NULL;
}

static void
release(struct robot *robot)
{
  pthread_cond_destroy(&robot->changed);
  pthread_mutex_destroy(&robot->lock);
  g_free(robot);
}

struct robot *
robot_start(struct store *store)
{
  struct robot *robot = g_new0(struct robot, 1);
  robot->store = store;
  pthread_mutex_init(&robot->lock, NULL);
  pthread_cond_init(&robot->changed, NULL);
  if (thread_start(&robot->thread, robot_thread, robot))
    return robot;
  release(robot);
  return NULL;
}

void
robot_wake(struct robot *robot)
{
  pthread_mutex_lock(&robot->lock);
  robot->look = true;
  pthread_cond_signal(&robot->changed);
  pthread_mutex_unlock(&robot->lock);
}

void
robot_retry(struct robot *robot)
{
  pthread_mutex_lock(&robot->lock);
  robot->look = robot->anew = true;
  pthread_cond_signal(&robot->changed);
  pthread_mutex_unlock(&robot->lock);
}

void
robot_free(struct robot *robot)
{
  if (robot == NULL)
    return;
  pthread_mutex_lock(&robot->lock);
  robot->stop = true;
  pthread_cond_signal(&robot->changed);
  pthread_mutex_unlock(&robot->lock);
  pthread_join(robot->thread, NULL);
  release(robot);
}
