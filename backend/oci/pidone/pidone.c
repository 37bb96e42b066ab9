#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* See pidone.go for what this is and where it runs. */

#ifndef __GLIBC__
#error "constructors get no arguments from this C library"
#endif

enum { binary_fd = 3, not_executable = 126, not_found = 127 };

static const int faults[] = { SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS };

static int failed(const char *program)
{
	int code = errno == ENOENT || errno == ENOTDIR ? not_found : not_executable;
	dprintf(STDERR_FILENO, "davit-init: %s: %s\n", program, strerror(errno));
	return code;
}

/* execvp(3) would hand what is no program to /bin/sh. */
static int execute(char **argv)
{
	const char *path = getenv("PATH");
	char file[4096];
	int denied = 0;

	if (strchr(argv[0], '/')) {
		execve(argv[0], argv, environ);
		return failed(argv[0]);
	}
	errno = ENOENT;
	while (path && *path) {
		size_t n = strcspn(path, ":");
		if (n > 0 && snprintf(file, sizeof file, "%.*s/%s", (int)n, path, argv[0]) < (int)sizeof file) {
			execve(file, argv, environ);
			if (errno == EACCES)
				denied = 1;
			else if (errno != ENOENT && errno != ENOTDIR)
				return failed(argv[0]);
		}
		path += n + (path[n] == ':');
	}
	errno = denied ? EACCES : ENOENT;
	return failed(argv[0]);
}

static pid_t start(char **argv, const sigset_t *mask)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	/* In a process group of its own, in front of the terminal if there is one:
	   a shell would ask for that, and ^C is for the program. */
	signal(SIGTTOU, SIG_IGN);
	if (setpgid(0, 0) == 0)
		(void)tcsetpgrp(STDIN_FILENO, getpid());
	signal(SIGTTOU, SIG_DFL);
	signal(SIGTTIN, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	_exit(execute(argv));
}

/* reap takes all that have ended; 1 when the program is among them. */
static int reap(pid_t program, int *status)
{
	int done = 0, st;
	pid_t pid;

	while ((pid = waitpid(-1, &st, WNOHANG)) > 0) {
		if (pid == program) {
			*status = st;
			done = 1;
		}
	}
	return done;
}

static int run(char **argv)
{
	sigset_t all, before;
	siginfo_t info;
	pid_t program;
	int status = 0;
	size_t i;

	close(binary_fd);
	prctl(PR_SET_NAME, "davit-init");
	sigfillset(&all);
	for (i = 0; i < sizeof faults / sizeof *faults; i++)
		sigdelset(&all, faults[i]);
	sigprocmask(SIG_SETMASK, &all, &before);
	signal(SIGTTOU, SIG_IGN);
	signal(SIGTTIN, SIG_IGN);
	program = start(argv, &before);
	if (program < 0) {
		dprintf(STDERR_FILENO, "davit-init: start %s: %s\n", argv[0], strerror(errno));
		return not_executable;
	}
	for (;;) {
		if (sigwaitinfo(&all, &info) < 0)
			continue; /* EINTR: stopped and continued */
		if (info.si_signo != SIGCHLD) {
			(void)kill(program, info.si_signo); /* it may just have ended */
			continue;
		}
		if (reap(program, &status))
			return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
}

__attribute__((constructor)) static void pidone(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "pid1") == 0 && getpid() == 1)
		_exit(run(argv + 2));
}
