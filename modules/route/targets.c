/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Route lists: which of a list's targets are tried, and in which order. */

#include "targets.h"

#include <string.h>

struct Targets {
    TargetNames names;
    GArray *targets; /* Target, by label and position */
    GArray *lists;   /* TargetList, by label */
};

static void
clear_target (void *data)
{
    g_free (((Target *) data)->number);
}

Targets *
targets_new (const TargetNames *names)
{
    Targets *targets = g_new (Targets, 1);

    targets->names = *names;
    targets->targets = g_array_new (false, false, sizeof (Target));
    g_array_set_clear_func (targets->targets, clear_target);
    targets->lists = g_array_new (false, true, sizeof (TargetList));
    return targets;
}

void
targets_free (Targets *targets)
{
    if (targets != NULL) {
        g_array_unref (targets->targets);
        g_array_unref (targets->lists);
        g_free (targets);
    }
}

/* --- Building ---------------------------------------------------------------------------- */

bool
targets_add_list (Targets *targets, const Row *row, GError **error)
{
    int64_t tries, seconds;
    int mode;

    if (!row_required (row, LIST_LABEL, error) || !row_choice (row, LIST_MODE, &mode, error)
        || !row_integer (row, LIST_TRIES, &tries, error)
        || !row_integer (row, LIST_SECONDS, &seconds, error)) {
        return false;
    }
    uint32_t label = names_add (targets->names.labels, row_text (row, LIST_LABEL));
    if (label >= targets->lists->len) {
        g_array_set_size (targets->lists, label + 1);
    }
    g_array_index (targets->lists, TargetList, label) = (TargetList){
        .mode = (TargetsMode) mode,
        .tries = (unsigned) MAX (tries, 0),
        .seconds = (unsigned) MAX (seconds, 0),
        .causes = names_add (targets->names.causes, row_text (row, LIST_CAUSES)),
        .line = row->line,
        .has_row = true,
    };
    return true;
}

static bool
read_numbers (const Row *row, Target *target, GError **error)
{
    struct {
        unsigned column;
        int32_t *number;
    } numbers[] = {
        { TARGET_POSITION, &target->position },
        { TARGET_TOGETHER, &target->together },
        { TARGET_PERCENT, &target->percent },
        { TARGET_COST, &target->cost },
        { TARGET_MINIMUM_ASR, &target->minimum_asr },
        { TARGET_MINIMUM_NER, &target->minimum_ner },
        { TARGET_MAXIMUM_PDD_MS, &target->maximum_pdd_ms },
        { TARGET_MINIMUM_MOS, &target->minimum_mos },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (numbers); i++) {
        int64_t number;
        if (!row_integer (row, numbers[i].column, &number, error)) {
            return false;
        }
        *numbers[i].number = (int32_t) number;
    }
    return true;
}

bool
targets_add (Targets *targets, const Row *row, GError **error)
{
    Target target = { .line = row->line, .trunk = NAMES_NONE, .sublist = NAMES_NONE };
    const char *trunk = row_text (row, TARGET_TRUNK);
    int64_t no_answer_s;

    if (!row_required (row, TARGET_LABEL, error) || !row_required (row, TARGET_TRUNK, error)
        || !read_numbers (row, &target, error)
        || !row_integer (row, TARGET_NO_ANSWER_S, &no_answer_s, error)
        || !row_digits (row, TARGET_NUMBER, error)) {
        return false;
    }
    target.no_answer_s = (uint32_t) MAX (no_answer_s, 0);
    target.label = names_add (targets->names.labels, row_text (row, TARGET_LABEL));
    target.calendar = names_add (targets->names.calendars, row_text (row, TARGET_CALENDAR));
    target.translation =
        names_add (targets->names.translations, row_text (row, TARGET_TRANSLATION));
    if (*trunk == '@') {
        target.sublist = names_add (targets->names.labels, trunk + 1);
        if (target.sublist == NAMES_NONE) {
            return row_refuse (row, TARGET_TRUNK, error, "behind @ stands the label of a list");
        }
    } else {
        target.trunk = names_add (targets->names.trunks, trunk);
    }
    target.number = row_says (row, TARGET_NUMBER) ? g_strdup (row_text (row, TARGET_NUMBER)) : NULL;
    g_array_append_val (targets->targets, target);
    return true;
}

static int
compare_targets (const void *a, const void *b)
{
    const Target *one = a, *other = b;

    if (one->label != other->label) {
        return one->label < other->label ? -1 : 1;
    }
    return one->position - other->position;
}

const TargetList *
targets_list (const Targets *targets, uint32_t label)
{
    if (label >= targets->lists->len) {
        return NULL;
    }
    const TargetList *list = &g_array_index (targets->lists, TargetList, label);
    return list->has_row ? list : NULL;
}

const Target *
targets_all (const Targets *targets, unsigned *ret_n)
{
    *ret_n = targets->targets->len;
    return (const Target *) targets->targets->data;
}

/* --- Checks ------------------------------------------------------------------------------ */

enum { NOT_SEEN, ON_THE_WAY, DONE };

enum {
    MAX_WALK = 100,      /* lists in lists, however wrong they are */
    MAX_COUNT = 1000000, /* of a list's targets: lists in lists multiply */
};

typedef struct {
    Targets *targets;
    Findings *findings;
    uint8_t *seen;
    unsigned *counts; /* of all targets of each list, those of its lists as well */
    unsigned *depths; /* of lists in each */
    unsigned n_on_the_way;
} Walk;

static void walk_list (Walk *walk, uint32_t label);

/* A list within itself is cut where it comes back: a decision ends, whatever was loaded. */
static void
walk_sublist (Walk *walk, uint32_t label, Target *target)
{
    const char *name = names_text (walk->targets->names.labels, label);
    uint32_t sublist = target->sublist;

    if (targets_list (walk->targets, sublist) == NULL) {
        return; /* dangling: found with the other references */
    }
    if (walk->seen[sublist] == ON_THE_WAY) {
        findings_add (walk->findings, SCHEMA_TARGET, target->line, true,
                      "target \"%s\", position %d: list \"%s\" leads back to \"%s\": a loop; take "
                      "the target out",
                      name, target->position, names_text (walk->targets->names.labels, sublist),
                      name);
        target->sublist = NAMES_NONE;
        return;
    }
    if (walk->n_on_the_way > MAX_WALK) {
        target->sublist = NAMES_NONE;
    } else {
        walk_list (walk, sublist);
        walk->counts[label] = MIN (walk->counts[label] + walk->counts[sublist], MAX_COUNT);
    }
    walk->depths[label] = MAX (walk->depths[label], walk->depths[sublist] + 1);
}

static void
walk_list (Walk *walk, uint32_t label)
{
    const TargetList *list = &g_array_index (walk->targets->lists, TargetList, label);

    if (walk->seen[label] != NOT_SEEN) {
        return;
    }
    walk->seen[label] = ON_THE_WAY;
    walk->n_on_the_way++;
    for (uint32_t i = 0; i < list->n; i++) {
        Target *target = &g_array_index (walk->targets->targets, Target, list->first + i);
        if (target->sublist != NAMES_NONE) {
            walk_sublist (walk, label, target);
        } else {
            walk->counts[label]++;
        }
    }
    walk->seen[label] = DONE;
    walk->n_on_the_way--;
}

/* In a fixed order, without times, those behind the last try wait in vain. */
static void
check_tries (const Targets *targets, uint32_t label, Findings *findings)
{
    const TargetList *list = &g_array_index (targets->lists, TargetList, label);
    unsigned n = 0;

    if (list->tries == 0 || list->mode != TARGETS_SEQUENCE) {
        return;
    }
    for (uint32_t i = 0; i < list->n; i++) {
        const Target *target = &g_array_index (targets->targets, Target, list->first + i);
        if (target->sublist != NAMES_NONE || target->together != ROW_NOT_SAID) {
            return;
        }
        if (n >= list->tries) {
            findings_add (findings, SCHEMA_TARGET, target->line, false,
                          "target \"%s\", position %d: never tried, the list has %u tries; raise "
                          "them, or take the target out",
                          names_text (targets->names.labels, label), target->position, list->tries);
            return;
        }
        n += target->calendar == NAMES_NONE;
    }
}

static void
check_list (const Walk *walk, uint32_t label)
{
    const Targets *targets = walk->targets;
    const TargetList *list = &g_array_index (targets->lists, TargetList, label);
    const char *name = names_text (targets->names.labels, label);
    int64_t percent = 0;

    if (list->n == 0) {
        findings_add (walk->findings, SCHEMA_LIST, list->line, true,
                      "list \"%s\": it has no targets; add some, or take it out", name);
    }
    if (walk->counts[label] > TARGETS_MAX || list->n > TARGETS_MAX) {
        findings_add (walk->findings, SCHEMA_LIST, list->line, true,
                      "list \"%s\": it has %u targets, %d are the most; take some out", name,
                      MAX (walk->counts[label], list->n), TARGETS_MAX);
    }
    if (walk->depths[label] >= TARGETS_MAX_DEPTH) {
        findings_add (walk->findings, SCHEMA_LIST, list->line, true,
                      "list \"%s\": more than %d lists in each other; join some", name,
                      TARGETS_MAX_DEPTH);
    }
    for (uint32_t i = 0; i < list->n; i++) {
        percent += MAX (g_array_index (targets->targets, Target, list->first + i).percent, 0);
    }
    if (list->mode == TARGETS_PERCENT && percent != 100 && list->n > 0) {
        findings_add (walk->findings, SCHEMA_LIST, list->line, false,
                      "list \"%s\": its shares make %d, not 100; each is taken as a part of that",
                      name, (int) percent);
    }
    check_tries (targets, label, walk->findings);
}

/* Lists that have a row get their targets; those of others can never be tried. */
static void
assign_targets (Targets *targets, Findings *findings)
{
    for (uint32_t i = 0; i < targets->targets->len; i++) {
        const Target *target = &g_array_index (targets->targets, Target, i);
        if (targets_list (targets, target->label) == NULL) {
            findings_add (
                findings, SCHEMA_TARGET, target->line, true,
                "target \"%s\", position %d: there is no list of this label; add a row to "
                "\"list\"",
                names_text (targets->names.labels, target->label), target->position);
            continue;
        }
        TargetList *list = &g_array_index (targets->lists, TargetList, target->label);
        if (list->n++ == 0) {
            list->first = i;
        }
    }
}

void
targets_end (Targets *targets, Findings *findings)
{
    uint32_t n = targets->lists->len;
    g_autofree uint8_t *seen = g_new0 (uint8_t, n);
    g_autofree unsigned *counts = g_new0 (unsigned, n);
    g_autofree unsigned *depths = g_new0 (unsigned, n);
    Walk walk = { targets, findings, seen, counts, depths, 0 };

    g_array_sort (targets->targets, compare_targets);
    assign_targets (targets, findings);
    for (uint32_t label = 0; label < n; label++) {
        if (targets_list (targets, label) != NULL) {
            walk_list (&walk, label);
        }
    }
    for (uint32_t label = 0; label < n; label++) {
        if (targets_list (targets, label) != NULL) {
            check_list (&walk, label);
        }
    }
}

/* --- Choosing ---------------------------------------------------------------------------- */

/* Targets that ring together, or one. */
typedef struct {
    uint32_t first; /* of its targets, in the list */
    int32_t together;
    int64_t cost;
    uint32_t percent;
    bool is_good; /* mode quality: one of them is */
} Unit;

typedef struct {
    const Targets *targets;
    const TargetContext *context;
    Explanation *explanation;
    ChosenTarget *chosen;
    unsigned n, n_groups;
} Choice;

static const char *
name_of (const Choice *choice, const Target *target)
{
    return target->trunk != NAMES_NONE
               ? names_text (choice->targets->names.trunks, target->trunk)
               : names_text (choice->targets->names.labels, target->sublist);
}

static bool
is_usable (const Choice *choice, const Target *target)
{
    if (target->trunk == NAMES_NONE && target->sublist == NAMES_NONE) {
        return false; /* the end of a loop */
    }
    if (target->calendar != NAMES_NONE
        && !calendars_is_in (choice->context->calendars, target->calendar,
                             choice->context->moment)) {
        JUDGE (choice->explanation, "target", name_of (choice, target), target->line, false,
               "now is not in calendar \"%s\"",
               names_text (choice->targets->names.calendars, target->calendar));
        return false;
    }
    return true;
}

/* Which figure of QUALITY is out of TARGET's window, or NULL. */
static const char *
worst_of (const Target *target, const TargetQuality *quality)
{
    return target->minimum_asr != ROW_NOT_SAID && quality->asr != TARGETS_NOT_KNOWN
                   && quality->asr < target->minimum_asr
               ? "answer-seizure ratio"
           : target->minimum_ner != ROW_NOT_SAID && quality->ner != TARGETS_NOT_KNOWN
                   && quality->ner < target->minimum_ner
               ? "network effectiveness"
           : target->maximum_pdd_ms != ROW_NOT_SAID && quality->pdd_ms != TARGETS_NOT_KNOWN
                   && quality->pdd_ms > target->maximum_pdd_ms
               ? "post-dial delay"
           : target->minimum_mos != ROW_NOT_SAID && quality->mos != TARGETS_NOT_KNOWN
                   && quality->mos < target->minimum_mos
               ? "opinion score"
               : NULL;
}

static bool
is_good (const Choice *choice, const Target *target)
{
    TargetQuality quality;

    if (target->trunk == NAMES_NONE || choice->context->quality == NULL
        || !choice->context->quality (name_of (choice, target), &quality, choice->context->data)) {
        return true; /* who has no figures yet gets calls, and figures */
    }
    const char *worst = worst_of (target, &quality);
    if (worst != NULL) {
        EXPLAIN (choice->explanation, "targets",
                 "%s is tried last: its %s is not good enough (ASR %d %%, NER %d %%, PDD %d ms, "
                 "MOS %d.%02d)",
                 name_of (choice, target), worst, quality.asr, quality.ner, quality.pdd_ms,
                 quality.mos / 100, ABS (quality.mos % 100));
    }
    return worst == NULL;
}

static bool
rings_together (const Target *target)
{
    return target->together != ROW_NOT_SAID && target->trunk != NAMES_NONE;
}

/* The usable targets of LIST as units, by position; how many. */
static unsigned
collect (const Choice *choice, const TargetList *list, Unit units[TARGETS_MAX])
{
    unsigned n = 0;

    for (uint32_t i = list->first; i < list->first + list->n; i++) {
        const Target *target = &g_array_index (choice->targets->targets, Target, i);
        unsigned at = n;
        if (!is_usable (choice, target)) {
            continue;
        }
        if (rings_together (target)) {
            for (at = 0; at < n && units[at].together != target->together; at++) {
            }
        }
        if (at == n) {
            if (n == TARGETS_MAX) {
                break;
            }
            units[n++] =
                (Unit){ .first = i,
                        .together = rings_together (target) ? target->together : ROW_NOT_SAID,
                        .cost = INT64_MAX };
        }
        units[at].percent += (uint32_t) MAX (target->percent, 0);
        if (target->cost != ROW_NOT_SAID) {
            units[at].cost = MIN (units[at].cost, target->cost);
        }
        if (list->mode == TARGETS_QUALITY) {
            units[at].is_good |= is_good (choice, target);
        }
    }
    return n;
}

typedef bool (*IsBefore) (const Unit *one, const Unit *other);

/* A stable sort of few. */
static void
sort_units (Unit *units, unsigned n, IsBefore is_before)
{
    for (unsigned i = 1; i < n; i++) {
        Unit unit = units[i];
        unsigned at = i;
        for (; at > 0 && is_before (&unit, &units[at - 1]); at--) {
            units[at] = units[at - 1];
        }
        units[at] = unit;
    }
}

static bool
is_cheaper (const Unit *one, const Unit *other)
{
    return one->cost < other->cost;
}

static bool
is_better (const Unit *one, const Unit *other)
{
    return one->is_good != other->is_good ? one->is_good : one->cost < other->cost;
}

/* Draws one after the other, each by its part of what is left; those without a share come last. */
static void
draw_units (Unit *units, unsigned n, uint32_t chance)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < n; i++) {
        total += units[i].percent;
    }
    for (unsigned i = 0; i < n && total > 0; i++) {
        uint64_t at = chance * total >> 32;
        unsigned drawn = i;
        while (at >= units[drawn].percent) {
            at -= units[drawn++].percent;
        }
        Unit unit = units[drawn];
        memmove (&units[i + 1], &units[i], (drawn - i) * sizeof (Unit));
        units[i] = unit;
        total -= unit.percent;
        chance = (chance ^ chance >> 15) * UINT32_C (0x2c1b3c6d) + 1; /* another one */
    }
}

static void
order (const TargetList *list, Unit *units, unsigned n, uint32_t chance)
{
    switch (list->mode) {
    case TARGETS_SEQUENCE:
        break;
    case TARGETS_PERCENT:
        draw_units (units, n, chance);
        break;
    case TARGETS_LEAST_COST:
        sort_units (units, n, is_cheaper);
        break;
    case TARGETS_QUALITY:
        sort_units (units, n, is_better);
        break;
    }
}

static void
choose_target (Choice *choice, const TargetList *list, const Target *target)
{
    if (choice->n == TARGETS_MAX) {
        JUDGE (choice->explanation, "target", name_of (choice, target), target->line, false,
               "%d targets are the most", TARGETS_MAX);
        return;
    }
    choice->chosen[choice->n++] = (ChosenTarget){ target, choice->n_groups };
    JUDGE (choice->explanation, "target", name_of (choice, target), target->line, true,
           "try %u, by %s (position %d, cost %d, share %d)", choice->n_groups + 1,
           row_choice_name (SCHEMA_LIST, LIST_MODE, (int) list->mode), target->position,
           target->cost, target->percent);
}

static void
choose_unit (Choice *choice, const TargetList *list, const Unit *unit)
{
    for (uint32_t i = unit->first; i < list->first + list->n; i++) {
        const Target *target = &g_array_index (choice->targets->targets, Target, i);
        if (i == unit->first
            || (unit->together != ROW_NOT_SAID && rings_together (target)
                && target->together == unit->together
                && (target->calendar == NAMES_NONE
                    || calendars_is_in (choice->context->calendars, target->calendar,
                                        choice->context->moment)))) {
            choose_target (choice, list, target);
        }
    }
    choice->n_groups++;
}

static void
choose_list (Choice *choice, uint32_t label, uint32_t chance, unsigned depth)
{
    const TargetList *list = targets_list (choice->targets, label);
    Unit units[TARGETS_MAX];

    if (list == NULL || depth > TARGETS_MAX_DEPTH) {
        return;
    }
    unsigned n = collect (choice, list, units);
    order (list, units, n, chance);
    for (unsigned i = 0; i < n; i++) {
        const Target *target = &g_array_index (choice->targets->targets, Target, units[i].first);
        if (target->sublist == NAMES_NONE) {
            choose_unit (choice, list, &units[i]);
            continue;
        }
        EXPLAIN (choice->explanation, "targets", "in position %d, list \"%s\"", target->position,
                 name_of (choice, target));
        choose_list (choice, target->sublist, (chance ^ target->sublist) * UINT32_C (0x9e3779b1),
                     depth + 1);
    }
}

unsigned
targets_choose (const Targets *targets, uint32_t label, const TargetContext *context,
                ChosenTarget ret_chosen[TARGETS_MAX], Explanation *explanation)
{
    Choice choice = { targets, context, explanation, ret_chosen, 0, 0 };

    choose_list (&choice, label, context->chance, 0);
    return choice.n;
}
