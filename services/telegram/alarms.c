#include "services/telegram/alarms.h"

#include "services/telegram/markup.h"

void tg_alarm_say(struct tg_voice *voice, const struct tg_chats *chats,
        const struct bus_message *message, const Pb__Alarm *alarm)
{
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT, line = BUS_BUF_INIT;
        const char *writer = strchr(message->stream, '@');
        struct tg_say say = { .priority = TG_PRIORITY_ALARM,
                .kind = "alarms",
                .at_us = message->envelope->staged_us };

        if (!alarm->raised || alarm->severity != PB__SEVERITY__SEVERITY_CRITICAL)
                return;
        tg_printf(&html, "🚨 <b>CRITICAL %s %s</b>\n%s\n%s · <code>%s</code>", alarm->code,
                alarm->subject, alarm->text, writer ? writer + 1 : "",
                message->envelope->message_id);
        tg_printf(&line, "CRITICAL %s %s: %s", alarm->code, alarm->subject, alarm->text);
        say.html = bus_buf_str(&html);
        say.line = bus_buf_str(&line);
        for (size_t i = 0; i < chats->count; i++) {
                say.chat_id = chats->ids[i];
                tg_voice_say(voice, &say, false);
        }
}
