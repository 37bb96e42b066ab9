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
	root.subs = verbs()
	root.subs = append(root.subs, newContainerGroup(), newImageGroup(), newSystemGroup(), newHealthGroup(), newAutostartGroup(),
		newRegistryGroup(), newManifestGroup(), newNetworkGroup(), newVolumeGroup(), newSecretGroup(), newSnapshotGroup(), newGenerateGroup())
	root.subs = append(root.subs, newHelpCommand(root))
	for _, s := range root.subs {
		root.passDebug(s, &debug)
	}
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

func verbs() []*command {
	return []*command{
		newRunCommand(), newCreateCommand(), newPsCommand(), newLogsCommand(), newExecCommand(), newDebugCommand(),
		newAttachCommand(), newStartCommand(), newStopCommand(), newRestartCommand(), newKillCommand(),
		newRmCommand(), newWaitCommand(), newPortCommand(), newInspectCommand(),
		newPauseCommand(), newUnpauseCommand(), newRenameCommand(), newUpdateCommand(), newEditCommand(), newDuplicateCommand(), newGiveBackCommand(), newTopCommand(), newStatsCommand(),
		newImagesCommand(), newPullCommand(), newRmiCommand(), newLoadCommand(), newSaveCommand(), newTagCommand(),
		newPushCommand(), newImportCommand(), newHistoryCommand(), newCommitCommand(), newDiffCommand(), newExportCommand(), newCpCommand(),
		newSearchCommand(), newLoginCommand(), newLogoutCommand(), newOperationGroup(),
		newInfoCommand(), newDoctorCommand(), newSystemDfCommand(), newEventsCommand(), newServeCommand(), newVersionCommand(),
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
