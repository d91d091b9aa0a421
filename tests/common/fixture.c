/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A whole switch on a fake clock, for tests. */

#include "common/fixture.h"

#include "common/folder.h"

#include <string.h>
#include <tandem/command.h>

enum { PATIENCE_MS = 60000 };

static void
note_problem (const char *problem, void *data)
{
    g_string_append_printf (((TdFixture *) data)->problems, "%s\n", problem);
}

/* What the switch lacks where tests/prove.py asks whether tests notice that. */
static const char *const off_modules[] = { "access =", "emergency =", "marker =", "priority =",
                                           NULL };
static const char *const off_keys[] = { "access-", "preemption =", "rph-", NULL };
static const char *const off_sections[] = { "[access",    "[emergency", "[marker",
                                            "[passport-", "[priority",  NULL };

static bool
begins_with_one_of (const char *line, const char *const *starts)
{
    while (*starts != NULL && !g_str_has_prefix (line, *starts)) {
        starts++;
    }
    return *starts != NULL;
}

/* CONFIG without what is off, which is added to TOLD (transfer full). */
static char *
switch_off (const char *config, GString *told)
{
    g_autoptr (GString) kept = g_string_new (NULL);
    g_auto (GStrv) lines = g_strsplit (config, "\n", -1);
    bool is_kept = true, is_in_modules = false;

    for (char **line = lines; *line != NULL; line++) {
        if (**line == '[') {
            is_in_modules = g_str_equal (*line, "[modules]");
            is_kept = !begins_with_one_of (*line, off_sections);
        }
        bool is_off = (is_in_modules && begins_with_one_of (*line, off_modules))
                      || begins_with_one_of (*line, off_keys);
        if (is_kept && !is_off) {
            g_string_append_printf (kept, "%s\n", *line);
        } else if (is_off || **line == '[') {
            g_string_append_printf (told, " %s", *line);
        }
    }
    return g_string_free (g_steal_pointer (&kept), FALSE);
}

TdFixture *
td_fixture_new (const char *config)
{
    g_autoptr (GString) off = g_string_new (NULL);
    g_autofree char *rest =
        config != NULL && g_strcmp0 (g_getenv ("TANDEM_TEST_PRIORITY"), "off") == 0
            ? switch_off (config, off)
            : NULL;
    g_autoptr (GError) error = NULL;
    TdFixture *fixture = g_new0 (TdFixture, 1);

    fixture->dir = g_dir_make_tmp ("tandem-test-XXXXXX", &error);
    g_assert_no_error (error);
    fixture->config_file = g_build_filename (fixture->dir, "tandem.conf", NULL);
    fixture->problems = g_string_new (NULL);
    fixture->seed = g_test_rand_int ();
    g_test_message ("lanes are stepped by seed %" G_GUINT64_FORMAT, fixture->seed);
    config = rest != NULL ? rest : config;
    if (config == NULL || strchr (config, '[') == NULL) {
        config = "[modules]\n"; /* nothing starts without a section */
    }
    g_file_set_contents (fixture->config_file, config, -1, &error);
    g_assert_no_error (error);

    TdEngineOptions options = {
        .size = sizeof (TdEngineOptions),
        .config_file = fixture->config_file,
        .overrides = (const char *const[]){ "tandem.lanes=2", NULL },
        .state_dir = fixture->dir,
        .is_fake = true,
        .seed = fixture->seed,
    };
    td_engine_open (&options, note_problem, fixture, &error);
    g_assert_no_error (error);
    td_engine_start (note_problem, fixture, &error);
    g_assert_no_error (error);
    td_engine_settle ();
    if (off->len > 0) {
        g_test_message ("switched off:%s", off->str);
    }
    return fixture;
}

void
td_fixture_free (TdFixture *fixture)
{
    td_engine_close (0);
    folder_remove (fixture->dir);
    g_free (fixture->dir);
    g_free (fixture->config_file);
    g_string_free (fixture->problems, true);
    g_free (fixture);
}

typedef struct {
    TdPost post; /* first */
    void (*function) (void *data);
    void *data;
    bool is_done;
} Turn;

static void
run_turn (TdPost *post)
{
    Turn *turn = (Turn *) post;

    turn->function (turn->data);
    turn->is_done = true;
}

void
td_fixture_on (TdFixture *fixture, unsigned index, void (*function) (void *data), void *data)
{
    Turn turn = { .post = { .run = run_turn, .drop = run_turn },
                  .function = function,
                  .data = data };

    td_lane_post (td_lane_at (index), &turn.post);
    td_engine_settle ();
    g_assert_true (turn.is_done);
}

typedef struct {
    char *answer;
    bool is_over;
} Asked;

static void
take_answer (TdRequest *request, GVariant *piece, bool is_last, const char *error_text, void *data)
{
    Asked *asked = data;

    if (error_text != NULL) {
        asked->answer = g_strdup_printf ("error: %s", error_text);
    } else if (piece != NULL) {
        asked->answer = td_result_to_json (piece);
    }
    asked->is_over = is_last;
}

char *
td_fixture_ask (const char *line)
{
    g_auto (GStrv) words = g_strsplit (line, " ", -1);
    Asked asked = { NULL, false };
    G_GNUC_UNUSED g_autoptr (TdRequest) request =
        td_command_run (NULL, (const char *const *) words, "the test",
                        TD_MAY_CHANGE | TD_MAY_SEE_PRIORITY, take_answer, &asked);

    td_engine_settle ();
    for (unsigned ms = 0; !asked.is_over && ms < PATIENCE_MS; ms += 100) {
        td_engine_advance (100);
    }
    g_assert_true (asked.is_over);
    return asked.answer != NULL ? asked.answer : g_strdup ("");
}
