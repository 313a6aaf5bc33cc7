#pragma once
/*
 * What is CRITICAL goes out by every bot, so that one that is down or muted keeps nobody from hearing
 * of it. telegram-notify tells alarms in its own words; the others say this.
 */
#include "services/telegram/options.h"
#include "services/telegram/voice.h"

/* ALARM came in MESSAGE. Says it to all of CHATS if it is CRITICAL and begins; else does nothing. */
void tg_alarm_say(struct tg_voice *voice, const struct tg_chats *chats,
        const struct bus_message *message, const Pb__Alarm *alarm);
