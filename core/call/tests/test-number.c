/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers are read as people write them, names stay names. */

#include <string.h>

#include <tandem/number.h>

static void
test_numbers (void)
{
    static const struct {
        const char *text, *digits, *user, *key;
        TdNature nature;
    } cases[] = {
        { "+1 (212) 555-0100", "12125550100", "+12125550100", "+12125550100",
          TD_NATURE_INTERNATIONAL },
        { "0800.123", "0800123", "0800123", "0800123", TD_NATURE_UNKNOWN },
        { "*67#", "*67#", "*67#", "*67#", TD_NATURE_UNKNOWN },
        { "1a2D", "1A2D", "1A2D", "1A2D", TD_NATURE_UNKNOWN },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        TdParty party;
        g_assert_true (td_party_from_number (&party, cases[i].text));
        g_assert_cmpstr (party.digits, ==, cases[i].digits);
        g_assert_cmpstr (party.user, ==, cases[i].user);
        g_assert_cmpstr (td_party_key (&party), ==, cases[i].key);
        g_assert_cmpint (party.nature, ==, cases[i].nature);
        g_assert_true (party.is_complete);
    }
}

static void
test_no_numbers (void)
{
    static const char *const texts[] = { "",    "+",     "-",    "alice", "abba", "+1*2",
                                         "1+2", "12\t3", "12;3", "++1",   " " };
    TdParty party = { .user = "untouched" };

    for (unsigned i = 0; i < G_N_ELEMENTS (texts); i++) {
        g_assert_false (td_party_from_number (&party, texts[i]));
        g_assert_cmpstr (party.user, ==, "untouched");
    }
}

static void
test_longest_number (void)
{
    char text[TD_NUMBER_DIGITS + 2] = "+";
    TdParty party;

    memset (text + 1, '9', TD_NUMBER_DIGITS - 1);
    g_assert_true (td_party_from_number (&party, text));
    g_assert_cmpuint (strlen (party.digits), ==, TD_NUMBER_DIGITS - 1);
    g_assert_cmpstr (party.user, ==, text);
    text[TD_NUMBER_DIGITS] = '9';
    g_assert_false (td_party_from_number (&party, text));
    /* Nor is it a name. */
    g_assert_false (td_party_from_user (&party, text + 1, "h"));
}

static void
test_users (void)
{
    static const struct {
        const char *user, *digits, *key;
    } cases[] = {
        { "alice", "", "alice" },          { "dad", "", "dad" },    { "10.5", "", "10.5" },
        { "+49.30-1", "49301", "+49301" }, { "100", "100", "100" }, { "", "", "" },
        { "+alice", "", "+alice" },        { "12ab", "", "12ab" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        TdParty party;
        g_assert_true (td_party_from_user (&party, cases[i].user, "example.com"));
        g_assert_cmpstr (party.digits, ==, cases[i].digits);
        g_assert_cmpstr (party.host, ==, "example.com");
        g_assert_cmpstr (td_party_key (&party), ==, cases[i].key);
    }
}

static void
test_bad_users (void)
{
    char text[TD_PARTY_TEXT + 1] = "";
    TdParty party = { .user = "untouched" };

    memset (text, 'x', TD_PARTY_TEXT);
    g_assert_false (td_party_from_user (&party, text, "h"));
    g_assert_false (td_party_from_user (&party, "u", text));
    g_assert_false (td_party_from_user (&party, "a\nb", "h"));
    g_assert_false (td_party_from_user (&party, "a", "h\x7f"));
    g_assert_cmpstr (party.user, ==, "untouched");
    text[TD_PARTY_TEXT - 1] = '\0';
    g_assert_true (td_party_from_user (&party, text, text));
    g_assert_true (td_party_from_user (&party, "j\xc3\xbcrgen", NULL));
    g_assert_cmpstr (party.host, ==, "");
}

static void
test_digits_one_by_one (void)
{
    TdParty party = { .is_complete = false };

    g_assert_true (td_party_add_digit (&party, '1'));
    g_assert_true (td_party_add_digit (&party, 'b'));
    g_assert_true (td_party_add_digit (&party, '#'));
    g_assert_false (td_party_add_digit (&party, 'x'));
    g_assert_false (td_party_add_digit (&party, '\0'));
    g_assert_cmpstr (party.digits, ==, "1B#");
    g_assert_cmpstr (td_party_key (&party), ==, "1B#");
    party.is_complete = true;
    g_assert_false (td_party_add_digit (&party, '2'));
}

static void
test_digits_of_global_numbers (void)
{
    TdParty party, name;

    g_assert_true (td_party_from_number (&party, "+4"));
    party.is_complete = false;
    g_assert_true (td_party_add_digit (&party, '9'));
    g_assert_false (td_party_add_digit (&party, '*'));
    g_assert_cmpstr (td_party_key (&party), ==, "+49");
    while (td_party_add_digit (&party, '0')) {
    }
    g_assert_cmpuint (strlen (party.digits), ==, TD_NUMBER_DIGITS - 1);

    g_assert_true (td_party_from_user (&name, "alice", NULL));
    name.is_complete = false;
    g_assert_false (td_party_add_digit (&name, '1'));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/call/number/numbers", test_numbers);
    g_test_add_func ("/call/number/no-numbers", test_no_numbers);
    g_test_add_func ("/call/number/longest", test_longest_number);
    g_test_add_func ("/call/number/users", test_users);
    g_test_add_func ("/call/number/bad-users", test_bad_users);
    g_test_add_func ("/call/number/one-by-one", test_digits_one_by_one);
    g_test_add_func ("/call/number/global-digits", test_digits_of_global_numbers);
    return g_test_run ();
}
