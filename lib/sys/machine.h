/* machine.h - inside sys/: what the kernel says of processors and nodes.  Roots are
 * given, so that a test can lay out a machine as files. */
#ifndef ENG_SYS_MACHINE_H
#define ENG_SYS_MACHINE_H

#include "sys/workers.h"

/* Processors as bits: the most that a kernel is built for today, eight times over. */
#define ENG_CPUS_MAX 65536u
#define ENG_CPU_WORD (8 * sizeof(unsigned long))
struct eng_cpus {
	unsigned long bits[ENG_CPUS_MAX / ENG_CPU_WORD];
};

/* Those that the calling thread may use; 0 or -errno. */
int eng_cpus_allowed(struct eng_cpus *cpus);
/* Restricts it to those; 0 or -errno. */
int eng_cpus_restrict(const struct eng_cpus *cpus);
unsigned eng_cpus_count(const struct eng_cpus *cpus);
/* Those of both; whether there are any. */
bool eng_cpus_both(struct eng_cpus *cpus, const struct eng_cpus *also);
/* A kernel's list, "0-3,8"; what is no number ends it. */
void eng_cpus_parse(struct eng_cpus *cpus, const char *list);

/* Processors that the quotas of the control groups of this process leave, rounded
 * up; 0 = no quota.  own: /proc/self/cgroup; root: /sys/fs/cgroup. */
unsigned eng_cgroup_quota(const char *own, const char *root);
/* Nodes below root (/sys/devices/system/node) with processors of `allowed`. */
unsigned eng_nodes_with(unsigned out[ENG_NODES_MAX], const char *root, const struct eng_cpus *allowed);

/* libnuma: opened at the first use.  0, or -errno: it is not there or does not
 * work here. */
int eng_numa_settle(unsigned node);
/* Whether this process has opened it.  For tests: a machine of one node must not. */
bool eng_numa_is_loaded(void);

#endif
