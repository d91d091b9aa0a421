/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ring of raw messages: the newest are there, whole and in order, whatever their sizes. */

#include "ring.h"

static void
collect (const SipRecord *record, const char *bytes, void *data)
{
    g_string_append_len (data, bytes, record->len_bytes);
    g_string_append_c (data, ' ');
}

static void
add (SipRing *ring, const char *call_id, const char *bytes)
{
    SipRecord record = { .len_bytes = (uint32_t) strlen (bytes) };

    sip_ring_add (ring, sip_view_of (call_id), &record, bytes);
}

static char *
messages_of (SipRing *ring, const char *call_id)
{
    GString *text = g_string_new (NULL);

    sip_ring_each (ring, sip_view_of (call_id), collect, text);
    return g_string_free (text, FALSE);
}

static void
test_by_call (void)
{
    SipRing *ring = sip_ring_new (4096);

    add (ring, "a", "INVITE");
    add (ring, "b", "OPTIONS");
    add (ring, "a", "ACK");
    g_autofree char *a = messages_of (ring, "a");
    g_autofree char *b = messages_of (ring, "b");
    g_autofree char *c = messages_of (ring, "c");
    g_assert_cmpstr (a, ==, "INVITE ACK ");
    g_assert_cmpstr (b, ==, "OPTIONS ");
    g_assert_cmpstr (c, ==, "");
    sip_ring_free (ring);
}

/* Against a list that keeps everything: the ring's content is always the end of it. */
static void
test_wraps (void)
{
    SipRing *ring = sip_ring_new (5000);
    g_autoptr (GString) all = g_string_new (NULL);
    size_t least = 5000;

    for (unsigned i = 0; i < 3000; i++) {
        g_autofree char *pad = g_strnfill (g_test_rand_int_range (0, 900), 'x');
        g_autofree char *bytes = g_strdup_printf ("%u%s", i, pad);
        add (ring, "call", bytes);
        g_string_append (all, bytes);
        g_string_append_c (all, ' ');
        g_autofree char *kept = messages_of (ring, "call");
        g_assert_true (g_str_has_suffix (all->str, kept));
        g_assert_true (strstr (kept, bytes) != NULL);
        if (i > 100) {
            least = MIN (least, strlen (kept));
        }
    }
    g_assert_cmpuint (least, >, 2000);
    sip_ring_free (ring);
}

static void
test_too_large (void)
{
    SipRing *ring = sip_ring_new (4096);
    g_autofree char *large = g_strnfill (1100, 'x');

    add (ring, "a", "small");
    add (ring, "a", large);
    g_autofree char *kept = messages_of (ring, "a");
    g_assert_cmpstr (kept, ==, "small ");
    sip_ring_free (ring);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/sip/ring/by-call", test_by_call);
    g_test_add_func ("/sip/ring/wraps", test_wraps);
    g_test_add_func ("/sip/ring/too-large", test_too_large);
    return g_test_run ();
}
