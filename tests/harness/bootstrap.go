package harness

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/server/config"
)

// BootstrapVariable names a Kafka cluster that tests of SQL use as the log, instead of the node's own.
const BootstrapVariable = "FRESHET_TEST_BOOTSTRAP"

// cleanMax bounds how long the topics of a test may take to go.
const cleanMax = time.Minute

// Log lets a node's configuration use the cluster the environment names, if it does. Everything the test makes there has names of its
// own, and is deleted with the test, after the node was closed.
func Log(t testing.TB, cfg *config.Config) {
	t.Helper()
	servers := os.Getenv(BootstrapVariable)
	if servers == "" {
		return
	}
	var unique [4]byte
	rand.Read(unique[:])
	cfg.Bootstrap.Servers, cfg.Bootstrap.Prefix = servers, "test-"+hex.EncodeToString(unique[:])+"."
	bootstrap := cfg.Bootstrap
	t.Cleanup(func() { clean(t, bootstrap) })
}

func clean(t testing.TB, b config.Bootstrap) {
	ctx, cancel := context.WithTimeout(context.Background(), cleanMax)
	defer cancel()
	c, err := client.Dial(ctx, client.RemoteOptions{Seeds: b.List(), Prefix: b.Prefix, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Errorf("clean up: %v", err)
		return
	}
	defer func() { _ = c.Close() }()
	topics, err := c.Topics(ctx)
	if err != nil {
		t.Errorf("clean up: %v", err)
	}
	for _, topic := range topics {
		if err := c.DeleteTopic(ctx, topic.Name); err != nil {
			t.Errorf("clean up: %v", err)
		}
	}
}
