/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TNAuthList and JWTClaimConstraints, as OpenSSL's templates read them (RFC 8226 appendix A). */

#include "extension.h"

#include <openssl/asn1t.h>
#include <string.h>

enum { MAX_DIGITS = 15 };

typedef struct {
    ASN1_IA5STRING *start;
    ASN1_INTEGER *count;
} NumberRange;

typedef struct {
    int type;
    union {
        ASN1_IA5STRING *spc;
        NumberRange *range;
        ASN1_IA5STRING *one;
    } d;
} NumberEntry;

enum { ENTRY_SPC, ENTRY_RANGE, ENTRY_ONE };

typedef struct {
    ASN1_IA5STRING *claim;
    OPENSSL_STACK *permitted; /* ASN1_UTF8STRING */
} PermittedValues;

typedef struct {
    OPENSSL_STACK *must_include; /* ASN1_IA5STRING, nullable */
    OPENSSL_STACK *permitted;    /* PermittedValues, nullable */
} ClaimConstraints;

/* clang-format off */
ASN1_SEQUENCE (NumberRange) = {
    ASN1_SIMPLE (NumberRange, start, ASN1_IA5STRING),
    ASN1_SIMPLE (NumberRange, count, ASN1_INTEGER),
} static_ASN1_SEQUENCE_END (NumberRange)

ASN1_CHOICE (NumberEntry) = {
    ASN1_EXP (NumberEntry, d.spc, ASN1_IA5STRING, 0),
    ASN1_EXP (NumberEntry, d.range, NumberRange, 1),
    ASN1_EXP (NumberEntry, d.one, ASN1_IA5STRING, 2),
} static_ASN1_CHOICE_END (NumberEntry)

ASN1_ITEM_TEMPLATE (NumberList) =
    ASN1_EX_TEMPLATE_TYPE (ASN1_TFLG_SEQUENCE_OF, 0, NumberList, NumberEntry)
static_ASN1_ITEM_TEMPLATE_END (NumberList)

ASN1_SEQUENCE (PermittedValues) = {
    ASN1_SIMPLE (PermittedValues, claim, ASN1_IA5STRING),
    ASN1_SEQUENCE_OF (PermittedValues, permitted, ASN1_UTF8STRING),
} static_ASN1_SEQUENCE_END (PermittedValues)

ASN1_SEQUENCE (ClaimConstraints) = {
    ASN1_EXP_SEQUENCE_OF_OPT (ClaimConstraints, must_include, ASN1_IA5STRING, 0),
    ASN1_EXP_SEQUENCE_OF_OPT (ClaimConstraints, permitted, PermittedValues, 1),
} static_ASN1_SEQUENCE_END (ClaimConstraints)
/* clang-format on */

GByteArray *
extension_find (X509 *certificate, const char *oid)
{
    ASN1_OBJECT *object = OBJ_txt2obj (oid, 1);
    int index = X509_get_ext_by_OBJ (certificate, object, -1);
    GByteArray *bytes = NULL;

    ASN1_OBJECT_free (object);
    if (index >= 0) {
        const ASN1_OCTET_STRING *data = X509_EXTENSION_get_data (X509_get_ext (certificate, index));
        bytes = g_byte_array_new ();
        g_byte_array_append (bytes, ASN1_STRING_get0_data (data),
                             (unsigned) ASN1_STRING_length (data));
    }
    return bytes;
}

/* All of DER as ITEM, or NULL. */
static void *
read_all (const GByteArray *der, const ASN1_ITEM *item)
{
    const unsigned char *at = der->data;
    ASN1_VALUE *value = ASN1_item_d2i (NULL, &at, (long) der->len, item);

    if (value != NULL && at != der->data + der->len) {
        ASN1_item_free (value, item);
        return NULL;
    }
    return value;
}

static bool
is_text (const ASN1_STRING *string, const char *text)
{
    size_t len = strlen (text);

    return (size_t) ASN1_STRING_length (string) == len
           && memcmp (ASN1_STRING_get0_data (string), text, len) == 0;
}

/* The digits of TEXT (LEN bytes, at most MAX_DIGITS) as a number. */
static bool
read_digits (const void *text, size_t len, uint64_t *ret)
{
    const char *digits = text;
    uint64_t number = 0;

    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isdigit (digits[i])) {
            return false;
        }
        number = number * 10 + (uint64_t) (digits[i] - '0');
    }
    *ret = number;
    return len > 0 && len <= MAX_DIGITS;
}

/* RFC 8226 9: the numbers of a range are as long as its first one. */
static bool
has_in_range (const NumberRange *range, const char *tn)
{
    size_t len = (size_t) ASN1_STRING_length (range->start);
    uint64_t start, number, count;

    return strlen (tn) == len && read_digits (ASN1_STRING_get0_data (range->start), len, &start)
           && read_digits (tn, len, &number) && ASN1_INTEGER_get_uint64 (&count, range->count) == 1
           && number >= start && number - start < count;
}

static bool
has_number (const NumberEntry *entry, const char *tn)
{
    switch (entry->type) {
    case ENTRY_SPC:
        return true;
    case ENTRY_RANGE:
        return has_in_range (entry->d.range, tn);
    default:
        return entry->type == ENTRY_ONE && is_text (entry->d.one, tn);
    }
}

bool
extension_has_number (const GByteArray *list, const char *tn)
{
    const ASN1_ITEM *item = ASN1_ITEM_rptr (NumberList);
    OPENSSL_STACK *entries = read_all (list, item);
    bool is_there = false;

    for (int i = 0; i < OPENSSL_sk_num (entries) && !is_there; i++) {
        is_there = has_number (OPENSSL_sk_value (entries, i), tn);
    }
    if (entries != NULL) {
        ASN1_item_free ((ASN1_VALUE *) entries, item);
    }
    return is_there;
}

/* The claim NAME of PAYLOAD, or NULL. */
static GVariant *
find_claim (GVariant *payload, const ASN1_IA5STRING *name)
{
    g_autofree char *text =
        g_strndup ((const char *) ASN1_STRING_get0_data (name), (gsize) ASN1_STRING_length (name));

    return g_variant_lookup_value (payload, text, NULL);
}

/* Whether the values that PERMITTED lists have the claim's; one that is no text is none of them. */
static bool
is_permitted (GVariant *payload, const PermittedValues *permitted)
{
    g_autoptr (GVariant) claim = find_claim (payload, permitted->claim);

    if (claim == NULL) {
        return true;
    }
    if (!g_variant_is_of_type (claim, G_VARIANT_TYPE_STRING)) {
        return false;
    }
    for (int i = 0; i < OPENSSL_sk_num (permitted->permitted); i++) {
        if (is_text (OPENSSL_sk_value (permitted->permitted, i),
                     g_variant_get_string (claim, NULL))) {
            return true;
        }
    }
    return false;
}

static const char *
find_breach (const ClaimConstraints *constraints, GVariant *payload)
{
    for (int i = 0; i < OPENSSL_sk_num (constraints->must_include); i++) {
        g_autoptr (GVariant) claim =
            find_claim (payload, OPENSSL_sk_value (constraints->must_include, i));
        if (claim == NULL) {
            return "its certificate demands a claim that it does not have";
        }
    }
    for (int i = 0; i < OPENSSL_sk_num (constraints->permitted); i++) {
        if (!is_permitted (payload, OPENSSL_sk_value (constraints->permitted, i))) {
            return "its certificate does not permit the value of a claim";
        }
    }
    return NULL;
}

bool
extension_permits (const GByteArray *constraints, GVariant *payload, const char **ret_why)
{
    const ASN1_ITEM *item = ASN1_ITEM_rptr (ClaimConstraints);
    ClaimConstraints *read = read_all (constraints, item);
    const char *why = "its certificate has claim constraints that cannot be read";

    if (read != NULL) {
        why = find_breach (read, payload);
        ASN1_item_free ((ASN1_VALUE *) read, item);
    }
    if (why != NULL) {
        *ret_why = why;
    }
    return why == NULL;
}
