/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tandemctl: says an operator's words to a running tandemd and prints what it answers. */

#include "complete.h"
#include "connection.h"
#include "interactive.h"
#include "output.h"
#include "parts.h"

#include <tandem/command.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    EXIT_MISUSE = 2,
    EXIT_INTERRUPTED = 130, /* as a shell says of SIGINT */
    LOOK_AGAIN_MS = 20,
    WAIT_READY_MS = 30000,
};

typedef struct {
    const char *path;
    bool is_json;
    Output output;
    Parts parts;
    bool has_pieces; /* the answer is a stream: the way to end it is to interrupt it */
} Control;

static const char *
default_path (void)
{
    const char *path = g_getenv ("TANDEM_CONTROL");

    return path != NULL && *path != '\0' ? path : TANDEM_RUNSTATEDIR "/tandem/control.sock";
}

/* A piece that is a dictionary stays on one line, as "name=value name=value". */
static char *
piece_to_text (GVariant *piece)
{
    g_autoptr (GVariant) alone = g_variant_ref_sink (g_variant_new_tuple (&piece, 1));
    bool is_dictionary = g_variant_is_of_type (piece, G_VARIANT_TYPE_VARDICT);

    return td_result_to_text (is_dictionary ? alone : piece);
}

/* Takes a part of a table; a table that is complete is printed. */
static void
print_part (Control *control, GVariant *part, bool is_last)
{
    parts_add (&control->parts, part);
    if (control->is_json) {
        parts_to_json (&control->parts, &control->output, is_last);
    } else if (is_last) {
        g_autoptr (GVariant) table = parts_end (&control->parts);
        g_autofree char *text = td_result_to_text (table);
        output_text (&control->output, text);
    }
    output_flush (&control->output);
}

static void
print_answer (GVariant *answer, bool is_piece, void *data)
{
    Control *control = data;
    g_autofree char *text = NULL;

    if (answer != NULL && (is_piece || control->parts.rows != NULL) && parts_is_part (answer)) {
        print_part (control, answer, !is_piece);
        return;
    }
    control->has_pieces |= is_piece;
    if (answer == NULL) {
        return;
    }
    if (control->is_json) {
        text = td_result_to_json (answer);
        output_text (&control->output, text);
        output_text (&control->output, "\n");
    } else if (!output_file (&control->output, answer)) {
        text = is_piece ? piece_to_text (answer) : td_result_to_text (answer);
        output_text (&control->output, text);
    }
    output_flush (&control->output);
}

static void
print_error (const char *text)
{
    /* It may quote what others wrote. */
    g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_string (text));
    g_autofree char *shown = td_result_to_text (value);

    fprintf (stderr, "tandemctl: %s", shown);
}

static int
exit_code_of (Outcome outcome, bool has_pieces)
{
    switch (outcome) {
    case OUTCOME_DONE:
        return EXIT_SUCCESS;
    case OUTCOME_MISUSE:
        return EXIT_MISUSE;
    case OUTCOME_NO_DAEMON:
        return EX_UNAVAILABLE;
    case OUTCOME_INTERRUPTED:
        return has_pieces ? EXIT_SUCCESS : EXIT_INTERRUPTED;
    default:
        return EXIT_FAILURE;
    }
}

/* Asks WORDS and prints. Returns the exit code. */
static int
ask (Control *control, const char *const *words)
{
    g_autofree char *text = NULL;

    control->has_pieces = false;
    Outcome outcome = connection_ask (control->path, words, print_answer, control, &text);
    parts_clear (&control->parts);
    if (text != NULL) {
        print_error (text);
    }
    int output_code = output_close (&control->output);
    if (control->output.failure != NULL) {
        print_error (control->output.failure);
        g_clear_pointer (&control->output.failure, g_free);
    }
    int code = exit_code_of (outcome, control->has_pieces);
    return code != EXIT_SUCCESS ? code : output_code;
}

static void
ignore_answer (GVariant *answer, bool is_piece, void *data)
{
}

/* Reads "30", "30s", "500ms" or "2min" as milliseconds. */
static bool
parse_duration (const char *text, int64_t *ret_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = { { "", 1000 }, { "s", 1000 }, { "ms", 1 }, { "min", 60000 } };
    char *unit;
    gint64 number = g_ascii_strtoll (text, &unit, 10);

    while (unit != text && *unit == ' ') {
        unit++;
    }
    for (unsigned i = 0; unit != text && i < G_N_ELEMENTS (units); i++) {
        if (g_str_equal (unit, units[i].unit) && number >= 0 && number <= 1000000) {
            *ret_ms = number * units[i].ms;
            return true;
        }
    }
    return false;
}

/* Reads the words behind "wait-ready": nothing, "--timeout TIME" or "--timeout=TIME". */
static bool
parse_wait (const char *const *words, int64_t *ret_ms)
{
    const char *time = words[0];

    if (time == NULL) {
        return true;
    }
    if (g_str_has_prefix (time, "--timeout=")) {
        time += strlen ("--timeout=");
        return words[1] == NULL && parse_duration (time, ret_ms);
    }
    return g_str_equal (time, "--timeout") && words[1] != NULL && words[2] == NULL
           && parse_duration (words[1], ret_ms);
}

/* Waits until a tandemd says that it has started. */
static int
wait_ready (const Control *control, const char *const *words)
{
    int64_t timeout_ms = WAIT_READY_MS;

    if (!parse_wait (words, &timeout_ms)) {
        print_error ("wait-ready takes --timeout TIME, with TIME as in 500ms, 30s or 2min");
        return EXIT_MISUSE;
    }
    int64_t end_us = g_get_monotonic_time () + timeout_ms * 1000;
    for (;;) {
        g_autofree char *text = NULL;
        Outcome outcome =
            connection_ask (control->path, TD_LIST ("wait-ready"), ignore_answer, NULL, &text);
        if (outcome == OUTCOME_DONE || outcome == OUTCOME_INTERRUPTED) {
            return exit_code_of (outcome, false);
        }
        if (g_get_monotonic_time () >= end_us) {
            print_error (text);
            return EX_UNAVAILABLE;
        }
        g_usleep (LOOK_AGAIN_MS * 1000);
    }
}

static void
print_commands (GVariant *answer, bool is_piece, void *data)
{
    g_autofree char *text = td_result_to_text (answer);
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

    fputs ("\nCommands (\"tandemctl help COMMAND\" says more):\n", stdout);
    for (unsigned i = 1; lines[0] != NULL && lines[i] != NULL; i++) { /* 0: the heading */
        printf ("%s%s\n", *lines[i] != '\0' ? "  " : "", lines[i]);
    }
}

static int
print_help (const Control *control)
{
    g_autofree char *text = NULL;

    fputs ("usage: tandemctl [OPTION...] COMMAND...\n"
           "       tandemctl                reads commands from the terminal\n"
           "\n"
           "Says a command to the running tandemd and prints its answer.\n"
           "\n"
           "  --socket PATH  the control socket (else TANDEM_CONTROL in the environment, then\n"
           "                 " TANDEM_RUNSTATEDIR "/tandem/control.sock)\n"
           "  --json         answers as JSON, one line each\n"
           "  --output FILE  what is answered goes to FILE\n"
           "  --version      which tandemctl this is\n"
           "  --help         this text\n"
           "\n"
           "  wait-ready [--timeout TIME]  waits until tandemd has started, 30s at most\n"
           "\n"
           "Exit code: 0 done, 1 failed, 2 wrong words, 69 tandemd does not run, 74 not written.\n",
           stdout);
    if (connection_ask (control->path, TD_LIST ("help"), print_commands, NULL, &text)
        != OUTCOME_DONE) {
        printf ("\nThe other commands come from the running tandemd and its modules.\n%s\n",
                text != NULL ? text : "");
    }
    return EXIT_SUCCESS;
}

static int
complete (const Control *control, const char *const *words)
{
    g_auto (GStrv) found = complete_words (control->path, words);

    for (unsigned i = 0; found[i] != NULL; i++) {
        puts (found[i]);
    }
    return EXIT_SUCCESS;
}

/* Says or does what WORDS want. Returns the exit code. */
static int
obey (Control *control, const char *const *words)
{
    if (g_str_equal (words[0], "wait-ready")) {
        return wait_ready (control, words + 1);
    }
    return ask (control, words);
}

/* The options about the answer, which may also stand behind the command. */
static bool
take_answer_option (Control *control, char **arguments, unsigned *i)
{
    const char *option = arguments[*i];

    if (g_str_equal (option, "--json")) {
        control->is_json = true;
    } else if (g_str_equal (option, "--output") && arguments[*i + 1] != NULL) {
        control->output.path = arguments[++*i];
    } else if (g_str_has_prefix (option, "--output=")) {
        control->output.path = option + strlen ("--output=");
    } else {
        return false;
    }
    return true;
}

static bool
take_option (Control *control, char **arguments, unsigned *i)
{
    const char *option = arguments[*i];

    if (take_answer_option (control, arguments, i)) {
        return true;
    }
    if (g_str_equal (option, "--socket") && arguments[*i + 1] != NULL) {
        control->path = arguments[++*i];
    } else if (g_str_has_prefix (option, "--socket=")) {
        control->path = option + strlen ("--socket=");
    } else {
        return false;
    }
    return true;
}

/* The words that go to tandemd: all from the first that is no option of ours, but for those about the
 * answer. */
static const char **
take_words (Control *control, char **arguments)
{
    GPtrArray *words = g_ptr_array_new ();
    bool is_literal = false;

    for (unsigned i = 0; arguments[i] != NULL; i++) {
        is_literal |= g_str_equal (arguments[i], "--");
        if (is_literal || !take_answer_option (control, arguments, &i)) {
            g_ptr_array_add (words, arguments[i]);
        }
    }
    g_ptr_array_add (words, NULL);
    return (const char **) g_ptr_array_free (words, FALSE);
}

/* A line of its own options, which hold for it alone. */
static int
obey_line (const char *const *words, void *data)
{
    Control own = *(const Control *) data;
    g_autofree const char **rest = take_words (&own, (char **) (uintptr_t) words);

    connection_take_interrupt ();
    return rest[0] != NULL ? obey (&own, rest) : EXIT_SUCCESS;
}

static int
refuse (const char *option)
{
    g_autofree char *text = g_strdup_printf (
        "there is no option %s, or its value is missing: see tandemctl --help", option);

    print_error (text);
    return EXIT_MISUSE;
}

int
main (int argc, char **argv)
{
    Control control = { .path = default_path () };
    unsigned i = 1;

    setvbuf (stdout, NULL, _IOFBF, 0);
    while (argv[i] != NULL && take_option (&control, argv, &i)) {
        i++;
    }
    const char *first = argv[i];
    if (first == NULL) {
        if (isatty (STDIN_FILENO)) {
            connection_catch_interrupt ();
        }
        return interactive_run (control.path, obey_line, &control);
    }
    if (g_str_equal (first, "--help") || g_str_equal (first, "-h")) {
        return print_help (&control);
    }
    if (g_str_equal (first, "--version")) {
        puts ("tandemctl " TD_VERSION);
        return EXIT_SUCCESS;
    }
    if (g_str_equal (first, "--complete")) {
        return complete (&control, (const char *const *) argv + i + 1);
    }
    if (first[0] == '-') {
        return refuse (first);
    }
    connection_catch_interrupt ();
    g_autofree const char **words = take_words (&control, argv + i);
    return obey (&control, words);
}
