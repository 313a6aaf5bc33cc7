#pragma once
/* Moved: libbus/loop/metrics.h. */
#include "libbus/loop/metrics.h"
