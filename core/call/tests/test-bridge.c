/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bridges and a provider that takes its time, or is upgraded: which termination an index means, and which
 * build makes it. */

#include "call/bridge.h"

#include "base/owner.h"
#include "call/codec.h"
#include "common/mute-codec.h"
#include "run/lane.h"

#include <string.h>

enum { TIMEOUT_MS = 1000 };

/* A build of the provider. It answers at once, but for what is asked while it is slow. */
typedef struct {
    TdOwner module; /* first */
    unsigned n_made, n_left;
    unsigned n_room; /* so many it can make; 0: any number */
    bool has_transcoder, keeps;
    unsigned n_formats; /* of what was wanted last */
    bool is_slow;
    GQueue kept; /* the requests it has not answered */
} Build;

typedef struct {
    Build old, new;
    TdBridge *bridge;
    TdDescription *offer;
    unsigned index; /* of the seat that was added last */
    unsigned n_steps;
    unsigned cause; /* of the last step */
    bool is_closed;
} World;

static void
answer (TdMediaRequest *request, Build *build)
{
    switch (request->verb) {
    case TD_MEDIA_MODIFY:
        if (*request->state == NULL && build->n_room > 0
            && build->n_made - build->n_left == build->n_room) {
            td_media_failed (request, TD_CAUSE_RESOURCE_UNAVAILABLE, "No room");
            return;
        }
        build->n_made += *request->state == NULL;
        *request->state = build;
        request->has_transcoder =
            request->transcoder == TD_TRANSCODER_KEEP && build->has_transcoder;
        build->keeps |= request->has_transcoder;
        build->keeps &= request->transcoder != TD_TRANSCODER_SPARE;
        if (request->wanted != NULL) {
            build->n_formats = request->wanted->streams[0].n_formats;
        }
        break;
    case TD_MEDIA_SUBTRACT:
        build->n_left += *request->state != NULL;
        *request->state = NULL;
        break;
    case TD_MEDIA_CONNECT:
    case TD_MEDIA_AUDIT:
        break;
    }
    td_media_done (request, request->wanted != NULL ? td_description_ref (request->wanted) : NULL,
                   NULL, 0);
}

static void
take_request (TdMediaRequest *request, void *data)
{
    Build *build = data;

    if (build->is_slow) {
        g_queue_push_tail (&build->kept, request);
    } else {
        answer (request, build);
    }
}

static void
start_build (Build *build)
{
    g_autoptr (GError) error = NULL;

    td_owner_init (&build->module, "relay");
    td_media_provider_register ((TdModule *) &build->module,
                                &(TdMediaProvider){ .size = sizeof (TdMediaProvider),
                                                    .name = "relay",
                                                    .kinds = 1u << TD_TERMINATION_IP,
                                                    .data = build,
                                                    .request = take_request },
                                &error);
    g_assert_no_error (error);
}

static void
note_step (void *owner, TdBridgeTag tag, TdDescription *out, const TdCause *failure)
{
    World *world = owner;

    world->n_steps++;
    world->cause = failure != NULL ? failure->value : TD_CAUSE_NONE;
}

static void
ignore_event (void *owner, unsigned termination, TdMediaEventKind kind, int64_t value)
{
}

static void
note_closed (void *owner)
{
    ((World *) owner)->is_closed = true;
}

static void
open_bridge (void *data)
{
    World *world = data;
    TdCause failure;

    world->bridge = td_bridge_new (&(TdBridgeOptions){ .timeout_ms = TIMEOUT_MS,
                                                       .can_transcode = true,
                                                       .owner = world,
                                                       .stepped = note_step,
                                                       .media_event = ignore_event,
                                                       .closed = note_closed },
                                   &failure);
    g_assert_nonnull (world->bridge);
}

static void
add_seat (void *data)
{
    World *world = data;
    TdCause failure;

    world->index = td_bridge_add (world->bridge, NULL, &failure);
}

/* The leg of seat 0 offers to the one of seat 1, whose termination is made for it. */
static void
offer (void *data)
{
    World *world = data;

    td_bridge_offer (world->bridge, 0, 1, world->offer, (TdBridgeTag){ 0 });
}

static void
reserve (void *data)
{
    td_bridge_reserve (((World *) data)->bridge, 0, 1, (TdBridgeTag){ 0 });
}

static void
answer_second (void *data)
{
    World *world = data;

    td_bridge_answer (world->bridge, 0, 1, world->offer, world->offer, (TdBridgeTag){ 0 });
}

static void
remove_first (void *data)
{
    td_bridge_remove (((World *) data)->bridge, 0);
}

static void
remove_second (void *data)
{
    td_bridge_remove (((World *) data)->bridge, 1);
}

static void
spare_second (void *data)
{
    td_bridge_spare (((World *) data)->bridge, 1);
}

static void
drop_spares (void *data)
{
    td_bridge_drop_spares (((World *) data)->bridge);
}

static void
close_bridge (void *data)
{
    td_bridge_close (((World *) data)->bridge);
}

static void
answer_kept (void *data)
{
    Build *build = data;
    TdMediaRequest *request;

    build->is_slow = false;
    while ((request = g_queue_pop_head (&build->kept)) != NULL) {
        answer (request, build);
    }
}

static void
on_lane (void (*run) (void *data), void *data)
{
    td_lanes_on (td_lane_at (0), run, data);
    td_lanes_settle ();
}

static void
set_up (World *world, const void *data)
{
    static const char text[] = "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\n"
                               "c=IN IP4 198.51.100.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    g_autoptr (GError) error = NULL;

    td_lanes_open (&(TdLanesOptions){ .n_lanes = 1, .is_fake = true, .seed = 1 });
    td_codecs_open ();
    td_media_open ();
    td_bridges_open ();
    start_build (&world->old);
    world->offer = td_description_from_sdp (text, strlen (text), &error);
    g_assert_no_error (error);
    on_lane (open_bridge, world);
    on_lane (add_seat, world);
    on_lane (add_seat, world);
    g_assert_cmpuint (world->index, ==, 1);
}

static void
tear_down (World *world, const void *data)
{
    on_lane (close_bridge, world);
    td_lanes_advance (10 * TIMEOUT_MS);
    on_lane (answer_kept, &world->old);
    g_assert_true (world->is_closed);
    td_description_unref (world->offer);
    td_media_close ();
    td_codecs_close ();
    td_owner_clear (&world->old.module);
    if (world->new.module.name != NULL) {
        td_owner_clear (&world->new.module);
    }
    td_lanes_close ();
}

/* The provider still knows the old one by that index. */
static void
test_index_is_not_given_away_before_it_is_free (World *world, const void *data)
{
    on_lane (offer, world);
    g_assert_cmpuint (world->old.n_made, ==, 2);
    world->old.is_slow = true;
    on_lane (remove_second, world);
    td_lanes_advance (TIMEOUT_MS + 1);
    on_lane (add_seat, world);
    g_assert_cmpuint (world->index, ==, 2);
    on_lane (answer_kept, &world->old);
    on_lane (add_seat, world);
    g_assert_cmpuint (world->index, ==, 1);
}

static void
test_what_leaves_is_subtracted_once (World *world, const void *data)
{
    on_lane (offer, world);
    world->old.is_slow = true;
    on_lane (remove_second, world);
    td_lanes_advance (TIMEOUT_MS + 1);
    on_lane (close_bridge, world);
    td_lanes_advance (TIMEOUT_MS + 1);
    g_assert_true (world->is_closed);
    g_assert_cmpuint (g_queue_get_length (&world->old.kept), ==, 2); /* one for each */
    on_lane (answer_kept, &world->old);
    on_lane (open_bridge, world); /* to be closed */
}

static void
upgrade (World *world)
{
    start_build (&world->new);
    atomic_store (&world->old.module.is_stopping, true);
}

static void
test_of_nothing_made_the_newest_build_makes_the_first (World *world, const void *data)
{
    on_lane (offer, world);
    upgrade (world);
    on_lane (remove_first, world);
    on_lane (remove_second, world);
    on_lane (add_seat, world);
    on_lane (add_seat, world);
    g_assert_cmpuint (world->index, ==, 1);
    on_lane (offer, world);
    g_assert_cmpuint (world->old.n_made, ==, 2);
    g_assert_cmpuint (world->new.n_made, ==, 2);
    g_assert_cmpuint (td_owner_uses (&world->old.module), ==, 0);
}

static void
test_beside_what_is_made_its_build_goes_on (World *world, const void *data)
{
    on_lane (offer, world);
    upgrade (world);
    on_lane (remove_second, world);
    on_lane (add_seat, world);
    on_lane (offer, world);
    g_assert_cmpuint (world->old.n_made, ==, 3);
    g_assert_cmpuint (world->new.n_made, ==, 0);
}

/* Without room for the caller's own media there is nothing to offer to anybody. */
static void
test_offer_has_its_way_back (World *world, const void *data)
{
    world->old.n_room = 1;
    on_lane (offer, world);
    g_assert_cmpuint (world->n_steps, ==, 1);
    g_assert_cmpuint (world->cause, ==, TD_CAUSE_RESOURCE_UNAVAILABLE);
}

static void
test_both_are_reserved (World *world, const void *data)
{
    on_lane (reserve, world);
    g_assert_cmpuint (world->cause, ==, TD_CAUSE_NONE);
    on_lane (reserve, world);
    g_assert_cmpuint (world->n_steps, ==, 2);
    g_assert_cmpuint (world->old.n_made, ==, 2);
}

static void
test_reserve_fails (World *world, const void *data)
{
    world->old.n_room = 1;
    on_lane (reserve, world);
    g_assert_cmpuint (world->n_steps, ==, 1);
    g_assert_cmpuint (world->cause, ==, TD_CAUSE_RESOURCE_UNAVAILABLE);
}

static void
test_next_leg_has_what_is_spared (World *world, const void *data)
{
    on_lane (offer, world);
    on_lane (spare_second, world);
    on_lane (add_seat, world);
    g_assert_cmpuint (world->index, ==, 1);
    on_lane (offer, world);
    g_assert_cmpuint (world->old.n_made, ==, 2);
    g_assert_cmpuint (world->old.n_left, ==, 0);
}

/* Its peer may send yet. */
static void
test_what_was_heard_is_not_spared (World *world, const void *data)
{
    on_lane (offer, world);
    on_lane (answer_second, world);
    on_lane (spare_second, world);
    g_assert_cmpuint (world->old.n_left, ==, 1);
}

static void
test_spares_are_dropped (World *world, const void *data)
{
    on_lane (offer, world);
    on_lane (spare_second, world);
    on_lane (drop_spares, world);
    g_assert_cmpuint (world->old.n_left, ==, 1);
    on_lane (add_seat, world);
    on_lane (offer, world);
    g_assert_cmpuint (world->old.n_made, ==, 3);
}

/* PCMU is what the caller has. */
static void
offer_between (World *world, bool has_transcoder)
{
    mute_codec_add ("PCMU", 0, 0);
    mute_codec_add ("PCMA", 8, 0);
    world->old.has_transcoder = has_transcoder;
    on_lane (offer, world);
    g_assert_cmpuint (world->cause, ==, TD_CAUSE_NONE);
}

static void
test_codecs_are_added_when_a_transcoder_is_kept (World *world, const void *data)
{
    offer_between (world, true);
    g_assert_cmpuint (world->old.n_formats, ==, 2);
    g_assert_true (world->old.keeps);
    on_lane (answer_second, world);
    g_assert_true (world->old.keeps); /* it may have been early media */
    on_lane (drop_spares, world);
    g_assert_false (world->old.keeps);
}

static void
test_nothing_is_added_without_transcoder (World *world, const void *data)
{
    offer_between (world, false);
    g_assert_cmpuint (world->old.n_formats, ==, 1);
    world->old.has_transcoder = true; /* for the next target there is one again */
    on_lane (spare_second, world);
    on_lane (add_seat, world);
    on_lane (offer, world);
    g_assert_cmpuint (world->old.n_formats, ==, 2);
}

/* Who is rung will make the offer, and nobody takes the place from the call meanwhile. */
static void
test_transcoder_is_reserved (World *world, const void *data)
{
    mute_codec_add ("PCMU", 0, 0);
    mute_codec_add ("PCMA", 8, 0);
    world->old.has_transcoder = true;
    on_lane (reserve, world);
    g_assert_true (world->old.keeps);
    world->old.has_transcoder = false;
    on_lane (offer, world);
    g_assert_cmpuint (world->old.n_formats, ==, 2);
    on_lane (drop_spares, world);
    g_assert_false (world->old.keeps);
}

static void
test_reserves_without_transcoder (World *world, const void *data)
{
    on_lane (reserve, world);
    g_assert_cmpuint (world->cause, ==, TD_CAUSE_NONE);
    g_assert_false (world->old.keeps);
}

#define ADD(name, test) g_test_add ("/call/bridge/" name, World, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("index", test_index_is_not_given_away_before_it_is_free);
    ADD ("subtracted-once", test_what_leaves_is_subtracted_once);
    ADD ("newest-build", test_of_nothing_made_the_newest_build_makes_the_first);
    ADD ("same-build", test_beside_what_is_made_its_build_goes_on);
    ADD ("way-back", test_offer_has_its_way_back);
    ADD ("reserved", test_both_are_reserved);
    ADD ("no-reserve", test_reserve_fails);
    ADD ("spare", test_next_leg_has_what_is_spared);
    ADD ("spare-heard", test_what_was_heard_is_not_spared);
    ADD ("spare-dropped", test_spares_are_dropped);
    ADD ("transcoder-kept", test_codecs_are_added_when_a_transcoder_is_kept);
    ADD ("transcoder-reserved", test_transcoder_is_reserved);
    ADD ("no-transcoder-reserved", test_reserves_without_transcoder);
    ADD ("no-transcoder", test_nothing_is_added_without_transcoder);
    return g_test_run ();
}
