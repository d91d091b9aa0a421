/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRI-086: any bytes as the ISUP in a body. What can be read can be written, says then what was given, and is
 * ordinary once it was cleared; what cannot be read stays as it is, and nothing around it is touched. */

#include "fuzz.h"

#include "isup.h"

#include <string.h>

enum { BEFORE = 3, BEHIND = 4 };

static GString *
make_body (const uint8_t *data, size_t n_bytes)
{
    GString *body = g_string_new ("bef");

    g_string_append_len (body, (const char *) data, (gssize) n_bytes);
    return g_string_append (body, "hind");
}

/* Reads BODY's message again into RET. */
static bool
read_again (const GString *body, TdForeign *ret)
{
    size_t len_bytes = body->len - BEFORE - BEHIND;
    g_autofree char *copy = g_memdup2 (body->str + BEFORE, len_bytes);

    FUZZ_CHECK (memcmp (body->str, "bef", BEFORE) == 0);
    FUZZ_CHECK (memcmp (body->str + BEFORE + len_bytes, "hind", BEHIND) == 0);
    *ret = (TdForeign){ .size = sizeof *ret };
    return sip_isup_read ((SipView){ copy, len_bytes }, ret);
}

static void
check_written (const uint8_t *data, size_t n_bytes, bool is_read)
{
    const TdForeign given = { .given = TD_FOREIGN_CATEGORY | TD_FOREIGN_PRECEDENCE,
                              .category = 0xe2,
                              .precedence = 2,
                              .precedence_network = 0x1234,
                              .precedence_domain = 0xabcdef };
    g_autoptr (GString) body = make_body (data, n_bytes);
    TdForeign foreign;

    sip_isup_write (body, BEFORE, n_bytes, &given);
    FUZZ_CHECK (read_again (body, &foreign) == is_read);
    if (!is_read) {
        FUZZ_CHECK (body->len == n_bytes + BEFORE + BEHIND
                    && (n_bytes == 0 || memcmp (body->str + BEFORE, data, n_bytes) == 0));
        return;
    }
    FUZZ_CHECK (foreign.category == 0xe2);
    if (foreign.given & TD_FOREIGN_PRECEDENCE) {
        FUZZ_CHECK (foreign.precedence == 2 && foreign.precedence_network == 0x1234
                    && foreign.precedence_domain == 0xabcdef);
    } else {
        FUZZ_CHECK (data[7] == 0 && n_bytes > 7 + UINT8_MAX); /* too far away to be pointed to */
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n_bytes)
{
    g_autofree char *text = g_memdup2 (data, n_bytes); /* its end is the end */
    TdForeign foreign = { .size = sizeof foreign }, after;
    bool is_read = sip_isup_read ((SipView){ text, n_bytes }, &foreign);

    FUZZ_CHECK (is_read == ((foreign.given & TD_FOREIGN_CATEGORY) != 0));
    FUZZ_CHECK (foreign.precedence <= 4);
    check_written (data, n_bytes, is_read);
    if (is_read) {
        g_autoptr (GString) body = make_body (data, n_bytes);
        sip_isup_clear (body, BEFORE, n_bytes);
        FUZZ_CHECK (read_again (body, &after));
        FUZZ_CHECK (after.given == TD_FOREIGN_CATEGORY && after.category == 10);
    }
    return 0;
}
