#pragma once
/* Automatic release for our own types: OWN(noun) x = noun_new();  The type is `struct noun *`.
 * OWN_DEFINE(noun, noun_free) goes into the header that declares noun_free, which must take NULL. */

#define OWN_DEFINE(noun, free_function)        \
  static inline void own_release_##noun(struct noun **owned) \
  {                                            \
    free_function(*owned);                     \
  }

#define OWN(noun) __attribute__((cleanup(own_release_##noun))) struct noun *

/* Hands ownership on: the variable becomes NULL. */
#define OWN_GIVE(variable) g_steal_pointer(&(variable))
