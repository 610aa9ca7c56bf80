/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* pic_vmm: a VMM that runs a small 64-bit guest on KVM or on Unicorn, and tells what guest and
 * hypervisor say to each other. Both engines tell the same story, to the byte. */

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
enum { ENGINES = sizeof engines / sizeof *engines };

static void usage(FILE *to)
{
    fprintf(to,
            "usage: pic_vmm [--engine NAME] [--bench CALLS] [--timeout SECONDS]\n"
            "\n"
            "Runs a guest that finds \"Hv#1\", makes hypercalls and takes 8259 interrupts, and\n"
            "tells its story.\n"
            "\n"
            "  --engine NAME      what runs the guest:");
    for (size_t i = 0; i < ENGINES; i++)
        fprintf(to, "%s %s", i ? " or" : "", engines[i]->name);
    fprintf(to,
            "; default: the first that works\n"
            "  --bench CALLS      time so many hypercalls, too\n"
            "  --timeout SECONDS  give up then; default: 60\n"
            "  --help             print this\n"
            "\n"
            "Exit status: 0, 1 if the story went wrong, 2 in case of trouble, 77 if the engine\n"
            "asked for does not work here.\n");
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

static struct vmm *open_vmm(const char *engine, uint32_t calls, const char **name)
{
    int known = 0;

    for (size_t i = 0; i < ENGINES; i++) {
        const char *why = NULL;
        struct vmm *vmm;

        if (engine && strcmp(engine, engines[i]->name) != 0)
            continue;
        known = 1;
        *name = engines[i]->name;
        vmm = vmm_open(engines[i], calls, &why);
        if (vmm)
            return vmm;
        warnx(engine ? "engine %s does not work here: %s"
                     : "engine %s is not used, because it does not work here: %s",
              engines[i]->name, why);
    }
    if (!known)
        errx(EXIT_TROUBLE, "there is no engine %s in this program", engine);
    exit(EXIT_CANNOT);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"engine", required_argument, NULL, 'e'},
        {"bench", required_argument, NULL, 'b'},
        {"timeout", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *engine = NULL, *name = NULL;
    uint32_t calls = 0;
    unsigned timeout = 60, wrong;
    struct vmm *vmm;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (option) {
        case 'e':
            engine = optarg;
            break;
        case 'b':
            calls = (uint32_t)number(optarg, 100000000, "bench");
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
    if (optind < argc) {
        usage(stderr);
        return EXIT_TROUBLE;
    }

    setlinebuf(stdout); /* also what was told before a timeout */
    signal(SIGALRM, watchdog);
    alarm(timeout);
    vmm = open_vmm(engine, calls, &name);
    fprintf(stderr, "pic_vmm: engine %s\n", name);
    wrong = vmm_run(vmm);
    if (fflush(stdout))
        err(EXIT_TROUBLE, "stdout");
    if (calls)
        printf("%s: %.0f ns per hypercall, there and back\n", name, vmm_nanoseconds(vmm));
    vmm_close(vmm);
    return wrong ? EXIT_WRONG : 0;
}
