/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the ISUP in a body says of priority.
 *
 *     ITU   01 | nature 1 | forward 2 | category | medium | -> called | -> optional | ...
 *     ANSI  01 | nature 1 | forward 2 | category | -> service | -> called | -> optional | ...
 *
 * so that both have the category and the pointer to what is optional at the same places. Optional
 * parameters are name, length, content, and a zero octet ends them. */

#include "isup.h"

#include <string.h>

enum {
    INITIAL_ADDRESS = 0x01,
    CATEGORY_AT = 4,
    OPTIONAL_AT = 7, /* the pointer, which counts from itself; 0: nothing is */
    CATEGORY_ORDINARY = 10,
    PRECEDENCE = 0x3a,     /* MLPP precedence: level, network identity (2), service domain (3) */
    PRECEDENCE_BYTES = 6,  /* of its content */
    LEVEL_MASK = 0x0f,     /* of the first octet of it */
    NO_LOOK_AHEAD = 0x40,  /* look ahead for busy is not allowed */
    PRECEDENCE_ROUTINE = 4 /* the lowest */
};

/* Where things are in a message; 0: not there. */
typedef struct {
    size_t precedence; /* the parameter's name */
    size_t end;        /* the octet that ends what is optional */
} Places;

/* False: no initial address message, or one that ends too early. */
static bool
find_places (const uint8_t *message, size_t len_bytes, Places *ret)
{
    size_t at;

    *ret = (Places){ 0 };
    if (len_bytes <= OPTIONAL_AT || message[0] != INITIAL_ADDRESS) {
        return false;
    }
    if (message[OPTIONAL_AT] == 0) {
        return true;
    }
    for (at = OPTIONAL_AT + (size_t) message[OPTIONAL_AT]; at < len_bytes && message[at] != 0;
         at += 2 + (size_t) message[at + 1]) {
        if (at + 1 >= len_bytes || message[at + 1] >= len_bytes - at - 1) {
            return false;
        }
        if (message[at] == PRECEDENCE && ret->precedence == 0) {
            ret->precedence = at;
        }
    }
    ret->end = at;
    return at < len_bytes;
}

bool
sip_isup_read (SipView message, TdForeign *ret)
{
    const uint8_t *octets = (const uint8_t *) message.text;
    Places places;

    if (!find_places (octets, message.len_bytes, &places)) {
        return false;
    }
    ret->given |= TD_FOREIGN_CATEGORY;
    ret->category = octets[CATEGORY_AT];
    if (places.precedence == 0 || octets[places.precedence + 1] != PRECEDENCE_BYTES) {
        return true;
    }
    const uint8_t *content = octets + places.precedence + 2;
    if ((content[0] & LEVEL_MASK) <= PRECEDENCE_ROUTINE) {
        ret->given |= TD_FOREIGN_PRECEDENCE;
        ret->precedence = content[0] & LEVEL_MASK;
        ret->precedence_network = (uint16_t) (content[1] << 8 | content[2]);
        ret->precedence_domain = (uint32_t) (content[3] << 16 | content[4] << 8 | content[5]);
    }
    return true;
}

/* Takes every precedence out. Returns the length that is left; PLACES is of that. */
static size_t
remove_precedence (GString *body, size_t at, size_t len_bytes, Places *places)
{
    while (places->precedence != 0) {
        size_t gone = 2 + (size_t) (uint8_t) body->str[at + places->precedence + 1];
        g_string_erase (body, (gssize) (at + places->precedence), (gssize) gone);
        len_bytes -= gone;
        find_places ((const uint8_t *) body->str + at, len_bytes, places);
    }
    return len_bytes;
}

/* As the last one of what is optional; where nothing is yet, and its place is too far away to be pointed to,
 * the message goes without. */
static void
add_precedence (GString *body, size_t at, size_t len_bytes, const Places *places,
                const TdForeign *foreign)
{
    const uint32_t domain = foreign->precedence_domain;
    const uint8_t parameter[] = { PRECEDENCE,
                                  PRECEDENCE_BYTES,
                                  (uint8_t) (NO_LOOK_AHEAD | foreign->precedence),
                                  (uint8_t) (foreign->precedence_network >> 8),
                                  (uint8_t) foreign->precedence_network,
                                  (uint8_t) (domain >> 16),
                                  (uint8_t) (domain >> 8),
                                  (uint8_t) domain };
    size_t end = places->end;

    if (end == 0) {
        if (len_bytes - OPTIONAL_AT > UINT8_MAX) {
            return;
        }
        end = len_bytes;
        body->str[at + OPTIONAL_AT] = (char) (uint8_t) (end - OPTIONAL_AT);
        g_string_insert_c (body, (gssize) (at + end), '\0');
    }
    g_string_insert_len (body, (gssize) (at + end), (const char *) parameter, sizeof parameter);
}

void
sip_isup_write (GString *body, size_t at, size_t len_bytes, const TdForeign *foreign)
{
    Places places;

    if (!find_places ((const uint8_t *) body->str + at, len_bytes, &places)) {
        return;
    }
    if ((foreign->given & TD_FOREIGN_CATEGORY) != 0) {
        body->str[at + CATEGORY_AT] = (char) foreign->category;
    }
    if ((foreign->given & TD_FOREIGN_PRECEDENCE) != 0) {
        len_bytes = remove_precedence (body, at, len_bytes, &places);
        add_precedence (body, at, len_bytes, &places, foreign);
    }
}

void
sip_isup_clear (GString *body, size_t at, size_t len_bytes)
{
    Places places;

    if (find_places ((const uint8_t *) body->str + at, len_bytes, &places)) {
        body->str[at + CATEGORY_AT] = CATEGORY_ORDINARY;
        remove_precedence (body, at, len_bytes, &places);
    }
}
