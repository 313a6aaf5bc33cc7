#include "services/umbra/ini_edit.h"

#include <criterion/criterion.h>

static const char file[] = "; how to\n[bus]\nstate_dir = /s\n\n[health]\n;listen = 1\nlisten = 2 \n"
                           "[source.tv]\ntoken = x\n";

static void expect_set(
        const char *text, const char *section, const char *key, const char *value, const char *want)
{
        BUS_AUTOBUF struct bus_buf out = BUS_BUF_INIT;

        ini_set(bus_bytes_str(text), section, key, value, &out);
        cr_expect_str_eq(bus_buf_str(&out), want);
}

Test(ini_edit, replaces_a_given_key_and_leaves_its_comment)
{
        expect_set(file, "health", "listen", "3",
                "; how to\n[bus]\nstate_dir = /s\n\n[health]\n;listen = 1\nlisten = 3\n"
                "[source.tv]\ntoken = x\n");
}

Test(ini_edit, adds_a_key_behind_the_last_line_of_its_section)
{
        expect_set(file, "bus", "run_dir", "/r",
                "; how to\n[bus]\nstate_dir = /s\nrun_dir = /r\n\n[health]\n;listen = 1\n"
                "listen = 2 \n[source.tv]\ntoken = x\n");
}

Test(ini_edit, adds_a_section_that_is_not_there)
{
        expect_set("[a]\nb = c", "d.e", "f", "g", "[a]\nb = c\n\n[d.e]\nf = g\n");
        expect_set("", "d", "f", "g", "\n[d]\nf = g\n");
}

Test(ini_edit, takes_the_same_key_of_another_section_for_another_key)
{
        expect_set("[a]\nk = 1\n[b]\nk = 2\n", "b", "k", "3", "[a]\nk = 1\n[b]\nk = 3\n");
}

Test(ini_edit, reads_a_value_without_the_space_around_it)
{
        BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;

        cr_expect(ini_get(bus_bytes_str(file), "health", "listen", &value));
        cr_expect_str_eq(bus_buf_str(&value), "2");
        cr_expect_not(ini_get(bus_bytes_str(file), "health", "state_dir", &value));
        cr_expect_not(ini_get(bus_bytes_str(file), "source", "token", &value));
}
