/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Route lists: the order of their targets in each mode, and what is wrong with lists. */

#include "rows.h"
#include "targets.h"

typedef struct {
    Names *labels, *calendar_names, *translations, *causes, *trunks;
    Targets *targets;
    Calendars *calendars;
    Findings *findings;
    TargetContext context;
    CalendarMoment moment;
} World;

static bool
add (void *targets, const Row *row, GError **error)
{
    return targets_add (targets, row, error);
}

static bool
add_list (void *targets, const Row *row, GError **error)
{
    return targets_add_list (targets, row, error);
}

static bool
add_calendar (void *calendars, const Row *row, GError **error)
{
    return calendars_add (calendars, row, error);
}

static void
begin (World *world, const char *lists, const char *targets)
{
    *world = (World){ names_new (), names_new (), names_new (), names_new (), names_new (),
                      NULL,         NULL,         NULL,         { 0 },        { 0 } };
    world->targets = targets_new (&(TargetNames){
        world->labels, world->calendar_names, world->translations, world->causes, world->trunks });
    world->calendars = calendars_new (world->calendar_names);
    world->findings = findings_new ();
    add_lines (SCHEMA_LIST, lists, add_list, world->targets);
    add_lines (SCHEMA_TARGET, targets, add, world->targets);
    add_lines (SCHEMA_CALENDAR, "night,,UTC,,22:00,06:00", add_calendar, world->calendars);
    targets_end (world->targets, world->findings);
    calendars_end (world->calendars);
    calendar_moment_init (&world->moment, INT64_C (12) * 3600 * G_USEC_PER_SEC);
    world->context.calendars = world->calendars;
    world->context.moment = &world->moment;
}

static void
end (World *world)
{
    targets_free (world->targets);
    calendars_free (world->calendars);
    findings_free (world->findings);
    names_free (world->labels);
    names_free (world->calendar_names);
    names_free (world->translations);
    names_free (world->causes);
    names_free (world->trunks);
}

/* The trunks of list LABEL, those that ring together joined by "+". */
static char *
choose (const World *world, const char *label, Explanation *explanation)
{
    ChosenTarget chosen[TARGETS_MAX];
    unsigned n = targets_choose (world->targets, names_find (world->labels, label), &world->context,
                                 chosen, explanation);
    GString *text = g_string_new (NULL);

    for (unsigned i = 0; i < n; i++) {
        if (i > 0) {
            g_string_append_c (text, chosen[i].group == chosen[i - 1].group ? '+' : ' ');
        }
        g_string_append (text, names_text (world->trunks, chosen[i].target->trunk));
    }
    return g_string_free (text, false);
}

static void
expect (const World *world, const char *label, const char *expected)
{
    g_autofree char *chosen = choose (world, label, NULL);

    g_assert_cmpstr (chosen, ==, expected);
}

static void
test_sequence (void)
{
    World world;

    begin (&world, "l", "l,3,c\nl,1,a\nl,2,b");
    expect (&world, "l", "a b c");
    expect (&world, "other", "");
    g_assert_cmpuint (world.findings->all->len, ==, 0);
    end (&world);
}

static void
test_least_cost (void)
{
    World world;

    begin (&world, "l,least-cost", "l,1,a,,,30\nl,2,b,,,10\nl,3,c\nl,4,d,,,10");
    expect (&world, "l", "b d a c");
    end (&world);
}

static void
test_times (void)
{
    World world;

    begin (&world, "l", "l,1,a,,,,night\nl,2,b");
    expect (&world, "l", "b");
    calendar_moment_init (&world.moment, 0);
    expect (&world, "l", "a b");
    end (&world);
}

static void
test_together (void)
{
    World world;

    begin (&world, "l\nm,least-cost",
           "l,1,a,1\nl,2,b\nl,3,c,1\nl,4,d,2\nl,5,e,2,,,night\nl,6,f\n"
           "m,1,a,1,,20\nm,2,b,,,10\nm,3,c,1,,5");
    expect (&world, "l", "a+c b d f");
    expect (&world, "m", "a+c b");
    end (&world);
}

static void
test_lists_in_lists (void)
{
    World world;

    begin (&world, "l\nm,least-cost", "l,1,a\nl,2,@m\nl,3,b\nm,1,c,,,9\nm,2,d,,,1");
    expect (&world, "l", "a d c b");
    expect (&world, "m", "d c");
    end (&world);
}

enum { N_CALLS = 100000 };

/* How often each of a, b, c, d is first in list "l". */
static void
count_first (World *world, unsigned counts[4])
{
    ChosenTarget chosen[TARGETS_MAX];

    for (uint32_t i = 0; i < N_CALLS; i++) {
        world->context.chance = targets_chance (i);
        g_assert_cmpuint (targets_choose (world->targets, 0, &world->context, chosen, NULL), ==, 4);
        counts[names_text (world->trunks, chosen[0].target->trunk)[0] - 'a']++;
    }
}

/* Within one point, absolute. */
static void
check_share (unsigned count, double percent)
{
    double share = 100.0 * count / N_CALLS;

    g_assert_cmpfloat (ABS (share - percent), <, 1.0);
}

static void
test_percent (void)
{
    World world;
    unsigned counts[4] = { 0 };

    begin (&world, "l,percent", "l,1,a,,61\nl,2,b,,26\nl,3,c,,13\nl,4,d,,0");
    count_first (&world, counts);
    check_share (counts[0], 61);
    check_share (counts[1], 26);
    check_share (counts[2], 13);
    g_assert_cmpuint (counts[3], ==, 0);
    end (&world);
}

/* Shares that make more than 100 are parts of their sum. */
static void
test_percent_of_sum (void)
{
    World world;
    unsigned counts[4] = { 0 };

    begin (&world, "l,percent", "l,1,a,,100\nl,2,b,,50\nl,3,c,,30\nl,4,d,,20");
    g_assert_cmpuint (world.findings->all->len, ==, 1);
    count_first (&world, counts);
    check_share (counts[0], 50);
    check_share (counts[1], 25);
    check_share (counts[2], 15);
    check_share (counts[3], 10);
    end (&world);
}

/* Overflow from the first one, too, goes by the shares of the others. */
static void
test_percent_of_overflow (void)
{
    World world;
    ChosenTarget chosen[TARGETS_MAX];
    unsigned n_a = 0, n_b = 0;

    begin (&world, "l,percent", "l,1,a,,50\nl,2,b,,40\nl,3,c,,10\nl,4,d,,0");
    for (uint32_t i = 0; i < N_CALLS; i++) {
        world.context.chance = targets_chance (i);
        targets_choose (world.targets, 0, &world.context, chosen, NULL);
        if (names_text (world.trunks, chosen[0].target->trunk)[0] == 'a') {
            n_a++;
            n_b += names_text (world.trunks, chosen[1].target->trunk)[0] == 'b';
        }
        g_assert_cmpstr (names_text (world.trunks, chosen[3].target->trunk), ==, "d");
    }
    g_assert_cmpfloat (ABS (100.0 * n_b / n_a - 80), <, 2.0);
    end (&world);
}

static bool
figures (const char *trunk, TargetQuality *ret_quality, void *data G_GNUC_UNUSED)
{
    *ret_quality = (TargetQuality){ 50, 95, 2000, 400 };
    switch (trunk[0]) {
    case 'a':
        ret_quality->asr = 39;
        break;
    case 'b':
        ret_quality->ner = 89;
        break;
    case 'c':
        ret_quality->pdd_ms = 3001;
        break;
    case 'd':
        ret_quality->mos = 349;
        break;
    case 'e':
        *ret_quality = (TargetQuality){ TARGETS_NOT_KNOWN, TARGETS_NOT_KNOWN, TARGETS_NOT_KNOWN,
                                        TARGETS_NOT_KNOWN };
        break;
    case 'f':
        return false;
    default:
        break;
    }
    return true;
}

static void
test_quality (void)
{
    World world;
    g_autoptr (Explanation) explanation = explanation_new ();

    begin (&world, "l,quality",
           "l,1,a,,,1,,,,40,90,3000,350\nl,2,b,,,2,,,,40,90,3000,350\n"
           "l,3,c,,,3,,,,40,90,3000,350\nl,4,d,,,4,,,,40,90,3000,350\n"
           "l,5,e,,,9,,,,40,90,3000,350\nl,6,f,,,8,,,,40,90,3000,350\n"
           "l,7,g,,,7,,,,40,90,3000,350\nl,8,h,,,6");
    world.context.quality = figures;
    expect (&world, "l", "h g f e a b c d");
    world.context.quality = NULL;
    expect (&world, "l", "a b c d h g f e");
    world.context.quality = figures;
    g_autofree char *chosen G_GNUC_UNUSED = choose (&world, "l", explanation);
    const ExplanationStep *step = &g_array_index (explanation->steps, ExplanationStep, 0);
    g_assert_cmpstr (step->sentence, ==,
                     "a is tried last: its answer-seizure ratio is not good enough (ASR 39 %, "
                     "NER 95 %, PDD 2000 ms, MOS 4.00)");
    end (&world);
}

static void
test_explained (void)
{
    World world;
    g_autoptr (Explanation) explanation = explanation_new ();

    begin (&world, "l", "l,1,a,,,,night\nl,2,b");
    g_autofree char *chosen G_GNUC_UNUSED = choose (&world, "l", explanation);
    g_assert_cmpuint (explanation->candidates->len, ==, 2);
    const Candidate *lost = &g_array_index (explanation->candidates, Candidate, 0);
    g_assert_false (lost->is_chosen);
    g_assert_cmpstr (lost->reason, ==, "now is not in calendar \"night\"");
    g_assert_cmpuint (lost->line, ==, 1);
    const Candidate *won = &g_array_index (explanation->candidates, Candidate, 1);
    g_assert_true (won->is_chosen);
    g_assert_cmpstr (won->name, ==, "b");
    end (&world);
}

/* --- What is wrong ----------------------------------------------------------------------- */

static void
expect_finding (const World *world, bool is_error, const char *text)
{
    for (unsigned i = 0; i < world->findings->all->len; i++) {
        const Finding *finding = &g_array_index (world->findings->all, Finding, i);
        g_test_message ("%s", finding->text);
        if (strstr (finding->text, text) != NULL) {
            g_assert_true (finding->is_error == is_error);
            return;
        }
    }
    g_assert_not_reached ();
}

static void
test_loop (void)
{
    World world;

    begin (&world, "l\nm\nn", "l,1,a\nl,2,@m\nm,1,@n\nn,1,@l\nn,2,b");
    expect_finding (&world, true,
                    "target \"n\", position 1: list \"l\" leads back to \"n\": a loop");
    g_assert_cmpuint (world.findings->n_errors, ==, 1);
    expect (&world, "l", "a b"); /* and yet a decision ends */
    end (&world);
}

static void
test_loop_to_itself (void)
{
    World world;

    begin (&world, "l", "l,1,@l\nl,2,a");
    expect_finding (&world, true, "a loop");
    expect (&world, "l", "a");
    end (&world);
}

/* Lists in lists in lists, without end, and each twice: 2^200 targets. */
static void
test_deep_and_wide (void)
{
    World world;
    g_autoptr (GString) lists = g_string_new (NULL);
    g_autoptr (GString) targets = g_string_new (NULL);

    for (int i = 0; i < 200; i++) {
        g_string_append_printf (lists, "l%d\n", i);
        g_string_append_printf (targets, "l%d,1,@l%d\nl%d,2,@l%d\n", i, i + 1, i, i + 1);
    }
    g_string_append (lists, "l200");
    g_string_append (targets, "l200,1,a");
    begin (&world, lists->str, targets->str);
    expect_finding (&world, true, "list \"l0\": more than 8 lists in each other");
    expect_finding (&world, true, "list \"l190\": it has 1024 targets, 100 are the most");
    end (&world);
}

static void
test_hundred (void)
{
    World world;
    g_autoptr (GString) targets = g_string_new (NULL);
    ChosenTarget chosen[TARGETS_MAX];

    for (int i = 1; i <= 101; i++) {
        g_string_append_printf (targets, "l,%d,t%d\n", i, i);
    }
    begin (&world, "l", targets->str);
    expect_finding (&world, true, "list \"l\": it has 101 targets, 100 are the most");
    g_assert_cmpuint (targets_choose (world.targets, 0, &world.context, chosen, NULL), ==, 100);
    g_assert_cmpstr (names_text (world.trunks, chosen[99].target->trunk), ==, "t100");
    end (&world);
}

static void
test_never_tried (void)
{
    World world;

    begin (&world, "l,sequence,2\nm,sequence,2\ne",
           "l,1,a\nl,2,b\nl,3,c\n"
           "m,1,a,,,,night\nm,2,b\nm,3,c\nx,1,a");
    expect_finding (&world, false, "target \"l\", position 3: never tried, the list has 2 tries");
    expect_finding (&world, true, "list \"e\": it has no targets");
    expect_finding (&world, true, "target \"x\", position 1: there is no list of this label");
    g_assert_cmpuint (world.findings->all->len, ==, 3);
    end (&world);
}

static void
test_bad_rows (void)
{
    static const struct {
        SchemaTableId table;
        const char *line, *message;
    } cases[] = {
        { SCHEMA_LIST, "l,random", "random" },
        { SCHEMA_LIST, "l,,0", "list.tries" },
        { SCHEMA_LIST, ",sequence", "list.label" },
        { SCHEMA_TARGET, "l,1,", "target.trunk" },
        { SCHEMA_TARGET, "l,,a", "target.position" },
        { SCHEMA_TARGET, "l,1,@", "target.trunk" },
        { SCHEMA_TARGET, "l,1,a,,101", "target.percent" },
        { SCHEMA_TARGET, "l,1,a,,,,,,12x", "target.number" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        World world;
        g_autoptr (GError) error = NULL;
        begin (&world, "", "");
        g_assert_false (add_line (cases[i].table, cases[i].line, 1,
                                  cases[i].table == SCHEMA_LIST ? add_list : add, world.targets,
                                  &error));
        g_test_message ("%s", error->message);
        g_assert_nonnull (strstr (error->message, cases[i].message));
        end (&world);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/route/targets/ROU-022/sequence", test_sequence);
    g_test_add_func ("/route/targets/ROU-022/least-cost", test_least_cost);
    g_test_add_func ("/route/targets/ROU-022/times", test_times);
    g_test_add_func ("/route/targets/ROU-022/together", test_together);
    g_test_add_func ("/route/targets/ROU-022/lists-in-lists", test_lists_in_lists);
    g_test_add_func ("/route/targets/ROU-022/percent", test_percent);
    g_test_add_func ("/route/targets/ROU-022/percent-of-sum", test_percent_of_sum);
    g_test_add_func ("/route/targets/ROU-022/percent-of-overflow", test_percent_of_overflow);
    g_test_add_func ("/route/targets/ROU-022/quality", test_quality);
    g_test_add_func ("/route/targets/ROU-043/explained", test_explained);
    g_test_add_func ("/route/targets/ROU-042/loop", test_loop);
    g_test_add_func ("/route/targets/ROU-042/loop-to-itself", test_loop_to_itself);
    g_test_add_func ("/route/targets/ROU-042/deep-and-wide", test_deep_and_wide);
    g_test_add_func ("/route/targets/ROU-022/hundred", test_hundred);
    g_test_add_func ("/route/targets/ROU-042/never-tried", test_never_tried);
    g_test_add_func ("/route/targets/ROU-022/bad-rows", test_bad_rows);
    return g_test_run ();
}
