/* Counts the instructions that a guest executes, for QEMU's user mode (plug-in API 1, QEMU 6 to 8).
 *
 *   cc -shared -fPIC -O2 -o count.so count.c;  qemu-aarch64 -plugin ./count.so,mark=173 PROGRAM
 *
 * Each time the guest makes the system call `mark`, the count goes to standard error as "instructions N". The count is
 * right for a guest that works on one thread at a time. QEMU's own header is in no package of Debian's, so what is used
 * of it is declared here.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t id_type;
struct qemu_plugin_tb;

extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
extern void qemu_plugin_register_vcpu_tb_trans_cb(id_type id, void (*call)(id_type, struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int add, void *to, uint64_t number);
extern void qemu_plugin_register_vcpu_syscall_cb(
    id_type id, void (*call)(id_type, unsigned, int64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                             uint64_t, uint64_t));

EXPORT int qemu_plugin_version = 1;

static uint64_t count;
static int64_t mark = -1;

static void translated(id_type id, struct qemu_plugin_tb *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, 0, &count, qemu_plugin_tb_n_insns(block));
}

static void called(id_type id, unsigned cpu, int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                   uint64_t f, uint64_t g, uint64_t h)
{
    (void)id, (void)cpu, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
    if (number == mark)
        fprintf(stderr, "instructions %" PRIu64 "\n", count);
}

EXPORT int qemu_plugin_install(id_type id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], "mark=", 5) == 0)
            mark = strtoll(argv[i] + 5, NULL, 10);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    return 0;
}
