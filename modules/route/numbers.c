/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole numbers, each with a small value. */

#include "numbers.h"

enum {
    KEY_BITS = 61,
    PER_BUCKET_BITS = 4, /* 8 to 16 entries, one or two lines of the cache, in a bucket */
    COARSE_BITS = 8,     /* parts that the cache holds when they are sorted */
    FIRST_ROOM = 1024,
};

#define KEY_MASK ((UINT64_C (1) << KEY_BITS) - 1)

struct Numbers {
    uint64_t *entries; /* the rest of the key, then VALUE_BITS of the value */
    uint32_t *buckets; /* where each begins; one more than there are */
    uint32_t n_entries;
    unsigned bucket_bits, value_bits;
};

typedef struct {
    uint8_t bytes[3];
} Value;

struct NumbersBuilder {
    uint64_t *keys;
    Value *values;
    uint32_t n, n_allocated;
    uint32_t all_values; /* the bits that any of them has */
};

/* --- Keys -------------------------------------------------------------------------------- */

/* A number of N digits stands behind all shorter ones, so "1" and "01" differ: 2 * (1 + 10 + ... +
 * 10^18) is less than 2^61. */
static bool
key_of (const char *number, uint64_t *ret_key)
{
    bool is_international = *number == '+';
    uint64_t digits = 0, n_shorter = 0, n_of_this_len = 1;
    unsigned len = 0;

    for (number += is_international; g_ascii_isdigit (*number); number++) {
        if (++len > NUMBERS_MAX_DIGITS) {
            return false;
        }
        digits = digits * 10 + (uint64_t) (*number - '0');
        n_shorter += n_of_this_len;
        n_of_this_len *= 10;
    }
    *ret_key = 2 * (n_shorter + digits) + is_international;
    return len > 0 && *number == '\0';
}

/* Spreads keys evenly over 61 bits. Both steps can be undone, so no two keys become one. */
static inline uint64_t
mix (uint64_t key)
{
    for (unsigned round = 0; round < 2; round++) {
        key = key * UINT64_C (0x9e3779b97f4a7c15) & KEY_MASK;
        key ^= key >> 32;
    }
    return key;
}

/* --- Building ---------------------------------------------------------------------------- */

NumbersBuilder *
numbers_builder_new (void)
{
    return g_new0 (NumbersBuilder, 1);
}

void
numbers_builder_free (NumbersBuilder *builder)
{
    if (builder != NULL) {
        g_free (builder->keys);
        g_free (builder->values);
        g_free (builder);
    }
}

static void
grow (NumbersBuilder *builder)
{
    builder->n_allocated = MAX (FIRST_ROOM, builder->n_allocated + builder->n_allocated / 4);
    builder->keys = g_renew (uint64_t, builder->keys, builder->n_allocated);
    builder->values = g_renew (Value, builder->values, builder->n_allocated);
}

bool
numbers_builder_add (NumbersBuilder *builder, const char *number, uint32_t value)
{
    uint64_t key;

    g_return_val_if_fail (value <= NUMBERS_MAX_VALUE, false);
    if (!key_of (number, &key)) {
        return false;
    }
    if (builder->n == builder->n_allocated) {
        grow (builder);
    }
    builder->keys[builder->n] = mix (key);
    builder->values[builder->n++] =
        (Value){ { (uint8_t) value, (uint8_t) (value >> 8), (uint8_t) (value >> 16) } };
    builder->all_values |= value;
    return true;
}

/* The highest N_BITS bits of KEY. */
static inline uint32_t
top_of (uint64_t key, unsigned n_bits)
{
    return (uint32_t) (key >> (KEY_BITS - n_bits));
}

static inline uint64_t
rest_of (const Numbers *numbers, uint64_t key)
{
    return key & ((UINT64_C (1) << (KEY_BITS - numbers->bucket_bits)) - 1);
}

/* So many buckets that they are short, and that the rest of a key leaves room for the value. */
static void
choose_bits (Numbers *numbers, const NumbersBuilder *builder)
{
    unsigned n_bits = g_bit_storage (builder->n);

    numbers->value_bits = g_bit_storage (builder->all_values);
    numbers->bucket_bits = n_bits > PER_BUCKET_BITS + 1 ? n_bits - PER_BUCKET_BITS : 1;
    if (numbers->bucket_bits + 64 - KEY_BITS < numbers->value_bits) {
        numbers->bucket_bits = numbers->value_bits - (64 - KEY_BITS);
    }
}

static void
count_buckets (Numbers *numbers, const NumbersBuilder *builder)
{
    size_t n_buckets = (size_t) 1 << numbers->bucket_bits;

    numbers->buckets = g_new0 (uint32_t, n_buckets + 1);
    for (uint32_t i = 0; i < builder->n; i++) {
        numbers->buckets[top_of (builder->keys[i], numbers->bucket_bits) + 1]++;
    }
    for (size_t i = 0; i < n_buckets; i++) {
        numbers->buckets[i + 1] += numbers->buckets[i];
    }
}

/* Swaps every key to where those with its first N_BITS bits are, in place: a second array would
 * double the memory. */
static void
sort_by_top (const Numbers *numbers, NumbersBuilder *builder, unsigned n_bits)
{
    size_t n_parts = (size_t) 1 << n_bits;
    unsigned n_finer = numbers->bucket_bits - n_bits;
    g_autofree uint32_t *next = g_new (uint32_t, n_parts);

    for (size_t part = 0; part < n_parts; part++) {
        next[part] = numbers->buckets[part << n_finer];
    }
    for (size_t part = 0; part < n_parts; part++) {
        while (next[part] < numbers->buckets[(part + 1) << n_finer]) {
            uint32_t from = next[part];
            uint32_t to = next[top_of (builder->keys[from], n_bits)]++;
            uint64_t key = builder->keys[to];
            Value value = builder->values[to];
            builder->keys[to] = builder->keys[from];
            builder->values[to] = builder->values[from];
            builder->keys[from] = key;
            builder->values[from] = value;
        }
    }
}

Numbers *
numbers_builder_end (NumbersBuilder *builder)
{
    Numbers *numbers = g_new0 (Numbers, 1);

    choose_bits (numbers, builder);
    count_buckets (numbers, builder);
    sort_by_top (numbers, builder, MIN (COARSE_BITS, numbers->bucket_bits));
    sort_by_top (numbers, builder, numbers->bucket_bits);
    for (uint32_t i = 0; i < builder->n; i++) {
        const uint8_t *bytes = builder->values[i].bytes;
        builder->keys[i] = rest_of (numbers, builder->keys[i]) << numbers->value_bits | bytes[0]
                           | (unsigned) bytes[1] << 8 | (unsigned) bytes[2] << 16;
    }
    numbers->n_entries = builder->n;
    numbers->entries = g_renew (uint64_t, g_steal_pointer (&builder->keys), builder->n);
    numbers_builder_free (builder);
    return numbers;
}

void
numbers_free (Numbers *numbers)
{
    if (numbers != NULL) {
        g_free (numbers->entries);
        g_free (numbers->buckets);
        g_free (numbers);
    }
}

/* --- Looking up -------------------------------------------------------------------------- */

uint32_t
numbers_find (const Numbers *numbers, const char *number)
{
    uint64_t key;

    if (!key_of (number, &key)) {
        return NUMBERS_NO_VALUE;
    }
    key = mix (key);
    uint32_t bucket = top_of (key, numbers->bucket_bits);
    uint64_t rest = rest_of (numbers, key);
    for (uint32_t i = numbers->buckets[bucket]; i < numbers->buckets[bucket + 1]; i++) {
        if (numbers->entries[i] >> numbers->value_bits == rest) {
            return (uint32_t) (numbers->entries[i] & ((UINT64_C (1) << numbers->value_bits) - 1));
        }
    }
    return NUMBERS_NO_VALUE;
}

size_t
numbers_count (const Numbers *numbers)
{
    return numbers->n_entries;
}

size_t
numbers_size_bytes (const Numbers *numbers)
{
    size_t n_buckets = (size_t) 1 << numbers->bucket_bits;

    return sizeof (Numbers) + numbers->n_entries * sizeof (uint64_t)
           + (n_buckets + 1) * sizeof (uint32_t);
}
