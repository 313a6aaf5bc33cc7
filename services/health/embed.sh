#!/bin/sh
# FILE...: writes the C table of page.h with them. index.html is found at "/".
set -eu

content_type() {
        case $1 in
        *.html) echo 'text/html; charset=utf-8' ;;
        *.css) echo 'text/css; charset=utf-8' ;;
        *.js) echo 'text/javascript; charset=utf-8' ;;
        *.svg) echo 'image/svg+xml' ;;
        *) exit 1 ;;
        esac
}

printf '#include "services/health/page.h"\n'
n=0
for file in "$@"; do
        printf '\nstatic const unsigned char file_%d[] = {\n' $n
        od -An -v -tu1 "$file" | sed 's/[0-9][0-9]*/&,/g'
        printf '};\n'
        n=$((n + 1))
done
printf '\nconst struct page_file page_files[] = {\n'
n=0
for file in "$@"; do
        path=/$(basename "$file")
        [ "$path" != /index.html ] || path=/
        hash=$(sha256sum "$file" | cut -c 1-24)
        printf '        { "%s", "%s", file_%d, sizeof(file_%d), "\\"%s\\"" },\n' \
                "$path" "$(content_type "$file")" $n $n "$hash"
        n=$((n + 1))
done
printf '        { 0 },\n};\n'
