/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRI-082, PRI-086: what the ISUP in a body says of priority. The layout of an initial address message is that
 * of ITU-T Q.763 table 32 and of its ANSI counterpart, whose own wording could not be opened; a third party
 * reads what is written here in tests/interop/test-sip-i.py. */

#include "isup.h"

#include <string.h>

#define FIXED       "\x01\x00\x60\x00" /* and then the category */
#define ITU         "\x03\x02"         /* medium, called number */
#define ANSI        "\x03\x06"         /* service, called number */
#define SPEECH      "\x03\x80\x90\xa2" /* of ANSI, before the number */
#define CALLED      "\x06\x81\x10\x09\x00\x08\x01"
#define CALLING     "\x0a\x04\x83\x13\x21\x43"
#define NO_OPTIONAL FIXED "\x0a" ITU "\x00" CALLED
#define OPTIONAL    FIXED "\x0a" ITU "\x08" CALLED CALLING "\x00"
#define LEVEL(l)    "\x3a\x06" l "\x00\x01\x00\x00\xff"

static bool
reads (SipView message, TdForeign *ret)
{
    g_autofree char *copy = g_memdup2 (message.text, message.len_bytes); /* its end is the end */

    *ret = (TdForeign){ .size = sizeof *ret };
    return sip_isup_read ((SipView){ copy, message.len_bytes }, ret);
}

static void
test_category (void)
{
    static const SipView messages[] = {
        SIP_VIEW (FIXED "\xe2" ITU "\x00" CALLED),
        SIP_VIEW (FIXED "\xe2" ITU "\x08" CALLED CALLING "\x00"),
        SIP_VIEW (FIXED "\xe2" ANSI "\x00" SPEECH CALLED),
        SIP_VIEW (FIXED "\xe2" ANSI "\x0c" SPEECH CALLED CALLING "\x00"),
    };
    TdForeign foreign;

    for (size_t i = 0; i < G_N_ELEMENTS (messages); i++) {
        g_assert_true (reads (messages[i], &foreign));
        g_assert_cmpuint (foreign.given, ==, TD_FOREIGN_CATEGORY);
        g_assert_cmpuint (foreign.category, ==, 0xe2);
    }
}

static void
test_precedence (void)
{
    TdForeign foreign;

    g_assert_true (
        reads (SIP_VIEW (FIXED "\x0a" ITU "\x08" CALLED CALLING LEVEL ("\x41") "\x00"), &foreign));
    g_assert_cmpuint (foreign.given, ==, TD_FOREIGN_CATEGORY | TD_FOREIGN_PRECEDENCE);
    g_assert_cmpuint (foreign.precedence, ==, 1);
    g_assert_cmphex (foreign.precedence_network, ==, 0x0001);
    g_assert_cmphex (foreign.precedence_domain, ==, 0xff);
    /* A spare level, or another length, says nothing. */
    g_assert_true (
        reads (SIP_VIEW (FIXED "\x0a" ITU "\x08" CALLED LEVEL ("\x05") "\x00"), &foreign));
    g_assert_cmpuint (foreign.given, ==, TD_FOREIGN_CATEGORY);
    g_assert_true (reads (SIP_VIEW (FIXED "\x0a" ITU "\x08" CALLED "\x3a\x01\x00"
                                          "\x00"),
                          &foreign));
    g_assert_cmpuint (foreign.given, ==, TD_FOREIGN_CATEGORY);
}

/* Another message, one cut anywhere, a pointer or a length that leads out of it. */
static void
test_damaged (void)
{
    const SipView whole = SIP_VIEW (OPTIONAL);
    TdForeign foreign;

    g_assert_true (reads (whole, &foreign));
    for (size_t len = 0; len < whole.len_bytes; len++) {
        g_assert_false (reads ((SipView){ whole.text, len }, &foreign));
        g_assert_cmpuint (foreign.given, ==, 0);
    }
    g_assert_false (reads (SIP_VIEW ("\x06"
                                     "\x00\x60\x00\xe2" ITU "\x00" CALLED),
                           &foreign));
    g_assert_false (reads (SIP_VIEW (FIXED "\xe2" ITU "\xff" CALLED), &foreign));
    g_assert_false (reads (SIP_VIEW (FIXED "\xe2" ITU "\x08" CALLED "\x0a\xff\x00"), &foreign));
}

/* What FOREIGN makes of MESSAGE (NULL: clears), between other things. */
static GString *
written (SipView message, const TdForeign *foreign)
{
    GString *body = g_string_new ("before");

    g_string_append_len (body, message.text, (gssize) message.len_bytes);
    g_string_append (body, "behind");
    if (foreign != NULL) {
        sip_isup_write (body, 6, message.len_bytes, foreign);
    } else {
        sip_isup_clear (body, 6, message.len_bytes);
    }
    return body;
}

#define ASSERT_WRITTEN(message, foreign, wanted)                                                   \
    do {                                                                                           \
        g_autoptr (GString) body = written (SIP_VIEW (message), (foreign));                        \
        g_assert_cmpmem (body->str, body->len, "before" wanted "behind",                           \
                         sizeof ("before" wanted "behind") - 1);                                   \
    } while (0)

static void
test_write (void)
{
    const TdForeign nsep = { .given = TD_FOREIGN_CATEGORY, .category = 0xe2 };
    const TdForeign flash = { .given = TD_FOREIGN_PRECEDENCE,
                              .precedence = 1,
                              .precedence_network = 1,
                              .precedence_domain = 0xff };

    ASSERT_WRITTEN (OPTIONAL, &nsep, FIXED "\xe2" ITU "\x08" CALLED CALLING "\x00");
    ASSERT_WRITTEN (OPTIONAL, &flash, FIXED "\x0a" ITU "\x08" CALLED CALLING LEVEL ("\x41") "\x00");
    ASSERT_WRITTEN (NO_OPTIONAL, &flash, FIXED "\x0a" ITU "\x08" CALLED LEVEL ("\x41") "\x00");
    /* In place of what there was, of any length and as often. */
    ASSERT_WRITTEN (FIXED "\x0a" ITU "\x08" CALLED LEVEL ("\x00") CALLING "\x3a\x01\x04\x00",
                    &flash, FIXED "\x0a" ITU "\x08" CALLED CALLING LEVEL ("\x41") "\x00");
    ASSERT_WRITTEN ("no message", &nsep, "no message");
}

static void
test_clear (void)
{
    ASSERT_WRITTEN (FIXED "\xe2" ITU "\x08" CALLED LEVEL ("\x00") CALLING LEVEL ("\x00") "\x00",
                    NULL, OPTIONAL);
    ASSERT_WRITTEN (FIXED "\xe2" ITU "\x00" CALLED, NULL, NO_OPTIONAL);
    ASSERT_WRITTEN (FIXED "\xe2" ITU "\xff" CALLED, NULL, FIXED "\xe2" ITU "\xff" CALLED);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/sip/PRI-086/category", test_category);
    g_test_add_func ("/sip/PRI-086/precedence", test_precedence);
    g_test_add_func ("/sip/PRI-086/damaged", test_damaged);
    g_test_add_func ("/sip/PRI-082/write", test_write);
    g_test_add_func ("/sip/PRI-082/clear", test_clear);
    return g_test_run ();
}
