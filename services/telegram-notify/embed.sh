#!/bin/sh
# FILE: its lines as the strings of a C initialiser.
set -eu
sed -e 's/[\\"]/\\&/g' -e 's/^/"/' -e 's/$/\\n"/' "$1"
