#pragma once
/*
 * For tests of validators: a sample with one thing changed must be refused, or pass.
 */
#include "proto/validate.h"
#include "proto/validate/samples.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

/* REFUSED(tick, "ask_e8", m.ask_e8 = 0): m is the sample. */
#define REFUSED(kind, field, change)                                                           \
        do {                                                                                   \
                __typeof__(sample_##kind()) m = sample_##kind();                               \
                const char *why_ = "(none)";                                                   \
                int r_;                                                                        \
                                                                                               \
                change;                                                                        \
                r_ = validate_##kind(&m, &why_);                                               \
                cr_expect(r_ == -EBADMSG && !strcmp(why_, field), "%s: %s: got %d, %s", #kind, \
                        #change, r_, why_);                                                    \
        } while (0)

#define PASSES(kind, change)                                                        \
        do {                                                                        \
                __typeof__(sample_##kind()) m = sample_##kind();                    \
                const char *why_ = "(none)";                                        \
                int r_;                                                             \
                                                                                    \
                change;                                                             \
                r_ = validate_##kind(&m, &why_);                                    \
                cr_expect(r_ == 0, "%s: %s: refused for %s", #kind, #change, why_); \
        } while (0)
