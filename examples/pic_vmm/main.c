/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* pic_vmm: a VMM that runs a small 64-bit guest on KVM or on Unicorn, and tells what guest and
 * hypervisor say to each other. Both engines tell the same story, to the byte. With --bench it tells
 * how long a hypercall takes instead, and with --image it runs a guest of somebody else's. */

#include <err.h>
#include <getopt.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm.h"

enum { EXIT_WRONG = 1, EXIT_TROUBLE = 2, EXIT_CANNOT = 77 };

/* In the order of preference. */
static const struct engine_ops *const engines[] = {
    &engine_kvm,
#ifdef HAVE_UNICORN
    &engine_unicorn,
#endif
};
enum { ENGINES = sizeof engines / sizeof *engines, BENCH_CALLS = 1000 };

static void usage(FILE *to)
{
    fprintf(to,
            "usage: pic_vmm [--engine NAME] [--image FILE | --bench[=CALLS]] [--timeout SECONDS]\n"
            "\n"
            "Runs a guest that finds \"Hv#1\", makes hypercalls and takes 8259 interrupts, and\n"
            "tells its story.\n"
            "\n"
            "  --engine NAME      what runs the guest:");
    for (size_t i = 0; i < ENGINES; i++)
        fprintf(to, "%s %s", i ? " or" : "", engines[i]->name);
    fprintf(to,
            "; default: the first that works\n"
            "  --image FILE       no story, but this guest, a flat image, and what it says;\n"
            "                     guest/protocol.h is what it can rely on\n"
            "  --bench[=CALLS]    no story, but how long a hypercall takes on each engine, and\n"
            "                     how much of that in libhvemu; CALLS: at a time, default: %d\n"
            "  --timeout SECONDS  give up then; default: 60\n"
            "  --help             print this\n"
            "\n"
            "Exit status: 0, 1 if guest or benchmark went wrong, 2 in case of trouble, 77 if no\n"
            "engine, or not the one asked for, works here.\n",
            BENCH_CALLS);
}

static long long number(const char *text, long long most, const char *option)
{
    const char *wrong;
    const long long value = strtonum(text, 1, most, &wrong);

    if (wrong)
        errx(EXIT_TROUBLE, "--%s %s: the number is %s", option, text, wrong);
    return value;
}

/* The guest hangs, or something in the host does: nobody else will end this. */
static void watchdog(int signal)
{
    static const char text[] = "pic_vmm: timeout\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);

    (void)signal, (void)ignored;
    _exit(EXIT_WRONG);
}

static int is_wanted(const char *engine, size_t i)
{
    return !engine || strcmp(engine, engines[i]->name) == 0;
}

static int is_known(const char *engine)
{
    for (size_t i = 0; i < ENGINES; i++)
        if (is_wanted(engine, i))
            return 1;
    return 0;
}

static struct vmm *open_vmm(const char *engine, const char *image, const char **name)
{
    for (size_t i = 0; i < ENGINES; i++) {
        const char *why = NULL;
        struct vmm *vmm;

        if (!is_wanted(engine, i))
            continue;
        *name = engines[i]->name;
        vmm = vmm_open(engines[i], image, &why);
        if (vmm)
            return vmm;
        warnx(engine ? "engine %s does not work here: %s"
                     : "engine %s is not used, because it does not work here: %s",
              engines[i]->name, why);
    }
    exit(EXIT_CANNOT);
}

static int run_guest(const char *engine, const char *image)
{
    const char *name = NULL;
    struct vmm *vmm = open_vmm(engine, image, &name);
    unsigned wrong;

    fprintf(stderr, "pic_vmm: engine %s\n", name);
    wrong = image ? vmm_run_image(vmm) : vmm_run(vmm);
    vmm_close(vmm);
    return wrong ? EXIT_WRONG : 0;
}

static int run_bench(const char *engine, uint32_t calls)
{
    int measured = 0, failed = 0;

    bench_print_head(calls);
    for (size_t i = 0; i < ENGINES; i++) {
        struct bench bench = {.calls = calls};
        const char *why = NULL;
        struct vmm *vmm;

        if (!is_wanted(engine, i))
            continue;
        vmm = vmm_open(engines[i], NULL, &why);
        if (!vmm) {
            printf("%-8s skipped: %s\n", engines[i]->name, why);
            continue;
        }
        vmm_bench(vmm, &bench);
        vmm_close(vmm);
        measured++;
        failed += bench_print(engines[i]->name, &bench) != 0;
    }
#ifndef HAVE_UNICORN
    if (!engine)
        printf("%-8s skipped: this program was built without libunicorn\n", "unicorn");
#endif
    if (failed)
        return EXIT_WRONG;
    return measured ? 0 : EXIT_CANNOT;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"engine", required_argument, NULL, 'e'}, {"image", required_argument, NULL, 'i'},
        {"bench", optional_argument, NULL, 'b'},  {"timeout", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    const char *engine = NULL, *image = NULL;
    uint32_t calls = 0;
    unsigned timeout = 60;
    int option, status;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (option) {
        case 'e':
            engine = optarg;
            break;
        case 'i':
            image = optarg;
            break;
        case 'b':
            calls = optarg ? (uint32_t)number(optarg, 100000000, "bench") : BENCH_CALLS;
            break;
        case 't':
            timeout = (unsigned)number(optarg, 86400, "timeout");
            break;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return EXIT_TROUBLE;
        }
    if (optind < argc || (image && calls)) {
        usage(stderr);
        return EXIT_TROUBLE;
    }
    if (!is_known(engine))
        errx(EXIT_TROUBLE, "there is no engine %s in this program", engine);

    setlinebuf(stdout); /* also what was told before a timeout */
    signal(SIGALRM, watchdog);
    alarm(timeout);
    status = calls ? run_bench(engine, calls) : run_guest(engine, image);
    if (fflush(stdout) || ferror(stdout))
        errx(EXIT_TROUBLE, "stdout cannot be written to");
    return status;
}
