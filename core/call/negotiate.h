/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a bridge says to one leg because of what the other one said: pure functions of descriptions.
 *
 *     X offers   --- td_negotiate_offer () --->   offered to Y, codecs added that can be transcoded
 *     X is told  <-- td_negotiate_answer () ---   Y answers
 */

#ifndef CORE_CALL_NEGOTIATE_H
#define CORE_CALL_NEGOTIATE_H

#include <tandem/offer.h>

/* The offer for the other leg (transfer full), right but for origin, addresses and ports. With
 * CAN_TRANSCODE every registered codec is added behind the offered ones, to each audio stream that
 * offers at least one registered codec. */
TdDescription *td_negotiate_offer (const TdDescription *offer, bool can_transcode);

/* Whether that would add something. */
bool td_negotiate_can_add (const TdDescription *offer);

/* An offer of one audio stream with every registered codec (transfer full), for a peer that asked
 * for an offer of a leg that has none of its own. */
TdDescription *td_negotiate_any_offer (void);

/* The answer for the leg that made OFFER (transfer full), out of what the other leg answered to
 * the negotiated offer. Formats both know are kept, so that packets can be relayed; a stream without
 * one gets the best that can be transcoded, or is refused (RFC 3264 6). Returns NULL when no stream
 * is left of those that were offered, or ANSWER has not OFFER's streams. */
TdDescription *td_negotiate_answer (const TdDescription *offer, const TdDescription *answer,
                                    bool can_transcode);

/* Leaves of STREAM's formats those that we can make and understand, and what goes with them; all of them,
 * when that is none. */
void td_negotiate_keep_codecs (TdStream *stream);

/* What an internal termination answers to OFFER (transfer full). IS_SOURCE: it makes sound, and gives back none. */
TdDescription *td_negotiate_own_answer (const TdDescription *offer, bool is_source);

/* SAID, the offer of a peer (or its answer), as far as what it was TOLD in return (or before) agrees with it
 * (transfer full). */
TdDescription *td_negotiate_agreed (const TdDescription *said, const TdDescription *told);

#endif
