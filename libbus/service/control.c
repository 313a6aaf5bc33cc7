/* The commands every service obeys, whatever it is: so far, making a backup. */
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/service/internal.h"
#include "proto/unpack.h"
#include "proto/validate.h"

#include "control.pb-c.h"

#include <errno.h>
#include <stdio.h>

static void answer_backup(struct bus_service *service, const struct bus_message *message,
        const char *name, int r, const char *error)
{
        Pb__ControlResult result = PB__CONTROL_RESULT__INIT;
        Pb__ResultFact fact = PB__RESULT_FACT__INIT, *facts[] = { &fact };
        BUS_AUTOFREE char *path = bus_xasprintf("backup/%s/%s.db", service->class->name, name);

        result.command_id = message->envelope->message_id;
        result.command = PB__COMMAND__COMMAND_BACKUP;
        result.service = (char *)service->class->name;
        result.status = r < 0 ? PB__RESULT_STATUS__RESULT_STATUS_FAILED
                              : PB__RESULT_STATUS__RESULT_STATUS_DONE;
        result.code = r < 0 ? "backup_failed" : "";
        result.text = r < 0 ? (char *)error : "copied, checked and synced";
        fact.key = "file";
        fact.value = path;
        result.facts = facts;
        result.n_facts = BUS_COUNT(facts);
        bus_emit(service, &(struct bus_out){ .stream = "control.result",
                                  .topic = "control.result.backup",
                                  .body = &result.base,
                                  .cause = message });
}

/* A folder name and nothing else: it came over the network. */
static bool name_is_plain(const char *name)
{
        size_t length = strlen(name);

        return length > 0 && length <= 64 && name[0] != '.' &&
               strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
                       length;
}

bool service_control(struct bus_service *service, const struct bus_message *message)
{
        Pb__Control *control = MESSAGE_UNPACK(control, message->body);
        char error[CONFIG_ERROR_SIZE] = "";
        bool backup = control && control->command == PB__COMMAND__COMMAND_BACKUP;
        int r;

        if (backup && !name_is_plain(control->backup_name)) {
                answer_backup(service, message, "", -EINVAL, "the backup's name is not plain");
        } else if (backup) {
                r = bus_service_backup(service, control->backup_name, error, sizeof(error));
                if (r < 0)
                        log_warn("backup_failed", "name=%s error=\"%s\"", control->backup_name,
                                error);
                answer_backup(service, message, control->backup_name, r, error);
        }
        if (control && control->command == PB__COMMAND__COMMAND_RESUME) {
                service_alarms_seen(service); /* and the service's own handler has its part */
                service_store_accept(service);
        }
        pb__control__free_unpacked(control, NULL);
        return backup;
}
