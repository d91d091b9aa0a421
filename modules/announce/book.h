/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The book: what can be heard, and who hears what when a call fails. Read whole from a configuration,
 * swapped whole by a reload; what plays keeps the one it began with.
 *
 *     ingress trunk, or what the routing tables said --> treatment --> cause --> sequence, release cause
 */

#ifndef MODULES_ANNOUNCE_BOOK_H
#define MODULES_ANNOUNCE_BOOK_H

#include "sequence.h"

#include <tandem/config.h>
#include <tandem/snapshot.h>

enum {
    BOOK_N_CAUSES = 128,
    BOOK_N_SECTIONS = 3, /* of the configuration */
};

/* What becomes of a call that failed for one cause. */
typedef struct {
    char *sequence;        /* what is heard; NULL: nothing */
    uint8_t release_cause; /* with which the call ends; 0: with what it had failed for */
    bool is_set;
} BookEntry;

typedef struct {
    BookEntry causes[BOOK_N_CAUSES];
    BookEntry others;
    char *
        announcement; /* the sequence of a call that was refused with an announcement, "%" its name;
                         * nullable */
} BookTreatment;

typedef struct {
    TdTable table; /* first */
    Library *library;
    GHashTable *treatments;  /* const char * -> BookTreatment * */
    GHashTable *trunks;      /* const char * -> BookTreatment *, of those above */
    BookTreatment *fallback; /* of trunks that name none; nullable */
    uint32_t longest_ms;
    unsigned capacity;
} Book;

extern const TdConfigSection book_sections[BOOK_N_SECTIONS];

/* Reads CONFIG and the files it names. Errors: the place and what is wrong there. Blocks. */
Book *book_load (const TdConfig *config, GError **error);

/* The treatment of NAME, or (NULL, or a name that is not there) of TRUNK; NULL: there is none. */
const BookTreatment *book_treatment (const Book *book, const char *name, const char *trunk);

/* What TREATMENT (nullable) says of CAUSE; NULL: nothing. */
const BookEntry *book_entry (const BookTreatment *treatment, unsigned cause);

/* What is heard of ENTRY when the call was refused with ANNOUNCEMENT (nullable); NULL: nothing
 * (transfer full). */
char *book_sequence (const Book *book, const BookTreatment *treatment, const BookEntry *entry,
                     const char *announcement);

#endif
