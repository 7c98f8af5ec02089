#include "server/control.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/thread.h"
#include "net/endpoint.h"
#include "net/line_reader.h"
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* A client that says nothing for so long is let go. */
#define CLIENT_TIME (10 * CLOCK_SECOND)
#define ACCEPT_PAUSE_MS 1000

struct control {
  char *path;
  int fd, stop_event;
  pthread_t thread;
  bool running;
  const struct control_hooks *hooks;
};

static void
answer_result(enum res res, const GError *error, GString *out)
{
  if (res == RES_OK)
    g_string_append(out, "ok\r\n");
  else
    g_string_append_printf(out, "trouble %s\r\n", error->message);
}

static void
answer_changed(const struct control *control, struct slice argument, GString *out)
{
  (void)argument;
  g_autoptr(GError) error = NULL;
  enum res res = control->hooks->changed(control->hooks->ctx, &error);
  answer_result(res, error, out);
}

static void
answer_retry(const struct control *control, struct slice argument, GString *out)
{
  (void)argument;
  g_autoptr(GError) error = NULL;
  enum res res = control->hooks->retry(control->hooks->ctx, &error);
  answer_result(res, error, out);
}

static void
answer_maps(const struct control *control, struct slice argument, GString *out)
{
  (void)argument;
  g_autoptr(GError) error = NULL;
  enum res res = control->hooks->maps(control->hooks->ctx, &error);
  answer_result(res, error, out);
}

static void
answer_aliases(const struct control *control, struct slice argument, GString *out)
{
  (void)argument;
  g_autoptr(GError) error = NULL;
  enum res res = control->hooks->aliases(control->hooks->ctx, &error);
  answer_result(res, error, out);
}

static void
answer_status(const struct control *control, struct slice argument, GString *out)
{
  (void)argument;
  control->hooks->status(control->hooks->ctx, out);
}

static void
answer_probe(const struct control *control, struct slice argument, GString *out)
{
  g_string_append(out, control->hooks->probe(control->hooks->ctx, argument) ? "seen\r\n" : "not seen\r\n");
}

static void
answer_ping(const struct control *control, struct slice argument, GString *out)
{
  (void)control, (void)argument;
  g_string_append(out, "ok\r\n");
}

static const struct {
  const char *name;
  void (*answer)(const struct control *control, struct slice argument, GString *out);
} requests[] = {
  { "changed", answer_changed },
  { "retry", answer_retry },
  { "maps", answer_maps },
  { "aliases", answer_aliases },
  { "status", answer_status },
  { "probe", answer_probe },
  { "ping", answer_ping },
};

static void
answer(const struct control *control, struct slice line, GString *out)
{
  struct slice name = slice_until(line, ' '), argument = slice_skip(line, MIN(line.n, name.n + 1));
  for (size_t i = 0; i < G_N_ELEMENTS(requests); i++)
    if (slice_equal(name, slice_of(requests[i].name))) {
      requests[i].answer(control, argument, out);
      return;
    }
  g_string_append(out, "trouble unknown request\r\n");
}

static void
serve_client(const struct control *control, int fd)
{
  OWN(stream) stream = stream_new(fd);
  stream_deadline(stream, clock_monotonic() + CLIENT_TIME);
  g_autoptr(GError) error = NULL;
  struct slice line;
  while (line_reader_next(stream, &line, &error) == RES_OK) {
    g_autoptr(GString) out = g_string_new(NULL);
    answer(control, line, out);
    g_string_append(out, ".\r\n");
    CRASH_POINT("control-done");
    stream_deadline(stream, clock_monotonic() + CLIENT_TIME);
    if (stream_write(stream, (struct slice){ out->str, out->len }, &error) != RES_OK || stream_flush(stream, &error) != RES_OK)
      break;
    CRASH_POINT("control-answered");
  }
  if (error)
    log_debug("control client gone", log_err(error));
}

static void *
control_thread(void *data)
{
  struct control *control = data;
  struct pollfd wait[2] = { { .fd = control->fd, .events = POLLIN }, { .fd = control->stop_event, .events = POLLIN } };
  for (;;) {
    if (poll(wait, 2, -1) < 0 && errno != EINTR)
      g_error("poll: %s", g_strerror(errno));
    if (wait[1].revents)
      return NULL;
    int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
      serve_client(control, fd);
    else if (errno != EAGAIN)
      poll(&wait[1], 1, ACCEPT_PAUSE_MS); /* out of descriptors, and the client still waits: no busy loop */
  }
}

enum res
control_bind(const char *path, struct control **control, GError **error)
{
  struct endpoint endpoint = { .path = (char *)path };
  struct endpoint_access access = { .mode = 0600 };
  int fd;
  enum res res = endpoint_listen(&endpoint, &access, &fd, error);
  if (res != RES_OK)
    return res;
  OWN(control) made = g_new0(struct control, 1);
  *made = (struct control){ .path = g_strdup(path), .fd = fd, .stop_event = eventfd(0, EFD_CLOEXEC) };
  if (made->stop_event < 0)
    return trouble(error, REPLY_TROUBLE, "no descriptor for the control socket");
  *control = OWN_GIVE(made);
  return RES_OK;
}

enum res
control_start(struct control *control, const struct control_hooks *hooks, GError **error)
{
  control->hooks = hooks;
  control->running = thread_start(&control->thread, control_thread, control);
  return control->running ? RES_OK : trouble(error, REPLY_TROUBLE, "no thread for the control socket");
}

bool
control_answers(const struct control *control, int64_t deadline)
{
  const struct endpoint endpoint = { .path = control->path };
  int fd;
  if (endpoint_connect(&endpoint, deadline, &fd, NULL) != RES_OK)
    return false;
  OWN(stream) stream = stream_new(fd);
  struct slice line;
  stream_deadline(stream, deadline);
  return stream_write(stream, SLICE("ping\r\n"), NULL) == RES_OK && line_reader_next(stream, &line, NULL) == RES_OK;
}

void
control_free(struct control *control)
{
  if (control == NULL)
    return;
  uint64_t one = 1;
  if (control->running && write(control->stop_event, &one, sizeof one) != sizeof one)
    g_error("eventfd: %s", g_strerror(errno));
  if (control->running)
    pthread_join(control->thread, NULL);
  close(control->fd);
  if (control->stop_event >= 0)
    close(control->stop_event);
  unlink(control->path);
  g_free(control->path);
  g_free(control);
}
