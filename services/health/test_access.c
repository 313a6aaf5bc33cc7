#include "services/health/access.h"

#include <criterion/criterion.h>

static struct access_rule rule_of(const char *token, bool loopback)
{
        struct access_rule rule = { .has_token = token, .loopback = loopback };

        cr_assert_eq(bus_hash_init(), 0);
        if (token)
                bus_sha256(bus_bytes_str(token), rule.token_sha256);
        return rule;
}

static const struct access_request local = { .peer = "127.0.0.1", .host = "localhost:8000" };

Test(access, lets_the_right_token_in_from_anywhere)
{
        struct access_rule rule = rule_of("secret", false);
        struct access_request request = {
                .peer = "203.0.113.7", .host = "umbra.example", .authorization = "Bearer secret"
        };

        cr_expect(access_allowed(&rule, &request));
        request.authorization = "bearer secret";
        cr_expect(access_allowed(&rule, &request));
        request.authorization = "Bearer secre";
        cr_expect_not(access_allowed(&rule, &request));
        request.authorization = "secret";
        cr_expect_not(access_allowed(&rule, &request));
        request.authorization = NULL;
        cr_expect_not(access_allowed(&rule, &request));
}

Test(access, lets_this_machine_in_only_where_configured)
{
        struct access_rule with = rule_of("secret", true), without = rule_of("secret", false);

        cr_expect(access_allowed(&with, &local));
        cr_expect_not(access_allowed(&without, &local));
}

Test(access, judges_who_shows_a_token_by_it_even_on_this_machine)
{
        struct access_rule rule = rule_of("secret", true);
        struct access_request request = local;

        request.authorization = "Bearer secret";
        cr_expect(access_allowed(&rule, &request));
        request.authorization = "Bearer wrong";
        cr_expect_not(access_allowed(&rule, &request));
        request.authorization = "";
        cr_expect_not(access_allowed(&rule, &request));
}

Test(access, wants_the_token_of_browsers_proxies_and_other_names)
{
        struct access_rule rule = rule_of(NULL, true);
        struct access_request request = local;

        request.origin = "http://evil.example";
        cr_expect_not(access_allowed(&rule, &request));
        request = local;
        request.forwarded = "for=203.0.113.7";
        cr_expect_not(access_allowed(&rule, &request));
        request = local;
        request.x_forwarded_for = "203.0.113.7";
        cr_expect_not(access_allowed(&rule, &request));
        request = local;
        request.host = "localhost.evil.example";
        cr_expect_not(access_allowed(&rule, &request));
        request.host = "127.0.0.1:80x";
        cr_expect_not(access_allowed(&rule, &request));
        request.host = NULL;
        cr_expect_not(access_allowed(&rule, &request));
        request = local;
        request.peer = "203.0.113.7";
        cr_expect_not(access_allowed(&rule, &request));
}

Test(access, takes_no_token_for_the_token_where_none_is_configured)
{
        struct access_rule rule = rule_of(NULL, false);
        struct access_request request = local;

        request.authorization = "Bearer ";
        cr_expect_not(access_allowed(&rule, &request));
}

Test(access, lets_none_of_our_own_services_switch_without_a_token)
{
        struct access_rule rule = rule_of("secret", true);
        struct access_request with_token = local;
        const uid_t shadow = 61104, root = 0;

        cr_expect_not(access_asks_user(&rule, &local), "all have the same user");
        rule.barred[rule.barred_count++] = 61102;
        rule.barred[rule.barred_count++] = shadow;
        cr_expect(access_asks_user(&rule, &local));
        with_token.authorization = "Bearer secret";
        cr_expect_not(access_asks_user(&rule, &with_token), "who shows a token is judged by it");
        cr_expect(access_may_switch(&rule, &root));
        cr_expect_not(access_may_switch(&rule, &shadow));
        cr_expect_not(access_may_switch(&rule, NULL), "nobody can say who it is");
}
