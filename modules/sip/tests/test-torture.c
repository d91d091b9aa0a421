/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the scan says of every message of RFC 4475 and RFC 5118.
 *
 * The messages are not part of this tree. TANDEM_TORTURE_DATA names the folder that holds them, in
 * rfc4475/ and rfc5118/; where there is none, the test says so and is skipped. */

#include "scan.h"

typedef struct {
    const char *file;
    const char *clause; /* of RFC 4475 or RFC 5118: the verdict is the clause's */
    SipVerdict verdict;
    unsigned refusal;
} Case;

#define GOOD           SIP_SCAN_GOOD, 0
#define REFUSE(status) SIP_SCAN_REFUSE, (status)
#define DROP(status)   SIP_SCAN_DROP, (status)

/* Where the scan lets a message pass that its clause wants refused, the clause speaks of what a user
 * agent or a registrar makes of it, and the refusal comes from there. */
static const Case cases[] = {
    { "rfc4475/wsinv.dat", "3.1.1.1", GOOD },
    { "rfc4475/intmeth.dat", "3.1.1.2", GOOD },
    { "rfc4475/esc01.dat", "3.1.1.3", GOOD },
    { "rfc4475/escnull.dat", "3.1.1.4", GOOD },
    { "rfc4475/esc02.dat", "3.1.1.5", GOOD },
    { "rfc4475/lwsdisp.dat", "3.1.1.6", GOOD },
    { "rfc4475/longreq.dat", "3.1.1.7", GOOD },
    { "rfc4475/dblreq.dat", "3.1.1.8", GOOD },
    { "rfc4475/semiuri.dat", "3.1.1.9", GOOD },
    { "rfc4475/transports.dat", "3.1.1.10", GOOD },
    { "rfc4475/mpart01.dat", "3.1.1.11", GOOD },
    { "rfc4475/unreason.dat", "3.1.1.12", GOOD },
    { "rfc4475/noreason.dat", "3.1.1.13", GOOD },
    { "rfc4475/badinv01.dat", "3.1.2.1", REFUSE (400) },
    { "rfc4475/clerr.dat", "3.1.2.2", REFUSE (400) },
    { "rfc4475/ncl.dat", "3.1.2.3", REFUSE (400) },
    { "rfc4475/scalar02.dat", "3.1.2.4", REFUSE (400) },
    { "rfc4475/scalarlg.dat", "3.1.2.5", DROP (400) },
    { "rfc4475/quotbal.dat", "3.1.2.6", REFUSE (400) },
    { "rfc4475/ltgtruri.dat", "3.1.2.7", REFUSE (400) },
    { "rfc4475/lwsruri.dat", "3.1.2.8", REFUSE (400) },
    { "rfc4475/lwsstart.dat", "3.1.2.9", REFUSE (400) },
    { "rfc4475/trws.dat", "3.1.2.10", REFUSE (400) },
    { "rfc4475/escruri.dat", "3.1.2.11", REFUSE (400) },
    { "rfc4475/baddate.dat", "3.1.2.12", GOOD }, /* Date is not used: the liberal choice */
    { "rfc4475/regbadct.dat", "3.1.2.13", REFUSE (400) },
    { "rfc4475/badaspec.dat", "3.1.2.14", REFUSE (400) },
    { "rfc4475/baddn.dat", "3.1.2.15", REFUSE (400) },
    { "rfc4475/badvers.dat", "3.1.2.16", REFUSE (505) },
    { "rfc4475/mismatch01.dat", "3.1.2.17", REFUSE (400) },
    { "rfc4475/mismatch02.dat", "3.1.2.18", REFUSE (501) },
    { "rfc4475/bigcode.dat", "3.1.2.19", DROP (400) },
    { "rfc4475/badbranch.dat", "3.2.1", REFUSE (400) },
    { "rfc4475/insuf.dat", "3.3.1", REFUSE (400) },
    { "rfc4475/unkscm.dat", "3.3.2", REFUSE (416) },
    { "rfc4475/novelsc.dat", "3.3.3", REFUSE (416) },
    { "rfc4475/unksm2.dat", "3.3.4", GOOD },
    { "rfc4475/bext01.dat", "3.3.5", GOOD },
    { "rfc4475/invut.dat", "3.3.6", GOOD },
    { "rfc4475/regaut01.dat", "3.3.7", GOOD },
    { "rfc4475/multi01.dat", "3.3.8", REFUSE (400) },
    { "rfc4475/mcl01.dat", "3.3.9", REFUSE (400) },
    { "rfc4475/bcast.dat", "3.3.10", DROP (400) },
    { "rfc4475/zeromf.dat", "3.3.11", GOOD },
    { "rfc4475/cparam01.dat", "3.3.12", GOOD },
    { "rfc4475/cparam02.dat", "3.3.13", GOOD },
    { "rfc4475/regescrt.dat", "3.3.14", GOOD },
    { "rfc4475/sdp01.dat", "3.3.15", GOOD },
    { "rfc4475/inv2543.dat", "3.4.1", GOOD },
    { "rfc5118/ipv6-good", "4.1", GOOD },
    { "rfc5118/ipv6-bad", "4.2", REFUSE (400) },
    { "rfc5118/port-ambiguous", "4.3", GOOD },
    { "rfc5118/port-unambiguous", "4.4", GOOD },
    { "rfc5118/via-received-param-with-delim", "4.5", GOOD },
    { "rfc5118/via-received-param-no-delim", "4.5", GOOD },
    { "rfc5118/ipv6-in-sdp", "4.6", GOOD },
    { "rfc5118/mult-ip-in-header", "4.7", GOOD },
    { "rfc5118/mult-ip-in-sdp", "4.8", GOOD },
    { "rfc5118/ipv4-mapped-ipv6", "4.9", GOOD },
    { "rfc5118/ipv6-bug-abnf-3-colons", "4.10", GOOD },
    { "rfc5118/ipv6-correct-abnf-2-colons", "4.10", GOOD },
};

/* The messages of RFC 5118 are kept with bare line feeds, and some with a length that is not theirs:
 * as they stand they are what RFC 4475 3.1.2.2 wants refused. */
static void
mend (GString *message)
{
    g_string_replace (message, "\n", "\r\n", 0);
    if (strstr (message->str, "\r\n\r\n") == NULL) {
        g_string_append (message, "\r\n");
    }
    const char *body = strstr (message->str, "\r\n\r\n") + 4;
    char *length = strstr (message->str, "Content-Length: ");
    if (length != NULL) {
        g_autofree char *right = g_strdup_printf ("Content-Length: %zu", strlen (body));
        g_autofree char *wrong = g_strndup (length, strcspn (length, "\r"));
        g_string_replace (message, wrong, right, 1);
    }
}

static GString *
read_message (const char *folder, const char *file)
{
    g_autofree char *path = g_build_filename (folder, file, NULL);
    g_autofree char *bytes = NULL;
    g_autoptr (GError) error = NULL;
    gsize length;

    if (!g_file_get_contents (path, &bytes, &length, &error)) {
        g_error ("%s", error->message);
    }
    GString *message = g_string_new_len (bytes, (gssize) length);
    if (g_str_has_prefix (file, "rfc5118/")) {
        mend (message);
    }
    return message;
}

static void
test_verdict (const void *data)
{
    const Case *c = data;
    const char *folder = g_getenv ("TANDEM_TORTURE_DATA");
    SipScan scan;

    if (folder == NULL || !g_file_test (folder, G_FILE_TEST_IS_DIR)) {
        g_test_skip ("THE TORTURE MESSAGES ARE MISSING: set TANDEM_TORTURE_DATA to the folder that "
                     "holds rfc4475/ and rfc5118/");
        return;
    }
    g_autoptr (GString) message = read_message (folder, c->file);
    sip_scan (&scan, message->str, message->len, false);
    g_test_message ("%s: %u %s", c->file, scan.refusal, scan.why != NULL ? scan.why : "good");
    g_assert_cmpint (scan.verdict, ==, c->verdict);
    g_assert_cmpuint (scan.refusal, ==, c->refusal);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autofree char *name =
            g_strdup_printf ("/sip/torture/%s %s", cases[i].clause, cases[i].file);
        g_test_add_data_func (name, &cases[i], test_verdict);
    }
    return g_test_run ();
}
