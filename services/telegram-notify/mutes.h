#pragma once
/*
 * What is not told now: kinds that are muted, for a while or for good, and quiet hours. Pure: the
 * time, and the minute of the day where the trader is, are arguments.
 *
 * Invariant: what is CRITICAL is always told.
 */
#include "services/telegram-notify/tell.h"

#define MUTES_FOR_GOOD INT64_MAX
#define MUTES_DAY_MIN  (24 * 60)

struct mutes {
        int64_t until_us[TELL_KINDS];     /* 0: told */
        uint32_t quiet_kinds;             /* a bit for each that keeps the quiet hours */
        int quiet_from_min, quiet_to_min; /* of the day; equal: no quiet hours */
};

enum mutes_verdict {
        MUTES_TELL,
        MUTES_DROP,  /* muted */
        MUTES_QUIET, /* counted, and told as a sum when the quiet hours end */
};

/* Kinds by name, or "all", with blanks in between, into a bit for each. -EINVAL: *RET_BAD (borrowed
 * from TEXT) and its length are the word that is no kind. */
BUS_MUST int mutes_kinds(
        const char *text, uint32_t *ret_kinds, const char **ret_bad, size_t *ret_bad_length);
/* "22:00-07:00", or "off". -EINVAL. */
BUS_MUST int mutes_hours(const char *text, int *ret_from_min, int *ret_to_min);
/* "22:00" */
BUS_MUST int mutes_minute(const char *text, size_t length, int *ret_minute);

void mutes_set(struct mutes *mutes, uint32_t kinds, int64_t until_us);
enum mutes_verdict mutes_judge(
        const struct mutes *mutes, const struct told *told, int64_t now_us, int minute);
bool mutes_quiet(const struct mutes *mutes, int minute);

/* As text, for the store. */
void mutes_write(const struct mutes *mutes, struct bus_buf *buf);
BUS_MUST int mutes_read(struct mutes *mutes, const char *text);
