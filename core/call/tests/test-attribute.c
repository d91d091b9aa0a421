/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attributes are declared once, agree, and keep their values in order. */

#include <string.h>

#include <tandem/attribute.h>

static const TdAttribute *
declare (const char *name, TdAttributeType type, unsigned flags)
{
    g_autoptr (GError) error = NULL;
    const TdAttribute *attribute = td_attribute_declare (NULL, name, type, flags, "help", &error);

    g_assert_no_error (error);
    return attribute;
}

static void
test_one_name_one_handle (void)
{
    const TdAttribute *first = declare ("test.one", TD_ATTRIBUTE_TEXT, TD_ATTRIBUTE_PASS);

    g_assert_true (declare ("test.one", TD_ATTRIBUTE_TEXT, TD_ATTRIBUTE_SECRET) == first);
    g_assert_true (td_attribute_find ("test.one") == first);
    g_assert_null (td_attribute_find ("test.none"));
    g_assert_cmpstr (td_attribute_name (first), ==, "test.one");
    g_assert_cmpint (td_attribute_type (first), ==, TD_ATTRIBUTE_TEXT);
    /* A secret for one is a secret for all. */
    g_assert_cmpuint (td_attribute_flags (first), ==, TD_ATTRIBUTE_PASS | TD_ATTRIBUTE_SECRET);
}

static void
assert_refused (const char *name, TdAttributeType type, unsigned flags, const char *reason)
{
    g_autoptr (GError) error = NULL;

    g_assert_null (td_attribute_declare (NULL, name, type, flags, "help", &error));
    g_assert_nonnull (strstr (error->message, reason));
}

static void
test_disagreements (void)
{
    declare ("test.text", TD_ATTRIBUTE_TEXT, 0);
    assert_refused ("test.text", TD_ATTRIBUTE_NUMBER, 0, "declared as text");
    assert_refused ("test.text", TD_ATTRIBUTE_TEXT, TD_ATTRIBUTE_MANY, "one value");
    assert_refused ("test.bytes", TD_ATTRIBUTE_BYTES, TD_ATTRIBUTE_MANY, "only texts");
    assert_refused ("Test", TD_ATTRIBUTE_TEXT, 0, "\"Test\"");
    assert_refused ("", TD_ATTRIBUTE_TEXT, 0, "small letters");
    assert_refused ("a b", TD_ATTRIBUTE_TEXT, 0, "small letters");
}

static void
test_set_and_remove (void)
{
    const TdAttribute *text = declare ("set.text", TD_ATTRIBUTE_TEXT, 0);
    const TdAttribute *number = declare ("set.number", TD_ATTRIBUTE_NUMBER, 0);
    const TdAttribute *bytes = declare ("set.bytes", TD_ATTRIBUTE_BYTES, 0);
    g_autoptr (TdAttributes) set = td_attributes_new ();
    g_autoptr (GBytes) body = g_bytes_new_static ("a\0b", 3);

    g_assert_null (td_attributes_text (set, text, 0));
    g_assert_cmpint (td_attributes_number (set, number), ==, 0);
    g_assert_null (td_attributes_bytes (set, bytes));
    td_attributes_set_text (set, text, "one");
    td_attributes_set_text (set, text, td_attributes_text (set, text, 0));
    g_assert_cmpstr (td_attributes_text (set, text, 0), ==, "one");
    g_assert_null (td_attributes_text (set, text, 1));
    td_attributes_set_number (set, number, INT64_MIN);
    g_assert_cmpint (td_attributes_number (set, number), ==, INT64_MIN);
    td_attributes_set_bytes (set, bytes, body);
    td_attributes_set_bytes (set, bytes, td_attributes_bytes (set, bytes));
    g_assert_true (td_attributes_bytes (set, bytes) == body);
    td_attributes_set_text (set, text, NULL);
    td_attributes_set_bytes (set, bytes, NULL);
    g_assert_null (td_attributes_text (set, text, 0));
    g_assert_null (td_attributes_bytes (set, bytes));
    g_assert_cmpint (td_attributes_number (set, number), ==, INT64_MIN);
}

static void
count (const TdAttribute *attribute, void *data)
{
    g_string_append_printf (data, "%s ", td_attribute_name (attribute));
}

static void
test_many_values_and_copies (void)
{
    const TdAttribute *many = declare ("many.texts", TD_ATTRIBUTE_TEXT, TD_ATTRIBUTE_MANY);
    const TdAttribute *other = declare ("many.other", TD_ATTRIBUTE_NUMBER, 0);
    g_autoptr (TdAttributes) set = td_attributes_new ();
    g_autoptr (GString) names = g_string_new (NULL);

    for (unsigned i = 0; i < 10; i++) {
        g_autofree char *text = g_strdup_printf ("%u", i);
        td_attributes_add_text (set, many, text);
        td_attributes_set_number (set, other, i);
    }
    g_autoptr (TdAttributes) copy = td_attributes_copy (set);
    td_attributes_set_text (set, many, "alone");
    g_assert_cmpstr (td_attributes_text (set, many, 0), ==, "alone");
    g_assert_null (td_attributes_text (set, many, 1));
    g_assert_cmpstr (td_attributes_text (copy, many, 0), ==, "0");
    g_assert_cmpstr (td_attributes_text (copy, many, 9), ==, "9");
    g_assert_null (td_attributes_text (copy, many, 10));
    g_assert_cmpint (td_attributes_number (copy, other), ==, 9);
    td_attributes_each (copy, count, names);
    g_assert_cmpstr (names->str, ==, "many.texts many.other ");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/call/attribute/one-name", test_one_name_one_handle);
    g_test_add_func ("/call/attribute/disagreements", test_disagreements);
    g_test_add_func ("/call/attribute/set-and-remove", test_set_and_remove);
    g_test_add_func ("/call/attribute/many", test_many_values_and_copies);
    return g_test_run ();
}
