/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NAPTR records: which are read, which number each makes of another, and which are of no use. */

#include "naptr.h"

#include <glib.h>
#include <string.h>

#define NUMBER "+12125550111"

/* --- Records ----------------------------------------------------------------------------- */

static void
append_text (GByteArray *rdata, const char *text)
{
    guint8 len = (guint8) strlen (text);

    g_byte_array_append (rdata, &len, 1);
    g_byte_array_append (rdata, (const guint8 *) text, len);
}

static GByteArray *
make_rdata (const char *flags, const char *services, const char *regexp)
{
    static const guint8 head[] = { 0, 100, 0, 10 };
    GByteArray *rdata = g_byte_array_new ();

    g_byte_array_append (rdata, head, sizeof head);
    append_text (rdata, flags);
    append_text (rdata, services);
    append_text (rdata, regexp);
    g_byte_array_append (rdata, (const guint8 *) "", 1);
    return rdata;
}

static void
test_read (void)
{
    g_autoptr (GByteArray) rdata = make_rdata ("u", "E2U+pstn:tel", "!^.*$!tel:\\0!");
    Naptr naptr;

    g_assert_true (naptr_read (&naptr, rdata->data, rdata->len));
    g_assert_cmpuint (naptr.order, ==, 100);
    g_assert_cmpuint (naptr.preference, ==, 10);
    g_assert_cmpstr (naptr.flags, ==, "u");
    g_assert_cmpstr (naptr.services, ==, "E2U+pstn:tel");
    g_assert_cmpstr (naptr.regexp, ==, "!^.*$!tel:\\0!");
    g_assert_false (naptr.has_replacement);
    for (unsigned len = 0; len < rdata->len; len++) {
        g_autofree guint8 *exact = g_memdup2 (rdata->data, len); /* no byte more can be read */
        g_assert_false (naptr_read (&naptr, exact, len));
    }
    g_byte_array_append (rdata, (const guint8 *) "x", 1);
    g_assert_false (naptr_read (&naptr, rdata->data, rdata->len));
}

static void
test_read_replacement (void)
{
    static const char good[] = "\0\1\0\2\0\0\0\3abc\2de", long_label[] = "\0\1\0\2\0\0\0\x40";
    Naptr naptr;

    g_assert_true (naptr_read (&naptr, good, sizeof good));
    g_assert_true (naptr.has_replacement);
    g_assert_false (naptr_read (&naptr, good, sizeof good - 1));
    g_assert_false (naptr_read (&naptr, long_label, sizeof long_label));
    g_assert_false (naptr_read (&naptr, "\0\1\0\2\0\1\0\0", 9)); /* a NUL in a text */
}

static Naptr
make (const char *flags, const char *services, const char *regexp)
{
    Naptr naptr = { .order = 100 };

    g_strlcpy (naptr.flags, flags, sizeof naptr.flags);
    g_strlcpy (naptr.services, services, sizeof naptr.services);
    g_strlcpy (naptr.regexp, regexp, sizeof naptr.regexp);
    return naptr;
}

/* RFC 4769 3, RFC 6116 3.4.3 */
static void
test_services (void)
{
    static const struct {
        const char *services;
        bool is_pstn;
    } cases[] = {
        { "E2U+pstn", true },         { "E2U+pstn:tel", true }, { "e2u+PSTN:sip", true },
        { "E2U+sip+pstn:tel", true }, { "E2U+sip", false },     { "pstn+E2U", false },
        { "E2U+pstndata", false },    { "E2U", false },         { "", false },
        { "pstn:tel", false },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        Naptr naptr = make ("u", cases[i].services, "");
        g_assert_cmpint (naptr_is_pstn (&naptr), ==, cases[i].is_pstn);
    }
}

/* --- Substitution ------------------------------------------------------------------------ */

static void
test_substitute (void)
{
    static const struct {
        const char *flags, *regexp, *uri; /* NULL: none */
    } cases[] = {
        { "u", "!^.*$!tel:+1-212-555-0111;npdi!", "tel:+1-212-555-0111;npdi" },
        { "U", "!^\\+1(.*)$!tel:+1\\1;npdi;rn=+1\\1!", "tel:+12125550111;npdi;rn=+12125550111" },
        { "u", "/^.*$/sip:\\0@x\\/y/i", "sip:+12125550111@x/y" },
        { "u", "!^\\+44!tel:x!", NULL }, /* another country */
        { "", "!^.*$!tel:x!", NULL },    /* RFC 6116 3.4: not terminal */
        { "s", "!^.*$!tel:x!", NULL },
        { "u", "", NULL },
        { "u", "!^.*$!tel:x", NULL }, /* no end */
        { "u", "!^.*$!tel:x!g", NULL },
        { "u", "1^.*$1tel:x1", NULL },
        { "u", "!^(.*$!tel:x!", NULL },            /* no expression */
        { "u", "!^.*$!!", NULL },                  /* no URI */
        { "u", "!^((1{9}){9}){9}$!tel:x!", NULL }, /* what could take long */
        { "u", "!^(.*)\\1$!tel:x!", NULL },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        Naptr naptr = make (cases[i].flags, "E2U+pstn", cases[i].regexp);
        char uri[NAPTR_URI_SIZE];
        const char *why = NULL;
        g_test_message ("%s", cases[i].regexp);
        g_assert_cmpint (naptr_substitute (&naptr, NUMBER, uri, &why), ==, cases[i].uri != NULL);
        if (cases[i].uri != NULL) {
            g_assert_cmpstr (uri, ==, cases[i].uri);
        } else {
            g_assert_nonnull (why);
        }
    }
}

/* A pattern that means its groups again and again does not get more room than there is. */
static void
test_long_uri (void)
{
    g_autoptr (GString) regexp = g_string_new ("!^(.*)$!");
    char uri[NAPTR_URI_SIZE];
    const char *why = NULL;

    for (unsigned i = 0; i < 100; i++) {
        g_string_append (regexp, "\\1");
    }
    g_string_append_c (regexp, '!');
    Naptr naptr = make ("u", "E2U+pstn", regexp->str);
    g_assert_false (naptr_substitute (&naptr, NUMBER, uri, &why));
    g_assert_nonnull (strstr (why, "too long"));
}

/* --- URIs -------------------------------------------------------------------------------- */

/* The forms of RFC 4769 4: ported, not ported, as tel and as sip. */
static void
test_uri (void)
{
    static const struct {
        const char *uri, *number, *routing_number, *carrier;
        bool is_dipped;
    } cases[] = {
        { "tel:+1-215-555-0123;npdi;rn=+1-215-555-0199", "+12155550123", "+12155550199", "", true },
        { "TEL:+1-215-555-0123;NPDI", "+12155550123", "", "", true },
        { "sip:+12155550123;npdi;rn=+12155550199@gw.example.com;user=phone", "+12155550123",
          "+12155550199", "", true },
        { "tel:+12155550123;cic=+1-6789", "+12155550123", "", "+16789", false },
        { "tel:+12155550123;cic=6789;cic-context=+1;rn=2155550199;rn-context=+1", "+12155550123",
          "+12155550199", "+16789", false },
        { "tel:5550123;rn=D021;rn-context=example.com", "5550123", "D021", "", false },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        NaptrNumber found;
        g_assert_true (naptr_read_uri (&found, cases[i].uri));
        g_assert_cmpstr (found.number, ==, cases[i].number);
        g_assert_cmpstr (found.routing_number, ==, cases[i].routing_number);
        g_assert_cmpstr (found.carrier, ==, cases[i].carrier);
        g_assert_cmpint (found.is_dipped, ==, cases[i].is_dipped);
    }
}

static void
test_what_is_no_uri (void)
{
    static const char *const texts[] = {
        "",
        "tel:",
        "tel:+",
        "tel:alice",
        "tel:+1212x",
        "mailto:a@b",
        "sip:@x",
        "tel:+1;rn=x",
        "tel:+1;cic=",
        "tel:1+2",
        "tel:+123456789012345678901234567890123456789012345678901234567890123456789",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (texts); i++) {
        NaptrNumber found;
        g_test_message ("%s", texts[i]);
        g_assert_false (naptr_read_uri (&found, texts[i]));
    }
}

/* --- Choosing ---------------------------------------------------------------------------- */

static void
test_order (void)
{
    Naptr naptrs[] = {
        make ("u", "E2U+pstn", "!^.*$!tel:+1;rn=+13!"),
        make ("u", "E2U+pstn", "!^.*$!tel:+1;rn=+12!"),
        make ("u", "E2U+sip", "!^.*$!sip:+1;rn=+19@x!"),
        make ("", "E2U+pstn", ""),
    };
    NaptrNumber found;
    const char *why;

    naptrs[0].order = 200;
    naptrs[1].preference = 20;
    naptrs[2].order = 1;
    naptrs[3].preference = 10;
    g_assert_true (naptr_choose (naptrs, G_N_ELEMENTS (naptrs), NUMBER, &found, &why));
    g_assert_cmpstr (found.routing_number, ==, "+12");
}

static void
test_none (void)
{
    Naptr other = make ("u", "E2U+sip", "!^.*$!sip:a@x!");
    Naptr broken = make ("u", "E2U+pstn", "!^.*$!mailto:a@x!");
    NaptrNumber found;
    const char *why;

    g_assert_false (naptr_choose (&other, 1, NUMBER, &found, &why));
    g_assert_null (why);
    g_assert_false (naptr_choose (&broken, 1, NUMBER, &found, &why));
    g_assert_nonnull (why);
    g_assert_false (naptr_choose (&broken, 0, NUMBER, &found, &why));
    g_assert_null (why);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/dip-enum/naptr/ROU-025/read", test_read);
    g_test_add_func ("/dip-enum/naptr/ROU-025/read-replacement", test_read_replacement);
    g_test_add_func ("/dip-enum/naptr/ROU-025/services", test_services);
    g_test_add_func ("/dip-enum/naptr/ROU-025/substitute", test_substitute);
    g_test_add_func ("/dip-enum/naptr/ROU-025/long-uri", test_long_uri);
    g_test_add_func ("/dip-enum/naptr/ROU-025/uri", test_uri);
    g_test_add_func ("/dip-enum/naptr/ROU-025/what-is-no-uri", test_what_is_no_uri);
    g_test_add_func ("/dip-enum/naptr/ROU-025/order", test_order);
    g_test_add_func ("/dip-enum/naptr/ROU-025/none", test_none);
    return g_test_run ();
}
