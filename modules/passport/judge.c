/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who calls whom, when, with which marks (RFC 8224 6.2, 8443 4.2, 9027 4); and who has brought it before. */

#include "judge.h"

#include <string.h>

void
request_init (Request *request, const TdPassportQuestion *question, const Settings *settings,
              int64_t now_us)
{
    static const char *const none[] = { NULL };
    unsigned n = g_strv_length ((char **) question->dests);

    *request = (Request){ .settings = settings,
                          .dests = g_new0 (Canon, MAX (n, 1)),
                          .values = question->values != NULL ? question->values : none,
                          .priority = question->priority != NULL ? question->priority : "",
                          .call_id = question->call_id,
                          .trunk = question->trunk,
                          .now_us = now_us };
    request->is_read = canon_read (&request->orig, question->orig);
    for (unsigned i = 0; i < n; i++) {
        request->is_read &= canon_read (&request->dests[request->n_dests++], question->dests[i]);
    }
}

void
request_clear (Request *request)
{
    g_clear_pointer (&request->dests, g_free);
}

/* --- When -------------------------------------------------------------------------------- */

/* RFC 8224 6.2, step 4: by "iat", which a full form has. */
static bool
is_fresh (const Verdict *verdict, const Request *request, Finding *finding)
{
    const int64_t second_us = G_USEC_PER_SEC, iat_s = verdict->token->iat_s;
    int64_t age_us = request->now_us - iat_s * second_us;

    if (age_us > request->settings->freshness_us) {
        return finding_fail (finding, "time", TD_PASSPORT_STALE,
                             "Stale Date: it was issued %" G_GINT64_FORMAT " s ago",
                             age_us / second_us);
    }
    if (age_us < -request->settings->freshness_us) {
        return finding_fail (finding, "time", TD_PASSPORT_STALE,
                             "Stale Date: it will be issued in %" G_GINT64_FORMAT " s",
                             -age_us / second_us);
    }
    finding_pass (finding, "time", "issued %" G_GINT64_FORMAT " s ago", age_us / second_us);
    return true;
}

static bool
is_in_force (const Verdict *verdict, const Request *request, Finding *finding)
{
    int64_t now_s = request->now_us / G_USEC_PER_SEC, iat_s = verdict->token->iat_s;

    if (now_s < verdict->from_s || now_s > verdict->until_s) {
        return finding_fail (finding, "validity", TD_PASSPORT_UNTRUSTED,
                             now_s < verdict->from_s
                                 ? "its certificate, or one above it, is not valid yet"
                                 : "its certificate, one above it, or a list of revoked ones has "
                                   "expired");
    }
    /* RFC 8224 6.2, step 4: the time of issue is one at which the certificate was good. */
    if (iat_s < verdict->credential->from_s || iat_s > verdict->credential->until_s) {
        return finding_fail (finding, "validity", TD_PASSPORT_UNTRUSTED,
                             "it was issued when its certificate was not valid");
    }
    return true;
}

/* --- Who calls whom (RFC 8224 6.2.4: by the request, never by the token) ------------------------ */

static bool
is_party (const Canon *party, const Request *request, const char *text, bool is_number)
{
    return is_number ? canon_is_number (party, &request->settings->plan, text)
                     : canon_is_uri (party, text);
}

static bool
is_one_of (const Canon *party, const Request *request, char **texts, bool is_number)
{
    for (; texts != NULL && *texts != NULL; texts++) {
        if (is_party (party, request, *texts, is_number)) {
            return true;
        }
    }
    return false;
}

/* Each of the called parties is one of the token's: RFC 8224 4.1 has the To header field; a Request-URI that is
 * another would let who overhears a token send a call of its own with it. */
static bool
has_dests (const Token *token, const Request *request)
{
    for (unsigned i = 0; i < request->n_dests; i++) {
        const Canon *dest = &request->dests[i];
        if (!is_one_of (dest, request, token->dest_numbers, true)
            && !is_one_of (dest, request, token->dest_uris, false)) {
            return false;
        }
    }
    return request->n_dests > 0;
}

static bool
is_of_request (const Verdict *verdict, const Request *request, Finding *finding)
{
    const Token *token = verdict->token;

    if (!request->is_read
        || !is_party (&request->orig, request, token->orig, token->orig_is_number)) {
        return finding_fail (finding, "orig", TD_PASSPORT_INVALID,
                             "it is for another caller: its orig is %s", token->orig);
    }
    if (!has_dests (token, request)) {
        return finding_fail (finding, "dest", TD_PASSPORT_INVALID,
                             "it is for another called party");
    }
    finding_pass (finding, "parties", "its orig and dest are the call's");
    return true;
}

/* --- With which marks -------------------------------------------------------------------------- */

static bool
has_value (const Token *token, const char *value)
{
    for (char **auth = token->auth; *auth != NULL; auth++) {
        if (g_ascii_strcasecmp (*auth, value) == 0) {
            return true;
        }
    }
    return false;
}

static bool
authorises (const Token *token, const Request *request, GPtrArray *ret_values, Finding *finding)
{
    if (token->type != TOKEN_RPH) {
        return true;
    }
    /* RFC 9027 4: the Priority header field says the same. */
    if (token->sph != NULL && g_ascii_strcasecmp (request->priority, token->sph) != 0) {
        return finding_fail (finding, "sph", TD_PASSPORT_INVALID,
                             "it is for a call with Priority: psap-callback");
    }
    for (const char *const *value = request->values; *value != NULL; value++) {
        if (has_value (token, *value)) {
            g_ptr_array_add (ret_values, (void *) *value);
            finding_pass (finding, "value", "%s is in rph.auth", *value);
        }
    }
    if (ret_values->len == 0 && *request->values != NULL) {
        return finding_fail (finding, "value", TD_PASSPORT_INVALID,
                             "no r-value of the request is in its rph.auth");
    }
    return true;
}

bool
judge (const Verdict *verdict, const Request *request, Replays *replays, GPtrArray *ret_values,
       Finding *finding)
{
    const Settings *settings = request->settings;

    if (verdict->result != TD_PASSPORT_VALID) {
        if (finding->result == TD_PASSPORT_VALID) {
            finding_fail (finding, "token", verdict->result, "%s", verdict->reason);
        }
        return false;
    }
    if (!is_fresh (verdict, request, finding) || !is_in_force (verdict, request, finding)
        || !is_of_request (verdict, request, finding)
        || !authorises (verdict->token, request, ret_values, finding)) {
        g_ptr_array_set_size (ret_values, 0);
        return false;
    }
    /* Last: what is no good for this call is not remembered as its own. */
    if (replays != NULL
        && !replays_admit (replays, &verdict->once, request->call_id, request->trunk,
                           settings->allows_once, request->now_us,
                           verdict->token->iat_s * G_USEC_PER_SEC + settings->freshness_us + 1)) {
        g_ptr_array_set_size (ret_values, 0);
        return finding_fail (finding, "replay", TD_PASSPORT_REPLAYED,
                             "another call has brought it already");
    }
    return true;
}
