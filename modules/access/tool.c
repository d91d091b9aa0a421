/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tandem-pin: makes personal numbers for the module access.
 *
 *     tandem-pin -t pins.table ncs-0001 gets              asks for the number, twice, and does not show it
 *     tandem-pin -t pins.table -g ncs-0002 gets           makes one up, and shows it once
 *     tandem-pin -t pins.table -r ncs-0001                takes the account out
 *
 * No number is ever an argument: arguments stand in the list of processes and in the history of a shell.
 */

#include "pins.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <tandem/base.h>
#include <termios.h>
#include <unistd.h>

enum { EXIT_MISUSE = 2 };

typedef struct {
    char *table, *until;
    int length;
    gboolean is_made_up, is_removed;
    char **words;
} Tool;

static bool fail (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static bool
fail (GError **error, const char *format, ...)
{
    va_list arguments;

    va_start (arguments, format);
    g_autofree char *text = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    g_set_error_literal (error, TD_ERROR, TD_ERROR_INVALID, text);
    return false;
}

/* --- Numbers ----------------------------------------------------------------------------- */

/* One line of standard input without its end; from a terminal nothing of it is shown. */
static bool
read_line (const char *prompt, char *digits, size_t size)
{
    struct termios before, silent;
    bool is_terminal = tcgetattr (STDIN_FILENO, &before) == 0;
    size_t n = 0;
    char c;

    if (is_terminal) {
        fputs (prompt, stderr);
        silent = before;
        silent.c_lflag &= ~(tcflag_t) ECHO;
        tcsetattr (STDIN_FILENO, TCSAFLUSH, &silent);
    }
    /* Byte by byte: a buffer of stdio would keep a copy. */
    while (read (STDIN_FILENO, &c, 1) == 1 && c != '\n') {
        if (n < size) {
            digits[n++] = c;
        }
    }
    if (is_terminal) {
        tcsetattr (STDIN_FILENO, TCSAFLUSH, &before);
        fputc ('\n', stderr);
    }
    bool fits = n < size;
    digits[fits ? n : size - 1] = '\0';
    return fits;
}

static bool
ask_number (const Tool *tool, char *digits, size_t size, GError **error)
{
    char again[PINS_MAX_DIGITS + 2];
    bool fits = read_line ("Personal number: ", digits, size);

    if (!fits || strlen (digits) != (size_t) tool->length
        || strspn (digits, "0123456789") != strlen (digits)) {
        return fail (error, "it is to have %d digits, and nothing else; --length says otherwise",
                     tool->length);
    }
    bool is_same =
        isatty (STDIN_FILENO) == 0
        || (read_line ("Once more: ", again, sizeof again) && strcmp (again, digits) == 0);
    explicit_bzero (again, sizeof again);
    return is_same || fail (error, "the two were not the same: nothing is changed");
}

/* Each digit as likely as any other: bytes that would favour the first six are left out. */
static bool
make_number (const Tool *tool, char *digits, GError **error)
{
    for (int i = 0; i < tool->length;) {
        uint8_t byte;
        if (getrandom (&byte, sizeof byte, 0) != sizeof byte) {
            return fail (error, "no random numbers: %s", g_strerror (errno));
        }
        if (byte < 250) {
            digits[i++] = (char) ('0' + byte % 10);
        }
    }
    digits[tool->length] = '\0';
    return true;
}

/* --- The table --------------------------------------------------------------------------- */

static char *
read_table (const Tool *tool, GError **error)
{
    char *text = NULL;

    if (!g_file_test (tool->table, G_FILE_TEST_EXISTS)) {
        return g_strdup ("# account profile until hash\n");
    }
    return g_file_get_contents (tool->table, &text, NULL, error) ? text : NULL;
}

/* In one step, readable for its owner and group as before. */
static bool
write_table (const Tool *tool, const char *text, GError **error)
{
    struct stat before = { .st_mode = 0600 };
    bool is_there = stat (tool->table, &before) == 0;

    if (!g_file_set_contents_full (tool->table, text, -1,
                                   G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                   (int) (before.st_mode & 0777), error)) {
        return false;
    }
    if (is_there && chown (tool->table, before.st_uid, before.st_gid) != 0 && geteuid () == 0) {
        return fail (error, "%s: %s", tool->table, g_strerror (errno));
    }
    return true;
}

/* TEXT without the lines of ACCOUNT (transfer full). */
static char *
without (const char *text, const char *account, unsigned *ret_n)
{
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
    GString *kept = g_string_new (NULL);
    size_t len = strlen (account);

    *ret_n = 0;
    for (unsigned i = 0; lines[i] != NULL; i++) {
        const char *line = lines[i] + strspn (lines[i], " \t");
        bool is_its = g_str_has_prefix (line, account) && strchr (" \t", line[len]) != NULL
                      && line[len] != '\0';
        *ret_n += is_its;
        if (!is_its && (lines[i + 1] != NULL || *line != '\0')) {
            g_string_append_printf (kept, "%s\n", lines[i]);
        }
    }
    return g_string_free (kept, false);
}

static bool
remove_account (const Tool *tool, GError **error)
{
    unsigned n;
    g_autofree char *text = read_table (tool, error);

    if (text == NULL) {
        return false;
    }
    g_autofree char *kept = without (text, tool->words[0], &n);
    if (n == 0) {
        return fail (error, "%s: there is no account \"%s\"", tool->table, tool->words[0]);
    }
    return write_table (tool, kept, error);
}

static bool
add_hashed (const Tool *tool, const char *digits, GError **error)
{
    const char *account = tool->words[0], *profile = tool->words[1];
    unsigned n;
    g_autofree char *text = read_table (tool, error);
    g_autofree char *kept = text != NULL ? without (text, account, &n) : NULL;
    Pins *pins = kept != NULL ? pins_parse (kept, tool->table, error) : NULL;

    if (pins == NULL) {
        return false;
    }
    const Pin *other = pins_find (pins, digits);
    g_autofree char *salt = pins_salt (pins);
    g_autofree char *hash = salt != NULL ? pins_hash (digits, salt) : NULL;
    bool is_free = other == NULL;
    pins_free (pins);
    if (!is_free) {
        return fail (error, "%s: another account has this number: take another one", tool->table);
    }
    if (hash == NULL) {
        return fail (error, "it cannot be hashed: libcrypt knows no yescrypt, or %s",
                     g_strerror (errno));
    }
    g_autofree char *all = g_strdup_printf ("%s%s %s %s %s\n", kept, account, profile,
                                            tool->until != NULL ? tool->until : "never", hash);
    return write_table (tool, all, error);
}

static bool
add_account (const Tool *tool, GError **error)
{
    char digits[PINS_MAX_DIGITS + 2];
    int64_t until_us;

    if (!pins_is_account (tool->words[0])) {
        return fail (error, "\"%s\" is no account: 1 to 32 letters, digits and . _ -",
                     tool->words[0]);
    }
    if (tool->until != NULL && !pins_read_until (tool->until, &until_us)) {
        return fail (error, "\"%s\" is no day: write it as in 2027-12-31, or never", tool->until);
    }
    bool is_done = (tool->is_made_up ? make_number (tool, digits, error)
                                     : ask_number (tool, digits, sizeof digits, error))
                   && add_hashed (tool, digits, error);
    if (is_done && tool->is_made_up) {
        printf ("%s\n", digits);
        fflush (stdout);
    }
    explicit_bzero (digits, sizeof digits);
    return is_done;
}

/* --- The command line -------------------------------------------------------------------- */

static bool
read_options (Tool *tool, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        { "table", 't', 0, G_OPTION_ARG_FILENAME, &tool->table, "The table", "FILE" },
        { "until", 'u', 0, G_OPTION_ARG_STRING, &tool->until,
          "The last day it is good, or never (the default)", "YYYY-MM-DD" },
        { "length", 'l', 0, G_OPTION_ARG_INT, &tool->length, "How many digits it has: 12", "N" },
        { "generate", 'g', 0, G_OPTION_ARG_NONE, &tool->is_made_up,
          "Make a number up, and show it once", NULL },
        { "remove", 'r', 0, G_OPTION_ARG_NONE, &tool->is_removed, "Take the account out", NULL },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &tool->words, NULL,
          "ACCOUNT [PROFILE]" },
        { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
    };
    GOptionContext *context = g_option_context_new (NULL);

    g_option_context_set_summary (
        context, "Makes personal numbers for the module access. The number is asked for, never an "
                 "argument.");
    g_option_context_add_main_entries (context, entries, NULL);
    bool is_read = g_option_context_parse (context, argc, argv, error);
    g_option_context_free (context);
    unsigned n_words = tool->words != NULL ? g_strv_length (tool->words) : 0;
    if (is_read && (tool->table == NULL || n_words != (tool->is_removed ? 1 : 2))) {
        return fail (error, "write: tandem-pin -t TABLE ACCOUNT PROFILE, or -r ACCOUNT");
    }
    if (is_read && (tool->length < PINS_MIN_DIGITS || tool->length > PINS_MAX_DIGITS)) {
        return fail (error, "a number has 4 to 32 digits");
    }
    return is_read;
}

int
main (int argc, char **argv)
{
    Tool tool = { .length = 12 };
    g_autoptr (GError) error = NULL;
    int status = EXIT_SUCCESS;

    umask (077);
    if (!read_options (&tool, &argc, &argv, &error)) {
        status = EXIT_MISUSE;
    } else if (!(tool.is_removed ? remove_account (&tool, &error) : add_account (&tool, &error))) {
        status = EXIT_FAILURE;
    }
    if (error != NULL) {
        fprintf (stderr, "tandem-pin: %s\n", error->message);
    }
    g_free (tool.table);
    g_free (tool.until);
    g_strfreev (tool.words);
    return status;
}
