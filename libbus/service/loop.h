#pragma once
/* Moved: libbus/loop/loop.h. */
#include "libbus/loop/loop.h"
