#pragma once
/*
 * One value as text against its option. Used at load only; reads files for SECRET_FILE alone.
 */
#include "libbus/config/config.h"

enum {
        CONFIG_FORM_SIZE = 160, /* the longest text of config_form but for long lists of VALUES */
};

/*
 * Checks TEXT; *RET_NUMBER is its value (index, microseconds, bytes...), 0 where texts stand for
 * themselves, -1 for an ENUM left empty. -EINVAL: WHY says what is wrong, without the key.
 */
BUS_MUST int config_value_parse(const struct config_option *option, const char *text,
        int64_t *ret_number, char *why, size_t why_size);

/* What the option takes, in words: "a duration (250ms, 5s, 2m, 1h, 90d) 1s..1h". Returns FORM. */
const char *config_form(const struct config_option *option, char *form, size_t size);

/* "host:port" or "[v6]:port". RET_HOST: where the host starts in TEXT, no brackets. -EINVAL. */
BUS_MUST int config_listen_parse(
        const char *text, const char **ret_host, size_t *ret_host_size, uint16_t *ret_port);
