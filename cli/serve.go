package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/freshetdb/freshet/server"
	"github.com/freshetdb/freshet/server/config"
)

func newServe(stdio Stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "Run a node", Args: noArguments,
		Long: `Runs one node until SIGINT or SIGTERM. Nothing needs to be configured; every flag can also be an environment variable
(FRESHET_ and the name in capitals) or a line of a TOML file.`,
	}
	load := configFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := load()
		if err != nil {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return serve(ctx, cfg, stdio)
	}
	return cmd
}

// configFlags gives a command a flag for every option of the configuration; load reads flags, environment and file.
func configFlags(cmd *cobra.Command) (load func() (config.Config, error)) {
	values, lists := map[string]*string{}, map[string]*[]string{}
	file := cmd.Flags().String("config", os.Getenv(config.FileVariable), "configuration `FILE` (TOML)")
	for _, o := range config.Options() {
		help := o.Help
		if o.Value != "" {
			help = "`" + o.Value + "` " + help
		}
		if o.Repeat {
			lists[o.Name] = cmd.Flags().StringArray(o.Name, nil, help)
			continue
		}
		values[o.Name] = cmd.Flags().String(o.Name, o.Default, help)
		if o.Value == "" {
			cmd.Flags().Lookup(o.Name).NoOptDefVal = "true"
		}
	}
	return func() (config.Config, error) {
		given := map[string]string{}
		for name, value := range values {
			if cmd.Flags().Changed(name) {
				given[name] = *value
			}
		}
		for name, list := range lists {
			if cmd.Flags().Changed(name) {
				given[name] = strings.Join(*list, "\n")
			}
		}
		return config.Load(*file, os.Environ(), given)
	}
}

// serve runs a node, with its generators, until ctx ends or a part of it fails.
func serve(ctx context.Context, cfg config.Config, stdio Stdio, generators ...server.Datagen) error {
	node, err := server.Start(ctx, cfg, newLogger(cfg, stdio.Err))
	if _, wrong := errors.AsType[*server.ConfigError](err); wrong {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if err != nil {
		return err
	}
	a := node.Addresses()
	fmt.Fprintf(stdio.Out, "freshet is ready: kafka %s, postgres %s, http %s, data %s\n", a.Kafka, a.Postgres, a.HTTP, cfg.DataDir)
	for _, d := range generators {
		if err := node.StartDatagen(d); err != nil {
			return errors.Join(err, node.Close())
		}
	}
	select {
	case <-ctx.Done():
		err = nil
	case err = <-node.Failed():
	}
	return errors.Join(err, node.Close())
}

// newLogger makes the log a configuration asks for.
func newLogger(cfg config.Config, to io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	opts := &slog.HandlerOptions{Level: level}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(to, opts))
	}
	return slog.New(slog.NewTextHandler(to, opts))
}
