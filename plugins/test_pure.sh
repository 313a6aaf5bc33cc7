#!/bin/sh
# Plugins are pure: usage: test_pure.sh PLUGIN.so...
# A plugin exports its entry alone and takes nothing from outside but memory, strings and what the
# compiler itself calls. So no clock, file, socket, random number or environment is in its reach.
set -eu

allowed='^(malloc|calloc|free|abort|snprintf|mem(cpy|set|move|cmp)|str(cmp|ncmp|len|chr|spn|cspn)|_.*)$'
failed=0

# Built for coverage, a plugin writes down what it did: nothing to be learnt here.
if nm "$1" | grep -q ' __gcov_'; then
        exit 77
fi
for plugin in "$@"; do
        foreign=$(nm -D --undefined-only "$plugin" | sed 's/.* //; s/@.*//' | grep -Ev "$allowed" || :)
        exported=$(nm -D --defined-only "$plugin" | sed 's/.* //; s/@.*//' | grep -v '^_' || :)
        if [ -n "$foreign" ]; then
                echo "$plugin reaches outside:" $foreign >&2
                failed=1
        fi
        if [ "$exported" != umbra_plugin_entry ]; then
                echo "$plugin exports:" $exported >&2
                failed=1
        fi
done
exit $failed
