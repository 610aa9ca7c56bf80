/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* A main for fuzz targets where there is no libFuzzer: runs each file of the folders and files
 * that are named, once. An assert or a sanitizer ends it; to have run nothing is a failure too.
 *
 * corpus_TARGET FOLDER|FILE... */

#include "fuzz.h"

#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned long files;

static void run_file(const char *path)
{
    enum { MOST = 1 << 20 };
    uint8_t *read = malloc(MOST), *data;
    FILE *file = fopen(path, "rb");
    size_t size;

    if (!file || !read)
        err(1, "%s", path);
    size = fread(read, 1, MOST, file);
    if (ferror(file))
        err(1, "%s", path);
    fclose(file);
    data = realloc(read, size ? size : 1); /* exact, so that to read behind it is seen */
    if (!data)
        err(1, "%s", path);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    files++;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void run(const char *path)
{
    struct dirent **entries;
    const int count = scandir(path, &entries, is_visible, alphasort);

    if (count < 0) {                   /* no folder */
        fprintf(stderr, "%s\n", path); /* the last one named is the one that fails */
        run_file(path);
        return;
    }
    for (int i = 0; i < count; i++) {
        char inside[4096];

        snprintf(inside, sizeof inside, "%s/%s", path, entries[i]->d_name);
        run(inside);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++)
        run(argv[i]);
    if (!files)
        errx(1, "no files to run");
    printf("%lu files\n", files);
    return 0;
}
