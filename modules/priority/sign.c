/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signatures over marks that go out: what came signed and still holds goes on, what we vouch for is signed.
 *
 *     marks of the request --+-- proven by a token of the same caller and called party: the token
 *                            +-- counts here, or is made here: a new token
 *                            +-- neither: nothing is said of it */

#include "sign.h"

#include <string.h>
#include <tandem/call.h>
#include <tandem/log.h>

/* One request. */
typedef struct {
    const Signing *signing;
    const TdPriorityDemand *demand;
    const TdAttributes *attributes;
    GPtrArray *identities;
    Marks marks;             /* its own */
    bool covered[MARKS_MAX]; /* by a token that goes on */
} Request;

/* The header field of the request that came, nullable. */
static const char *
header_of (const Request *request, const char *name, unsigned index)
{
    const TdAttribute *attribute = td_attribute_find (name);

    return attribute != NULL ? td_attributes_text (request->attributes, attribute, index) : NULL;
}

/* --- What came signed --------------------------------------------------------------------- */

/* Whether IDENTITY is of the type "rph". RFC 8224 4: who extends the token says so behind it. */
static bool
is_rph (const char *identity)
{
    const char *at = strchr (identity, ';');

    for (; at != NULL; at = strchr (at, ';')) {
        at += 1 + strspn (at + 1, " \t\r\n");
        if (g_ascii_strncasecmp (at, "ppt", 3) == 0) {
            at += 3 + strspn (at + 3, " \t\r\n=\"");
            return g_ascii_strncasecmp (at, "rph", 3) == 0 && !g_ascii_isalnum (at[3]);
        }
    }
    return false;
}

static bool
is_same_number (const TdParty *one, const TdParty *other)
{
    return one->digits[0] != '\0' && strcmp (td_party_key (one), td_party_key (other)) == 0;
}

/* Whether what was signed of the call that came is said by this request, too. Of a caller or a called party
 * that is no number this request says another thing, as its URIs are ours. */
static bool
has_same_parties (const Request *request)
{
    TdChannel *channel = request->demand->channel;
    TdCall *call = td_channel_call (channel);
    TdChannel *incoming = call != NULL ? td_call_incoming (call) : NULL;

    return incoming != NULL && !request->demand->is_caller_hidden
           && is_same_number (td_channel_calling (incoming), td_channel_calling (channel))
           && is_same_number (td_channel_called (incoming), td_channel_called (channel));
}

static void
read_list (Marks *ret, const Request *request, const char *list)
{
    const char *const lists[] = { list != NULL && *list != '\0' ? list : NULL, NULL };

    if (marks_read (ret, request->signing->settings->namespaces, lists) != NULL) {
        ret->n_marks = 0;
    }
}

/* Whether LIST proves one of the request's marks at least; notes which. */
static bool
covers (Request *request, const char *list)
{
    bool is_any = false;
    Marks proven;

    read_list (&proven, request, list);
    for (unsigned i = 0; i < proven.n_marks; i++) {
        for (unsigned j = 0; j < request->marks.n_marks; j++) {
            if (proven.marks[i].level != NULL
                && proven.marks[i].level == request->marks.marks[j].level) {
                request->covered[j] = is_any = true;
            }
        }
    }
    return is_any;
}

static void
keep_tokens (Request *request)
{
    const Known *known = request->signing->known;
    const char *token;

    for (unsigned i = 0;
         (token = td_attributes_text (request->attributes, known->tokens, i)) != NULL; i++) {
        if (covers (request, td_attributes_text (request->attributes, known->proven, i))) {
            g_ptr_array_add (request->identities, g_strdup (token));
        }
    }
}

/* What is not about marks is not ours to judge; and nor is what is, where nobody has asked for proof. */
static void
keep_others (Request *request)
{
    bool is_judged =
        td_attributes_text (request->attributes, request->signing->known->pending, 0) != NULL;
    const char *text;

    for (unsigned i = 0; (text = header_of (request, "sip.header.identity", i)) != NULL; i++) {
        if (!is_judged || !is_rph (text)) {
            g_ptr_array_add (request->identities, g_strdup (text));
        }
    }
}

/* --- What we vouch for -------------------------------------------------------------------- */

/* The marks that count: as they were believed, or proven. */
static void
read_granted (const Request *request, Marks *ret)
{
    const Known *known = request->signing->known;
    const TdAttributes *attributes = request->attributes;
    const char *granted = td_attributes_text (attributes, known->granted, 0);
    const char *proven;

    read_list (ret, request, granted);
    for (unsigned i = 0; (proven = td_attributes_text (attributes, known->proven, i)) != NULL;
         i++) {
        Marks more;
        read_list (&more, request, proven);
        for (unsigned j = 0; j < more.n_marks && ret->n_marks < MARKS_MAX; j++) {
            ret->marks[ret->n_marks++] = more.marks[j];
        }
    }
}

/* The marks that are to be signed, NULL-terminated. */
static GPtrArray *
marks_to_sign (const Request *request)
{
    GPtrArray *texts = g_ptr_array_new_with_free_func (g_free);
    TdChannel *channel = request->demand->channel;
    Marks granted;

    read_granted (request, &granted);
    for (unsigned i = 0; i < request->marks.n_marks; i++) {
        const Level *level = request->marks.marks[i].level;
        if (level != NULL && !request->covered[i]
            && judge_vouches (request->signing->settings, td_channel_trunk (channel),
                              td_channel_priority (channel), &granted, level)) {
            g_ptr_array_add (texts, g_strconcat (level->name_space->name, ".", level->value, NULL));
        }
    }
    g_ptr_array_add (texts, NULL);
    return texts;
}

/* False: the call goes on without. */
static bool
sign_values (Request *request, const char *const *values, GError **error)
{
    const TdPassportService *service = request->signing->service;
    const TdPassportDemand demand = {
        .size = sizeof (TdPassportDemand),
        .ppt = "rph",
        .orig = request->demand->orig,
        .dests = TD_LIST (request->demand->dest),
        .values = values,
        .priority = header_of (request, "sip.header.priority", 0),
    };
    g_autofree char **headers =
        service != NULL ? service->sign (&demand, service->data, error) : NULL;

    if (service == NULL) {
        g_set_error (error, TD_ERROR, TD_ERROR_NOT_FOUND, "the module passport is not there");
    }
    for (char **header = headers; header != NULL && *header != NULL; header++) {
        g_ptr_array_add (request->identities, *header);
    }
    return headers != NULL;
}

static void
tell_unsigned (const Request *request, const char *what, const GError *error)
{
    td_log_peer (request->signing->module, "priority.not-signed",
                 td_channel_trunk (request->demand->channel), NULL,
                 "Resource-Priority %s goes out without a signature: %s", what, error->message);
}

/* Whether a new token has been made. What hinders one signer does not hinder the other. */
static bool
sign_new (Request *request)
{
    g_autoptr (GPtrArray) texts = marks_to_sign (request);
    g_autoptr (GError) error = NULL;
    unsigned n_before = request->identities->len;

    if (texts->len <= 1) {
        return false;
    }
    if (sign_values (request, (const char *const *) texts->pdata, &error)) {
        return true;
    }
    if (texts->len == 2) {
        tell_unsigned (request, texts->pdata[0], error);
        return false;
    }
    for (unsigned i = 0; i + 1 < texts->len; i++) {
        g_autoptr (GError) why = NULL;
        if (!sign_values (request, TD_LIST (texts->pdata[i]), &why)) {
            tell_unsigned (request, texts->pdata[i], why);
        }
    }
    return request->identities->len > n_before;
}

TdSignatures
sign_request (const Signing *signing, const TdPriorityDemand *demand, GPtrArray *identities)
{
    const Policy *policy = settings_policy (signing->settings, td_channel_trunk (demand->channel));
    TdCall *call = td_channel_call (demand->channel);
    bool is_within = demand->request == TD_MARKED_DIALOG && call != NULL;
    Request request = { .signing = signing,
                        .demand = demand,
                        /* What has come within the call is known of the call alone. */
                        .attributes = is_within ? td_call_attributes (call)
                                                : td_channel_attributes (demand->channel),
                        .identities = identities };

    if (!policy->signs) {
        return TD_SIGNATURES_LEFT;
    }
    read_list (&request.marks, &request, demand->marks);
    if (!is_within && !demand->is_caller_hidden) {
        keep_others (&request);
    }
    if (!is_within && has_same_parties (&request)) {
        keep_tokens (&request);
    }
    return sign_new (&request) ? TD_SIGNATURES_MADE : TD_SIGNATURES_KEPT;
}
