package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/freshetdb/freshet/cli/client"
	"github.com/freshetdb/freshet/cli/render"
	"github.com/freshetdb/freshet/server"
	"github.com/freshetdb/freshet/server/config"
)

// demoStatements build the demo: a stream over the bids' topic, a filtered stream, and a view of tumbling windows over that. The filtered
// stream's topic keeps everything, as the bids' does: their timestamps are years old.
var demoStatements = []string{
	`CREATE STREAM bids (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING)
  WITH (KAFKA_TOPIC = 'bids', VALUE_FORMAT = 'JSON')`,
	`CREATE STREAM big_bids AS
  SELECT auction, bidder, price, channel FROM bids WHERE price > 1000000 EMIT CHANGES`,
	`CREATE TABLE top_channels AS
  SELECT channel, count(*) AS bids, max(price) AS highest, avg(price) AS average
  FROM big_bids WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 1 MINUTE)
  WHERE channel IN ('Google', 'Facebook', 'Baidu', 'Apple')
  GROUP BY channel EMIT CHANGES`,
}

// demoView is what the demo shows, again and again.
const demoView = `SELECT windowstart AS window, channel, bids, highest, round(average) AS average FROM top_channels ORDER BY windowstart DESC, bids DESC LIMIT 12`

const (
	demoRate      = 2000 // bids a second
	demoRefreshes = 10   // without a terminal
	demoEvery     = time.Second
)

func newDemo(stdio Stdio) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use: "demo", Short: "A node, made-up auction bids and a live view in this terminal", Args: noArguments,
		Long: `Starts a node on a directory of its own, makes Nexmark bids, creates a stream, a filtered stream and a view of tumbling windows
over it, and shows the view as it changes. Without a terminal it shows it ten times and ends.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return demo(ctx, stdio, dir)
		},
	}
	cmd.Flags().StringVar(&dir, "data-dir", "", "`DIR` to keep the demo's data in (default: a new directory, removed at the end)")
	return cmd
}

func demo(ctx context.Context, stdio Stdio, dir string) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "freshet-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	cfg := config.Default()
	cfg.DataDir = dir
	for _, at := range []*string{&cfg.Kafka, &cfg.Postgres, &cfg.HTTP} {
		*at = freeOr(*at)
	}
	cfg.LogLevel = "warn"
	node, err := server.Start(ctx, cfg, newLogger(cfg, stdio.Err))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	if err := node.StartDatagen(server.Datagen{Topic: "bids", Rate: demoRate}); err != nil {
		return err
	}
	a := node.Addresses()
	conn, err := client.Dial(ctx, client.Options{Address: a.Postgres, User: userName(), Database: cfg.DefaultDatabase, Application: "freshet demo"})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	for _, s := range demoStatements {
		fmt.Fprintf(stdio.Out, "%s;\n\n", s)
		if err := conn.Query(ctx, s, &quietly{}); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return showDemo(ctx, conn, stdio, demoHints(a, cfg.DefaultDatabase))
}

// freeOr is an address if it can be listened on, else any free port of the same host.
func freeOr(address string) string {
	ls, err := config.Listen(address)
	if err == nil {
		for _, l := range ls {
			_ = l.Close()
		}
		return address
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return net.JoinHostPort(host, "0")
}

// demoHints says what to try next, in another terminal.
func demoHints(a server.Addresses, database string) string {
	pgHost, pgPort, _ := net.SplitHostPort(a.Postgres)
	return fmt.Sprintf(`Try, in another terminal:
  psql -h %s -p %s -d %s -c 'SELECT * FROM top_channels ORDER BY bids DESC LIMIT 5'
  psql -h %s -p %s -d %s -v FETCH_COUNT=1 -c 'SELECT * FROM big_bids EMIT CHANGES LIMIT 5'
  bin/freshet sql -a %s
  kcat -b %s -t big_bids -C -c 5
  curl http://%s/metrics`, pgHost, pgPort, database, pgHost, pgPort, database, a.Postgres, a.Kafka, a.HTTP)
}

// showDemo refreshes the view until ctx ends, in place on a terminal; elsewhere a few times, one below the other.
func showDemo(ctx context.Context, conn *client.Client, stdio Stdio, hints string) error {
	screen, isFile := stdio.Out.(*os.File)
	inPlace := isFile && term.IsTerminal(int(screen.Fd())) && os.Getenv("TERM") != "dumb"
	if !inPlace {
		fmt.Fprintln(stdio.Out, hints)
	}
	tick := time.NewTicker(demoEvery)
	defer tick.Stop()
	for n := 1; ; n++ {
		if inPlace {
			fmt.Fprint(stdio.Out, "\x1b[H\x1b[2J")
		}
		fmt.Fprintf(stdio.Out, "\n%s;\n\n", demoView)
		show := &rowsTo{w: render.New(render.Table, stdio.Out, render.Options{Null: "NULL"})}
		if err := conn.Query(ctx, demoView, show); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if inPlace {
			fmt.Fprintf(stdio.Out, "\n%s\n\nCtrl-C ends the demo.\n", hints)
		} else if n == demoRefreshes {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// quietly takes answers nobody looks at. It implements client.Handler.
type quietly struct{}

func (*quietly) Columns([]client.Column) error { return nil }
func (*quietly) Row([][]byte) error            { return nil }
func (*quietly) Done(string) error             { return nil }
func (*quietly) Notice(*client.Message)        {}

// rowsTo renders an answer. It implements client.Handler.
type rowsTo struct {
	quietly
	w render.Writer
}

// Columns implements client.Handler.
func (r *rowsTo) Columns(cols []client.Column) error {
	shown := make([]render.Column, len(cols))
	for i, c := range cols {
		shown[i] = render.Column{Name: c.Name}
		if strings.HasPrefix(c.Name, "bids") || c.Name == "highest" || c.Name == "average" {
			shown[i].Kind = render.Number
		}
	}
	return r.w.Begin(shown)
}

// Row implements client.Handler.
func (r *rowsTo) Row(values [][]byte) error { return r.w.Row(values) }

// Done implements client.Handler.
func (r *rowsTo) Done(string) error { return r.w.End() }
