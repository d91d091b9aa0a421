/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A media provider that does at once what is asked. */

#include "common/fake-media.h"

#include <string.h>

#define SERVICE "source/"

typedef struct {
    TdId bridge;
    unsigned termination;
    const char *digits;
} Typing;

static void
modify (FakeMedia *media, TdMediaRequest *request)
{
    bool is_internal = request->kind == TD_TERMINATION_INTERNAL;

    if (is_internal && media->is_deaf) {
        td_media_failed (request, TD_CAUSE_BEARER_NOT_IMPLEMENTED, "it has no such sound");
        return;
    }
    if (is_internal && *request->state == NULL) {
        g_string_append_printf (media->played, "%s;", request->service + strlen (SERVICE));
        media->bridge = request->bridge;
        media->sound = request->termination;
    }
    *request->state = media;
    td_media_done (request,
                   !is_internal && request->wanted != NULL ? td_description_ref (request->wanted)
                                                           : NULL,
                   NULL, 0);
}

void
fake_media_answer (FakeMedia *media, TdMediaRequest *request)
{
    switch (request->verb) {
    case TD_MEDIA_MODIFY:
        modify (media, request);
        return;
    case TD_MEDIA_SUBTRACT:
        *request->state = NULL;
        break;
    case TD_MEDIA_CONNECT:
    case TD_MEDIA_AUDIT:
        break;
    }
    td_media_done (request, NULL, NULL, 0);
}

static void
take_request (TdMediaRequest *request, void *data)
{
    FakeMedia *media = data;

    if (media->take != NULL) {
        media->take (request, media->data);
    } else {
        fake_media_answer (media, request);
    }
}

FakeMedia *
fake_media_new (TdFixture *fixture)
{
    FakeMedia *media = g_new0 (FakeMedia, 1);
    g_autoptr (GError) error = NULL;

    media->fixture = fixture;
    media->played = g_string_new (NULL);
    td_media_provider_register (
        NULL,
        &(TdMediaProvider){ .size = sizeof (TdMediaProvider),
                            .name = "fake",
                            .kinds = 1u << TD_TERMINATION_IP | 1u << TD_TERMINATION_INTERNAL,
                            .services = TD_LIST (SERVICE),
                            .data = media,
                            .request = take_request },
        &error);
    g_assert_no_error (error);
    return media;
}

void
fake_media_free (FakeMedia *media)
{
    if (media != NULL) {
        g_string_free (media->played, TRUE);
        g_free (media);
    }
}

static void
type (void *data)
{
    const Typing *typing = data;

    for (const char *digit = typing->digits; *digit != '\0'; digit++) {
        td_media_event (NULL, typing->bridge, typing->termination, TD_MEDIA_DIGIT, *digit);
    }
}

void
fake_media_type (FakeMedia *media, unsigned termination, const char *digits)
{
    td_fixture_on (media->fixture, 0, type, &(Typing){ media->bridge, termination, digits });
    td_engine_settle ();
}

static void
end_sound (void *data)
{
    const FakeMedia *media = data;

    td_media_event (NULL, media->bridge, media->sound, TD_MEDIA_ENDED, 0);
}

void
fake_media_end_sound (FakeMedia *media)
{
    td_fixture_on (media->fixture, 0, end_sound, media);
    td_engine_settle ();
}
