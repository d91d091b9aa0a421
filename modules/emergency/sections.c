/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may be configured. */

#include "settings.h"

#define RELOADABLE TD_CONFIG_RELOADABLE

static const char *const bad_location_choices[] = { "pass", "refuse", NULL };

static const TdConfigKey keys[] = {
    { .name = "region",
      .type = TD_CONFIG_REFERENCE,
      .flags = RELOADABLE,
      .refers = "emergency-region",
      .help = "Where callers are whose trunk and line are in no other region: registered users, "
              "strangers. None: only URNs are recognised of them.",
      .since = "0.1" },
    { .name = "fallback",
      .type = TD_CONFIG_LIST,
      .flags = RELOADABLE,
      .default_text = "",
      .refers = "emergency-psap",
      .help = "Who takes a call that nobody else has taken, or is for: tried last, whatever "
              "service was asked for. Must be given where there is a PSAP or a region.",
      .since = "0.1" },
    { .name = "test",
      .type = TD_CONFIG_REFERENCE,
      .flags = RELOADABLE,
      .refers = "emergency-psap",
      .help = "Who takes calls to urn:service:test.sos; none: they get 488.",
      .since = "0.1" },
    { .name = "strangers",
      .type = TD_CONFIG_BOOL,
      .flags = RELOADABLE,
      .default_text = "yes",
      .help = "Whether an emergency call is let in whoever makes it, without a challenge; no: it "
              "is asked for a password as [sip] strangers says.",
      .since = "0.1" },
    { .name = "strangers-calls",
      .type = TD_CONFIG_INTEGER,
      .flags = RELOADABLE,
      .default_text = "1000",
      .unit = "calls",
      .max = 10000000,
      .help = "How many emergency calls of those who have not proved who they are may be up at "
              "once. Beyond that they are asked for a password as [sip] strangers says, so that "
              "nobody takes the places of all other calls by calling for help. 0: any number.",
      .since = "0.1" },
    { .name = "bad-location",
      .type = TD_CONFIG_CHOICE,
      .flags = RELOADABLE,
      .default_text = "pass",
      .choices = bad_location_choices,
      .help = "What an ordinary call gets whose location cannot be used. refuse: 424 with "
              "Geolocation-Error (RFC 6442 4.3). pass: it is none of our business. An emergency "
              "call goes on in any case.",
      .since = "0.1" },
    { .name = "caller-location",
      .type = TD_CONFIG_BOOL,
      .flags = RELOADABLE,
      .default_text = "yes",
      .help = "Whether LoST servers are asked about the location that the caller says he is at, "
              "before the one that is provisioned for him.",
      .since = "0.1" },
    { .name = "caller-hold",
      .type = TD_CONFIG_BOOL,
      .flags = RELOADABLE,
      .default_text = "no",
      .help = "Whether a caller can put the PSAP on hold (RFC 6443 13); no: he gets 488, and the "
              "call goes on as it is. A PSAP can hold him in any case.",
      .since = "0.1" },
    { .name = "show-caller",
      .type = TD_CONFIG_BOOL,
      .flags = RELOADABLE,
      .default_text = "yes",
      .help = "Whether PSAPs are shown who calls though he asks not to be (Privacy), with the "
              "P-Asserted-Identity that the trunk he comes by has sent.",
      .since = "0.1" },
    { .name = "lost-servers",
      .type = TD_CONFIG_LIST,
      .flags = RELOADABLE,
      .default_text = "",
      .help = "LoST servers (RFC 5222) to ask for the PSAP, in this order: up to nine, such as "
              "https://lost.example.org/lost. Empty: nobody, the tables here decide.",
      .since = "0.1" },
    { .name = "lost-budget",
      .type = TD_CONFIG_DURATION,
      .flags = RELOADABLE,
      .default_text = "500 ms",
      .min = 20,
      .max = 10000,
      .help = "How long a call may wait for LoST servers, all of them together; then the tables "
              "here decide.",
      .since = "0.1" },
    { .name = "lost-cache",
      .type = TD_CONFIG_INTEGER,
      .flags = RELOADABLE,
      .default_text = "10000",
      .unit = "mappings",
      .min = 0,
      .max = 1000000,
      .help = "How many answers of LoST servers are kept, each until it expires.",
      .since = "0.1" },
    { .name = "lost-trunk",
      .type = TD_CONFIG_REFERENCE,
      .flags = RELOADABLE,
      .refers = "trunk",
      .help = "By which trunk a URI is called that a LoST server names and no [emergency-psap] "
              "has; none: such a URI is passed over.",
      .since = "0.1" },
    { .name = "key-life",
      .type = TD_CONFIG_DURATION,
      .flags = RELOADABLE,
      .default_text = "30 min",
      .min = 0,
      .max = 86400000,
      .help = "How long a number that stood for a call stays its own after the call.",
      .since = "0.1" },
    { .name = "priority-codes",
      .type = TD_CONFIG_LIST,
      .flags = RELOADABLE,
      .default_text = "",
      .help = "Codes besides the emergency numbers that access gateways still collect when they "
              "have too much to do, such as *272, 710xxxxxxx.",
      .since = "0.1" },
};

static const TdConfigKey region_keys[] = {
    { .name = "numbers",
      .type = TD_CONFIG_LIST,
      .flags = RELOADABLE | TD_CONFIG_REQUIRED,
      .help = "Emergency numbers as they are dialled, each with its service behind it where it is "
              "not sos: 112, 110 police.",
      .since = "0.1" },
    { .name = "prefixes",
      .type = TD_CONFIG_LIST,
      .flags = RELOADABLE,
      .default_text = "",
      .help = "Digits that people are used to dial before a number, such as 9: the numbers are "
              "recognised with them and without.",
      .since = "0.1" },
    { .name = "trunks",
      .type = TD_CONFIG_LIST,
      .flags = RELOADABLE,
      .default_text = "",
      .refers = "trunk",
      .help = "Trunks whose callers are in this region.",
      .since = "0.1" },
    { .name = "psaps",
      .type = TD_CONFIG_LIST,
      .flags = RELOADABLE,
      .default_text = "",
      .refers = "emergency-psap",
      .help = "Who takes calls from here, tried in turn; then the fallback.",
      .since = "0.1" },
};

static const TdConfigKey location_keys[] = {
    { .name = "trunks",
      .type = TD_CONFIG_LIST,
      .flags = RELOADABLE,
      .default_text = "",
      .refers = "trunk",
      .help = "Trunks whose callers are here; with users, only these of them.",
      .since = "0.1" },
    { .name = "users",
      .type = TD_CONFIG_LIST,
      .flags = RELOADABLE,
      .default_text = "",
      .help = "Callers who are here: numbers, users, USER@HOST, or +1212* for all numbers that "
              "begin so.",
      .since = "0.1" },
    { .name = "region",
      .type = TD_CONFIG_REFERENCE,
      .flags = RELOADABLE,
      .refers = "emergency-region",
      .help = "The region; none: that of the trunk.",
      .since = "0.1" },
    { .name = "psaps",
      .type = TD_CONFIG_LIST,
      .flags = RELOADABLE,
      .default_text = "",
      .refers = "emergency-psap",
      .help = "Who takes calls from here, tried in turn; then those of the region.",
      .since = "0.1" },
    { .name = "point",
      .type = TD_CONFIG_TEXT,
      .flags = RELOADABLE,
      .default_text = "",
      .help = "Latitude and longitude in degrees, such as 37.775 -122.422: what LoST servers are "
              "asked about.",
      .since = "0.1" },
    { .name = "civic",
      .type = TD_CONFIG_LIST,
      .flags = RELOADABLE,
      .default_text = "",
      .help = "The same as an address, in elements of RFC 5139: country DE, A3 Munich, HNO 6.",
      .since = "0.1" },
    { .name = "callback",
      .type = TD_CONFIG_TEXT,
      .flags = RELOADABLE,
      .default_text = "",
      .help = "The number that a PSAP is shown and can call back, where the caller's own is none "
              "that can be called from outside.",
      .since = "0.1" },
};

static const TdConfigKey psap_keys[] = {
    { .name = "trunks",
      .type = TD_CONFIG_LIST,
      .flags = RELOADABLE | TD_CONFIG_REQUIRED,
      .refers = "trunk",
      .help = "By which trunks it is reached, tried in turn: its own, then where it overflows to.",
      .since = "0.1" },
    { .name = "callback-trunks",
      .type = TD_CONFIG_LIST,
      .flags = RELOADABLE,
      .default_text = "",
      .refers = "trunk",
      .help = "Trunks whose calls may be marked as its callbacks (RFC 7090), which gives them the "
              "class of emergency calls; empty: the first of trunks. The mark counts in what comes "
              "by a connection, or to callback-interface; of others it is taken away.",
      .since = "0.1" },
    { .name = "callback-interface",
      .type = TD_CONFIG_ADDRESS,
      .flags = RELOADABLE,
      .help = "The address of this switch, on a network that nobody else can send into, that its "
              "callbacks must come to. With it the mark counts in a datagram as well.",
      .since = "0.1" },
    { .name = "send",
      .type = TD_CONFIG_TEXT,
      .flags = RELOADABLE,
      .default_text = "called",
      .help = "What it is called by. called: what the caller called, a number or a URN. urn: the "
              "URN of the service. Or a number.",
      .since = "0.1" },
    { .name = "services",
      .type = TD_CONFIG_LIST,
      .flags = RELOADABLE,
      .default_text = "",
      .help = "Services that it is for, such as police, fire; empty: all. One of them comes before "
              "one that takes all.",
      .since = "0.1" },
    { .name = "uris",
      .type = TD_CONFIG_LIST,
      .flags = RELOADABLE,
      .default_text = "",
      .help = "URIs by which LoST servers name it, such as sip:nypd@example.com.",
      .since = "0.1" },
    { .name = "keys",
      .type = TD_CONFIG_LIST,
      .flags = RELOADABLE,
      .default_text = "",
      .help = "Numbers of which each call gets one to be shown by, in place of the caller's: "
              "pseudo-ANI, ESRK.",
      .since = "0.1" },
    { .name = "no-answer",
      .type = TD_CONFIG_DURATION,
      .flags = RELOADABLE,
      .default_text = "0 s",
      .min = 0,
      .max = 3600000,
      .help = "How long it may ring before the next one is tried; 0: as [call] says.",
      .since = "0.1" },
};

#define SECTION(section_name, section_help, section_keys, is_it_named)                             \
    {                                                                                              \
        .size = sizeof (TdConfigSection), .key_size = sizeof (TdConfigKey), .name = section_name,  \
        .help = section_help, .is_named = is_it_named, .keys = section_keys,                       \
        .n_keys = G_N_ELEMENTS (section_keys),                                                     \
    }

const TdConfigSection emergency_sections[SETTINGS_N_SECTIONS] = {
    SECTION ("emergency", "Public emergency calls: what becomes of them.", keys, false),
    SECTION ("emergency-region", "Where the same emergency numbers hold.", region_keys, true),
    SECTION ("emergency-location", "Where callers are.", location_keys, true),
    SECTION ("emergency-psap", "Who answers emergency calls.", psap_keys, true),
};
