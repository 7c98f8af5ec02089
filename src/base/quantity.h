#pragma once
/* Numbers with units as people write them: times and sizes. */
#include <stdbool.h>
#include <stdint.h>

/* "7d", "12h", "5m", "30s", "2w", "90" (seconds), "1d12h" -> microseconds. False: not one, or over 1,000 years. */
bool quantity_time(const char *text, int64_t *microseconds);
/* "25M", "256K", "1G", "1000" (octets) -> octets, 1,024-based. False: not one, or over 2^60. */
bool quantity_size(const char *text, int64_t *octets);
/* The shortest text that reads back as the same; owned by the caller. */
char *quantity_time_text(int64_t microseconds);
char *quantity_size_text(int64_t octets);
