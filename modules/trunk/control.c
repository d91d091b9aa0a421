/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network management controls. */

#include "control.h"

#include <string.h>
#include <tandem/base.h>
#include <tandem/cause.h>

enum { DIRECT, ALTERNATE };

static const struct {
    const char *name;
    ControlPoint point;
    bool needs_trunk;
} kinds[N_CONTROL_KINDS] = {
    [CONTROL_GAP] = { "gap", AT_TARGET, false },
    [CONTROL_BLOCK] = { "block", AT_TARGET, false },
    [CONTROL_CANCEL_TO] = { "cancel-to", AT_TARGET, true },
    [CONTROL_CANCEL_FROM] = { "cancel-from", AT_OVERFLOW, true },
    [CONTROL_SKIP] = { "skip", AT_TARGET, true },
    [CONTROL_REROUTE] = { "reroute", AT_TARGET, true },
    [CONTROL_REROUTE_OVERFLOW] = { "reroute-overflow", AT_OVERFLOW, true },
    [CONTROL_ACC] = { "acc", AT_TARGET, true },
    [CONTROL_SILC] = { "silc", AT_CALL, true },
    [CONTROL_RESERVATION] = { "reservation", AT_TARGET, true },
};

const char *
control_kind_name (ControlKind kind)
{
    return kinds[kind].name;
}

bool
control_kind_parse (const char *text, ControlKind *ret_kind)
{
    for (ControlKind kind = 0; kind < N_CONTROL_KINDS; kind++) {
        if (strcmp (kinds[kind].name, text) == 0) {
            *ret_kind = kind;
            return true;
        }
    }
    return false;
}

Control *
control_new (ControlKind kind)
{
    Control *control = g_new0 (Control, 1);

    control->kind = kind;
    control->percent = 100;
    control->cause = TD_CAUSE_CONGESTION;
    control->slot = -1;
    /* Alternate-routed calls go first, direct ones only when nothing else helps (E.412 4.1). */
    if (kind == CONTROL_ACC) {
        memcpy (control->direct, (uint32_t[]){ 0, 25, 75 }, sizeof control->direct);
        memcpy (control->alternate, (uint32_t[]){ 50, 100, 100 }, sizeof control->alternate);
    } else if (kind == CONTROL_RESERVATION) {
        memcpy (control->alternate, (uint32_t[]){ 50, 100, 100 }, sizeof control->alternate);
        control->is_skip = true;
    }
    return control;
}

void
control_free (Control *control)
{
    if (control != NULL) {
        g_free (control->trunk);
        g_free (control->code);
        g_strfreev (control->via);
        g_free (control->who);
        g_free (control);
    }
}

ControlSet *
control_set_new (void)
{
    ControlSet *set = g_new0 (ControlSet, 1);

    set->controls = g_ptr_array_new ();
    return set;
}

void
control_set_clear (ControlSet *set)
{
    for (unsigned i = 0; i < set->controls->len; i++) {
        control_free (set->controls->pdata[i]);
    }
    g_ptr_array_set_size (set->controls, 0);
}

void
control_set_free (ControlSet *set)
{
    control_set_clear (set);
    g_ptr_array_unref (set->controls);
    g_free (set);
}

static bool
is_reroute (const Control *control)
{
    return control->kind == CONTROL_REROUTE || control->kind == CONTROL_REROUTE_OVERFLOW;
}

/* Why CONTROL makes no sense, or NULL. */
static const char *
find_fault (const Control *control)
{
    unsigned n_via = control->via != NULL ? g_strv_length (control->via) : 0;

    if (control->percent < 1 || control->percent > 100) {
        return "the share is 1 to 100 percent";
    }
    if (kinds[control->kind].needs_trunk && control->trunk == NULL) {
        return "it is about a trunk group: name one with --trunk";
    }
    if (control->trunk == NULL && control->code == NULL) {
        return "it would meet every call: name a --code or a --trunk";
    }
    if ((control->kind == CONTROL_GAP) != (control->gap_ms > 0)) {
        return control->kind == CONTROL_GAP ? "say how long the gap is with --gap"
                                            : "only a gap takes --gap";
    }
    if (is_reroute (control) != (n_via > 0)) {
        return n_via == 0 ? "say with --via which trunk groups the calls go to"
                          : "only a reroute takes --via";
    }
    if (n_via > CONTROL_MAX_VIA) {
        return "a reroute goes to at most 16 trunk groups";
    }
    for (unsigned i = 0; i < n_via; i++) {
        if (strcmp (control->via[i], control->trunk) == 0) {
            return "the calls would be led to where they come from";
        }
    }
    if (control->kind == CONTROL_RESERVATION && control->threshold[0] < control->threshold[1]) {
        return "the first threshold is the larger one: it is met first as places get few";
    }
    if (control->kind == CONTROL_RESERVATION && control->threshold[0] == 0) {
        return "say with --free at how many free places it begins";
    }
    if (control->from_us != 0 && control->until_us != 0 && control->from_us >= control->until_us) {
        return "it would end before it begins";
    }
    return NULL;
}

bool
control_set_add (ControlSet *set, Control *control, GError **error)
{
    const char *fault = set->controls->len >= CONTROL_MAX
                            ? "there are 1000 controls already: clear one first"
                            : find_fault (control);

    if (fault != NULL) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "control %s: %s",
                     control_kind_name (control->kind), fault);
        control_free (control);
        return false;
    }
    if (control->id == 0) {
        control->id = set->last_id + 1;
    }
    set->last_id = MAX (set->last_id, control->id);
    g_ptr_array_add (set->controls, control);
    return true;
}

bool
control_set_remove (ControlSet *set, uint32_t id)
{
    for (unsigned i = 0; i < set->controls->len; i++) {
        Control *control = set->controls->pdata[i];
        if (control->id == id) {
            g_ptr_array_remove_index (set->controls, i);
            control_free (control);
            return true;
        }
    }
    return false;
}

const Control *
control_set_find (const ControlSet *set, uint32_t id)
{
    for (unsigned i = 0; i < set->controls->len; i++) {
        const Control *control = set->controls->pdata[i];
        if (control->id == id) {
            return control;
        }
    }
    return NULL;
}

bool
control_is_due (const Control *control, int64_t wall_us)
{
    return wall_us >= control->from_us && (control->until_us == 0 || wall_us < control->until_us);
}

/* Where CONTROL is asked: what is not about a group is asked once a call. */
static ControlPoint
point_of (const Control *control)
{
    return control->trunk == NULL ? AT_CALL : kinds[control->kind].point;
}

static unsigned
level_for (const Control *control, const ControlQuestion *question)
{
    return control->is_machine ? question->machine_level : question->level;
}

bool
control_is_by_level (const Control *control)
{
    return control->kind == CONTROL_ACC
           || (control->kind == CONTROL_SILC
               && (control->direct[0] | control->direct[1] | control->direct[2]) != 0);
}

static bool
is_concerned (const Control *control, const ControlQuestion *question)
{
    if (control->trunk != NULL && strcmp (control->trunk, question->trunk) != 0) {
        return false;
    }
    if (control->code != NULL && !g_str_has_prefix (question->code, control->code)) {
        return false;
    }
    if (control->traffic != TRAFFIC_ALL
        && (control->traffic == TRAFFIC_ALTERNATE) != question->is_alternate) {
        return false;
    }
    return (!control->is_hard_to_reach || question->is_hard_to_reach)
           && level_for (control, question) >= control->min_level;
}

/* Whether this one of the calls belongs to the PERCENT that are meant: of N calls never more nor less
 * than one off their share. */
static bool
is_in_share (Control *control, unsigned kind_of_traffic, uint32_t percent)
{
    uint32_t *owed = &control->owed[kind_of_traffic];

    *owed += percent;
    if (*owed < 100) {
        return false;
    }
    *owed -= 100;
    return true;
}

/* Whether a call may pass the gap, which closes behind it. */
static bool
passes_gap (Control *control, int64_t now_us)
{
    int64_t gap_us = (int64_t) control->gap_ms * 1000;

    if (control->is_continuous) {
        bool is_first = now_us / gap_us != control->slot;
        control->slot = now_us / gap_us;
        return is_first;
    }
    if (now_us < control->next_us) {
        return false;
    }
    control->next_us = now_us + gap_us;
    return true;
}

/* The percentage that LEVEL (1 ..) of congestion, or of want of places, keeps out. */
static bool
hits_at_level (Control *control, unsigned level, const ControlQuestion *question)
{
    if (level == 0) {
        return false;
    }
    unsigned at = MIN (level, CONTROL_N_LEVELS) - 1;
    /* What comes in is not alternate-routed yet. */
    bool is_lesser =
        control->kind != CONTROL_SILC && (question->is_alternate || question->is_hard_to_reach);
    return is_in_share (control, is_lesser ? ALTERNATE : DIRECT,
                        is_lesser ? control->alternate[at] : control->direct[at]);
}

static unsigned
level_of_places (const Control *control, const ControlQuestion *question)
{
    return question->n_idle <= control->threshold[1]   ? 2
           : question->n_idle <= control->threshold[0] ? 1
                                                       : 0;
}

static bool
hits (Control *control, const ControlQuestion *question)
{
    switch (control->kind) {
    case CONTROL_GAP:
        return is_in_share (control, DIRECT, control->percent)
               && !passes_gap (control, question->now_us);
    case CONTROL_ACC:
        return hits_at_level (control, level_for (control, question), question);
    case CONTROL_SILC:
        return control_is_by_level (control)
                   ? hits_at_level (control, level_for (control, question), question)
                   : is_in_share (control, DIRECT, control->percent);
    case CONTROL_RESERVATION:
        /* Who is hard to reach would mostly take a place for nothing: kept out from the first level
         * on. */
        if (question->is_hard_to_reach && level_of_places (control, question) > 0) {
            return true;
        }
        return hits_at_level (control, level_of_places (control, question), question);
    default:
        return is_in_share (control, DIRECT, control->percent);
    }
}

static const char *
choose_via (Control *control)
{
    if (!control->is_spray) {
        return control->via[0];
    }
    const char *via = control->via[control->next_via];
    control->next_via = control->via[control->next_via + 1] != NULL ? control->next_via + 1 : 0;
    return via;
}

static ControlAnswer
answer_of (Control *control)
{
    ControlAnswer answer = {
        .kind = control->kind, .id = control->id, .cause = control->cause, .verdict = CONTROL_CANCEL
    };

    if (is_reroute (control)) {
        answer.verdict = CONTROL_LEAD_OFF;
        answer.via = choose_via (control);
    } else if (control->kind == CONTROL_SKIP || control->is_skip) {
        answer.verdict = CONTROL_GO_ON;
    }
    return answer;
}

/* What ends the call outweighs what skips the group, and that what leads the call elsewhere. */
static bool
is_stronger (const ControlAnswer *a, const ControlAnswer *b)
{
    static const unsigned weights[] = {
        [CONTROL_PASS] = 0, [CONTROL_LEAD_OFF] = 1, [CONTROL_GO_ON] = 2, [CONTROL_CANCEL] = 3
    };

    return weights[a->verdict] > weights[b->verdict];
}

/* Whether CONTROL keeps anybody out at the moment: what goes by a level does nothing below the first. */
static bool
is_at_work (const Control *control, const ControlQuestion *question)
{
    if (control->kind == CONTROL_RESERVATION) {
        return level_of_places (control, question) > 0;
    }
    return !control_is_by_level (control) || level_for (control, question) > 0;
}

ControlAnswer
control_set_ask (ControlSet *set, ControlPoint point, const ControlQuestion *question)
{
    ControlAnswer strongest = { .verdict = CONTROL_PASS };
    uint32_t spared = 0;

    for (unsigned i = 0; i < set->controls->len && strongest.verdict != CONTROL_CANCEL; i++) {
        Control *control = set->controls->pdata[i];
        if (point_of (control) != point || !control_is_due (control, question->wall_us)
            || !is_concerned (control, question)) {
            continue;
        }
        if (question->is_priority && !is_reroute (control)) {
            spared |= is_at_work (control, question) ? UINT32_C (1) << control->kind : 0;
            continue;
        }
        control->n_seen++;
        if (!hits (control, question)) {
            continue;
        }
        control->n_hits++;
        ControlAnswer answer = answer_of (control);
        if (is_stronger (&answer, &strongest)) {
            strongest = answer;
        }
    }
    strongest.spared = spared;
    return strongest;
}
