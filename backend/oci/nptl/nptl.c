#define _GNU_SOURCE
#include <pthread.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

/* See nptl.go for what this is. */

/* Less than glibc's struct pthread has on any machine; the id is within. */
enum { descriptor = 0x500 };

static volatile int *known;

/* Before nsenter's constructor, which makes the processes. */
__attribute__((constructor(101))) static void find(void)
{
	int id = (int)syscall(SYS_gettid), *words = (int *)pthread_self(), *found = NULL;
	size_t i;

	for (i = 0; i < descriptor / sizeof *words; i++) {
		if (words[i] != id)
			continue;
		if (found)
			return; /* not certain which */
		found = &words[i];
	}
	known = found;
}

void davit_nptl_refresh(void)
{
	if (known)
		*known = getpid();
}
