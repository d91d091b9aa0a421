/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module's file is mapped by a private copy, or refused with the true cause. */

#include "module/error.h"
#include "module/loader.h"
#include "support.h"

#include <dlfcn.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static TdImage *
map (const Folder *folder, const char *variant)
{
    g_autofree char *path = variant_path (variant);
    g_autoptr (GError) error = NULL;
    TdImage *image = td_image_map (path, NULL, folder->images, &error);

    g_assert_no_error (error);
    g_assert_nonnull (image);
    return image;
}

/* Asserts that the file at PATH is refused with an error that has its path and says EXPECTED. */
static void
assert_file_refused (const Folder *folder, const char *path, int code, const char *expected)
{
    g_autoptr (GError) error = NULL;

    g_assert_null (td_image_map (path, NULL, folder->images, &error));
    g_assert_error (error, TD_MODULE_ERROR, code);
    g_assert_true (g_str_has_prefix (error->message, path));
    if (strstr (error->message, expected) == NULL) {
        g_error ("\"%s\" does not say \"%s\"", error->message, expected);
    }
    g_assert_null (strstr (error->message, folder->images));
    g_assert_cmpuint (count_files (folder->images), ==, 0);
}

static void
assert_refused (const Folder *folder, const char *variant, int code, const char *expected)
{
    g_autofree char *path = variant_path (variant);

    assert_file_refused (folder, path, code, expected);
}

/* Whether a file whose path ends in or contains PART is mapped into this process. */
static bool
is_mapped (const char *part)
{
    g_autofree char *maps = NULL;

    g_assert_true (g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL));
    return strstr (maps, part) != NULL;
}

static int
private_value (const TdImage *image)
{
    g_auto (GVariantDict) info = G_VARIANT_DICT_INIT (NULL);
    int value = 0;

    image->descriptor.describe (NULL, &info);
    g_assert_true (g_variant_dict_lookup (&info, "private", "i", &value));
    return value;
}

static void
test_maps_and_unmaps (Folder *folder, gconstpointer unused)
{
    TdImage *image = map (folder, "good");
    g_autofree char *copy = g_strdup (image->copy);

    g_assert_cmpstr (image->descriptor.name, ==, "variant");
    g_assert_true (is_mapped (copy));
    g_assert_true (g_str_has_prefix (copy, folder->images));
    td_image_unmap (image);
    g_assert_false (is_mapped (copy));
    g_assert_cmpuint (count_files (folder->images), ==, 0);
}

static void
test_wrong_descriptors (Folder *folder, gconstpointer unused)
{
    assert_refused (folder, "wrong-descriptor-magic", TD_MODULE_ERROR_DESCRIPTOR,
                    "its descriptor says something else than its note");
    assert_refused (folder, "no-name", TD_MODULE_ERROR_DESCRIPTOR, "has no name");
    assert_refused (folder, "no-summary", TD_MODULE_ERROR_DESCRIPTOR, "has no summary");
    assert_refused (folder, "empty-version", TD_MODULE_ERROR_DESCRIPTOR, "has no version");
    assert_refused (folder, "no-license", TD_MODULE_ERROR_DESCRIPTOR, "has no license");
    assert_refused (folder, "two-names", TD_MODULE_ERROR_DESCRIPTOR,
                    "its descriptor is called \"other\", its note \"variant\"");
    assert_refused (folder, "no-descriptor", TD_MODULE_ERROR_DESCRIPTOR,
                    "exports no td_module_descriptor");
    assert_refused (folder, "gpl-in-disguise", TD_MODULE_ERROR_DESCRIPTOR,
                    "links a GPL library, so its licence cannot be \"LGPL-2.1-or-later\"");
}

static void
test_gpl_with_its_licence (Folder *folder, gconstpointer unused)
{
    td_image_unmap (map (folder, "gpl"));
}

static void
test_missing_symbol (Folder *folder, gconstpointer unused)
{
    assert_refused (folder, "missing-symbol", TD_MODULE_ERROR_LINK,
                    ": calls td_call_the_moon, which neither Tandem nor a library it names has");
}

static void
test_missing_dependency (Folder *folder, gconstpointer unused)
{
    g_autofree char *path = variant_edited (folder, "good", "libc.so.6", "libq.so.9", 0);

    assert_file_refused (folder, path, TD_MODULE_ERROR_LINK,
                         ": needs the library libq.so.9, which is not installed");
}

static void
test_missing_version (Folder *folder, gconstpointer unused)
{
    g_autofree char *path = variant_edited (folder, "good", "GLIBC_2.", "GLIBC_9.", 0);

    assert_file_refused (folder, path, TD_MODULE_ERROR_LINK, ": needs GLIBC_9.");
}

static void
test_old_binary_loads (Folder *folder, gconstpointer unused)
{
    TdImage *image = map (folder, "old");

    g_assert_cmpuint (image->descriptor.struct_size, ==, offsetof (TdModuleDescriptor, describe));
    g_assert_nonnull (image->descriptor.load);
    /* It is there in the file, but beyond what the file says it has. */
    g_assert_null (image->descriptor.describe);
    td_image_unmap (image);
}

/* Each length is refused, or loads; none ends the process. */
static void
test_cut_at_every_64th_byte (Folder *folder, gconstpointer unused)
{
    g_autofree char *whole = variant_path ("good");
    GStatBuf status;

    g_assert_cmpint (g_stat (whole, &status), ==, 0);
    for (gsize size = 64; size < (gsize) status.st_size; size += 64) {
        g_autofree char *path = variant_edited (folder, "good", NULL, NULL, size);
        g_autoptr (GError) error = NULL;
        TdImage *image = td_image_map (path, "variant", folder->images, &error);
        g_assert_true ((image == NULL) == (error != NULL));
        td_image_unmap (image);
    }
    g_assert_cmpuint (count_files (folder->images), ==, 0);
}

static void
test_survives_overwriting (Folder *folder, gconstpointer unused)
{
    g_autofree char *path = variant_edited (folder, "good", NULL, NULL, 0);
    TdImage *image = td_image_map (path, "variant", folder->images, NULL);
    FILE *file = fopen (path, "r+");

    g_assert_nonnull (image);
    g_assert_cmpint (ftruncate (fileno (file), 0), ==, 0);
    g_assert_cmpint (fputs ("no program any more", file), >, 0);
    fclose (file);
    g_assert_cmpint (private_value (image), ==, 1);
    td_image_unmap (image);
}

static void
test_twins_do_not_meet (Folder *folder, gconstpointer unused)
{
    TdImage *good = map (folder, "good");
    TdImage *twin = map (folder, "twin");

    g_assert_cmpint (private_value (good), ==, 1);
    g_assert_cmpint (private_value (twin), ==, 2);
    td_image_unmap (good);
    g_assert_cmpint (private_value (twin), ==, 2);
    td_image_unmap (twin);
}

static void
test_two_generations_of_one_file (Folder *folder, gconstpointer unused)
{
    TdImage *old = map (folder, "good");
    TdImage *new = map (folder, "good");

    g_assert_true (old->descriptor.load != new->descriptor.load);
    td_image_unmap (old);
    g_assert_cmpint (private_value (new), ==, 1);
    td_image_unmap (new);
}

static void
test_resident_stays_and_is_used_again (Folder *folder, gconstpointer unused)
{
    TdImage *image = map (folder, "resident");
    g_autofree char *copy = g_strdup (image->copy);

    td_image_unmap (image);
    g_assert_true (is_mapped (copy));
    image = map (folder, "resident");
    g_assert_cmpstr (image->copy, ==, copy);
    td_image_unmap (image);
}

static void
test_unwritable_folder (Folder *folder, gconstpointer unused)
{
    g_autofree char *path = variant_path ("good");
    g_autofree char *file = g_build_filename (folder->path, "file", NULL);
    g_autofree char *below = g_build_filename (file, "images", NULL);
    g_autoptr (GError) error = NULL;

    g_assert_true (g_file_set_contents (file, "", 0, NULL));
    g_assert_null (td_image_map (path, NULL, below, &error));
    g_assert_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_FILE);
    g_assert_nonnull (strstr (error->message, "cannot make a private copy at"));
    g_assert_nonnull (strstr (error->message, "Not a directory"));
}

/* Of what lies in the folder, only copies of processes that have ended go. */
static void
test_leftovers (Folder *folder, gconstpointer unused)
{
    static const char *const stay[] = { "notes.txt", "sip.so", "sip.1.1.so.bak" };
    /* No process can have it: it is above what the kernel gives out. */
    g_autofree char *dead = g_build_filename (folder->path, "sip.4194305.1.so", NULL);
    g_autofree char *init = g_build_filename (folder->path, "sip.1.1.so", NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS (stay); i++) {
        g_autofree char *path = g_build_filename (folder->path, stay[i], NULL);
        g_assert_true (g_file_set_contents (path, "", 0, NULL));
    }
    g_assert_true (g_file_set_contents (dead, "", 0, NULL));
    g_assert_true (g_file_set_contents (init, "", 0, NULL));
    td_image_remove_leftovers (folder->path);
    g_assert_false (g_file_test (dead, G_FILE_TEST_EXISTS));
    g_assert_true (g_file_test (init, G_FILE_TEST_EXISTS));
    g_assert_cmpuint (count_files (folder->path), ==, G_N_ELEMENTS (stay) + 1);
}

/* In a container every life of the process has the same number. */
static void
test_leftovers_of_the_same_number (Folder *folder, gconstpointer unused)
{
    g_autofree char *good = variant_path ("good");
    TdImage *image = td_image_map (good, "variant", folder->images, NULL);
    g_autofree char *earlier =
        g_strdup_printf ("%s/sip.%ld.4000000000.so", folder->images, (long) getpid ());

    g_assert_nonnull (image);
    g_assert_true (g_file_set_contents (earlier, "", 0, NULL));
    td_image_remove_leftovers (folder->images);
    g_assert_false (g_file_test (earlier, G_FILE_TEST_EXISTS));
    g_assert_true (g_file_test (image->copy, G_FILE_TEST_EXISTS));
    td_image_unmap (image);
}

static void
add (const char *path, void (*test) (Folder *, gconstpointer))
{
    g_test_add (path, Folder, NULL, folder_make, test, folder_remove);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    add ("/module/loader/maps-and-unmaps", test_maps_and_unmaps);
    add ("/module/loader/wrong-descriptors", test_wrong_descriptors);
    add ("/module/loader/gpl-with-its-licence", test_gpl_with_its_licence);
    add ("/module/loader/missing-symbol", test_missing_symbol);
    add ("/module/loader/missing-dependency", test_missing_dependency);
    add ("/module/loader/missing-version", test_missing_version);
    add ("/module/loader/old-binary-loads", test_old_binary_loads);
    add ("/module/loader/cut-at-every-64th-byte", test_cut_at_every_64th_byte);
    add ("/module/loader/survives-overwriting", test_survives_overwriting);
    add ("/module/loader/twins-do-not-meet", test_twins_do_not_meet);
    add ("/module/loader/two-generations-of-one-file", test_two_generations_of_one_file);
    add ("/module/loader/resident-stays-and-is-used-again", test_resident_stays_and_is_used_again);
    add ("/module/loader/unwritable-folder", test_unwritable_folder);
    add ("/module/loader/leftovers", test_leftovers);
    add ("/module/loader/leftovers-of-the-same-number", test_leftovers_of_the_same_number);
    return g_test_run ();
}
