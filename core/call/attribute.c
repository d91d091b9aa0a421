/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attributes: the declarations of the process, and the sets of values of calls and channels. */

#include "call/attribute.h"
#include "call/error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

struct TdAttribute {
    char *name;
    TdAttributeType type;
    atomic_uint flags;
};

/* One value. A set keeps them in the order they came; it has a handful, so it is searched. */
typedef struct {
    const TdAttribute *attribute;
    union {
        char *text;
        int64_t number;
        GBytes *bytes;
    };
} Value;

struct TdAttributes {
    Value *values;
    unsigned n_values;
    unsigned n_places;
};

/* Never shrinks: handles live as long as the process. */
static struct {
    pthread_mutex_t lock;
    GHashTable *by_name;
} declared = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const char *
type_name (TdAttributeType type)
{
    switch (type) {
    case TD_ATTRIBUTE_TEXT:
        return "text";
    case TD_ATTRIBUTE_NUMBER:
        return "number";
    default:
        return "bytes";
    }
}

static bool
is_name (const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        if (!g_ascii_islower (*c) && !g_ascii_isdigit (*c) && strchr (".-_", *c) == NULL) {
            return false;
        }
    }
    return *name != '\0';
}

static TdAttribute *
find_locked (const char *name)
{
    return declared.by_name != NULL ? g_hash_table_lookup (declared.by_name, name) : NULL;
}

static TdAttribute *
add_locked (const char *name, TdAttributeType type, unsigned flags)
{
    TdAttribute *attribute = g_new (TdAttribute, 1);

    attribute->name = g_strdup (name);
    attribute->type = type;
    atomic_init (&attribute->flags, flags);
    if (declared.by_name == NULL) {
        declared.by_name = g_hash_table_new (g_str_hash, g_str_equal);
    }
    g_hash_table_insert (declared.by_name, attribute->name, attribute);
    return attribute;
}

/* A second declaration agrees with the first one in what values look like; what one of them calls a
 * secret is one. */
static bool
agree_locked (TdAttribute *attribute, TdAttributeType type, unsigned flags, GError **error)
{
    unsigned known = atomic_load_explicit (&attribute->flags, memory_order_relaxed);

    if (attribute->type != type) {
        g_set_error (
            error, TD_CALL_ERROR, TD_CALL_ERROR_ATTRIBUTE,
            "attribute \"%s\" is declared as %s, it cannot be %s as well: use another name",
            attribute->name, type_name (attribute->type), type_name (type));
        return false;
    }
    if ((known & TD_ATTRIBUTE_MANY) != (flags & TD_ATTRIBUTE_MANY)) {
        g_set_error (error, TD_CALL_ERROR, TD_CALL_ERROR_ATTRIBUTE,
                     "attribute \"%s\" is declared with %s: use another name", attribute->name,
                     (known & TD_ATTRIBUTE_MANY) != 0 ? "many values, it cannot have one only"
                                                      : "one value, it cannot have many");
        return false;
    }
    atomic_fetch_or_explicit (&attribute->flags, flags & TD_ATTRIBUTE_SECRET, memory_order_relaxed);
    return true;
}

const TdAttribute *
td_attribute_declare (TdModule *module, const char *name, TdAttributeType type, unsigned flags,
                      const char *help, GError **error)
{
    if (!is_name (name)) {
        g_set_error (
            error, TD_CALL_ERROR, TD_CALL_ERROR_ATTRIBUTE,
            "attribute \"%s\": a name has small letters, digits, \".\", \"-\" and \"_\" only",
            name);
        return NULL;
    }
    if ((flags & TD_ATTRIBUTE_MANY) != 0 && type != TD_ATTRIBUTE_TEXT) {
        g_set_error (error, TD_CALL_ERROR, TD_CALL_ERROR_ATTRIBUTE,
                     "attribute \"%s\": only texts may have many values", name);
        return NULL;
    }
    pthread_mutex_lock (&declared.lock);
    TdAttribute *attribute = find_locked (name);
    if (attribute == NULL) {
        attribute = add_locked (name, type, flags);
    } else if (!agree_locked (attribute, type, flags, error)) {
        attribute = NULL;
    }
    pthread_mutex_unlock (&declared.lock);
    return attribute;
}

const TdAttribute *
td_attribute_find (const char *name)
{
    pthread_mutex_lock (&declared.lock);
    const TdAttribute *attribute = find_locked (name);
    pthread_mutex_unlock (&declared.lock);
    return attribute;
}

const char *
td_attribute_name (const TdAttribute *attribute)
{
    return attribute->name;
}

TdAttributeType
td_attribute_type (const TdAttribute *attribute)
{
    return attribute->type;
}

unsigned
td_attribute_flags (const TdAttribute *attribute)
{
    return atomic_load_explicit (&attribute->flags, memory_order_relaxed);
}

TdAttributes *
td_attributes_new (void)
{
    return g_new0 (TdAttributes, 1);
}

static void
clear_value (Value *value)
{
    if (value->attribute->type == TD_ATTRIBUTE_TEXT) {
        g_free (value->text);
    } else if (value->attribute->type == TD_ATTRIBUTE_BYTES) {
        g_bytes_unref (value->bytes);
    }
}

void
td_attributes_free (TdAttributes *attributes)
{
    if (attributes == NULL) {
        return;
    }
    for (unsigned i = 0; i < attributes->n_values; i++) {
        clear_value (&attributes->values[i]);
    }
    g_free (attributes->values);
    g_free (attributes);
}

static Value *
append (TdAttributes *attributes, const TdAttribute *attribute)
{
    if (attributes->n_values == attributes->n_places) {
        attributes->n_places = attributes->n_places == 0 ? 4 : attributes->n_places * 2;
        attributes->values = g_renew (Value, attributes->values, attributes->n_places);
    }
    Value *value = &attributes->values[attributes->n_values++];
    *value = (Value){ .attribute = attribute };
    return value;
}

static void
append_copy (TdAttributes *attributes, const Value *from)
{
    Value *to = append (attributes, from->attribute);

    if (from->attribute->type == TD_ATTRIBUTE_TEXT) {
        to->text = g_strdup (from->text);
    } else if (from->attribute->type == TD_ATTRIBUTE_BYTES) {
        to->bytes = g_bytes_ref (from->bytes);
    } else {
        to->number = from->number;
    }
}

TdAttributes *
td_attributes_copy (const TdAttributes *attributes)
{
    TdAttributes *copy = td_attributes_new ();

    for (unsigned i = 0; i < attributes->n_values; i++) {
        append_copy (copy, &attributes->values[i]);
    }
    return copy;
}

void
td_attributes_add_returned (TdAttributes *attributes, const TdAttributes *from)
{
    for (unsigned i = 0; i < from->n_values; i++) {
        if ((td_attribute_flags (from->values[i].attribute) & TD_ATTRIBUTE_RETURN) != 0) {
            append_copy (attributes, &from->values[i]);
        }
    }
}

static const Value *
find_value (const TdAttributes *attributes, const TdAttribute *attribute, unsigned index)
{
    for (unsigned i = 0; i < attributes->n_values; i++) {
        if (attributes->values[i].attribute == attribute && index-- == 0) {
            return &attributes->values[i];
        }
    }
    return NULL;
}

/* Takes out every value of ATTRIBUTE; the others keep their order. */
static void
drop (TdAttributes *attributes, const TdAttribute *attribute)
{
    unsigned n_kept = 0;

    for (unsigned i = 0; i < attributes->n_values; i++) {
        Value value = attributes->values[i];
        if (value.attribute == attribute) {
            clear_value (&value);
        } else {
            attributes->values[n_kept++] = value;
        }
    }
    attributes->n_values = n_kept;
}

void
td_attributes_set_text (TdAttributes *attributes, const TdAttribute *attribute, const char *text)
{
    g_return_if_fail (attribute->type == TD_ATTRIBUTE_TEXT);

    char *copy = g_strdup (text); /* TEXT may be the value that is dropped */
    drop (attributes, attribute);
    if (copy != NULL) {
        append (attributes, attribute)->text = copy;
    }
}

void
td_attributes_add_text (TdAttributes *attributes, const TdAttribute *attribute, const char *text)
{
    g_return_if_fail (attribute->type == TD_ATTRIBUTE_TEXT && text != NULL);
    g_return_if_fail ((td_attribute_flags (attribute) & TD_ATTRIBUTE_MANY) != 0);

    char *copy = g_strdup (text);
    append (attributes, attribute)->text = copy;
}

void
td_attributes_set_number (TdAttributes *attributes, const TdAttribute *attribute, int64_t number)
{
    g_return_if_fail (attribute->type == TD_ATTRIBUTE_NUMBER);

    drop (attributes, attribute);
    append (attributes, attribute)->number = number;
}

void
td_attributes_set_bytes (TdAttributes *attributes, const TdAttribute *attribute, GBytes *bytes)
{
    g_return_if_fail (attribute->type == TD_ATTRIBUTE_BYTES);

    GBytes *value = bytes != NULL ? g_bytes_ref (bytes) : NULL;
    drop (attributes, attribute);
    if (value != NULL) {
        append (attributes, attribute)->bytes = value;
    }
}

const char *
td_attributes_text (const TdAttributes *attributes, const TdAttribute *attribute, unsigned index)
{
    g_return_val_if_fail (attribute->type == TD_ATTRIBUTE_TEXT, NULL);

    const Value *value = find_value (attributes, attribute, index);
    return value != NULL ? value->text : NULL;
}

int64_t
td_attributes_number (const TdAttributes *attributes, const TdAttribute *attribute)
{
    g_return_val_if_fail (attribute->type == TD_ATTRIBUTE_NUMBER, 0);

    const Value *value = find_value (attributes, attribute, 0);
    return value != NULL ? value->number : 0;
}

GBytes *
td_attributes_bytes (const TdAttributes *attributes, const TdAttribute *attribute)
{
    g_return_val_if_fail (attribute->type == TD_ATTRIBUTE_BYTES, NULL);

    const Value *value = find_value (attributes, attribute, 0);
    return value != NULL ? value->bytes : NULL;
}

void
td_attributes_each (const TdAttributes *attributes,
                    void (*visit) (const TdAttribute *attribute, void *data), void *data)
{
    for (unsigned i = 0; i < attributes->n_values; i++) {
        const TdAttribute *attribute = attributes->values[i].attribute;
        if (find_value (attributes, attribute, 0) == &attributes->values[i]) {
            visit (attribute, data);
        }
    }
}
