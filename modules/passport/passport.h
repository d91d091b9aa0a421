/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module passport from the inside.
 *
 *     passport.c    its life and its configuration
 *     settings.c    the sections [passport] and [passport-...] taken apart
 *     ask.c         a question of another module, token by token
 *     desk.c        the queues of what is to be verified; fetch.c: certificates from elsewhere
 *     identity.c    the header field; token.c: the token; canon.c: the parties
 *     credential.c  certificates, anchors, ES256; extension.c: what a certificate may sign
 *     verdict.c     a token by itself; memory.c: remembered
 *     judge.c       a token and its request; replay.c: who has brought it
 *     sign.c        new tokens
 *     audit.c       what is told of all that; command.c: to operators
 */

#ifndef PASSPORT_PASSPORT_H
#define PASSPORT_PASSPORT_H

#include "fetch.h"
#include "judge.h"

#include <tandem/bus.h>
#include <tandem/iface/trunk-counter.h>
#include <tandem/metric.h>
#include <tandem/module.h>

typedef struct Passport Passport;

struct Passport {
    TdModule *module;
    TdSnapshot *settings; /* Settings */
    Settings *prepared;
    TdPassportService service;
    TdSubscription *features;
    Verdicts *verdicts;
    Replays *replays;
    Desk *desk;
    Fetcher *fetcher;
    TdTrunkCounter failures; /* tokens that are no good */
    TdTopic *verified;
    TdMetric *results[TD_PASSPORT_N_RESULTS], *remembered, *signed_tokens, *expiring, *stale;
    TdTimer daily; /* the control lane's */
};

/* Thread: a lane, until its turn is over. */
Settings *passport_settings (const Passport *passport);

/* The certificate of INFO that is there without fetching it (transfer full, nullable). */
Credential *passport_find (const Passport *passport, const char *info, const Settings *settings);

/* ask.c: of the service. */
void passport_ask (TdPassportQuestion *question, void *data);
void passport_cancel (TdPassportQuestion *question, void *data);
void passport_hand_on (Job *job, const char *why, void *data);

/* sign.c: of the service. */
char **passport_sign (const TdPassportDemand *demand, void *data, GError **error);

/* audit.c. Thread: control; of tell (): a lane. */
void audit_declare (Passport *passport);
void audit_tell (Passport *passport, const TdPassportQuestion *question,
                 const TdPassportVerdict *verdict, const char *hash);

/* Warns of certificates that will expire, today and each day. Thread: control. */
void audit_look_at_certificates (Passport *passport);

/* command.c. Thread: control. */
bool commands_start (Passport *passport, GError **error);

#endif
