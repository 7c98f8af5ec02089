#pragma once
/* Names: [a-z0-9], random ones from the kernel's generator. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of a posting's id: ten letters of time, then four random ones. */
#define TOKEN_ID 14
/* Length of a secret: 22 of 36 letters, 113 bits. */
#define TOKEN_SECRET 22

/* Writes `length` random letters and a NUL; `out` holds length + 1. Never fails (aborts if the kernel has no generator). */
void token_random(char *out, size_t length);
/* Writes an id and a NUL; `out` holds TOKEN_ID + 1. Ids grow with time (until 2085, when they begin anew; within a process always), so that an
 * index of them grows at its end and a commit writes one page of it. They are names, not secrets. Any thread. */
void token_id(char *out);
