/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prefixes of numbers: a tree whose nodes skip what all below them share. */

#include <stdlib.h>
#include <string.h>

#include <tandem/number.h>

enum {
    MAX_SKIP = 8, /* digits in 32 bits */
    NO_DIGIT = 16,
};

typedef struct {
    uint32_t value;    /* of the prefix that ends behind the skipped digits */
    uint32_t skipped;  /* N_SKIPPED digits, the first one in the highest bits used */
    uint32_t children; /* where they begin */
    uint16_t digits;   /* a bit for each digit that leads to a child */
    uint16_t n_skipped;
} Node;

G_STATIC_ASSERT (sizeof (Node) == 16);

enum { NATIONAL, INTERNATIONAL, N_TREES };

struct TdPrefixTable {
    Node *nodes; /* the roots first */
    uint32_t n_nodes, n_allocated;
};

/* --- Digits ------------------------------------------------------------------------------ */

/* 0 to 15, or NO_DIGIT. */
static inline unsigned
digit_of (char c)
{
    static const uint8_t values[256] = {
        ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,
        ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['*'] = 11, ['#'] = 12, ['A'] = 13, ['B'] = 14,
        ['C'] = 15, ['D'] = 16, ['a'] = 13, ['b'] = 14, ['c'] = 15, ['d'] = 16,
    };
    unsigned value = values[(uint8_t) c];

    return value > 0 ? value - 1 : NO_DIGIT;
}

/* Takes a "+" off NUMBER; returns the root of the tree it belongs to. */
static unsigned
root_of (const char **number)
{
    if (**number == '+') {
        (*number)++;
        return INTERNATIONAL;
    }
    return NATIONAL;
}

bool
td_prefix_is_valid (const char *text)
{
    root_of (&text);
    while (digit_of (*text) != NO_DIGIT) {
        text++;
    }
    return *text == '\0';
}

/* --- Building ---------------------------------------------------------------------------- */

static int
compare_prefixes (const void *a, const void *b)
{
    const TdPrefix *one = a, *other = b;
    const char *x = one->digits, *y = other->digits;
    unsigned tree_x = root_of (&x), tree_y = root_of (&y);

    if (tree_x != tree_y) {
        return tree_x < tree_y ? -1 : 1;
    }
    while (*x != '\0' && digit_of (*x) == digit_of (*y)) {
        x++;
        y++;
    }
    if (*x != '\0' || *y != '\0') { /* what is shorter comes first */
        return *x == '\0' ? -1 : *y == '\0' ? 1 : digit_of (*x) < digit_of (*y) ? -1 : 1;
    }
    return one->value < other->value ? -1 : one->value > other->value;
}

/* Sorted prefixes of one tree that agree in their first DEPTH digits. */
typedef struct {
    const TdPrefix *first, *end;
    unsigned depth;
} Range;

static inline const char *
rest_of (const TdPrefix *prefix, unsigned depth)
{
    const char *digits = prefix->digits;

    root_of (&digits);
    return digits + depth;
}

static uint32_t
add_nodes (TdPrefixTable *table, unsigned n)
{
    uint32_t first = table->n_nodes;

    table->n_nodes += n;
    if (table->n_nodes > table->n_allocated) {
        table->n_allocated = MAX (table->n_nodes, table->n_allocated + table->n_allocated / 2);
        table->nodes = g_renew (Node, table->nodes, table->n_allocated);
    }
    for (uint32_t i = first; i < table->n_nodes; i++) {
        table->nodes[i] = (Node){ .value = TD_PREFIX_NO_VALUE };
    }
    return first;
}

/* Skips what all of RANGE share: in sorted prefixes, what the first and the last one do. */
static void
skip_shared (Node *node, Range *range)
{
    const char *first = rest_of (range->first, range->depth);
    const char *last = rest_of (range->end - 1, range->depth);

    while (node->n_skipped < MAX_SKIP && *first != '\0' && digit_of (*first) == digit_of (*last)) {
        node->skipped = node->skipped << 4 | digit_of (*first);
        node->n_skipped++;
        range->depth++;
        first++;
        last++;
    }
}

/* Takes the prefix that ends here, if there is one, and its equals. */
static void
take_value (Node *node, Range *range)
{
    if (*rest_of (range->first, range->depth) == '\0') {
        node->value = range->first->value;
        while (range->first < range->end && *rest_of (range->first, range->depth) == '\0') {
            range->first++;
        }
    }
}

static const TdPrefix *
end_of_digit (const Range *range, const TdPrefix *first)
{
    unsigned digit = digit_of (*rest_of (first, range->depth));

    while (first < range->end && digit_of (*rest_of (first, range->depth)) == digit) {
        first++;
    }
    return first;
}

/* Fills node INDEX with RANGE, which is not empty, and everything below it. */
static void
build (TdPrefixTable *table, uint32_t index, Range range)
{
    Node node = { .value = TD_PREFIX_NO_VALUE };

    skip_shared (&node, &range);
    take_value (&node, &range);
    for (const TdPrefix *at = range.first; at < range.end; at = end_of_digit (&range, at)) {
        node.digits |= (uint16_t) (1u << digit_of (*rest_of (at, range.depth)));
    }
    node.children = add_nodes (table, (unsigned) __builtin_popcount (node.digits));
    table->nodes[index] = node;
    uint32_t child = node.children;
    for (const TdPrefix *at = range.first, *end; at < range.end; at = end) {
        end = end_of_digit (&range, at);
        build (table, child++, (Range){ at, end, range.depth + 1 });
    }
}

static bool
is_equal (const TdPrefix *one, const TdPrefix *other)
{
    TdPrefix same_value = { other->digits, one->value };

    return compare_prefixes (one, &same_value) == 0;
}

static void
find_duplicate (const TdPrefix *prefixes, size_t n_prefixes, TdPrefix *ret_duplicate)
{
    *ret_duplicate = (TdPrefix){ NULL, TD_PREFIX_NO_VALUE };
    for (size_t i = 1; i < n_prefixes; i++) {
        if (is_equal (&prefixes[i - 1], &prefixes[i])) {
            *ret_duplicate = prefixes[i];
            return;
        }
    }
}

TdPrefixTable *
td_prefix_table_new (TdPrefix *prefixes, size_t n_prefixes, TdPrefix *ret_duplicate)
{
    TdPrefixTable *table = g_new0 (TdPrefixTable, 1);
    const TdPrefix *end = prefixes;

    if (n_prefixes > 0) { /* what there is none of may be NULL, which nothing may be added to */
        end += n_prefixes;
        qsort (prefixes, n_prefixes, sizeof (TdPrefix), compare_prefixes);
    }
    if (ret_duplicate != NULL) {
        find_duplicate (prefixes, n_prefixes, ret_duplicate);
    }
    add_nodes (table, N_TREES);
    for (const TdPrefix *first = prefixes, *next; first < end; first = next) {
        bool is_international = first->digits[0] == '+';
        next = first;
        while (next < end && (next->digits[0] == '+') == is_international) {
            next++;
        }
        build (table, is_international ? INTERNATIONAL : NATIONAL, (Range){ first, next, 0 });
    }
    table->nodes = g_renew (Node, table->nodes, table->n_nodes);
    table->n_allocated = table->n_nodes;
    return table;
}

void
td_prefix_table_free (TdPrefixTable *table)
{
    if (table != NULL) {
        g_free (table->nodes);
        g_free (table);
    }
}

size_t
td_prefix_table_size_bytes (const TdPrefixTable *table)
{
    return sizeof (TdPrefixTable) + table->n_nodes * sizeof (Node);
}

/* --- Looking up -------------------------------------------------------------------------- */

/* Follows the digits that NODE skips. Returns how many of them NUMBER has. */
static inline unsigned
follow (const Node *node, const char *number)
{
    unsigned n = 0;

    while (n < node->n_skipped
           && digit_of (number[n]) == (node->skipped >> 4 * (node->n_skipped - n - 1) & 15)) {
        n++;
    }
    return n;
}

/* The child of NODE that DIGIT leads to, or NULL. */
static inline const Node *
child_of (const TdPrefixTable *table, const Node *node, unsigned digit)
{
    unsigned bit = 1u << digit;

    if ((node->digits & bit) == 0) { /* nor is there a bit for NO_DIGIT */
        return NULL;
    }
    return &table->nodes[node->children + (unsigned) __builtin_popcount (node->digits & (bit - 1))];
}

uint32_t
td_prefix_table_find (const TdPrefixTable *table, const char *number)
{
    const Node *node = &table->nodes[root_of (&number)];
    uint32_t value = TD_PREFIX_NO_VALUE;

    while (node != NULL && follow (node, number) == node->n_skipped) {
        number += node->n_skipped;
        if (node->value != TD_PREFIX_NO_VALUE) {
            value = node->value;
        }
        node = child_of (table, node, digit_of (*number++));
    }
    return value;
}

size_t
td_prefix_table_find_all (const TdPrefixTable *table, const char *number, uint32_t *ret_values,
                          size_t max_values)
{
    const Node *node = &table->nodes[root_of (&number)];
    size_t n = 0;

    while (node != NULL && follow (node, number) == node->n_skipped) {
        number += node->n_skipped;
        if (node->value != TD_PREFIX_NO_VALUE && max_values > 0) {
            if (n == max_values) { /* the shortest one goes */
                memmove (ret_values, ret_values + 1, --n * sizeof *ret_values);
            }
            ret_values[n++] = node->value;
        }
        node = child_of (table, node, digit_of (*number++));
    }
    for (size_t i = 0; i < n / 2; i++) {
        uint32_t value = ret_values[i];
        ret_values[i] = ret_values[n - i - 1];
        ret_values[n - i - 1] = value;
    }
    return n;
}

bool
td_prefix_table_has_longer (const TdPrefixTable *table, const char *number)
{
    const Node *node = &table->nodes[root_of (&number)];

    while (node != NULL) {
        unsigned n = follow (node, number);
        number += n;
        if (*number == '\0') {
            return n < node->n_skipped || node->digits != 0;
        }
        if (n < node->n_skipped) {
            return false;
        }
        node = child_of (table, node, digit_of (*number++));
    }
    return false;
}
