/* posix.c - the kernel's version of the seams, in one constant. */
#include "sys/posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"

/* Hash of a one-line file, never 0; 0 where it cannot be read or is empty. */
static uint64_t hash_line(const char *path)
{
	char line[64];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	uint64_t h;

	if (fd < 0)
		return 0;
	n = read(fd, line, sizeof line);
	close(fd);
	if (n <= 1)
		return 0;
	h = XXH3_64bits(line, (size_t)n);
	return h ? h : 1;
}

static uint64_t boot_id(void)
{
	return hash_line("/proc/sys/kernel/random/boot_id");
}

static uint64_t machine_id(void)
{
	return hash_line("/etc/machine-id");
}

const struct eng_sys *eng_sys_posix(void)
{
	static const struct eng_sys posix = {
	        .clock = {eng_posix_wall_us, eng_posix_mono_us, eng_posix_sleep_us, NULL},
	        .random = {eng_posix_random, NULL},
	        .fs = {&eng_posix_fs_ops, NULL},
	        .wait = {eng_posix_wait, eng_posix_wake, NULL},
	        .machine = &eng_posix_machine,
	        .boot_id = boot_id,
	        .machine_id = machine_id,
	        .guard = eng_posix_guard,
	};

	return &posix;
}

const char *eng_sys_env_bad(void)
{
	return eng_posix_now_bad() ? "ENGRAM_NOW" : eng_posix_seed_bad() ? "ENGRAM_SEED" : NULL;
}

bool eng_sys_network_allowed(void)
{
	const char *v = getenv("ENGRAM_NETWORK_HOME");

	return v && strcmp(v, "1") == 0;
}

uint32_t eng_sys_pid(void)
{
	return (uint32_t)getpid();
}

const char *eng_holder(char out[ENG_HOLDER_TEXT], uint32_t pid)
{
	if (pid)
		snprintf(out, ENG_HOLDER_TEXT, "process %u", (unsigned)pid);
	else
		snprintf(out, ENG_HOLDER_TEXT, "another process");
	return out;
}

uint32_t eng_sys_uid(void)
{
	return (uint32_t)geteuid();
}

int eng_sys_absolute(char out[ENG_PATH_MAX], const char *path)
{
	char cwd[ENG_PATH_MAX];

	if (path[0] == '/')
		return snprintf(out, ENG_PATH_MAX, "%s", path) < ENG_PATH_MAX ? 0 : -ENAMETOOLONG;
	if (!getcwd(cwd, sizeof cwd))
		return -errno;
	return eng_path(out, cwd, "%s", path) ? 0 : -ENAMETOOLONG;
}

const char *eng_sys_env(const char *name)
{
	return getenv(name);
}
