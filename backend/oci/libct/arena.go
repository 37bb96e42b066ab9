package libct

// The filter of system calls is compiled by C code in a thread of Go's. glibc
// gives such a thread an arena of its own, which grows by a page and a system
// call at a time: seventy at each start.

/*
#include <malloc.h>

__attribute__((constructor)) static void one_arena(void)
{
#ifdef M_ARENA_MAX
	mallopt(M_ARENA_MAX, 1);
#endif
}
*/
import "C"
