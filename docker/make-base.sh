#!/bin/sh
# docker/make-base.sh [TAG]: the base image of all others (TAG, or debian:bookworm-slim), made by
# debootstrap where it can be pulled from no registry. Where the packages come from is what this
# machine's own apt asks, and the image asks the same.
set -eu
tag=${1:-debian:bookworm-slim}
suite=bookworm

say() {
        printf 'make-base: %s\n' "$*" >&2
}

[ "$(id -u)" = 0 ] || {
        say 'debootstrap needs root'
        exit 1
}
for program in debootstrap docker; do
        command -v "$program" >/dev/null || {
                say "there is no $program (packages debootstrap, docker.io)"
                exit 1
        }
done
# The format's dollars are apt's.
# shellcheck disable=SC2016
mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        sed -n "s/ $suite main\$//p" | head -n 1)
[ -n "$mirror" ] || {
        say "apt has no source for $suite main here"
        exit 1
}

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
say "$tag from this machine's source of $suite"
debootstrap --variant=minbase "$suite" "$root/base" "$mirror" >"$root/log" 2>&1 || {
        tail -n 20 "$root/log" >&2
        exit 1
}
base=$root/base

# apt in the image asks where this machine's asks, and trusts what it trusts. Only what says where
# packages are and how to fetch them: hooks of this machine's other programs have no business there.
rm -f "$base/etc/apt/sources.list"
{
        printf 'Types: deb\nURIs: %s\nSuites: %s %s-updates\nComponents: main\n' \
                "$mirror" "$suite" "$suite"
        printf 'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n'
        # shellcheck disable=SC2016
        security=$(apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' \
                'Created-By: Packages' | sed -n "s/ $suite-security main\$//p" | head -n 1)
        [ -z "$security" ] || {
                printf '\nTypes: deb\nURIs: %s\nSuites: %s-security\nComponents: main\n' \
                        "$security" "$suite"
                printf 'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n'
        }
} >"$base/etc/apt/sources.list.d/debian.sources"
apt-config dump | sed -n '/^Acquire::\(http\|https\|Check-\|Retries\)/p' \
        >"$base/etc/apt/apt.conf.d/50fetch"
printf 'APT::Install-Recommends "false";\nAcquire::Languages "none";\n' \
        >"$base/etc/apt/apt.conf.d/50slim"

# As slim images do: no documents, no translations, no lists.
{
        printf 'path-exclude /usr/share/doc/*\npath-include /usr/share/doc/*/copyright\n'
        printf 'path-exclude /usr/share/man/*\npath-exclude /usr/share/locale/*\n'
        printf 'path-exclude /usr/share/info/*\n'
} >"$base/etc/dpkg/dpkg.cfg.d/50slim"
find "$base/usr/share/doc" -type f ! -name copyright -delete
rm -rf "$base/usr/share/man" "$base/usr/share/locale" "$base/usr/share/info" \
        "$base"/var/cache/apt/*.bin "$base"/var/cache/apt/archives/*.deb \
        "$base"/var/lib/apt/lists/* "$base"/var/log/* "$base/etc/hostname" "$base/etc/resolv.conf"
mkdir -p "$base/usr/share/man/man1" "$base/var/lib/apt/lists/partial"

tar -C "$base" --numeric-owner --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' -c . |
        docker import --change 'CMD ["bash"]' - "$tag" >/dev/null
say "$tag is there"
