/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that failed: what the caller hears of it, and with what the call is released. */

#include "announce.h"

#include <tandem/call.h>

enum {
    /* The leg ends by itself before; this is for one that would not. */
    SLACK_MS = 5000,
};

static TdHookAnswer
answer_with (const Book *book, const BookEntry *entry, const char *sequence)
{
    g_autofree char *address = g_strconcat (ANNOUNCE_DRIVER ":", sequence, NULL);
    TdRouteList *list = td_route_list_new ("treatment");

    td_route_list_add (list, &(TdTarget){ .size = sizeof (TdTarget),
                                          .driver = ANNOUNCE_DRIVER,
                                          .address = address,
                                          .no_answer_ms = book->longest_ms + SLACK_MS });
    td_route_list_set_rules (
        list, &(TdHuntRules){ .size = sizeof (TdHuntRules),
                              .is_treatment = true,
                              .release_cause = entry != NULL ? entry->release_cause : 0 });
    return (TdHookAnswer){ .verdict = TD_HOOK_DONE, .payload = list };
}

static TdHookAnswer
treat (void *subject, TdToken *token, void *data)
{
    const Announce *announce = data;
    TdCall *call = subject;
    const Book *book = announce_book (announce);
    TdAttributes *attributes = td_call_attributes (call);
    const TdChannel *caller = td_call_incoming (call);
    const BookTreatment *treatment = book_treatment (
        book, td_attributes_text (attributes, announce->treatment, 0), td_call_trunk (call));
    unsigned failure = td_call_failure (call)->value;
    const BookEntry *entry = book_entry (treatment, failure);

    if (treatment == NULL) {
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    g_autofree char *sequence = book_sequence (
        book, treatment, entry, td_attributes_text (attributes, announce->announcement, 0));
    /* Who made no offer cannot be heard before he is answered. */
    if (sequence != NULL && caller != NULL && td_channel_offer (caller) != NULL) {
        return answer_with (book, entry, sequence);
    }
    if (entry != NULL && entry->release_cause != 0 && entry->release_cause != failure) {
        return (TdHookAnswer){ .verdict = TD_HOOK_REFUSE, .cause = entry->release_cause };
    }
    return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

static const TdAttribute *
declare (Announce *announce, const char *name, const char *help, GError **error)
{
    return td_attribute_declare (announce->module, name, TD_ATTRIBUTE_TEXT, 0, help, error);
}

bool
announce_treat_start (Announce *announce, GError **error)
{
    announce->treatment =
        declare (announce, "call.treatment", "What the caller hears when the call fails", error);
    announce->announcement =
        announce->treatment != NULL
            ? declare (announce, "call.announcement", "What a refused caller is to be told", error)
            : NULL;
    return announce->announcement != NULL
           && td_hook_add (announce->module, "failed",
                           &(TdHook){ .size = sizeof (TdHook),
                                      .name = "announce.treat",
                                      .after = TD_LIST ("route.failed"),
                                      .data = announce,
                                      .ask = treat },
                           error);
}
