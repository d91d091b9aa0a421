/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ring of raw messages: the newest are there, whole and in order, whatever their sizes. */

#include "ring.h"
#include "seal.h"

#include <tandem/priority.h>

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
    SipRingEntry entry;
    uint64_t place = 0;

    while (sip_ring_next (ring, &place, &entry)) {
        g_autofree char *copy = sip_ring_copy (ring, &entry);
        if (entry.call == TD_ID_NONE && strncmp (copy, call_id, entry.call_id_len_bytes) == 0
            && entry.hash == sip_view_hash (sip_view_of (call_id), 0)) {
            g_string_append (text, copy + entry.call_id_len_bytes);
            g_string_append_c (text, ' ');
        }
    }
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

static void
test_notes (void)
{
    SipRing *ring = sip_ring_new (4096);
    SipRingEntry entry;
    uint64_t place = 0;

    add (ring, "a", "INVITE");
    sip_ring_note (ring, sip_view_of ("b"), 77, true, TD_CLASS_ORDINARY);
    g_assert_true (sip_ring_next (ring, &place, &entry));
    g_assert_cmpuint (entry.call, ==, TD_ID_NONE);
    g_assert_true (sip_ring_next (ring, &place, &entry));
    g_autofree char *name = sip_ring_copy (ring, &entry);
    g_assert_cmpuint (entry.call, ==, 77);
    g_assert_cmpstr (name, ==, "b");
    g_assert_false (entry.record.is_sent);
    g_assert_false (sip_ring_next (ring, &place, &entry));
    sip_ring_free (ring);
}

/* A reader that pauses while the ring is written on misses what is gone and nothing else. */
static void
test_reader_is_overtaken (void)
{
    SipRing *ring = sip_ring_new (4096);
    SipRingEntry entry;
    uint64_t place = 0, n_read = 0;
    g_autofree char *last = NULL;

    add (ring, "a", "0");
    g_assert_true (sip_ring_next (ring, &place, &entry));
    for (unsigned i = 1; i <= 1000; i++) {
        g_autofree char *bytes = g_strdup_printf ("%u", i);
        add (ring, "a", bytes);
    }
    while (sip_ring_next (ring, &place, &entry)) {
        g_autofree char *copy = sip_ring_copy (ring, &entry);
        g_free (last);
        last = g_steal_pointer (&copy);
        n_read++;
    }
    g_assert_cmpstr (last, ==, "a1000");
    g_assert_cmpuint (n_read, >, 10);
    g_assert_cmpuint (n_read, <, 1000);
    sip_ring_free (ring);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/sip/ring/by-call", test_by_call);
    g_test_add_func ("/sip/ring/wraps", test_wraps);
    g_test_add_func ("/sip/ring/too-large", test_too_large);
    g_test_add_func ("/sip/ring/notes", test_notes);
    g_test_add_func ("/sip/ring/reader-is-overtaken", test_reader_is_overtaken);
    return g_test_run ();
}
