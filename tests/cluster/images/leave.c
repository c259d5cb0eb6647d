// A step's command that requires neither a shell nor libraries: `leave PATH VALUE` writes exactly the value to the file.
// A PATH without a slash is the name of an output, a file in $GLEANER_OUTPUTS.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    if (argc != 3) {
        fputs("usage: leave PATH VALUE\n", stderr);
        return 2;
    }
    char path[4096];
    const char *folder = getenv("GLEANER_OUTPUTS");
    int length;
    if (strchr(argv[1], '/')) {
        length = snprintf(path, sizeof path, "%s", argv[1]);
    } else if (folder && *folder) {
        length = snprintf(path, sizeof path, "%s/%s", folder, argv[1]);
    } else {
        fputs("leave: GLEANER_OUTPUTS is not set: give a path with a slash\n", stderr);
        return 2;
    }
    if (length < 0 || (size_t)length >= sizeof path) {
        fputs("leave: the path is too long\n", stderr);
        return 2;
    }
    FILE *file = fopen(path, "w");
    if (!file) {
        perror(path);
        return 1;
    }
    int failed = fputs(argv[2], file) == EOF;
    if (fclose(file) || failed) {
        perror(path);
        return 1;
    }
    return 0;
}
