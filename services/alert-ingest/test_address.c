#include "services/alert-ingest/address.h"

#include <criterion/criterion.h>

static struct address address_of(const char *text)
{
        struct address address;

        cr_assert_eq(address_parse(text, strlen(text), &address), 0, "%s", text);
        return address;
}

static struct address_list list_of(const char *text)
{
        struct address_list list;
        char error[ADDRESS_ERROR_SIZE] = "";

        cr_assert_eq(address_list_parse(text, &list, error), 0, "%s", error);
        return list;
}

static bool has(const char *list_text, const char *address_text)
{
        struct address_list list = list_of(list_text);
        struct address address = address_of(address_text);

        return address_list_has(&list, &address);
}

Test(address, ranges_hold_what_they_should_and_no_neighbour)
{
        cr_expect(has("10.0.0.0/8", "10.255.1.2"));
        cr_expect(!has("10.0.0.0/8", "11.0.0.0"));
        cr_expect(has("192.168.4.0/22", "192.168.7.255"));
        cr_expect(!has("192.168.4.0/22", "192.168.8.0"));
        cr_expect(has("52.89.214.238", "52.89.214.238"));
        cr_expect(!has("52.89.214.238", "52.89.214.239"));
        cr_expect(has("0.0.0.0/0", "8.8.8.8"));
        cr_expect(!has("0.0.0.0/0", "2001:db8::1"));
        cr_expect(has("2001:db8::/32", "2001:db8:ffff::1"));
        cr_expect(!has("2001:db8::/32", "2001:db9::1"));
        cr_expect(has("::/0", "1.2.3.4"));
        cr_expect(has(" 1.1.1.1 , 2.2.2.0/24 ", "2.2.2.77"));
        cr_expect(!has("", "1.1.1.1"));
}

Test(address, ipv4_in_ipv6_is_the_same_address)
{
        cr_expect(has("52.89.214.238", "::ffff:52.89.214.238"));
        cr_expect(has("::ffff:10.0.0.0/104", "10.1.2.3"));
}

Test(address, a_list_with_a_fault_is_refused_whole)
{
        static const char *const faulty[] = { "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/",
                "10.0.0.0/-1", "10.0.0.0/8x", "example.org", "1.2.3", "1.2.3.4,,5.6.7.8",
                "2001:db8::/129", "1.2.3.4/0008" };

        for (size_t i = 0; i < BUS_COUNT(faulty); i++) {
                struct address_list list = { .count = 77 };
                char error[ADDRESS_ERROR_SIZE] = "";

                cr_expect_eq(address_list_parse(faulty[i], &list, error), -22, "%s", faulty[i]);
                cr_expect_eq(list.count, 77);
                cr_expect_str_neq(error, "");
        }
}

Test(address, more_ranges_than_the_cap_are_refused)
{
        char text[ADDRESS_RANGES_MAX * 8 + 16] = "", error[ADDRESS_ERROR_SIZE];
        struct address_list list;

        for (int i = 0; i < ADDRESS_RANGES_MAX; i++)
                strcat(text, "1.1.1.1,");
        cr_expect_eq(address_list_parse(text, &list, error), 0);
        strcat(text, "1.1.1.1");
        cr_expect_eq(address_list_parse(text, &list, error), -22);
}

static const char *client(const char *peer, const char *forwarded, const char *trusted)
{
        static char text[ADDRESS_TEXT_SIZE];
        struct address_list list = list_of(trusted);
        struct address address;

        if (!address_client(peer, forwarded, &list, &address))
                return NULL;
        return address_format(&address, text);
}

Test(address, what_a_stranger_writes_about_himself_is_not_believed)
{
        cr_expect_str_eq(client("9.9.9.9", "1.1.1.1", ""), "9.9.9.9");
        cr_expect_str_eq(client("9.9.9.9", "1.1.1.1", "10.0.0.0/8"), "9.9.9.9");
        cr_expect_str_eq(client("10.0.0.1", "1.1.1.1", "10.0.0.0/8"), "1.1.1.1");
        cr_expect_str_eq(client("10.0.0.1", "1.1.1.1, 9.9.9.9", "10.0.0.0/8"), "9.9.9.9");
        cr_expect_str_eq(client("10.0.0.1", "1.1.1.1,9.9.9.9 , 10.0.0.2", "10.0.0.0/8"), "9.9.9.9");
        cr_expect_str_eq(client("::ffff:10.0.0.1", "2001:db8::5", "10.0.0.0/8"), "2001:db8::5");
}

Test(address, a_proxy_that_does_not_say_for_whom_is_no_client)
{
        cr_expect_null(client("10.0.0.1", NULL, "10.0.0.0/8"));
        cr_expect_null(client("10.0.0.1", "", "10.0.0.0/8"));
        cr_expect_null(client("10.0.0.1", "unknown", "10.0.0.0/8"));
        cr_expect_null(client("10.0.0.1", "9.9.9.9, rubbish", "10.0.0.0/8"));
        cr_expect_null(client("10.0.0.1", "10.0.0.3", "10.0.0.0/8"));
        cr_expect_null(client("", NULL, ""));
}
