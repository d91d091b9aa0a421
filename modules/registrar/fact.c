/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is told on the bus: "registration.added", "refreshed", "removed", "expired". */

#include "fact.h"

void
facts_init (Facts *facts, TdModule *module)
{
    static const TdField fields[] = {
        TD_FIELD (TdRegistrationFact, user, TD_FIELD_TEXT, "Who."),
        TD_FIELD (TdRegistrationFact, contact, TD_FIELD_TEXT, "The URI that was registered."),
        TD_FIELD (TdRegistrationFact, received, TD_FIELD_TEXT,
                  "Where the request really came from: transport, address and port."),
        TD_FIELD (TdRegistrationFact, user_agent, TD_FIELD_TEXT, "What the phone calls itself."),
        TD_FIELD (TdRegistrationFact, call_id, TD_FIELD_TEXT, "Of the latest REGISTER."),
        TD_FIELD (TdRegistrationFact, q_thousandths, TD_FIELD_UINT, "The preference, 0 to 1000."),
        TD_FIELD (TdRegistrationFact, expires_us, TD_FIELD_TIME, "When it ends, or ended."),
    };
    static const struct {
        const char *name, *help;
    } topics[] = {
        [CHANGE_ADDED] = { "registration.added", "A user has a new contact." },
        [CHANGE_REFRESHED] = { "registration.refreshed", "A contact was registered again." },
        [CHANGE_REMOVED] = { "registration.removed",
                             "A contact was given up, or taken away by the operator." },
        [CHANGE_EXPIRED] = { "registration.expired",
                             "A contact was not registered again in time." },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (topics); i++) {
        facts->topics[i] =
            td_topic_declare (module, &(TdTopicDecl){ .size = sizeof (TdTopicDecl),
                                                      .version = 1,
                                                      .name = topics[i].name,
                                                      .help = topics[i].help,
                                                      .fields = fields,
                                                      .n_fields = G_N_ELEMENTS (fields),
                                                      .body_size = sizeof (TdRegistrationFact) });
    }
}

void
facts_tell (const Facts *facts, const char *user, const GArray *changes)
{
    for (unsigned i = 0; i < changes->len; i++) {
        const Change *change = &g_array_index (changes, Change, i);
        TdBinding shown = binding_show (change->binding, td_clock_now_us ());
        TdRegistrationFact fact = {
            .user = user,
            .contact = shown.contact,
            .received = shown.received,
            .user_agent = shown.user_agent,
            .call_id = shown.call_id,
            .q_thousandths = shown.q_thousandths,
            .expires_us = shown.expires_us,
        };
        td_bus_publish (facts->topics[change->kind], TD_ID_NONE, NULL, 0, &fact);
    }
}
