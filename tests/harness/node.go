package harness

import (
	"context"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/freshetdb/freshet/server"
	"github.com/freshetdb/freshet/server/config"
)

// StartNode starts a node inside the test process, on free ports and a directory of its own; it is closed with the test.
func StartNode(t testing.TB) *server.Server {
	t.Helper()
	cfg := config.Default()
	cfg.DataDir = t.TempDir()
	cfg.Kafka, cfg.Postgres, cfg.HTTP = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	Log(t, &cfg)
	return StartNodeOn(t, cfg)
}

// StartNodeOn starts a node with a configuration of the test's.
func StartNodeOn(t testing.TB, cfg config.Config) *server.Server {
	t.Helper()
	node, err := server.Start(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Errorf("close the node: %v", err)
		}
	})
	return node
}

// Connect opens a session; it is closed with the test.
func Connect(t testing.TB, address string) *pgconn.PgConn {
	t.Helper()
	return ConnectTo(t, address, "freshet")
}

// ConnectTo is Connect to a database other than the default one.
func ConnectTo(t testing.TB, address, database string) *pgconn.PgConn {
	t.Helper()
	conn, err := pgconn.Connect(context.Background(), "postgres://test@"+address+"/"+database+"?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
