#pragma once
/*
 * What a process does for its own protection.
 */

/*
 * No core file, and no other process of the same user may look into this one's memory: for
 * programs that hold secrets, before they read any. With a sanitizer only the first: it looks into
 * the process itself when it searches for leaks.
 */
void bus_process_keep_secrets(void);
