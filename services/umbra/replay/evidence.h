#pragma once
/*
 * A replay as evidence: its pairs in a file that telegram-analytics takes up and publishes, marked
 * as replayed. Pairs that the comparison stream has already, for this plugin, build and config, are
 * left out, so that no alert counts twice.
 */
#include "services/compare/pair.h"
#include "services/umbra/replay/journal.h"

struct evidence;

/* FOLDER: of telegram-analytics. -errno. */
BUS_MUST int evidence_open(const char *folder, struct evidence **ret_evidence);
/* What is not finished is removed. Takes NULL, returns NULL. */
struct evidence *evidence_close(struct evidence *evidence);

/* Reads COMPARISONS to its end: what of PLUGIN in this BUILD and CONFIG_HASH was compared before. */
BUS_MUST int evidence_known(struct evidence *evidence, struct journal *comparisons,
        const char *plugin, const char *build, const char *config_hash,
        char error[static JOURNAL_ERROR_SIZE]);
void evidence_add(struct evidence *evidence, const struct compare_pair *pair,
        const struct compare_message *message);
/* The file is whole and handed over; *RET_COUNT pairs are in it. -errno. */
BUS_MUST int evidence_finish(struct evidence *evidence, size_t *ret_count);
