/* Secrets are files; their content must not reach an error or a print. */
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/config/config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static const struct config_option options[] = {
        { "telegram", "main_token_file", CONFIG_SECRET_FILE, "" },
        { 0 },
};
static const struct config_option *const tables[] = { options };

static char folder[] = "/tmp/umbra-secret-XXXXXX";
static char path[64];

static void setup(void)
{
        cr_assert(mkdtemp(folder));
        snprintf(path, sizeof(path), "%s/token", folder);
}

static void teardown(void)
{
        unlink(path);
        rmdir(folder);
}

TestSuite(secret, .init = setup, .fini = teardown);

static int load(const char *value, struct config **ret_config, char error[CONFIG_ERROR_SIZE])
{
        BUS_AUTOFREE char *set = bus_xasprintf("telegram.main_token_file=%s", value);
        const char *sets[] = { set };
        struct config_source source = { .sets = sets, .set_count = 1 };

        return config_load(&source, tables, 1, ret_config, error, CONFIG_ERROR_SIZE);
}

static void expect_refused(const char *value, const char *expected)
{
        struct config *config = NULL;
        char error[CONFIG_ERROR_SIZE] = "";

        cr_expect_eq(load(value, &config, error), -EINVAL);
        cr_expect_str_eq(error, expected);
}

#define MUST_BE \
        "--set: telegram.main_token_file: must be the path of a file that can be read, not empty"

Test(secret, shows_its_path_and_not_its_content)
{
        CONFIG_AUTOFREE struct config *config = NULL;
        BUS_AUTOFREE char *printed = NULL;
        char error[CONFIG_ERROR_SIZE];
        size_t size;
        FILE *out;

        cr_assert_eq(bus_file_replace(path, 0600, bus_bytes_str("hunter2\n")), 0);
        cr_assert_eq(load(path, &config, error), 0);
        cr_expect_str_eq(config_string(config, "telegram", "main_token_file"), path);
        out = open_memstream(&printed, &size);
        config_print(config, out);
        fclose(out);
        cr_expect(strstr(printed, path));
        cr_expect_null(strstr(printed, "hunter2"));
}

Test(secret, a_file_that_cannot_be_used_is_refused)
{
        expect_refused(path, MUST_BE ": No such file or directory");
        expect_refused(folder, MUST_BE ": Invalid argument");
        cr_assert_eq(bus_file_replace(path, 0600, bus_bytes_str("\n")), 0);
        expect_refused(path, MUST_BE ": Invalid argument");
}

Test(secret, a_fifo_does_not_block_the_start)
{
        cr_assert_eq(mkfifo(path, 0600), 0);
        expect_refused(path, MUST_BE ": Invalid argument");
}

/* The token itself written where its file's path belongs. */
Test(secret, a_misplaced_secret_is_not_repeated)
{
        expect_refused("123456:hunter2", MUST_BE ": No such file or directory");
}

Test(secret, may_be_left_out)
{
        CONFIG_AUTOFREE struct config *config = NULL;
        struct config_source source = { 0 };
        char error[CONFIG_ERROR_SIZE];

        cr_assert_eq(config_load(&source, tables, 1, &config, error, sizeof(error)), 0);
        cr_expect_not(config_given(config, "telegram", "main_token_file"));
        cr_expect_str_eq(config_string(config, "telegram", "main_token_file"), "");
}
