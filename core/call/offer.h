/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the readers, printers and answerers of media descriptions share.
 *
 * A description that was read or copied keeps all its texts in the one block it stands in; a text
 * that is replaced later has an allocation of its own. The byte before a text tells which: it is
 * TD_TEXT_OWNED for an allocation of its own and anything else in a block, where the text's
 * predecessor is a delimiter or an end.
 */

#ifndef CORE_CALL_OFFER_H
#define CORE_CALL_OFFER_H

#include <tandem/offer.h>

enum {
    TD_TEXT_OWNED = 1,
    TD_MAX_SDP_BYTES = 64 * 1024,
};

/* An empty description with N_BYTES of room for texts behind it, whose start goes to RET_TEXTS.
 * The byte before that is 0. */
TdDescription *td_description_new_block (size_t n_bytes, char **ret_texts);

/* Appends a format that is all zero, or returns NULL when STREAM has TD_MAX_FORMATS. */
TdFormat *td_stream_append_format (TdStream *stream);

/* Appends LINE (transfer full, a text) to *LINES, which has N_LINES. */
void td_lines_append (char ***lines, unsigned n_lines, char *line);

/* What RFC 3551 6 says of PAYLOAD_TYPE, or NULL: a name that needs no freeing as a text. */
const TdFormat *td_format_static (unsigned payload_type);

/* The beginning of what a peer sent, for a message: short and on one line (transfer full). */
char *td_quote (const char *bytes, size_t n_bytes);

#endif
