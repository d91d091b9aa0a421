/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The feature "service.passport": PASSporTs (RFC 8225) verified and signed.
 *
 *     lane -- ask () --> what is known of the token? -- no --> queue of the peer --> worker
 *     lane <-- done () ------- yes --------------'   <------------ verdict ------------'
 *
 * A token is verified by itself (its form, its certificate, its signature), and that is remembered; then
 * it is compared with the request that brought it: who calls whom, when, with which marks, and whether
 * another request has brought it already. The table is published with td_feature_provide() and found
 * with td_feature_acquire().
 */

#ifndef TANDEM_IFACE_PASSPORT_H
#define TANDEM_IFACE_PASSPORT_H

#include <tandem/lane.h>

G_BEGIN_DECLS

#define TD_FEATURE_PASSPORT "service.passport"

typedef enum {
    TD_PASSPORT_VALID,
    TD_PASSPORT_IGNORED, /* of a type that is not understood or not asked for: as if it was not
                                * there (RFC 8224 6.2, step 1) */
    TD_PASSPORT_NO_CREDENTIAL, /* 436: its certificate cannot be had */
    TD_PASSPORT_UNTRUSTED,     /* 437: nobody who may say so vouches for the certificate */
    TD_PASSPORT_INVALID,       /* 438: its form, its signature, or it is of another request */
    TD_PASSPORT_STALE,         /* 403: too old, or from the future */
    TD_PASSPORT_REPLAYED,      /* 438: another request has brought it already */
    TD_PASSPORT_UNCHECKED,     /* too much is to be verified just now: nothing is known of it */
    TD_PASSPORT_N_RESULTS,
} TdPassportResult;

/* What is to be said of one token. Texts are never NULL. */
typedef struct {
    TdPassportResult result;
    unsigned status;           /* what a request is refused with for it (RFC 8224 6.2.2); 0: none */
    const char *reason;        /* why it is not valid, in words */
    const char *ppt;           /* "rph", "shaken"; "": the baseline */
    const char *info;          /* where its certificate is */
    const char *signer;        /* subject of the certificate */
    const char *anchor;        /* name of the anchor that vouches for it */
    const char *const *values; /* rph: the r-values of the request that it authorises */
    const char *attest;        /* shaken: "A", "B", "C" */
    const char *origid;        /* shaken */
    const char
        *sph; /* rph: "psap-callback" (RFC 9027 4), which a valid one has only where the request's
                                * Priority has it. Since 0.1. */
} TdPassportVerdict;

/* Lives as long as DONE runs. */
typedef struct {
    uint32_t size;                     /* sizeof (TdPassportAnswer) */
    uint32_t verdict_size;             /* sizeof (TdPassportVerdict) */
    const TdPassportVerdict *verdicts; /* one for each identity of the question, in its order */
    unsigned n_verdicts;
    /* The r-values of the request that a valid token authorises, as the request writes them. The others
     * have no effect. */
    const char *const *values;
    /* What RFC 8224 6.2.2 answers a request with that needs a valid token: 0: it has one; 428: none that
     * is understood; 403, 436, 437, 438. And why, in words. */
    unsigned status;
    const char *reason;
} TdPassportAnswer;

typedef struct TdPassportQuestion TdPassportQuestion;

/* The tokens of one request. Embed it in what waits for the answer, and keep it, with its texts, until
 * DONE, DROP or cancel (). A party is a number ("+1 215 555 1212", or digits without "+") or a URI (tel:,
 * sip:, sips:, urn:service:sos), as the request has it. */
struct TdPassportQuestion {
    uint32_t size;                 /* sizeof (TdPassportQuestion) */
    TdModule *owner;               /* in use until then */
    const char *const *identities; /* values of the Identity header fields, NULL-terminated */
    const char *only;              /* nullable: the ppt that counts ("rph"); others are ignored */
    const char *orig;              /* From, or P-Asserted-Identity where that counts */
    const char *const *
        dests; /* To and, where it is another, Request-URI; NULL-terminated. The token names each */
    const char *const *values; /* claimed r-values ("ets.0"), NULL-terminated; nullable: none */
    const char *priority;      /* the Priority header field, nullable */
    const char *call_id;
    const char *trunk; /* the trunk group it came by, "" for a stranger: whose share is used */
    /* The outcome, on the lane that asked, exactly once, not before ask () has returned. */
    void (*done) (TdPassportQuestion *question, const TdPassportAnswer *answer);
    void (*drop) (TdPassportQuestion *question); /* instead, when the owner has stopped */
    void *asked;                                 /* private */
};

/* What is to be signed. Parties as above; of URIs and numbers the canonical form is signed. */
typedef struct {
    uint32_t size;             /* sizeof (TdPassportDemand) */
    const char *ppt;           /* "rph", "shaken" */
    const char *orig;          /* who calls */
    const char *const *dests;  /* who is called, NULL-terminated */
    const char *const *values; /* rph: the r-values, NULL-terminated; shaken: NULL */
    const char *priority;      /* rph with esnet: "psap-callback" (RFC 9027 4); nullable */
    const char *attest;        /* shaken: "A", "B", "C" */
    const char *origid;        /* shaken: a UUID; NULL: a new one */
    int64_t wall_us;           /* when the call began; 0: now */
} TdPassportDemand;

typedef struct {
    uint32_t size; /* sizeof (TdPassportService) */
    void *data;

    /* Asks QUESTION. Thread: a lane. Blocks: never. */
    void (*ask) (TdPassportQuestion *question, void *data);

    /* Neither done nor drop will come any more. Thread: the lane that asked. Blocks: never. */
    void (*cancel) (TdPassportQuestion *question, void *data);

    /* The values of Identity header fields, NULL-terminated (transfer full, g_strfreev ()): of rph one
     * for each signer that is needed, since a token has one authority (RFC 8443 3). Errors: nobody here
     * may sign for an r-value or a number, or a party cannot be written. Thread: a lane; takes about 25
     * us for each token. Blocks: never. */
    char **(*sign) (const TdPassportDemand *demand, void *data, GError **error);
} TdPassportService;

G_END_DECLS

#endif
