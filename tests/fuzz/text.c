/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The text parsers: vectors and scripts (tools/hvs.h), the faults of a script (tools/double.h), and
 * a recording that is done again on a new test double. Whatever the text: read or refused, with the
 * line and nothing left behind. AddressSanitizer looks after the latter. */

#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "double.h"
#include "hvs.h"

/* "name:line: what", cut to fit. */
static void check_error(const char *error, size_t room, const char *name)
{
    const size_t length = strlen(name);
    char *end;

    assert_true(strlen(error) < room);
    if (room <= length + 24)
        return;
    assert_int_equal(strncmp(error, name, length), 0);
    assert_int_equal(error[length], ':');
    strtoul(error + length + 1, &end, 10);
    assert_true(end > error + length + 1);
    assert_int_equal(strncmp(end, ": ", 2), 0);
    assert_int_not_equal(end[2], 0);
}

static void check_step(const struct hvs_step *step, unsigned lines)
{
    assert_in_range(step->line, 1, lines);
    assert_in_range(step->count, 0, HVS_WORDS);
    assert_in_range(step->keyword, 0, HVS_KEYWORDS - 1);
    for (unsigned i = 0; i < step->count; i++) {
        const struct hvs_word *word = &step->words[i];

        assert_ptr_equal(hvs_find(step, word->key), word); /* no word twice */
        assert_non_null(word->text);
        if (strncmp(word->text, "0x", 2) == 0) {
            assert_in_range(strlen(word->text), 3, 18);
            assert_u64(hvs_number(step, word->key, 1), strtoull(word->text, NULL, 16));
        }
        assert_non_null(hvs_key_name(word->key));
    }
}

static void check_file(const struct hvs_file *file, unsigned lines)
{
    unsigned next = file->common;

    assert_true(file->step_count <= HVS_STEPS && file->vector_count <= HVS_VECTORS);
    assert_true(file->common <= file->step_count);
    for (unsigned i = 0; i < file->step_count; i++)
        check_step(&file->steps[i], lines);
    for (unsigned i = 0; i < file->vector_count; i++) {
        const struct hvs_vector *vector = &file->vectors[i];

        assert_ptr_equal(vector->file, file);
        assert_u64(vector->first, next);
        assert_true(vector->name && *vector->name && vector->source && vector->conventions);
        next += vector->steps;
    }
    assert_u64(next, file->step_count);
}

static unsigned lines_of(const char *text, size_t size)
{
    unsigned lines = 1;

    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    return lines;
}

static void parse(int script, const char *text, size_t size, char *error, size_t room)
{
    struct hvs_file *file = script ? hvs_parse_script("name", text, size, error, room)
                                   : hvs_parse("name", text, size, error, room);

    if (file)
        check_file(file, lines_of(text, size));
    else
        check_error(error, room, "name");
    hvs_free(file);
}

/* With little memory, so that it is quickly made, and pools from which nothing is taken. */
static const struct hvemu_config config = {.size = sizeof config,
                                           .partitions = 6,
                                           .vps = 4,
                                           .depth = 3,
                                           .pages = 16,
                                           .create_cost = HVEMU_NO_COST,
                                           .initialize_cost = HVEMU_NO_COST,
                                           .vp_cost = 1,
                                           .privileges = HV_PRIVILEGE_ALL};
static const struct hvdouble_options options = {.memory_pages = 64, .config = &config};

static void load(const char *text, size_t size, char *error, size_t room)
{
    struct hvdouble *d = hvdouble_new(&options);
    char *string = malloc(size + 1);

    assert_true(d && string);
    memcpy(string, text, size);
    string[size] = 0;
    if (hvdouble_load_text(d, "name", string, error, room) != 0)
        check_error(error, room, "name");
    hvdouble_mend(d);
    free(string);
    hvdouble_free(d);
}

static void replay(const char *text, size_t size, char *error, size_t room)
{
    static FILE *file;
    char path[32];

    if (!file)
        file = tmpfile();
    assert_non_null(file);
    rewind(file);
    assert_int_equal(ftruncate(fileno(file), 0), 0);
    assert_u64(fwrite(text, 1, size, file), size);
    rewind(file);
    snprintf(path, sizeof path, "/dev/fd/%d", fileno(file));
    if (hvdouble_replay(&options, path, error, room) != 0)
        check_error(error, room, path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {data, data + size};
    const unsigned what = take_below(&bytes, 256);
    const size_t room = what & 0x80 ? (what >> 2 & 0x1F) + 1 : 256;
    const char *text = (const char *)bytes.at;
    char *error = malloc(room);

    assert_non_null(error);
    size = (size_t)(bytes.end - bytes.at);
    memset(error, 'x', room);
    switch (what & 3) {
    case 0:
    case 1:
        parse(what & 1, text, size, error, room);
        break;
    case 2:
        load(text, size, error, room);
        break;
    default:
        replay(text, size, error, room);
    }
    free(error);
    return 0;
}
