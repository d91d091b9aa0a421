/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file that is no module of this Tandem is refused with its cause, before any of it runs; the
 * switch goes on. */

#include "world.h"

#include <glib/gstdio.h>
#include <string.h>

static void
set_up (TdFixture **fixture, gconstpointer data)
{
    *fixture = td_fixture_new (NULL);
}

static void
tear_down (TdFixture **fixture, gconstpointer data)
{
    g_assert_cmpuint (abi_count_mapped (), ==, 0);
    td_fixture_free (*fixture);
}

/* Asserts that FILE is refused as NAME for a reason that has EXPECTED; the sentence has its path. */
static void
assert_file_refused (const char *name, const char *file, const char *expected)
{
    g_autofree char *answer = abi_ask ("module load %s --file %s", name, file);

    g_assert_true (g_str_has_prefix (answer, "error: "));
    if (strstr (answer, expected) == NULL || strstr (answer, file) == NULL) {
        g_error ("%s is refused by \"%s\", which does not say \"%s\"", file, answer, expected);
    }
}

static void
assert_refused (const char *variant, const char *expected)
{
    g_autofree char *file = abi_variant (variant);

    assert_file_refused ("variant", file, expected);
}

static void
test_wrong_magic (TdFixture **fixture, gconstpointer data)
{
    assert_refused ("wrong-magic", ": its note begins with 0x12345678, not 0x4d644e54");
    assert_refused ("wrong-descriptor-magic", ": its descriptor says something else than its note");
}

static void
test_wrong_major (TdFixture **fixture, gconstpointer data)
{
    assert_refused ("wrong-major", ": built for ABI 2.0, this is 1.0: build it against this");
}

static void
test_newer_minor (TdFixture **fixture, gconstpointer data)
{
    assert_refused ("newer-minor", ": built for ABI 1.1, this is 1.0: build it against this");
}

static void
test_short_struct (TdFixture **fixture, gconstpointer data)
{
    assert_refused ("short-struct", ": its descriptor has 24 bytes, which is not between");
}

static void
test_missing_text (TdFixture **fixture, gconstpointer data)
{
    assert_refused ("no-summary", ": its descriptor has no summary");
    assert_refused ("no-license", ": its descriptor has no license");
    assert_refused ("empty-version", ": its descriptor has no version");
    assert_refused ("no-name", ": its descriptor has no name");
}

static void
test_wrong_name (TdFixture **fixture, gconstpointer data)
{
    g_autofree char *file = abi_variant ("good");

    assert_file_refused ("sip", file, ": is the module \"variant\", not \"sip\"");
    assert_refused ("two-names", ": its descriptor is called \"other\", its note \"variant\"");
}

static void
test_missing_symbol (TdFixture **fixture, gconstpointer data)
{
    assert_refused ("missing-symbol", ": calls td_call_the_moon, which neither Tandem nor");
}

static void
test_missing_dependency (TdFixture **fixture, gconstpointer data)
{
    g_autofree char *file = abi_module ("careful");
    g_autofree char *edited = abi_edited (*fixture, file, "libtandem.so.1", "libtandex.so.1", 0);

    assert_file_refused ("careful", edited, ": needs the library libtandex.so.1, which is not");
}

static void
test_newer_symbols (TdFixture **fixture, gconstpointer data)
{
    g_autofree char *file = abi_module ("careful");
    g_autofree char *edited = abi_edited (*fixture, file, "TANDEM_1.0", "TANDEM_1.9", 0);

    assert_file_refused ("careful", edited, ": needs TANDEM_1.9, which this Tandem");
}

static void
test_licence (TdFixture **fixture, gconstpointer data)
{
    assert_refused ("gpl-in-disguise", ": links a GPL library, so its licence cannot be");
}

static void
test_no_module (TdFixture **fixture, gconstpointer data)
{
    g_autofree char *text = g_build_filename ((*fixture)->dir, "text.so", NULL);
    g_autofree char *missing = g_build_filename ((*fixture)->dir, "missing.so", NULL);

    g_assert_true (g_file_set_contents (text, "#!/bin/sh\n", -1, NULL));
    assert_file_refused ("variant", text, ": is no program file (ELF)");
    assert_file_refused ("variant", missing, ": cannot open: No such file or directory");
    assert_refused ("no-note", ": is a shared library, but no Tandem module");
    assert_refused ("no-descriptor", ": exports no td_module_descriptor");
}

/* Every length of a cut file is refused; or, where the cut took nothing that matters, loads. */
static void
test_cut_at_every_64th_byte (TdFixture **fixture, gconstpointer data)
{
    g_autofree char *file = abi_module ("careful");
    unsigned n_refused = 0, n_cut = 0;
    GStatBuf status;

    g_assert_cmpint (g_stat (file, &status), ==, 0);
    for (gsize size = 64; size < (gsize) status.st_size; size += 64, n_cut++) {
        g_autofree char *cut = abi_edited (*fixture, file, NULL, NULL, size);
        g_autofree char *answer = abi_ask ("module load careful --file %s", cut);
        if (g_str_has_prefix (answer, "error: ")) {
            n_refused++;
        } else {
            abi_expect ("unloaded", "module unload careful --now");
        }
    }
    g_test_message ("%u of %u lengths are refused", n_refused, n_cut);
    g_assert_cmpuint (n_refused, >, 0);
}

static void
test_load_fails_half_way (TdFixture **fixture, gconstpointer data)
{
    g_autofree char *file = abi_variant ("load-fails");

    abi_expect ("error: the moon is full", "module load load-fails --file %s", file);
    abi_expect ("\"state\":\"failed\"", "module info load-fails");
    abi_expect ("\"reason\":\"the moon is full\"", "module info load-fails");
}

static void
test_start_fails (TdFixture **fixture, gconstpointer data)
{
    g_autofree char *file = abi_variant ("start-fails");

    abi_expect ("error: the port is taken", "module load start-fails --file %s", file);
    abi_expect ("\"state\":\"failed\"", "module info start-fails");
}

static void
add (const char *path, void (*test) (TdFixture **, gconstpointer))
{
    g_test_add (path, TdFixture *, NULL, set_up, test, tear_down);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    add ("/abi/refusal/wrong-magic", test_wrong_magic);
    add ("/abi/refusal/wrong-major", test_wrong_major);
    add ("/abi/refusal/newer-minor", test_newer_minor);
    add ("/abi/refusal/short-struct", test_short_struct);
    add ("/abi/refusal/missing-text", test_missing_text);
    add ("/abi/refusal/wrong-name", test_wrong_name);
    add ("/abi/refusal/missing-symbol", test_missing_symbol);
    add ("/abi/refusal/missing-dependency", test_missing_dependency);
    add ("/abi/refusal/newer-symbols", test_newer_symbols);
    add ("/abi/refusal/licence", test_licence);
    add ("/abi/refusal/no-module", test_no_module);
    add ("/abi/refusal/cut-at-every-64th-byte", test_cut_at_every_64th_byte);
    add ("/abi/refusal/load-fails-half-way", test_load_fails_half_way);
    add ("/abi/refusal/start-fails", test_start_fails);
    return g_test_run ();
}
