/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of personal numbers, of which only salted hashes are kept (crypt(3), yescrypt).
 *
 *     # account   profile   until        hash
 *     ncs-0001    gets      2027-12-31   $y$j9T$...
 *     ncs-0002    gets      never        $y$j9T$...
 *
 * A number says who it is by itself, so it is hashed once with each salt that the table has; a salt serves
 * many entries, that a look-up stays cheap, and a table has PINS_MAX_SALTS at most.
 */

#ifndef ACCESS_PINS_H
#define ACCESS_PINS_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PINS_MAX_SALTS = 8,
    PINS_MIN_DIGITS = 4,
    PINS_MAX_DIGITS = 32,
    PINS_MAX_BYTES = 64 * 1024 * 1024, /* of a table */
};

typedef struct {
    char *account, *profile, *hash;
    int64_t until_us; /* wall; INT64_MAX: never */
} Pin;

/* Immutable once it is read. */
typedef struct {
    GHashTable *by_hash; /* hash -> Pin */
    GPtrArray *salts;    /* settings for crypt(3), "$y$j9T$SALT" */
} Pins;

/* Reads TEXT, which stands in the file NAME. Errors: file, line, and what is wrong there. */
Pins *pins_parse (const char *text, const char *name, GError **error);

/* Reads the file at PATH. Blocks. Errors: as above, or what the kernel says. */
Pins *pins_read (const char *path, GError **error);
void pins_free (Pins *pins); /* nullable */

/* Whose number DIGITS is, NULL: nobody's. Takes some ten milliseconds for each salt. Thread: a worker. */
const Pin *pins_find (const Pins *pins, const char *digits);

/* The hash of DIGITS with SALT (transfer full); NULL: SALT is none. Blocks. */
char *pins_hash (const char *digits, const char *salt);

/* The salt with which one more number of PINS (nullable) is to be hashed (transfer full). NULL: the kernel
 * gives no random numbers. */
char *pins_salt (const Pins *pins);

/* Whether TEXT is a day, "2027-12-31" (it holds until that day has ended, UTC) or "never". */
bool pins_read_until (const char *text, int64_t *ret_until_us);

/* Whether TEXT can be an account: 1 to 32 letters, digits, and . _ - */
bool pins_is_account (const char *text);

#endif
