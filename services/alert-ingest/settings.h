#pragma once
/* The configuration of alert-ingest. */
#include "services/alert-ingest/ingest.h"

extern const struct config_option ingest_options[];

/* Sources, address lists and symbols out of the config. -EINVAL after one ERROR line. */
BUS_MUST int settings_read(struct ingest *ingest, const struct config *config);
void settings_done(struct ingest *ingest);
/* For http_server_new; the handler is the caller's. */
struct http_options settings_http(const struct config *config);
