/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages on a stream: where each ends, and what has no end. */

#include "scan.h"

#define HEAD "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP c\r\n"

static ssize_t
frame (const char *text)
{
    return sip_frame (text, strlen (text));
}

static void
test_needs_more (void)
{
    const char *whole = HEAD "l : 3\r\n\r\nabc";

    for (size_t i = 0; i < strlen (whole); i++) {
        g_assert_cmpint (sip_frame (whole, i), ==,
                         i < strlen (whole) - 3 ? 0 : (ssize_t) strlen (whole));
    }
    g_assert_cmpint (frame (whole), ==, (ssize_t) strlen (whole));
    g_assert_cmpint (frame (HEAD "Content-Length:\r\n 3\r\n\r\nabcOPTIONS"), ==,
                     (ssize_t) strlen (HEAD "Content-Length:\r\n 3\r\n\r\nabc"));
}

static void
test_keepalive (void)
{
    g_assert_cmpint (frame ("\r\n\r\n" HEAD), ==, 4);
    g_assert_cmpint (frame ("\r\n"), ==, 2);
}

static void
test_no_end (void)
{
    g_assert_cmpint (frame (HEAD "\r\n"), ==, -1);
    g_assert_cmpint (frame (HEAD "Content-Length: -1\r\n\r\n"), ==, -1);
    g_assert_cmpint (frame (HEAD "Content-Length: five\r\n\r\n"), ==, -1);
    g_assert_cmpint (frame (HEAD "Content-Length: 1\r\nl: 2\r\n\r\n"), ==, -1);
    g_assert_cmpint (frame (HEAD "Content-Length: 65537\r\n\r\n"), ==, -1);
    g_assert_cmpint (frame (HEAD "Content-Length: 65536\r\n\r\n"), ==, -1);
    g_assert_cmpint (frame (HEAD "Content-Length: 0\r\nl: 0\r\n\r\n"), ==,
                     (ssize_t) strlen (HEAD "Content-Length: 0\r\nl: 0\r\n\r\n"));
}

static void
test_endless_head (void)
{
    g_autofree char *flood = g_strnfill (SIP_MAX_MESSAGE_BYTES, 'a');

    g_assert_cmpint (sip_frame (flood, SIP_MAX_MESSAGE_BYTES - 1), ==, 0);
    g_assert_cmpint (sip_frame (flood, SIP_MAX_MESSAGE_BYTES), ==, -1);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/sip/frame/needs-more", test_needs_more);
    g_test_add_func ("/sip/frame/keepalive", test_keepalive);
    g_test_add_func ("/sip/frame/no-end", test_no_end);
    g_test_add_func ("/sip/frame/endless-head", test_endless_head);
    return g_test_run ();
}
