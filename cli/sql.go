package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/freshetdb/freshet/cli/client"
	"github.com/freshetdb/freshet/cli/render"
	"github.com/freshetdb/freshet/cli/shell"
	"github.com/freshetdb/freshet/server"
	"github.com/freshetdb/freshet/server/config"
)

// sqlFlags are the flags of `freshet sql`.
type sqlFlags struct {
	address, user, database, output, null string
	execute, files                        []string
	keepOn, quiet                         bool
}

func newSQL(stdio Stdio) *cobra.Command {
	var f sqlFlags
	cmd := &cobra.Command{
		Use: "sql [DATABASE]", Short: "The shell: ask, or run scripts", Args: cobra.MaximumNArgs(1),
		Long: `Connects to a node and reads statements from the terminal, from -e, from -f or from standard input.

Exit codes: 0 all well, 1 a statement failed, 2 no connection, 3 wrong usage, 130 interrupted.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				f.database = args[0]
			}
			return f.run(cmd.Context(), stdio)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.address, "address", "a", "", "`HOST:PORT` of the node's Postgres endpoint (default: the node on the default data directory, else "+defaultAddress+")")
	flags.StringVarP(&f.user, "user", "U", userName(), "`NAME` to connect as")
	flags.StringVarP(&f.database, "database", "d", config.Default().DefaultDatabase, "`NAME` of the database")
	flags.StringArrayVarP(&f.execute, "execute", "e", nil, "`SQL` to run instead of asking (repeatable)")
	flags.StringArrayVarP(&f.files, "file", "f", nil, "`FILE` to run instead of asking, - for standard input (repeatable)")
	flags.StringVarP(&f.output, "output", "o", "table", "`FORMAT` of answers: table, vertical, json, ndjson, csv, markdown")
	flags.StringVar(&f.null, "null", "NULL", "what null looks like in tables")
	flags.BoolVar(&f.keepOn, "keep-going", false, "go on after a failed statement of a script")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "rows only: no headings, tags or notices")
	return cmd
}

// defaultAddress is where a node listens unless told otherwise.
const defaultAddress = "127.0.0.1:5454"

func (f *sqlFlags) run(ctx context.Context, stdio Stdio) error {
	format, err := render.ParseFormat(f.output)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	address := f.address
	if address == "" {
		address = defaultAddress
		if a, ok := server.Running(config.Default().DataDir); ok {
			address = a.Postgres
		}
	}
	return runShell(ctx, shell.Options{
		Connect: client.Options{Address: address, User: f.user, Database: f.database, Application: "freshet sql"},
		Execute: f.execute, Files: f.files, Format: format, Null: f.null, KeepOn: f.keepOn, Quiet: f.quiet,
		In: stdio.In, Out: stdio.Out, Err: stdio.Err, Interactive: interactive(stdio),
	})
}

func runShell(ctx context.Context, opts shell.Options) error {
	if code := shell.Run(ctx, opts); code != shell.ExitOK {
		return exitError{code}
	}
	return nil
}

// nodeLog is where a node that shares the terminal with a shell writes its log.
const nodeLog = "freshet.log"

// local is `freshet` alone: the shell on the node of the default directory, which is started here when it does not run.
func local(ctx context.Context, stdio Stdio) error {
	cfg, err := config.Load(os.Getenv(config.FileVariable), os.Environ(), nil)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	opts := shell.Options{
		Connect: client.Options{User: userName(), Database: cfg.DefaultDatabase, Application: "freshet"},
		In:      stdio.In, Out: stdio.Out, Err: stdio.Err, Interactive: true,
	}
	if a, ok := server.Running(cfg.DataDir); ok {
		opts.Connect.Address = a.Postgres
		opts.Greeting = fmt.Sprintf("Connected to the node on %s. \\? for help.", cfg.DataDir)
		return runShell(ctx, opts)
	}
	if err := os.MkdirAll(cfg.DataDir, 0o755); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(cfg.DataDir, nodeLog), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	node, err := server.Start(ctx, cfg, newLogger(cfg, log))
	if err != nil {
		return err
	}
	a := node.Addresses()
	opts.Connect.Address = a.Postgres
	opts.Greeting = fmt.Sprintf("A node runs as long as this shell: kafka %s, postgres %s, http %s, data %s. \\? for help.", a.Kafka, a.Postgres, a.HTTP, cfg.DataDir)
	return errors.Join(runShell(ctx, opts), node.Close())
}
