package main

import (
	"context"
	"log/slog"
)

// newRoot is the whole tree: verbs first, then docker's nouns over the same verbs.
func newRoot() *command {
	var showVersion, debug bool
	root := &command{
		name: "davit", args: "[OPTIONS] COMMAND",
		short: "Containers on the Linux desktop, without root.",
		long:  "Without a command, the window opens.",
		most:  0,
	}
	f := root.set()
	f.BoolVarP(&showVersion, "version", "v", false, "Print the version and quit")
	f.BoolVarP(&debug, "debug", "D", false, "Tell what happens, on the standard error")
	root.verbs = append(verbs(), nouns()...)
	root.verbs = append(root.verbs, verb{"help", func() *command { return newHelpCommand(root) }})
	root.dress = func(s *command) { root.passDebug(s, &debug) }
	root.run = func(ctx context.Context, e *env, _ []string) error {
		if showVersion {
			return runVersion(ctx, e, VersionOptions{Short: true})
		}
		return runDesktop(e)
	}
	return root
}

// passDebug makes a verb heed the --debug that stood before its name.
func (c *command) passDebug(s *command, debug *bool) {
	run := s.run
	if run != nil {
		s.run = func(ctx context.Context, e *env, args []string) error {
			if *debug {
				e.log = slog.New(slog.NewTextHandler(e.err, &slog.HandlerOptions{Level: slog.LevelDebug}))
			}
			return run(ctx, e, args)
		}
	}
	for _, sub := range s.subs {
		c.passDebug(sub, debug)
	}
}

func verbs() []verb {
	return []verb{
		{"run", newRunCommand}, {"create", newCreateCommand}, {"ps", newPsCommand}, {"logs", newLogsCommand}, {"exec", newExecCommand}, {"debug", newDebugCommand},
		{"attach", newAttachCommand}, {"start", newStartCommand}, {"stop", newStopCommand}, {"restart", newRestartCommand}, {"kill", newKillCommand},
		{"rm", newRmCommand}, {"wait", newWaitCommand}, {"port", newPortCommand}, {"inspect", newInspectCommand},
		{"pause", newPauseCommand}, {"unpause", newUnpauseCommand}, {"rename", newRenameCommand}, {"update", newUpdateCommand}, {"edit", newEditCommand}, {"duplicate", newDuplicateCommand}, {"giveback", newGiveBackCommand}, {"top", newTopCommand}, {"stats", newStatsCommand},
		{"images", newImagesCommand}, {"pull", newPullCommand}, {"rmi", newRmiCommand}, {"load", newLoadCommand}, {"save", newSaveCommand}, {"tag", newTagCommand},
		{"push", newPushCommand}, {"import", newImportCommand}, {"history", newHistoryCommand}, {"commit", newCommitCommand}, {"diff", newDiffCommand}, {"export", newExportCommand}, {"cp", newCpCommand},
		{"search", newSearchCommand}, {"login", newLoginCommand}, {"logout", newLogoutCommand}, {"operation", newOperationGroup},
		{"info", newInfoCommand}, {"doctor", newDoctorCommand}, {"df", newSystemDfCommand}, {"events", newEventsCommand}, {"serve", newServeCommand}, {"version", newVersionCommand},
	}
}

func nouns() []verb {
	return []verb{
		{"container", newContainerGroup}, {"image", newImageGroup}, {"system", newSystemGroup}, {"healthcheck", newHealthGroup}, {"autostart", newAutostartGroup}, {"registry", newRegistryGroup},
		{"manifest", newManifestGroup}, {"network", newNetworkGroup}, {"volume", newVolumeGroup}, {"secret", newSecretGroup}, {"snapshot", newSnapshotGroup}, {"generate", newGenerateGroup},
	}
}

// noun is a group of verbs on one thing.
func noun(name, short string, subs ...*command) *command {
	c := &command{name: name, args: "COMMAND", short: short, group: "Nouns", subs: subs}
	c.run = func(_ context.Context, e *env, _ []string) error {
		c.help(e.out, "davit "+name)
		return nil
	}
	return c
}

func newContainerGroup() *command {
	return noun("container", "Everything on containers",
		newRunCommand(), newCreateCommand(), newPsCommand().as("ls", "list", "ps"), newLogsCommand(),
		newExecCommand(), newDebugCommand(), newAttachCommand(), newStartCommand(), newStopCommand(), newRestartCommand(),
		newKillCommand(), newRmCommand().as("rm", "remove"), newWaitCommand(), newPortCommand(),
		newPauseCommand(), newUnpauseCommand(), newRenameCommand(), newUpdateCommand(), newTopCommand(), newStatsCommand(),
		newCommitCommand(), newDiffCommand(), newExportCommand(), newCpCommand(), newContainerPruneCommand(), newContainerExistsCommand(), newInspectOf("container"))
}

func newImageGroup() *command {
	return noun("image", "Everything on images",
		newImagesCommand().as("ls", "list"), newPullCommand(), newRmiCommand().as("rm", "remove"),
		newLoadCommand(), newSaveCommand(), newTagCommand(), newInspectOf("image"),
		newPushCommand(), newImportCommand(), newHistoryCommand(), newImagePruneCommand(), newImageCheckCommand(), newImageTreeCommand(),
		newImageFilesCommand(), newImageCatCommand(), newImageDiveCommand(), newImageDiffCommand(),
		newImageExistsCommand(), newImageTrashGroup(), newImageImportFromCommand(), newImagePreviewCommand())
}

func newSystemGroup() *command {
	return noun("system", "The machine and Davit itself", newInfoCommand(), newDoctorCommand(), newSystemDfCommand(), newSystemPruneCommand(), newEventsCommand())
}
