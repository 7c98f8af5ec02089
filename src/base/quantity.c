#include "base/quantity.h"
#include "base/clock.h"
#include <glib.h>

struct unit {
  char letter;
  int64_t factor;
};

static const struct unit time_units[] = {
  { 'w', 7 * CLOCK_DAY }, { 'd', CLOCK_DAY }, { 'h', CLOCK_HOUR }, { 'm', CLOCK_MINUTE }, { 's', CLOCK_SECOND },
};
static const struct unit size_units[] = {
  { 'G', INT64_C(1) << 30 }, { 'M', INT64_C(1) << 20 }, { 'K', INT64_C(1) << 10 },
};

#define TIME_MAX (365000 * CLOCK_DAY)
#define SIZE_TOP (INT64_C(1) << 60)

static int64_t
factor_of(const struct unit *units, size_t n, char letter)
{
  for (size_t i = 0; i < n; i++)
    if (g_ascii_tolower(units[i].letter) == g_ascii_tolower(letter))
      return units[i].factor;
  return 0;
}

/* Digits at `*text`, at most 15 of them. */
static bool
read_number(const char **text, int64_t *number)
{
  int digits = 0;
  for (*number = 0; g_ascii_isdigit(**text); (*text)++, digits++) {
    if (digits == 15)
      return false;
    *number = *number * 10 + (**text - '0');
  }
  return digits > 0;
}

static bool
read_sum(const char *text, const struct unit *units, size_t n, int64_t plain, int64_t max, int64_t *sum)
{
  *sum = 0;
  do {
    int64_t number;
    if (!read_number(&text, &number))
      return false;
    int64_t factor = *text ? factor_of(units, n, *text) : plain;
    if (factor == 0 || number > (max - *sum) / factor)
      return false;
    *sum += number * factor;
    if (*text)
      text++;
  } while (*text);
  return true;
}

bool
quantity_time(const char *text, int64_t *microseconds)
{
  return read_sum(text, time_units, G_N_ELEMENTS(time_units), CLOCK_SECOND, TIME_MAX, microseconds);
}

bool
quantity_size(const char *text, int64_t *octets)
{
  return read_sum(text, size_units, G_N_ELEMENTS(size_units), 1, SIZE_TOP, octets);
}

static char *
shortest(int64_t value, const struct unit *units, size_t n)
{
  for (size_t i = 0; value && i < n; i++)
    if (value % units[i].factor == 0)
      return g_strdup_printf("%" G_GINT64_FORMAT "%c", value / units[i].factor, units[i].letter);
  return g_strdup_printf("%" G_GINT64_FORMAT, value);
}

char *
quantity_time_text(int64_t microseconds)
{
  /* weeks are read, but days are what people write */
  return shortest(microseconds, time_units + 1, G_N_ELEMENTS(time_units) - 1);
}

char *
quantity_size_text(int64_t octets)
{
  return shortest(octets, size_units, G_N_ELEMENTS(size_units));
}
