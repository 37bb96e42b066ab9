// Package filter spares containers the compilation of their filter of system
// calls where it is the usual one.
//
// It is linked into davit-guard and works in the processes that become a
// container's, whose libcontainer hands some 350 rules to libseccomp at each
// start and exec and has it make the same program of them, in 2 ms. The linker puts
// this package between the two (--wrap, see filter.c). As long as the rules come as
// they stand in built/usual, word for word, they are only compared; when
// the program is asked for after the last of them, it is the one that
// libseccomp made of them before. At the first that differs, libseccomp gets them all.
//
// So what decides is what libcontainer asks for in this process, and no state
// or file has a say in it. A program with rules left out cannot come of it: libseccomp
// refuses what nobody allowed.
//
// build/compile makes that file, with the libseccomp that davit-guard is linked
// with. A davit-guard that was built without it has libseccomp make each filter.
package filter
