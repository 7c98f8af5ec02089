#include "courier/courier.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/token.h"
#include "courier/fixture.h"
#include <pthread.h>
#include <stdio.h>

/* An outlet of the test's own: keeps what it is given, answers as told, and can be waited for. */
struct fake_outlet {
  struct outlet outlet;
  struct outlet *inner; /* or NULL */
  pthread_mutex_t lock;
  pthread_cond_t changed;
  GPtrArray *seen; /* char *: "reverse-path address" for each recipient */
  GString *message;
  int sends, down, most_at_once, running;
  bool hold; /* sends wait until this is false */
  bool cut;
};

static enum outlet_result
fake_send(struct outlet *outlet, struct transmission *mail, GError **error)
{
  struct fake_outlet *fake = (struct fake_outlet *)outlet;
  enum outlet_result result = OUTLET_DONE;
  pthread_mutex_lock(&fake->lock);
  fake->sends++;
  fake->running++;
  fake->most_at_once = MAX(fake->most_at_once, fake->running);
  pthread_cond_broadcast(&fake->changed);
  while (fake->hold && !fake->cut)
    pthread_cond_wait(&fake->changed, &fake->lock);
  if (fake->down > 0 || fake->cut) {
    fake->down--;
    (void)!trouble(error, REPLY_TROUBLE, "nobody there");
    result = OUTLET_DOWN;
  } else if (fake->inner)
    result = outlet_send(fake->inner, mail, error);
  else {
    g_string_truncate(fake->message, 0);
    g_string_append_len(fake->message, mail->header.p, (gssize)mail->header.n);
    g_string_append_len(fake->message, mail->body.p, (gssize)mail->body.n);
    for (size_t i = 0; i < mail->n; i++)
      if (mail->recipients[i].outcome == OUTCOME_PENDING)
        g_ptr_array_add(fake->seen, g_strdup_printf("%s %s", mail->reverse_path, mail->recipients[i].address));
    transmission_settle(mail, false, OUTCOME_SENT, transmission_reply(mail, g_strdup("taken")));
  }
  fake->running--;
  pthread_cond_broadcast(&fake->changed);
  pthread_mutex_unlock(&fake->lock);
  return result;
}

static int64_t
fake_expire(struct outlet *outlet, int64_t now)
{
  (void)outlet;
  (void)now;
  return INT64_MAX;
}

static void
fake_cut(struct outlet *outlet, bool cut)
{
  struct fake_outlet *fake = (struct fake_outlet *)outlet;
  pthread_mutex_lock(&fake->lock);
  fake->cut = cut;
  pthread_cond_broadcast(&fake->changed);
  pthread_mutex_unlock(&fake->lock);
}

static void
fake_free(struct outlet *outlet)
{
  struct fake_outlet *fake = (struct fake_outlet *)outlet;
  outlet_free(fake->inner);
  g_ptr_array_unref(fake->seen);
  g_string_free(fake->message, TRUE);
  g_free(fake);
}

static const struct outlet_ops fake_ops = { .send = fake_send, .expire = fake_expire, .cut = fake_cut, .free = fake_free };

static struct fake_outlet *
fake_new(struct outlet *inner)
{
  struct fake_outlet *fake = g_new0(struct fake_outlet, 1);
  fake->outlet = (struct outlet){ .ops = &fake_ops, .name = g_strdup("fake") };
  fake->inner = inner;
  fake->seen = g_ptr_array_new_with_free_func(g_free);
  fake->message = g_string_new(NULL);
  pthread_mutex_init(&fake->lock, NULL);
  pthread_cond_init(&fake->changed, NULL);
  return fake;
}

/* Waits for that many sends to have begun. */
static void
wait_sends(struct fake_outlet *fake, int sends)
{
  pthread_mutex_lock(&fake->lock);
  while (fake->sends < sends)
    pthread_cond_wait(&fake->changed, &fake->lock);
  pthread_mutex_unlock(&fake->lock);
}

static struct courier *
start(struct fixture *fixture, struct fake_outlet *fake, int connections, int chunk_size)
{
  g_autoptr(GError) error = NULL;
  struct courier_options options = { .connections = connections, .chunk_size = chunk_size, .hostname = "lists.example.com" };
  struct courier *courier = courier_new(fixture->store, &options, &fake->outlet);
  enum res res = courier_start(courier, &error);
  g_assert_no_error(error);
  g_assert_cmpint(res, ==, RES_OK);
  return courier;
}

static void
stop(struct courier *courier)
{
  courier_stop(courier, clock_monotonic() + CLOCK_MINUTE);
}

static int
by_text(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
test_roster(void)
{
  OWN(fixture) fixture = fixture_new(25);
  fixture_post(fixture);
  struct fake_outlet *fake = fake_new(NULL);
  OWN(courier) courier = start(fixture, fake, 3, 10);
  wait_sends(fake, 3);
  stop(courier);
  g_assert_cmpuint(fake->seen->len, ==, 25);
  g_ptr_array_sort(fake->seen, by_text);
  g_assert_cmpstr(g_ptr_array_index(fake->seen, 0), ==, "ant-bounces@example.com m10@example.net");
  for (guint i = 1; i < fake->seen->len; i++)
    g_assert_cmpstr(g_ptr_array_index(fake->seen, i), !=, g_ptr_array_index(fake->seen, i - 1));
  g_assert_nonnull(strstr(fake->message->str, "List-Id:"));
  g_assert_nonnull(strstr(fake->message->str, "\r\n\r\nfirst line\r\n.dot\r\nlast line\r\n"));
  g_assert_cmpint(fixture_number(fixture, "SELECT COUNT(*) FROM chunk WHERE state = 2"), ==, 3);
  g_assert_cmpint(fixture_number(fixture, "SELECT SUM(count) FROM chunk"), ==, 25);
  g_assert_cmpint(fixture_number(fixture, "SELECT state FROM delivery"), ==, 2);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
  g_test_add_func("/courier/roster", test_roster);
  return g_test_run();
}
