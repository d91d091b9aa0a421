/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole numbers, each with a small value: ported ones, ten million of them, 8 bytes each.
 *
 *     number -> 61 bits -> mixed, nothing lost -> | bucket | what is left of it | value |
 *                                                     |      \________ 64 bits ________/
 *                                                     +-> where in the array its entries are
 *
 * The bits that name the bucket need not be kept. A look-up reads two places in memory. A table is
 * made once and never changed: it may be read from any thread.
 */

#ifndef ROUTE_NUMBERS_H
#define ROUTE_NUMBERS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define NUMBERS_NO_VALUE UINT32_MAX

enum {
    NUMBERS_MAX_DIGITS = 18, /* ITU-T E.164 6.1 has 15 */
    NUMBERS_MAX_VALUE = (1 << 24) - 1,
};

typedef struct Numbers Numbers;
typedef struct NumbersBuilder NumbersBuilder;

/* Adding one by one, in any order, takes at most 1.5 times the memory of the table. */
NumbersBuilder *numbers_builder_new (void);
void numbers_builder_free (NumbersBuilder *builder);

/* False: NUMBER is not 1 to 18 digits 0-9, after a "+" or not. VALUE is at most NUMBERS_MAX_VALUE. */
bool numbers_builder_add (NumbersBuilder *builder, const char *number, uint32_t value);

/* The table (transfer full); BUILDER is freed. Of a number that was added twice, one value is kept. */
Numbers *numbers_builder_end (NumbersBuilder *builder);

void numbers_free (Numbers *numbers);

/* The value of NUMBER, or NUMBERS_NO_VALUE. */
uint32_t numbers_find (const Numbers *numbers, const char *number);

size_t numbers_count (const Numbers *numbers);
size_t numbers_size_bytes (const Numbers *numbers);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Numbers, numbers_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (NumbersBuilder, numbers_builder_free)

#endif
