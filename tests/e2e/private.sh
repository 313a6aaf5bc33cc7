# For tests that do to a machine what only root does: to be sourced. They run under `unshare -m`.
# shellcheck shell=sh

# Whether this is root, and one who may mount.
can_be_private() {
        [ "$(id -u)" = 0 ] && unshare -m mount -t tmpfs tmpfs /mnt 2>/dev/null
}

# private FOLDER...: from here on nobody else sees what is written below these, and it goes with the test.
private() {
        mount -t tmpfs tmpfs /mnt
        for below in "$@"; do
                layers=/mnt/$(echo "$below" | tr / _)
                mkdir -p "$layers/up" "$layers/work" "$below"
                chmod 755 "$layers/up"
                mount -t overlay overlay "$below" \
                        -o "lowerdir=$below,upperdir=$layers/up,workdir=$layers/work"
        done
}
