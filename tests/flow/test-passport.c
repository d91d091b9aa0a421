/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRI-033 to PRI-038, PRI-102: the service passport as another module has it, on the fake clock. */

#include "common/fixture.h"
#include "common/pki.h"

#include <glib/gstdio.h>
#include <string.h>

#define INFO "https://cert.example.org/signer.pem"
#define FROM "12155550112"
#define TO   "12125550113"

enum { NOW_S = 1767225600, DAY_S = 86400, DAY_MS = 86400000 };

typedef struct {
    TdFixture *fixture;
    char *dir;
    Pair *root, *signer, *numbers;
} Flow;

static char *
write_file (const Flow *flow, const char *name, char *text)
{
    char *path = g_build_filename (flow->dir, name, NULL);
    g_autoptr (GError) error = NULL;

    g_file_set_contents (path, text, -1, &error);
    g_assert_no_error (error);
    g_free (text);
    return path;
}

static char *
make_config (Flow *flow, const char *more)
{
    g_autofree char *root = write_file (flow, "root.pem", pair_print (flow->root, NULL));
    g_autofree char *signer = write_file (flow, "signer.pem", pair_print (flow->signer, NULL));
    g_autofree char *key = write_file (flow, "signer.key", pair_print_key (flow->signer));
    g_autofree char *numbers = write_file (flow, "numbers.pem", pair_print (flow->numbers, NULL));
    g_autofree char *its_key = write_file (flow, "numbers.key", pair_print_key (flow->numbers));

    return g_strdup_printf (
        "[modules]\npassport = required\npassport-probe = required\n"
        "[passport]\n%s\n"
        "[passport-anchor ets]\ncertificates = %s\nnamespaces = ets, WPS, esnet\n"
        "[passport-anchor numbers]\ncertificates = %s\nidentity = yes\n"
        "[passport-certificate signer]\ninfo = " INFO "\ncertificate = %s\n"
        "[passport-certificate numbers]\ninfo = https://numbers.example.org/\ncertificate = %s\n"
        "[passport-signer ets]\ninfo = " INFO
        "\ncertificate = %s\nkey = %s\nnamespaces = ets, wps\n"
        "[passport-signer esnet]\ninfo = " INFO "\ncertificate = %s\nkey = %s\nnamespaces = esnet\n"
        "[passport-signer numbers]\ninfo = https://numbers.example.org/\ncertificate = %s\n"
        "key = %s\nidentity = yes\n"
        "[trunk a]\naddress = fake:a\n[trunk b]\naddress = fake:b\n",
        more, root, numbers, signer, numbers, signer, key, signer, key, numbers, its_key);
}

static void
set_up (Flow *flow, gconstpointer more)
{
    flow->dir = g_dir_make_tmp ("tandem-passport-XXXXXX", NULL);
    flow->root = pair_new (&(PairDraft){ .name = "root", .is_authority = true, .now_s = NOW_S });
    flow->signer = pair_new (&(PairDraft){ .name = "signer",
                                           .issuer = flow->root,
                                           .from_s = NOW_S - DAY_S,
                                           .until_s = NOW_S + 40 * DAY_S });
    flow->numbers = pair_new (&(PairDraft){ .name = "numbers", .now_s = NOW_S });
    g_autofree char *config = make_config (flow, more != NULL ? more : "");
    flow->fixture = td_fixture_new (config);
}

static void
remove_files (const char *dir)
{
    g_autoptr (GDir) folder = g_dir_open (dir, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name (folder)) != NULL) {
        g_autofree char *path = g_build_filename (dir, name, NULL);
        g_unlink (path);
    }
    g_rmdir (dir);
}

static void
tear_down (Flow *flow, gconstpointer more)
{
    td_fixture_free (flow->fixture);
    pair_free (flow->signer);
    pair_free (flow->numbers);
    pair_free (flow->root);
    remove_files (flow->dir);
    g_free (flow->dir);
}

static char *
make_identity (const Flow *flow, int64_t iat_s)
{
    g_autofree char *payload =
        g_strdup_printf ("{\"dest\":{\"tn\":[\"" TO "\"]},\"iat\":%" G_GINT64_FORMAT
                         ",\"orig\":{\"tn\":\"" FROM "\"},\"rph\":{\"auth\":[\"ets.0\"]}}",
                         iat_s);

    return pki_identity (flow->signer, INFO, "rph", payload);
}

G_GNUC_PRINTF (1, 2)
static char *
ask (const char *format, ...)
{
    va_list arguments;

    va_start (arguments, format);
    g_autofree char *line = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    return td_fixture_ask (line);
}

static void
assert_part (const char *json, const char *part)
{
    if (strstr (json, part) == NULL) {
        g_error ("no %s in %s", part, json);
    }
}

/* That IDENTITY, brought by TRUNK with CALL_ID, gives what PART says. */
static void
assert_asked (const char *trunk, const char *call_id, const char *identity, const char *part)
{
    g_autofree char *json =
        ask ("probe ask %s %s +" FROM " +" TO " ets.0,ets.1 %s", trunk, call_id, identity);

    assert_part (json, part);
}

static int64_t
read_metric (const char *name)
{
    g_autofree char *json = td_fixture_ask ("metric");
    const char *at = strstr (json, name), *value = at != NULL ? strstr (at, "\"value\":") : NULL;

    g_assert_nonnull (value);
    return g_ascii_strtoll (value + strlen ("\"value\":"), NULL, 10);
}

static void
assert_metric (const char *name, int64_t expected)
{
    g_assert_cmpint (read_metric (name), ==, expected);
}

/* --- Verification ------------------------------------------------------------------------ */

static void
test_valid (Flow *flow, gconstpointer more)
{
    g_autofree char *identity = make_identity (flow, NOW_S);
    int64_t n_before = read_metric ("tandem_passport_remembered_total");

    assert_asked ("a", "1", identity, "\"results\":\"0:0\",\"values\":\"ets.0\"");
    assert_asked ("a", "1", identity, "\"anchor\":\"ets\"");
    assert_metric ("tandem_passport_remembered_total", n_before + 1);
}

static void
test_each_alone (Flow *flow, gconstpointer more)
{
    g_autofree char *good = make_identity (flow, NOW_S);
    g_autofree char *stale = make_identity (flow, NOW_S - 100);
    g_autofree char *json = ask ("probe ask a 1 +" FROM " +" TO " ets.0 %s %s", stale, good);
    g_autofree char *only =
        ask ("probe ask a 1 +" FROM " +" TO " ets.0 %s %s --only shaken", stale, good);

    assert_part (json, "\"status\":0,\"results\":\"5:403 0:0\",\"values\":\"ets.0\"");
    assert_part (only, "\"status\":428,\"results\":\"1:0 1:0\",\"values\":\"\"");
}

/* RFC 8224 6.2.2 */
static void
test_codes (Flow *flow, gconstpointer more)
{
    g_autofree char *stale = make_identity (flow, NOW_S - 100);
    g_autofree char *unknown =
        pki_identity (flow->signer, "https://elsewhere.example/", "rph", "{}");
    g_autofree char *by_numbers =
        pki_identity (flow->numbers, "https://numbers.example.org/", "rph",
                      "{\"dest\":{\"tn\":[\"" TO "\"]},\"iat\":1767225600,\"orig\":{\"tn\":\"" FROM
                      "\"},\"rph\":{\"auth\":[\"ets.0\"]}}");
    g_autofree char *div = pki_identity (flow->signer, INFO, "div", "{}");

    assert_asked ("a", "1", stale, "\"status\":403");
    assert_asked ("a", "1", div, "\"status\":428");
    assert_asked ("a", "1", unknown, "\"status\":436");
    assert_asked ("a", "1", by_numbers, "\"status\":437");
    assert_asked ("a", "1", "garbage", "\"status\":438");
}

static void
test_replay (Flow *flow, gconstpointer more)
{
    g_autofree char *identity = make_identity (flow, NOW_S);

    assert_asked ("a", "1", identity, "\"results\":\"0:0\"");
    assert_asked ("a", "1", identity, "\"results\":\"0:0\"");
    assert_asked ("a", "2", identity, "\"results\":\"6:438\",\"values\":\"\"");
    assert_asked ("b", "1", identity, "\"results\":\"6:438\"");
    td_engine_advance (61000);
    assert_asked ("a", "1", identity, "\"status\":403");
}

static void
test_cancel (Flow *flow, gconstpointer more)
{
    g_autofree char *identity = make_identity (flow, NOW_S);
    g_autofree char *json = ask ("probe cancel a +" FROM " +" TO " %s", identity);

    g_assert_false (g_str_has_prefix (json, "error: "));
    td_engine_advance (1000);
    assert_asked ("a", "2", identity, "\"results\":\"0:0\""); /* that was no call */
}

/* PRI-038: a trunk's flood costs it its own share: the other one's token waits for one of it. */
static void
test_fair (Flow *flow, gconstpointer more)
{
    g_autofree char *identity = make_identity (flow, NOW_S);
    g_autofree char *json =
        ask ("probe race 100000 forger honest +" FROM " +" TO " ets.0 %s", identity);

    assert_part (json, "\"valid\":true");
    assert_part (json, "\"checked\":200");
    assert_part (json, "\"unchecked\":99800");
    assert_part (json, "\"before\":1,");
}

static void
test_same_trunk (Flow *flow, gconstpointer more)
{
    g_autofree char *identity = make_identity (flow, NOW_S);
    g_autofree char *json = ask ("probe race 10 a a +" FROM " +" TO " ets.0 %s", identity);

    assert_part (json, "\"valid\":true");
    assert_part (json, "\"checked\":10,\"unchecked\":0");
}

#define FAILING "alarm=\\\"passport-failures\\\",trunk=\\\"a\\\""

#define OF_STRANGERS "tandem_passport_failed_total\",\"labels\":\"trunk=\\\"\\\""

/* PRI-102 */
static void
test_alarm (Flow *flow, gconstpointer more)
{
    int64_t n_before = read_metric (OF_STRANGERS);

    for (unsigned i = 0; i < 9; i++) {
        assert_asked ("a", "1", "garbage", "\"status\":438");
    }
    assert_asked ("b", "1", "garbage", "\"status\":438");
    assert_asked ("c", "1", "garbage", "\"status\":438"); /* no [trunk] */
    td_engine_advance (1100);
    assert_metric (FAILING, 0);
    assert_metric (OF_STRANGERS, n_before + 1);
    assert_asked ("a", "1", "garbage", "\"status\":438");
    td_engine_advance (1100);
    assert_metric (FAILING, 1);
    td_engine_advance (65000);
    assert_metric (FAILING, 0);
}

static void
test_expiring (Flow *flow, gconstpointer more)
{
    assert_metric ("tandem_passport_expiring", 0);
    for (unsigned i = 0; i < 11; i++) {
        td_engine_advance (DAY_MS);
    }
    assert_metric ("tandem_passport_expiring", 3); /* the certificate, and two signers of it */
    assert_metric ("alarm=\\\"passport-expiring\\\"", 1);
}

/* --- Signing ----------------------------------------------------------------------------- */

/* The header fields in JSON, without what stands around them. */
static char **
identities_in (const char *json)
{
    g_auto (GStrv) parts = g_strsplit (json, "\"identity\":\"", -1);
    g_autoptr (GPtrArray) found = g_ptr_array_new ();

    for (char **part = parts + 1; *parts != NULL && *part != NULL; part++) {
        g_autoptr (GString) text =
            g_string_new_len (*part, (gssize) (strstr (*part, "\"}") - *part));
        g_string_replace (text, "\\", "", 0);
        g_ptr_array_add (found, g_string_free (g_steal_pointer (&text), FALSE));
    }
    g_ptr_array_add (found, NULL);
    return (char **) g_ptr_array_free (g_steal_pointer (&found), FALSE);
}

/* PRI-034: one token for each authority; each is good here. */
static void
test_sign (Flow *flow, gconstpointer more)
{
    g_autofree char *json = ask ("probe sign rph +" FROM " +" TO " ets.0,esnet.1,wps.2");
    g_auto (GStrv) headers = identities_in (json);

    g_assert_cmpuint (g_strv_length (headers), ==, 2);
    g_autofree char *both =
        ask ("probe ask a 1 tel:+" FROM " +" TO " wps.2,ets.0,esnet.1,esnet.2 %s %s", headers[0],
             headers[1]);
    assert_part (both, "\"results\":\"0:0 0:0\",\"values\":\"wps.2 ets.0 esnet.1\"");
}

static void
test_sign_shaken (Flow *flow, gconstpointer more)
{
    g_autofree char *json = ask ("probe sign shaken +" FROM " +" TO " x --attest A");
    g_auto (GStrv) headers = identities_in (json);

    g_assert_cmpuint (g_strv_length (headers), ==, 1);
    assert_asked ("a", "1", headers[0], "\"results\":\"0:0\",\"values\":\"\"");
}

static void
test_sign_refused (Flow *flow, gconstpointer more)
{
    static const char *const lines[] = {
        "probe sign rph +" FROM " +" TO " ets.0,dsn.flash",
        "probe sign div +" FROM " +" TO " ets.0",
        "probe sign shaken +" FROM " +" TO " x",
        "probe sign rph tel: +" TO " ets.0",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (lines); i++) {
        g_autofree char *json = td_fixture_ask (lines[i]);
        assert_part (json, "error: ");
    }
    td_engine_advance (41 * (int64_t) DAY_MS);
    g_autofree char *expired = td_fixture_ask ("probe sign rph +" FROM " +" TO " ets.0");
    assert_part (expired, "error: ");
}

/* --- Operation --------------------------------------------------------------------------- */

static void
test_commands (Flow *flow, gconstpointer more)
{
    g_autofree char *identity = make_identity (flow, NOW_S);
    g_autofree char *list = td_fixture_ask ("passport list");
    g_autofree char *good = ask ("passport verify %s", identity);
    g_autofree char *other = ask ("passport verify %s --to +12125550199", identity);
    g_autofree char *bad = ask ("passport verify garbage");

    assert_part (list, "\"kind\":\"anchor\",\"name\":\"ets\",\"good_for\":\"ets, wps, esnet\"");
    assert_part (list, "\"days\":40");
    assert_part (good, "\"step\":\"result\",\"verdict\":\"ok\"");
    assert_part (other, "\"step\":\"dest\",\"verdict\":\"invalid\"");
    assert_part (bad, "\"step\":\"header\",\"verdict\":\"invalid\"");
    assert_asked ("a", "9", identity, "\"results\":\"0:0\""); /* looking was no call */
}

static void
test_reload (Flow *flow, gconstpointer more)
{
    g_autofree char *identity = make_identity (flow, NOW_S);
    g_autofree char *config = make_config (flow, "");
    g_autoptr (GString) changed = g_string_new (config);

    assert_asked ("a", "1", identity, "\"results\":\"0:0\"");
    g_string_replace (changed, "namespaces = ets, WPS, esnet", "namespaces = dsn", 0);
    g_assert_true (g_file_set_contents (flow->fixture->config_file, changed->str, -1, NULL));
    g_autofree char *reloaded = td_fixture_ask ("config reload");
    g_assert_false (g_str_has_prefix (reloaded, "error: "));
    assert_asked ("a", "1", identity, "\"status\":437"); /* what was remembered is not used */
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, test) g_test_add ("/passport/" path, Flow, NULL, set_up, test, tear_down)
    ADD ("PRI-032/service", test_valid);
    ADD ("PRI-035/each-alone", test_each_alone);
    ADD ("PRI-033/codes", test_codes);
    ADD ("PRI-037/service", test_replay);
    ADD ("PRI-038/cancel", test_cancel);
    ADD ("PRI-038/fair", test_fair);
    ADD ("PRI-038/same-trunk", test_same_trunk);
    ADD ("PRI-102/alarm", test_alarm);
    ADD ("PRI-102/expiring", test_expiring);
    ADD ("PRI-034/sign", test_sign);
    ADD ("PRI-034/shaken", test_sign_shaken);
    ADD ("PRI-034/refused", test_sign_refused);
    ADD ("PRI-033/commands", test_commands);
    ADD ("PRI-038/reload", test_reload);
    return g_test_run ();
}
