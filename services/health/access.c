#include "services/health/access.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char bearer[] = "Bearer ";

static bool has_token(const struct access_rule *rule, const char *authorization)
{
        uint8_t hash[BUS_SHA256_SIZE];

        if (!rule->has_token || !authorization ||
                strncasecmp(authorization, bearer, strlen(bearer)))
                return false;
        bus_sha256(bus_bytes_str(authorization + strlen(bearer)), hash);
        return bus_equal_consttime(hash, rule->token_sha256, sizeof(hash));
}

static bool peer_is_loopback(const char *peer)
{
        return peer && (!strncmp(peer, "127.", 4) || !strcmp(peer, "::1"));
}

static bool host_is_loopback(const char *host)
{
        static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };

        for (size_t i = 0; host && i < BUS_COUNT(names); i++) {
                size_t length = strlen(names[i]);
                const char *port = host + length;

                if (strncasecmp(host, names[i], length))
                        continue;
                if (*port == ':')
                        for (port++; isdigit((unsigned char)*port);)
                                port++;
                if (!*port)
                        return true;
        }
        return false;
}

bool access_allowed(const struct access_rule *rule, const struct access_request *request)
{
        /* who shows a token is judged by it, and a wrong one is told */
        if (request->authorization)
                return has_token(rule, request->authorization);
        return rule->loopback && peer_is_loopback(request->peer) &&
               host_is_loopback(request->host) && !request->origin && !request->forwarded &&
               !request->x_forwarded_for;
}

bool access_asks_user(const struct access_rule *rule, const struct access_request *request)
{
        return !request->authorization && rule->barred_count;
}

bool access_may_switch(const struct access_rule *rule, const uint32_t *user)
{
        for (size_t i = 0; user && i < rule->barred_count; i++)
                if (rule->barred[i] == *user)
                        return false;
        return user != NULL;
}
