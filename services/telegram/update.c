#include "services/telegram/update.h"

#include "services/common/json_text.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

static void copy_text(const json_t *json, char *text, size_t max)
{
        const char *from = json_string_value(json);
        size_t size = from ? json_clean_prefix(from, json_string_length(json), max) : 0;

        if (from)
                memcpy(text, from, size);
        text[size] = 0;
}

static int64_t integer(const json_t *object, const char *key)
{
        return json_integer_value(json_object_get(object, key));
}

static void read_user(const json_t *user, struct tg_update *update)
{
        update->user_id = integer(user, "id");
        copy_text(json_object_get(user, "first_name"), update->name, TG_NAME_MAX_BYTES);
}

static void read_message(const json_t *message, struct tg_update *update)
{
        const json_t *chat = json_object_get(message, "chat");
        const char *type = json_string_value(json_object_get(chat, "type"));

        update->message_id = integer(message, "message_id");
        update->chat_id = integer(chat, "id");
        update->is_private = type && !strcmp(type, "private");
}

static void read_written(const json_t *message, struct tg_update *update)
{
        read_message(message, update);
        read_user(json_object_get(message, "from"), update);
        update->date_s = integer(message, "date");
        copy_text(json_object_get(message, "text"), update->text, TG_TEXT_MAX_BYTES);
        if (update->user_id && update->chat_id && *update->text)
                update->kind = TG_UPDATE_MESSAGE;
}

static void read_pressed(const json_t *query, struct tg_update *update)
{
        read_message(json_object_get(query, "message"), update);
        read_user(json_object_get(query, "from"), update);
        copy_text(json_object_get(query, "data"), update->data, TG_DATA_MAX_BYTES);
        copy_text(json_object_get(query, "id"), update->callback_id, TG_ID_MAX_BYTES);
        if (update->user_id && update->chat_id && *update->data && *update->callback_id)
                update->kind = TG_UPDATE_BUTTON;
}

int tg_update_read(const json_t *json, struct tg_update *ret_update)
{
        const json_t *id = json_object_get(json, "update_id");
        const json_t *message = json_object_get(json, "message");
        const json_t *query = json_object_get(json, "callback_query");

        if (!json_is_integer(id) || json_integer_value(id) < 0 ||
                json_integer_value(id) > TG_UPDATE_ID_MAX)
                return -EBADMSG;
        *ret_update = (struct tg_update){ .update_id = json_integer_value(id) };
        if (message)
                read_written(message, ret_update);
        else if (query)
                read_pressed(query, ret_update);
        return 0;
}

bool tg_command_read(const char *text, const char *bot_name,
        char ret_command[static TG_COMMAND_MAX_BYTES + 1], const char **ret_arguments)
{
        size_t size = 0, name_size;

        if (*text != '/')
                return false;
        text++;
        while (isalnum((unsigned char)text[size]) || text[size] == '_')
                size++;
        if (!size || size > TG_COMMAND_MAX_BYTES)
                return false;
        if (text[size] == '@') {
                name_size = strcspn(text + size + 1, " ");
                if (bot_name && (strlen(bot_name) != name_size ||
                                        strncasecmp(text + size + 1, bot_name, name_size) != 0))
                        return false;
                *ret_arguments = text + size + 1 + name_size;
        } else if (text[size] && text[size] != ' ') {
                return false;
        } else {
                *ret_arguments = text + size;
        }
        *ret_arguments += strspn(*ret_arguments, " ");
        for (size_t i = 0; i < size; i++)
                ret_command[i] = (char)tolower((unsigned char)text[i]);
        ret_command[size] = 0;
        return true;
}
