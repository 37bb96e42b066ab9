//go:build seccomp

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <seccomp.h>

#include "filter.h"

// Our functions stand where libseccomp's are called, which are __real_…

scmp_filter_ctx __real_seccomp_init(uint32_t action);
int __real_seccomp_reset(scmp_filter_ctx ctx, uint32_t action);
void __real_seccomp_release(scmp_filter_ctx ctx);
int __real_seccomp_merge(scmp_filter_ctx dst, scmp_filter_ctx src);
int __real_seccomp_arch_add(scmp_filter_ctx ctx, uint32_t token);
int __real_seccomp_arch_remove(scmp_filter_ctx ctx, uint32_t token);
int __real_seccomp_attr_set(scmp_filter_ctx ctx, enum scmp_filter_attr attr, uint32_t value);
int __real_seccomp_rule_add_array(scmp_filter_ctx ctx, uint32_t action, int nr, unsigned int n, const struct scmp_arg_cmp *cmp);
int __real_seccomp_rule_add_exact_array(scmp_filter_ctx ctx, uint32_t action, int nr, unsigned int n, const struct scmp_arg_cmp *cmp);
int __real_seccomp_syscall_priority(scmp_filter_ctx ctx, int nr, uint8_t priority);
int __real_seccomp_load(const scmp_filter_ctx ctx);
int __real_seccomp_export_pfc(const scmp_filter_ctx ctx, int fd);
int __real_seccomp_export_bpf(const scmp_filter_ctx ctx, int fd);

#define CONDITIONS 6
#define CONDITION_WORDS 6

static struct {
	const uint32_t *rules;
	size_t words;
	const void *program;
	size_t bytes;
	int taken;

	scmp_filter_ctx ctx; // what is asked of it is the usual so far; NULL: there is none
	size_t at;           // up to here
} usual;

void davit_filter_use(const uint32_t *rules, size_t words, const void *program, size_t bytes)
{
	usual.rules = rules;
	usual.words = words;
	usual.program = program;
	usual.bytes = bytes;
}

int davit_filter_taken(void) { return usual.taken; }

// follows tells whether the next thing that is asked is the usual one.
static int follows(const void *ctx, const uint32_t *asked, size_t n)
{
	if (ctx == NULL || ctx != usual.ctx || n > usual.words - usual.at)
		return 0;
	if (memcmp(usual.rules + usual.at, asked, n * sizeof *asked) != 0)
		return 0;
	usual.at += n;
	return 1;
}

// rule makes words of one, and says how many.
static size_t rule(uint32_t *w, uint32_t action, int nr, unsigned int n, const struct scmp_arg_cmp *cmp)
{
	size_t k = 0;
	w[k++] = DAVIT_RULE;
	w[k++] = action;
	w[k++] = (uint32_t)nr;
	w[k++] = n;
	for (unsigned int i = 0; i < n; i++) {
		w[k++] = cmp[i].arg;
		w[k++] = cmp[i].op;
		w[k++] = (uint32_t)cmp[i].datum_a;
		w[k++] = (uint32_t)(cmp[i].datum_a >> 32);
		w[k++] = (uint32_t)cmp[i].datum_b;
		w[k++] = (uint32_t)(cmp[i].datum_b >> 32);
	}
	return k;
}

// give adds the rule at w, and says how long it is there.
static int give(scmp_filter_ctx ctx, const uint32_t *w, size_t *length)
{
	struct scmp_arg_cmp cmp[CONDITIONS];
	uint32_t n = w[3];
	if (n > CONDITIONS)
		return -EINVAL;
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t *c = w + 4 + i * CONDITION_WORDS;
		cmp[i].arg = c[0];
		cmp[i].op = c[1];
		cmp[i].datum_a = c[2] | (uint64_t)c[3] << 32;
		cmp[i].datum_b = c[4] | (uint64_t)c[5] << 32;
	}
	*length = 4 + n * CONDITION_WORDS;
	return __real_seccomp_rule_add_array(ctx, w[1], (int)w[2], n, cmp);
}

// settle gives libseccomp the rules that were only compared up to now.
static int settle(const void *ctx)
{
	if (ctx == NULL || ctx != usual.ctx)
		return 0;
	scmp_filter_ctx late = usual.ctx;
	usual.ctx = NULL;
	for (size_t i = 0, n; i < usual.at; i += n) {
		const uint32_t *w = usual.rules + i;
		int err = 0;
		switch (w[0]) {
		case DAVIT_INIT:
		case DAVIT_ARCH:
			n = 2;
			break;
		case DAVIT_ATTR:
			n = 3;
			break;
		case DAVIT_RULE:
			err = give(late, w, &n);
			break;
		default:
			err = -EINVAL;
		}
		if (err != 0)
			return err;
	}
	return 0;
}

scmp_filter_ctx __wrap_seccomp_init(uint32_t action)
{
	scmp_filter_ctx ctx = __real_seccomp_init(action);
	uint32_t asked[] = {DAVIT_INIT, action};
	if (ctx == NULL || usual.rules == NULL || usual.ctx != NULL)
		return ctx;
	usual.ctx = ctx;
	usual.at = 0;
	if (!follows(ctx, asked, 2))
		usual.ctx = NULL;
	return ctx;
}

int __wrap_seccomp_reset(scmp_filter_ctx ctx, uint32_t action)
{
	if (ctx != NULL && ctx == usual.ctx)
		usual.ctx = NULL;
	return __real_seccomp_reset(ctx, action);
}

void __wrap_seccomp_release(scmp_filter_ctx ctx)
{
	if (ctx != NULL && ctx == usual.ctx)
		usual.ctx = NULL;
	__real_seccomp_release(ctx);
}

int __wrap_seccomp_merge(scmp_filter_ctx dst, scmp_filter_ctx src)
{
	int err = settle(dst);
	if (err == 0)
		err = settle(src);
	return err ? err : __real_seccomp_merge(dst, src);
}

int __wrap_seccomp_arch_add(scmp_filter_ctx ctx, uint32_t token)
{
	uint32_t asked[] = {DAVIT_ARCH, token};
	int err = 0;
	if (!follows(ctx, asked, 2))
		err = settle(ctx);
	return err ? err : __real_seccomp_arch_add(ctx, token);
}

int __wrap_seccomp_arch_remove(scmp_filter_ctx ctx, uint32_t token)
{
	int err = settle(ctx);
	return err ? err : __real_seccomp_arch_remove(ctx, token);
}

int __wrap_seccomp_attr_set(scmp_filter_ctx ctx, enum scmp_filter_attr attr, uint32_t value)
{
	uint32_t asked[] = {DAVIT_ATTR, attr, value};
	int err = 0;
	if (!follows(ctx, asked, 3))
		err = settle(ctx);
	return err ? err : __real_seccomp_attr_set(ctx, attr, value);
}

int __wrap_seccomp_rule_add_array(scmp_filter_ctx ctx, uint32_t action, int nr, unsigned int n, const struct scmp_arg_cmp *cmp)
{
	uint32_t asked[4 + CONDITIONS * CONDITION_WORDS];
	int err;
	if (n <= CONDITIONS && follows(ctx, asked, rule(asked, action, nr, n, cmp)))
		return 0;
	err = settle(ctx);
	return err ? err : __real_seccomp_rule_add_array(ctx, action, nr, n, cmp);
}

int __wrap_seccomp_rule_add_exact_array(scmp_filter_ctx ctx, uint32_t action, int nr, unsigned int n, const struct scmp_arg_cmp *cmp)
{
	int err = settle(ctx);
	return err ? err : __real_seccomp_rule_add_exact_array(ctx, action, nr, n, cmp);
}

int __wrap_seccomp_syscall_priority(scmp_filter_ctx ctx, int nr, uint8_t priority)
{
	int err = settle(ctx);
	return err ? err : __real_seccomp_syscall_priority(ctx, nr, priority);
}

int __wrap_seccomp_load(const scmp_filter_ctx ctx)
{
	int err = settle(ctx);
	return err ? err : __real_seccomp_load(ctx);
}

int __wrap_seccomp_export_pfc(const scmp_filter_ctx ctx, int fd)
{
	int err = settle(ctx);
	return err ? err : __real_seccomp_export_pfc(ctx, fd);
}

int __wrap_seccomp_export_bpf(const scmp_filter_ctx ctx, int fd)
{
	int err;
	if (ctx != NULL && ctx == usual.ctx && usual.at == usual.words) {
		const char *p = usual.program;
		size_t left = usual.bytes;
		while (left > 0) {
			ssize_t n = write(fd, p, left);
			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0)
				return -errno;
			p += n;
			left -= (size_t)n;
		}
		usual.taken++;
		return 0;
	}
	err = settle(ctx);
	return err ? err : __real_seccomp_export_bpf(ctx, fd);
}
