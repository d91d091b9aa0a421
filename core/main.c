/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tandemd: reads its arguments, runs the engine, answers signals and the service manager. */

#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tandem/engine.h>
#include <tandem/log.h>

#include "notify.h"
#include "trim.h"

#ifndef TD_CONFIG_FILE
#define TD_CONFIG_FILE "/etc/tandem/tandem.conf"
#endif

/* What a process says when it ends (sysexits.h), so that a script knows what to do. */
typedef enum {
    TD_EXIT_OK = 0,
    TD_EXIT_FAILED = 1,
    TD_EXIT_USAGE = 2,
    TD_EXIT_UNAVAILABLE = 69, /* a required module failed */
    TD_EXIT_CONFIG = 78,
} TdExit;

/* What stopping takes beyond the time that calls have to end. */
#define STOP_US ((uint64_t) 30 * G_USEC_PER_SEC)

typedef struct {
    char **config_files; /* one is meant */
    const char *config_file;
    char **overrides;
    char **module_path;
    char *state_dir;
    char *dump_module;
    char *written[TD_ENGINE_MAN + 1]; /* by TdEngineText: whose tables to write, with commas */
    gboolean must_check, must_show_version;
} Arguments;

static const char description[] =
    "Exit status: 0 all is well, 1 it failed, 2 wrong arguments, 69 a required module failed,\n"
    "78 the configuration is wrong.\n\n"
    "Signals: HUP reloads the configuration, TERM and INT drain and stop; a second one stops at "
    "once.";

/* What GLib's parser lets pass. REST (nullable): a word that is no option. */
static bool
understand (Arguments *arguments, const char *rest, GError **error)
{
    char **files = arguments->config_files, **folders = arguments->module_path;

    if (rest != NULL) {
        g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION,
                     "what is \"%s\"? A configuration is given with --config FILE", rest);
        return false;
    }
    if (files != NULL && files[1] != NULL) {
        g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                     "--config is given twice, the second time with \"%s\": name one file; others "
                     "go into the folder conf.d beside it",
                     files[1]);
        return false;
    }
    for (; folders != NULL && *folders != NULL; folders++) {
        if (!g_file_test (*folders, G_FILE_TEST_IS_DIR)) {
            g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                         "--module-path \"%s\" is no folder", *folders);
            return false;
        }
    }
    arguments->config_file = files != NULL ? files[0] : TD_CONFIG_FILE;
    return true;
}

static bool
parse (Arguments *arguments, int argc, char **argv, GError **error)
{
    const GOptionEntry entries[] = {
        { "config", 'c', 0, G_OPTION_ARG_FILENAME_ARRAY, &arguments->config_files,
          "The configuration file (" TD_CONFIG_FILE ")", "FILE" },
        { "check-config", 't', 0, G_OPTION_ARG_NONE, &arguments->must_check,
          "Report everything that is wrong with the configuration, and exit", NULL },
        { "set", 's', 0, G_OPTION_ARG_STRING_ARRAY, &arguments->overrides,
          "Give a key another value than the files do; may be repeated", "SECTION.KEY=VALUE" },
        { "module-path", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &arguments->module_path,
          "Look for modules in FOLDER first; may be repeated", "FOLDER" },
        { "state-dir", 0, 0, G_OPTION_ARG_FILENAME, &arguments->state_dir, "Keep state in FOLDER",
          "FOLDER" },
        { "dump-module", 0, 0, G_OPTION_ARG_FILENAME, &arguments->dump_module,
          "Say what a module's file is, without mapping it, and exit", "FILE" },
        { "write-sample", 0, 0, G_OPTION_ARG_STRING, &arguments->written[TD_ENGINE_SAMPLE],
          "Write a sample configuration of core or of modules, and exit", "NAME,..." },
        { "write-manual", 0, 0, G_OPTION_ARG_STRING, &arguments->written[TD_ENGINE_MANUAL],
          "Write what may be configured, in Markdown, and exit", "NAME,..." },
        { "write-man", 0, 0, G_OPTION_ARG_STRING, &arguments->written[TD_ENGINE_MAN],
          "Write the same for a manual page, and exit", "NAME,..." },
        { "version", 'V', 0, G_OPTION_ARG_NONE, &arguments->must_show_version,
          "Say which Tandem this is, and exit", NULL },
        { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
    };
    g_autoptr (GOptionContext) context = g_option_context_new ("- the Tandem softswitch");

    g_option_context_add_main_entries (context, entries, NULL);
    g_option_context_set_description (context, description);
    if (!g_option_context_parse (context, &argc, &argv, error)) {
        return false;
    }
    return understand (arguments, argc > 1 ? argv[1] : NULL, error);
}

static void
print_problem (const char *problem, void *n_problems)
{
    (*(unsigned *) n_problems)++;
    fprintf (stderr, "%s\n", problem);
}

static void
log_problem (const char *problem, void *data)
{
    td_log_error (NULL, data, "%s", problem);
}

static TdEngineOptions
engine_options (const Arguments *arguments)
{
    return (TdEngineOptions){
        .size = sizeof (TdEngineOptions),
        .config_file = arguments->config_file,
        .overrides = (const char *const *) arguments->overrides,
        .module_path = (const char *const *) arguments->module_path,
        .state_dir = arguments->state_dir,
    };
}

static TdExit
check (const Arguments *arguments)
{
    g_autoptr (GError) error = NULL;
    TdEngineOptions options = engine_options (arguments);
    unsigned n_problems = 0;

    if (td_engine_check (&options, print_problem, &n_problems, &error)) {
        printf ("%s: the configuration is good\n", arguments->config_file);
        return TD_EXIT_OK;
    }
    return TD_EXIT_CONFIG;
}

static TdExit
write_text (const Arguments *arguments, TdEngineText text)
{
    g_autoptr (GError) error = NULL;
    TdEngineOptions options = engine_options (arguments);
    g_auto (GStrv) owners = g_strsplit (arguments->written[text], ",", -1);

    if (!td_engine_write (&options, text, (const char *const *) owners, stdout, &error)) {
        fprintf (stderr, "tandemd: not written: %s\n", error->message);
        return TD_EXIT_FAILED;
    }
    return TD_EXIT_OK;
}

/* --- Signals ----------------------------------------------------------------------------- */

static gboolean
on_hangup (void *data)
{
    td_notify ("RELOADING=1");
    if (td_engine_reload (log_problem, (void *) "reload")) {
        td_log_notice (NULL, "reload", "the configuration was taken over");
    } else {
        td_log_error (NULL, "reload", "the configuration stays as it was");
    }
    td_notify ("READY=1");
    return G_SOURCE_CONTINUE;
}

/* However short the service manager's patience, the calls' time to end is the configuration's. */
static void
tell_stopping (void)
{
    uint64_t drain_us = (uint64_t) td_engine_drain_ms () * 1000;
    g_autofree char *state =
        g_strdup_printf ("STOPPING=1\nEXTEND_TIMEOUT_USEC=%" G_GUINT64_FORMAT, drain_us + STOP_US);

    td_notify (state);
    td_log_notice (NULL, "stop", "told to stop");
}

static gboolean
on_terminate (void *data)
{
    unsigned *n_terminations = data;

    if ((*n_terminations)++ > 0) {
        td_log_warning (NULL, "stop", "told twice to stop: at once");
        _exit (TD_EXIT_FAILED);
    }
    tell_stopping ();
    td_engine_quit ();
    return G_SOURCE_CONTINUE;
}

static TdExit
run (const Arguments *arguments)
{
    g_autoptr (GError) error = NULL;
    TdEngineOptions options = engine_options (arguments);
    unsigned n_terminations = 0, n_problems = 0;

    if (!td_engine_open (&options, print_problem, &n_problems, &error)) {
        fprintf (stderr, "tandemd: not started: %s\n",
                 n_problems > 0 ? "the configuration is wrong, as said above" : error->message);
        return TD_EXIT_CONFIG;
    }
    g_unix_signal_add (SIGHUP, on_hangup, NULL);
    g_unix_signal_add (SIGTERM, on_terminate, &n_terminations);
    g_unix_signal_add (SIGINT, on_terminate, &n_terminations);
    if (!td_engine_start (log_problem, (void *) "start", &error)) {
        td_engine_close (0);
        fprintf (stderr, "tandemd: not started: a required module failed, as said above\n");
        return TD_EXIT_UNAVAILABLE;
    }
    td_notify ("READY=1");
    td_log_notice (NULL, "start", "%s: ready", td_engine_version ());
    td_notify_start_watchdog ();
    td_trim_start ();
    td_engine_run ();
    td_trim_stop ();
    td_notify_stop_watchdog ();
    td_engine_close (td_engine_drain_ms ());
    return TD_EXIT_OK;
}

/* Does the one thing that the arguments ask for. */
static TdExit
obey (const Arguments *arguments)
{
    if (arguments->must_show_version) {
        printf ("%s\n", td_engine_version ());
        return TD_EXIT_OK;
    }
    if (arguments->dump_module != NULL) {
        return td_engine_dump_module (arguments->dump_module, stdout) ? TD_EXIT_OK : TD_EXIT_FAILED;
    }
    for (unsigned text = 0; text < G_N_ELEMENTS (arguments->written); text++) {
        if (arguments->written[text] != NULL) {
            return write_text (arguments, (TdEngineText) text);
        }
    }
    return arguments->must_check ? check (arguments) : run (arguments);
}

int
main (int argc, char **argv)
{
    g_autoptr (GError) error = NULL;
    Arguments arguments = { 0 };
    TdExit status = TD_EXIT_USAGE;

    if (parse (&arguments, argc, argv, &error)) {
        status = obey (&arguments);
    } else {
        fprintf (stderr, "tandemd: %s; see tandemd --help\n", error->message);
    }
    g_strfreev (arguments.config_files);
    g_strfreev (arguments.overrides);
    g_strfreev (arguments.module_path);
    g_free (arguments.state_dir);
    g_free (arguments.dump_module);
    for (unsigned text = 0; text < G_N_ELEMENTS (arguments.written); text++) {
        g_free (arguments.written[text]);
    }
    return status;
}
