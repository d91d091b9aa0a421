/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Media providers, terminations, and requests that are answered once, late, or not in time. */

#ifndef CORE_CALL_MEDIA_H
#define CORE_CALL_MEDIA_H

#include <tandem/media.h>

typedef struct TdProviderEntry TdProviderEntry;

#define TD_NO_TERMINATION TD_MAX_TERMINATIONS /* the index of none */

/* One end of a bridge. Outlives the bridge while a request of it is under way. */
typedef struct {
    int n_refs;
    TdProviderEntry *provider; /* in use as long as this lives */
    TdId bridge;
    uint16_t index;
    uint8_t kind; /* TdTerminationKind */
    uint8_t priority_class;
    uint8_t transcoder;  /* TdTranscoderWish of the next request */
    bool is_abandoned;   /* the bridge is gone: an answer that comes now is taken back */
    unsigned n_requests; /* the provider has them: also those that nobody waits for any more */
    char *service;       /* of an internal one */
    void *state;         /* the provider's */
    TdDescription *wanted, *local, *remote;
} TdTermination;

typedef struct {
    unsigned cause; /* TD_CAUSE_NONE: done */
    const char *reason;
    TdDescription *local;
    bool has_transcoder;
    const TdMediaStats *stats;
    unsigned n_stats;
} TdMediaOutcome;

typedef void (*TdMediaAnswered) (void *data, const TdMediaOutcome *outcome);

void td_media_open (void);
void td_media_close (void);

/* The provider for a new bridge, in use until td_provider_release(); NULL: none runs.
 * Thread: any. */
TdProviderEntry *td_provider_acquire (void);
void td_provider_release (TdProviderEntry *entry);
TdProviderEntry *td_provider_ref (TdProviderEntry *entry);
/* Whether it makes nothing new. */
bool td_provider_is_stopping (const TdProviderEntry *entry);
bool td_provider_can (const TdProviderEntry *entry, TdTerminationKind kind, const char *service);

TdTermination *td_termination_new (TdProviderEntry *provider, TdId bridge, unsigned index,
                                   TdTerminationKind kind, const char *service,
                                   unsigned priority_class);
void td_termination_unref (TdTermination *termination);

/* Whether its provider has it, or may yet make it. */
bool td_termination_is_made (const TdTermination *termination);

/* Another provider is to make TERMINATION, which is not made. */
void td_termination_hand_over (TdTermination *termination, TdProviderEntry *provider);

/* Its requests from now on are of PRIORITY_CLASS. */
void td_termination_set_class (TdTermination *termination, unsigned priority_class);

/* Sends a request about TERMINATION; ANSWERED is called once with DATA, maybe before this returns,
 * at the latest after TIMEOUT_MS with TD_CAUSE_RECOVERY_ON_TIMER. Thread: the lane of the bridge. */
void td_media_modify (TdTermination *termination, TdDescription *wanted, TdDescription *remote,
                      uint32_t timeout_ms, TdMediaAnswered answered, void *data);
void td_media_connect (TdTermination *termination, TdTermination *peer, TdDirection direction,
                       uint32_t timeout_ms, TdMediaAnswered answered, void *data);
void td_media_subtract (TdTermination *termination, uint32_t timeout_ms, TdMediaAnswered answered,
                        void *data);
void td_media_audit (TdTermination *termination, uint32_t timeout_ms, TdMediaAnswered answered,
                     void *data);

/* Where td_media_event() goes on the lane; set once by the bridges. */
void td_media_set_event_sink (void (*sink) (TdId bridge, unsigned termination,
                                            TdMediaEventKind kind, int64_t value));

#endif
