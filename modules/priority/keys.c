/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may be configured. */

#include "settings.h"

static const char *const unlimited[] = { "unlimited", NULL };
static const char *const faulty_choices[] = { "refuse", "ignore", NULL };
static const char *const trust_choices[] = { "none", "pass", "accept", "validate", NULL };
static const char *const excess_choices[] = { "refuse", "downgrade", NULL };
static const char *const unproven_choices[] = { "downgrade", "refuse", NULL };
static const char *const egress_choices[] = { "pass", "map", "generate", "strip", NULL };
static const char *const isup_choices[] = { "none", "ansi", "itu", NULL };
static const char *const conflict_choices[] = { "higher", "header", "isup", NULL };
static const char *const model_choices[] = { "none", "mam", "rdm", "prbm", NULL };
static const char *const kind_choices[] = { "access", "translation", "feature-code", NULL };

static const TdConfigKey keys[] = {
    { .name = "namespaces",
      .type = TD_CONFIG_PATH,
      .flags = TD_CONFIG_RELOADABLE,
      .help = "The table of namespaces, in the place of the one that ships. Not given: that one, "
              "priority/namespaces.conf in the data folder of Tandem.",
      .since = "0.1" },
    { .name = "namespace",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE | TD_CONFIG_REPEATED,
      .help = "One more line of that table, in the place of the line for the same namespace: NAME "
              "queue|preemption VALUE:CLASS ..., the lowest value first, CLASS from 5 to 15.",
      .since = "0.1" },
    { .name = "serve",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help =
          "The namespaces that are understood here; empty: all of the table. Values of others go "
          "through as they are, and mean nothing.",
      .since = "0.1" },
    { .name = "faulty",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "refuse",
      .choices = faulty_choices,
      .help =
          "What a request gets whose Resource-Priority cannot be read, or names a namespace twice. "
          "refuse: 400. ignore: the header field counts as not there, and ends here.",
      .since = "0.1" },
    { .name = "tell-accepted",
      .type = TD_CONFIG_BOOL,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "yes",
      .help = "Whether 417 carries Accept-Resource-Priority (RFC 4412 4.6.2).",
      .since = "0.1" },
    { .name = "categories",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "0xe2:ets.4, nsep:ets.4, 0x0e:ets.4, ieps:ets.4, 0xe0:esnet.3, 0xe1:esnet.4",
      .help = "What a calling party's category stands for, on trunks with rph-category: "
              "CATEGORY:VALUE. A category is a word, or the number of ITU-T Q.763 3.11.",
      .since = "0.1" },
    { .name = "interworking",
      .type = TD_CONFIG_PATH,
      .flags = TD_CONFIG_RELOADABLE,
      .help =
          "The table of what values are in other protocols, in the place of the one that ships. "
          "Not given: that one, priority/interwork.conf in the data folder of Tandem.",
      .since = "0.1" },
    { .name = "interwork",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE | TD_CONFIG_REPEATED,
      .help = "One more line of that table, in the place of the line for the same value: "
              "NAMESPACE.VALUE ansi:N itu:N h248:N ...",
      .since = "0.1" },
    { .name = "alarm-refused",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "10",
      .unit = "requests",
      .min = 0,
      .max = 1000000,
      .help = "How many 403 and 417 for marks of one trunk within alarm-window are the alarm "
              "priority-refused, which is over when there are fewer than half as many; 0: never.",
      .since = "0.1" },
    { .name = "alarm-window",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "60 s",
      .min = 1000,
      .max = 86400000,
      .help = "See alarm-refused.",
      .since = "0.1" },
};

static const TdConfigKey number_keys[] = {
    { .name = "kind",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "access",
      .choices = kind_choices,
      .help =
          "access: an access number of a priority service. translation: a number that is "
          "translated for it. feature-code: a code that is not served here; the call is refused.",
      .since = "0.1" },
    { .name = "prefixes",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE | TD_CONFIG_REQUIRED,
      .help =
          "What the called number begins with: digits, * and #, or + for an international number.",
      .since = "0.1" },
    { .name = "mark",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help =
          "The value that the call counts as marked with, such as ets.4; of a feature code none.",
      .since = "0.1" },
    { .name = "cause",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "29",
      .min = 1,
      .max = 127,
      .help = "The cause a feature code is refused with (ITU-T Q.850; 29: facility rejected).",
      .since = "0.1" },
    { .name = "trunks",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .refers = "trunk",
      .help = "The trunks whose calls it is for; empty: all calls.",
      .since = "0.1" },
};

static const TdConfigKey trunk_keys[] = {
    { .name = "rph-trust",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "none",
      .choices = trust_choices,
      .help =
          "What the trunk's Resource-Priority is worth. none: nothing. pass: nothing here, but it "
          "goes on. accept: what rph-accept lists. validate: the same, as far as a signature "
          "covers it (RFC 8443).",
      .since = "0.1" },
    { .name = "rph-accept",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help = "The values the trunk may use: ets.0, or ets for all of a namespace.",
      .since = "0.1" },
    { .name = "rph-excess",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "refuse",
      .choices = excess_choices,
      .help =
          "What a request gets with a value that rph-accept does not list. refuse: 403 (RFC 4412 "
          "4.6.4). downgrade: the value is taken away.",
      .since = "0.1" },
    { .name = "rph-rate",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "unlimited",
      .unit = "calls/min",
      .min = 1,
      .max = 1000000,
      .choices = unlimited,
      .help =
          "How many calls a minute of the trunk count as marked, accepted or proven; those above "
          "it are ordinary ones, and the alarm priority-excess is raised.",
      .since = "0.1" },
    { .name = "rph-burst",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "10",
      .unit = "calls",
      .min = 1,
      .max = 1000000,
      .help = "How many of them may come at once, after a pause.",
      .since = "0.1" },
    { .name = "rph-unproven",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "downgrade",
      .choices = unproven_choices,
      .help =
          "What a call gets none of whose marks a valid signature covers, where rph-trust is "
          "validate. downgrade: they are taken away, it goes on as an ordinary one. refuse: 403, "
          "428, 436, 437 or 438 (RFC 8224 6.2.2).",
      .since = "0.1" },
    { .name = "rph-interface",
      .type = TD_CONFIG_ADDRESS,
      .flags = TD_CONFIG_RELOADABLE,
      .help = "The address of this switch, on a network that nobody else can send into, that the "
              "trunk's marks must come to. With it a mark in a datagram counts as well.",
      .since = "0.1" },
    { .name = "rph-border",
      .type = TD_CONFIG_BOOL,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "yes",
      .help = "Whether marks of the trunk that are understood, but not trusted, end here.",
      .since = "0.1" },
    { .name = "rph-category",
      .type = TD_CONFIG_BOOL,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "no",
      .help =
          "Whether the calling party's category, too, marks the trunk's calls: see categories in "
          "[priority]. Trusted and listed as a mark is.",
      .since = "0.1" },
    { .name = "rph-categories",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help = "What categories stand for on this trunk, in the place of categories in [priority]: "
              "CATEGORY:VALUE.",
      .since = "0.1" },
    { .name = "rph-isup",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "none",
      .choices = isup_choices,
      .help =
          "The ISUP that the trunk's signalling is, or that its INVITEs have within them (SIP-I, "
          "RFC 3372). With ansi or itu the calling party's category and the precedence of the "
          "initial address message are marks, trusted as Resource-Priority is, and are set in "
          "those "
          "that go out.",
      .since = "0.1" },
    { .name = "rph-conflict",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "higher",
      .choices = conflict_choices,
      .help =
          "What counts where Resource-Priority and the ISUP within the request disagree. higher: "
          "whatever is worth more. header: Resource-Priority. isup: the ISUP; Resource-Priority "
          "is taken away as far as it is understood. The log has both.",
      .since = "0.1" },
    { .name = "rph-precedence",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help =
          "Whether ISUP to the trunk has the MLPP precedence parameter, and with which network "
          "identity and service domain: NETWORK:DOMAIN, four decimal digits and six hexadecimal "
          "ones, such as 0001:0000ff. Empty: it has none.",
      .since = "0.1" },
    { .name = "rph-admission",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "none",
      .choices = model_choices,
      .help = "How the network to the trunk shares its bandwidth out by admission priorities (RFC "
              "6401 appendix A): maximum allocation, Russian dolls, or priority bypass. none: "
              "reservations have no admission priority.",
      .since = "0.1" },
    { .name = "rph-egress",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "pass",
      .choices = egress_choices,
      .help = "What marks calls have that go out by the trunk. pass: those they came with. map: "
              "translated by rph-map. generate: by the class of the call, out of rph-send. strip: "
              "none. "
              "Values that are not understood go on in any case.",
      .since = "0.1" },
    { .name = "rph-send",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help =
          "The values that may be made up for the trunk, when marks are generated, and after 417.",
      .since = "0.1" },
    { .name = "rph-map",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help = "VALUE:VALUE, or NAMESPACE:NAMESPACE where both have as many values: what stands for "
              "what.",
      .since = "0.1" },
    { .name = "rph-in-dialog",
      .type = TD_CONFIG_BOOL,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "no",
      .help =
          "Whether requests within a call have the marks of its INVITE, too, and those that have "
          "raised it since (RFC 4412 3.1).",
      .since = "0.1" },
    { .name = "rph-sign",
      .type = TD_CONFIG_BOOL,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "no",
      .help =
          "Whether marks that count here, or are made here, go out by the trunk with a signature "
          "of a [passport-signer] (RFC 8443). One that has come with them, and still holds, goes "
          "on.",
      .since = "0.1" },
    { .name = "rph-retry",
      .type = TD_CONFIG_BOOL,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "yes",
      .help = "Whether a call that the peer answers with 417 is tried once more, with a value of "
              "rph-send that the peer says it accepts.",
      .since = "0.1" },
};

#define SECTION(...)                                                                               \
    {                                                                                              \
        .size = sizeof (TdConfigSection), .key_size = sizeof (TdConfigKey), __VA_ARGS__            \
    }

const TdConfigSection priority_sections[PRIORITY_N_SECTIONS] = {
    SECTION (.name = "priority", .help = "What marks of priority are worth.", .keys = keys,
             .n_keys = G_N_ELEMENTS (keys)),
    SECTION (.name = "priority-number", .help = "Called numbers that say how important a call is.",
             .is_named = true, .keys = number_keys, .n_keys = G_N_ELEMENTS (number_keys)),
    SECTION (.name = "trunk", .keys = trunk_keys, .n_keys = G_N_ELEMENTS (trunk_keys),
             .is_addition = true),
};
