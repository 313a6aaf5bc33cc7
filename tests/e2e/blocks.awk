# A document's command blocks, each into files of its own, PREFIX before the number: DIR/NNN.env (the words behind "sh"), .line,
# .sh, and .want (the text block that follows it, where there is one). A fence of a shell that is not
# marked "sh", or has no environment, gets the environment "unmarked", and code that is only indented
# "indented". Which test runs an environment's blocks is in tests/lint/blocks.
#
#       ```sh up            on a running system; `up fails`: it must not exit 0; `up root`: only root can
#       ```sh stopped       the same state folder, while nothing runs
#       ```sh redis         a Redis with users, and no system on it yet
#       ```sh systemd       a machine with systemd, on which nothing is installed yet
#       ```sh stack|k8s     by the suite of that name; `k8s played`: with a cluster that is played
function close_block() {
        if (file)
                close(file)
        file = ""
}
/^[ \t]*```/ {
        if (in_block) {
                in_block = 0
                close_block()
                next
        }
        in_block = 1
        line = $0
        sub(/^[ \t]*```/, "", line)
        split(line, words, " ")
        if (words[1] ~ /^(sh|bash|shell|console|zsh)$/) {
                number++
                base = sprintf("%s/%s%03d", dir, prefix, number)
                environment = line
                sub(/^[a-z]+ */, "", environment)
                if (words[1] != "sh" || environment == "")
                        environment = "unmarked"
                print environment >(base ".env")
                close(base ".env")
                print FNR >(base ".line")
                close(base ".line")
                file = base ".sh"
                printf "" >file
                expects = base
        } else if (words[1] == "text" && expects) {
                file = expects ".want"
                printf "" >file
                expects = ""
        }
        next
}
in_block { if (file) print >file; next }
# an indented block hides from all of this
/^(    |\t)[^ \t]/ && was_blank {
        number++
        base = sprintf("%s/%s%03d", dir, prefix, number)
        print "indented" >(base ".env")
        print FNR >(base ".line")
        printf "" >(base ".sh")
        close(base ".env")
        close(base ".line")
        close(base ".sh")
}
# a block's output follows it at once
/[^ \t]/ { expects = "" }
{ was_blank = !/[^ \t]/ }
