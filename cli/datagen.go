package cli

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/freshetdb/freshet/server"
)

func newDatagen(stdio Stdio) *cobra.Command {
	var d server.Datagen
	cmd := &cobra.Command{
		Use: "datagen", Short: "Run a node that also makes Nexmark bids", Args: noArguments,
		Long: `Like serve, and writes made-up auction bids (Nexmark's, the same every time) to a topic, going on where the last run stopped.`,
	}
	load := configFlags(cmd)
	cmd.Flags().StringVar(&d.Topic, "topic", "bids", "`TOPIC` to write, made when absent; it keeps everything")
	cmd.Flags().IntVar(&d.Rate, "rate", 1000, "bids a second; 0 for as fast as possible")
	cmd.Flags().Int64Var(&d.Limit, "limit", 0, "bids in all; 0 for ever")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := load()
		if err != nil {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return serve(ctx, cfg, stdio, d)
	}
	return cmd
}
