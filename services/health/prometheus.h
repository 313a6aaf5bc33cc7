#pragma once
/*
 * Heartbeats as Prometheus text (exposition format 0.0.4): one scrape gives the whole system. Each
 * metric gets the label service=; families stand together, with HELP and TYPE once. Pure.
 */
#include "libbus/base/bytes.h"
#include "services/health/beats.h"

#define PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

void prometheus_write(const struct beats *beats, int64_t now_us, struct bus_buf *ret);
