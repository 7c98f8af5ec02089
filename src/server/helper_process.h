#pragma once
/* The helper's own side, and what goes between both. Private to helper.c. */
#include "server/helper.h"

/* Descriptors of a request, in this order. */
enum { HELPER_INPUT, HELPER_OUTPUT, HELPER_RESULT, HELPER_DESCRIPTORS };

struct helper_request {
  uint32_t number;
  uint32_t file_length;
  char file[HELPER_FILE_MAX]; /* a datagram ends with its last octet */
};

enum helper_end { HELPER_EXITED, HELPER_KILLED, HELPER_NOT_STARTED, HELPER_OUT_OF_TIME, HELPER_REFUSED };

/* What comes out of the third pipe. */
struct helper_result {
  int32_t end;   /* enum helper_end */
  int32_t value; /* exit status, signal or errno */
};

/* Is it a name that a request may have? */
bool helper_file_is_good(struct slice name);
/* Serves requests from `fd` until its other end is closed. In the forked process. */
_Noreturn void helper_process(int fd, const struct helper_command *commands, size_t n);
