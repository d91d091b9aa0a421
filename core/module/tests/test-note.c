/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file that is no module of this Tandem is refused by reading it, with its cause. */

#include "module/error.h"
#include "module/note.h"
#include "support.h"

#include <elf.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

/* Asserts that BYTES are refused with an error of CODE that says EXPECTED. */
static void
assert_refused (GBytes *bytes, const char *name, int code, const char *expected)
{
    g_autoptr (GError) error = NULL;
    TdModuleNote note = { .magic = 7 };

    g_assert_false (td_note_check ("/x/y.so", bytes, name, &note, &error));
    g_assert_error (error, TD_MODULE_ERROR, code);
    g_assert_cmpstr (error->message, ==, expected);
    g_assert_cmpuint (note.magic, ==, 7);
}

/* Asserts that the module built as VARIANT is refused with PATTERN after its path. */
static void
assert_variant_refused (const char *variant, int code, const char *expected)
{
    g_autofree char *path = variant_path (variant);
    g_autoptr (GBytes) bytes = td_note_read_file (path, NULL);

    g_assert_nonnull (bytes);
    assert_refused (bytes, NULL, code, expected);
}

static void
test_good (void)
{
    g_autofree char *path = variant_path ("good");
    g_autoptr (GBytes) bytes = td_note_read_file (path, NULL);
    g_autoptr (GError) error = NULL;
    TdModuleNote note;

    g_assert_true (td_note_check (path, bytes, "variant", &note, &error));
    g_assert_no_error (error);
    g_assert_cmpstr (note.name, ==, "variant");
    g_assert_cmpuint (note.struct_size, ==, sizeof (TdModuleDescriptor));
}

static void
test_wrong_builds (void)
{
    g_autofree char *small =
        g_strdup_printf ("/x/y.so: its descriptor has 24 bytes, which is not between %u and "
                         "4096: build it against this Tandem's headers",
                         (unsigned) TD_DESCRIPTOR_SIZE_MIN);
    g_autofree char *large =
        g_strdup_printf ("/x/y.so: its descriptor has 4097 bytes, which is not between %u and "
                         "4096: build it against this Tandem's headers",
                         (unsigned) TD_DESCRIPTOR_SIZE_MIN);

    assert_variant_refused ("wrong-magic", TD_MODULE_ERROR_NOTE,
                            "/x/y.so: its note begins with 0x12345678, not 0x4d644e54: declare it "
                            "with TD_MODULE ()");
    assert_variant_refused ("wrong-major", TD_MODULE_ERROR_ABI,
                            "/x/y.so: built for ABI 2.0, this is 1.0: build it against this "
                            "Tandem's headers");
    assert_variant_refused ("newer-minor", TD_MODULE_ERROR_ABI,
                            "/x/y.so: built for ABI 1.1, this is 1.0: build it against this "
                            "Tandem's headers");
    assert_variant_refused ("short-struct", TD_MODULE_ERROR_ABI, small);
    assert_variant_refused ("long-struct", TD_MODULE_ERROR_ABI, large);
    assert_variant_refused ("bad-name", TD_MODULE_ERROR_NAME,
                            "/x/y.so: calls itself \"Bad name\": a module's name is a lower-case "
                            "letter, then lower-case letters, digits and hyphens, at most 31 in "
                            "all");
    assert_variant_refused ("no-note", TD_MODULE_ERROR_NOTE,
                            "/x/y.so: is a shared library, but no Tandem module: it has no note of "
                            "owner \"Tandem\": declare it with TD_MODULE ()");
}

static void
test_other_name (void)
{
    g_autofree char *path = variant_path ("good");
    g_autoptr (GBytes) bytes = td_note_read_file (path, NULL);

    assert_refused (bytes, "sip", TD_MODULE_ERROR_NAME,
                    "/x/y.so: is the module \"variant\", not \"sip\": rename the file or ask for "
                    "that name");
}

/* Every length a cut file can have is refused: the section table is the last thing in it. */
static void
test_every_cut_is_refused (void)
{
    g_autofree char *path = variant_path ("good");
    g_autoptr (GBytes) bytes = td_note_read_file (path, NULL);

    for (gsize size = 0; size < g_bytes_get_size (bytes); size += size < 4096 ? 1 : 61) {
        g_autofree void *cut = g_memdup2 (g_bytes_get_data (bytes, NULL), size);
        g_autoptr (GBytes) part = g_bytes_new (cut, size);
        g_autoptr (GError) error = NULL;
        g_assert_false (td_note_check ("cut.so", part, NULL, NULL, &error));
        g_assert_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_ELF);
        g_assert_true (g_str_has_prefix (error->message, "cut.so: "));
    }
}

static void
test_no_program_file (void)
{
    g_autoptr (GBytes) empty = g_bytes_new_static ("", 0);
    g_autoptr (GBytes) script = g_bytes_new_static ("#!/bin/sh\n", 10);
    g_autoptr (GBytes) magic = g_bytes_new_static (ELFMAG, 4);

    assert_refused (empty, NULL, TD_MODULE_ERROR_ELF, "/x/y.so: is empty: copy or build it again");
    assert_refused (script, NULL, TD_MODULE_ERROR_ELF,
                    "/x/y.so: is no program file (ELF): a module is a shared library");
    assert_refused (magic, NULL, TD_MODULE_ERROR_ELF,
                    "/x/y.so: cut short: a program file's head has 64 bytes, this file has 4: copy "
                    "or build it again");
}

/* The good module with one byte of its head changed is refused and says EXPECTED. */
static void
assert_head_byte_matters (gsize at, guint8 value, const char *expected)
{
    g_autofree char *path = variant_path ("good");
    g_autoptr (GBytes) bytes = td_note_read_file (path, NULL);
    gsize size;
    guint8 *data = g_bytes_unref_to_data (g_steal_pointer (&bytes), &size);
    g_autoptr (GError) error = NULL;

    data[at] = value;
    g_autoptr (GBytes) changed = g_bytes_new_take (data, size);
    g_assert_false (td_note_check ("y.so", changed, NULL, NULL, &error));
    g_assert_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_ELF);
    g_assert_nonnull (strstr (error->message, expected));
}

static void
test_other_machines (void)
{
    assert_head_byte_matters (EI_CLASS, ELFCLASS32, "built for 32-bit machines");
    assert_head_byte_matters (EI_DATA, ELFDATA2MSB, "the other byte order");
    assert_head_byte_matters (EI_VERSION, 2, "format version");
    assert_head_byte_matters (offsetof (Elf64_Ehdr, e_machine), EM_S390, "built for machine type");
    assert_head_byte_matters (offsetof (Elf64_Ehdr, e_type), ET_EXEC, "not a shared library");
    assert_head_byte_matters (offsetof (Elf64_Ehdr, e_phnum), 0, "make no sense");
    assert_head_byte_matters (offsetof (Elf64_Ehdr, e_phentsize), 55, "make no sense");
    assert_head_byte_matters (offsetof (Elf64_Ehdr, e_phoff) + 7, 0xff, "program headers at byte");
    assert_head_byte_matters (offsetof (Elf64_Ehdr, e_shoff) + 7, 0xff, "section headers at byte");
}

static void
test_segments_are_checked (void)
{
    gsize first = sizeof (Elf64_Ehdr);

    assert_head_byte_matters (first + offsetof (Elf64_Phdr, p_offset) + 7, 0xff, "segment 0 ends");
    assert_head_byte_matters (first + offsetof (Elf64_Phdr, p_memsz) + 1, 0, "segment 0");
    assert_head_byte_matters (first + offsetof (Elf64_Phdr, p_align), 3, "segment 0 makes no");
    assert_head_byte_matters (first + offsetof (Elf64_Phdr, p_vaddr) + 6, 1, "overlaps");
}

static void
test_any_byte_may_be_wrong (void)
{
    g_autofree char *path = variant_path ("good");
    g_autoptr (GBytes) bytes = td_note_read_file (path, NULL);
    gsize size = g_bytes_get_size (bytes);
    g_autoptr (GRand) rand = g_rand_new_with_seed (1);

    for (unsigned i = 0; i < 2000; i++) {
        guint8 *data = g_memdup2 (g_bytes_get_data (bytes, NULL), size);
        for (unsigned j = 0; j < 8; j++) {
            data[g_rand_int_range (rand, 0, j < 6 ? 1024 : (gint32) size)] =
                (guint8) g_rand_int (rand);
        }
        g_autoptr (GBytes) changed = g_bytes_new_take (data, size);
        g_autoptr (GError) error = NULL;
        bool is_good = td_note_check ("y.so", changed, NULL, NULL, &error);
        g_assert_true (is_good == (error == NULL));
    }
}

static void
assert_unreadable (const char *path, const char *pattern)
{
    g_autoptr (GError) error = NULL;

    g_assert_null (td_note_read_file (path, &error));
    g_assert_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_FILE);
    g_assert_nonnull (strstr (error->message, path));
    g_assert_nonnull (strstr (error->message, pattern));
}

static void
test_unreadable_files (Folder *folder, gconstpointer unused)
{
    g_autofree char *missing = g_build_filename (folder->path, "missing.so", NULL);
    g_autofree char *fifo = g_build_filename (folder->path, "fifo.so", NULL);
    g_autofree char *loop = g_build_filename (folder->path, "huge.so", NULL);

    assert_unreadable (missing, "cannot open: No such file");
    assert_unreadable (folder->path, "is no plain file");
    g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
    assert_unreadable (fifo, "is no plain file");
    g_assert_true (g_file_set_contents (loop, "", 0, NULL));
    g_assert_cmpint (truncate (loop, 300 * 1024 * 1024), ==, 0);
    assert_unreadable (loop, "has 314572800 bytes: no module is larger than 268435456");
}

static void
test_dump (void)
{
    g_autofree char *path = variant_path ("missing-symbol");
    g_autoptr (GError) error = NULL;
    g_autofree char *text = td_note_dump (path, &error);

    g_assert_no_error (error);
    g_assert_nonnull (strstr (text, "module          variant\n"));
    g_assert_nonnull (strstr (text, "abi             1.0 (this Tandem: 1.0)\n"));
    g_assert_nonnull (strstr (text, "needs library   libc.so.6\n"));
    g_assert_nonnull (strstr (text, "calls           td_call_the_moon\n"));
    g_assert_nonnull (strstr (text, "verdict         would be mapped\n"));
}

static void
test_dump_of_a_wrong_build (void)
{
    g_autofree char *path = variant_path ("wrong-major");
    g_autofree char *text = td_note_dump (path, NULL);

    g_assert_nonnull (strstr (text, "abi             2.0 (this Tandem: 1.0)\n"));
    g_assert_nonnull (strstr (text, "built for ABI 2.0, this is 1.0"));
}

static void
test_names (void)
{
    static const char *const good[] = { "sip", "g", "codec-g711",
                                        "a234567890123456789012345678901" };
    static const char *const bad[] = { "",     "Sip", "7up",
                                       "-a",   "a_b", "a.b",
                                       "../a", "a b", "a2345678901234567890123456789012" };

    for (unsigned i = 0; i < G_N_ELEMENTS (good); i++) {
        g_assert_true (td_note_is_name (good[i]));
    }
    for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_assert_false (td_note_is_name (bad[i]));
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/module/note/good", test_good);
    g_test_add_func ("/module/note/wrong-builds", test_wrong_builds);
    g_test_add_func ("/module/note/other-name", test_other_name);
    g_test_add_func ("/module/note/every-cut-is-refused", test_every_cut_is_refused);
    g_test_add_func ("/module/note/no-program-file", test_no_program_file);
    g_test_add_func ("/module/note/other-machines", test_other_machines);
    g_test_add_func ("/module/note/segments-are-checked", test_segments_are_checked);
    g_test_add_func ("/module/note/any-byte-may-be-wrong", test_any_byte_may_be_wrong);
    g_test_add ("/module/note/unreadable-files", Folder, NULL, folder_make, test_unreadable_files,
                folder_remove);
    g_test_add_func ("/module/note/dump", test_dump);
    g_test_add_func ("/module/note/dump-of-a-wrong-build", test_dump_of_a_wrong_build);
    g_test_add_func ("/module/note/names", test_names);
    return g_test_run ();
}
