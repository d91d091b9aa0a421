/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as records of the DNS, each behind its length, and as a URI: what is read stays within its
 * bounds, and what is chosen is a number. */

#include "fuzz.h"

#include "naptr.h"

#include <glib.h>
#include <string.h>

static void
check_number (const char number[NAPTR_NUMBER_SIZE])
{
    FUZZ_CHECK (strlen (number) < NAPTR_NUMBER_SIZE);
    FUZZ_CHECK (strspn (number, "+0123456789abcdefABCDEF*#") == strlen (number));
}

static void
check (const NaptrNumber *found)
{
    FUZZ_CHECK (found->number[0] != '\0');
    check_number (found->number);
    check_number (found->routing_number);
    check_number (found->carrier);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n_bytes)
{
    g_autofree char *text = g_strndup ((const char *) data, n_bytes);
    Naptr naptrs[NAPTR_MAX];
    NaptrNumber found;
    const char *why;
    unsigned n = 0;

    if (naptr_read_uri (&found, text)) {
        check (&found);
    }
    for (size_t at = 0; at < n_bytes && n < NAPTR_MAX;) {
        size_t len = MIN (data[at], n_bytes - at - 1);
        g_autofree uint8_t *rdata = g_memdup2 (data + at + 1, len); /* its end is the end */
        n += naptr_read (&naptrs[n], rdata, len);
        at += len + 1;
    }
    if (naptr_choose (naptrs, n, "+12125550111", &found, &why)) {
        check (&found);
    }
    return 0;
}
