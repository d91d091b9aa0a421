/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A line of the log is one line, says whose it is, and no peer can write a second one. */

#include "base/log.h"
#include "base/owner.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int64_t now;

static int64_t
fake_now (void)
{
    return now;
}

static void
collect (const char *line, size_t len_bytes, void *data)
{
    g_string_append_len (data, line, (gssize) len_bytes);
}

static void
open_log (GString *out, TdLogFormat format, TdLogLevel level)
{
    g_unsetenv ("JOURNAL_STREAM");
    td_log_open (&(TdLogOptions){
        .level = level, .format = format, .sink = collect, .sink_data = out, .now_us = fake_now });
}

/* LINE without the time it begins with, which must look like one. */
static const char *
after_time (const char *line)
{
    g_assert_cmpuint (strlen (line), >, 25);
    g_assert_true (line[4] == '-' && line[10] == 'T' && line[23] == 'Z' && line[24] == ' ');
    return line + 25;
}

static void
test_text_line (void)
{
    g_autoptr (GString) out = g_string_new (NULL);
    TdOwner owner;

    td_owner_init (&owner, "sip");
    open_log (out, TD_LOG_TEXT, TD_LOG_INFO);
    td_log ((TdModule *) &owner, TD_LOG_WARNING, "trunk carrier-a",
            (TdLogField[]){ { "peer", "198.51.100.7:5060" }, { "reason", "no route" }, { 0 } },
            "no answer to %s for %d s", "OPTIONS", 30);
    g_assert_cmpstr (after_time (out->str), ==,
                     "warning sip trunk carrier-a: no answer to OPTIONS for 30 s"
                     "  peer=198.51.100.7:5060 reason=\"no route\"\n");
    td_log_close ();
    td_owner_clear (&owner);
}

static void
test_core_without_subject (void)
{
    g_autoptr (GString) out = g_string_new (NULL);

    open_log (out, TD_LOG_TEXT, TD_LOG_INFO);
    td_log_notice (NULL, NULL, "started");
    g_assert_cmpstr (after_time (out->str), ==, "notice core: started\n");
    td_log_close ();
}

static void
test_peer_cannot_write_a_line (void)
{
    g_autoptr (GString) out = g_string_new (NULL);

    open_log (out, TD_LOG_TEXT, TD_LOG_INFO);
    td_log (NULL, TD_LOG_INFO, "a\nb", (TdLogField[]){ { "x", "1\n2 y=3" }, { 0 } }, "bad: %s",
            "\x1b[2J\r\nerror core: all is lost");
    g_assert_cmpstr (after_time (out->str), ==,
                     "info core a\\nb: bad: \\x1b[2J\\r\\nerror core: all is lost"
                     "  x=\"1\\n2 y=3\"\n");
    td_log_close ();
}

static void
test_json_line (void)
{
    g_autoptr (GString) out = g_string_new (NULL);

    open_log (out, TD_LOG_JSON, TD_LOG_INFO);
    td_log (NULL, TD_LOG_ERROR, "sub\"ject", (TdLogField[]){ { "a", "1" }, { "b", NULL }, { 0 } },
            "two\nlines");
    g_assert_true (g_str_has_prefix (out->str, "{\"time\":\"2"));
    g_assert_cmpstr (strchr (out->str, ','), ==,
                     ",\"level\":\"error\",\"who\":\"core\",\"subject\":\"sub\\\"ject\","
                     "\"message\":\"two\\nlines\",\"fields\":{\"a\":\"1\",\"b\":\"\"}}\n");
    td_log_close ();
}

static void
test_level_decides (void)
{
    g_autoptr (GString) out = g_string_new (NULL);

    open_log (out, TD_LOG_TEXT, TD_LOG_WARNING);
    td_log_notice (NULL, NULL, "not written");
    g_assert_cmpstr (out->str, ==, "");
    g_assert_false (td_log_is_on (TD_LOG_NOTICE));
    td_log_set_level (TD_LOG_DEBUG);
    g_assert_true (td_log_is_on (TD_LOG_DEBUG));
    td_log_debug (NULL, NULL, "written");
    g_assert_cmpstr (after_time (out->str), ==, "debug core: written\n");
    td_log_close ();
}

static void
test_level_names (void)
{
    TdLogLevel level = TD_LOG_ERROR;

    g_assert_true (td_log_level_parse ("notice", &level));
    g_assert_cmpint (level, ==, TD_LOG_NOTICE);
    g_assert_false (td_log_level_parse ("Notice", &level));
    g_assert_false (td_log_level_parse ("", &level));
    g_assert_cmpint (level, ==, TD_LOG_NOTICE);
    g_assert_cmpstr (td_log_level_name (TD_LOG_DEBUG), ==, "debug");
}

static void
test_flood_is_held_back (void)
{
    g_autoptr (GString) out = g_string_new (NULL);
    unsigned n_written = 0;

    open_log (out, TD_LOG_TEXT, TD_LOG_INFO);
    now = 1000;
    for (unsigned i = 0; i < 1000; i++) {
        n_written += td_log_peer (NULL, "sip.malformed", NULL, NULL, "bad message");
    }
    g_assert_cmpuint (n_written, ==, 10);
    g_assert_true (td_log_peer (NULL, "sip.other", NULL, NULL, "another code is not touched"));
    now += 10 * G_USEC_PER_SEC - 1;
    g_assert_false (td_log_peer (NULL, "sip.malformed", NULL, NULL, "bad message"));
    now += 1;
    g_string_truncate (out, 0);
    g_assert_true (td_log_peer (NULL, "sip.malformed", "peer", NULL, "bad message"));
    g_assert_cmpstr (after_time (out->str), ==,
                     "warning core peer: bad message  code=sip.malformed held_back=991\n");
    td_log_close ();
}

static void
test_close_says_what_is_held_back (void)
{
    g_autoptr (GString) out = g_string_new (NULL);

    open_log (out, TD_LOG_TEXT, TD_LOG_INFO);
    for (unsigned i = 0; i < 12; i++) {
        td_log_peer (NULL, "sip.malformed", NULL, NULL, "bad message");
    }
    g_string_truncate (out, 0);
    td_log_close ();
    g_assert_cmpstr (after_time (out->str), ==,
                     "warning core log: 2 more lines were held back  code=sip.malformed\n");
}

static void
test_endless_codes_share (void)
{
    g_autoptr (GString) out = g_string_new (NULL);
    unsigned n_written = 0;

    open_log (out, TD_LOG_TEXT, TD_LOG_INFO);
    for (unsigned i = 0; i < 2000; i++) {
        g_autofree char *code = g_strdup_printf ("code.%u", i);
        n_written += td_log_peer (NULL, code, NULL, NULL, "bad message");
    }
    g_assert_cmpuint (n_written, <=, 256 + 10);
    td_log_close ();
}

static void
test_long_sentence_is_cut (void)
{
    g_autoptr (GString) out = g_string_new (NULL);
    g_autoptr (GString) words = g_string_new ("x");

    while (words->len < 100000) {
        g_string_append (words, "\xc3\xbc");
    }
    open_log (out, TD_LOG_TEXT, TD_LOG_INFO);
    td_log (NULL, TD_LOG_INFO, NULL, (TdLogField[]){ { "v", words->str }, { 0 } }, "%s",
            words->str);
    g_assert_cmpuint (out->len, <, 13000);
    g_assert_nonnull (strstr (out->str, "\xc3\xbc [cut, 100001 bytes in all]"));
    g_assert_true (g_utf8_validate (out->str, -1, NULL));
    g_assert_null (strstr (out->str, "\\xc3"));
    td_log_close ();
}

static void
test_journal_datagram (void)
{
    g_autofree char *dir = g_dir_make_tmp ("log-XXXXXX", NULL);
    g_autofree char *path = g_build_filename (dir, "socket", NULL);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char got[4096] = { 0 };

    g_strlcpy (address.sun_path, path, sizeof address.sun_path);
    int fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint (bind (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
    td_log_open (
        &(TdLogOptions){ .level = TD_LOG_INFO, .format = TD_LOG_JOURNAL, .journal_path = path });
    td_log (NULL, TD_LOG_ERROR, "two\nlines", (TdLogField[]){ { "call-id", "a=b" }, { 0 } },
            "it \"fell\"");
    ssize_t len = recv (fd, got, sizeof got - 1, MSG_DONTWAIT);
    static const char expected[] =
        "MESSAGE=core two\\nlines: it \"fell\"  call-id=\"a=b\"\nPRIORITY=3\n"
        "SYSLOG_IDENTIFIER=tandemd\nTANDEM_MODULE=core\n"
        "TANDEM_SUBJECT\n\x09\0\0\0\0\0\0\0two\nlines\nTANDEM_CALL_ID=a=b\n";
    g_assert_cmpmem (got, len, expected, sizeof expected - 1);
    td_log_close ();
    close (fd);
    unlink (path);
    rmdir (dir);
}

/* In a child: stderr is caught by the parent. */
static void
write_to_stderr (void)
{
    td_log_open (&(TdLogOptions){
        .level = TD_LOG_INFO, .format = TD_LOG_JOURNAL, .journal_path = "/nonexistent/socket" });
    td_log_notice (NULL, NULL, "there is no journal");
    td_log_close ();
    exit (0);
}

static void
test_without_journal_stderr (void)
{
    if (g_test_subprocess ()) {
        write_to_stderr ();
    }
    g_test_trap_subprocess (NULL, 0, 0);
    g_test_trap_assert_passed ();
    g_test_trap_assert_stderr ("*Z notice core: there is no journal\n*");
}

static void
test_glib_lines_are_taken_in (void)
{
    if (g_test_subprocess ()) {
        g_log_set_always_fatal (G_LOG_FATAL_MASK);
        td_log_capture_glib ();
        g_warning ("from a\nlibrary");
        exit (0);
    }
    g_test_trap_subprocess (NULL, 0, 0);
    g_test_trap_assert_passed ();
    g_test_trap_assert_stderr ("*Z warning core tandem: from a\\nlibrary\n*");
}

/* A terminal that was told to pause, a reader that is stopped: the lanes go on. */
static void
test_a_full_pipe_holds_nobody_up (void)
{
    int ends[2], kept = dup (STDERR_FILENO);
    char drained[65536];
    ssize_t n_drained;

    g_assert_cmpint (pipe (ends), ==, 0);
    g_assert_cmpint (fcntl (ends[0], F_SETFL, O_NONBLOCK), ==, 0);
    dup2 (ends[1], STDERR_FILENO);
    td_log_open (&(TdLogOptions){ .level = TD_LOG_INFO });
    for (unsigned i = 0; i < 4; i++) {
        td_log_info (NULL, "test", "%*s", 30000, "much");
    }
    for (unsigned i = 0; i < 4000; i++) {
        td_log_info (NULL, "test", "%*s", 100, "more");
    }
    while (read (ends[0], drained, sizeof drained) > 0) { /* all of it */
    }
    td_log_info (NULL, "test", "again");
    n_drained = read (ends[0], drained, sizeof drained - 1);
    dup2 (kept, STDERR_FILENO);
    g_assert_cmpint (n_drained, >, 0);
    drained[n_drained] = '\0';
    g_assert_nonnull (strstr (drained, " lines were lost: nobody took them"));
    g_assert_nonnull (strstr (drained, "again"));
    td_log_close ();
    close (kept);
    close (ends[0]);
    close (ends[1]);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/base/log/text-line", test_text_line);
    g_test_add_func ("/base/log/core-without-subject", test_core_without_subject);
    g_test_add_func ("/base/log/peer-cannot-write-a-line", test_peer_cannot_write_a_line);
    g_test_add_func ("/base/log/json-line", test_json_line);
    g_test_add_func ("/base/log/level-decides", test_level_decides);
    g_test_add_func ("/base/log/level-names", test_level_names);
    g_test_add_func ("/base/log/flood-is-held-back", test_flood_is_held_back);
    g_test_add_func ("/base/log/close-says-what-is-held-back", test_close_says_what_is_held_back);
    g_test_add_func ("/base/log/endless-codes-share", test_endless_codes_share);
    g_test_add_func ("/base/log/long-sentence-is-cut", test_long_sentence_is_cut);
    g_test_add_func ("/base/log/journal-datagram", test_journal_datagram);
    g_test_add_func ("/base/log/without-journal-stderr", test_without_journal_stderr);
    g_test_add_func ("/base/log/glib-lines-are-taken-in", test_glib_lines_are_taken_in);
    g_test_add_func ("/base/log/a-full-pipe-holds-nobody-up", test_a_full_pipe_holds_nobody_up);
    return g_test_run ();
}
