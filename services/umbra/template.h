#pragma once
/*
 * The umbra.ini a new state folder begins with: few settings and much said about them. Everything
 * that is not in it has the service's own default (SERVICE --print-config shows them all).
 */
#include "libbus/base/bytes.h"

struct template_values {
        const char *state;
        const char *plugins;
        const char *broker_secret, *test_token;                  /* paths */
        const char *webhook_sha256, *test_sha256, *admin_sha256; /* hex */
};

/* Appends the text to RET. Pure. */
void template_write(const struct template_values *values, struct bus_buf *ret);
