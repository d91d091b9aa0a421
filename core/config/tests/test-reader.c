/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reader finds every section, key and value at its place, and every mistake at its own. */

#include "config/reader.h"

#include <glib/gstdio.h>
#include <string.h>

/* Prints what was read: "[name instance]@line:column key@l:c=value@l:c ..." */
static char *
print_ini (const TdIni *ini)
{
    GString *out = g_string_new (NULL);

    for (unsigned i = 0; i < ini->sections->len; i++) {
        const TdIniSection *section = g_ptr_array_index (ini->sections, i);
        g_string_append_printf (out, "[%s%s%s]@%u:%u ", section->name != NULL ? section->name : "-",
                                section->instance != NULL ? " " : "",
                                section->instance != NULL ? section->instance : "",
                                section->place.line, section->place.column);
        for (unsigned j = 0; j < section->n_entries; j++) {
            const TdIniEntry *entry = &section->entries[j];
            g_string_append_printf (out, "%s@%u:%u=%s@%u:%u ", entry->key, entry->key_place.line,
                                    entry->key_place.column,
                                    entry->value != NULL ? entry->value : "-",
                                    entry->value_place.line, entry->value_place.column);
        }
    }
    return g_string_free (out, FALSE);
}

static void
expect_bytes (const char *bytes, size_t len, const char *wanted, const char *wanted_problems)
{
    g_autoptr (GPtrArray) problems = td_problems_new ();
    /* A copy of its own size, so that reading beyond its end is seen. */
    g_autofree char *copy = g_memdup2 (bytes, len);
    g_autoptr (TdIni) ini = td_ini_parse ("f", copy, len, problems);
    g_autofree char *got = print_ini (ini);
    g_autofree char *got_problems = td_problems_to_text (problems);

    g_assert_cmpstr (g_strchomp (got), ==, wanted);
    g_assert_cmpstr (got_problems, ==, wanted_problems);
}

static void
expect (const char *text, const char *wanted)
{
    expect_bytes (text, strlen (text), wanted, "");
}

static void
expect_problem (const char *text, const char *wanted, const char *wanted_problems)
{
    expect_bytes (text, strlen (text), wanted, wanted_problems);
}

static void
test_nothing (void)
{
    expect ("", "");
    expect ("\n\n", "");
    expect ("  \t ", "");
}

static void
test_sections (void)
{
    expect ("[a]\n  [ b  c ]\n[d e.f@g:h]", "[a]@1:1 [b c]@2:3 [d e.f@g:h]@3:1");
}

static void
test_keys_and_values (void)
{
    expect ("[s]\nkey = value\nkey2=x y\n\tk3 =\t z \n",
            "[s]@1:1 key@2:1=value@2:7 key2@3:1=x y@3:6 k3@4:2=z@4:8");
}

static void
test_a_value_may_be_empty (void)
{
    expect ("[s]\na =\nb = \nc = # note", "[s]@1:1 a@2:1=@2:4 b@3:1=@3:5 c@4:1=@4:5");
}

static void
test_the_last_line_may_lack_its_end (void)
{
    expect ("[s]\na = b", "[s]@1:1 a@2:1=b@2:5");
}

static void
test_a_value_may_hold_equals_signs_and_brackets (void)
{
    expect ("[s]\na = b=c\nd = [::1]:5060", "[s]@1:1 a@2:1=b=c@2:5 d@3:1=[::1]:5060@3:5");
}

static void
test_comments (void)
{
    expect ("# one\n; two\n  # three\n[s] # four\na = b # five\nc = d ; six\n",
            "[s]@4:1 a@5:1=b@5:5 c@6:1=d@6:5");
}

static void
test_marks_inside_a_word_are_no_comment (void)
{
    expect ("[s]\na = sip:x;lr\nb = c#d\ne =#f", "[s]@1:1 a@2:1=sip:x;lr@2:5 b@3:1=c#d@3:5 "
                                                 "e@4:1=#f@4:4");
}

static void
test_quotes_keep_blanks_and_marks (void)
{
    expect ("[s]\na = \"  b # c ; d \" # e", "[s]@1:1 a@2:1=  b # c ; d @2:5");
}

static void
test_escapes (void)
{
    expect ("[s]\na = \"\\\\ \\\" \\n \\r \\t\"", "[s]@1:1 a@2:1=\\ \" \n \r \t@2:5");
}

static void
test_a_backslash_is_plain_without_quotes (void)
{
    expect ("[s]\na = \\d+\\.x", "[s]@1:1 a@2:1=\\d+\\.x@2:5");
}

static void
test_continuation (void)
{
    expect ("[s]\na = one, \\\n     two,\\\r\n  three # end\nb = c",
            "[s]@1:1 a@2:1=one, two,three@2:5 b@5:1=c@5:5");
}

static void
test_continuation_in_quotes (void)
{
    expect ("[s]\na = \"one \\\n   # two\"\nb = c", "[s]@1:1 a@2:1=one # two@2:5 b@4:1=c@4:5");
}

static void
test_a_continued_value_may_end_at_once (void)
{
    expect ("[s]\na = b\\\n\nc = d", "[s]@1:1 a@2:1=b@2:5 c@4:1=d@4:5");
}

static void
test_a_comment_does_not_go_on (void)
{
    expect ("[s]\n# note \\\na = b # note \\\nc = d", "[s]@1:1 a@3:1=b@3:5 c@4:1=d@4:5");
}

static void
test_crlf (void)
{
    expect ("[s]\r\na = b\r\n\r\nc = d\r\n", "[s]@1:1 a@2:1=b@2:5 c@4:1=d@4:5");
}

static void
test_byte_order_mark (void)
{
    expect ("\xef\xbb\xbf[s]\na = b", "[s]@1:1 a@2:1=b@2:5");
}

static void
test_columns_count_characters (void)
{
    expect ("[s]\ncl\xc3\xa9 = \xc3\xa9t\xc3\xa9", "[s]@1:1 cl\xc3\xa9@2:1=\xc3\xa9t\xc3\xa9@2:7");
}

static void
test_utf16 (void)
{
    static const char little[] = "\xff\xfe[\0s\0]\0", big[] = "\xfe\xff\0[\0s\0]";

    expect_bytes (little, sizeof little - 1, "", "f:1:1: the file is UTF-16: save it as UTF-8\n");
    expect_bytes (big, sizeof big - 1, "", "f:1:1: the file is UTF-16: save it as UTF-8\n");
}

static void
test_nul (void)
{
    static const char text[] = "[s]\nab = c\0d\ne = f";

    expect_bytes (text, sizeof text - 1, "[s]@1:1 ab@2:1=-@2:6 e@3:1=f@3:5",
                  "f:2:7: NUL byte: the file is damaged or no text\n");
}

static void
test_control_character (void)
{
    expect_problem ("[s]\na = b\033[2J\nc = d\re\n# \xc2\x9b", "[s]@1:1 a@2:1=-@2:5 c@3:1=-@3:5",
                    "f:2:6: control character 0x1b: take it out, or quote it as an escape if it is "
                    "\\n, \\r or \\t\n"
                    "f:3:6: control character 0x0d: take it out, or quote it as an escape if it is "
                    "\\n, \\r or \\t\n"
                    "f:4:3: control character 0x9b: take it out, or quote it as an escape if it is "
                    "\\n, \\r or \\t\n");
}

static void
test_broken_utf8 (void)
{
    expect_problem ("[s]\n\xc3\xa9 = \xff\nc = d", "[s]@1:1 \xc3\xa9@2:1=-@2:5 c@3:1=d@3:5",
                    "f:2:5: byte 0xff is not UTF-8: save the file as UTF-8\n");
}

static void
test_a_section_head_that_is_no_text_still_ends_the_section_before (void)
{
    expect_problem ("[s]\n[t\xff]\nc = d", "[s]@1:1 [-]@2:1 c@3:1=d@3:5",
                    "f:2:3: byte 0xff is not UTF-8: save the file as UTF-8\n");
}

static void
test_damage_before_the_equals_sign_leaves_no_key (void)
{
    expect_problem ("[s]\na\xff = b\nc", "[s]@1:1",
                    "f:2:2: byte 0xff is not UTF-8: save the file as UTF-8\n"
                    "f:3:1: \"=\" is missing: write key = value\n");
}

static void
test_unclosed_bracket (void)
{
    expect_problem ("[s\na = b\n[t u # note\nc = d", "[s]@1:1 a@2:1=b@2:5 [t u]@3:1 c@4:1=d@4:5",
                    "f:1:3: the section's bracket is not closed: \"]\" is missing\n"
                    "f:3:6: the section's bracket is not closed: \"]\" is missing\n");
}

static void
test_a_section_without_a_name (void)
{
    expect_problem ("[]\na = b\n[ ]", "[-]@1:1 a@2:1=b@2:5 [-]@3:1",
                    "f:1:1: the section has no name: write [section]\n"
                    "f:3:1: the section has no name: write [section]\n");
}

static void
test_a_section_of_three_words (void)
{
    expect_problem ("[a b c]", "[a b]@1:1",
                    "f:1:6: a section has one or two words: [section] or [section instance]\n");
}

static void
test_text_after_the_bracket (void)
{
    expect_problem ("[a] b = c", "[a]@1:1",
                    "f:1:5: text after the section's \"]\": put it on its own line\n");
}

static void
test_missing_equals_sign (void)
{
    expect_problem ("[a]\n password hunter2 # = x\nb = c", "[a]@1:1 b@3:1=c@3:5",
                    "f:2:2: \"=\" is missing: write key = value\n");
}

static void
test_missing_key (void)
{
    expect_problem ("[a]\n = b", "[a]@1:1", "f:2:2: the key before \"=\" is missing\n");
}

static void
test_a_key_of_two_words (void)
{
    expect_problem ("[a]\nmax calls = 7", "[a]@1:1",
                    "f:2:1: a key is one word: join its parts by hyphens\n");
}

static void
test_a_key_before_any_section (void)
{
    expect_problem ("a = b\n[c]", "[c]@2:1",
                    "f:1:1: a key before any section: put [section] above\n");
}

static void
test_unclosed_quote (void)
{
    expect_problem ("[a]\nb = \"c\nd = e", "[a]@1:1 b@2:1=-@2:5 d@3:1=e@3:5",
                    "f:2:5: the quote that opens here is not closed\n");
}

static void
test_text_after_the_quote (void)
{
    expect_problem ("[a]\nb = \"c\" d", "[a]@1:1 b@2:1=-@2:5",
                    "f:2:8: text after the closing quote: a quote inside a quoted value is written "
                    "\\\"\n");
}

static void
test_unknown_escape (void)
{
    expect_problem ("[a]\nb = \"\\d\"", "[a]@1:1 b@2:1=-@2:5",
                    "f:2:6: this escape is not known: \\\\ \\\" \\n \\r \\t are\n");
}

static void
test_blanks_after_the_backslash (void)
{
    expect_problem ("[a]\nb = c \\ \nd = e", "[a]@1:1 b@2:1=-@2:5 d@3:1=e@3:5",
                    "f:2:7: the backslash is not the line's last character: drop what follows it, "
                    "or put the value in quotes\n");
}

static void
test_a_value_that_goes_on_at_the_end_of_the_file (void)
{
    expect_problem ("[a]\nb = c \\", "[a]@1:1 b@2:1=-@2:5",
                    "f:2:7: the value goes on in the next line, but the file ends\n");
    expect_problem ("[a]\nb = \"c \\\n", "[a]@1:1 b@2:1=-@2:5",
                    "f:2:8: the value goes on in the next line, but the file ends\n");
}

static void
test_the_longest_line (void)
{
    g_autoptr (GString) text = g_string_new ("[a]\nb = ");
    g_autofree char *filling = g_strnfill (TD_INI_LINE_MAX - 4, 'x');

    g_string_append_printf (text, "%s\nc = d", filling);
    g_autofree char *wanted = g_strdup_printf ("[a]@1:1 b@2:1=%s@2:5 c@3:1=d@3:5", filling);
    expect (text->str, wanted);
}

static void
test_a_line_too_long (void)
{
    g_autoptr (GString) text = g_string_new ("[a]\nb = ");
    g_autofree char *filling = g_strnfill (TD_INI_LINE_MAX - 3, 'x');

    g_string_append_printf (text, "%s\nc = d", filling);
    expect_problem (text->str, "[a]@1:1 c@3:1=d@3:5", "f:2:1: the line is longer than 64 KiB\n");
}

static void
test_a_value_too_long_over_its_lines (void)
{
    g_autoptr (GString) text = g_string_new ("[a]\nb = ");
    g_autofree char *filling = g_strnfill (TD_INI_LINE_MAX / 2, 'x');

    g_string_append_printf (text, "%s\\\n%s\\\n%s\nc = d", filling, filling, "x");
    expect_problem (text->str, "[a]@1:1 b@2:1=-@2:5 c@5:1=d@5:5",
                    "f:2:5: the value is longer than 64 KiB\n");
}

static void
test_no_message_shows_a_value (void)
{
    static const char *const texts[] = {
        "[a]\npassword hunter2",
        "[a]\npassword = \"hunter2",
        "[a]\npassword = \"hunter2\" x",
        "[a]\npassword = \"hunter2\\q\"",
        "[a]\npassword = hunter2 \\ x\\ ",
        "[a]\nmy password = hunter2",
        "password = hunter2",
        "[a]\npassword = hunter2\\",
        "[a]\npassword = hunter2\001",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (texts); i++) {
        g_autoptr (GPtrArray) problems = td_problems_new ();
        g_autoptr (TdIni) ini = td_ini_parse ("f", texts[i], strlen (texts[i]), problems);
        g_autofree char *text = td_problems_to_text (problems);
        g_assert_nonnull (ini);
        g_assert_cmpuint (problems->len, ==, 1);
        g_assert_null (strstr (text, "hunter"));
    }
}

/* A folder of files for one test. */
typedef struct {
    char *path;
} Folder;

static void
set_up (Folder *folder, gconstpointer unused)
{
    g_autoptr (GError) error = NULL;

    folder->path = g_dir_make_tmp ("tandem-reader-XXXXXX", &error);
    g_assert_no_error (error);
}

static void
remove_all (const char *path)
{
    GDir *dir = g_dir_open (path, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
        g_autofree char *inner = g_build_filename (path, name, NULL);
        remove_all (inner);
    }
    g_clear_pointer (&dir, g_dir_close);
    g_remove (path);
}

static void
tear_down (Folder *folder, gconstpointer unused)
{
    remove_all (folder->path);
    g_free (folder->path);
}

static void
write_file (const Folder *folder, const char *name, const char *text, gssize len)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *path = g_build_filename (folder->path, name, NULL);
    g_autofree char *parent = g_path_get_dirname (path);

    g_assert_cmpint (g_mkdir_with_parents (parent, 0700), ==, 0);
    g_file_set_contents (path, text, len, &error);
    g_assert_no_error (error);
}

/* Loads main.conf; its problems, with the folder's name taken out. */
static TdIni *
load (const Folder *folder, char **ret_problems)
{
    g_autoptr (GPtrArray) problems = td_problems_new ();
    g_autofree char *path = g_build_filename (folder->path, "main.conf", NULL);
    TdIni *ini = td_ini_load (path, problems);
    g_autofree char *text = td_problems_to_text (problems);
    g_auto (GStrv) parts = g_strsplit (text, folder->path, -1);

    *ret_problems = g_strjoinv ("", parts);
    return ini;
}

static void
test_drop_ins_come_sorted (Folder *folder, gconstpointer unused)
{
    g_autofree char *problems = NULL;

    write_file (folder, "conf.d/20-b.conf", "[b]", -1);
    write_file (folder, "conf.d/10-c.conf", "[c]", -1);
    write_file (folder, "conf.d/.hidden.conf", "[hidden]", -1);
    write_file (folder, "conf.d/note.conf~", "[saved]", -1);
    write_file (folder, "main.conf", "[a]", -1);
    g_autoptr (TdIni) ini = load (folder, &problems);
    g_autofree char *got = print_ini (ini);
    g_assert_cmpstr (got, ==, "[a]@1:1 [c]@1:1 [b]@1:1 ");
    g_assert_cmpstr (problems, ==, "");
}

static void
test_all_files_report (Folder *folder, gconstpointer unused)
{
    g_autofree char *problems = NULL;

    write_file (folder, "conf.d/1.conf", "x", -1);
    write_file (folder, "conf.d/2.conf/x", "a folder", -1);
    g_autoptr (TdIni) ini = load (folder, &problems);
    g_assert_nonnull (ini);
    g_assert_cmpstr (
        problems, ==,
        "/main.conf:1:1: the file cannot be read: No such file or directory: "
        "--config FILE says which one to read\n"
        "/conf.d/1.conf:1:1: \"=\" is missing: write key = value\n"
        "/conf.d/2.conf:1:1: the file cannot be read: Is a directory: a file is meant\n");
}

static void
test_a_section_does_not_reach_into_the_next_file (Folder *folder, gconstpointer unused)
{
    g_autofree char *problems = NULL;

    write_file (folder, "main.conf", "[a]", -1);
    write_file (folder, "conf.d/1.conf", "b = c", -1);
    g_autoptr (TdIni) ini = load (folder, &problems);
    g_assert_nonnull (ini);
    g_assert_cmpstr (problems, ==,
                     "/conf.d/1.conf:1:1: a key before any section: put [section] above\n");
}

static void
test_a_file_too_large (Folder *folder, gconstpointer unused)
{
    g_autofree char *text = g_strnfill (TD_INI_FILE_MAX + 1, '\n');
    g_autofree char *problems = NULL, *smaller_problems = NULL;

    write_file (folder, "main.conf", text, TD_INI_FILE_MAX + 1);
    g_autoptr (TdIni) ini = load (folder, &problems);
    g_assert_nonnull (ini);
    g_assert_cmpstr (problems, ==, "/main.conf:1:1: the file is larger than 4 MiB\n");
    write_file (folder, "main.conf", text, TD_INI_FILE_MAX);
    g_autoptr (TdIni) smaller = load (folder, &smaller_problems);
    g_assert_nonnull (smaller);
    g_assert_cmpstr (smaller_problems, ==, "");
}

static const struct {
    const char *name;
    GTestFunc run;
} tests[] = {
    { "nothing", test_nothing },
    { "sections", test_sections },
    { "keys-and-values", test_keys_and_values },
    { "a-value-may-be-empty", test_a_value_may_be_empty },
    { "the-last-line-may-lack-its-end", test_the_last_line_may_lack_its_end },
    { "a-value-may-hold-equals-signs-and-brackets",
      test_a_value_may_hold_equals_signs_and_brackets },
    { "comments", test_comments },
    { "marks-inside-a-word-are-no-comment", test_marks_inside_a_word_are_no_comment },
    { "quotes-keep-blanks-and-marks", test_quotes_keep_blanks_and_marks },
    { "escapes", test_escapes },
    { "a-backslash-is-plain-without-quotes", test_a_backslash_is_plain_without_quotes },
    { "continuation", test_continuation },
    { "continuation-in-quotes", test_continuation_in_quotes },
    { "a-continued-value-may-end-at-once", test_a_continued_value_may_end_at_once },
    { "a-comment-does-not-go-on", test_a_comment_does_not_go_on },
    { "crlf", test_crlf },
    { "byte-order-mark", test_byte_order_mark },
    { "columns-count-characters", test_columns_count_characters },
    { "utf-16", test_utf16 },
    { "nul", test_nul },
    { "control-character", test_control_character },
    { "broken-utf-8", test_broken_utf8 },
    { "a-section-head-that-is-no-text-still-ends-the-section-before",
      test_a_section_head_that_is_no_text_still_ends_the_section_before },
    { "damage-before-the-equals-sign-leaves-no-key",
      test_damage_before_the_equals_sign_leaves_no_key },
    { "unclosed-bracket", test_unclosed_bracket },
    { "a-section-without-a-name", test_a_section_without_a_name },
    { "a-section-of-three-words", test_a_section_of_three_words },
    { "text-after-the-bracket", test_text_after_the_bracket },
    { "missing-equals-sign", test_missing_equals_sign },
    { "missing-key", test_missing_key },
    { "a-key-of-two-words", test_a_key_of_two_words },
    { "a-key-before-any-section", test_a_key_before_any_section },
    { "unclosed-quote", test_unclosed_quote },
    { "text-after-the-quote", test_text_after_the_quote },
    { "unknown-escape", test_unknown_escape },
    { "blanks-after-the-backslash", test_blanks_after_the_backslash },
    { "a-value-that-goes-on-at-the-end-of-the-file",
      test_a_value_that_goes_on_at_the_end_of_the_file },
    { "the-longest-line", test_the_longest_line },
    { "a-line-too-long", test_a_line_too_long },
    { "a-value-too-long-over-its-lines", test_a_value_too_long_over_its_lines },
    { "no-message-shows-a-value", test_no_message_shows_a_value },
};

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS (tests); i++) {
        g_autofree char *path = g_strconcat ("/config/reader/", tests[i].name, NULL);
        g_test_add_func (path, tests[i].run);
    }
    g_test_add ("/config/reader/drop-ins-come-sorted", Folder, NULL, set_up,
                test_drop_ins_come_sorted, tear_down);
    g_test_add ("/config/reader/all-files-report", Folder, NULL, set_up, test_all_files_report,
                tear_down);
    g_test_add ("/config/reader/a-section-does-not-reach-into-the-next-file", Folder, NULL, set_up,
                test_a_section_does_not_reach_into_the_next_file, tear_down);
    g_test_add ("/config/reader/a-file-too-large", Folder, NULL, set_up, test_a_file_too_large,
                tear_down);
    return g_test_run ();
}
