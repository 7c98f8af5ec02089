#include "outlet/dial.h"
#include "base/clock.h"
#include <glib.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

/* A listening socket on the loopback. */
static int
listen_on(int backlog, struct endpoint *endpoint)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t length = sizeof(address);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
  g_assert_cmpint(listen(fd, backlog), ==, 0);
  g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &length), ==, 0);
  *endpoint = (struct endpoint){ .host = (char *)"127.0.0.1", .port = ntohs(address.sin_port) };
  return fd;
}

static void
test_connects(void)
{
  struct endpoint endpoint;
  int listener = listen_on(4, &endpoint), fd = -1;
  OWN(dial) dial = dial_new(&endpoint, clock_monotonic() + CLOCK_MINUTE);
  g_assert_cmpint(dial_wait(dial, &fd, NULL), ==, RES_OK);
  g_assert_cmpint(fd, >=, 0);
  close(fd);
  close(listener);
}

static void
test_refused(void)
{
  struct endpoint endpoint;
  close(listen_on(4, &endpoint));
  int fd = -1;
  g_autoptr(GError) error = NULL;
  OWN(dial) dial = dial_new(&endpoint, clock_monotonic() + CLOCK_MINUTE);
  g_assert_cmpint(dial_wait(dial, &fd, &error), ==, RES_TEMP);
  g_assert_nonnull(strstr(error->message, "refused"));
  g_assert_cmpint(fd, ==, -1);
}

static void *
give_up(void *arg)
{
  dial_give_up(arg);
  return NULL;
}

/* Connections to a full backlog hang until the deadline, which is far away. */
static void
test_given_up(void)
{
  struct endpoint endpoint;
  int listener = listen_on(0, &endpoint), filler[8], fd = -1;
  for (size_t i = 0; i < G_N_ELEMENTS(filler); i++) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)endpoint.port) };
    filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)!connect(filler[i], (struct sockaddr *)&address, sizeof(address));
  }
  OWN(dial) dial = dial_new(&endpoint, clock_monotonic() + 3 * CLOCK_SECOND);
  pthread_t thread;
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(pthread_create(&thread, NULL, give_up, dial), ==, 0);
  g_assert_cmpint(dial_wait(dial, &fd, &error), ==, RES_TEMP);
  g_assert_cmpstr(error->message, ==, "stopping");
  pthread_join(thread, NULL);
  close(listener);
  for (size_t i = 0; i < G_N_ELEMENTS(filler); i++)
    close(filler[i]);
}

/* A dial that nobody waits for takes its connection with it. */
static void
test_left_alone(void)
{
  struct endpoint endpoint;
  int listener = listen_on(4, &endpoint);
  dial_free(dial_new(&endpoint, clock_monotonic() + CLOCK_MINUTE));
  int fd = accept(listener, NULL, NULL);
  char octet;
  g_assert_cmpint(fd, >=, 0);
  g_assert_cmpint(read(fd, &octet, 1), ==, 0);
  close(fd);
  close(listener);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/dial/connects", test_connects);
  g_test_add_func("/dial/refused", test_refused);
  g_test_add_func("/dial/given up", test_given_up);
  g_test_add_func("/dial/left alone", test_left_alone);
  return g_test_run();
}
