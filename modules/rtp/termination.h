/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Terminations: what the core asks of a media provider, done with streams of the engine. */

#ifndef MODULES_RTP_TERMINATION_H
#define MODULES_RTP_TERMINATION_H

#include "engine.h"

#include <stdatomic.h>
#include <tandem/iface/source.h>
#include <tandem/metric.h>
#include <tandem/resource.h>

/* Where media come to, and what peers are told. Family 0: this kind of address is not there. */
typedef struct {
    TdAddress host;
    char told[TD_ADDRESS_TEXT_SIZE];
} RtpPlace;

/* Constant while the module runs, but for the last. */
typedef struct {
    TdModule *module;
    RtpEngine *engine;
    RtpPlace ipv4, ipv6;
    /* Who makes sound by name, NULL when nobody does; what it is may change between two turns. */
    const TdSourceService *_Atomic sources;
    TdLimit *transcodes;    /* calls whose codec is turned into another one; nullable: any number */
    TdMetric *untranscoded; /* refused for it */
} RtpProvider;

/* What internal terminations there are: one that plays back, and all that can be played. */
#define RTP_SERVICE_LOOP   "loop"
#define RTP_SERVICE_SOURCE "source/"

/* TdMediaProvider.request, with the RtpProvider as its data. */
void rtp_provider_request (TdMediaRequest *request, void *provider);

/* RtpEngineSetup.event; the owner of a stream is its termination. */
void rtp_termination_event (void *termination, TdMediaEventKind kind, int64_t value, void *data);

#endif
