#pragma once
/* Random names: [a-z0-9], from the kernel's generator. */
#include <stdbool.h>
#include <stddef.h>

/* Length of a posting's id: 12 of 36 letters, 62 bits. */
#define TOKEN_ID 12
/* Length of a secret: 22 of 36 letters, 113 bits. */
#define TOKEN_SECRET 22

/* Writes `length` random letters and a NUL; `out` holds length + 1. Never fails (aborts if the kernel has no generator). */
void token_random(char *out, size_t length);
