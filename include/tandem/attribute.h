/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Declared, typed values on a call or a channel: identity, privacy, diversion, charging ids, raw
 * bodies. A new standard adds an attribute, not a struct field.
 *
 * An attribute is declared by name; whoever declares the same name gets the same handle. Whether it
 * goes out on a leg is what its first declaration says, for every trunk alike; an attempt hook that
 * wants another thing for one target takes the value out of td_call_target_attributes (). */

#ifndef TANDEM_ATTRIBUTE_H
#define TANDEM_ATTRIBUTE_H

#include <tandem/base.h>

G_BEGIN_DECLS

typedef struct TdAttribute TdAttribute;

typedef enum {
    TD_ATTRIBUTE_TEXT,
    TD_ATTRIBUTE_NUMBER,
    TD_ATTRIBUTE_BYTES,
} TdAttributeType;

typedef enum {
    TD_ATTRIBUTE_PASS = 1 << 0,   /* goes out on the other leg */
    TD_ATTRIBUTE_SECRET = 1 << 1, /* in no log, record or trace */
    TD_ATTRIBUTE_MANY = 1 << 2,   /* may have more than one value, in order */
    TD_ATTRIBUTE_RETURN = 1 << 3, /* goes back to the caller with the refusal that ends the call */
} TdAttributeFlags;

/* Declares NAME ("sip.header.x-foo", "identity.asserted"), or finds it. Errors: declared before with
 * another type. Returns (transfer none, lives as long as the process). Thread: control. */
TD_API const TdAttribute *td_attribute_declare (TdModule *module, const char *name,
                                                TdAttributeType type, unsigned flags,
                                                const char *help, GError **error);

/* The attribute of NAME (transfer none), or NULL. Thread: any. */
TD_API const TdAttribute *td_attribute_find (const char *name);
TD_API const char *td_attribute_name (const TdAttribute *attribute);
TD_API TdAttributeType td_attribute_type (const TdAttribute *attribute);
TD_API unsigned td_attribute_flags (const TdAttribute *attribute);

/* TEXT, MANY: lines "NAME: VALUE" that the answer to the calling leg has, for whoever tells the caller
 * something with it. */
#define TD_ATTRIBUTE_ANSWER_LINES "call.answer-lines"

/* TEXT: what was found of signatures over what the calling leg claims, for the records: "valid: ets.0", "438: why
 * not", "unchecked: why not". */
#define TD_ATTRIBUTE_SIGNATURE "call.signature"

/* TEXT: the account that pays for the call, where it is not who usually does; for the records. */
#define TD_ATTRIBUTE_ACCOUNT "call.account"

/* NUMBER, 1: the calling party cannot put the called one on hold. The other way round he can. */
#define TD_ATTRIBUTE_NO_HOLD "call.no-hold"

/* NUMBER, 1: the called party cannot hand the call on, nor redirect it; see td_channel_transferred(). */
#define TD_ATTRIBUTE_NO_TRANSFER "call.no-transfer"

/* TEXT, MANY: of a called leg that is released with TD_CAUSE_REDIRECTION, whom its peer would have called in its
 * stead, the best first: "USER", "USER\tTRUNK" where only that trunk group may be taken, or
 * "USER\tTRUNK\tPARAMETERS" with what stands behind the number (TD_ATTRIBUTE_USER_PARAMETERS). The call is routed
 * anew to one after the other; it goes where the route hooks let it. A call with TD_ATTRIBUTE_NO_TRANSFER does not. */
#define TD_ATTRIBUTE_REDIRECTION "call.redirection"

/* TEXT: who has placed the calling leg, as its driver has found out, whatever the leg says of itself: "user NAME" who
 * has proved to be it, "certificate SUBJECT" of the connection's other end, or else "address HOST", the next hop's.
 * None: the driver cannot know. */
#define TD_ATTRIBUTE_SOURCE "call.source"

/* TEXT: what stands behind the called number, such as ";npdi;rn=+12015550000" (RFC 3966 3, RFC 4694). */
#define TD_ATTRIBUTE_USER_PARAMETERS "sip.user-parameters"

/* A set of values. Thread, of all that follow: whoever owns the set. */
TD_API TdAttributes *td_attributes_new (void);
TD_API TdAttributes *td_attributes_copy (const TdAttributes *attributes);
TD_API void td_attributes_free (TdAttributes *attributes);

/* Sets, in place of what was there; a NULL value removes. */
TD_API void td_attributes_set_text (TdAttributes *attributes, const TdAttribute *attribute,
                                    const char *text);
TD_API void td_attributes_set_number (TdAttributes *attributes, const TdAttribute *attribute,
                                      int64_t number);
TD_API void td_attributes_set_bytes (TdAttributes *attributes, const TdAttribute *attribute,
                                     GBytes *bytes);
/* One more value of a TD_ATTRIBUTE_MANY text. */
TD_API void td_attributes_add_text (TdAttributes *attributes, const TdAttribute *attribute,
                                    const char *text);

/* NULL, 0 or NULL where there is none (transfer none). INDEX counts the values from 0. */
TD_API const char *td_attributes_text (const TdAttributes *attributes, const TdAttribute *attribute,
                                       unsigned index);
TD_API int64_t td_attributes_number (const TdAttributes *attributes, const TdAttribute *attribute);
TD_API GBytes *td_attributes_bytes (const TdAttributes *attributes, const TdAttribute *attribute);

/* Calls VISIT with each attribute that has a value. */
TD_API void td_attributes_each (const TdAttributes *attributes,
                                void (*visit) (const TdAttribute *attribute, void *data),
                                void *data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TdAttributes, td_attributes_free)

G_END_DECLS

#endif
