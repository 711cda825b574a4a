// Package cli is the subcommands: serve, sql, demo, datagen, version; no argument in a terminal is a node and a shell in one.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"os/user"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/freshetdb/freshet/cli/shell"
)

// Stdio is where a program reads and writes.
type Stdio struct {
	In       io.Reader
	Out, Err io.Writer
}

// exitError carries an exit code through cobra.
type exitError struct{ code int }

// Error implements error.
func (e exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// exitFailure is the exit code of a command that failed for a reason of its own.
const exitFailure = 1

// Main runs the program and returns its exit code: 0 ok, 1 failed, 2 cannot connect, 3 usage, 130 interrupted.
func Main(args []string, stdio Stdio) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	root := newRoot(stdio)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var exit exitError
	switch {
	case err == nil:
		return shell.ExitOK
	case errors.As(err, &exit):
		return exit.code
	case errors.Is(err, errUsage):
		fmt.Fprintf(stdio.Err, "freshet: %v\n", err)
		return shell.ExitUsage
	}
	fmt.Fprintf(stdio.Err, "freshet: %v\n", err)
	return exitFailure
}

// errUsage marks errors of the command line itself.
var errUsage = errors.New("usage")

func newRoot(stdio Stdio) *cobra.Command {
	root := &cobra.Command{
		Use:   "freshet",
		Short: "A SQL streaming database: a Kafka-protocol log, continuous queries and a Postgres endpoint in one binary",
		Long: `Freshet keeps topics that Kafka clients write and read, runs SQL over them once or for ever, and answers psql.

Without a command, in a terminal: a node on the default directory and a shell on it; if a node already runs there, the shell alone.`,
		SilenceUsage: true, SilenceErrors: true,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !interactive(stdio) {
				return cmd.Help()
			}
			return local(cmd.Context(), stdio)
		},
	}
	root.SetOut(stdio.Out)
	root.SetErr(stdio.Err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", errUsage, err) })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newServe(stdio), newSQL(stdio), newDemo(stdio), newDatagen(stdio), newVersion(stdio))
	return root
}

// noArguments refuses arguments that are no flags.
func noArguments(cmd *cobra.Command, args []string) error {
	if err := cobra.NoArgs(cmd, args); err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	return nil
}

// interactive tells whether a person sits at both ends.
func interactive(stdio Stdio) bool {
	in, ok := stdio.In.(*os.File)
	out, ok2 := stdio.Out.(*os.File)
	return ok && ok2 && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(out.Fd()))
}

// userName is who a shell connects as unless told otherwise.
func userName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "freshet"
}

func newVersion(stdio Stdio) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "What this binary is", Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(stdio.Out, "freshet", Version())
			return err
		},
	}
}

// Version is the module's version and the commit it was built from, as far as the build knows them.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	var vSb116 strings.Builder
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			vSb116.WriteString(" " + s.Value[:12])
		}
	}
	v += vSb116.String()
	return v + " " + info.GoVersion
}
