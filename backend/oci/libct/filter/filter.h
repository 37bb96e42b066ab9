#include <stddef.h>
#include <stdint.h>

// What is asked of libseccomp, as words: one of these and what is given with it.
enum {
	DAVIT_INIT = 1, // default action
	DAVIT_ARCH = 2, // token
	DAVIT_ATTR = 3, // attribute, value
	DAVIT_RULE = 4, // action, system call, number of conditions, and of each:
	                // argument, comparison, two values with their low word first
};

void davit_filter_use(const uint32_t *rules, size_t words, const void *program, size_t bytes);
int davit_filter_taken(void);
